"""A run at one moment: its progress, the status of each host, and what went wrong."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from markupsafe import Markup

import installkit
from installkit import Action, Check, CheckStatus, HostStatus, RunSnapshot, RunStatus, StepSnapshot, StepStatus
from installkit.notebook.markup import bar, facts, heading, joined, quiet, table, unbroken, word
from installkit.text import counted, duration_text, join_names

HOSTS_SHOWN = 40
STEPS_SHOWN = 30
NAMES_SHOWN = 20

_Column = tuple[str, Action, str | None]

_SIGNS = {
    HostStatus.PENDING: "·",
    HostStatus.RUNNING: "▶",
    HostStatus.OK: "✓",
    HostStatus.CHANGED: "✓",
    HostStatus.FAILED: "✗",
    HostStatus.UNREACHABLE: "✗",
    HostStatus.SKIPPED: "-",
    HostStatus.UNFINISHED: "?",
}
_WORST_FIRST = (
    HostStatus.FAILED,
    HostStatus.UNREACHABLE,
    HostStatus.UNFINISHED,
    HostStatus.RUNNING,
    HostStatus.PENDING,
    HostStatus.CHANGED,
    HostStatus.OK,
    HostStatus.SKIPPED,
)


def run_page(
    now: RunSnapshot,
    *,
    expected: Mapping[str, float] | None = None,
    left: float | None = None,
    tasks: Mapping[str, str] | None = None,
) -> list[Markup]:
    """
    Return the parts of the page of a run that stands as in *now*.

    Args:
        now: The run at one moment.
        expected: Seconds that each step should take, by its id; steps without an estimate are missing.
        left: Seconds until the run should end; None if unknown.
        tasks: The current task of each running step, by the step's id; steps without one are missing.
    """
    return [
        heading(f"run {now.id[:6]} on {now.site}", word(now.status.value)),
        quiet(now.note),
        _progress(now, left),
        joined(
            Markup("<div>{} for an approval before {}. {}: <code>run.approve()</code></div>").format(
                word("waiting"), step.seq, step.text
            )
            for step in now.steps
            if step.status is StepStatus.WAITING
        ),
        quiet("it is being canceled" if now.cancel_requested_at and not now.status.final else ""),
        quiet(now.reason if now.reason and not now.failures else ""),
        _steps(now, expected or {}, tasks or {}),
        _grid(now),
        joined(_failure(failure) for failure in now.failures),
        joined(_finding(check) for step in now.steps for check in step.checks),
    ]


def _progress(now: RunSnapshot, left: float | None) -> Markup:
    """Return how far the run is: by time if earlier runs give an estimate, else by the number of steps."""
    done, total, took = now.progress.done, now.progress.total, now.duration or 0.0
    part = took / (took + left) if left and not now.status.final else done / max(1, total)
    steps = f"{done} of {counted(total, 'step')}"
    if now.status.final and now.status is not RunStatus.SUCCEEDED:
        succeeded = sum(step.status is StepStatus.SUCCEEDED for step in now.steps)
        steps = f"{succeeded} of {counted(total, 'step')} succeeded"
    texts = (steps, duration_text(now.duration), "" if now.status.final else _left(left, "about {} left"))
    return Markup("<div>{} {}</div>").format(bar(part, now.status.value), " · ".join(filter(None, texts)))


def _left(seconds: float | None, text: str) -> str:
    if seconds is None:
        return ""
    return text.format(duration_text(seconds)) if seconds > 0 else "longer than usual"


def _steps(now: RunSnapshot, expected: Mapping[str, float], tasks: Mapping[str, str]) -> Markup:
    shown = _around_the_first_to_look_at(now.steps)
    rows = []
    for step in shown:
        left: Markup | str = ""
        if step.id in expected and not step.status.final:
            seconds, took = expected[step.id], step.duration or 0.0
            left = unbroken(_left(seconds - took, "{}"), bar(took / max(seconds, 0.1), step.status.value))
        task = tasks.get(step.id, "") if step.status is StepStatus.RUNNING else ""
        rows.append((step.seq, word(step.status.value), step.text, left, unbroken(duration_text(step.duration)), task))
    hidden = len(now.steps) - len(shown)
    more = quiet(f"and {counted(hidden, 'more step')}" if hidden else "")
    return joined([table(("", "status", "step", "left", "took", "task"), rows), more])


def _around_the_first_to_look_at(steps: tuple[StepSnapshot, ...]) -> tuple[StepSnapshot, ...]:
    """Return at most `STEPS_SHOWN` of *steps*: those around the first that has not succeeded."""
    first = next((index for index, step in enumerate(steps) if step.status is not StepStatus.SUCCEEDED), 0)
    start = max(0, min(first - STEPS_SHOWN // 3, len(steps) - STEPS_SHOWN))
    return steps[start : start + STEPS_SHOWN]


def _grid(now: RunSnapshot) -> Markup:
    """Return a table of hosts and what is done to them; if there are too many hosts, the worst ones."""
    columns = dict.fromkeys(_column(step) for step in _around_the_first_to_look_at(now.steps))
    statuses: defaultdict[str, dict[_Column, HostStatus]] = defaultdict(dict)
    cells: dict[tuple[str, _Column], Markup] = {}
    for step in now.steps:
        for host in step.hosts:
            status = step.host_statuses.get(host, HostStatus.PENDING)
            statuses[host][_column(step)] = status
            # While a step runs, a host on which nothing has failed is not done yet.
            goes_on = step.status is StepStatus.RUNNING and status in {HostStatus.OK, HostStatus.CHANGED}
            sign = _SIGNS[HostStatus.RUNNING if goes_on else status]
            cells[host, _column(step)] = word(sign, status.value)
    worst_first = sorted(statuses, key=lambda host: min(map(_WORST_FIRST.index, statuses[host].values())))
    shown = set(worst_first[:HOSTS_SHOWN])
    rows = ((host, *(cells.get((host, column), "") for column in columns)) for host in statuses if host in shown)

    # A column's name has the version only if another column would have the same name.
    alike = Counter((component, action) for component, action, _ in columns)
    names = (
        (
            "" if action is Action.INSTALL else action.value,
            component,
            version if alike[component, action] > 1 else "",
        )
        for component, action, version in columns
    )
    head = ("host", *(" ".join(filter(None, parts)) for parts in names))
    more = len(statuses) - HOSTS_SHOWN
    rest = quiet(f"and {counted(more, 'more host')}, none of which fares worse" if more > 0 else "")
    return joined([table(head, rows, look="ik-grid"), rest])


def _column(step: StepSnapshot) -> _Column:
    """Return the column of the grid for *step*: all its batches share one, each hop of an upgrade has its own."""
    return step.component, step.action, step.to_version


def _failure(failure: installkit.Failure) -> Markup:
    where = {
        "code": failure.code,
        "where": failure.location,
        "steps" if len(failure.steps) > 1 else "step": join_names(failure.steps, most=NAMES_SHOWN),
        "hosts": join_names(failure.hosts, most=NAMES_SHOWN),
    }
    call = Markup("<code>{}</code>").format(failure.next.as_call()) if failure.next else ""
    message = Markup("<pre>{}</pre>").format(failure.message.strip()) if failure.message.strip() else Markup()
    parts = (facts(where), message, facts({"→": failure.remedy, "next": call}))
    return Markup('<div class="ik-failure"><b>{}</b>{}</div>').format(failure.summary, joined(parts))


def _finding(check: Check) -> Markup:
    """Return the finding of a check that let the run go on; empty if the check passed, or failed the run."""
    if check.status is CheckStatus.PASS or check.blocks:
        return Markup()
    ignored = f"ignored by {check.ignored.by}: {check.ignored.reason}" if check.ignored else ""
    text = " · ".join(filter(None, (check.message, check.remedy, ignored)))
    return Markup("<div>{} <b>{}</b> on {}: {}</div>").format(
        word(check.status.value), check.name, ", ".join(check.hosts), text
    )
