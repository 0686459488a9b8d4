"""
The tasks of a run over hosts and time.

Drawn by Vega-Lite 5, which JupyterLab and VS Code's Jupyter extensions bring along, else as a picture that stands still:
nothing is fetched, so it works where there is no network.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import attrs
from markupsafe import Markup

import installkit
from installkit import Action, EventKind, RunStatus
from installkit.notebook.bars import Bar, Chart, charts_svg
from installkit.notebook.markup import page, quiet
from installkit.text import counted, duration_text

MIME = "application/vnd.vegalite.v5+json"

DRAWN = 4000
"""So many tasks of a long run are drawn, the longest: more would make the notebook slow and large."""

SLOWEST = 15

_WIDTH = 430
"""Pixels: with the labels it fits into a window of 900."""

_HEIGHT = 800
_LABELS = {"labelLimit": 260}
_COLOURS = {
    "ok": "#2e8b57",
    "changed": "#e0a100",
    "failed": "#d62839",
    "unreachable": "#7b1e3a",
    "skipped": "#9aa4b3",
}


@attrs.frozen(kw_only=True)
class TaskSpan:
    """
    One task on one host.

    Attributes:
        duration: Seconds.
    """

    component: str
    action: Action
    task: str
    host: str
    status: str
    started_at: datetime
    finished_at: datetime
    duration: float


@attrs.frozen(kw_only=True)
class Timeline:
    """
    The tasks of a run over hosts and time: an interactive chart in a notebook, the slowest tasks as text.

    Attributes:
        status: Of the run, when its tasks were read.
        tasks: Those that have ended, in the order of their ends.
    """

    run: str
    status: RunStatus
    tasks: tuple[TaskSpan, ...]

    @property
    def slowest(self) -> tuple[TaskSpan, ...]:
        """The tasks that took longest, the longest first."""
        return self._drawn[:SLOWEST]

    @property
    def _drawn(self) -> tuple[TaskSpan, ...]:
        return tuple(sorted(self.tasks, key=lambda task: -task.duration)[:DRAWN])

    @property
    def _title(self) -> str:
        tasks = "ended tasks" if self._missing else "tasks"
        what = f"the longest {DRAWN} of {len(self.tasks)} {tasks}" if len(self.tasks) > DRAWN else f"{tasks} by host"
        return f"{self._named}: {what}"

    @property
    def _named(self) -> str:
        status = self.status.value if self.status.final else "so far"
        return f"run {self.run[:6]} {status}" if self._missing else f"run {self.run[:6]}"

    @property
    def _missing(self) -> str:
        """Which tasks that were begun are not in it; empty for none."""
        if not self.status.final:
            return "those that go on"
        ended = {RunStatus.SUCCEEDED, RunStatus.FAILED}
        return "" if self.status in ended else "those that were cut off"

    def __str__(self) -> str:
        if not self.tasks:
            return f"run {self.run[:6]} {self.status.value}: no task has ended"
        lines = (f"{duration_text(each.duration):>10}  {_label(each)}" for each in self.slowest)
        missing = f"; {self._missing} are not in it" if self._missing else ""
        return "\n".join([f"the slowest of {counted(len(self.tasks), 'task')} of {self._named}{missing}", *lines])

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        if not self.tasks:
            return {"text/html": page(quiet(str(self))), "text/plain": str(self)}
        return {MIME: self.chart(), "image/svg+xml": str(self.svg()), "text/plain": str(self)}

    def svg(self) -> Markup:
        """Return the same as a picture, for where the chart cannot be drawn."""
        drawn = sorted(self._drawn, key=lambda task: task.host)
        by_host = Chart(
            title=self._title,
            bars=[_bar(task.host, task.started_at.timestamp(), task.finished_at.timestamp(), task) for task in drawn],
            first=_clock_text(min((task.started_at for task in drawn), default=None)),
            last=_clock_text(max((task.finished_at for task in drawn), default=None)),
            row_height=_row_height(drawn),
        )
        by_duration = Chart(
            title="the slowest tasks",
            bars=[
                _bar(f"{duration_text(task.duration)} {_label(task)}", 0, task.duration, task) for task in self.slowest
            ],
            first="0 s",
            last=duration_text(max((task.duration for task in self.slowest), default=None)),
            row_height=20,
        )
        return charts_svg([by_host, by_duration], _COLOURS)

    def chart(self) -> dict[str, Any]:
        """Return the chart as a Vega-Lite 5 specification with its data inside."""
        drawn = self._drawn
        return {
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "datasets": {"tasks": [_datum(task) for task in drawn], "slowest": [_datum(task) for task in self.slowest]},
            "vconcat": [_by_host(self._title, _row_height(drawn)), _by_duration()],
        }


def read_timeline(run: installkit.Run) -> Timeline:
    """
    Return the tasks of *run* that have ended.

    Raises:
        StoreError: If its events were pruned.
    """
    status = run.status  # read first: of a run that ends meanwhile nothing is missing that the status says is there
    steps = {step.id: step for step in run.plan.steps}
    spans = [_span(event, steps[event.step]) for event in run.events() if event.step and _is_timed(event)]
    return Timeline(run=run.id, status=status, tasks=tuple(spans))


def _is_timed(event: installkit.Event) -> bool:
    return event.kind is EventKind.TASK_RESULT and event.duration is not None


def _span(event: installkit.Event, step: installkit.Step) -> TaskSpan:
    duration = event.duration or 0.0
    return TaskSpan(
        component=step.component,
        action=step.action,
        task=event.task or "",
        host=event.host or "",
        status=event.status or "",
        started_at=event.time - timedelta(seconds=duration),
        finished_at=event.time,
        duration=duration,
    )


def _label(task: TaskSpan) -> str:
    return f"{task.task} ({task.component} on {task.host})"


def _datum(task: TaskSpan) -> dict[str, Any]:
    return {
        **installkit.to_wire(task),
        "label": _label(task),
        "took": duration_text(task.duration),
    }


def _bar(row: str, start: float, end: float, task: TaskSpan) -> Bar:
    told = f"{_label(task)}: {task.status}, {duration_text(task.duration)}"
    return Bar(row=row, start=start, end=end, colour=_COLOURS[task.status], told=told)


def _clock_text(time: datetime | None) -> str:
    return "" if time is None else f"{time.astimezone():%H:%M:%S}"


def _row_height(tasks: Iterable[TaskSpan]) -> float:
    """Return the pixels that each host has: fewer where there are many, so that the chart stays on one screen."""
    return max(3.0, min(20.0, _HEIGHT / max(1, len({task.host for task in tasks}))))


def _by_host(title: str, row_height: float) -> dict[str, Any]:
    zoom = {"name": "zoom", "select": {"type": "interval", "encodings": ["x"]}, "bind": "scales"}
    chosen = {"name": "chosen", "select": {"type": "point", "fields": ["status"]}, "bind": "legend"}
    return {
        "title": title,
        "data": {"name": "tasks"},
        "width": _WIDTH,
        "height": {"step": row_height},
        "params": [zoom, chosen],
        "mark": {"type": "bar", "stroke": "white", "strokeWidth": 0.5},
        "encoding": {
            "y": {"field": "host", "type": "nominal", "title": None, "axis": {"labelOverlap": True, **_LABELS}},
            "x": {
                "field": "started_at",
                "type": "temporal",
                "title": "drag and scroll to zoom",
                "axis": {"format": "%H:%M:%S", "tickCount": 6, "labelOverlap": True},
            },
            "x2": {"field": "finished_at"},
            "opacity": {"condition": {"param": "chosen", "value": 1}, "value": 0.15},
            **_shared_encoding(),
        },
    }


def _by_duration() -> dict[str, Any]:
    return {
        "title": "the slowest tasks",
        "data": {"name": "slowest"},
        "width": _WIDTH,
        "height": {"step": 20},
        "mark": "bar",
        "encoding": {
            "y": {"field": "label", "type": "nominal", "sort": None, "title": None, "axis": _LABELS},
            "x": {"field": "duration", "type": "quantitative", "title": "seconds"},
            **_shared_encoding(),
        },
    }


def _shared_encoding() -> dict[str, Any]:
    colours = {"domain": list(_COLOURS), "range": list(_COLOURS.values())}
    told = ("task", "component", "action", "host", "status", "took")
    return {
        "color": {"field": "status", "type": "nominal", "title": None, "scale": colours, "legend": {"orient": "top"}},
        "tooltip": [{"field": name, "type": "nominal"} for name in told],
    }
