"""The errors of SQLite and peewee in our words; no other module turns their errors into ours."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import peewee

from installkit.errors import DiskFullError, StoreError

T = TypeVar("T")

DATABASE_ERRORS = (sqlite3.Error, sqlite3.Warning, peewee.PeeweeException)
"""All errors that reading or writing a database may raise."""

LOCK_PATIENCE = 90.0
"""Seconds for which another process may lock the database before we give up."""

_REINDEX = "run `installkit reindex`, which sets the file aside and rebuilds the index from the runs' journals"

_BLAMES = {
    sqlite3.SQLITE_CORRUPT: ("is damaged", _REINDEX),
    sqlite3.SQLITE_NOTADB: ("is not a database", _REINDEX),
    sqlite3.SQLITE_FULL: ("cannot grow", "make space on its disk and try again; runs go on meanwhile"),
    sqlite3.SQLITE_READONLY: ("may not be written", "give your user or group write access to it and its folder"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "see that its folder is there and that your user may enter it"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "see what the system log says of its disk and try again"),
}
"""By SQLite's primary result code: what is wrong with the file, and what to do."""


def fault_of(path: Path, error: BaseException) -> StoreError:
    """Return *error*, one of `DATABASE_ERRORS` about the database at *path*, as a `StoreError`."""
    if is_locked(error):
        return StoreError(
            f"another process has kept {path} locked for more than {LOCK_PATIENCE:.0f} s",
            remedy=f"see which one it is (fuser {path}), end it and try again; runs go on meanwhile",
        )
    what, remedy = _BLAMES.get(_code(error), ("cannot be used", None))
    kind = DiskFullError if _code(error) == sqlite3.SQLITE_FULL else StoreError
    return kind(f"{path} {what}: {_original(error)}", remedy=remedy)


def is_locked(error: BaseException) -> bool:
    """Return whether *error* only says that another connection is writing at the moment."""
    return _code(error) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def retry_while_locked(attempt: Callable[[], T], *, until: float, stopped: Callable[[], bool] = lambda: False) -> T:
    """
    Return what *attempt* returns; it is repeated as long as another connection has locked the database.

    The last attempt is the first that ends after *until*, a time of `time.monotonic`, or after *stopped* returns true.
    """
    pause = 0.005
    while True:
        try:
            return attempt()
        except DATABASE_ERRORS as exc:
            if not is_locked(exc) or stopped() or time.monotonic() >= until:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 0.1)


def _code(error: BaseException) -> int:
    return getattr(_original(error), "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def _original(error: BaseException) -> BaseException:
    """Return the error of `sqlite3` that peewee wrapped in *error*, if it did."""
    return getattr(error, "orig", error)
