"""The filters of a list as conditions for SQL, all of which must be true."""

from collections.abc import Iterator
from datetime import datetime
from functools import reduce
from operator import and_
from typing import Any

from peewee import SQL, ModelSelect, Select, fn

from installkit.model import (
    AuditFilter,
    PlanFilter,
    RunFilter,
    RunStatus,
    refuse_unknown_filters,
    time_to_wire,
)
from installkit.store.tables import AuditRow, PlanRow, RunRow

Condition = Any
"""An argument of peewee's `where`."""


def narrow(query: "ModelSelect[Any]", conditions: Iterator[Condition]) -> "ModelSelect[Any]":
    """Return *query* with all of *conditions*."""
    every = list(conditions)
    return query.where(reduce(and_, every)) if every else query


def run_conditions(filters: RunFilter) -> Iterator[Condition]:
    """Yield the conditions that a run must meet."""
    refuse_unknown_filters(filters, RunFilter)
    if site := filters.get("site"):
        yield RunRow.site == site
    if status := filters.get("status"):
        statuses = [status] if isinstance(status, str) else status
        yield RunRow.status.in_([RunStatus(value).value for value in statuses])
    if plan := filters.get("plan"):
        yield fn.json_extract(RunRow.summary, "$.plan") == plan
    if component := filters.get("component"):
        yield _names_component(RunRow.details, "$.steps", component)
    for column, part in ((RunRow.requested_by, filters.get("requested_by")), (RunRow.note, filters.get("note"))):
        if part:
            yield column.contains(part)
    yield from _between(RunRow.created_at, filters.get("since"), filters.get("until"))


def plan_conditions(filters: PlanFilter) -> Iterator[Condition]:
    """Yield the conditions that a plan must meet."""
    refuse_unknown_filters(filters, PlanFilter)
    if component := filters.get("component"):
        yield _names_component(PlanRow.document, "$.changes", component)
    if continues := filters.get("continues"):
        yield fn.json_extract(PlanRow.document, "$.continues") == continues
    yield from _between(PlanRow.created_at, filters.get("since"), filters.get("until"))


def audit_conditions(filters: AuditFilter) -> Iterator[Condition]:
    """Yield the conditions that an entry of the audit must meet."""
    refuse_unknown_filters(filters, AuditFilter)
    parts = (
        (AuditRow.who, filters.get("who")),
        (AuditRow.what, filters.get("what")),
        (AuditRow.target, filters.get("target")),
    )
    for column, part in parts:
        if part:
            yield column.contains(part)
    yield from _between(AuditRow.time, filters.get("since"), filters.get("until"))


def older_than(row: RunRow | PlanRow) -> Condition:
    """Return the condition that another row of the same table is older than *row*."""
    table = type(row)
    same_moment = (table.created_at == row.created_at) & (table.id < row.id)
    return (table.created_at < row.created_at) | same_moment


def _between(column: Any, since: datetime | None, until: datetime | None) -> Iterator[Condition]:
    if since is not None:
        yield column >= time_to_wire(since)
    if until is not None:
        yield column < time_to_wire(until)


def _names_component(document: Any, path: str, component: str) -> Condition:
    """Return the condition that an object in the list at *path* of a JSON *document* is about *component*."""
    name = fn.json_extract(SQL("value"), "$.component")  # a column of json_each
    return fn.EXISTS(Select([fn.json_each(document, path)], [SQL("1")]).where(name == component))
