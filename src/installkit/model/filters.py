"""Filters of lists, by the names of the fields; a key that is None or missing does not filter."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import TypedDict

from installkit.errors import UnknownNameError
from installkit.model.statuses import EventKind, EventStatus, ResultStatus, RunStatus


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


class EventFilter(TypedDict, total=False):
    """
    Which events are wanted: each filter is one word or several, of which an event has one; no words do not filter.

    Attributes:
        kind: What happened.
        step: The id of a step, or a component for all its changing steps.
        status: Of a result, or of a step or run that has ended.
    """

    kind: str | EventKind | Iterable[str | EventKind] | None
    host: str | Iterable[str] | None
    step: str | Iterable[str] | None
    status: str | EventStatus | Iterable[str | EventStatus] | None


class ResultFilter(TypedDict, total=False):
    """
    Which results of a run are wanted; each filter is one word or several, as in `EventFilter`.

    Attributes:
        step: The id of a step, or a component for all its changing steps.
        task: A task's name.
        module: As in the playbook, or its full name: `command` is also `ansible.builtin.command`.
    """

    host: str | Iterable[str] | None
    task: str | Iterable[str] | None
    step: str | Iterable[str] | None
    status: str | ResultStatus | Iterable[str | ResultStatus] | None
    module: str | Iterable[str] | None


class CallbackFilter(TypedDict, total=False):
    """
    Which events of all runs a function is called with: each filter is one word or several, of which an event has one.

    Attributes:
        run: A run's id.
        site: The site of the run.
        component: What the step installs.
        step: A step's id.
        status: Of a result, or of a step or run that has ended.
        since: Aware; it happened then or later.
        until: Aware; it happened before.
    """

    run: str | Iterable[str] | None
    site: str | Iterable[str] | None
    component: str | Iterable[str] | None
    host: str | Iterable[str] | None
    step: str | Iterable[str] | None
    status: str | EventStatus | Iterable[str | EventStatus] | None
    since: datetime | None
    until: datetime | None


class ArrivalFilter(CallbackFilter, total=False):
    """
    Which events of all runs are wanted: the filters of `CallbackFilter`, and the kind.

    Attributes:
        kind: What happened.
    """

    kind: str | EventKind | Iterable[str | EventKind] | None


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


def words_of(wanted: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return the words of a filter, which is one word or several; empty if it does not filter."""
    return (wanted,) if isinstance(wanted, str) else tuple(wanted or ())


def known_words(name: str, wanted: str | Iterable[str] | None, known: type[StrEnum]) -> tuple[str, ...]:
    """
    Return the same for the filter *name*, whose words are those of *known*.

    Raises:
        UnknownNameError: If one is not.

    >>> known_words("status", ["ok", "failed"], EventStatus)
    ('ok', 'failed')
    """
    words = words_of(wanted)
    if unknown := [word for word in words if word not in set(known)]:
        raise UnknownNameError(
            f"{', '.join(map(repr, unknown))} is not a {name}", remedy=f"choose from: {', '.join(known)}"
        )
    return tuple(known(word).value for word in words)


def refuse_unknown_filters(filters: Iterable[str], kind: type) -> None:
    """Raise a `TypeError` for *filters* that *kind* does not have: a misspelt filter would let everything through."""
    names = kind.__annotations__
    if unknown := sorted(set(filters) - names.keys()):
        raise TypeError(f"a list is not narrowed by {', '.join(unknown)}, but by: {', '.join(names)}")
