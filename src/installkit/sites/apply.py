"""Plans a request and starts the plan; plans again if the site or an input changed in between."""

import time
from collections.abc import Mapping
from typing import Any

from installkit.errors import SiteLockedError, StalePlanError
from installkit.journal import lock_is_held
from installkit.runs.run import Run
from installkit.sites.plan import plan_request
from installkit.sites.start import start_plan
from installkit.sites.survey import SiteSources

LOOK_EVERY = 0.5
"""Seconds between two checks whether the site's lock is free."""

PLANS = 5
"""After so many stale plans the attempt ends with an error."""


def apply_request(
    sources: SiteSources,
    requested: Mapping[str, Any],
    secrets: Mapping[str, str] | None,
    options: Mapping[str, Any],
    *,
    wait_for_lock: float,
) -> Run:
    """
    Plan a request and start the plan, and return its run; see `Site.apply`.

    After a wait for the lock, everything is read and planned again: the run that held it has changed the site.

    Args:
        sources: The sources of the site.
        requested: The fields of `Request`.
        secrets: As `start_plan` takes them.
        options: As `start_plan` takes them.
        wait_for_lock: Seconds to wait while another run changes the site.
    """
    deadline = time.monotonic() + wait_for_lock
    lock_path = sources.directory.folders.site_lock(sources.name)
    stale = 0
    while True:
        with sources.asked_once():
            plan = plan_request(sources, requested, secrets)
            try:
                return start_plan(sources, plan, secrets, options)
            except StalePlanError:
                stale += 1
                if stale == PLANS:
                    raise
            except SiteLockedError:
                if time.monotonic() >= deadline:
                    raise
        while lock_is_held(lock_path) and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
