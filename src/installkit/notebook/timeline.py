"""
A timeline as a chart, or as a picture.

The chart is drawn by Vega-Lite 5, which JupyterLab and VS Code's Jupyter extensions contain; other notebooks show a
picture that does not move. Nothing is downloaded, so it works without a network.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from markupsafe import Markup

import installkit
from installkit import TaskSpan, Timeline
from installkit.notebook.bars import Bar, Chart, charts_svg
from installkit.text import duration_text

DRAWN = 4000
"""At most so many tasks, the longest ones, are drawn: more would make the notebook slow and large."""

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


def timeline_chart(timeline: Timeline) -> dict[str, Any]:
    """Return *timeline* as a Vega-Lite 5 specification with its data inside."""
    drawn = _drawn(timeline)
    colours = {"domain": list(_COLOURS), "range": list(_COLOURS.values())}
    tooltip = ("task", "component", "action", "host", "status", "took")
    shared = {
        "color": {"field": "status", "type": "nominal", "title": None, "scale": colours, "legend": {"orient": "top"}},
        "tooltip": [{"field": name, "type": "nominal"} for name in tooltip],
    }
    by_host = {
        "title": _title(timeline),
        "data": {"name": "tasks"},
        "width": _WIDTH,
        "height": {"step": _row_height(drawn)},
        "params": [
            {"name": "zoom", "select": {"type": "interval", "encodings": ["x"]}, "bind": "scales"},
            {"name": "chosen", "select": {"type": "point", "fields": ["status"]}, "bind": "legend"},
        ],
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
            **shared,
        },
    }
    by_duration = {
        "title": "the slowest tasks",
        "data": {"name": "slowest"},
        "width": _WIDTH,
        "height": {"step": 20},
        "mark": "bar",
        "encoding": {
            "y": {"field": "label", "type": "nominal", "sort": None, "title": None, "axis": _LABELS},
            "x": {"field": "duration", "type": "quantitative", "title": "seconds"},
            **shared,
        },
    }
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "datasets": {
            "tasks": [_datum(task) for task in drawn],
            "slowest": [_datum(task) for task in timeline.slowest],
        },
        "vconcat": [by_host, by_duration],
    }


def timeline_svg(timeline: Timeline) -> Markup:
    """Return *timeline* as a picture, for notebooks that cannot draw the chart."""
    drawn = sorted(_drawn(timeline), key=lambda task: task.host)
    by_host = Chart(
        title=_title(timeline),
        bars=[_bar(task.host, task.started_at.timestamp(), task.finished_at.timestamp(), task) for task in drawn],
        first=_clock_text(min((task.started_at for task in drawn), default=None)),
        last=_clock_text(max((task.finished_at for task in drawn), default=None)),
        row_height=_row_height(drawn),
    )
    slowest = timeline.slowest
    by_duration = Chart(
        title="the slowest tasks",
        bars=[_bar(f"{duration_text(task.duration)} {task.label}", 0, task.duration, task) for task in slowest],
        first="0 s",
        last=duration_text(max((task.duration for task in slowest), default=None)),
        row_height=20,
    )
    return charts_svg([by_host, by_duration], _COLOURS)


def _drawn(timeline: Timeline) -> list[TaskSpan]:
    return sorted(timeline.tasks, key=lambda task: -task.duration)[:DRAWN]


def _title(timeline: Timeline) -> str:
    tasks, number = "ended tasks" if timeline.missing else "tasks", len(timeline.tasks)
    what = f"the longest {DRAWN} of {number} {tasks}" if number > DRAWN else f"{tasks} by host"
    return f"{timeline.label}: {what}"


def _datum(task: TaskSpan) -> dict[str, Any]:
    return {
        **installkit.to_wire(task),
        "label": task.label,
        "took": duration_text(task.duration),
    }


def _bar(row: str, start: float, end: float, task: TaskSpan) -> Bar:
    tooltip = f"{task.label}: {task.status}, {duration_text(task.duration)}"
    return Bar(row=row, start=start, end=end, colour=_COLOURS[task.status], tooltip=tooltip)


def _clock_text(time: datetime | None) -> str:
    return "" if time is None else f"{time.astimezone():%H:%M:%S}"


def _row_height(tasks: Iterable[TaskSpan]) -> float:
    """Return the height of each host's row in pixels: less if there are many hosts, so that the chart fits a screen."""
    return max(3.0, min(20.0, _HEIGHT / max(1, len({task.host for task in tasks}))))
