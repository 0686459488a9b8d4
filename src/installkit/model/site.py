from pathlib import Path

import attrs

from installkit.model.statuses import InventoryKind


@attrs.frozen(kw_only=True)
class InventorySource:
    """
    The place of a site's inventory.

    Attributes:
        kind: `FILE` is edited by its owner; `STORE` is edited through installkit.
        path: Absolute; anything that `ansible-inventory -i` accepts.
    """

    kind: InventoryKind
    path: Path


@attrs.frozen(kw_only=True)
class SiteLock:
    """
    The run that changes a site at the moment, and who started it.

    Attributes:
        since: ISO 8601, UTC.
        doing: What the run does, in one line, as a plan's summary.
    """

    run: str
    by: str
    since: str
    doing: str


@attrs.frozen(kw_only=True)
class SiteSnapshot:
    """
    One customer's target at one moment.

    Attributes:
        catalog: Absolute path of its catalog's folder.
        revision: The last run that changed it; None before the first.
        lock: None while no run is known to change it.
        last_run: The last run of any kind; None before the first.
    """

    name: str
    title: str
    inventory: InventorySource
    catalog: Path
    revision: str | None = None
    lock: SiteLock | None = None
    last_run: str | None = None
