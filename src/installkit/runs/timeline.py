"""The tasks of a run over hosts and time, made from its events: pure."""

from collections.abc import Iterable
from datetime import datetime

import attrs

from installkit.model import Action, Event, EventKind, RunStatus, Step
from installkit.text import counted, duration_text

SLOWEST = 15
"""How many tasks are listed as the slowest."""


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

    @property
    def label(self) -> str:
        """What was done, and where, as `Copy config (portal on web1)`."""
        return f"{self.task} ({self.component} on {self.host})"


@attrs.frozen(kw_only=True)
class Timeline:
    """
    The tasks of a run over hosts and time: a chart in a notebook, the slowest tasks as text.

    Attributes:
        run: Its id.
        status: The run's status when its tasks were read.
        tasks: The tasks that have ended, in the order in which they did.
    """

    run: str
    status: RunStatus
    tasks: tuple[TaskSpan, ...]

    @property
    def slowest(self) -> tuple[TaskSpan, ...]:
        """The tasks that took longest, the longest first; at most `SLOWEST`."""
        return tuple(sorted(self.tasks, key=lambda task: -task.duration)[:SLOWEST])

    @property
    def missing(self) -> str:
        """Which started tasks are not in it, as `those that were cut off`; empty if there are none."""
        if not self.status.final:
            return "those that go on"
        return "" if self.status in {RunStatus.SUCCEEDED, RunStatus.FAILED} else "those that were cut off"

    @property
    def label(self) -> str:
        """The name of the run, as `run 7f3c12`, or, if tasks are missing, as `run 7f3c12 so far`."""
        status = self.status.value if self.status.final else "so far"
        return f"run {self.run[:6]} {status}" if self.missing else f"run {self.run[:6]}"

    def __str__(self) -> str:
        if not self.tasks:
            return f"run {self.run[:6]} {self.status.value}: no task has ended"
        lines = (f"{duration_text(task.duration):>10}  {task.label}" for task in self.slowest)
        missing = f"; {self.missing} are not in it" if self.missing else ""
        return "\n".join([f"the slowest of {counted(len(self.tasks), 'task')} of {self.label}{missing}", *lines])


def make_timeline(run: str, status: RunStatus, steps: Iterable[Step], events: Iterable[Event]) -> Timeline:
    """Return the timeline of *run* with its *status*, *steps* and *events*: the tasks that ended in the events."""
    by_id = {step.id: step for step in steps}
    tasks = [
        TaskSpan(
            component=by_id[event.step].component,
            action=by_id[event.step].action,
            task=event.task or "",
            host=event.host or "",
            status=event.status or "",
            started_at=event.started_at,
            finished_at=event.time,
            duration=event.duration,
        )
        for event in events
        if event.kind is EventKind.TASK_RESULT and event.duration is not None and event.step
    ]
    return Timeline(run=run, status=status, tasks=tuple(tasks))
