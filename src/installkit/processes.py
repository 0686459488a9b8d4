"""The processes below this one, found and ended by Linux's own means, and the user of this one."""

import ctypes
import getpass
import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import attrs

PR_SET_PDEATHSIG = 1  # Source: linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform == "linux"


@attrs.frozen
class Process:
    """
    A process; its start distinguishes it from a later one with the same number.

    Attributes:
        started: Clock ticks after boot. Source: field 22 of /proc/PID/stat.
    """

    pid: int
    started: int


def become_subreaper() -> None:
    """Become the parent of every process below this one that loses its parent."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Get SIGTERM when the parent, whose process id is *parent*, dies; or at once if it is dead already."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def children() -> frozenset[Process]:
    """Return the processes whose parent this one is, adopted ones included; zombies are skipped."""
    processes = set()
    for thread in Path("/proc/self/task").iterdir():
        for word in (thread / "children").read_text().split():
            with suppress(OSError):  # it has ended meanwhile
                state, *fields = Path(f"/proc/{word}/stat").read_text().rpartition(")")[2].split()
                if state != "Z":
                    processes.add(Process(int(word), int(fields[18])))
    return frozenset(processes)


def end_children(
    keep: Iterable[Process] = (), *, spare: Iterable[int] = (), patience: float = 0.0, within: float = 5.0
) -> bool:
    """
    End every process below this one except *keep* and the processes below these; return whether none is left.

    The children of a killed process become ours, so this goes on until there are no more.

    Args:
        keep: Processes that stay.
        spare: Process ids of children that stay and that other code waits for.
        patience: Seconds to wait for them to end by themselves before they are killed.
        within: Seconds after which to give up.
    """
    kept, spared = frozenset(keep), frozenset(spare)
    began = time.monotonic()
    while time.monotonic() - began < patience + within:
        left = [process for process in children() - kept if process.pid not in spared]
        if not left:
            return True
        if time.monotonic() - began >= patience:
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)  # our child: its number is taken until we collect it
        time.sleep(0.01)
        for process in left:
            with suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
    return False


def _prctl(option: int, value: int) -> None:
    if _LINUX and ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def user_name() -> str:
    """Return the name of the user of this process, for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
