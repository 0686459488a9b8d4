"""
Locks: a `flock` is held as long as its holder is alive.

The kernel releases it when the last process with the descriptor ends, in whatever way; no clock and no process id is
involved.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import attrs

from installkit.journal.files import open_for, write_errors

HOLDER_SIZE = 1024
"""The least number of bytes for a holder: a new one is written over the old one in place."""

_STARTER = "starter"


@attrs.define
class Lock:
    """
    A lock that is held as long as `descriptor`, or a copy of it in another process, is open.

    Attributes:
        descriptor: To be passed to a process that should hold the lock.
    """

    path: Path
    descriptor: int

    def release(self) -> None:
        """Close this process's descriptor; a process that inherited a copy still holds the lock."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def take_lock(path: Path) -> Lock | None:
    """Return the lock at *path*, whose file is created if it is missing; None if somebody holds the lock."""
    descriptor = open_for(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return Lock(path, descriptor)


def lock_is_held(path: Path) -> bool:
    """Return whether somebody holds the lock at *path*. This takes a shared lock for a moment."""
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
    """
    Write the *holder* into the lock's own file, where it stays when the lock is free again.

    One write covers all previous content, so that a reader finds either the old holder or the new one, complete.

    Raises:
        StoreError: If it cannot be written.
    """
    size = max(HOLDER_SIZE, os.fstat(lock.descriptor).st_size)
    with write_errors(lock.path):
        os.pwrite(lock.descriptor, json.dumps(holder).encode().ljust(size), 0)


@contextmanager
def announce(lock: Lock, starter: dict[str, Any]) -> Iterator[None]:
    """Write into the lock's file, beside its last holder, who is about to hold it, until that is written or given up."""
    last = _read(lock.path)
    last.pop(_STARTER, None)  # left by a starter that was killed
    write_holder(lock, {**last, _STARTER: starter})
    try:
        yield
    finally:
        if _STARTER in _read(lock.path):
            write_holder(lock, last)


def read_holder(path: Path) -> dict[str, Any]:
    """Return the holder, or the last one, of the lock at *path*; {} if nobody has held it yet."""
    holder = _read(path)
    holder.pop(_STARTER, None)
    return holder


def read_starter(path: Path) -> dict[str, Any]:
    """Return who is about to hold the lock at *path*; {} if nobody has announced it."""
    starter = _read(path).get(_STARTER)
    return starter if isinstance(starter, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    try:
        holder = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return holder if isinstance(holder, dict) else {}
