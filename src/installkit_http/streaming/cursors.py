"""Where a stream begins: cursors, ranges, and the kind of answer that a client wants."""

import re

import attrs
from starlette.requests import Request
from starlette.responses import Response

from installkit_http.problems import Mistake, ProblemError, invalid
from installkit_http.streaming.sse import EVENT_STREAM

JSON = "application/json"
TEXT = "text/plain"

MEDIA = (EVENT_STREAM, TEXT, JSON)

_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})?|bytes=-(\d{1,18})")


@attrs.frozen
class Range:
    """Bytes of a log: from `start` up to, not including, `end`."""

    start: int
    end: int


def wanted_media(request: Request, *, follow: bool, default: str) -> str:
    """
    Return the kind of answer that *request* accepts.

    Raises:
        ProblemError: If none of ours is, or a page is to be followed.
    """
    accepted = [each.partition(";")[0].strip().lower() for each in request.headers.get("accept", "*/*").split(",")]
    found = next((media for media in MEDIA if media in accepted), None)
    if found is None and not {"*/*", "text/*", "application/*", ""} & set(accepted):
        raise ProblemError(
            406, "not_acceptable", f"none of {', '.join(accepted)} can be had", remedy=f"accept {' or '.join(MEDIA)}"
        )
    if found is None:
        found = TEXT if follow else default
    if found == JSON and follow:
        raise invalid([Mistake("/query/follow", f"a page does not roll; accept {EVENT_STREAM} or {TEXT}")])
    return found


def last_event_id(request: Request) -> int | None:
    """
    Return the cursor with which a browser connects again; None at its first time.

    Raises:
        ProblemError: If it is none.
    """
    given = request.headers.getlist("last-event-id")
    if not given:
        return None
    if len(given) > 1 or not re.fullmatch(r"\d{1,18}", given[0], re.ASCII):
        raise invalid([Mistake("/header/Last-Event-ID", f"a cursor is one whole number, not {', '.join(given)!r}")])
    return int(given[0])


def check_cursor(name: str, value: int) -> None:
    """Raise a `ProblemError` if *value*, the query's *name*, is not a cursor."""
    if value < 0:
        raise invalid([Mistake(f"/query/{name}", f"is 0 or more, not {value}")])


def beyond_end(what: str, cursor: int, end: int) -> ProblemError:
    """Return the problem of a *cursor* after the *end* of *what*."""
    return ProblemError(
        416,
        "beyond_end",
        f"{cursor} lies beyond the end of {what}, which is at {end} now",
        remedy="is the cursor another stream's? Begin at 0 where you have none",
        end=end,
    )


def wanted_range(request: Request, size: int) -> Range | None:
    """
    Return the bytes that the `Range` header wants of a log of *size* bytes; None if it wants none that we know.

    Raises:
        ProblemError: If they lie beyond the log.
    """
    found = _RANGE.fullmatch(request.headers.get("range", ""))
    if found is None:
        return None  # RFC 9110: a Range that is not understood is passed over
    first, last, suffix = found.groups()
    start = max(0, size - int(suffix)) if suffix else int(first)
    end = size if suffix or not last else min(int(last) + 1, size)
    if start >= end:
        problem = beyond_end("the log", start, size)
        if start < size:
            problem = ProblemError(416, "beyond_end", f"the range {first}-{last} ends before it begins", end=size)
        problem.headers["content-range"] = f"bytes */{size}"
        raise problem
    return Range(start, end)


def stream_over() -> Response:
    """Return what tells a browser that connects again to stop: there is nothing more."""
    return Response(None, 204)
