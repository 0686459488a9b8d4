"""The plans that were made."""

from typing import Unpack

from installkit.model import Plan, PlanFilter, time_to_wire
from installkit.store.database import StoreDatabase
from installkit.store.documents import from_document, to_document
from installkit.store.filters import narrow, older_than, plan_conditions
from installkit.store.lookup import unknown
from installkit.store.tables import PlanRow

_REPLACE_PLAN = "INSERT OR REPLACE INTO plan (id, site, created_at, document) VALUES (?, ?, ?, ?)"


class PlanRows:
    """The plans of all sites."""

    def __init__(self, db: StoreDatabase) -> None:
        self._db = db

    def save(self, plan: Plan) -> None:
        """Store *plan* under its id."""
        row = (plan.id, plan.site, time_to_wire(plan.created_at), to_document(plan))
        self._db.unit(lambda: self._db.write_rows(_REPLACE_PLAN, [row]))

    def get(self, plan: str) -> Plan:
        """
        Return the plan with the id *plan*.

        Raises:
            UnknownNameError: If there is none.
        """
        return from_document(Plan, self._db.read(lambda: self._known_plan(plan)).document)

    def list(
        self, site: str | None, *, limit: int | None = None, before: str | None = None, **filters: Unpack[PlanFilter]
    ) -> tuple[Plan, ...]:
        """
        Return the plans made for *site*, newest first.

        Args:
            site: A name; None for the plans of all sites.
            limit: The highest number of plans.
            before: A plan's id; only plans older than it, as for the next page.
            **filters: The fields of `PlanFilter`.

        Raises:
            UnknownNameError: If there is no plan *before*.
        """
        newest_first = PlanRow.created_at.desc(), PlanRow.id.desc()
        query = PlanRow.select().order_by(*newest_first).limit(limit)
        if site is not None:
            query = query.where(PlanRow.site == site)
        query = narrow(query, plan_conditions(filters))

        def _load() -> list[str]:
            page = query if before is None else query.where(older_than(self._known_plan(before)))
            return [row.document for row in page.execute(self._db)]

        return tuple(from_document(Plan, document) for document in self._db.read(_load))

    def delete(self, plan: str) -> None:
        """
        Forget the plan with the id *plan*; a run that applied it stays.

        Raises:
            UnknownNameError: If there is none.
        """

        def _delete() -> None:
            self._known_plan(plan)
            PlanRow.delete().where(PlanRow.id == plan).execute(self._db)

        self._db.unit(_delete)

    def _known_plan(self, plan: str) -> PlanRow:
        rows: list[PlanRow] = list(PlanRow.select().where(PlanRow.id == plan).execute(self._db))
        if not rows:
            raise unknown("plan", plan, [row.id for row in PlanRow.select(PlanRow.id).execute(self._db)])
        return rows[0]
