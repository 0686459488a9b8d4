import io
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import NoneType
from typing import IO, Any

import attrs

from installkit.errors import JournalError, StoreError
from installkit.journal.files import (
    CANCEL,
    EVENTS,
    LOCK,
    RESULT,
    SPEC,
    SUPERVISOR_ERRORS,
    is_run_id,
    log_path,
    read_written,
)
from installkit.journal.locks import lock_is_held
from installkit.model import Event, EventKind, LogSpan, RunResult, RunSpec, aware_time, from_wire, time_to_wire

POLL = 0.05
"""Seconds between two looks at a file that may grow."""

CHUNK = 1 << 16
"""Bytes read from a log at once."""

BATCH = 1000
"""Events read at once."""

NEWER = "if a newer installkit wrote it, upgrade this one; else restore it from a backup, or move it away"

_KINDS = frozenset(EventKind)

_TYPES: dict[str, Any] = {
    "seq": int,
    "time": str,
    "kind": str,
    "run": str,
    **dict.fromkeys(("step", "host", "play", "task", "module", "status", "message"), (str, NoneType)),
    "duration": (int, float, NoneType),
    "log": (dict, NoneType),
    "data": dict,
}
"""What the values of an event's keys are in JSON."""

_SEQ = re.compile(rb'\{"seq":(\d+),')


@attrs.frozen
class JournalEvent:
    """An event and the bytes of `events.jsonl` that hold it: from `offset` up to, not including, `end`."""

    event: Event
    offset: int
    end: int


