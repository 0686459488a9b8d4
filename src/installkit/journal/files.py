"""
Names and format of a journal's files.

    runs/ID/spec.json      all about the run that is known before it starts; complete before the folder has its name
            carrier.json   on which machine, and in which folder, it is carried out
            lock           held (flock) as long as somebody carries the run out
            events.jsonl   one event a line, `seq` first, without gaps
            logs/STEP.log  what ansible-playbook printed
            facts/STEP.jsonl  the facts that it gathered, where the run was told to keep them
            result.json    how it ended; written last
            cancel.json    a client's request to the supervisor that the run should stop
            cancel.now     the same on a full disk, without content: all steps should stop now
            approve-STEP.json  a client's request to start a step that waits for approval
            supervisor.err the error output of the supervisor itself
"""

import errno
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from installkit.errors import DiskFullError, StoreError

T = TypeVar("T")

FORMAT = 1
DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
CANNOT_WRITE = DISK_FULL | {errno.EACCES, errno.EPERM, errno.EROFS}
SPACE_POLL = 0.2
"""Seconds between two tries to write to a full disk."""

RUN_ID = re.compile(r"[0-9a-f]{12}")

SPEC = "spec.json"
CARRIER = "carrier.json"
LOCK = "lock"
EVENTS = "events.jsonl"
LOGS = "logs"
FACTS = "facts"
RESULT = "result.json"
CANCEL = "cancel.json"
CANCEL_NOW = "cancel.now"
SUPERVISOR_ERRORS = "supervisor.err"
NEW = ".new-"
"""The beginning of the name of a run's folder until it is complete."""


def is_run_id(text: str) -> bool:
    """Return whether *text* has the form of a run's id; no other text ever becomes part of a path."""
    return RUN_ID.fullmatch(text) is not None


def log_path(run: Path, step: str) -> Path:
    """Return the path of the log of *step*; the id comes from a spec, never from a request."""
    return run / LOGS / f"{step}.log"


def facts_path(run: Path, step: str) -> Path:
    """Return the path of the facts that *step* gathered; the id comes from a spec, never from a request."""
    return run / FACTS / f"{step}.jsonl"


def approval_path(run: Path, step: str) -> Path:
    """Return the path of the approval of *step*; the id comes from a spec, never from a request."""
    return run / f"approve-{step}.json"


def make_folder(path: Path) -> None:
    """Create *path* for its owner alone, or also for the group if the folder above is shared with one."""
    path.mkdir(mode=0o700)
    path.chmod(0o2770 if _shared(path.parent) else 0o700)  # whatever the umask


def open_for(path: Path, flags: int) -> int:
    """Return a descriptor of *path*; a new file gets the access of its folder."""
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if _shared(path.parent) and os.fstat(descriptor).st_uid == os.geteuid():
        os.fchmod(descriptor, 0o660)
    return descriptor


def write_atomic(path: Path, name: str, value: Any) -> None:
    """Write *value* as JSON to *path*, under its format and *name*, so that a reader sees all of it or nothing."""
    put_in_place(write_beside(path, name, value), path)


def write_beside(path: Path, name: str, value: Any) -> Path:
    """Write what `write_atomic` writes, but to a file beside *path*, and return that file for `put_in_place`."""
    content = json.dumps({"format": FORMAT, name: value}, indent=1).encode()
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(open_for(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def put_in_place(temporary: Path, path: Path) -> None:
    """Give the file *temporary* the name *path*, durably."""
    temporary.replace(path)
    sync_folder(path.parent)


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Raise a `StoreError` for an `OSError` while *path* is written."""
    try:
        yield
    except OSError as exc:
        message = f"{path} cannot be written: {exc.strerror}"
        full = exc.errno in DISK_FULL
        raise DiskFullError(message, remedy="free space there") if full else StoreError(message) from exc


WhenFull = Callable[[OSError], None]
"""Called before each new try to write to a full disk; an exception from it ends the tries."""


def wait(_: OSError) -> None:
    """Wait a moment before the next try: a full disk should not make anybody lose data."""
    time.sleep(SPACE_POLL)


def try_to_write(act: Callable[[], T], when_full: WhenFull = wait) -> T:
    """Return what *act* returns; as long as the disk is full, try again after *when_full*."""
    while True:
        try:
            return act()
        except OSError as exc:
            if exc.errno not in DISK_FULL:
                raise
            when_full(exc)


def read_written(path: Path, name: str) -> Any:
    """
    Return the value that `write_atomic` wrote to *path* under *name*; None if there is no file.

    Raises:
        StoreError: If it cannot be read, or a newer installkit wrote it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise StoreError(f"{path} cannot be read: {exc.strerror}") from exc
    try:
        data = json.loads(content)
        written, value = int(data["format"]), data[name]
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as exc:
        raise StoreError(f"{path} is damaged: {exc}") from exc
    if written > FORMAT:
        raise StoreError(
            f"{path} has format {written}; this installkit reads up to {FORMAT}", remedy="upgrade installkit"
        )
    return value


def sync_folder(path: Path) -> None:
    """Make the names of the files in *path* durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _shared(folder: Path) -> bool:
    return bool(folder.stat().st_mode & 0o020)
