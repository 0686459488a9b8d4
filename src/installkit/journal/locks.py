"""
The one lock idea: a `flock` says who is alive.

The kernel frees it when the last process that holds the descriptor ends, however that happens; no clock and no
process id is involved.
"""

import fcntl
import json
import os
from pathlib import Path
from typing import Any, Self

import attrs

from installkit.journal.files import open_for


@attrs.define
class Lock:
    """
    A lock that is held for as long as `descriptor`, or a copy of it in another process, is open.

    Attributes:
        descriptor: To be handed on to a process that shall hold the lock.
    """

    path: Path
    descriptor: int

    def release(self) -> None:
        """Close this process's descriptor; whoever inherited a copy still holds the lock."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def take_lock(path: Path) -> Lock | None:
    """Return the lock at *path*, created if need be; None if somebody holds it."""
    descriptor = open_for(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Lock(path, descriptor)


def lock_is_held(path: Path) -> bool:
    """Return whether somebody holds the lock at *path*. Asking takes a shared lock for a moment."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def write_holder(lock: Lock, holder: dict[str, Any]) -> None:
    """Write into the lock's own file who holds it; it stays there when the lock is free again."""
    content = json.dumps(holder).encode()
    os.pwrite(lock.descriptor, content, 0)
    os.ftruncate(lock.descriptor, len(content))


def read_holder(path: Path) -> dict[str, Any]:
    """Return who holds, or last held, the lock at *path*; empty if nobody ever did."""
    try:
        holder = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}
