"""Filters of lists, by the names of the fields; a key that is None or missing does not filter."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict

from installkit.model.statuses import RunStatus


class RunFilter(TypedDict, total=False):
    """
    Which runs a list contains.

    Attributes:
        status: One status, or several, of which a run has one; an empty collection does not filter.
        plan: The plan's id: the run that applied it, and those in check mode.
        component: A component that a step of the run is for.
        requested_by: A part of the name; upper and lower case are the same.
        note: A part of the note; upper and lower case are the same.
        since: Aware; the run was created then or later.
        until: Aware; the run was created before.
    """

    site: str | None
    status: str | RunStatus | Iterable[str | RunStatus] | None
    plan: str | None
    component: str | None
    requested_by: str | None
    note: str | None
    since: datetime | None
    until: datetime | None


class PlanFilter(TypedDict, total=False):
    """
    Which plans a list contains.

    Attributes:
        component: A component that the plan is for, also one that it does not change.
        continues: The run that the plan resumes or undoes.
        since: Aware; the plan was made then or later.
        until: Aware; the plan was made before.
    """

    component: str | None
    continues: str | None
    since: datetime | None
    until: datetime | None


class AuditFilter(TypedDict, total=False):
    """
    Which entries of the audit a list contains; `who`, `what` and `target` may be parts, in upper or lower case.

    Attributes:
        since: Aware; the entry was made then or later.
        until: Aware; the entry was made before.
    """

    who: str | None
    what: str | None
    target: str | None
    since: datetime | None
    until: datetime | None
