# SPDX-License-Identifier: GPL-3.0-or-later
"""
Leaves the trace PLAY.HOST.N below TRACES/COMPONENT for each host that carries it out.

On the hosts told it fails, dies, hangs or is unreachable, or a signal ends ansible-playbook; `tries` makes the first so many
tries fail. Loaded by ansible-playbook alone.
"""

import os
import signal
import time
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """The action `mark`."""

    _requires_connection = False
    _supports_check_mode = True
    TRANSFERS_FILES = False

    def run(self, tmp=None, task_vars=None):
        """Leave the trace, or go wrong as told."""
        result = super().run(tmp, task_vars)
        wanted = self._task.args
        host, play = task_vars["inventory_hostname"], str(task_vars.get("ansible_play_name", "?"))
        time.sleep(float(wanted.get("sleep", 0)))
        if host in (wanted.get("unreach") or []):
            raise AnsibleConnectionFailure("simulated unreachable")
        if host in (wanted.get("die") or []):
            os.kill(os.getpid(), signal.SIGKILL)
        if host in (wanted.get("hang") or []):
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            time.sleep(3600)
        if host in (wanted.get("end") or []):
            os.kill(os.getppid(), int(wanted["by"]))
            time.sleep(5)
        if host in (wanted.get("fail") or []):
            return {"failed": True, "msg": "made to fail"}
        trace = Path(os.environ["TRACES"], task_vars["component_name"], f"{play}.{host}.{wanted['n']}")
        trace.parent.mkdir(parents=True, exist_ok=True)
        if self._fails_yet(trace, int(wanted.get("tries", 0))):
            return {"failed": True, "msg": "not yet"}
        trace.touch()
        result.update(changed=bool(wanted.get("changed", False)))
        return result

    def _fails_yet(self, trace, tries):
        count = Path(f"{trace}.tries")
        done = len(count.read_text()) if count.exists() else 0
        if done < tries:
            count.write_text("x" * (done + 1))
        return done < tries
