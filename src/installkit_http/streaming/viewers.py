"""What one viewer gets from a run, live or ended: pieces from its cursor on."""

import itertools
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

import attrs
from starlette.concurrency import run_in_threadpool

import installkit
from installkit_http.streaming.feeds import Feeds, StreamBrokenError

HEARTBEAT = 10.0
"""Seconds without pieces after which a viewer gets a sign of life."""

CHUNK = 1 << 18
"""Bytes of a log read at once: more is hardly faster, and a viewer that stalls needs twice this memory."""

PAGE = 250
"""Events read at once."""


@attrs.frozen
class LogPiece:
    """
    Some bytes of a step's log.

    Attributes:
        offset: The position of the first byte.
    """

    offset: int
    data: bytes

    @property
    def end(self) -> int:
        """The position after the last byte."""
        return self.offset + len(self.data)


@attrs.frozen
class EventPiece:
    """An event, with the text that it printed if that was asked for."""

    event: installkit.Event
    printed: bytes | None = None


@attrs.frozen
class ArrivalPiece:
    """An event of some run."""

    arrival: installkit.Arrival


@attrs.frozen
class TextPiece:
    """
    The text that consecutive events of one step printed.

    Attributes:
        seq: The number of the last of these events.
    """

    seq: int
    step: str
    data: bytes


@attrs.frozen
class Heartbeat:
    """Nothing happened for a while."""


@attrs.frozen
class End:
    """
    The end of a run or a log: nothing more will come.

    Attributes:
        status: The status of the run, or of the step for a log.
        log_size: The size of the step's log, or of all logs together for a run.
    """

    status: str
    last_seq: int
    log_size: int


Piece = LogPiece | EventPiece | ArrivalPiece | TextPiece | Heartbeat | End


@attrs.frozen
class Reading:
    """
    What a viewer read in one go.

    Attributes:
        pieces: The pieces to show, in order; there may be none in what was read.
        more: Whether to read again at once, since there may be more.
    """

    pieces: Sequence[Piece]
    more: bool


class Viewer(Protocol):
    """Reads one run, or the log of one of its steps, from its own cursor on."""

    run: installkit.Run

    def read(self, now: installkit.RunSnapshot) -> Reading:
        """Return what comes next; *now* is an earlier snapshot, so all that it counts is there. Called in a thread."""

    def end(self, now: installkit.RunSnapshot) -> End | None:
        """Return the end of the stream if nothing will come after the snapshot *now*; None if more will come."""


async def watch(feeds: Feeds, viewer: Viewer, *, follow: bool) -> AsyncIterator[Piece]:
    """
    Yield what *viewer* reads: with *follow* until the end, otherwise only what is there now.

    Raises:
        StreamBrokenError: If it stops before its end.
    """
    async with feeds.watch(viewer.run.id) as feed:
        while True:
            now = feed.now  # taken before the read, so that the read gets everything that this snapshot counts
            reading = await run_in_threadpool(viewer.read, now)
            for piece in reading.pieces:
                yield piece
            if reading.more:
                continue
            if end := viewer.end(now):
                yield end
            if end or not follow:
                return
            if not await feed.wait(now, HEARTBEAT):
                yield Heartbeat()


async def watch_all(feeds: Feeds, reader: installkit.ArrivalReader, *, follow: bool) -> AsyncIterator[Piece]:
    """
    Yield what *reader* reads of all runs: with *follow* for ever, otherwise only what is there now.

    Raises:
        StreamBrokenError: If the service stops.
    """
    with feeds.bells.bell() as changed:
        silent_since = time.monotonic()
        while True:
            arrivals = await run_in_threadpool(reader.read, PAGE)
            for arrival in arrivals:
                yield ArrivalPiece(arrival)
            now = time.monotonic()
            if arrivals:
                silent_since = now
                continue
            if not follow:
                return
            if feeds.closed:
                raise StreamBrokenError
            if now - silent_since >= HEARTBEAT:
                silent_since = now
                yield Heartbeat()
            if not changed.keep(reader.folders):
                await changed.wait()


