"""
The queue database: one thread writes, a complete unit at a time; every thread reads for itself.

SQLite lets one connection write at a time; a second one gets the error "database is locked". So only one thread of each
process writes. It takes units from a queue; a unit is stored completely or not at all. If another process writes, the
writer tries again, for `LOCK_PATIENCE`.

    thread A   unit(save site)  ──┐
    thread B   unit(save plan)  ──┴─ queue ──→ writer   BEGIN IMMEDIATE; save site; COMMIT; BEGIN IMMEDIATE; …
    thread C   read(list runs)       its own connection, which the write-ahead log lets read meanwhile
"""

import atexit
import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from playhouse.sqliteq import (  # type: ignore[import-untyped] # has no stubs
    QUERY,
    ShutdownException,
    SqliteQueueDatabase,
    ThreadHelper,
)

from installkit.errors import Remedy, StoreError
from installkit.store.faults import DATABASE_ERRORS, LOCK_PATIENCE, fault_of, retry_while_locked

T = TypeVar("T")

ANSWER_PATIENCE = 300.0
"""Seconds for which a caller waits for its unit; more than `LOCK_PATIENCE`, as other units may be queued before it."""

BUSY_TIMEOUT = 5.0
"""Seconds for which SQLite itself waits for a lock, before we check whether to go on waiting."""

HEARTBEAT = 0.25
"""Seconds between two checks of a waiting caller whether the writer still lives."""

ATTEMPTS = 3
"""After so many writer threads have died while they ran one unit, the unit is refused."""

QUEUE_SIZE = 1000
"""How many units may wait for the writer; further callers wait for a free place."""

PRAGMAS = {"journal_mode": "wal", "synchronous": "normal", "busy_timeout": int(BUSY_TIMEOUT * 1000)}

WRITER_NAME = "installkit store writer"


