"""Two runs side by side: pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar

import attrs

from installkit.model import Action, Event, EventKind, HostStatus, RunSnapshot, Step, StepSnapshot, StepStatus
from installkit.text import counted, duration_text

STEPS_SHOWN = 30
"""At most so many steps are shown: those that differ most."""

_Work = tuple[str, Action, str | None]
"""Component, action, and the version that it leads to: one hop of an upgrade, with all its batches."""

_Counterparts = Mapping[_Work, _Work]
"""Work of the later run, by the work of the earlier run that is compared with it."""

_Name = TypeVar("_Name")
_Value = TypeVar("_Value")


@attrs.frozen(kw_only=True)
class StepDifference:
    """
    The same step of two runs; values of a run that did not have the step are None.

    Attributes:
        version: The version that it leads to.
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
        """The version that it leads to, as `2.0`, or `2.0 (before: 1.0)` if the runs differ; empty if there is none."""
        if self.version and self.earlier_version and self.version != self.earlier_version:
            return f"{self.version} (before: {self.earlier_version})"
        return self.version or self.earlier_version or ""

    def __str__(self) -> str:
        now, earlier = _fared(self.status, self.duration), _fared(self.earlier_status, self.earlier_duration)
        return f"{_spaced(self.action.value, self.component, self.versions)}: {now}, before {earlier}"


@attrs.frozen(kw_only=True)
class TaskDifference:
    """
    The same task of two runs; the duration of a run that did not have the task is None.

    Attributes:
        version: The version that its step leads to.
        duration: Seconds on the slowest host; if the task was done several times there, the sum.
    """

    component: str
    action: Action
    version: str | None
    task: str
    duration: float | None
    earlier_duration: float | None

    @property
    def slower_by(self) -> float:
        """How many seconds longer it took; negative if it was faster."""
        return (self.duration or 0.0) - (self.earlier_duration or 0.0)


@attrs.frozen(kw_only=True)
class HostDifference:
    """
    A host with different statuses in the same step of two runs.

    A status is None if the step of that run did not concern the host.

    Attributes:
        version: The version that the step leads to.
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
        steps: All steps of both runs, in order.
        hosts: The hosts with different statuses.
        tasks: All tasks of both runs, those with the largest difference first.
    """

    run: RunSnapshot
    earlier: RunSnapshot
    steps: tuple[StepDifference, ...]
    hosts: tuple[HostDifference, ...]
    tasks: tuple[TaskDifference, ...]

    @property
    def labels(self) -> tuple[str, str]:
        """This run and the earlier one, as `7f3c12`, or as `7f3c12 on acme` if their sites are different."""
        differ = self.run.site != self.earlier.site
        now, earlier = (_spaced(run.id[:6], f"on {run.site}" if differ else "") for run in (self.run, self.earlier))
        return now, earlier

    @property
    def main_steps(self) -> tuple[StepDifference, ...]:
        """The steps, in order; if there are too many, those that differ most."""
        by_difference = sorted(
            self.steps,
            key=lambda step: (
                step.status is step.earlier_status,
                -abs((step.duration or 0.0) - (step.earlier_duration or 0.0)),
            ),
        )
        return tuple(sorted(by_difference[:STEPS_SHOWN], key=self.steps.index))

    @property
    def other_steps(self) -> str:
        """How many steps are not in `main_steps`, as a sentence; empty if there are none."""
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

    Steps are matched by component, action and batch, and by the version that they lead to; if the versions differ, by
    their order. Hosts and tasks are matched by their names.
    """
    counterparts = _counterparts(now.steps, earlier.steps)
    steps = [
        StepDifference(
            component=component,
            action=action,
            version=None if new is None else new.to_version,
            earlier_version=None if old is None else old.to_version,
            batch=batch,
            status=None if new is None else new.status,
            earlier_status=None if old is None else old.status,
            duration=None if new is None else new.duration,
            earlier_duration=None if old is None else old.duration,
        )
        for ((component, action, _), batch), new, old in _paired(_steps_of(now, {}), _steps_of(earlier, counterparts))
    ]
    host_pairs = _paired(_hosts_of(now, {}), _hosts_of(earlier, counterparts))
    hosts = [
        HostDifference(component=component, action=action, version=version, host=host, status=new, earlier_status=old)
        for ((component, action, version), host), new, old in host_pairs
        if new != old
    ]
    task_pairs = _paired(_tasks_of(now, events, {}), _tasks_of(earlier, earlier_events, counterparts))
    tasks = [
        TaskDifference(
            component=component, action=action, version=version, task=task, duration=new, earlier_duration=old
        )
        for ((component, action, version), task), new, old in task_pairs
    ]
    tasks.sort(key=lambda task: -abs(task.slower_by))
    return RunComparison(run=now, earlier=earlier, steps=tuple(steps), hosts=tuple(hosts), tasks=tuple(tasks))


def _work(step: Step) -> _Work:
    return step.component, step.action, step.to_version


def _counterparts(now: Iterable[Step], earlier: Iterable[Step]) -> dict[_Work, _Work]:
    """Return which work of *now* is compared with work of *earlier* that led to another version, by the latter."""
    new_works, old_works = dict.fromkeys(map(_work, now)), dict.fromkeys(map(_work, earlier))
    free = [work for work in new_works if work not in old_works]
    counterparts: dict[_Work, _Work] = {}
    for old in old_works:
        if old not in new_works and (new := next((work for work in free if work[:2] == old[:2]), None)):
            counterparts[old] = new
            free.remove(new)
    return counterparts


def _paired(
    now: Mapping[_Name, _Value], earlier: Mapping[_Name, _Value]
) -> list[tuple[_Name, _Value | None, _Value | None]]:
    return [(name, now.get(name), earlier.get(name)) for name in dict.fromkeys([*now, *earlier])]


def _steps_of(run: RunSnapshot, counterparts: _Counterparts) -> dict[tuple[_Work, int | None], StepSnapshot]:
    return {(counterparts.get(_work(step), _work(step)), step.batch): step for step in run.steps}


def _hosts_of(run: RunSnapshot, counterparts: _Counterparts) -> dict[tuple[_Work, str], HostStatus]:
    return {
        (counterparts.get(_work(step), _work(step)), host): status
        for step in run.steps
        for host, status in step.host_statuses.items()
    }


def _tasks_of(run: RunSnapshot, events: Iterable[Event], counterparts: _Counterparts) -> dict[tuple[_Work, str], float]:
    """Return the seconds of each task on its slowest host: hosts work in parallel, so their sum would be too long."""
    works = {step.id: counterparts.get(_work(step), _work(step)) for step in run.steps}
    seconds: defaultdict[tuple[_Work, str], defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for event in events:
        if event.kind is EventKind.TASK_RESULT and event.step is not None and event.task is not None:
            seconds[works[event.step], event.task][event.host or ""] += event.duration or 0.0
    return {task: max(by_host.values()) for task, by_host in seconds.items()}


def _fared(status: StepStatus | None, duration: float | None) -> str:
    return "not done" if status is None else _spaced(status.value, duration_text(duration))


def _spaced(*parts: str) -> str:
    return " ".join(filter(None, parts))
