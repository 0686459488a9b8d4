from collections import Counter
from datetime import datetime

import attrs

from installkit.model.event import Event
from installkit.model.failures import group_failures
from installkit.model.run import Failure, Outcome, Progress, RunSnapshot, RunSpec, StepSnapshot
from installkit.model.statuses import EventKind, HostStatus, ResultStatus, RunStatus, StepStatus
from installkit.model.wire import from_wire


class RunProgress:
    """
    Follows a run through its events: only this class computes the state of a run from events.

    Feed every event once and in order, live or from a journal; `snapshot` may be called at any moment. Pass *since* to
    continue from a snapshot: then feed only the events after it.
    """

    def __init__(self, spec: RunSpec, *, since: RunSnapshot | None = None) -> None:
        options = spec.options
        self._steps = {
            step.id: _StepProgress(
                StepSnapshot(
                    **{field.name: getattr(step, field.name) for field in attrs.fields(type(step))},
                    host_statuses=dict.fromkeys(step.hosts, HostStatus.PENDING),
                )
            )
            for step in spec.plan.steps
        }
        self._run = RunSnapshot(
            id=spec.run,
            site=spec.site,
            plan=spec.plan.id,
            status=RunStatus.PENDING,
            created_at=spec.created_at,
            note=options.note,
            requested_by=options.requested_by,
            continues=spec.continues,
        )
        self._total = len(spec.plan.steps) - sum(step.skipped is not None for step in spec.steps)
        self._failures: tuple[Failure, ...] = ()
        if since is not None:
            self._run = since
            self._steps = {step.id: _StepProgress(step) for step in since.steps}
            self._failures = since.failures
        self._last_seq = self._run.last_seq
        self._last_time: datetime | None = None

    def feed(self, event: Event) -> None:
        """Update the state with *event*, the next event of the run."""
        self._last_seq, self._last_time = event.seq, event.time
        if event.step is not None:
            self._steps[event.step].feed(event)
        elif event.kind is EventKind.RUN_STARTED:
            self._run = attrs.evolve(self._run, status=RunStatus.RUNNING, started_at=event.time)
        elif event.kind is EventKind.CANCEL_REQUESTED and self._run.cancel_requested_at is None:
            self._run = attrs.evolve(self._run, cancel_requested_at=event.time)
        elif event.kind is EventKind.RUN_FINISHED:
            status = RunStatus(event.status or "")
            self._run = attrs.evolve(self._run, status=status, reason=event.message, finished_at=event.time)
        if event.kind is EventKind.STEP_FINISHED and (wire := event.data.get("failures")):
            failures = [from_wire(Failure, failure) for failure in wire]
            self._failures = group_failures((*self._failures, *failures))

    def step(self, step: str) -> StepSnapshot:
        """Return the current state of the step with the id *step*."""
        return self._steps[step].snapshot()

    def snapshot(self) -> RunSnapshot:
        """Return the state of the run after the events so far."""
        steps = tuple(step.snapshot() for step in self._steps.values())
        status = self._run.status
        if self._run.started_at is not None and not status.final:
            statuses = {step.status for step in steps}
            waits = StepStatus.WAITING in statuses and StepStatus.RUNNING not in statuses
            status = RunStatus.WAITING if waits else RunStatus.RUNNING
        recap: dict[str, Counter[str]] = {}
        for step in steps:
            for host, counts in step.recap.items():
                recap.setdefault(host, Counter()).update(counts)
        return attrs.evolve(
            self._run,
            status=status,
            last_seq=self._last_seq,
            duration=_seconds(self._run.started_at, self._last_time, self._run.duration),
            steps=steps,
            progress=Progress(done=sum(step.status.carried_out for step in steps), total=self._total),
            recap={host: dict(counts) for host, counts in recap.items()},
            failures=self._failures,
        )


class _StepProgress:
    """Follows one step; values that change with every event are kept outside the snapshot, which changes rarely."""

    def __init__(self, step: StepSnapshot) -> None:
        self._step = step
        self._statuses = dict(step.host_statuses)
        self._log_size = step.log_size
        self._last_time: datetime | None = None

    def feed(self, event: Event) -> None:
        self._last_time = event.time
        if event.log is not None:
            self._log_size = event.log.end
        match event.kind:
            case EventKind.STEP_STARTED:
                self._step = attrs.evolve(self._step, status=StepStatus.RUNNING, started_at=event.time)
                self._statuses = dict.fromkeys(self._statuses, HostStatus.RUNNING)
            case EventKind.TASK_RESULT if event.host in self._statuses:
                self._take_result(event.host, event)
            case EventKind.APPROVAL_REQUESTED:
                self._step = attrs.evolve(self._step, status=StepStatus.WAITING)
            case EventKind.APPROVED:
                self._step = attrs.evolve(self._step, status=StepStatus.PENDING)
            case EventKind.STEP_FINISHED:
                wire = {name: value for name, value in event.data.items() if name in attrs.fields_dict(Outcome)}
                outcome = from_wire(Outcome, {**wire, "status": event.status})
                self._log_size = outcome.log_size if "log_size" in wire else self._log_size
                if event.status == StepStatus.SKIPPED:
                    self._statuses = dict.fromkeys(self._statuses, HostStatus.SKIPPED)
                self._statuses |= outcome.host_statuses
                self._step = attrs.evolve(
                    self._step,
                    status=outcome.status,
                    finished_at=event.time,
                    rc=outcome.rc,
                    recap=outcome.recap,
                    failure=outcome.failures[0] if outcome.failures else None,
                    checks=outcome.checks,
                    stats=outcome.stats,
                )

    def _take_result(self, host: str, event: Event) -> None:
        if event.status in {ResultStatus.FAILED, ResultStatus.UNREACHABLE}:
            if not event.data.get("ignored"):
                self._statuses[host] = HostStatus(event.status)
        elif event.status == ResultStatus.CHANGED:
            self._statuses[host] = HostStatus.CHANGED
        elif self._statuses[host] in {
            HostStatus.FAILED,
            HostStatus.UNREACHABLE,
        }:  # it goes on: a rescue, which no event reports
            self._statuses[host] = HostStatus.RUNNING

    def snapshot(self) -> StepSnapshot:
        return attrs.evolve(
            self._step,
            host_statuses=dict(self._statuses),
            log_size=self._log_size,
            duration=_seconds(self._step.started_at, self._last_time, self._step.duration),
        )


def _seconds(start: datetime | None, end: datetime | None, before: float | None) -> float | None:
    return before if start is None or end is None else (end - start).total_seconds()