class StoreDatabase(SqliteQueueDatabase):  # type: ignore[misc] # the base class has no stubs
    """
    An existing, migrated database file, open until `close()`.

    It adds to peewee's class: several statements as one transaction (`unit`), callers that never wait for a writer that
    died or was stopped, patience with other processes that write, and a file that is never created by mistake.

    Raises:
        StoreError: If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pid = os.getpid()
        self._closed = False
        self._refusal: StoreError | None = None
        self._lifecycle = threading.Lock()
        self._readers: list[sqlite3.Connection] = []
        self._file = _identity(path)
        super().__init__(
            f"{path.absolute().as_uri()}?mode=rw",  # without `rw`, SQLite would create a file that went missing
            autostart=False,
            queue_max_size=QUEUE_SIZE,
            results_timeout=ANSWER_PATIENCE,
            pragmas=dict(PRAGMAS),
            timeout=BUSY_TIMEOUT,
            uri=True,
        )
        self._execute_statement: Callable[..., Any] = self._execute  # type: ignore[has-type] # the base class's
        self._execute = self._carry_out  # the writer thread calls it with everything that it takes from the queue
        self.read(lambda: None)  # makes the files that SQLite needs beside it, as long as the disk has space
        self.start()
        atexit.register(self.close)

    def read(self, fn: Callable[[], T]) -> T:
        """
        Return what *fn* returns, which reads; it runs in this thread and must use up its cursors.

        All that it reads is as it was at one moment.

        A read within a read or a unit is part of it.

        Raises:
            StoreError: If the database is closed, or cannot be read.
        """
        if self._has_connection():
            return fn()
        self._check_usable()
        try:
            with self._reader():
                return fn()
        except DATABASE_ERRORS as exc:
            raise self._fault(exc) from exc

    def refuse(self, reason: StoreError) -> None:
        """From now on let `unit` raise *reason*; `index` still works."""
        self._refusal = reason

    @property
    def refuses(self) -> bool:
        """Whether `refuse` was called."""
        return self._refusal is not None

    def check_writable(self) -> None:
        """Raise the reason that `refuse` was given, if it was called."""
        if self._refusal is not None:
            raise StoreError(str(self._refusal), remedy=self._refusal.remedy)

    def unit(self, fn: Callable[[], T]) -> T:
        """
        Return what *fn* returns, as `index` does; for data that people enter.

        Raises:
            StoreError: As `index` does, or if nothing may be entered.
        """
        self.check_writable()
        return self.index(fn)

    def index(self, fn: Callable[[], T]) -> T:
        """
        Return what *fn* returns, run in the writer thread as one transaction: all of it is stored, or nothing.

        *fn* must be short, must not wait for other threads, and may run again if the writer died from it.
        A unit within a unit is part of it.

        Raises:
            StoreError: If the database is closed, or cannot be written; whatever *fn* raises.
        """
        if self.in_writer():
            return fn()
        unit = _Unit(fn)
        try:
            for _ in range(ATTEMPTS):
                writer = self._submit(unit)
                if unit.wait(writer):
                    return unit.outcome()  # type: ignore[no-any-return] # what fn returned
        except (*DATABASE_ERRORS, ShutdownException) as exc:
            raise self._fault(exc) from exc
        raise StoreError(f"the thread that writes {self.path} died {ATTEMPTS} times over the same unit")

    def write_rows(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run *sql* for each of *rows*, ten times as fast as through peewee; only within a unit."""
        self.connection().executemany(sql, rows)

    def execute_sql(self, sql: str, params: Any = None, timeout: float | None = None) -> Any:  # noqa: ARG002 - peewee's
        """Run one statement for peewee: any in a unit, only one that reads in a read."""
        if not self.in_writer() and not (self._has_connection() and sql[:6].upper() == "SELECT"):
            raise ValueError(f"only a unit may write, and only a read or a unit may read: {sql}")
        return self._execute_statement(sql, params)

    def in_writer(self) -> bool:
        """Return whether this is the writer thread."""
        return threading.current_thread() is getattr(self, "_writer", None)

    def close(self) -> None:
        """Carry out what is queued, stop the writer and close every connection; a second call does nothing."""
        if os.getpid() != self._pid:
            return  # connections belong to the process that opened them
        with self._lifecycle:
            if self._closed:
                return
            self._closed = True
            if self._writer.is_alive():
                self.stop()
        atexit.unregister(self.close)
        self._close_readers()

    def get_thread_impl(self, use_gevent: bool) -> Any:  # noqa: ARG002, FBT001 - peewee's
        """Return the class with which peewee makes queue and thread."""
        return _Threads

    def _has_connection(self) -> bool:
        """Return whether this thread has a connection: it is the writer, or within a read."""
        return not self.is_closed()

    @contextlib.contextmanager
    def _reader(self) -> Iterator[None]:
        """
        Lend this thread a connection to read with.

        A connection of its own for each thread, as peewee has it, would pile up descriptors: SQLite cannot close the
        file of a thread that ended as long as another connection holds a lock on it.
        """
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = self._connect()
        self._state.set_connection(connection)
        try:
            connection.execute("BEGIN")
            yield
        finally:
            self._state.reset()
            if connection.in_transaction:
                connection.execute("COMMIT")
            self._readers.append(connection)
            if self._closed:
                self._close_readers()

    def _close_readers(self) -> None:
        with contextlib.suppress(IndexError):  # another thread may take the last one
            while True:
                self._readers.pop().close()

    def _submit(self, unit: "_Unit") -> threading.Thread:
        """Queue *unit* and return the writer that will carry it out; a writer that died is replaced."""
        self._check_usable()
        with self._lifecycle:
            self._check_usable()
            if not self._writer.is_alive():
                self._create_write_queue()  # callers that wait for a unit of the old queue submit it again
                self._is_stopped = True
                self.start()
            writer, units = self._writer, self._write_queue
        try:
            units.put((QUERY, unit), timeout=ANSWER_PATIENCE)
        except queue.Full:
            raise StoreError(f"{QUEUE_SIZE} writes wait for {self.path}", remedy="try again later") from None
        return writer  # type: ignore[no-any-return] # a Thread

    def _carry_out(self, unit: "_Unit", _: None) -> Any:
        """Run *unit* in a transaction of its own."""
        _check_in_place(self.path, self._file)
        connection = self.connection()
        retry_while_locked(
            lambda: connection.execute("BEGIN IMMEDIATE"), until=unit.lock_deadline, stopped=lambda: self._closed
        )
        try:
            value = unit.fn()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # after some errors, such as a full disk, SQLite has rolled back itself
                connection.execute("ROLLBACK")
            raise
        return value

    def _check_usable(self) -> None:
        if os.getpid() != self._pid:
            raise StoreError(
                f"{self.path} was opened by process {self._pid}, before this one was forked from it",
                remedy="open a store of its own in each process",
            )
        if self._closed:
            raise StoreError(f"the store {self.path} is closed")
        _check_in_place(self.path, self._file)

    def _fault(self, error: Exception) -> StoreError:
        return StoreError(f"the store {self.path} was closed meanwhile") if self._closed else fault_of(self.path, error)


class _Unit:
    """A function for the writer, and then its outcome; peewee's writer takes it for a statement."""

    def __init__(self, fn: Callable[[], Any]) -> None:
        self.fn = fn
        self.sql = self
        self.params = None
        self.lock_deadline = time.monotonic() + LOCK_PATIENCE
        self._answer_deadline = time.monotonic() + ANSWER_PATIENCE
        self._done = threading.Event()
        self._value: Any = None
        self._error: Exception | None = None

    def set_result(self, value: Any, error: Exception | None = None) -> None:
        self._value = value
        self._error = error
        self._done.set()

    def wait(self, writer: threading.Thread) -> bool:
        """Wait for the outcome; return False if there is none because *writer* died."""
        while not self._done.wait(HEARTBEAT):
            if not writer.is_alive():
                return self._done.is_set()
            if time.monotonic() > self._answer_deadline:
                raise StoreError(
                    f"the store did not answer within {ANSWER_PATIENCE:.0f} s; it may still write what it was given"
                )
        return True

    def outcome(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


class _Threads(ThreadHelper):  # type: ignore[misc] # the base class has no stubs
    def thread(self, fn: Callable[[], None], *_: Any, **__: Any) -> threading.Thread:
        return threading.Thread(target=fn, name=WRITER_NAME, daemon=True)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what identifies the file at *path*; None if there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _check_in_place(path: Path, opened: tuple[int, int] | None) -> None:
    """Check that *path* is still the file that was *opened*: data written to another file is lost."""
    if _identity(path) != opened:
        raise StoreError(
            f"{path} was moved, deleted or replaced while it was open",
            remedy=Remedy("put it back, or close the store and index what is there", ("reindex",)),
        )
