"""What one viewer sees of a run: pieces from its cursor on, as they come; live and long ago are the same."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Protocol

import attrs
from starlette.concurrency import run_in_threadpool

import installkit
from installkit_http.streaming.feeds import Feeds

HEARTBEAT = 10.0
"""Seconds of silence after which a viewer is told that the stream lives."""

CHUNK = 1 << 18
"""Bytes of a log read at once: larger is no faster to speak of, and is what a viewer that stalls costs, twice."""

PAGE = 250
"""Events read at once."""


@attrs.frozen
class LogPiece:
    """
    Some bytes of a step's log.

    Attributes:
        offset: Of the first byte.
    """

    offset: int
    data: bytes

    @property
    def end(self) -> int:
        """The offset after the last byte."""
        return self.offset + len(self.data)


@attrs.frozen
class EventPiece:
    """An event, with what it printed if that was asked for."""

    event: installkit.Event
    printed: bytes | None = None


@attrs.frozen
class TextPiece:
    """
    What consecutive events of one step printed.

    Attributes:
        seq: Of the last of these events.
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
    There is nothing more, and never will be.

    Attributes:
        status: The run's, or the step's for its log.
        log_size: Of the step's log; of all logs together for a run.
    """

    status: str
    last_seq: int
    log_size: int


Piece = LogPiece | EventPiece | TextPiece | Heartbeat | End


@attrs.frozen
class Reading:
    """
    What a viewer read at once.

    Attributes:
        pieces: To be shown, in order; there may be none among what was read.
        more: Whether to read again at once: there was something, and there may be more of it.
    """

    pieces: Sequence[Piece]
    more: bool


class Viewer(Protocol):
    """Reads one run, or the log of one of its steps, from its own cursor on."""

    run: installkit.Run

    def read(self, now: installkit.RunSnapshot) -> Reading:
        """Read on; *now*, taken before, tells what is there at least. Called in a thread."""

    def end(self, now: installkit.RunSnapshot) -> End | None:
        """Return the end that is reached when all that belongs to *now* was read; None if more will come."""


async def watch(feeds: Feeds, viewer: Viewer, *, follow: bool) -> AsyncIterator[Piece]:
    """
    Yield what *viewer* reads; with *follow* to its end, else to where it ends now.

    Raises:
        StreamBrokenError: If it stops before its end.
    """
    async with feeds.watch(viewer.run.id) as feed:
        while True:
            now = feed.now  # before the read: what is written until then belongs to the end
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


class LogViewer:
    """
    Reads the log of a step.

    Args:
        run: One of this viewer's own.
        step: A step's id.
        offset: Of the first byte wanted.
        whole_characters: Let no piece end within a character of UTF-8.
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
        """Return the end of a step that has ended."""
        if not step_ended(now, self._step):
            return None
        return End(step_of(now, self._step).status.value, now.last_seq, self._offset)


class EventViewer:
    """
    Reads the events of a run.

    Args:
        run: One of this viewer's own.
        after: The `seq` after which they begin.
        pieces: Makes of events what is shown of them.
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
        """Return the end of a run that has ended."""
        if not now.status.final:
            return None
        return End(now.status.value, self._after, sum(step.log_size for step in now.steps))


def with_text(run: installkit.Run, events: Sequence[installkit.Event]) -> Sequence[EventPiece]:
    """Return each of *events* with what it printed."""
    return [EventPiece(event, _printed(run, event, event)) for event in events]


def text_alone(run: installkit.Run, events: Sequence[installkit.Event]) -> Sequence[TextPiece]:
    """Return what *events* printed, a piece for consecutive ones of the same step."""
    return [
        TextPiece(last.seq, last.step or "", _printed(run, first, last))
        for first, last in _spans([event for event in events if event.log and event.step])
    ]


def step_of(snapshot: installkit.RunSnapshot, step: str) -> installkit.StepSnapshot:
    """Return the step of *snapshot* with the id *step*."""
    return next(each for each in snapshot.steps if each.id == step)


def step_ended(snapshot: installkit.RunSnapshot, step: str) -> bool:
    """Return whether nothing more will be printed by *step*."""
    return snapshot.status.final or step_of(snapshot, step).status.final


def cut_to_characters(data: bytes) -> bytes:
    """Return *data* without a last character that is not whole in UTF-8."""
    for back, byte in enumerate(reversed(data[-4:]), start=1):
        if byte < 0x80:  # noqa: PLR2004 - one of ASCII
            return data
        if byte >= 0xC0:  # noqa: PLR2004 - the first byte of two to four
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4  # noqa: PLR2004 - as above
            return data if back >= size else data[:-back]
    return data


def _spans(events: Sequence[installkit.Event]) -> Iterator[tuple[installkit.Event, installkit.Event]]:
    """Yield the first and last of each group of consecutive events of one step."""
    for _, group in itertools.groupby(events, key=lambda event: event.step):
        members = list(group)
        yield members[0], members[-1]


def _printed(run: installkit.Run, first: installkit.Event, last: installkit.Event) -> bytes:
    if first.log is None or last.log is None or first.step is None:
        return b""
    return run.log(first.step, offset=first.log.start, size=last.log.end - first.log.start)
