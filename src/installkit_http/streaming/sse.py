"""Streams over HTTP: server-sent events and chunked text, with an exact beginning and end."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import anyio
import attrs
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

import installkit
from installkit_http.problems import ProblemError, problem_response
from installkit_http.streaming.feeds import Feeds, StreamBrokenError
from installkit_http.streaming.viewers import ArrivalPiece, End, EventPiece, Heartbeat, LogPiece, Piece, TextPiece

EVENT_STREAM = "text/event-stream"

HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
"""For proxies: they must neither store nor buffer the answer."""

RETRY = 1000
"""Milliseconds after which a browser connects again."""

LINE_ENDS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}
"""Characters that JSON does not escape, but that many clients treat as the end of a line."""


class StreamResponse(Response):
    """
    An answer that is sent piece by piece; what is not sent yet stays in the journal.

    If the stream breaks, the connection is closed without the mark of a complete body, so that no client mistakes it
    for the end; a server-sent stream ends without its `end` event. If too many streams are open already, the answer is
    503.

    Args:
        feeds: The feeds of the service.
        pieces: The pieces to send.
        encode: Returns a piece as bytes; empty for pieces that are not sent.
        media_type: `text/event-stream` or a kind of text.
    """

    def __init__(
        self, feeds: Feeds, pieces: AsyncIterator[Piece], encode: Callable[[Piece], bytes], *, media_type: str
    ) -> None:
        super().__init__(None, 200, HEADERS, media_type)
        del self.headers["content-length"]
        self._feeds = feeds
        self._pieces = pieces
        self._encode = encode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send pieces until the end, or until the client has disconnected."""
        with self._feeds.place() as available:
            if available:
                await self._send(scope, receive, send)
                return
            problem = ProblemError(
                503,
                "too_many_streams",
                f"{self._feeds.most} streams are open already, as many as this service allows",
                remedy="close some, or start the service with a larger --max-streams;"
                " nothing is lost: go on from your cursor",
                headers={"retry-after": "5"},
            )
            await problem_response(problem)(scope, receive, send)

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        async with anyio.create_task_group() as group:

            async def _listen() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(_listen)
            complete = True
            if self.media_type == EVENT_STREAM:
                await send({"type": "http.response.body", "body": f"retry: {RETRY}\n\n".encode(), "more_body": True})
            try:
                async for piece in self._pieces:
                    if body := self._encode(piece):
                        await send({"type": "http.response.body", "body": body, "more_body": True})
            except (StreamBrokenError, installkit.InstallkitError, FileNotFoundError):  # the last two: pruned meanwhile
                complete = self.media_type == EVENT_STREAM
            if complete:
                await send({"type": "http.response.body", "body": b""})
            group.cancel_scope.cancel()


def as_text(piece: Piece) -> bytes:
    """Return the printed bytes of *piece*; for an event, a line with its JSON."""
    if isinstance(piece, LogPiece | TextPiece):
        return piece.data
    if isinstance(piece, EventPiece):
        return _json(event_to_wire(piece)) + b"\n"
    if isinstance(piece, ArrivalPiece):
        return _json(installkit.to_wire(piece.arrival)) + b"\n"
    return b""


def as_event_stream(piece: Piece) -> bytes:
    """Return *piece* as a server-sent event whose id is the next cursor."""
    if isinstance(piece, Heartbeat):
        return b": nothing new\n\n"
    if isinstance(piece, LogPiece):
        return _server_sent("log", piece.end, {"offset": piece.offset, "text": _text(piece.data)})
    if isinstance(piece, TextPiece):
        return _server_sent("log", piece.seq, {"seq": piece.seq, "step": piece.step, "text": _text(piece.data)})
    if isinstance(piece, EventPiece):
        return _server_sent("event", piece.event.seq, event_to_wire(piece))
    if isinstance(piece, ArrivalPiece):
        return _server_sent("event", piece.arrival.cursor, installkit.to_wire(piece.arrival))
    raise TypeError(f"{piece!r} needs to know its cursor: see ending_at")


def ending_at(cursor: Callable[[End], int]) -> Callable[[Piece], bytes]:
    """Return an `as_event_stream` that also encodes the end of a stream; *cursor* returns the cursor there."""

    def _encode(piece: Piece) -> bytes:
        if isinstance(piece, End):
            return _server_sent("end", cursor(piece), attrs.asdict(piece))
        return as_event_stream(piece)

    return _encode


def event_to_wire(piece: EventPiece) -> dict[str, Any]:
    """Return the event as a JSON value; what it printed is the `text` in its `log`, if that was asked for."""
    wire: dict[str, Any] = installkit.to_wire(piece.event)
    if piece.printed is not None and wire["log"] is not None:
        wire["log"]["text"] = _text(piece.printed)
    return wire


def _server_sent(kind: str, cursor: int | str, data: dict[str, Any]) -> bytes:
    return f"id: {cursor}\nevent: {kind}\ndata: ".encode() + _json(data) + b"\n\n"


def _json(data: dict[str, Any]) -> bytes:
    """Return *data* as one line of JSON: printed text must not end a line of the stream."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character, escape in LINE_ENDS.items():
        text = text.replace(character, escape)
    return text.encode()


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
