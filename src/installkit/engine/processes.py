"""
A run in processes of its own: its supervisor is nobody's child, and forks a process for each step.

A step process is single-threaded. It ends with the supervisor, and with it ends what it started.
"""

import gc
import json
import os
import signal
import traceback
from collections.abc import Sequence
from pathlib import Path

import attrs

from installkit.engine.player import AnsiblePlayer
from installkit.engine.step import Order, StepRun
from installkit.engine.supervisor import Supervisor
from installkit.model import StepStatus
from installkit.processes import Process, become_subreaper, die_with_parent, end_children

TEARDOWN = 1.5
"""Seconds that processes of a dead step process get to end by themselves."""


def main(arguments: Sequence[str]) -> None:
    """Carry out the run whose folder and secrets' descriptor are *arguments*."""
    umask = os.umask(0o077)
    run = Path(arguments[0])
    with open(int(arguments[1]), "rb") as pipe:  # noqa: PTH123 - a descriptor
        secrets = json.loads(pipe.read())
    become_subreaper()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    supervisor = Supervisor(run, secrets, StepProcesses(umask))
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    supervisor.wake_on(reader)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: supervisor.stop(StepStatus.INTERRUPTED))
    gc.freeze()
    supervisor.carry_out()


@attrs.frozen
class _StepProcess:
    """A child of the supervisor that was not waited for yet: nobody else has its number."""

    pid: int
    live: set[int]

    def ask_to_stop(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def join(self) -> None:
        os.waitpid(self.pid, 0)
        self.live.discard(self.pid)


class StepProcesses:
    """Carries out each step in a process."""

    def __init__(self, umask: int) -> None:
        """
        Prepare to carry out steps.

        Args:
            umask: The caller's, for ansible-playbook.
        """
        self._umask = umask
        self._live: set[int] = set()

    def start(self, order: Order) -> _StepProcess:
        """Fork a process that carries out *order*."""
        supervisor = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become_step(order, AnsiblePlayer(self._umask), supervisor)
        os.close(order.pipe)
        self._live.add(pid)
        return _StepProcess(pid, self._live)

    def sweep(self, kept: frozenset[Process]) -> None:
        """End what a dead step process left; the kernel has sent SIGTERM to its ansible-playbook."""
        end_children(kept, spare=list(self._live), patience=TEARDOWN)


def _become_step(order: Order, player: AnsiblePlayer, supervisor: int) -> None:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTERM, player.ask_to_stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        become_subreaper()
        die_with_parent(supervisor)
        StepRun(order, player).carry_out()
        status = 0
    except BaseException:  # noqa: BLE001 - nothing of the supervisor may run on in its copy
        traceback.print_exc()
    finally:
        os._exit(status)
