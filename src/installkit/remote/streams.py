"""
Following a run over HTTP: what comes in pieces, and goes on by itself where a connection broke.

A stream knows its cursor and nothing of connections: it says what to ask for, and takes the bytes that come. So a thread
and an event loop drive the same streams. A piece moves the cursor before it is handed on, and only whole pieces count: a
stream that is asked for again goes on after the last one, without gap or doubling. The end is told by the service, never
by a connection that closes.
"""

import asyncio
import contextlib
import itertools
import json
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from installkit.errors import InstallkitError
from installkit.model import Arrival, Event, RunStatus, StepStatus, from_wire
from installkit.remote.service import BUSY, Service, parameters, part

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")

SILENCE = 30.0
"""Seconds of silence after which a connection counts as dead: a service sends a sign of life every 10 s, but not in a log."""

STEADY = 5.0
"""Seconds that a connection must have lasted to count as one that works, even if nothing came."""

WAITS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each further attempt; the last is repeated."""


class Stream(ABC, Generic[T]):
    """
    Something that is followed.

    Attributes:
        path: Its address.
        media: The media type to ask for.
        ended: Whether the service has told its end.
        closing: The address of what tells whether it has ended, for a stream that ends with its connection; else None.
    """

    media: str

    def __init__(self, path: str, closing: str | None = None) -> None:
        self.path = path
        self.closing = closing
        self.ended = False

    @abstractmethod
    def query(self) -> dict[str, Any]:
        """Return the query that asks for what comes after the cursor."""

    @abstractmethod
    def feed(self, data: bytes) -> Iterator[T]:
        """Yield the pieces that *data* completes, and move the cursor behind each."""

    def begin(self) -> None:
        """Forget the rest of a piece that was not whole: another connection begins."""

    def closed(self, answer: Mapping[str, Any]) -> None:
        """Decide by the *answer* at `closing` whether what ended in good order is the end."""


class ServerSentStream(Stream[T]):
    """Pieces that come as server-sent events."""

    media = "text/event-stream"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._rest = b""
        self._fields: dict[str, str] = {}

    @abstractmethod
    def piece(self, data: Any) -> T | None:
        """Return the piece in *data*, from JSON, and move the cursor behind it; None for one that came before."""

    def begin(self) -> None:
        """Forget half an event."""
        self._rest, self._fields = b"", {}

    def feed(self, data: bytes) -> Iterator[T]:
        """Yield the pieces in *data*, line by line; a line that begins with a colon is a sign of life."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            name, _, value = line.rstrip(b"\r").decode().partition(":")
            if name:
                value = value.removeprefix(" ")
                self._fields[name] = f"{self._fields[name]}\n{value}" if name in self._fields else value
            elif not line.strip():
                fields, self._fields = self._fields, {}
                self.ended = self.ended or fields.get("event") == "end"
                if fields.get("event") == "event" and (piece := self.piece(json.loads(fields["data"]))) is not None:
                    yield piece


class EventStream(ServerSentStream[Event]):
    """
    The events of a run.

    Args:
        run: A run's id.
        after: The `seq` of the event before the first.
    """

    def __init__(self, run: str, after: int) -> None:
        super().__init__(f"/runs/{part(run)}/events")
        self._after = after

    def query(self) -> dict[str, Any]:
        """Return the query for the events after the last one."""
        return {"follow": True, "after": self._after}

    def piece(self, data: Any) -> Event | None:
        """Return the next event."""
        event = from_wire(Event, data)
        if event.seq <= self._after:
            return None
        self._after = event.seq
        return event


class ArrivalStream(ServerSentStream[Arrival]):
    """
    The events of all runs, which have no end.

    Args:
        query: What narrows them, and the cursor `after` that they begin after.
    """

    def __init__(self, query: Mapping[str, Any]) -> None:
        super().__init__("/events")
        self._query = dict(query)

    def query(self) -> dict[str, Any]:
        """Return the query for the events after the last one."""
        return {**self._query, "follow": True}

    def piece(self, data: Any) -> Arrival:
        """Return the next event."""
        arrival = from_wire(Arrival, data)
        self._query["after"] = arrival.cursor
        return arrival


class LogStream(Stream[bytes]):
    """
    The log of one step, byte for byte.

    Args:
        run: A run's id.
        step: A step's id.
        offset: The first byte.
    """

    media = "text/plain"

    def __init__(self, run: str, step: str, offset: int) -> None:
        super().__init__(f"/runs/{part(run)}/steps/{part(step)}/log", closing=f"/runs/{part(run)}")
        self._step = step
        self._offset = offset

    def query(self) -> dict[str, Any]:
        """Return the query for the bytes from the next one on."""
        return {"follow": True, "offset": self._offset}

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield *data*."""
        self._offset += len(data)
        if data:
            yield data

    def closed(self, answer: Mapping[str, Any]) -> None:
        """Take the end of the body for that of the log if the step has ended, and no more bytes are in its log."""
        step = next(step for step in answer["steps"] if step["id"] == self._step)
        final = RunStatus(answer["status"]).final or StepStatus(step["status"]).final
        self.ended = final and self._offset >= step["log_size"]


class _Patience:
    """How long to wait before the next attempt, and when to give up."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._failures = 0
        self._since: float | None = None

    def reset(self) -> None:
        self._failures, self._since = 0, None

    def wait(self, error: InstallkitError) -> float:
        """
        Return the seconds until the next attempt.

        Raises:
            InstallkitError: The *error* of the last attempt, if the time is over.
        """
        now = time.monotonic()
        self._since = now if self._since is None else self._since
        if now - self._since > self._service.patience:
            raise error
        self._failures += 1
        return WAITS[min(self._failures, len(WAITS)) - 1]


