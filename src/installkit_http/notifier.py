"""Tells webhooks and notifiers what becomes of runs, while the service runs."""

import asyncio
import contextlib
import json
import logging
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

import installkit

LOOK_EVERY = 1.0
"""Seconds between two checks of the runs."""

RECENT = 100
"""How many of the newest runs are checked."""

PATIENCE = 5.0
"""Seconds that an address may take to answer."""

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
        self._addresses: dict[str, installkit.Courier[bytes]] = {}
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
            self._addresses[new] = address(urls[new])


class Notifiers:
    """
    Who is told what becomes of runs while the service runs, by a file.

    Args:
        installer: Of the service.
        path: The file, as `installkit.read_notifiers` reads it; None for nobody.

    Raises:
        DefinitionError: If the file is wrong.
        PlanningError: If one of the notifiers is not installed, or does not take its settings.
    """

    def __init__(self, installer: installkit.Installer, path: str | Path | None) -> None:
        self._installer = installer
        file = installkit.NotifierFile(notifiers=()) if path is None else installkit.read_notifiers(path)
        self._address = file.address
        self._notifiers = [(each, installkit.load_notifier(each.notifier, each.settings)) for each in file.notifiers]
        self._told: list[installkit.Subscription] = []

    def begin(self) -> None:
        """Tell them from now on."""
        for each, tell in self._notifiers:
            told = self._installer.notify(
                tell, name=each.notifier, kinds=each.kinds, address=self._address, site=each.sites or None
            )
            self._told.append(told)

    def close(self) -> None:
        """Tell them no more."""
        for told in self._told:
            told.close()
        self._told.clear()


def address(url: str, *, backlog: int = 1000) -> installkit.Courier[bytes]:
    """Return who takes events to *url*; a slow or dead address does not delay others."""
    return installkit.Courier(f"webhook {url!r}", lambda body: _post(url, body), backlog=backlog)


def _post(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"content-type": "application/json"})  # noqa: S310 - http(s): `Access.add_webhook` checks it
    with _opener.open(request, timeout=PATIENCE):
        pass


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow no redirect: an administrator allowed this address only."""


_opener = urllib.request.build_opener(_NoRedirect)
