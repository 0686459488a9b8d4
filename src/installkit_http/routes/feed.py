from datetime import datetime

import attrs
from starlette.responses import Response

import installkit
from installkit_http.operations import Operation
from installkit_http.parsing import MOST_ITEMS
from installkit_http.problems import Mistake, invalid
from installkit_http.responses import answer
from installkit_http.service import Call
from installkit_http.streaming.cursors import JSON, TEXT, wanted_media
from installkit_http.streaming.sse import EVENT_STREAM, StreamResponse, as_event_stream, as_text
from installkit_http.streaming.viewers import watch_all

NARROWING = ("run", "site", "component", "host", "step", "kind", "status", "since", "until")


@attrs.frozen(kw_only=True)
class FeedQuery:
    """
    Which events of all runs the answer contains; what may be repeated lets several values through.

    Attributes:
        after: Only events that arrived after this `cursor`; `now` for those to come.
        last: Begin with so many of the newest events; instead of `after`.
        limit: Events on a page, from 1 to 1000.
        run: The id of a run; may be repeated, as all of these.
        site: The site of the run.
        component: The component of the step.
        step: The id of a step.
        status: The status of a result, or of a step or run that has ended.
        since: Only events from then on; a time with its zone.
        until: Only events before.
    """

    after: str | None = None
    last: int | None = None
    follow: bool = False
    limit: int = 250
    run: tuple[str, ...] = ()
    site: tuple[str, ...] = ()
    component: tuple[str, ...] = ()
    host: tuple[str, ...] = ()
    step: tuple[str, ...] = ()
    kind: tuple[installkit.EventKind, ...] = ()
    status: tuple[installkit.EventStatus, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def __attrs_post_init__(self) -> None:
        mistakes = []
        if not 1 <= self.limit <= MOST_ITEMS:
            mistakes.append(Mistake("/query/limit", f"is from 1 to {MOST_ITEMS}, not {self.limit}"))
        if self.last is not None and not 0 <= self.last <= MOST_ITEMS:
            mistakes.append(Mistake("/query/last", f"is from 0 to {MOST_ITEMS}, not {self.last}"))
        if self.last is not None and self.after is not None:
            mistakes.append(Mistake("/query/last", "does not go with after: both say where to begin"))
        if mistakes:
            raise invalid(mistakes)


def stream_arrivals(call: Call) -> Response:
    """
    Answer with the events of all runs, in the order in which they arrived; with `follow`, also those to come.

    On a page, `next` is the cursor to go on from, also where there is nothing more yet.
    """
    query, feeds = call.query, call.service.feeds
    media = wanted_media(call.request, follow=query.follow, default=JSON)
    reader = _reader(call)
    if media == JSON:
        arrivals = reader.read(query.limit)
        return answer({"items": arrivals, "next": reader.cursor})
    encode = as_event_stream if media == EVENT_STREAM else as_text
    return StreamResponse(feeds, watch_all(feeds, reader, follow=query.follow), encode, media_type=media)


def _reader(call: Call) -> installkit.ArrivalReader:
    """Return a reader that begins where the client was, if it connects again, else where it says."""
    query = call.query
    wanted = {name: getattr(query, name) for name in NARROWING}
    again = call.request.headers.get("last-event-id")
    try:
        if again is not None:
            return call.installer.arrival_reader(after=again, **wanted)
        return call.installer.arrival_reader(after=query.after, last=query.last, **wanted)
    except ValueError as exc:
        raise invalid([Mistake("/query/after" if again is None else "/header/Last-Event-ID", str(exc))]) from exc


OPERATIONS = (
    Operation(
        method="GET",
        path="/events",
        scope=installkit.Scope.READ,
        handle=stream_arrivals,
        summary="The events of all runs, after a cursor; live with `follow`",
        query=FeedQuery,
        media=(JSON, EVENT_STREAM, TEXT),
    ),
)
