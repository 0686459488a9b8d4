"""What narrows a list, as conditions for SQL; together they must all hold."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any

from peewee import SQL, ModelSelect, Select, fn

from installkit.model import AuditFilter, PlanFilter, RunFilter, RunStatus, time_to_wire
from installkit.store.tables import AuditRow, PlanRow, RunRow

Condition = Any
"""One of peewee's, for `where`."""


def narrow(found: "ModelSelect[Any]", conditions: Iterator[Condition]) -> "ModelSelect[Any]":
    """Return *found* with all of *conditions*."""
    every = list(conditions)
    return found.where(reduce(and_, every)) if every else found


def run_conditions(wanted: RunFilter) -> Iterator[Condition]:
    """Yield the conditions that a run must meet."""
    _refuse_unknown(wanted, RunFilter)
    if site := wanted.get("site"):
        yield RunRow.site == site
    if statuses := _statuses(wanted):
        yield RunRow.status.in_(statuses)
    if plan := wanted.get("plan"):
        yield fn.json_extract(RunRow.summary, "$.plan") == plan
    if component := wanted.get("component"):
        yield _names_component(RunRow.details, "$.steps", component)
    for column, part in ((RunRow.requested_by, wanted.get("requested_by")), (RunRow.note, wanted.get("note"))):
        if part:
            yield column.contains(part)
    yield from _between(RunRow.created_at, wanted.get("since"), wanted.get("until"))


def plan_conditions(wanted: PlanFilter) -> Iterator[Condition]:
    """Yield the conditions that a plan must meet."""
    _refuse_unknown(wanted, PlanFilter)
    if component := wanted.get("component"):
        yield _names_component(PlanRow.document, "$.changes", component)
    if continues := wanted.get("continues"):
        yield fn.json_extract(PlanRow.document, "$.continues") == continues
    yield from _between(PlanRow.created_at, wanted.get("since"), wanted.get("until"))


def audit_conditions(wanted: AuditFilter) -> Iterator[Condition]:
    """Yield the conditions that an entry of the audit must meet."""
    _refuse_unknown(wanted, AuditFilter)
    parts = (
        (AuditRow.who, wanted.get("who")),
        (AuditRow.what, wanted.get("what")),
        (AuditRow.target, wanted.get("target")),
    )
    for column, part in parts:
        if part:
            yield column.contains(part)
    yield from _between(AuditRow.time, wanted.get("since"), wanted.get("until"))


def _refuse_unknown(wanted: Mapping[str, object], kind: type) -> None:
    """Raise a `TypeError` for what *kind* does not have: a misspelt filter would let everything through."""
    known = kind.__annotations__
    if unknown := sorted(wanted.keys() - known.keys()):
        raise TypeError(f"a list is not narrowed by {', '.join(unknown)}, but by: {', '.join(known)}")


def _statuses(wanted: RunFilter) -> list[str]:
    status = wanted.get("status") or ()
    return [RunStatus(each).value for each in ([status] if isinstance(status, str) else status)]


def _between(column: Any, since: datetime | None, until: datetime | None) -> Iterator[Condition]:
    if since is not None:
        yield column >= time_to_wire(since)
    if until is not None:
        yield column < time_to_wire(until)


def _names_component(document: Any, path: str, component: str) -> Condition:
    """Return whether one of the objects in the list at *path* of a JSON *document* is about *component*."""
    named = fn.json_extract(SQL("value"), "$.component")  # a column of json_each
    return fn.EXISTS(Select([fn.json_each(document, path)], [SQL("1")]).where(named == component))
