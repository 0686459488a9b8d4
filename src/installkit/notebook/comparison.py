"""Two runs side by side, as a page."""

from collections import defaultdict
from collections.abc import Iterable

import attrs
from markupsafe import Markup

from installkit import (
    HostDifference,
    HostStatus,
    RunComparison,
    RunSnapshot,
    StepDifference,
    StepStatus,
    TaskDifference,
)
from installkit.notebook.markup import heading, page, quiet, table, word
from installkit.text import duration_text, join_names, time_text

TASKS_SHOWN = 10


def comparison_page(comparison: RunComparison) -> str:
    """Return the page of *comparison*."""
    steps = (
        (*_what(each), each.versions, each.batch, *_statuses(each), *_times(each)) for each in comparison.main_steps
    )
    tasks = ((*_what(each), each.version, each.task, *_times(each)) for each in comparison.tasks[:TASKS_SHOWN])
    now, earlier = map(_named, (comparison.run, comparison.earlier), comparison.labels)
    return page(
        heading("two runs:", now, "and, before it,", earlier),
        table(("component", "action", "version", "batch", "now", "before", "took", "took before"), steps),
        quiet(comparison.other_steps),
        table(("component", "action", "version", "hosts", "now", "before"), _host_rows(comparison.hosts))
        or quiet("every host fared the same in both"),
        table(("component", "action", "version", "tasks that differ most", "slowest host took", "before"), tasks),
    )


def _what(each: StepDifference | HostDifference | TaskDifference) -> tuple[str, str]:
    return each.component, each.action.value


def _host_rows(hosts: Iterable[HostDifference]) -> list[tuple[object, ...]]:
    """Return a row for all hosts that fared the same way differently."""
    rows: defaultdict[HostDifference, list[str]] = defaultdict(list)
    for each in hosts:
        rows[attrs.evolve(each, host="")].append(each.host)
    return [(*_what(each), each.version, join_names(names), *_statuses(each)) for each, names in rows.items()]


def _statuses(each: StepDifference | HostDifference) -> tuple[Markup, Markup]:
    return _status(each.status), _status(each.earlier_status)


def _status(status: StepStatus | HostStatus | None) -> Markup:
    return word("not done" if status is None else status.value)


def _times(each: StepDifference | TaskDifference) -> tuple[str, str]:
    return duration_text(each.duration), duration_text(each.earlier_duration)


def _named(run: RunSnapshot, label: str) -> Markup:
    return Markup("{} {} {}").format(label, word(run.status.value), time_text(run.created_at))
