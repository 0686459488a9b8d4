"""Values as pandas frames."""

import functools
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from installkit.extras import load
from installkit.model import (
    Catalog,
    Change,
    Component,
    Installation,
    Plan,
    RunSnapshot,
    SiteSnapshot,
    StepSnapshot,
    to_wire,
)
from installkit.runs.comparison import RunComparison, StepDifference
from installkit.runs.run import Run
from installkit.runs.timeline import TaskSpan, Timeline
from installkit.sites.site import Site

if TYPE_CHECKING:
    import pandas as pd

_TIME = "datetime64[us, UTC]"

_DTYPES: Mapping[Any, str] = {
    datetime: _TIME,
    datetime | None: _TIME,
    float: "float64",
    float | None: "float64",
}
"""By the type of an attribute, that of its column: also where no row has a value."""

_SNAPSHOTS: Mapping[Any, type] = {Run: RunSnapshot, Site: SiteSnapshot}
"""What a row is made of where the value itself changes with time."""


def to_frame(values: Any, *, kind: type | None = None) -> "pd.DataFrame":
    """
    Return *values* as a pandas frame: a row for each, a column for each attribute, also where there is no row.

    Times are aware, durations seconds, sizes bytes, words strings; whatever else a value holds is as in its JSON.

    Args:
        values: Any values of installkit, or one: of a plan its changes, of a run its steps, of a catalog its
            components, of a site what is installed there, of a comparison its steps, of a timeline its tasks.
        kind: What a list holds, as `installkit.Failure`: an empty one has its columns; else it has none.

    Raises:
        TypeError: If one is not a value of installkit, or not of *kind*.
        InstallkitError: If pandas is missing.
    """
    pandas = load("pandas")
    held, members = _members(values)
    rows = [_value(member) for member in members]
    kinds = {*map(type, rows), *(_kind(each) for each in (held, kind) if each is not None)}
    if kind is not None and len(kinds) > 1:
        raise TypeError(f"a frame of {kind.__name__} was asked for, and {_names(kinds - {_kind(kind)})} given")
    fields = attrs.fields(kinds.pop()) if len(kinds) == 1 else ()
    frame = pandas.DataFrame(map(_row, rows), columns=[field.name for field in fields] or None)
    return frame.astype({field.name: _DTYPES[field.type] for field in fields if field.type in _DTYPES})


@functools.singledispatch
def _members(values: Any) -> tuple[type | None, Iterable[Any]]:
    """Return what the rows of *values* are made of, and its kind; None for that where only the rows tell."""
    if attrs.has(type(values)):
        return None, [values]
    if isinstance(values, Iterable) and not isinstance(values, (str, bytes, Mapping)):
        return None, values
    raise _no_value(values)


_members.register(Catalog, lambda catalog: (Component, catalog.components))
_members.register(Plan, lambda plan: (Change, plan.changes))
_members.register(Run, lambda run: (StepSnapshot, run.steps))
_members.register(RunSnapshot, lambda run: (StepSnapshot, run.steps))
_members.register(Site, lambda site: (Installation, site.installed()))
_members.register(RunComparison, lambda comparison: (StepDifference, comparison.steps))
_members.register(Timeline, lambda timeline: (TaskSpan, timeline.tasks))


def _value(member: Any) -> Any:
    value = member.snapshot() if type(member) in _SNAPSHOTS else member
    if not attrs.has(type(value)):
        raise _no_value(value)
    return value


def _kind(given: Any) -> type:
    kind: Any = _SNAPSHOTS.get(given, given)
    if not (isinstance(kind, type) and attrs.has(kind)):
        raise TypeError(f"a kind is a class of installkit's values, as installkit.Failure, not {given!r}")
    return kind


def _names(kinds: Iterable[type]) -> str:
    return ", ".join(sorted(kind.__name__ for kind in kinds))


def _row(value: Any) -> dict[str, Any]:
    return {field.name: _cell(getattr(value, field.name)) for field in attrs.fields(type(value))}


def _cell(value: Any) -> Any:
    return value if isinstance(value, datetime) else to_wire(value)


def _no_value(value: Any) -> TypeError:
    return TypeError(f"a frame is made of installkit's values, not of {value!r}")
