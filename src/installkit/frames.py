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
    TaskResult,
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
"""The type of a column by the type of its attribute; it is set even if no row has a value."""

_SNAPSHOTS: Mapping[Any, type] = {Run: RunSnapshot, Site: SiteSnapshot}
"""The snapshots that rows are made of, for values that change with time."""


def to_frame(values: Any, *, kind: type | None = None) -> "pd.DataFrame":
    """
    Return *values* as a pandas frame: a row for each value, a column for each attribute, even if there is no row.

    Times have a time zone, durations are in seconds, sizes in bytes; other values are as in the JSON. Results of tasks have
    a column more for each name that their modules returned, as `result.rc`; what is nested below stays one value.

    Args:
        values: Any values of installkit, or a single value; a plan gives its changes, a run its steps, a catalog its
            components, a site what is installed there, a comparison its steps, a timeline its tasks.
        kind: The class of the values in a list, as `installkit.Failure`: with it, an empty list gives the columns, too.

    Raises:
        TypeError: If something is not a value of installkit, or not of *kind*.
        InstallkitError: If pandas is missing.
    """
    pandas = load("pandas")
    member_kind, members = _members(values)
    items = []
    for member in members:
        item = member.snapshot() if type(member) in _SNAPSHOTS else member
        if not attrs.has(type(item)):
            raise _no_value(item)
        items.append(item)
    kinds = {*map(type, items), *(_kind(option) for option in (member_kind, kind) if option is not None)}
    if kind is not None and len(kinds) > 1:
        others = ", ".join(sorted(other.__name__ for other in kinds - {_kind(kind)}))
        raise TypeError(f"a frame of {kind.__name__} was asked for, and {others} given")
    rows = [_cells(item) for item in items]
    fields = attrs.fields(kinds.pop()) if len(kinds) == 1 else ()
    names = dict.fromkeys([*(field.name for field in fields), *(name for row in rows for name in row)])
    frame = pandas.DataFrame(rows, columns=list(names) or None)
    return frame.astype({field.name: _DTYPES[field.type] for field in fields if field.type in _DTYPES})


def _cells(item: Any) -> dict[str, Any]:
    cells = {field.name: getattr(item, field.name) for field in attrs.fields(type(item))}
    if isinstance(item, TaskResult):
        cells |= {f"result.{name}": value for name, value in item.result.items()}
    return {name: cell if isinstance(cell, datetime) else to_wire(cell) for name, cell in cells.items()}


@functools.singledispatch
def _members(values: Any) -> tuple[type | None, Iterable[Any]]:
    """Return the kind of the rows of *values*, and the values for the rows; the kind is None if the values show it."""
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


def _kind(given: Any) -> type:
    kind: Any = _SNAPSHOTS.get(given, given)
    if not (isinstance(kind, type) and attrs.has(kind)):
        raise TypeError(f"a kind is a class of installkit's values, as installkit.Failure, not {given!r}")
    return kind


def _no_value(value: Any) -> TypeError:
    return TypeError(f"a frame is made of installkit's values, not of {value!r}")
