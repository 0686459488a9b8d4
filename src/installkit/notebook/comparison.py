"""Two runs side by side, as a page."""

from collections import defaultdict

import attrs
from markupsafe import Markup

from installkit import (
    HostDifference,
    HostStatus,
    RunComparison,
    StepDifference,
    StepStatus,
    TaskDifference,
)
from installkit.notebook.markup import heading, page, quiet, table, word
from installkit.text import duration_text, join_names, time_text

TASKS_SHOWN = 10


def comparison_page(comparison: RunComparison) -> str:
    """Return the page of *comparison*."""
    now, earlier = (
        Markup("{} {} {}").format(label, word(run.status.value), time_text(run.created_at))
        for run, label in zip((comparison.run, comparison.earlier), comparison.labels, strict=True)
    )
    steps = (
        (*_what(step), step.versions, step.batch, *_statuses(step), *_times(step)) for step in comparison.main_steps
    )
    # Hosts that differ in the same way share one row.
    names: defaultdict[HostDifference, list[str]] = defaultdict(list)
    for host in comparison.hosts:
        names[attrs.evolve(host, host="")].append(host.host)
    hosts = [(*_what(host), host.version, join_names(alike), *_statuses(host)) for host, alike in names.items()]
    tasks = ((*_what(task), task.version, task.task, *_times(task)) for task in comparison.tasks[:TASKS_SHOWN])
    return page(
        heading("two runs:", now, "and, before it,", earlier),
        table(("component", "action", "version", "batch", "now", "before", "took", "took before"), steps),
        quiet(comparison.other_steps),
        table(("component", "action", "version", "hosts", "now", "before"), hosts)
        or quiet("every host fared the same in both"),
        table(("component", "action", "version", "tasks that differ most", "slowest host took", "before"), tasks),
    )


def _what(difference: StepDifference | HostDifference | TaskDifference) -> tuple[str, str]:
    return difference.component, difference.action.value


def _statuses(difference: StepDifference | HostDifference) -> tuple[Markup, Markup]:
    return _status(difference.status), _status(difference.earlier_status)


def _status(status: StepStatus | HostStatus | None) -> Markup:
    return word("not done" if status is None else status.value)


def _times(difference: StepDifference | TaskDifference) -> tuple[str, str]:
    return duration_text(difference.duration), duration_text(difference.earlier_duration)
