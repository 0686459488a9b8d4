"""Calls functions with the events of all runs as they arrive, in one thread of installkit's own."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from installkit.datadir.arrivals import ArrivalReader
from installkit.errors import CursorExpiredError, InstallkitError
from installkit.journal import Bells
from installkit.model import Arrival

Callback = Callable[[Arrival], object]

_log = logging.getLogger("installkit")


class Subscription:
    """
    A function that is called with events until this is closed; made by `Installer.on`.

    It is also a context manager, whose end closes it.
    """

    def __init__(self, fn: Callback, reader: ArrivalReader) -> None:
        self.closed = False
        self._fn = fn
        self._reader = reader

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Call the function with no further event; a call that is under way goes on to its end. Again does nothing."""
        self.closed = True

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where something changes when there may be more."""
        return self._reader.folders

    def deliver(self) -> None:
        """Call the function with each event that has arrived; what it raises is logged."""
        try:
            arrivals = self._reader.read()
        except CursorExpiredError as exc:
            _log.warning("%r begins anew, events may be missing: %s", self._fn, exc)
            self._reader.skip()
            return
        for arrival in arrivals:
            if self.closed:
                return
            try:
                self._fn(arrival)
            except Exception:  # noqa: BLE001 - whatever it is, the others and the next event are not to blame
                _log.exception("%r failed with event %s", self._fn, arrival.cursor)


class Callbacks:
    """The subscriptions of one installer, and the thread that serves them; it starts with the first."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake: Callable[[], object] = bool
        self._closed = False

    def add(self, subscription: Subscription) -> None:
        """Serve *subscription* until it is closed."""
        with self._lock:
            self._subscriptions.append(subscription)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="installkit callbacks", daemon=True)
                self._thread.start()
            self._wake()

    def close(self) -> None:
        """End the thread, once the functions were called with what has arrived by now."""
        with self._lock:
            self._closed = True
            self._wake()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _work(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        bells, loop = Bells(), asyncio.get_running_loop()
        with bells.bell() as bell:
            with self._lock:
                self._wake = lambda: loop.call_soon_threadsafe(bell.ring)
            while not self._closed:
                with self._lock:
                    self._subscriptions = [each for each in self._subscriptions if not each.closed]
                    subscriptions = list(self._subscriptions)
                _deliver(subscriptions)
                if not bell.keep({folder for each in subscriptions for folder in each.folders}):
                    await bell.wait()
            with self._lock:
                self._wake = bool
                subscriptions = [each for each in self._subscriptions if not each.closed]
            _deliver(subscriptions)
        bells.close()


def _deliver(subscriptions: Iterable[Subscription]) -> None:
    for subscription in subscriptions:
        try:
            subscription.deliver()
        except (InstallkitError, OSError) as exc:  # the next wake tries again
            _log.warning("events cannot be read for callbacks: %s", exc)
