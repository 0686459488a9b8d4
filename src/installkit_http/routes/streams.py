from collections.abc import Callable, Sequence
from typing import Any

import attrs
from starlette.responses import Response, StreamingResponse

import installkit
from installkit_http.operations import Operation
from installkit_http.parsing import MOST_ITEMS
from installkit_http.problems import Mistake, invalid
from installkit_http.responses import answer
from installkit_http.service import Call
from installkit_http.streaming.cursors import (
    JSON,
    TEXT,
    beyond_end,
    check_cursor,
    last_event_id,
    stream_over,
    wanted_media,
    wanted_range,
)
from installkit_http.streaming.sse import EVENT_STREAM, HEADERS, StreamResponse, as_text, ending_at, event_to_wire
from installkit_http.streaming.viewers import (
    CHUNK,
    End,
    EventPiece,
    EventViewer,
    LogViewer,
    Viewer,
    cut_to_characters,
    step_ended,
    step_of,
    text_alone,
    watch,
    with_text,
)

MOST_LOOKED_AT = 50_000
"""How many events are searched for one page: that takes about a second."""

Wants = Callable[[installkit.Event], bool]


@attrs.frozen(kw_only=True)
class EventsQuery:
    """
    Filters of the events.

    Attributes:
        after: Only events with a greater `seq`.
        limit: Events on a page, from 1 to 1000, that pass the filters.
        log: Whether each event has the text that it printed.
        step: The id of a step, or a component for all its changing steps; may be repeated, as all of these.
        status: The status of a result, or of a step or run that has ended.
    """

    after: int = 0
    follow: bool = False
    limit: int = 250
    log: bool = False
    step: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    kind: tuple[installkit.EventKind, ...] = ()
    status: tuple[installkit.EventStatus, ...] = ()

    def __attrs_post_init__(self) -> None:
        check_cursor("after", self.after)
        if not 1 <= self.limit <= MOST_ITEMS:
            raise invalid([Mistake("/query/limit", f"is from 1 to {MOST_ITEMS}, not {self.limit}")])


@attrs.frozen(kw_only=True)
class LogQuery:
    """
    Which part of a step's log the answer contains.

    Attributes:
        offset: The position of the first byte.
        limit: Bytes on a page, from 4 to 1048576. Text without `follow` is limited only if this is given.
    """

    offset: int = 0
    follow: bool = False
    limit: int = CHUNK

    def __attrs_post_init__(self) -> None:
        check_cursor("offset", self.offset)
        if not 4 <= self.limit <= 1 << 20:  # noqa: PLR2004 - a character may have four bytes
            raise invalid([Mistake("/query/limit", f"is from 4 to {1 << 20}, not {self.limit}")])


@attrs.frozen(kw_only=True)
class TextQuery:
    """
    Which part of a run's text the answer contains.

    Attributes:
        after: The `seq` of the event after which the text begins.
    """

    after: int = 0
    follow: bool = False

    def __attrs_post_init__(self) -> None:
        check_cursor("after", self.after)


def stream_events(call: Call) -> Response:
    """Answer with the events of a run: a page, or all; with `follow`, also those to come."""
    query, run = call.query, call.kept_run()
    media = wanted_media(call.request, follow=query.follow, default=JSON)
    call.check_filters(run)
    wants = run.event_filter(kind=query.kind, host=query.host, step=query.step, status=query.status)
    after, over = _place(call, run, query.after)
    if over and media == EVENT_STREAM:
        return stream_over()
    if media == JSON:
        return answer(_event_page(run, query, after, wants))

    def _pieces(run: installkit.Run, events: Sequence[installkit.Event]) -> Sequence[EventPiece]:
        matching = [event for event in events if wants(event)]
        return with_text(run, matching) if query.log else [EventPiece(event) for event in matching]

    return _stream(call, EventViewer(run, after, _pieces), media, lambda end: end.last_seq)


def stream_text(call: Call) -> Response:
    """Answer with all that a run printed, in the order of its events; with `follow`, also the text to come."""
    query, run = call.query, call.kept_run()
    media = wanted_media(call.request, follow=query.follow, default=TEXT)
    after, over = _place(call, run, query.after)
    if over and media == EVENT_STREAM:
        return stream_over()
    if media == JSON:
        now = run.snapshot()
        events = list(run.events(after=after, limit=MOST_ITEMS))
        last = events[-1].seq if events else after
        items = [
            {"seq": piece.seq, "step": piece.step, "text": piece.data.decode(errors="replace")}
            for piece in text_alone(run, events)
        ]
        return answer({"items": items, "next": last, "complete": now.status.final and last == now.last_seq})
    return _stream(call, EventViewer(run, after, text_alone), media, lambda end: end.last_seq)


