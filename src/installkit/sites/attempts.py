"""Plans and starts until a run is started: again where the plan became stale, or another run holds the site."""

import time
from collections.abc import Callable
from typing import TypeVar

from installkit.errors import SiteLockedError, StalePlanError

R = TypeVar("R")

LOOK_EVERY = 0.5
"""Seconds between two checks whether the site's lock is free."""

PLANS = 5
"""After so many stale plans the attempt ends with an error."""


def start_in_time(attempt: Callable[[], R], is_locked: Callable[[], bool], *, wait_for_lock: float) -> R:
    """
    Return what *attempt*, which makes a plan and starts it, returns; it is repeated if its plan became stale.

    Args:
        attempt: After a wait it must read and plan everything again: the run that held the lock has changed the site.
        is_locked: Whether another run holds the site now.
        wait_for_lock: Seconds to wait while another run changes the site.

    Raises:
        SiteLockedError: If another run still changes the site when the time is over.
        StalePlanError: If the plan became stale `PLANS` times.
    """
    deadline = time.monotonic() + wait_for_lock
    stale = 0
    while True:
        try:
            return attempt()
        except StalePlanError:
            stale += 1
            if stale == PLANS:
                raise
        except SiteLockedError:
            if time.monotonic() >= deadline:
                raise
        while is_locked() and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY)
