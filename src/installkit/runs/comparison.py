"""Two runs side by side: pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar

import attrs

from installkit.model import Action, Event, EventKind, HostStatus, RunSnapshot, Step, StepSnapshot, StepStatus
from installkit.text import counted, duration_text

STEPS_SHOWN = 30
"""So many steps are the ones that differ most."""

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

    @property
    def versions(self) -> str:
        """The version that it leads to, as `2.0`, or `2.0 (before: 1.0)` where they differ; empty for none."""
        if self.version and self.earlier_version and self.version != self.earlier_version:
            return f"{self.version} (before: {self.earlier_version})"
        return self.version or self.earlier_version or ""

    def __str__(self) -> str:
        now, earlier = _fared(self.status, self.duration), _fared(self.earlier_status, self.earlier_duration)
        return f"{_spaced(self.action.value, self.component, self.versions)}: {now}, before {earlier}"


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

    @property
    def labels(self) -> tuple[str, str]:
        """Both runs, as `7f3c12`, or as `7f3c12 on acme` where they were on different sites: this one, the earlier one."""
        differ = self.run.site != self.earlier.site
        now, earlier = (_spaced(run.id[:6], f"on {run.site}" if differ else "") for run in (self.run, self.earlier))
        return now, earlier

    @property
    def main_steps(self) -> tuple[StepDifference, ...]:
        """The steps, in order; of many those that differ most."""
        return tuple(sorted(sorted(self.steps, key=_sameness)[:STEPS_SHOWN], key=self.steps.index))

    @property
    def other_steps(self) -> str:
        """How many steps are not among `main_steps`, in words; empty for none."""
        hidden = len(self.steps) - STEPS_SHOWN
        return f"and {counted(hidden, 'more step')}, none of which differs more" if hidden > 0 else ""

    def __str__(self) -> str:
        now, earlier = self.labels
        lines = [f"run {now} and, before it, {earlier}", *map(str, self.main_steps), self.other_steps]
        return "\n".join(filter(None, lines))


def compare_runs(
    now: RunSnapshot, earlier: RunSnapshot, *, events: Iterable[Event], earlier_events: Iterable[Event]
) -> RunComparison:
    """
    Return what differs between a run and an *earlier* one, and between the tasks in their events.

    Steps are matched by component, action and batch, and by the version that they lead to; where that differs, in their
    order. Hosts and tasks are matched by their names.
    """
    like = _counterparts(now.steps, earlier.steps)
    steps = _paired(_steps_of(now, {}), _steps_of(earlier, like))
    hosts = _paired(_hosts_of(now, {}), _hosts_of(earlier, like))
    tasks = _paired(_tasks_of(now, events, {}), _tasks_of(earlier, earlier_events, like))
    return RunComparison(
        run=now,
        earlier=earlier,
        steps=tuple(_compare_step(*each) for each in steps),
        hosts=tuple(_compare_host(*each) for each in hosts if each[1] != each[2]),
        tasks=tuple(sorted((_compare_task(*each) for each in tasks), key=lambda task: -abs(task.slower_by))),
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


def _tasks_of(run: RunSnapshot, events: Iterable[Event], like: _Likes) -> dict[tuple[_Work, str], float]:
    """Return the seconds of each task on its slowest host: a sum over hosts, which work at once, is not a time of a step's."""
    works = {step.id: like.get(_work(step), _work(step)) for step in run.steps}
    seconds: defaultdict[tuple[_Work, str], defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for event in events:
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


def _sameness(step: StepDifference) -> tuple[bool, float]:
    return step.status is step.earlier_status, -abs((step.duration or 0.0) - (step.earlier_duration or 0.0))


def _fared(status: StepStatus | None, duration: float | None) -> str:
    return "not done" if status is None else _spaced(status.value, duration_text(duration))


def _spaced(*parts: str) -> str:
    return " ".join(filter(None, parts))