def stream_log(call: Call) -> Response:
    """Answer with the log of a step: a page, a range, or all; with `follow`, also the bytes to come."""
    query, run = call.query, call.kept_run()
    step = call.step(run)
    media = wanted_media(call.request, follow=query.follow, default=TEXT)
    now = run.snapshot()
    again = last_event_id(call.request)
    offset = query.offset if again is None else again
    size, ended = step_of(now, step).log_size, step_ended(now, step)
    if offset > size and not run.log(step, offset=offset - 1, size=1):
        raise beyond_end(f"the log of {step}", offset, size)
    if media == EVENT_STREAM and again is not None and ended and offset >= size:
        return stream_over()
    if media == JSON:
        data = run.log(step, offset=offset, size=query.limit)
        text = cut_to_characters(data) or (data if ended else b"")
        end = offset + len(text)
        page = {"offset": offset, "text": text.decode(errors="replace"), "next": end, "complete": ended and end == size}
        return answer(page)
    if media == TEXT and not query.follow:
        return _log_text(call, run, step, now, offset)
    viewer = LogViewer(run, step, offset, whole_characters=media == EVENT_STREAM)
    return _stream(call, viewer, media, lambda end: end.log_size)


def _stream(call: Call, viewer: Viewer, media: str, cursor: Callable[[End], int]) -> Response:
    encode = ending_at(cursor) if media == EVENT_STREAM else as_text
    pieces = watch(call.service.feeds, viewer, follow=call.query.follow)
    return StreamResponse(call.service.feeds, pieces, encode, media_type=media)


def _place(call: Call, run: installkit.Run, after: int) -> tuple[int, bool]:
    """Return the `seq` after which to continue, and whether a client that connects again has everything already."""
    again = last_event_id(call.request)
    cursor = after if again is None else again
    now = run.snapshot()
    if cursor > now.last_seq:
        raise beyond_end(f"the events of run {run.id}", cursor, now.last_seq)
    return cursor, again is not None and now.status.final and cursor == now.last_seq


def _log_text(call: Call, run: installkit.Run, step: str, now: installkit.RunSnapshot, offset: int) -> Response:
    """Answer with a range of a log, a part of it, or all that is there now."""
    size = step_of(now, step).log_size
    if part := wanted_range(call.request, size):
        total = str(size) if step_ended(now, step) else "*"
        headers = {"content-range": f"bytes {part.start}-{part.end - 1}/{total}", "accept-ranges": "bytes"}
        headers["content-length"] = str(part.end - part.start)
        chunks = (
            run.log(step, offset=start, size=min(CHUNK, part.end - start))
            for start in range(part.start, part.end, CHUNK)
        )
        return StreamingResponse(chunks, 206, headers, media_type=TEXT)
    if "limit" in call.request.query_params:
        return Response(run.log(step, offset=offset, size=call.query.limit), headers=HEADERS, media_type=TEXT)
    viewer = LogViewer(run, step, offset, whole_characters=False)
    response = _stream(call, viewer, TEXT, lambda end: end.log_size)
    response.headers["accept-ranges"] = "bytes"
    return response


def _event_page(run: installkit.Run, query: EventsQuery, after: int, wants: Wants) -> dict[str, Any]:
    now = run.snapshot()  # taken before the events are read, so that they include all that it counts
    matching: list[installkit.Event] = []
    last = after
    for event in run.events(after=after, limit=MOST_LOOKED_AT):
        last = event.seq
        if wants(event):
            matching.append(event)
        if len(matching) == query.limit:
            break
    pieces = with_text(run, matching) if query.log else [EventPiece(event) for event in matching]
    complete = now.status.final and last == now.last_seq
    return {"items": [event_to_wire(piece) for piece in pieces], "next": last, "complete": complete}


READ = installkit.Scope.READ

OPERATIONS = (
    Operation(
        method="GET",
        path="/runs/{run}/events",
        scope=READ,
        handle=stream_events,
        summary="The events of a run, after a cursor; live with `follow`",
        query=EventsQuery,
        media=(JSON, EVENT_STREAM, TEXT),
    ),
    Operation(
        method="GET",
        path="/runs/{run}/steps/{step}/log",
        scope=READ,
        handle=stream_log,
        summary="What a step printed, byte for byte, from an offset; live with `follow`",
        query=LogQuery,
        media=(TEXT, EVENT_STREAM, JSON),
    ),
    Operation(
        method="GET",
        path="/runs/{run}/log",
        scope=READ,
        handle=stream_text,
        summary="What a run printed, in the order of its events; live with `follow`",
        query=TextQuery,
        media=(TEXT, EVENT_STREAM, JSON),
    ),
)
