from collections.abc import Iterable, Mapping
from datetime import datetime

import attrs

from installkit.model.event import Event
from installkit.model.failures import group_failures
from installkit.model.run import Failure, Outcome, Progress, Recap, RunSnapshot, RunSpec, StepSnapshot
from installkit.model.statuses import EventKind, HostStatus, ResultStatus, RunStatus, StepStatus
from installkit.model.wire import from_wire


class RunProgress:
    """
    Follows a run through its events: the one place that turns events into where a run stands.

    Replay and live use are the same: feed every event once, in order; `snapshot` may be asked at any moment. Pass *since*
    to continue from a snapshot: then only the events after it are fed.
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
        self._total = len(spec.plan.steps) - sum(each.skipped is not None for each in spec.steps)
        self._failures: tuple[Failure, ...] = ()
        if since is not None:
            self._run = since
            self._steps = {step.id: _StepProgress(step) for step in since.steps}
            self._failures = since.failures
        self._last_seq = self._run.last_seq
        self._last_time: datetime | None = None

    def feed(self, event: Event) -> None:
        """Take in *event*, the one after the last."""
        self._last_seq, self._last_time = event.seq, event.time
        if event.step is None:
            self._feed_run(event)
        else:
            self._steps[event.step].feed(event)
        if event.kind is EventKind.STEP_FINISHED:
            told = [from_wire(Failure, failure) for failure in event.data.get("failures", ())]
            self._failures = group_failures((*self._failures, *told)) if told else self._failures

    def _feed_run(self, event: Event) -> None:
        match event.kind:
            case EventKind.RUN_STARTED:
                self._run = attrs.evolve(self._run, status=RunStatus.RUNNING, started_at=event.time)
            case EventKind.CANCEL_REQUESTED if self._run.cancel_requested_at is None:
                self._run = attrs.evolve(self._run, cancel_requested_at=event.time)
            case EventKind.RUN_FINISHED:
                status = RunStatus(event.status or "")
                self._run = attrs.evolve(self._run, status=status, reason=event.message, finished_at=event.time)

    def step(self, step: str) -> StepSnapshot:
        """Return the step with the id *step* as it stands."""
        return self._steps[step].snapshot()

    def snapshot(self) -> RunSnapshot:
        """Return where the run stands after the events so far."""
        steps = tuple(step.snapshot() for step in self._steps.values())
        return attrs.evolve(
            self._run,
            status=_status_now(self._run, steps),
            last_seq=self._last_seq,
            duration=_seconds(self._run.started_at, self._last_time, self._run.duration),
            steps=steps,
            progress=Progress(done=sum(step.status.carried_out for step in steps), total=self._total),
            recap=_summed(step.recap for step in steps),
            failures=self._failures,
        )


class _StepProgress:
    """Follows one step; what changes with every event is kept apart from what changes at its start and end."""

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
                self._finish(event)

    def _take_result(self, host: str, event: Event) -> None:
        if event.status in {ResultStatus.FAILED, ResultStatus.UNREACHABLE}:
            if not event.data.get("ignored"):
                self._statuses[host] = HostStatus(event.status)
        elif event.status == ResultStatus.CHANGED:
            self._statuses[host] = HostStatus.CHANGED
        elif self._statuses[host] in {HostStatus.FAILED, HostStatus.UNREACHABLE}:  # it goes on: a rescue, untold before
            self._statuses[host] = HostStatus.RUNNING

    def _finish(self, event: Event) -> None:
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
        )

    def snapshot(self) -> StepSnapshot:
        return attrs.evolve(
            self._step,
            host_statuses=dict(self._statuses),
            log_size=self._log_size,
            duration=_seconds(self._step.started_at, self._last_time, self._step.duration),
        )


def _status_now(run: RunSnapshot, steps: Iterable[StepSnapshot]) -> RunStatus:
    """Return the status of *run*: while it goes on, it waits if one of its *steps* does and none is under way."""
    if run.started_at is None or run.status.final:
        return run.status
    found = {step.status for step in steps}
    waits = StepStatus.WAITING in found and StepStatus.RUNNING not in found
    return RunStatus.WAITING if waits else RunStatus.RUNNING


def _seconds(start: datetime | None, end: datetime | None, before: float | None) -> float | None:
    return before if start is None or end is None else (end - start).total_seconds()


def _summed(recaps: Iterable[Mapping[str, Recap]]) -> dict[str, Recap]:
    total: dict[str, dict[str, int]] = {}
    for recap in recaps:
        for host, counts in recap.items():
            sums = total.setdefault(host, {})
            for word, count in counts.items():
                sums[word] = sums.get(word, 0) + count
    return dict(total)
