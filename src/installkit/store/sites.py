"""Sites as people entered them: inventory, catalog and parameters."""

import json
from pathlib import Path
from typing import Any

from peewee import ModelSelect

from installkit.model import InventoryKind, InventorySource, SiteParameters, SiteSnapshot
from installkit.store.database import StoreDatabase
from installkit.store.lookup import known_site, secret_tokens, unknown
from installkit.store.tables import InventoryRow, ParameterRow, PlanRow, RunRow, SecretRow, SiteRow

_LEVELS = {"site": "site", "groups": "group", "hosts": "host"}
"""The name in the database of each level of `SiteParameters`, lowest first."""

_REPLACE_SITE = (
    "INSERT OR REPLACE INTO site (name, title, inventory_kind, inventory_path, catalog) VALUES (?, ?, ?, ?, ?)"
)
_REPLACE_PARAMETER = "INSERT OR REPLACE INTO parameter (site, level, name, parameter, value) VALUES (?, ?, ?, ?, ?)"
_REPLACE_INVENTORY = "INSERT OR REPLACE INTO inventory (site, document) VALUES (?, ?)"

_NEWEST = (
    RunRow.select(RunRow.id)
    .where(RunRow.site == SiteRow.name)
    .order_by(RunRow.created_at.desc(), RunRow.id.desc())
    .limit(1)
)
_CHANGING = RunRow.read_only == False  # noqa: E712 - a condition in SQL
_SITES = SiteRow.select(SiteRow, _NEWEST.alias("last_run"), _NEWEST.where(_CHANGING).alias("revision"))
"""Every site with its newest run, and its newest run that may have changed it."""


class SiteRows:
    """The sites, their parameters, and the inventories that the store keeps."""

    def __init__(self, db: StoreDatabase) -> None:
        self._db = db

    def save(self, site: SiteSnapshot) -> None:
        """Store name, title, inventory and catalog of *site*, a new or an existing one; nobody enters its other fields."""
        inventory = site.inventory
        row = (site.name, site.title, inventory.kind.value, str(inventory.path), str(site.catalog))
        self._db.unit(lambda: self._db.write_rows(_REPLACE_SITE, [row]))

    def get(self, name: str) -> SiteSnapshot:
        """
        Return the site *name*; `revision` and `last_run` are those of indexed runs, `lock` is None.

        Raises:
            UnknownNameError: If there is no such site.
        """
        found = self.find(name)
        if found is None:
            raise unknown("site", name, self.names())
        return found

    def find(self, name: str) -> SiteSnapshot | None:
        """Return what `get` returns; None if there is no such site."""
        return next(iter(self._load(_SITES.where(SiteRow.name == name))), None)

    def list(self) -> tuple[SiteSnapshot, ...]:
        """Return every site, as `get` does, in alphabetical order."""
        return self._load(_SITES.order_by(SiteRow.name))

    def names(self) -> tuple[str, ...]:
        """Return the names of all sites, in alphabetical order."""
        query = SiteRow.select(SiteRow.name).order_by(SiteRow.name).tuples()
        return self._db.read(lambda: tuple(name for (name,) in query.execute(self._db)))

    def delete(self, name: str) -> None:
        """
        Forget what was entered for the site *name*, and its plans; its runs and their record stay.

        Raises:
            UnknownNameError: If there is none.
        """

        def _delete() -> None:
            known_site(self._db, name)
            for table in (ParameterRow, SecretRow, PlanRow, InventoryRow):
                table.delete().where(table.site == name).execute(self._db)
            SiteRow.delete().where(SiteRow.name == name).execute(self._db)

        self._db.unit(_delete)

    def set_parameters(self, site: str, entered: SiteParameters) -> None:
        """
        Enter values for *site*, which JSON must be able to express, beside the present ones; all of them or none.

        Args:
            site: Its name.
            entered: None leaves a parameter to the lower levels. Secrets are ignored.

        Raises:
            UnknownNameError: If there is no such site.
        """

        def _set() -> None:
            known_site(self._db, site)
            for (kind, *names), values in entered.levels.items():
                level, name = _LEVELS[kind], "".join(names)
                unset = [parameter for parameter, value in values.items() if value is None]
                here = (ParameterRow.site == site) & (ParameterRow.level == level) & (ParameterRow.name == name)
                ParameterRow.delete().where(here & ParameterRow.parameter.in_(unset)).execute(self._db)
                rows = [
                    (site, level, name, key, json.dumps(value)) for key, value in values.items() if value is not None
                ]
                self._db.write_rows(_REPLACE_PARAMETER, rows)

        self._db.unit(_set)

    def parameters(self, site: str) -> SiteParameters:
        """
        Return what was entered for *site*.

        Raises:
            UnknownNameError: If there is no such site.
        """
        entered = ParameterRow.select().where(ParameterRow.site == site)

        def _load() -> SiteParameters:
            secrets = tuple(secret_tokens(self._db, site))
            levels: dict[str, dict[str, dict[str, Any]]] = {level: {} for level in _LEVELS.values()}
            for row in entered.execute(self._db):
                levels[row.level].setdefault(row.name, {})[row.parameter] = json.loads(row.value)
            at_site = levels["site"].get("", {})
            return SiteParameters(site=at_site, groups=levels["group"], hosts=levels["host"], secrets=secrets)

        return self._db.read(_load)

    def save_inventory(self, site: str, text: str) -> None:
        """Store *text* as the inventory of *site*."""
        self._db.unit(lambda: self._db.write_rows(_REPLACE_INVENTORY, [(site, text)]))

    def inventory(self, site: str) -> str | None:
        """Return the inventory of *site*; None if the store keeps none for it."""
        query = InventoryRow.select().where(InventoryRow.site == site)
        texts: list[str] = self._db.read(lambda: [row.document for row in query.execute(self._db)])
        return texts[0] if texts else None

    def _load(self, query: "ModelSelect[SiteRow]") -> tuple[SiteSnapshot, ...]:
        rows = self._db.read(lambda: list(query.dicts().execute(self._db)))
        return tuple(
            SiteSnapshot(
                name=row["name"],
                title=row["title"],
                inventory=InventorySource(kind=InventoryKind(row["inventory_kind"]), path=Path(row["inventory_path"])),
                catalog=Path(row["catalog"]),
                revision=row["revision"],
                last_run=row["last_run"],
            )
            for row in rows
        )
