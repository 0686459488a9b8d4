"""What one viewer sees of a run: pieces from its cursor on, as they come; live and long ago are the same."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import attrs
from starlette.concurrency import run_in_threadpool

import installkit
from installkit_http.feeds import Feeds

HEARTBEAT = 10.0
"""Seconds of silence after which a viewer is told that the stream lives."""

CHUNK = 1 << 16
"""Bytes of a log read at once."""

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


async def watch_log(
    feeds: Feeds, run: installkit.Run, step: str, offset: int, *, follow: bool, whole_characters: bool
) -> AsyncIterator[LogPiece | Heartbeat | End]:
    """
    Yield the log of *step* from byte *offset* on; with *follow* to its end, else to where it ends now.

    Args:
        feeds: Of the service.
        run: One of this viewer's own.
        step: A step's id.
        offset: Of the first byte wanted.
        follow: Wait for what is printed later.
        whole_characters: Let no piece end within a character of UTF-8.

    Raises:
        StreamBrokenError: If it stops before its end.
    """
    async with feeds.watch(run.id) as feed:
        while True:
            now = feed.now  # before the bytes: what is written until then belongs to the end
            ended = step_ended(now, step)
            data = await run_in_threadpool(run.log, step, offset=offset, size=CHUNK)
            if whole_characters:
                data = cut_to_characters(data) or (data if ended else b"")
            if data:
                yield LogPiece(offset, data)
                offset += len(data)
            elif ended:
                yield End(step_of(now, step).status.value, now.last_seq, offset)
                return
            elif not follow:
                return
            elif not await feed.wait(now, HEARTBEAT):
                yield Heartbeat()


async def watch_events(
    feeds: Feeds,
    run: installkit.Run,
    after: int,
    *,
    follow: bool,
    pieces: Callable[[installkit.Run, Sequence[installkit.Event]], Sequence[EventPiece | TextPiece]],
) -> AsyncIterator[EventPiece | TextPiece | Heartbeat | End]:
    """
    Yield what *pieces* makes of the events after the one numbered *after*; with *follow* to the run's end.

    Raises:
        StreamBrokenError: If it stops before its end.
    """

    def _next() -> tuple[int, Sequence[EventPiece | TextPiece]]:
        events = list(run.events(after=after, limit=PAGE))
        return (events[-1].seq if events else after), pieces(run, events)

    async with feeds.watch(run.id) as feed:
        while True:
            now = feed.now  # before the events, as above
            last, found = await run_in_threadpool(_next)
            for piece in found:
                yield piece
            if last > after:
                after = last
            elif now.status.final:
                yield End(now.status.value, after, sum(step.log_size for step in now.steps))
                return
            elif not follow:
                return
            elif not await feed.wait(now, HEARTBEAT):
                yield Heartbeat()


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
