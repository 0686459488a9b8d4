"""One reader for each run that somebody watches, however many watch it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator

from starlette.concurrency import run_in_threadpool

import installkit

_log = logging.getLogger("installkit")

POLL = 0.04
"""Seconds between two looks at a live run."""


class StreamBrokenError(Exception):
    """A stream stops before its end: the service does, or the run cannot be read any more."""


class Feed:
    """
    Where one run stands, and a bell for its viewers.

    Nothing is kept for a viewer: each reads the journal for itself, from its own cursor, as fast as it can.

    Attributes:
        now: The last thing seen.
    """

    def __init__(self, run: installkit.Run, now: installkit.RunSnapshot) -> None:
        self.now = now
        self.viewers = 0
        self.closed = False
        self._run = run
        self._bell = asyncio.Event()

    async def read(self) -> None:
        """Look at the run until it has ended."""
        try:
            while not self.now.status.final:
                await asyncio.sleep(POLL)
                now = await run_in_threadpool(self._run.snapshot)
                if (now.last_seq, now.status) != (self.now.last_seq, self.now.status):
                    self.now = now
                    self._ring()
        except Exception:  # noqa: BLE001 - whatever it is, no viewer may wait for ever
            _log.exception("run %s cannot be watched any more", self._run.id)
            self.close()

    def close(self) -> None:
        """Send the viewers away."""
        self.closed = True
        self._ring()

    async def wait(self, seen: installkit.RunSnapshot, timeout: float) -> bool:  # noqa: ASYNC109 - a heartbeat, no end
        """
        Wait until there is more than *seen*, at most *timeout* seconds; return whether there is.

        Raises:
            StreamBrokenError: If there will not be more, although the run has not ended.
        """
        bell = self._bell
        if self.now is seen and not self.closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), timeout)
        if self.closed:
            raise StreamBrokenError
        return self.now is not seen

    def _ring(self) -> None:
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()


class Feeds:
    """
    The feeds of the runs that are watched now; for one event loop.

    Attributes:
        most: How many streams may be open at once.
        open: How many are.
    """

    def __init__(self, installer: installkit.Installer, *, most: int) -> None:
        self.most = most
        self.open = 0
        self._installer = installer
        self._feeds: dict[str, tuple[Feed, asyncio.Task[None]]] = {}
        self._closed = False

    @contextlib.contextmanager
    def place(self) -> Iterator[bool]:
        """Keep a place for one more stream meanwhile; say whether there was one."""
        if self.open >= self.most:
            yield False
            return
        self.open += 1
        try:
            yield True
        finally:
            self.open -= 1

    @contextlib.asynccontextmanager
    async def watch(self, run: str) -> AsyncIterator[Feed]:
        """Give the feed of the run with the id *run*, for as long as somebody watches."""
        if run not in self._feeds:
            opened = await run_in_threadpool(self._installer.run, run)
            now = await run_in_threadpool(opened.snapshot)
            if run not in self._feeds:  # another viewer may have been faster
                feed = Feed(opened, now)
                self._feeds[run] = feed, asyncio.create_task(feed.read())
        if self._closed:
            self.close()
        feed, task = self._feeds[run]
        feed.viewers += 1
        try:
            yield feed
        finally:
            feed.viewers -= 1
            if feed.viewers == 0:
                task.cancel()
                del self._feeds[run]

    def close(self) -> None:
        """End every stream; those that come later end at once."""
        self._closed = True
        for feed, _ in self._feeds.values():
            feed.close()