class Follower(Generic[T]):
    """
    Drives a stream over as many connections as it takes.

    Args:
        service: Where it is.
        stream: What is followed.
        timeout: Seconds after which a `TimeoutError` is raised, for who waits in a thread; None for none.
    """

    def __init__(self, service: Service, stream: Stream[T], *, timeout: float | None = None) -> None:
        self._service = service
        self._stream = stream
        self._patience = _Patience(service)
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._opened = 0.0
        self._silence = SILENCE
        self._failed: InstallkitError | None = None

    def follow(self) -> Iterator[T]:
        """
        Yield the pieces until the end.

        Raises:
            TimeoutError: If the time is over.
            ServiceError: If no connection could be had for as long as the service's `patience`.
        """
        while not self._stream.ended:
            try:
                with self._service.client.stream(**self._request()) as response:
                    if not response.is_success:
                        response.read()
                        self._refuse(response)
                    for data in response.iter_bytes():
                        for piece in self._stream.feed(data):
                            self._patience.reset()
                            yield piece
                        if self._stream.ended or self._needs_shorter_silence():
                            break  # not a failure: it is asked for again at once
                    else:
                        if self._stream.closing:
                            self._stream.closed(self._service.get(self._stream.closing))
            except (self._service.network_error, _BusyError) as exc:
                self._note(exc)
            if not self._stream.ended:
                self._check_time()
                time.sleep(self._pause())

    def async_client(self) -> "httpx2.AsyncClient":
        """Return a client for `afollow`, to be shared by the followers of one event loop, and closed."""
        return self._service.async_client()

    async def afollow(self, client: "httpx2.AsyncClient") -> AsyncGenerator[T, None]:
        """Yield the same on an event loop; whoever stops it closes the connection at once."""
        while not self._stream.ended:
            try:
                async with client.stream(**self._request()) as response:
                    if not response.is_success:
                        await response.aread()
                        self._refuse(response)
                    async for data in response.aiter_bytes():
                        for piece in self._stream.feed(data):
                            self._patience.reset()
                            yield piece
                        if self._stream.ended:
                            break
                    else:
                        if self._stream.closing:
                            answer = await client.get(self._stream.closing)
                            if not answer.is_success:
                                self._refuse(answer)
                            self._stream.closed(answer.json())
            except (self._service.network_error, _BusyError) as exc:
                self._note(exc)
            if not self._stream.ended:
                await asyncio.sleep(self._pause())

    def _request(self) -> dict[str, Any]:
        self._opened, self._failed = time.monotonic(), None
        self._silence = SILENCE if self._deadline is None else max(0.05, min(SILENCE, self._deadline - self._opened))
        self._stream.begin()
        return {
            "method": "GET",
            "url": self._stream.path,
            "params": parameters(self._stream.query()),
            "headers": {"accept": self._stream.media, "accept-encoding": "identity"},
            "timeout": self._service.timeout(read=self._silence),
        }

    def _refuse(self, response: "httpx2.Response") -> NoReturn:
        error = self._service.error_of(response)
        if response.status_code in BUSY:
            raise _BusyError(error) from error
        raise error

    def _note(self, error: Exception) -> None:
        self._failed = error.args[0] if isinstance(error, _BusyError) else self._service.unreachable(error)

    def _pause(self) -> float:
        """Return the seconds before the next connection; a connection that lasted begins a new count."""
        if self._needs_shorter_silence():
            return 0.0
        if time.monotonic() - self._opened > STEADY:
            self._patience.reset()
        return self._patience.wait(self._failed or self._service.broken_off())

    def _needs_shorter_silence(self) -> bool:
        """Return whether the connection may be silent for much longer than there is time left."""
        if self._deadline is None or self._failed is not None:
            return False
        return self._silence > 1.1 * (self._deadline - time.monotonic()) + 0.1

    def _check_time(self) -> None:
        if self._deadline is not None and time.monotonic() >= self._deadline:
            raise TimeoutError


class HostLogFollower(Follower[bytes]):
    """
    Follows what a run prints about a host.

    Args:
        events: All that is to come.
        passes: Tells whether an event is about the host.
        printed: Returns what an event printed.
        begin: What to begin with.
    """

    def __init__(
        self,
        events: Follower[Event],
        passes: Callable[[Event], bool],
        printed: Callable[[Event], bytes],
        begin: bytes,
    ) -> None:
        self._events = events
        self._passes = passes
        self._printed = printed
        self._begin = begin

    def follow(self) -> Iterator[bytes]:
        """Yield the text of each event."""
        texts = map(self._printed, filter(self._passes, self._events.follow()))
        return filter(None, itertools.chain([self._begin], texts))

    async def afollow(self, client: "httpx2.AsyncClient") -> AsyncGenerator[bytes, None]:
        """Yield the same on an event loop."""
        if self._begin:
            yield self._begin
        async with contextlib.aclosing(self._events.afollow(client)) as events:
            async for event in events:
                if self._passes(event) and (text := await asyncio.to_thread(self._printed, event)):
                    yield text

    def async_client(self) -> "httpx2.AsyncClient":
        """Return a client for `afollow`."""
        return self._events.async_client()


class _BusyError(Exception):
    """The service, or a proxy before it, answers that it cannot now; its argument is the error for that."""
