"""Plan and start in one: again where the site or an input changed in between."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from installkit.errors import SiteLockedError, StalePlanError
from installkit.runs.run import Run
from installkit.sites.plan import plan_request
from installkit.sites.start import start_plan
from installkit.sites.survey import SiteSources

LOOK_EVERY = 0.5
"""Seconds between two looks at whether the site's lock is free."""

PLANS = 5
"""So many plans may go stale before it is given up."""


def apply_request(
    sources: SiteSources,
    wanted: Mapping[str, Any],
    secrets: Mapping[str, str] | None,
    options: Mapping[str, Any],
    *,
    wait_for_lock: float,
) -> Run:
    """
    Plan a request and start the plan, and return its run; see `Site.apply`.

    Args:
        sources: The site's.
        wanted: The fields of `Request`.
        secrets: As `start_plan` takes them.
        options: As `start_plan` takes them.
        wait_for_lock: Seconds to wait while another run changes the site.
    """
    deadline = time.monotonic() + wait_for_lock
    stale = 0
    while True:
        with sources.asked_once():
            plan = plan_request(sources, wanted, secrets)
            try:
                return _start_when_free(lambda: start_plan(sources, plan, secrets, options), deadline)  # noqa: B023 - called at once
            except StalePlanError:
                stale += 1
                if stale == PLANS:
                    raise


def _start_when_free(start: Callable[[], Run], deadline: float) -> Run:
    while True:
        try:
            return start()
        except SiteLockedError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(LOOK_EVERY)
