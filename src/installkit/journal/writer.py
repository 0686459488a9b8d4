import json
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Any

from installkit.journal.files import (
    DISK_FULL,
    EVENTS,
    LOCK,
    LOGS,
    NEW,
    RESULT,
    SPACE_POLL,
    SPEC,
    log_path,
    make_folder,
    open_for,
    sync_folder,
    wait_for_space,
    write_atomic,
    write_errors,
)
from installkit.journal.locks import Lock, take_lock
from installkit.journal.reader import parse_event
from installkit.model import RunResult, RunSpec, to_wire


def create_journal(runs: Path, spec: RunSpec) -> Lock | None:
    """
    Create the journal of a new run below *runs*, and return its lock; None if the run is there already.

    The folder gets its name last, with the lock held and the spec on disk. So a run that can be seen has both, and of
    any number of processes that start one plan exactly one gets the lock.
    """
    folder = runs / f"{NEW}{spec.run}-{secrets.token_hex(4)}"
    with write_errors(runs / spec.run):
        make_folder(folder)
        try:
            make_folder(folder / LOGS)
            os.close(open_for(folder / EVENTS, os.O_WRONLY))
            write_atomic(folder / SPEC, "spec", to_wire(spec))
            lock = _publish(folder, runs / spec.run)
        except OSError:
            shutil.rmtree(folder)
            if (runs / spec.run).exists():
                return None
            raise
        sync_folder(runs)
    return lock


def _publish(folder: Path, run: Path) -> Lock:
    lock = take_lock(folder / LOCK)
    if lock is None:  # pragma: no cover - nobody else knows the folder
        raise AssertionError(folder)
    try:
        folder.rename(run)
    except OSError:
        lock.release()
        raise
    return Lock(run / LOCK, lock.descriptor)


def open_journal(run: Path) -> "JournalWriter":
    """Return the writer of *run*'s events; the caller holds the run's lock. A torn last line is cut off."""
    return JournalWriter(run)


class JournalWriter:
    """
    Appends to a run's events and ends it; only the holder of the run's lock may. A full disk makes it wait.

    Attributes:
        last_seq: Of the last event; 0 before the first.
        waited: Whether an event had to wait for space; for its user to take back.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._events = open_for(run / EVENTS, os.O_RDWR | os.O_APPEND)
        self.last_seq = _repair(self._events)
        self.waited = False

    def append(self, body: bytes) -> bytes:
        """
        Append the event whose JSON object, without `seq`, is *body*; return the line that was written.

        Raises:
            OSError: If it could not be written whole; nothing is left of it then.
        """
        line = b'{"seq":%d,%s\n' % (self.last_seq + 1, body[1:])
        end = os.fstat(self._events).st_size
        try:
            self.waited |= _write_all(self._events, line)
        except OSError:
            os.ftruncate(self._events, end)
            raise
        self.last_seq += 1
        return line

    def sync(self) -> None:
        """Make the events so far durable."""
        wait_for_space(lambda: os.fdatasync(self._events))

    def finish(self, result: RunResult) -> None:
        """Write how the run ended: from here on it is final."""
        self.sync()
        wait_for_space(lambda: write_atomic(self._run / RESULT, "result", to_wire(result)))

    def close(self) -> None:
        """Close the file; the lock stays with whoever holds it."""
        if self._events >= 0:
            os.close(self._events)
            self._events = -1


class LogWriter:
    """
    Appends to a step's log. A full disk makes it wait, and so, through the terminal, what is printed there.

    Attributes:
        size: Bytes written so far.
        waited: Whether some had to wait for space; for its user to take back.
    """

    def __init__(self, run: Path, step: str) -> None:
        self._log = open_for(log_path(run, step), os.O_WRONLY | os.O_APPEND)
        self.size = os.fstat(self._log).st_size
        self.waited = False

    def append(self, text: bytes) -> None:
        """Append *text*."""
        self.waited |= _write_all(self._log, text)
        self.size += len(text)

    def close(self) -> None:
        """Make the log durable and close it."""
        wait_for_space(lambda: os.fdatasync(self._log))
        os.close(self._log)


def encode_event(draft: dict[str, Any]) -> bytes:
    """Return *draft*, an event without `seq`, as the JSON object that `JournalWriter.append` takes."""
    return json.dumps(draft, separators=(",", ":")).encode()


def _write_all(descriptor: int, data: bytes) -> bool:
    """Write *data*, all of it; return whether it had to wait for space."""
    written = 0
    waited = False
    while written < len(data):
        try:
            written += os.write(descriptor, memoryview(data)[written:])
        except OSError as exc:
            if exc.errno not in DISK_FULL:
                raise
            waited = True
            time.sleep(SPACE_POLL)
    return waited


def _repair(events: int) -> int:
    """Cut a torn last line off the file *events* and return the last event's `seq`."""
    size = os.fstat(events).st_size
    tail = b""
    start = size
    while start > 0 and tail.count(b"\n") < 2:  # noqa: PLR2004 - the end of the last whole line and of the one before
        step = min(start, 1 << 16)
        start -= step
        tail = os.pread(events, step, start) + tail
    whole, newline, torn = tail.rpartition(b"\n")
    if torn:
        os.ftruncate(events, size - len(torn))
    return parse_event(whole.rpartition(b"\n")[2]).seq if newline else 0
