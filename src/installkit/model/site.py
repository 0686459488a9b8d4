from pathlib import Path

import attrs


@attrs.frozen(kw_only=True)
class InventorySource:
    """
    Where a site's inventory lives.

    Attributes:
        kind: `file` is edited where it lies; `store` is edited through installkit.
        path: Absolute; whatever `ansible-inventory -i` takes.
    """

    kind: str
    path: Path


@attrs.frozen(kw_only=True)
class SiteLock:
    """
    Who changes a site at the moment.

    Attributes:
        since: ISO 8601, UTC.
        doing: One line, as a plan's summary.
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
