"""Notifies webhooks of the events of runs, while the service runs."""

import asyncio
import contextlib
import json
import logging
import queue
import threading
import urllib.request
from collections.abc import Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool

import installkit

LOOK_EVERY = 1.0
"""Seconds between two checks of the runs."""

RECENT = 100
"""How many of the newest runs are checked."""

PATIENCE = 5.0
"""Seconds that an address may take to answer."""

WAITS = (0.0, 1.0, 5.0)
"""Seconds before each attempt to notify an address."""

BACKLOG = 1000
"""How many events may wait for an address."""

_log = logging.getLogger("installkit")


class Notifier:
    """
    Sends each event that a webhook is notified of to its address, as JSON in a POST; a 2xx answer means success.

    Events from before the first check are not sent, nor those that failed three times: a webhook tells when to look at
    a run, and the run itself has its full state.
    """

    def __init__(self, installer: installkit.Installer) -> None:
        self._installer = installer
        self._sent: dict[str, int] | None = None  # the number of the last event that was sent, by run
        self._addresses: dict[str, Address] = {}
        self._closed = asyncio.Event()

    async def watch(self) -> None:
        """Check the runs until closed."""
        while not self._closed.is_set():
            try:
                await run_in_threadpool(self.look)
            except (installkit.InstallkitError, OSError) as exc:
                _log.warning("webhooks were not notified: %s", exc)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), LOOK_EVERY)
        self._keep([])

    def close(self) -> None:
        """Stop sending."""
        self._closed.set()

    def look(self) -> None:
        """Send the events since the last check; the first check only remembers the last event of each run."""
        webhooks = self._installer.access.webhooks()
        self._keep(webhooks)
        if not webhooks:
            self._sent = None
            return
        runs = self._installer.list_runs(limit=RECENT)
        if self._sent is None:
            self._sent = {run.id: run.last_seq for run in runs}
        for run in runs:
            last = self._sent.get(run.id, 0)
            if run.last_seq <= last:
                continue
            for event in self._installer.run(run.id).events(after=last):
                body = json.dumps(installkit.to_wire(event)).encode()
                for webhook in webhooks:
                    if event.kind.value in webhook.events:
                        self._addresses[webhook.id].tell(body)
                last = event.seq
            self._sent[run.id] = last

    def _keep(self, webhooks: Sequence[installkit.Webhook]) -> None:
        """Create the addresses of new *webhooks*, and close those of removed ones."""
        urls = {webhook.id: webhook.url for webhook in webhooks}
        for removed in self._addresses.keys() - urls.keys():
            self._addresses.pop(removed).close()
        for new in urls.keys() - self._addresses.keys():
            self._addresses[new] = Address(urls[new])


class Address:
    """
    One address, which gets its events in order from its own thread: a slow or dead address does not delay others.

    Args:
        url: The address of the POST requests.
        backlog: How many events may wait; if there are more, the oldest is dropped.
    """

    def __init__(self, url: str, *, backlog: int = BACKLOG) -> None:
        self._url = url
        self._waiting: queue.Queue[bytes] = queue.Queue(backlog)
        self._closed = threading.Event()
        threading.Thread(target=self._work, name="webhook", daemon=True).start()

    def tell(self, body: bytes) -> None:
        """Send *body* after those that wait already; only one thread at a time may call this."""
        if self._waiting.full():
            with contextlib.suppress(queue.Empty):  # the thread took one meanwhile
                self._waiting.get_nowait()
                _log.warning("webhook %r was not told: it is %d events behind", self._url, self._waiting.maxsize)
        self._waiting.put_nowait(body)

    def close(self) -> None:
        """Stop sending, also the events that still wait."""
        self._closed.set()
        self.tell(b"")  # wakes a thread that waits

    def _work(self) -> None:
        while body := self._waiting.get():
            problem = ""
            for wait in WAITS:
                if self._closed.wait(wait):
                    return
                try:
                    request = urllib.request.Request(self._url, body, {"content-type": "application/json"})  # noqa: S310 - http(s): `Access.add_webhook` checks it
                    with _opener.open(request, timeout=PATIENCE):
                        break
                except Exception as exc:  # noqa: BLE001 - whatever is wrong with one event, the next is tried
                    problem = str(exc) or type(exc).__name__
            else:
                _log.warning("webhook %r was not told: %s", self._url, problem)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow no redirect: an administrator allowed this address only."""


_opener = urllib.request.build_opener(_NoRedirect)
