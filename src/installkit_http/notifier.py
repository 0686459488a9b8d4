"""Tells webhooks of the events of runs, while the service runs."""

import asyncio
import json
import logging
import threading
import urllib.request
from collections.abc import Sequence
from typing import Any

import anyio.to_thread

import installkit

LOOK_EVERY = 1.0
"""Seconds between two looks at the runs."""

RECENT = 100
"""So many of the newest runs are looked at."""

PATIENCE = 5.0
"""Seconds that an address may take to answer."""

WAITS = (0.0, 1.0, 5.0)
"""Seconds before each attempt to tell an address."""

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
        self._closed = threading.Event()

    async def watch(self) -> None:
        """Look at the runs until canceled."""
        try:
            while True:
                try:
                    await anyio.to_thread.run_sync(self.look, abandon_on_cancel=True)
                except installkit.InstallkitError as exc:
                    _log.warning("webhooks were not told: %s", exc)
                await asyncio.sleep(LOOK_EVERY)
        finally:
            self._closed.set()

    def look(self) -> None:
        """Tell what happened since the last look; the first one only remembers where each run stands."""
        webhooks = self._installer.access.webhooks()
        if not webhooks:
            self._told = None
            return
        runs = self._installer.list_runs(limit=RECENT)
        if self._told is None:
            self._told = {run.id: run.last_seq for run in runs}
        for run in runs:
            if run.last_seq > self._told.get(run.id, 0):
                self._told[run.id] = self._tell_of(run.id, self._told.get(run.id, 0), webhooks)

    def _tell_of(self, run: str, after: int, webhooks: Sequence[installkit.Webhook]) -> int:
        """Tell of the events of *run* after the one numbered *after*, and return the last one's number."""
        for event in self._installer.run(run).events(after=after):
            body = json.dumps(installkit.to_wire(event)).encode()
            for webhook in webhooks:
                if event.kind.value in webhook.events:
                    self._tell(webhook.url, body)
            after = event.seq
        return after

    def _tell(self, url: str, body: bytes) -> None:
        problem = ""
        for wait in WAITS:
            if self._closed.wait(wait):
                return
            try:
                _post(url, body)
            except Exception as exc:  # noqa: BLE001 - whatever is wrong with one address, the others are told
                problem = str(exc) or type(exc).__name__
            else:
                return
        _log.warning("webhook %r was not told: %s", url, problem)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: an administrator named this address and no other."""


_opener = urllib.request.build_opener(_NoRedirect)


def _post(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - http(s): `Access.add_webhook` saw to it
    with _opener.open(request, timeout=PATIENCE):
        pass
