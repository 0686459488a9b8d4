"""A run at one moment: how far it is, which host fares how, and what went wrong."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

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
        expected: Seconds that each step should take, by its id, as far as known.
        left: Seconds until the run should end; None if unknown.
        tasks: What each running step does, by its id, as far as known.
    """
    return [
        heading(f"run {now.id[:6]} on {now.site}", word(now.status.value)),
        quiet(now.note),
        _progress(now, left),
        joined(_news(now)),
        _steps(now, expected or {}, tasks or {}),
        _grid(now),
        joined(_failure(failure) for failure in now.failures),
        joined(_finding(check) for step in now.steps for check in step.checks),
    ]


def _progress(now: RunSnapshot, left: float | None) -> Markup:
    """Return how far the run is: by its time where earlier runs tell that, else by its steps."""
    done, total, took = now.progress.done, now.progress.total, now.duration or 0.0
    part = took / (took + left) if left and not now.status.final else done / max(1, total)
    said = (_done(now), duration_text(now.duration), "" if now.status.final else _left(left, "about {} left"))
    return Markup("<div>{} {}</div>").format(bar(part, now.status.value), " · ".join(filter(None, said)))


def _done(now: RunSnapshot) -> str:
    total = counted(now.progress.total, "step")
    if not now.status.final or now.status is RunStatus.SUCCEEDED:
        return f"{now.progress.done} of {total}"
    return f"{sum(step.status is StepStatus.SUCCEEDED for step in now.steps)} of {total} succeeded"


def _left(seconds: float | None, text: str) -> str:
    if seconds is None:
        return ""
    return text.format(duration_text(seconds)) if seconds > 0 else "longer than usual"


def _news(now: RunSnapshot) -> Iterator[Markup]:
    """Yield a line for whatever somebody has to do, has done, or should know."""
    for step in now.steps:
        if step.status is StepStatus.WAITING:
            text = f"for an approval before {step.seq}. {step.text}:"
            yield Markup("<div>{} {} <code>run.approve()</code></div>").format(word("waiting"), text)
    if now.cancel_requested_at and not now.status.final:
        yield quiet("it is being canceled")
    if now.reason and not now.failures:
        yield quiet(now.reason)


def _steps(now: RunSnapshot, expected: Mapping[str, float], tasks: Mapping[str, str]) -> Markup:
    shown = _around_the_first_to_look_at(now.steps)
    rows = (
        (
            step.seq,
            word(step.status.value),
            step.text,
            _step_bar(step, expected.get(step.id)),
            unbroken(duration_text(step.duration)),
            tasks.get(step.id, "") if step.status is StepStatus.RUNNING else "",
        )
        for step in shown
    )
    hidden = len(now.steps) - len(shown)
    more = quiet(f"and {counted(hidden, 'more step')}" if hidden else "")
    return joined([table(("", "status", "step", "left", "took", "task"), rows), more])


def _around_the_first_to_look_at(steps: tuple[StepSnapshot, ...]) -> tuple[StepSnapshot, ...]:
    """Return as many of *steps* as are shown: those around the first that has not succeeded."""
    first = next((index for index, step in enumerate(steps) if step.status is not StepStatus.SUCCEEDED), 0)
    start = max(0, min(first - STEPS_SHOWN // 3, len(steps) - STEPS_SHOWN))
    return steps[start : start + STEPS_SHOWN]


def _step_bar(step: StepSnapshot, expected: float | None) -> Markup | str:
    """Return how far *step* should be and what is left of it; empty where it has ended or earlier runs do not tell."""
    if expected is None or step.status.final:
        return ""
    took = step.duration or 0.0
    return unbroken(_left(expected - took, "{}"), bar(took / max(expected, 0.1), step.status.value))


def _grid(now: RunSnapshot) -> Markup:
    """Return hosts and what is done to them; of many hosts those that fare worst."""
    columns = dict.fromkeys(_column(step) for step in _around_the_first_to_look_at(now.steps))
    statuses: defaultdict[str, dict[_Column, HostStatus]] = defaultdict(dict)
    signs: dict[tuple[str, _Column], str] = {}
    for step in now.steps:
        for host in step.hosts:
            status = step.host_statuses.get(host, HostStatus.PENDING)
            statuses[host][_column(step)] = status
            signs[host, _column(step)] = _sign(status, step.status)
    worst_first = sorted(statuses, key=lambda host: min(map(_WORST_FIRST.index, statuses[host].values())))
    shown = set(worst_first[:HOSTS_SHOWN])
    rows = (
        (host, *(_cell(fared.get(column), signs.get((host, column), "")) for column in columns))
        for host, fared in statuses.items()
        if host in shown
    )
    more = len(statuses) - HOSTS_SHOWN
    return joined(
        [
            table(("host", *_names(columns)), rows, look="ik-grid"),
            quiet(f"and {counted(more, 'more host')}, none of which fares worse" if more > 0 else ""),
        ]
    )


def _column(step: StepSnapshot) -> _Column:
    """Return what *step* has a column of the grid for: all its batches share one, each hop of an upgrade has its own."""
    return step.component, step.action, step.to_version


def _names(columns: Collection[_Column]) -> Iterator[str]:
    """Yield what *columns* are called: by their versions, too, where else two would be called the same."""
    alike = Counter(column[:2] for column in columns)
    for component, action, version in columns:
        hop = version if alike[component, action] > 1 else None
        yield " ".join(filter(None, ("" if action is Action.INSTALL else action.value, component, hop)))


def _sign(status: HostStatus, step: StepStatus) -> str:
    """Return the sign of *status*: while its step runs, nothing is done yet where nothing has failed."""
    goes_on = step is StepStatus.RUNNING and status in {HostStatus.OK, HostStatus.CHANGED}
    return _SIGNS[HostStatus.RUNNING if goes_on else status]


def _cell(status: HostStatus | None, sign: str) -> Markup | str:
    return "" if status is None else word(sign, status.value)


def _failure(failure: installkit.Failure) -> Markup:
    where = {
        "code": failure.code,
        "where": failure.location,
        "steps" if len(failure.steps) > 1 else "step": join_names(failure.steps, most=NAMES_SHOWN),
        "hosts": join_names(failure.hosts, most=NAMES_SHOWN),
    }
    command = Markup("<code>{}</code>").format(failure.next.command) if failure.next else ""
    message = Markup("<pre>{}</pre>").format(failure.message.strip()) if failure.message.strip() else Markup()
    parts: Iterable[Markup] = (facts(where), message, facts({"→": failure.remedy, "next": command}))
    return Markup('<div class="ik-failure"><b>{}</b>{}</div>').format(failure.summary, joined(parts))


def _finding(check: Check) -> Markup:
    """Return what a check found that did not keep the run from going on; nothing where it passed or failed the run."""
    if check.status is CheckStatus.PASS or check.blocks:
        return Markup()
    ignored = f"ignored by {check.ignored.by}: {check.ignored.reason}" if check.ignored else ""
    said = " · ".join(filter(None, (check.message, check.remedy, ignored)))
    return Markup("<div>{} <b>{}</b> on {}: {}</div>").format(
        word(check.status.value), check.name, ", ".join(check.hosts), said
    )
