"""Values as pandas frames."""

import functools
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

import installkit
from installkit.notebook.comparison import RunComparison
from installkit.notebook.extras import load
from installkit.notebook.timeline import Timeline

if TYPE_CHECKING:
    import pandas as pd


def to_frame(values: Any) -> "pd.DataFrame":
    """
    Return *values* as a pandas frame: a row for each, a column for each attribute.

    Times are aware, durations seconds, sizes bytes, words strings; whatever else a value holds is as in its JSON.

    Args:
        values: Any values of installkit, or one: of a plan its changes, of a run its steps, of a catalog its
            components, of a site what is installed there, of a comparison its steps, of a timeline its tasks.

    Raises:
        TypeError: If one is no value of installkit.
        InstallkitError: If pandas is missing.
    """
    return load("pandas").DataFrame([_row(value) for value in _members(values)])


@functools.singledispatch
def _members(values: Any) -> Iterable[Any]:
    """Return what the rows of *values* are made of."""
    if attrs.has(type(values)):
        return [values]
    if isinstance(values, Iterable) and not isinstance(values, (str, bytes, Mapping)):
        return values
    raise _no_value(values)


_members.register(installkit.Catalog, lambda catalog: catalog.components)
_members.register(installkit.Plan, lambda plan: plan.changes)
_members.register(installkit.Run, lambda run: run.steps)
_members.register(installkit.RunSnapshot, lambda run: run.steps)
_members.register(installkit.Site, lambda site: site.installed())
_members.register(RunComparison, lambda comparison: comparison.steps)
_members.register(Timeline, lambda timeline: timeline.tasks)


def _row(value: Any) -> dict[str, Any]:
    if isinstance(value, (installkit.Run, installkit.Site)):
        return _row(value.snapshot())
    if not attrs.has(type(value)):
        raise _no_value(value)
    return {field.name: _cell(getattr(value, field.name)) for field in attrs.fields(type(value))}


def _cell(value: Any) -> Any:
    return value if isinstance(value, datetime) else installkit.to_wire(value)


def _no_value(value: Any) -> TypeError:
    return TypeError(f"a frame is made of installkit's values, not of {value!r}")
