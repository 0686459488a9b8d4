import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import NoneType
from typing import IO, Any, Protocol, TypeVar

import attrs

from installkit.errors import JournalError, StoreError
from installkit.journal.files import (
    CANCEL,
    EVENTS,
    LOCK,
    RESULT,
    SPEC,
    SUPERVISOR_ERRORS,
    facts_path,
    is_run_id,
    log_path,
    read_written,
)
from installkit.journal.locks import lock_is_held
from installkit.journal.watch import Watch
from installkit.model import Event, EventKind, LogSpan, RunResult, RunSpec, aware_time, from_wire, time_to_wire

T_co = TypeVar("T_co", covariant=True)

CHUNK = 1 << 16
"""Bytes read from a log at once."""

BATCH = 1000
"""Events read at once."""

NEWER = (
    "if a newer installkit wrote the run, upgrade this installkit; else restore the run from a backup, or move it away"
)

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
"""The types of an event's values in JSON, by key."""

_SEQ = re.compile(rb'\{"seq":(\d+),')


@attrs.frozen
class JournalEvent:
    """An event and its bytes in `events.jsonl`: from `offset` up to, not including, `end`."""

    event: Event
    offset: int
    end: int


class Journal:
    """
    The files of one run, for reading; it does not matter whether the run has ended.

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
        Return the run's spec.

        Raises:
            JournalError: If it is not there or cannot be read.
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
        Return the run's result; None as long as the run has not ended.

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
        """Return whether a process holds the run's lock. If none does, and there is no result, nobody will end the run."""
        return lock_is_held(self.path / LOCK)

    def files(self) -> dict[str, Path]:
        """Return the existing files that people may read, by name in the journal; logs in the order of the steps."""
        logs = [log_path(self.path, step.step) for step in self.spec().steps]
        paths = [*(self.path / name for name in (SPEC, RESULT, CANCEL, SUPERVISOR_ERRORS, EVENTS)), *logs]
        return {str(path.relative_to(self.path)): path for path in paths if path.exists()}

    def supervisor_errors(self) -> str:
        """Return the error output of the supervisor itself; usually empty."""
        path = self.path / SUPERVISOR_ERRORS
        return path.read_text(errors="replace") if path.exists() else ""

    def read_events(self, offset: int = 0, limit: int | None = None) -> list[JournalEvent]:
        """
        Return the events from byte *offset* of `events.jsonl` on, at most *limit*; none if the run was pruned.

        A last line without its end is left for the next call: it is being written, or a crash has cut it off.

        Raises:
            JournalError: If they cannot be read or are another run's, or if no event begins at *offset*.
        """
        entries: list[JournalEvent] = []
        with self._open_events() as file:
            file.seek(_position(offset))
            for line in file:
                if len(entries) == limit or not line.endswith(b"\n"):  # after a torn line only its rest can follow
                    break
                name = f"{EVENTS}, byte {offset}"
                try:
                    event = parse_event(line)
                except JournalError as exc:
                    raise JournalError(f"{self.path / name}: {exc}", remedy=exc.remedy or self._remedy) from exc
                self._check_own(name, event.run)
                entries.append(JournalEvent(event, offset, offset + len(line)))
                offset += len(line)
        return entries

    def _open_events(self) -> IO[bytes]:
        try:
            return (self.path / EVENTS).open("rb")
        except FileNotFoundError:
            if self.result() is not None:
                return io.BytesIO()
            raise JournalError(f"{self.path} holds no run: {EVENTS} is not there", remedy=self._remedy) from None
        except OSError as exc:
            raise JournalError(f"{self.path / EVENTS} cannot be read: {exc.strerror}", remedy=self._remedy) from exc

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
        entries = self.read_events(offset, limit=1)
        if not entries:
            raise JournalError(f"{self.path / EVENTS} has no event at byte {offset}")
        return entries[0].event

    def offset_after(self, seq: int) -> int:
        """Return the byte offset of the first event after *seq*; this is a binary search."""
        with self._open_events() as file:
            low, high = 0, file.seek(0, 2)
            while low < high:
                start, end = _line_around(file, (low + high) // 2, low)
                if end is None:
                    high = start
                    continue
                file.seek(start)
                match = _SEQ.match(file.read(32))
                if match is None:
                    raise JournalError(f"byte {start} of {EVENTS} begins no event")
                if int(match[1]) > seq:
                    high = start
                else:
                    low = end
        return low

    def events(self, after: int = 0, limit: int | None = None) -> Iterator[Event]:
        """Yield the present events after the `seq` *after*, at most *limit*; no more than these are read."""
        offset, left = self.offset_after(after), sys.maxsize if limit is None else limit
        while entries := self.read_events(offset, min(BATCH, left)):
            offset, left = entries[-1].end, left - len(entries)
            yield from (entry.event for entry in entries)

    def follow_events(self, after: int = 0, *, idle: Callable[[], None] = lambda: None) -> Iterator[Event]:
        """
        Yield the events after *after* as they are written, up to the run's last one.

        Args:
            after: A `seq`; exclusive.
            idle: Called whenever there is nothing new.
        """
        for events in follow(EventReader(self, after, idle)):
            yield from events

    def read_log(self, step: str, offset: int = 0, size: int = -1) -> bytes:
        """Return up to *size* bytes of the log of *step* from byte *offset* on; all if *size* is negative."""
        try:
            with log_path(self.path, step).open("rb") as file:
                file.seek(_position(offset))
                return file.read(size)
        except FileNotFoundError:
            return b""

    def facts(self, host: str) -> dict[str, Any]:
        """
        Return the facts of *host* that were kept, by name; of what was gathered several times, the last.

        Raises:
            JournalError: If they cannot be read.
        """
        gathered = []
        for step in self.spec().steps:
            path = facts_path(self.path, step.step)
            for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
                if not line.endswith(b"\n"):  # it is being written, or a crash has cut it off
                    continue
                try:
                    entry = json.loads(line)
                    if entry["host"] == host:
                        gathered.append((aware_time(entry["time"]), dict(entry["facts"])))
                except (ValueError, KeyError, TypeError, RecursionError) as exc:
                    raise JournalError(f"{path} is damaged: {exc}", remedy=self._remedy) from exc
        facts: dict[str, Any] = {}
        for _, found in sorted(gathered, key=lambda entry: entry[0]):
            facts |= found
        return facts

    def log_size(self, step: str) -> int:
        """Return how many bytes the log of *step* has; 0 if there is none."""
        path = log_path(self.path, step)
        return path.stat().st_size if path.exists() else 0

    def follow_log(self, step: str, offset: int = 0, *, idle: Callable[[], None] = lambda: None) -> Iterator[bytes]:
        """Yield the log of *step* from byte *offset* on as it grows, up to the step's last byte."""
        yield from follow(LogReader(self, step, offset, idle))

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


class Reader(Protocol[T_co]):
    """What reads a part at a time of something that grows, up to its end: see `EventReader`."""

    ended: bool

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where something changes when there may be more."""
        ...

    def read(self) -> T_co:
        """Return the next part; an empty one where there is none yet, or ever will be."""
        ...


class EventReader:
    """
    Reads the events of a run up to its last one, a part at each call: for a program with a loop of its own.

    Watch first, then `read` until nothing comes, then wait for a change, at most about a second; and so on until the end.

    Attributes:
        folders: Where something changes when there may be more.
        ended: Whether there will be no more.
    """

    def __init__(self, journal: Journal, after: int = 0, idle: Callable[[], None] = lambda: None) -> None:
        self.folders: tuple[Path, ...] = (journal.path,)
        self.ended = False
        self._journal = journal
        self._idle = idle
        self._offset = journal.offset_after(after)

    def read(self) -> tuple[Event, ...]:
        """Return the next events; none where none are written yet, or ever will be."""
        has_result = self._journal.result() is not None  # before the read, so that the last events are read, too
        entries = self._journal.read_events(self._offset, BATCH)
        if entries:
            self._offset = entries[-1].end
        elif has_result:
            self.ended = True
        else:
            self._idle()
        return tuple(entry.event for entry in entries)


class LogReader:
    """
    Reads the log of a step up to its last byte, a part at each call.

    Attributes:
        folders: As in `EventReader`.
        ended: The same.
    """

    def __init__(self, journal: Journal, step: str, offset: int = 0, idle: Callable[[], None] = lambda: None) -> None:
        self.folders: tuple[Path, ...] = (journal.path, log_path(journal.path, step).parent)
        self.ended = False
        self._journal = journal
        self._idle = idle
        self._step = step
        self._offset = offset
        self._seen = 0  # bytes of the events
        self._finished = False

    def read(self) -> bytes:
        """Return the next bytes; none where none are printed yet, or ever will be."""
        finished = self._finished or self._journal.result() is not None  # before the read, as above
        while not finished and (entries := self._journal.read_events(self._seen, BATCH)):
            self._seen = entries[-1].end
            events = (entry.event for entry in entries)
            finished = any(event.step == self._step and event.kind is EventKind.STEP_FINISHED for event in events)
        self._finished = finished
        chunk = self._journal.read_log(self._step, self._offset, CHUNK)
        self._offset += len(chunk)
        if finished and not chunk:
            self.ended = True
        elif not chunk:
            self._idle()
        return chunk


def follow(reader: Reader[T_co]) -> Iterator[T_co]:
    """Yield the parts that *reader* reads, as they come, up to its end."""
    while part := reader.read():  # nothing has to be watched for what is there already
        yield part
    if reader.ended:
        return
    with Watch() as watch:
        while True:
            while part := reader.read():
                yield part
            if reader.ended:
                return
            if not watch.keep(reader.folders):
                watch.wait()


def list_journals(runs: Path) -> list[Journal]:
    """
    Return the journals below *runs*: everything whose name is a run's id.

    Some may not be readable, or have no run in them: reading them raises an error. Other names are ignored.
    """
    if not runs.is_dir():
        return []
    return [Journal(path) for path in sorted(runs.iterdir()) if is_run_id(path.name)]


@contextmanager
def fitting(run: str) -> Iterator[None]:
    """Raise a `JournalError` if a valid event of *run* does not fit its plan or the events before."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as exc:
        raise JournalError(f"run {run} has an event that does not fit it: {exc!r}", remedy=NEWER) from exc


def in_order(journals: Iterable[Journal]) -> list[Journal]:
    """
    Return *journals* in the order of indexing: runs that change a site first, then read-only ones, each oldest first.

    Journals whose spec cannot be read come last; indexing them raises the error.
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
    Return the event in a line of `events.jsonl`. Unknown keys are ignored.

    Raises:
        JournalError: If the line is not an event, or is one of an unknown kind, as a newer installkit may write.
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


def _line_around(file: IO[bytes], position: int, low: int) -> tuple[int, int | None]:
    """Return start, at least *low*, and end of the line that covers *position*; None as the end if it is torn."""
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