class LogViewer:
    """
    Reads the log of a step.

    Args:
        run: A run object that no other viewer uses.
        step: A step's id.
        offset: The position of the first byte to read.
        whole_characters: Whether pieces may only end between characters of UTF-8.
    """

    def __init__(self, run: installkit.Run, step: str, offset: int, *, whole_characters: bool) -> None:
        self.run = run
        self._step = step
        self._offset = offset
        self._whole_characters = whole_characters

    def read(self, now: installkit.RunSnapshot) -> Reading:
        """Read the next bytes, if there are any."""
        data = self.run.log(self._step, offset=self._offset, size=CHUNK)
        if self._whole_characters:
            data = cut_to_characters(data) or (data if step_ended(now, self._step) else b"")
        piece = LogPiece(self._offset, data)
        self._offset = piece.end
        return Reading([piece] if data else [], more=bool(data))

    def end(self, now: installkit.RunSnapshot) -> End | None:
        """Return the end if the step has ended, else None."""
        if not step_ended(now, self._step):
            return None
        return End(step_of(now, self._step).status.value, now.last_seq, self._offset)


class EventViewer:
    """
    Reads the events of a run.

    Args:
        run: A run object that no other viewer uses.
        after: The `seq` of the event before the first one to read.
        pieces: Returns the pieces to show for some events.
    """

    def __init__(
        self,
        run: installkit.Run,
        after: int,
        pieces: Callable[[installkit.Run, Sequence[installkit.Event]], Sequence[EventPiece | TextPiece]],
    ) -> None:
        self.run = run
        self._after = after
        self._pieces = pieces

    def read(self, _: installkit.RunSnapshot) -> Reading:
        """Read the next events, if there are any."""
        events = list(self.run.events(after=self._after, limit=PAGE))
        if events:
            self._after = events[-1].seq
        return Reading(self._pieces(self.run, events), more=bool(events))

    def end(self, now: installkit.RunSnapshot) -> End | None:
        """Return the end if the run has ended, else None."""
        if not now.status.final:
            return None
        return End(now.status.value, self._after, sum(step.log_size for step in now.steps))


def with_text(run: installkit.Run, events: Sequence[installkit.Event]) -> Sequence[EventPiece]:
    """Return each of *events* with the text that it printed."""
    return [EventPiece(event, _printed(run, event, event)) for event in events]


def text_alone(run: installkit.Run, events: Sequence[installkit.Event]) -> Sequence[TextPiece]:
    """Return the text that *events* printed, one piece for consecutive events of the same step."""
    printing = [event for event in events if event.log and event.step]
    pieces = []
    for step, group in itertools.groupby(printing, key=lambda event: event.step):
        members = list(group)
        pieces.append(TextPiece(members[-1].seq, step or "", _printed(run, members[0], members[-1])))
    return pieces


def step_of(snapshot: installkit.RunSnapshot, step: str) -> installkit.StepSnapshot:
    """Return the step of *snapshot* with the id *step*."""
    return next(candidate for candidate in snapshot.steps if candidate.id == step)


def step_ended(snapshot: installkit.RunSnapshot, step: str) -> bool:
    """Return whether *step* will print nothing more."""
    return snapshot.status.final or step_of(snapshot, step).status.final


def cut_to_characters(data: bytes) -> bytes:
    """Return *data* without an incomplete last character of UTF-8."""
    for back, byte in enumerate(reversed(data[-4:]), start=1):
        if byte < 0x80:  # noqa: PLR2004 - one of ASCII
            return data
        if byte >= 0xC0:  # noqa: PLR2004 - the first byte of two to four
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4  # noqa: PLR2004 - as above
            return data if back >= size else data[:-back]
    return data


def _printed(run: installkit.Run, first: installkit.Event, last: installkit.Event) -> bytes:
    if first.log is None or last.log is None or first.step is None:
        return b""
    return run.log(first.step, offset=first.log.start, size=last.log.end - first.log.start)
