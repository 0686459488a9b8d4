"""Two runs side by side."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar

import attrs
from markupsafe import Markup

import installkit
from installkit import Action, EventKind, HostStatus, RunSnapshot, Step, StepSnapshot, StepStatus
from installkit.notebook.markup import heading, page, quiet, table, word
from installkit.text import counted, duration_text, join_names, time_text

STEPS_SHOWN = 30
TASKS_SHOWN = 10

_Work = tuple[str, Action, str | None]
"""Component, action, and the version that it leads to: one hop of an upgrade, with all its batches."""

_Likes = Mapping[_Work, _Work]
"""Under which work another is to be found."""

_Name = TypeVar("_Name")
_Value = TypeVar("_Value")


@attrs.frozen(kw_only=True)
class StepDifference:
    """
    The same step of two runs; None stands where one did not have it.

    Attributes:
        version: That it leads to.
        duration: Seconds.
    """

    component: str
    action: Action
    version: str | None
    earlier_version: str | None
    batch: int | None
    status: StepStatus | None
    earlier_status: StepStatus | None
    duration: float | None
    earlier_duration: float | None


@attrs.frozen(kw_only=True)
class TaskDifference:
    """
    The same task of two runs; None stands where one did not do it.

    Attributes:
        version: That its step leads to.
        duration: Seconds on the host that it took longest on; where it was done more than once there, their sum.
    """

    component: str
    action: Action
    version: str | None
    task: str
    duration: float | None
    earlier_duration: float | None

    @property
    def slower_by(self) -> float:
        """Seconds that it took longer; negative if it was quicker."""
        return (self.duration or 0.0) - (self.earlier_duration or 0.0)


@attrs.frozen(kw_only=True)
class HostDifference:
    """
    A host that fared differently in the same step of two runs; None stands where it was not concerned.

    Attributes:
        version: That the step leads to.
    """

    component: str
    action: Action
    version: str | None
    host: str
    status: HostStatus | None
    earlier_status: HostStatus | None


@attrs.frozen(kw_only=True)
class RunComparison:
    """
    What differs between two runs.

    Attributes:
        steps: Every step of either, in order.
        hosts: Those that fared differently.
        tasks: Every task of either, those with the largest difference first.
    """

    run: RunSnapshot
    earlier: RunSnapshot
    steps: tuple[StepDifference, ...]
    hosts: tuple[HostDifference, ...]
    tasks: tuple[TaskDifference, ...]

    def __str__(self) -> str:
        lines = (
            f"{_spaced(step.action.value, step.component, _versions(step))}:"
            f" {_spaced(_status(step.status), duration_text(step.duration))},"
            f" before {_spaced(_status(step.earlier_status), duration_text(step.earlier_duration))}"
            for step in self._shown
        )
        now, earlier = (_spaced(run.id[:6], site) for run, site in self._sited)
        return "\n".join([f"run {now} and, before it, {earlier}", *lines, *filter(None, [self._more])])

    @property
    def _shown(self) -> tuple[StepDifference, ...]:
        """The steps, in order; of many those that differ most."""
        return tuple(sorted(sorted(self.steps, key=_sameness)[:STEPS_SHOWN], key=self.steps.index))

    @property
    def _more(self) -> str:
        hidden = len(self.steps) - STEPS_SHOWN
        return f"and {counted(hidden, 'more step')}, none of which differs more" if hidden > 0 else ""

    @property
    def _sited(self) -> tuple[tuple[RunSnapshot, str], tuple[RunSnapshot, str]]:
        """Each of the two with the site that it was on; empty where both were on the same."""
        differ = self.run.site != self.earlier.site
        now, earlier = (f"on {run.site}" if differ else "" for run in (self.run, self.earlier))
        return (self.run, now), (self.earlier, earlier)

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        steps = ((*_what(each), _versions(each), each.batch, *_statuses(each), *_times(each)) for each in self._shown)
        tasks = ((*_what(each), each.version, each.task, *_times(each)) for each in self.tasks[:TASKS_SHOWN])
        now, earlier = (_named(*each) for each in self._sited)
        parts = (
            heading("two runs:", now, "and, before it,", earlier),
            table(("component", "action", "version", "batch", "now", "before", "took", "took before"), steps),
            quiet(self._more),
            table(("component", "action", "version", "hosts", "now", "before"), _host_rows(self.hosts))
            or quiet("every host fared the same in both"),
            table(("component", "action", "version", "tasks that differ most", "slowest host took", "before"), tasks),
        )
        return {"text/html": page(*parts), "text/plain": str(self)}


def compare_runs(run: installkit.Run, other: installkit.Run) -> RunComparison:
    """
    Return what differs between *run* and *other*; whichever was created first is the earlier one.

    Steps are matched by component, action and batch, and by the version that they lead to; where that differs, in their
    order. Hosts and tasks are matched by their names.

    Raises:
        TypeError: If *other* is no run.
        InstallkitError: If both are the same run.
        StoreError: If the events of one were pruned.
    """
    _check_two(run, other)
    older, newer = sorted((other, run), key=lambda each: each.spec().created_at)
    now, earlier = newer.snapshot(), older.snapshot()
    like = _counterparts(now.steps, earlier.steps)
    steps = _paired(_steps_of(now, {}), _steps_of(earlier, like))
    hosts = _paired(_hosts_of(now, {}), _hosts_of(earlier, like))
    tasks = _paired(_tasks_of(newer, {}), _tasks_of(older, like))
    return RunComparison(
        run=now,
        earlier=earlier,
        steps=tuple(_compare_step(*each) for each in steps),
        hosts=tuple(_compare_host(*each) for each in hosts if each[1] != each[2]),
        tasks=tuple(sorted((_compare_task(*each) for each in tasks), key=lambda task: -abs(task.slower_by))),
    )


def _check_two(run: installkit.Run, other: object) -> None:
    if not isinstance(other, installkit.Run):
        raise TypeError(f"a run is compared with a Run, as Installer.run returns it by its id, not with {other!r}")
    if run.id == other.id:
        raise installkit.InstallkitError(
            f"run {run.id} would be compared with itself",
            remedy="choose another one: run.earlier() finds those before it",
        )


def _work(step: Step) -> _Work:
    return step.component, step.action, step.to_version


def _counterparts(now: Iterable[Step], earlier: Iterable[Step]) -> dict[_Work, _Work]:
    """Return which work of *now* each of *earlier* is compared with, where that led to another version."""
    works, before = dict.fromkeys(map(_work, now)), dict.fromkeys(map(_work, earlier))
    free = [work for work in works if work not in before]
    found: dict[_Work, _Work] = {}
    for old in before:
        if old not in works and (like := next((work for work in free if work[:2] == old[:2]), None)):
            found[old] = like
            free.remove(like)
    return found


def _paired(
    now: Mapping[_Name, _Value], before: Mapping[_Name, _Value]
) -> list[tuple[_Name, _Value | None, _Value | None]]:
    return [(name, now.get(name), before.get(name)) for name in dict.fromkeys([*now, *before])]


def _steps_of(run: RunSnapshot, like: _Likes) -> dict[tuple[_Work, int | None], StepSnapshot]:
    return {(like.get(_work(step), _work(step)), step.batch): step for step in run.steps}


def _hosts_of(run: RunSnapshot, like: _Likes) -> dict[tuple[_Work, str], HostStatus]:
    return {
        (like.get(_work(step), _work(step)), host): status
        for step in run.steps
        for host, status in step.host_statuses.items()
    }


def _tasks_of(run: installkit.Run, like: _Likes) -> dict[tuple[_Work, str], float]:
    """Return the seconds of each task on its slowest host: a sum over hosts, which work at once, is no time of a step's."""
    works = {step.id: like.get(_work(step), _work(step)) for step in run.plan.steps}
    seconds: defaultdict[tuple[_Work, str], defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for event in run.events():
        if event.kind is EventKind.TASK_RESULT and event.step is not None and event.task is not None:
            seconds[works[event.step], event.task][event.host or ""] += event.duration or 0.0
    return {task: max(by_host.values()) for task, by_host in seconds.items()}


def _compare_step(
    key: tuple[_Work, int | None], now: StepSnapshot | None, before: StepSnapshot | None
) -> StepDifference:
    (component, action, _), batch = key
    return StepDifference(
        component=component,
        action=action,
        version=None if now is None else now.to_version,
        earlier_version=None if before is None else before.to_version,
        batch=batch,
        status=None if now is None else now.status,
        earlier_status=None if before is None else before.status,
        duration=None if now is None else now.duration,
        earlier_duration=None if before is None else before.duration,
    )


def _compare_host(key: tuple[_Work, str], now: HostStatus | None, before: HostStatus | None) -> HostDifference:
    (component, action, version), host = key
    return HostDifference(
        component=component, action=action, version=version, host=host, status=now, earlier_status=before
    )


def _compare_task(key: tuple[_Work, str], now: float | None, before: float | None) -> TaskDifference:
    (component, action, version), task = key
    return TaskDifference(
        component=component, action=action, version=version, task=task, duration=now, earlier_duration=before
    )


def _what(each: StepDifference | HostDifference | TaskDifference) -> tuple[str, str]:
    return each.component, each.action.value


def _host_rows(hosts: Iterable[HostDifference]) -> list[tuple[object, ...]]:
    """Return a row for all hosts that fared the same way differently."""
    rows: defaultdict[HostDifference, list[str]] = defaultdict(list)
    for each in hosts:
        rows[attrs.evolve(each, host="")].append(each.host)
    return [(*_what(each), each.version, join_names(names), *_statuses(each)) for each, names in rows.items()]


def _sameness(step: StepDifference) -> tuple[bool, float]:
    return step.status is step.earlier_status, -abs((step.duration or 0.0) - (step.earlier_duration or 0.0))


def _versions(step: StepDifference) -> str:
    if step.version and step.earlier_version and step.version != step.earlier_version:
        return f"{step.version} (before: {step.earlier_version})"
    return step.version or step.earlier_version or ""


def _statuses(each: StepDifference | HostDifference) -> tuple[Markup, Markup]:
    return word(_status(each.status)), word(_status(each.earlier_status))


def _times(each: StepDifference | TaskDifference) -> tuple[str, str]:
    return duration_text(each.duration), duration_text(each.earlier_duration)


def _status(status: StepStatus | HostStatus | None) -> str:
    return "not done" if status is None else status.value


def _named(run: RunSnapshot, site: str) -> Markup:
    return Markup("{} {} {}").format(_spaced(run.id[:6], site), word(run.status.value), time_text(run.created_at))


def _spaced(*parts: str) -> str:
    return " ".join(filter(None, parts))