class Journal:
    """
    The files of one run, for reading: live and long ago are the same.

    Attributes:
        id: The run's.
        path: The run's folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name
        self._spec: RunSpec | None = None
        self._result: RunResult | None = None

    def spec(self) -> RunSpec:
        """
        Return what the run is.

        Raises:
            JournalError: If the spec is not there or cannot be read.
        """
        if self._spec is None:
            spec: RunSpec | None = self._read(SPEC, "spec", RunSpec)
            if spec is None:
                raise JournalError(f"{self.path} holds no run: {SPEC} is not there", remedy=self._remedy)
            self._check_own(SPEC, spec.run)
            self._spec = spec
        return self._spec

    def result(self) -> RunResult | None:
        """
        Return how the run ended; None as long as it has not.

        Raises:
            JournalError: If the result cannot be read, or is another run's.
        """
        if self._result is None:
            result: RunResult | None = self._read(RESULT, "result", RunResult)
            if result is not None:
                self._check_own(RESULT, result.run.id)
            self._result = result
        return self._result

    def is_carried_out(self) -> bool:
        """Return whether a process holds the run's lock. Without one and without a result, nobody will end it."""
        return lock_is_held(self.path / LOCK)

    def files(self) -> dict[str, Path]:
        """Return what there is for people to read, by its name in the journal; logs in the order of the steps."""
        logs = [log_path(self.path, step.step) for step in self.spec().steps]
        paths = [*(self.path / name for name in (SPEC, RESULT, CANCEL, SUPERVISOR_ERRORS, EVENTS)), *logs]
        return {str(path.relative_to(self.path)): path for path in paths if path.exists()}

    def supervisor_errors(self) -> str:
        """Return what the supervisor itself complained about; empty if nothing."""
        path = self.path / SUPERVISOR_ERRORS
        return path.read_text(errors="replace") if path.exists() else ""

    def read_events(self, offset: int = 0, limit: int | None = None) -> list[JournalEvent]:
        """
        Return the events from byte *offset* of `events.jsonl` on, at most *limit*; none of a run that was pruned.

        A last line without its end is left for the next call: it is being written, or was torn by a crash.

        Raises:
            JournalError: If they cannot be read or are another run's, or *offset* is not where an event begins.
        """
        found: list[JournalEvent] = []
        with self._open_events() as file:
            file.seek(_position(offset))
            for line in _whole_lines(file):
                if len(found) == limit:
                    break
                found.append(JournalEvent(self._parse(line, offset), offset, offset + len(line)))
                offset += len(line)
        return found

    def _open_events(self) -> IO[bytes]:
        try:
            return (self.path / EVENTS).open("rb")
        except FileNotFoundError:
            if self.result() is not None:
                return io.BytesIO()
            raise JournalError(f"{self.path} holds no run: {EVENTS} is not there", remedy=self._remedy) from None
        except OSError as exc:
            raise JournalError(f"{self.path / EVENTS} cannot be read: {exc.strerror}", remedy=self._remedy) from exc

    def _parse(self, line: bytes, offset: int) -> Event:
        try:
            event = parse_event(line)
        except JournalError as exc:
            raise JournalError(
                f"{self.path / EVENTS}, byte {offset}: {exc}", remedy=exc.remedy or self._remedy
            ) from exc
        self._check_own(f"{EVENTS}, byte {offset}", event.run)
        return event

    def _check_own(self, name: str, run: str) -> None:
        if run != self.id:
            raise JournalError(
                f"{self.path / name}: it is of run {run}; the folder was copied or renamed",
                remedy=f"move {self.path} away, or give it the name that it had",
            )

    def event_at(self, offset: int) -> Event:
        """
        Return the event that begins at byte *offset* of `events.jsonl`.

        Raises:
            JournalError: If none begins there.
        """
        found = self.read_events(offset, limit=1)
        if not found:
            raise JournalError(f"{self.path / EVENTS} has no event at byte {offset}")
        return found[0].event

    def offset_after(self, seq: int) -> int:
        """Return the byte offset of the first event after *seq*, found by halving."""
        with self._open_events() as file:
            low, high = 0, file.seek(0, 2)
            while low < high:
                start, end = _line_around(file, (low + high) // 2, low)
                if end is None or _seq_at(file, start) > seq:
                    high = start
                else:
                    low = end
        return low

    def events(self, after: int = 0, limit: int | None = None) -> Iterator[Event]:
        """Yield the events after the `seq` *after* that are there, at most *limit*, and read no more than are wanted."""
        offset, left = self.offset_after(after), sys.maxsize if limit is None else limit
        while entries := self.read_events(offset, min(BATCH, left)):
            offset, left = entries[-1].end, left - len(entries)
            yield from (entry.event for entry in entries)

    def follow_events(self, after: int = 0, *, idle: Callable[[], None] = lambda: None) -> Iterator[Event]:
        """
        Yield the events after *after*, as they come, until the run's last.

        Args:
            after: A `seq`; exclusive.
            idle: Called whenever there is nothing new, before waiting.
        """
        offset = self.offset_after(after)
        while True:
            ended = self.result() is not None  # before the read: what is written until then belongs to the end
            while entries := self.read_events(offset, BATCH):
                offset = entries[-1].end
                yield from (entry.event for entry in entries)
            if ended:
                return
            idle()
            time.sleep(POLL)

    def read_log(self, step: str, offset: int = 0, size: int = -1) -> bytes:
        """Return up to *size* bytes of the log of *step* from byte *offset* on; all if *size* is negative."""
        try:
            with log_path(self.path, step).open("rb") as file:
                file.seek(_position(offset))
                return file.read(size)
        except FileNotFoundError:
            return b""

    def log_size(self, step: str) -> int:
        """Return how many bytes the log of *step* has; 0 if there is none."""
        path = log_path(self.path, step)
        return path.stat().st_size if path.exists() else 0

    def follow_log(self, step: str, offset: int = 0, *, idle: Callable[[], None] = lambda: None) -> Iterator[bytes]:
        """Yield the log of *step* from byte *offset* on, as it grows, until the step's last byte."""
        end = _StepEnd(self, step)
        while True:
            ended = end.reached()  # before the read, as above
            while chunk := self.read_log(step, offset, CHUNK):
                offset += len(chunk)
                yield chunk
            if ended:
                return
            idle()
            time.sleep(POLL)

    def _read(self, name: str, key: str, cls: type[Any]) -> Any:
        try:
            data = read_written(self.path / name, key)
            return None if data is None else from_wire(cls, data)
        except StoreError as exc:
            raise JournalError(str(exc), remedy=exc.remedy or self._remedy) from exc
        except ValueError as exc:
            raise JournalError(f"{self.path / name} is damaged: {exc}", remedy=self._remedy) from exc

    @property
    def _remedy(self) -> str:
        return f"restore {self.path} from a backup, or move it away"


class _StepEnd:
    """Watches for the end of a step, reading each event once."""

    def __init__(self, journal: Journal, step: str) -> None:
        self._journal = journal
        self._step = step
        self._offset = 0

    def reached(self) -> bool:
        if self._journal.result() is not None:
            return True
        while entries := self._journal.read_events(self._offset, BATCH):
            self._offset = entries[-1].end
            if any(self._is_end(entry.event) for entry in entries):
                return True
        return False

    def _is_end(self, event: Event) -> bool:
        return event.step == self._step and event.kind is EventKind.STEP_FINISHED


def list_journals(runs: Path) -> list[Journal]:
    """
    Return the journals below *runs*: whatever has a run's id for its name.

    Some may not be readable, or hold no run at all, which they say when they are read. Anything else is passed over.
    """
    if not runs.is_dir():
        return []
    return [Journal(path) for path in sorted(runs.iterdir()) if is_run_id(path.name)]


@contextmanager
def fitting(run: str) -> Iterator[None]:
    """Raise a `JournalError` where an event of *run*, though it is one, does not fit what was planned or is known."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as exc:
        raise JournalError(f"run {run} has an event that does not fit it: {exc!r}", remedy=NEWER) from exc


def in_order(journals: Iterable[Journal]) -> list[Journal]:
    """
    Return *journals* as they must be indexed: what changed a site first, then what only looked at it, each oldest first.

    One whose spec cannot be read comes last, for whoever indexes it to complain.
    """
    return sorted(journals, key=_place)


def _place(journal: Journal) -> tuple[int, str, str]:
    try:
        spec = journal.spec()
    except JournalError:
        return (2, "", journal.id)
    return (int(spec.read_only), time_to_wire(spec.created_at), spec.run)


def parse_event(line: bytes) -> Event:
    """
    Return the event that a line of `events.jsonl` holds. Keys that no event has are passed over.

    Raises:
        JournalError: If it holds none, or one of a kind that a newer installkit knows.
    """
    try:
        data = json.loads(line)
        kind = data["kind"]
        if kind not in _KINDS:
            raise JournalError(f"no event: {kind!r} is not a kind of event", remedy=NEWER)
        span = data.get("log")
        return Event(
            **{
                **{name: _checked(name, data[name]) for name in _TYPES.keys() & data.keys()},
                "time": aware_time(data["time"]),
                "kind": EventKind(kind),
                "log": None if span is None else LogSpan(int(span["start"]), int(span["end"])),
            }
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as exc:
        raise JournalError(f"no event: {line[:80]!r} ({exc})") from exc


def _checked(name: str, value: Any) -> Any:
    if not isinstance(value, _TYPES[name]):
        raise TypeError(f"{name} cannot be {value!r}")
    return value


def _position(offset: int) -> int:
    if not 0 <= offset <= sys.maxsize:
        raise ValueError(f"an offset is a number of bytes from 0 on, not {offset}")
    return offset


def _whole_lines(file: IO[bytes]) -> Iterator[bytes]:
    for line in file:
        if not line.endswith(b"\n"):
            return  # what is written meanwhile would look like a line of its own
        yield line


def _line_around(file: IO[bytes], position: int, low: int) -> tuple[int, int | None]:
    """Return where the line that covers *position* starts, not before *low*, and ends; no end if it is torn."""
    start = position
    while start > low:
        before = max(low, start - CHUNK)
        file.seek(before)
        newline = file.read(start - before).rfind(b"\n")
        if newline >= 0:
            start = before + newline + 1
            break
        start = before
    file.seek(start)
    line = file.readline()
    return start, start + len(line) if line.endswith(b"\n") else None


def _seq_at(file: IO[bytes], start: int) -> int:
    file.seek(start)
    match = _SEQ.match(file.read(32))
    if match is None:
        raise JournalError(f"byte {start} of {EVENTS} begins no event")
    return int(match[1])
