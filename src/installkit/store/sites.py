"""What people enter: sites, their parameters and secrets, and the plans made for them."""

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Unpack

from peewee import Expression, ModelSelect

from installkit.errors import UnknownNameError
from installkit.model import InventorySource, Plan, PlanFilter, SiteParameters, SiteSnapshot, time_to_wire
from installkit.store.cipher import Cipher
from installkit.store.database import StoreDatabase
from installkit.store.documents import from_document, to_document
from installkit.store.filters import narrow, plan_conditions
from installkit.store.tables import InventoryRow, ParameterRow, PlanRow, RunRow, SecretRow, SiteRow

LEVELS = {"site": "site", "groups": "group", "hosts": "host"}
"""What the database calls each level of `SiteParameters`."""

"""Where a parameter value may be entered, lowest first."""

REVISION_LENGTH = 20

_REPLACE_SITE = (
    "INSERT OR REPLACE INTO site (name, title, inventory_kind, inventory_path, catalog) VALUES (?, ?, ?, ?, ?)"
)
_REPLACE_PARAMETER = "INSERT OR REPLACE INTO parameter (site, level, name, parameter, value) VALUES (?, ?, ?, ?, ?)"
_REPLACE_SECRET = "INSERT OR REPLACE INTO secret (site, name, token) VALUES (?, ?, ?)"  # noqa: S105 - a statement
_REPLACE_PLAN = "INSERT OR REPLACE INTO plan (id, site, created_at, document) VALUES (?, ?, ?, ?)"


