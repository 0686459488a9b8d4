import json
import os
import secrets
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from installkit.journal.carrier import write_carrier
from installkit.journal.files import (
    DISK_FULL,
    EVENTS,
    FACTS,
    LOCK,
    LOGS,
    NEW,
    RESULT,
    SPEC,
    WhenFull,
    facts_path,
    log_path,
    make_folder,
    open_for,
    put_in_place,
    sync_folder,
    try_to_write,
    wait,
    write_atomic,
    write_beside,
    write_errors,
)
from installkit.journal.locks import Lock, take_lock
from installkit.journal.reader import parse_event
from installkit.model import LOG_LIMIT, Facts, RunResult, RunSpec, time_to_wire, to_wire

CUT = b"[installkit: the log is cut here at %d bytes; the run goes on, and its events tell every result]\n"
"""The last line of a log that reached its limit."""


def create_journal(runs: Path, spec: RunSpec) -> Lock | None:
    """
    Create the journal of a new run below *runs*, and return its lock; None if the run is there already.

    The folder gets its name last, when its lock is held and spec and carrier are on disk. So every visible run is complete,
    and if several processes start one plan, exactly one of them gets the lock.
    """
    folder = runs / f"{NEW}{spec.run}-{secrets.token_hex(4)}"
    with write_errors(runs / spec.run):
        make_folder(folder)
        try:
            make_folder(folder / LOGS)
            if spec.options.keep_facts:
                make_folder(folder / FACTS)
            os.close(open_for(folder / EVENTS, os.O_WRONLY))
            write_atomic(folder / SPEC, "spec", to_wire(spec))
            write_carrier(folder)
            lock = take_lock(folder / LOCK)
            if lock is None:  # pragma: no cover - nobody else knows the folder
                raise AssertionError(folder)
            try:
                folder.rename(runs / spec.run)
            except OSError:
                lock.release()
                raise
        except OSError:
            shutil.rmtree(folder)
            if (runs / spec.run).exists():
                return None
            raise
        sync_folder(runs)
    return Lock(runs / spec.run / LOCK, lock.descriptor)


def open_journal(run: Path, when_full: WhenFull = wait) -> "JournalWriter":
    """Return the writer of *run*'s events; the caller holds the run's lock. A torn last line is cut off."""
    return JournalWriter(run, when_full)


class JournalWriter:
    """
    Appends to a run's events and ends the run; only for the holder of the run's lock.

    While the disk is full it tries again and again, and calls *when_full* before each new try.

    Attributes:
        last_seq: The last event's `seq`; 0 before the first event.
        waited: Whether an event had to wait for space; the caller resets it.
    """

    def __init__(self, run: Path, when_full: WhenFull) -> None:
        self._run = run
        self._when_full = when_full
        self._events = open_for(run / EVENTS, os.O_RDWR | os.O_APPEND)
        self.last_seq = _repair(self._events)
        self.waited = False

    def append(self, body: bytes) -> bytes:
        """
        Append the event whose JSON object, without `seq`, is *body*; return the line that was written.

        Raises:
            OSError: If the line could not be written completely; then nothing of it stays.
        """
        line = self.next_line(body)
        end = os.fstat(self._events).st_size
        try:
            self.waited |= _write_all(self._events, line, self._when_full)
        except OSError:
            os.ftruncate(self._events, end)
            raise
        self.last_seq += 1
        return line

    def next_line(self, body: bytes) -> bytes:
        """Return the line that `append` would write for *body*."""
        return b'{"seq":%d,%s\n' % (self.last_seq + 1, body[1:])

    def sync(self) -> None:
        """Make the events so far durable."""
        try_to_write(lambda: os.fdatasync(self._events), self._when_full)

    def finish(self, result: RunResult, last: bytes | None = None) -> None:
        """
        Write how the run ended; nothing may be written after that.

        Args:
            result: The result after the last event.
            last: The last event, for `append`, unless it is written already. It says that the run has ended, so *result*
                is written to disk before it, and then gets its name.
        """
        path = self._run / RESULT
        written = try_to_write(lambda: write_beside(path, "result", to_wire(result)), self._when_full)
        try:
            if last is not None:
                self.append(last)
            self.sync()
        except OSError:
            written.unlink()
            raise
        put_in_place(written, path)

    def close(self) -> None:
        """Close the file; the lock stays held."""
        if self._events >= 0:
            os.close(self._events)
            self._events = -1


class LogWriter:
    """
    Appends to a step's log, up to a limit. While the disk is full it waits, and so does the process that prints.

    Attributes:
        size: Bytes written so far.
        waited: Whether some text had to wait for space; the caller resets it.
        cut: Whether the limit was reached: the log ends with a line that says so, and nothing follows.
    """

    def __init__(self, run: Path, step: str, *, limit: int = LOG_LIMIT, when_full: WhenFull = wait) -> None:
        """
        Open the log of *step*.

        Args:
            run: The run's folder.
            step: The step's id.
            limit: Bytes that the log may have, without the line that says that it is cut.
            when_full: Called before each new try while the disk is full.
        """
        self._limit = limit
        self._when_full = when_full
        self.cut = False
        self._log = open_for(log_path(run, step), os.O_WRONLY | os.O_APPEND)
        self.size = os.fstat(self._log).st_size
        self.waited = False

    def append(self, text: bytes) -> None:
        """Append *text*, as far as the limit allows."""
        if self.cut:
            return
        if self.size + len(text) > self._limit:
            self.cut = True
            room = max(0, self._limit - self.size)
            end = text.rfind(b"\n", 0, room) + 1 or room  # of the last whole line that fits, if there is one
            line_end = b"" if text[:end].endswith(b"\n") else b"\n"
            text = text[:end] + line_end + CUT % self._limit
        self.waited |= _write_all(self._log, text, self._when_full)
        self.size += len(text)

    def close(self) -> None:
        """Make the log durable and close it."""
        try_to_write(lambda: os.fdatasync(self._log), self._when_full)
        os.close(self._log)


def append_facts(run: Path, step: str, time: datetime, facts: Facts, when_full: WhenFull = wait) -> None:
    """Append *facts*, which *step* gathered at *time*, to those that the journal of *run* keeps."""
    line = json.dumps({"time": time_to_wire(time), **to_wire(facts)}, separators=(",", ":")).encode()
    file = open_for(facts_path(run, step), os.O_WRONLY | os.O_APPEND)
    try:
        _write_all(file, line + b"\n", when_full)
    finally:
        os.close(file)


def encode_event(draft: dict[str, Any]) -> bytes:
    """Return *draft*, an event without `seq`, as the JSON object that `JournalWriter.append` takes."""
    return json.dumps(draft, separators=(",", ":")).encode()


def _write_all(descriptor: int, data: bytes, when_full: WhenFull) -> bool:
    """Write *data*, all of it; return whether it had to wait for space."""
    rest = memoryview(data)
    waited = False
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except OSError as exc:
            if exc.errno not in DISK_FULL:
                raise
            waited = True
            when_full(exc)
    return waited


def _repair(events: int) -> int:
    """Cut a torn last line off the file *events* and return the last event's `seq`."""
    size = os.fstat(events).st_size
    tail = b""
    start = size
    while start > 0 and tail.count(b"\n") < 2:  # noqa: PLR2004 - the ends of the last whole line and of the one before
        step = min(start, 1 << 16)
        start -= step
        tail = os.pread(events, step, start) + tail
    whole, newline, torn = tail.rpartition(b"\n")
    if torn:
        os.ftruncate(events, size - len(torn))
    return parse_event(whole.rpartition(b"\n")[2]).seq if newline else 0
