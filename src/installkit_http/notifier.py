"""Tells webhooks of the events of runs, while the service runs."""

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
"""Seconds between two looks at the runs."""

RECENT = 100
"""So many of the newest runs are looked at."""

PATIENCE = 5.0
"""Seconds that an address may take to answer."""

WAITS = (0.0, 1.0, 5.0)
"""Seconds before each attempt to tell an address."""

BACKLOG = 1000
"""So many events wait for an address at most."""

_log = logging.getLogger("installkit")


class Notifier:
    """
    Sends each event that a webhook wants to its address, as JSON in a POST; whatever answers 2xx was told.

    What happened before it began to look, and what nobody took after three attempts, is not told: a webhook says when
    to look at a run, and the run says how it is.
    """

    def __init__(self, installer: installkit.Installer) -> None:
        self._installer = installer
        self._told: dict[str, int] | None = None
        self._addresses: dict[str, Address] = {}
        self._closed = asyncio.Event()

    async def watch(self) -> None:
        """Look at the runs until closed."""
        while not self._closed.is_set():
            try:
                await run_in_threadpool(self.look)
            except (installkit.InstallkitError, OSError) as exc:
                _log.warning("webhooks were not told: %s", exc)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closed.wait(), LOOK_EVERY)
        self._keep([])

    def close(self) -> None:
        """Tell nothing more."""
        self._closed.set()

    def look(self) -> None:
        """Tell what happened since the last look; the first one only remembers where each run stands."""
        webhooks = self._installer.access.webhooks()
        self._keep(webhooks)
        if not webhooks:
            self._told = None
            return
        runs = self._installer.list_runs(limit=RECENT)
        if self._told is None:
            self._told = {run.id: run.last_seq for run in runs}
        for run in runs:
            if run.last_seq > self._told.get(run.id, 0):
                self._told[run.id] = self._tell_of(run.id, self._told.get(run.id, 0), webhooks)

    def _keep(self, webhooks: Sequence[installkit.Webhook]) -> None:
        """Have an address for each of *webhooks*, and for no other."""
        urls = {webhook.id: webhook.url for webhook in webhooks}
        for gone in self._addresses.keys() - urls.keys():
            self._addresses.pop(gone).close()
        for new in urls.keys() - self._addresses.keys():
            self._addresses[new] = Address(urls[new])

    def _tell_of(self, run: str, after: int, webhooks: Sequence[installkit.Webhook]) -> int:
        """Tell of the events of *run* after the one numbered *after*, and return the last one's number."""
        for event in self._installer.run(run).events(after=after):
            body = json.dumps(installkit.to_wire(event)).encode()
            for webhook in webhooks:
                if event.kind.value in webhook.events:
                    self._addresses[webhook.id].tell(body)
            after = event.seq
        return after


class Address:
    """
    One address, told in a thread of its own and in order: one that is slow or dead holds up no other.

    Args:
        url: Takes a POST.
        backlog: So many events wait for it at most; then the oldest is given up.
    """

    def __init__(self, url: str, *, backlog: int = BACKLOG) -> None:
        self._url = url
        self._waiting: queue.Queue[bytes] = queue.Queue(backlog)
        self._closed = threading.Event()
        threading.Thread(target=self._work, name="webhook", daemon=True).start()

    def tell(self, body: bytes) -> None:
        """Tell it *body* as soon as what came before was told; for one caller at a time."""
        if self._waiting.full():
            with contextlib.suppress(queue.Empty):  # it took one meanwhile
                self._waiting.get_nowait()
                _log.warning("webhook %r was not told: it is %d events behind", self._url, self._waiting.maxsize)
        self._waiting.put_nowait(body)

    def close(self) -> None:
        """Tell it nothing more."""
        self._closed.set()
        self.tell(b"")  # for a thread that waits

    def _work(self) -> None:
        while body := self._waiting.get():
            self._send(body)

    def _send(self, body: bytes) -> None:
        problem = ""
        for wait in WAITS:
            if self._closed.wait(wait):
                return
            try:
                _post(self._url, body)
            except Exception as exc:  # noqa: BLE001 - whatever is wrong with one event, the next is tried
                problem = str(exc) or type(exc).__name__
            else:
                return
        _log.warning("webhook %r was not told: %s", self._url, problem)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: an administrator named this address and no other."""


_opener = urllib.request.build_opener(_NoRedirect)


def _post(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - http(s): `Access.add_webhook` saw to it
    with _opener.open(request, timeout=PATIENCE):
        pass
