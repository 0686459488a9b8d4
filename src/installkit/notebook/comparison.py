"""Two runs side by side."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeVar

import attrs
from markupsafe import Markup

import installkit
from installkit import Action, EventKind, HostStatus, RunSnapshot, StepSnapshot, StepStatus
from installkit.notebook.markup import duration_text, heading, page, quiet, table, time_text, word

TASKS_SHOWN = 10

_StepKey = tuple[str, Action, int | None]
_TaskKey = tuple[str, Action, str]
_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@attrs.frozen(kw_only=True)
class StepDifference:
    """
    The same step of two runs; None stands where one did not have it.

    Attributes:
        duration: Seconds.
    """

    component: str
    action: Action
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
        duration: Seconds, the sum over its hosts.
    """

    component: str
    action: Action
    task: str
    duration: float | None
    earlier_duration: float | None

    @property
    def slower_by(self) -> float:
        """Seconds that it took longer; negative if it was quicker."""
        return (self.duration or 0.0) - (self.earlier_duration or 0.0)


@attrs.frozen(kw_only=True)
class HostDifference:
    """A host that fared differently in the same step of two runs; None stands where it was not concerned."""

    component: str
    action: Action
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
            f"{step.action.value} {step.component}: {_status(step.status)} {duration_text(step.duration)},"
            f" before {_status(step.earlier_status)} {duration_text(step.earlier_duration)}"
            for step in self.steps
        )
        return "\n".join([f"run {self.run.id[:6]} and before it {self.earlier.id[:6]}", *lines])

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        steps = (
            (*_what(each), _shown(each.status), _shown(each.earlier_status), *_times(each), each.batch)
            for each in self.steps
        )
        hosts = ((*_what(each), each.host, _shown(each.status), _shown(each.earlier_status)) for each in self.hosts)
        tasks = ((*_what(each), each.task, *_times(each)) for each in self.tasks[:TASKS_SHOWN])
        parts = (
            heading("two runs:", _named(self.run), "and, before it,", _named(self.earlier)),
            table(("component", "action", "now", "before", "took", "took before", "batch"), steps),
            table(("component", "action", "host", "now", "before"), hosts)
            or quiet("every host fared the same in both"),
            table(("component", "action", "tasks that differ most", "took", "took before"), tasks),
        )
        return {"text/html": page(*parts), "text/plain": str(self)}


def compare_runs(run: installkit.Run, other: installkit.Run) -> RunComparison:
    """
    Return what differs between *run* and *other*, the earlier one; steps, hosts and tasks are matched by their names.

    Raises:
        StoreError: If the events of one were pruned.
    """
    now, earlier = run.snapshot(), other.snapshot()
    return RunComparison(
        run=now,
        earlier=earlier,
        steps=tuple(_compare_step(*each) for each in _paired(_steps_of(now), _steps_of(earlier))),
        hosts=tuple(_compare_host(*each) for each in _paired(_hosts_of(now), _hosts_of(earlier)) if each[1] != each[2]),
        tasks=_compare_tasks(run, other),
    )


def _paired(
    now: Mapping[_Key, _Value], before: Mapping[_Key, _Value]
) -> list[tuple[_Key, _Value | None, _Value | None]]:
    return [(key, now.get(key), before.get(key)) for key in dict.fromkeys([*now, *before])]


def _steps_of(run: RunSnapshot) -> dict[_StepKey, StepSnapshot]:
    return {(step.component, step.action, step.batch): step for step in run.steps}


def _hosts_of(run: RunSnapshot) -> dict[_TaskKey, HostStatus]:
    return {
        (step.component, step.action, host): status for step in run.steps for host, status in step.host_statuses.items()
    }


def _tasks_of(run: installkit.Run) -> Mapping[_TaskKey, float]:
    steps = {step.id: step for step in run.plan.steps}
    seconds: defaultdict[_TaskKey, float] = defaultdict(float)
    for event in run.events():
        if event.kind is EventKind.TASK_RESULT and event.step is not None and event.task is not None:
            step = steps[event.step]
            seconds[step.component, step.action, event.task] += event.duration or 0.0
    return seconds


def _compare_step(key: _StepKey, now: StepSnapshot | None, before: StepSnapshot | None) -> StepDifference:
    component, action, batch = key
    return StepDifference(
        component=component,
        action=action,
        batch=batch,
        status=None if now is None else now.status,
        earlier_status=None if before is None else before.status,
        duration=None if now is None else now.duration,
        earlier_duration=None if before is None else before.duration,
    )


def _compare_host(key: _TaskKey, now: HostStatus | None, before: HostStatus | None) -> HostDifference:
    component, action, host = key
    return HostDifference(component=component, action=action, host=host, status=now, earlier_status=before)


def _compare_tasks(run: installkit.Run, other: installkit.Run) -> tuple[TaskDifference, ...]:
    found = [
        TaskDifference(component=component, action=action, task=task, duration=now, earlier_duration=before)
        for (component, action, task), now, before in _paired(_tasks_of(run), _tasks_of(other))
    ]
    return tuple(sorted(found, key=lambda each: -abs(each.slower_by)))


def _what(each: StepDifference | HostDifference | TaskDifference) -> tuple[str, str]:
    return each.component, each.action.value


def _times(each: StepDifference | TaskDifference) -> tuple[str, str]:
    return duration_text(each.duration), duration_text(each.earlier_duration)


def _status(status: StepStatus | HostStatus | None) -> str:
    return "not done" if status is None else status.value


def _shown(status: StepStatus | HostStatus | None) -> Markup:
    return word(_status(status))


def _named(run: RunSnapshot) -> Markup:
    return Markup("{} {} {}").format(run.id[:6], word(run.status.value), time_text(run.created_at))
