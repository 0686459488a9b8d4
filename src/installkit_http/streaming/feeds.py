"""One reader for each watched run, which all viewers of the run share."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator

from starlette.concurrency import run_in_threadpool

import installkit

_log = logging.getLogger("installkit")


class StreamBrokenError(Exception):
    """A stream stops before its end: the service stops, or the run can no longer be read."""


class Feed:
    """
    The state of one run, and a bell that rings for its viewers when the state changes.

    A feed stores nothing for its viewers: each reads the journal itself, from its own cursor, as fast as it can.

    Attributes:
        now: The last state that was read.
    """

    def __init__(self, run: installkit.Run, now: installkit.RunSnapshot, bells: installkit.Bells) -> None:
        self.now = now
        self.viewers = 0
        self.closed = False
        self._run = run
        self._bells = bells
        self._bell = asyncio.Event()

    async def read(self) -> None:
        """Read the state of the run whenever its files change, until it has ended."""
        try:
            with self._bells.bell() as changed:
                changed.keep([self._run.folder])
                while True:
                    now = await run_in_threadpool(self._run.snapshot)
                    if (now.last_seq, now.status) != (self.now.last_seq, self.now.status):
                        self.now = now
                        self._ring()
                    if now.status.final:
                        return
                    await changed.wait()
        except Exception:  # noqa: BLE001 - whatever the error is, no viewer may wait forever
            _log.exception("run %s cannot be watched any more", self._run.id)
            self.close()

    def close(self) -> None:
        """End the streams of all viewers."""
        self.closed = True
        self._ring()

    async def wait(self, seen: installkit.RunSnapshot, timeout: float) -> bool:  # noqa: ASYNC109 - a heartbeat, no end
        """
        Wait at most *timeout* seconds for another state than *seen*; return whether there is one.

        Raises:
            StreamBrokenError: If no other state will come although the run has not ended.
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
    The feeds of all runs that are watched at the moment; for one event loop.

    Attributes:
        most: How many streams may be open at once.
        open: How many streams are open.
        bells: Wake what waits for a change in the data directory.
        closed: Whether all streams are to end.
    """

    def __init__(self, installer: installkit.Installer, *, most: int) -> None:
        self.most = most
        self.open = 0
        self.bells = installkit.Bells()
        self.closed = False
        self._installer = installer
        self._feeds: dict[str, tuple[Feed, asyncio.Task[None]]] = {}

    @contextlib.contextmanager
    def place(self) -> Iterator[bool]:
        """Count one more stream as open until the `with` block ends; yield False if too many are open already."""
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
        """Yield the feed of the run with the id *run*; it is closed after its last viewer has left."""
        if run not in self._feeds:
            opened = await run_in_threadpool(self._installer.run, run)
            now = await run_in_threadpool(opened.snapshot)
            if run not in self._feeds:  # another viewer may have been faster
                feed = Feed(opened, now, self.bells)
                self._feeds[run] = feed, asyncio.create_task(feed.read())
        if self.closed:
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
        """End all streams; later ones end at once."""
        self.closed = True
        self.bells.ring()
        for feed, _ in self._feeds.values():
            feed.close()