class EnteredData:
    """The part of a store that no journal could give back."""

    _db: StoreDatabase
    _cipher: Cipher

    def save_site(self, site: SiteSnapshot) -> None:
        """Store name, title, inventory and catalog of *site*, new or known; the rest is not entered but found out."""
        inventory = site.inventory
        row = (site.name, site.title, inventory.kind, str(inventory.path), str(site.catalog))
        self._db.unit(lambda: self._db.write_rows(_REPLACE_SITE, [row]))

    def site(self, name: str) -> SiteSnapshot:
        """
        Return the site *name*; `revision` and `last_run` are as far as runs are indexed, `lock` is None.

        Raises:
            UnknownNameError: If there is none.
        """
        return self._db.read(lambda: self._snapshot(self._known_site(name)))

    def sites(self) -> tuple[SiteSnapshot, ...]:
        """Return every site, as `site` does, in alphabetical order."""
        rows = SiteRow.select().order_by(SiteRow.name)
        return self._db.read(lambda: tuple(self._snapshot(row) for row in rows.execute(self._db)))

    def delete_site(self, name: str) -> None:
        """
        Forget what was entered for the site *name*, and its plans; its runs and their record stay.

        Raises:
            UnknownNameError: If there is none.
        """

        def _delete() -> None:
            self._known_site(name)
            for table in (ParameterRow, SecretRow, PlanRow, InventoryRow):
                table.delete().where(table.site == name).execute(self._db)
            SiteRow.delete().where(SiteRow.name == name).execute(self._db)

        self._db.unit(_delete)

    def set_parameters(self, site: str, entered: SiteParameters) -> None:
        """
        Enter values for *site*, as JSON takes them, beside those that are there; all of them or none.

        Args:
            site: Its name.
            entered: None leaves a parameter to the lower levels. Its secrets are not looked at.

        Raises:
            UnknownNameError: If there is no such site.
        """

        def _set() -> None:
            self._known_site(site)
            for (level, *name), values in entered.levels.items():
                self._set_level((site, LEVELS[level], "".join(name)), values)

        self._db.unit(_set)

    def _set_level(self, place: tuple[str, str, str], values: Mapping[str, Any]) -> None:
        unset = [parameter for parameter, value in values.items() if value is None]
        site, level, name = place
        here = (ParameterRow.site == site) & (ParameterRow.level == level) & (ParameterRow.name == name)
        ParameterRow.delete().where(here & ParameterRow.parameter.in_(unset)).execute(self._db)
        rows = [(*place, parameter, json.dumps(value)) for parameter, value in values.items() if value is not None]
        self._db.write_rows(_REPLACE_PARAMETER, rows)

    def parameters(self, site: str) -> SiteParameters:
        """
        Return what was entered for *site*.

        Raises:
            UnknownNameError: If there is no such site.
        """
        entered = ParameterRow.select().where(ParameterRow.site == site)

        def _load() -> SiteParameters:
            secrets = tuple(self._tokens(site))
            levels: dict[str, dict[str, dict[str, Any]]] = {level: {} for level in LEVELS.values()}
            for row in entered.execute(self._db):
                levels[row.level].setdefault(row.name, {})[row.parameter] = json.loads(row.value)
            at_site = levels["site"].get("", {})
            return SiteParameters(site=at_site, groups=levels["group"], hosts=levels["host"], secrets=secrets)

        return self._db.read(_load)

    def set_secret(self, site: str, name: str, value: str) -> None:
        """
        Store *value*, encrypted, as the secret parameter *name* of *site*; the key is made for the first one.

        Raises:
            UnknownNameError: If there is no such site.
            StoreError: If the key is missing, or not that of the secrets stored so far.
        """

        def _set() -> None:
            self._known_site(site)
            stored = [row.token for row in SecretRow.select().limit(1).execute(self._db)]
            token = self._cipher.seal(value, beside=stored[0] if stored else None)
            self._db.write_rows(_REPLACE_SECRET, [(site, name, token)])

        self._db.unit(_set)

    def unset_secret(self, site: str, name: str) -> None:
        """
        Forget the secret *name* of *site*.

        Raises:
            UnknownNameError: If there is no such site or secret.
        """

        def _unset() -> None:
            known = self._tokens(site)
            if name not in known:
                raise _unknown("secret", name, known)
            SecretRow.delete().where((SecretRow.site == site) & (SecretRow.name == name)).execute(self._db)

        self._db.unit(_unset)

    def secrets(self, site: str) -> dict[str, str]:
        """
        Return the secrets of *site* in clear, by name; empty if none is set.

        Raises:
            UnknownNameError: If there is no such site.
            StoreError: If the key is missing, or another than that which they were encrypted with.
        """
        tokens = self._db.read(lambda: self._tokens(site))
        return {name: self._cipher.open(token) for name, token in tokens.items()}

    def check_secrets(self) -> int:
        """
        Decrypt the secrets of all sites, and return how many there are.

        Raises:
            StoreError: If the key is missing, or another than that which they were encrypted with.
        """
        tokens = self._db.read(lambda: [row.token for row in SecretRow.select().execute(self._db)])
        for token in tokens:
            self._cipher.open(token)
        return len(tokens)

    def keyed_digest(self, data: bytes) -> str:
        """
        Return a digest of *data*, in hex, that tells nobody without the key of the secrets what *data* may have been.

        Raises:
            StoreError: If secrets are stored and their key is missing.
        """
        if not self._db.read(lambda: list(SecretRow.select(SecretRow.name).limit(1).execute(self._db))):
            self._cipher.make_key()
        return self._cipher.digest(data)

    def secret_revisions(self, site: str) -> dict[str, str]:
        """
        Return for each secret of *site* a word that is another one each time it is set, and tells nothing of its value.

        Raises:
            UnknownNameError: If there is no such site.
        """
        tokens = self._db.read(lambda: self._tokens(site))  # each is encrypted with a random number of its own
        return {name: hashlib.sha256(token.encode()).hexdigest()[:REVISION_LENGTH] for name, token in tokens.items()}

    def save_plan(self, plan: Plan) -> None:
        """Store *plan* under its id."""
        row = (plan.id, plan.site, time_to_wire(plan.created_at), to_document(plan))
        self._db.unit(lambda: self._db.write_rows(_REPLACE_PLAN, [row]))

    def plan(self, plan: str) -> Plan:
        """
        Return the plan with the id *plan*.

        Raises:
            UnknownNameError: If there is none.
        """
        return from_document(Plan, self._db.read(lambda: self._known_plan(plan)).document)

    def plans(
        self, site: str, *, limit: int | None = None, before: str | None = None, **wanted: Unpack[PlanFilter]
    ) -> tuple[Plan, ...]:
        """
        Return the plans made for *site*, newest first.

        Args:
            site: A name.
            limit: At most so many.
            before: A plan's id; only those older than it, as for the next page.
            **wanted: Only those; the fields of `PlanFilter`.

        Raises:
            UnknownNameError: If there is no plan *before*.
        """
        newest_first = PlanRow.created_at.desc(), PlanRow.id.desc()
        found = PlanRow.select().where(PlanRow.site == site).order_by(*newest_first).limit(limit)
        found = narrow(found, plan_conditions(wanted))

        def _load() -> list[str]:
            page = found if before is None else found.where(_older(self._known_plan(before)))
            return [row.document for row in page.execute(self._db)]

        return tuple(from_document(Plan, document) for document in self._db.read(_load))

    def delete_plan(self, plan: str) -> None:
        """
        Forget the plan with the id *plan*; a run that applied it stays.

        Raises:
            UnknownNameError: If there is none.
        """

        def _delete() -> None:
            self._known_plan(plan)
            PlanRow.delete().where(PlanRow.id == plan).execute(self._db)

        self._db.unit(_delete)

    def _snapshot(self, row: SiteRow) -> SiteSnapshot:
        runs = RunRow.select(RunRow.id).where(RunRow.site == row.name)
        return SiteSnapshot(
            name=row.name,
            title=row.title,
            inventory=InventorySource(kind=row.inventory_kind, path=Path(row.inventory_path)),
            catalog=Path(row.catalog),
            revision=self._newest(runs.where(RunRow.read_only == False)),  # noqa: E712 - a condition in SQL
            last_run=self._newest(runs),
        )

    def _newest(self, runs: "ModelSelect[RunRow]") -> str | None:
        newest = runs.order_by(RunRow.created_at.desc(), RunRow.id.desc()).limit(1)
        ids = [run.id for run in newest.execute(self._db)]
        return ids[0] if ids else None

    def _known_site(self, name: str) -> SiteRow:
        rows: dict[str, SiteRow] = {row.name: row for row in SiteRow.select().execute(self._db)}
        if name not in rows:
            raise _unknown("site", name, rows)
        return rows[name]

    def _known_plan(self, plan: str) -> PlanRow:
        found: list[PlanRow] = list(PlanRow.select().where(PlanRow.id == plan).execute(self._db))
        if not found:
            raise _unknown("plan", plan, [row.id for row in PlanRow.select(PlanRow.id).execute(self._db)])
        return found[0]

    def _tokens(self, site: str) -> dict[str, str]:
        """Return the secrets of *site*, encrypted, by name in alphabetical order."""
        self._known_site(site)
        found = SecretRow.select().where(SecretRow.site == site).order_by(SecretRow.name)
        return {row.name: row.token for row in found.execute(self._db)}


def _older(than: PlanRow) -> Expression:
    same_moment = (PlanRow.created_at == than.created_at) & (PlanRow.id < than.id)
    return (PlanRow.created_at < than.created_at) | same_moment


def _unknown(what: str, name: str, known: Iterable[str]) -> UnknownNameError:
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=5)
    if near:
        remedy = f"did you mean {' or '.join(near)}?"
    else:
        remedy = f"choose one of: {', '.join(names[:10])}" if names else f"no {what} is stored yet"
    return UnknownNameError(f"no {what} is named {name!r}", remedy=remedy)
