"""The beginning of a stream: cursors, ranges, and the media type that a client accepts."""

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
    Return the media type for the answer to *request*.

    Raises:
        ProblemError: If the client accepts none of `MEDIA`, or asks to follow a page.
    """
    accepted = [entry.partition(";")[0].strip().lower() for entry in request.headers.get("accept", "*/*").split(",")]
    chosen = next((media for media in MEDIA if media in accepted), None)
    if chosen is None and not {"*/*", "text/*", "application/*", ""} & set(accepted):
        raise ProblemError(
            406, "not_acceptable", f"none of {', '.join(accepted)} can be had", remedy=f"accept {' or '.join(MEDIA)}"
        )
    if chosen is None:
        chosen = TEXT if follow else default
    if chosen == JSON and follow:
        raise invalid([Mistake("/query/follow", f"a page cannot be followed; accept {EVENT_STREAM} or {TEXT}")])
    return chosen


def last_event_id(request: Request) -> int | None:
    """
    Return the cursor of a browser that connects again; None at its first connection.

    Raises:
        ProblemError: If the header is not a cursor.
    """
    values = request.headers.getlist("last-event-id")
    if not values:
        return None
    if len(values) > 1 or not re.fullmatch(r"\d{1,18}", values[0], re.ASCII):
        raise invalid([Mistake("/header/Last-Event-ID", f"a cursor is one whole number, not {', '.join(values)!r}")])
    return int(values[0])


def check_cursor(name: str, value: int) -> None:
    """Raise a `ProblemError` if *value*, the query's *name*, is not a cursor."""
    if value < 0:
        raise invalid([Mistake(f"/query/{name}", f"is 0 or more, not {value}")])


def beyond_end(what: str, cursor: int, end: int) -> ProblemError:
    """Return the problem for a *cursor* after the *end* of *what*."""
    return ProblemError(
        416,
        "beyond_end",
        f"{cursor} is after the end of {what}, which is at {end} now",
        remedy="use a cursor of this stream, or begin at 0",
        end=end,
    )


def wanted_range(request: Request, size: int) -> Range | None:
    """
    Return the range in the `Range` header for a log of *size* bytes; None if the header is missing or not understood.

    Raises:
        ProblemError: If the range is beyond the log.
    """
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None:
        return None  # RFC 9110: a Range that is not understood is ignored
    first, last, suffix = match.groups()
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
    """Return the answer that tells a browser not to connect again: there is nothing more."""
    return Response(None, 204)
