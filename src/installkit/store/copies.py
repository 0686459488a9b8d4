"""A database as a file: copied while it is in use, checked, set aside. Each function opens its own connection."""

import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from installkit.errors import StoreError
from installkit.store.database import BUSY_TIMEOUT

_FILES = ("", "-wal")
"""Suffixes of the files of a database that contain committed data."""

_ATTEMPTS = 50
_PAUSE = 0.1


def back_up(source: Path, target: Path) -> None:
    """Write a copy of the database *source*, as it is at one moment, to *target*, replacing it when it is complete."""
    temporary = target.with_name(f".{target.name}.part")
    try:
        with _alone(target.parent):
            temporary.unlink(missing_ok=True)
            temporary.touch(mode=0o600)
            with closing(_connect(source, "rw")) as live, closing(_connect(temporary, "rw")) as copy:
                live.backup(copy)
            temporary.replace(target)
    except OSError as exc:
        raise StoreError(
            f"the backup {target} cannot be written: {exc.strerror}", remedy="name a folder that your user may write"
        ) from exc


def copy_unwritable(source: Path, target: Path) -> None:
    """
    Write a copy of the database *source*, as it is at one moment, to the new file *target*; *source* is only read.

    Others may write *source* meanwhile; then they have made the file beside it that SQLite needs for this. If this file
    is missing, as on a read-only disk, the files of the database are copied.

    Raises:
        StoreError: If it changes all the time.
        OSError: If it cannot be read, or if the copy cannot be written.
    """
    try:
        with closing(_connect(source, "ro")) as live, closing(_connect(target, "rwc")) as copy:
            live.backup(copy)
    except sqlite3.Error:
        target.unlink(missing_ok=True)
    else:
        return
    for _ in range(_ATTEMPTS):
        before = _stamps(source)
        for suffix in _FILES:
            part, copied = source.with_name(source.name + suffix), target.with_name(target.name + suffix)
            copied.unlink(missing_ok=True)
            if part.exists():
                shutil.copyfile(part, copied)
        if before == _stamps(source):  # else one of them changed meanwhile: it may be in the middle of a checkpoint
            return
        time.sleep(_PAUSE)
    raise StoreError(f"{source} is written all the time, and cannot be copied", remedy="try again in a moment")


def _stamps(source: Path) -> list[tuple[int, int] | None]:
    parts = (source.with_name(source.name + suffix) for suffix in _FILES)
    return [(part.stat().st_size, part.stat().st_mtime_ns) if part.exists() else None for part in parts]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of *folder*, so that several backups to it are made one after the other."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def check_integrity(path: Path) -> str:
    """Return the result of SQLite's integrity check: `ok`, or a line for each damage."""
    with closing(_connect(path, "rw")) as connection:
        return "\n".join(line for (line,) in connection.execute("PRAGMA integrity_check"))


def set_aside(path: Path) -> Path:
    """
    Move the database at *path*, damaged or not, out of the way, and return where it is now; nothing is deleted.

    A `Store` opened at *path* afterwards is new and empty, for `Store.reindex` to fill. A store that is open meanwhile
    notices, and refuses.

    Raises:
        StoreError: If there is no database, or if it cannot be moved.
    """
    number = 1
    while (aside := path.with_name(f"{path.name}.aside-{number}")).exists():
        number += 1
    try:
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
    except OSError as exc:
        raise StoreError(f"{path} cannot be set aside: {exc.strerror}") from exc
    return aside


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT)
