"""Facts of all hosts, before a step that is limited to some: its playbook may read those of the others."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from installkit.engine.processes import die_with_parent

_PLAYBOOK = "- hosts: all\n  tasks: []\n"
_POLL = 0.05


def gather_facts(
    command: Sequence[str],
    folder: Path,
    scratch: Path,
    environment: Mapping[str, str],
    should_end: Callable[[], bool],
) -> bool:
    """
    Gather the facts of every host into the run's fact cache, once in a run; return whether this was the time.

    A host that cannot be reached is left to the steps that need it.

    Args:
        command: ansible-playbook with its inventory and variables, without limit and playbook.
        folder: Where it runs.
        scratch: The run's scratch folder.
        environment: With the fact cache in it.
        should_end: Asked often; true ends it.
    """
    playbook = scratch / "gather.yml"
    if playbook.exists():
        return False
    playbook.write_text(_PLAYBOOK)
    parent = os.getpid()
    process = subprocess.Popen(
        [*command, "--", str(playbook)],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - this process has one thread
    )
    while process.poll() is None:
        if should_end():
            process.terminate()
        time.sleep(_POLL)
    return True
