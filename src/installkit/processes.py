"""Processes: those below this one, found and ended by Linux's own means, and whose this one is."""

import ctypes
import getpass
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import attrs

PR_SET_PDEATHSIG = 1  # Source: linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36
_LINUX = sys.platform == "linux"


@attrs.frozen
class Process:
    """
    A process, told apart from a later one with the same number by its start.

    Attributes:
        started: Clock ticks after boot. Source: field 22 of /proc/PID/stat.
    """

    pid: int
    started: int


def become_subreaper() -> None:
    """Become the parent of every process below that loses its own."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Ask for SIGTERM when the parent, whose process id is *parent*, dies; end at once if it is dead already."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def children() -> frozenset[Process]:
    """Return the processes whose parent this one is, adopted ones included; zombies are skipped."""
    found = set()
    for thread in Path("/proc/self/task").iterdir():
        for word in (thread / "children").read_text().split():
            process = _read_process(int(word))
            if process is not None:
                found.add(process)
    return frozenset(found)


def end_children(
    keep: Iterable[Process] = (), *, spare: Iterable[int] = (), patience: float = 0.0, within: float = 5.0
) -> bool:
    """
    End every process below this one but *keep* and what is below those; return whether none is left.

    What a killed process leaves behind becomes ours in turn, so this goes on until nothing comes.

    Args:
        keep: Processes that stay.
        spare: Process ids of children that stay and are waited for elsewhere.
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
                _kill(process.pid)
        time.sleep(0.01)
        for process in left:
            _collect(process.pid)
    return False


def _collect(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)  # a child of ours: its number is taken until we collect it
    except ProcessLookupError:
        return


def _read_process(pid: int) -> Process | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else Process(pid, int(fields[18]))


def _prctl(option: int, value: int) -> None:
    if _LINUX and ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def user_name() -> str:
    """Return the name of the user of this process, for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
