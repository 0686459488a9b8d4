"""Plans a request and starts the plan; plans again if the site or an input changed in between."""

from collections.abc import Mapping
from typing import Any

from installkit.journal import lock_is_held
from installkit.runs.run import Run
from installkit.sites.attempts import start_in_time
from installkit.sites.plan import plan_request
from installkit.sites.start import start_plan
from installkit.sites.survey import SiteSources


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

    Args:
        sources: The sources of the site.
        requested: The fields of `Request`.
        secrets: As `start_plan` takes them.
        options: As `start_plan` takes them.
        wait_for_lock: Seconds to wait while another run changes the site.
    """

    def _attempt() -> Run:
        with sources.asked_once():
            return start_plan(sources, plan_request(sources, requested, secrets), secrets, options)

    lock_path = sources.directory.folders.site_lock(sources.name)
    return start_in_time(_attempt, lambda: lock_is_held(lock_path), wait_for_lock=wait_for_lock)
