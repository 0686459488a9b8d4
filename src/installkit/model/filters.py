"""What lists are narrowed to, by the names of the fields; None, or no such key, wants any."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypedDict

from installkit.model.statuses import RunStatus


class RunFilter(TypedDict, total=False):
    """
    Which runs are wanted.

    Attributes:
        status: One, or any of several; an empty collection wants any, too.
        plan: The plan's id: the run that applied it, and those in check mode.
        component: One that a step of the run is about.
        requested_by: A part of it, in any case.
        note: A part of it, in any case.
        since: Aware; made then or later.
        until: Aware; made before.
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
    Which plans are wanted.

    Attributes:
        component: One that changes, or would but for its being as it should.
        continues: The run that the plan goes on with or undoes.
        since: Aware; made then or later.
        until: Aware; made before.
    """

    component: str | None
    continues: str | None
    since: datetime | None
    until: datetime | None


class AuditFilter(TypedDict, total=False):
    """
    Which entries of the audit are wanted; of `who`, `what` and `target` a part is enough, in any case.

    Attributes:
        since: Aware; done then or later.
        until: Aware; done before.
    """

    who: str | None
    what: str | None
    target: str | None
    since: datetime | None
    until: datetime | None
