from collections.abc import Iterable, Mapping

import attrs

from installkit.model.event import Event
from installkit.model.run import Failure, Progress, Recap, RunSnapshot, RunSpec, StepSnapshot
from installkit.model.wire import from_wire
from installkit.model.words import EventKind, HostStatus, ResultStatus, RunStatus, StepStatus


class RunProgress:
    """
    Follows a run through its events: the one place that turns events into where a run stands.

    Replay and live use are the same: feed every event once, in order; `snapshot` may be asked at any moment. *since*
    a snapshot, only the events after it are wanted.
    """

    def __init__(self, spec: RunSpec, *, since: RunSnapshot | None = None) -> None:
        options = spec.options
        self._steps = {
            step.id: StepSnapshot(
                **{field.name: getattr(step, field.name) for field in attrs.fields(type(step))},
                host_statuses=dict.fromkeys(step.hosts, HostStatus.PENDING),
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
        self._failures: list[Failure] = []
        if since is not None:
            self._run = since
            self._steps = {step.id: step for step in since.steps}
            self._failures = list(since.failures)

    def feed(self, event: Event) -> None:
        """Take in *event*, the one after the last."""
        self._run = attrs.evolve(self._run, last_seq=event.seq)
        if self._run.started_at is not None:
            duration = (event.time - self._run.started_at).total_seconds()
            self._run = attrs.evolve(self._run, duration=duration)
        if event.step is None:
            self._feed_run(event)
        else:
            self._steps[event.step] = _fed_step(self._steps[event.step], event)
            if event.kind is EventKind.STEP_FINISHED:
                self._failures += (from_wire(Failure, failure) for failure in event.data.get("failures", ()))

    def _feed_run(self, event: Event) -> None:
        match event.kind:
            case EventKind.RUN_STARTED:
                self._run = attrs.evolve(self._run, status=RunStatus.RUNNING, started_at=event.time, duration=0.0)
            case EventKind.APPROVAL_REQUESTED:
                self._run = attrs.evolve(self._run, status=RunStatus.WAITING)
            case EventKind.APPROVED:
                self._run = attrs.evolve(self._run, status=RunStatus.RUNNING)
            case EventKind.CANCEL_REQUESTED if self._run.cancel_requested_at is None:
                self._run = attrs.evolve(self._run, cancel_requested_at=event.time)
            case EventKind.RUN_FINISHED:
                status = RunStatus(event.status or "")
                self._run = attrs.evolve(self._run, status=status, reason=event.message, finished_at=event.time)
                self._failures += (from_wire(Failure, failure) for failure in event.data.get("failures", ()))

    @property
    def status(self) -> RunStatus:
        """The run's status after the events so far."""
        return self._run.status

    def step(self, step: str) -> StepSnapshot:
        """Return the step with the id *step* as it stands."""
        return self._steps[step]

    def snapshot(self) -> RunSnapshot:
        """Return where the run stands after the events so far."""
        steps = tuple(self._steps.values())
        return attrs.evolve(
            self._run,
            steps=steps,
            progress=Progress(done=sum(step.status.final for step in steps), total=len(steps)),
            recap=_summed(step.recap for step in steps),
            failures=tuple(self._failures),
        )


def _fed_step(step: StepSnapshot, event: Event) -> StepSnapshot:
    if event.log is not None:
        step = attrs.evolve(step, log_size=event.log.end)
    if step.started_at is not None:
        step = attrs.evolve(step, duration=(event.time - step.started_at).total_seconds())
    match event.kind:
        case EventKind.STEP_STARTED:
            running = dict.fromkeys(step.hosts, HostStatus.RUNNING)
            return attrs.evolve(
                step, status=StepStatus.RUNNING, started_at=event.time, duration=0.0, host_statuses=running
            )
        case EventKind.TASK_RESULT if event.host in step.host_statuses:
            return attrs.evolve(step, host_statuses=_with_result(step.host_statuses, event))
        case EventKind.APPROVAL_REQUESTED:
            return attrs.evolve(step, status=StepStatus.WAITING)
        case EventKind.APPROVED:
            return attrs.evolve(step, status=StepStatus.RUNNING)
        case EventKind.STEP_FINISHED:
            return _finished(step, event)
        case _:
            return step


def _with_result(statuses: Mapping[str, HostStatus], event: Event) -> dict[str, HostStatus]:
    host = event.host or ""
    forgiven = event.data.get("rescued") or event.data.get("ignored")
    now = statuses[host]
    if event.status in {ResultStatus.FAILED, ResultStatus.UNREACHABLE} and not forgiven:
        now = HostStatus(event.status)
    elif event.status == ResultStatus.CHANGED and now is HostStatus.RUNNING:
        now = HostStatus.CHANGED
    return {**statuses, host: now}


def _finished(step: StepSnapshot, event: Event) -> StepSnapshot:
    failures = event.data.get("failures", ())
    return attrs.evolve(
        step,
        status=StepStatus(event.status or ""),
        finished_at=event.time,
        duration=event.duration,
        rc=event.data.get("rc"),
        host_statuses={host: HostStatus(status) for host, status in event.data.get("host_statuses", {}).items()}
        or step.host_statuses,
        recap=event.data.get("recap", {}),
        log_size=event.data.get("log_size", step.log_size),
        failure=from_wire(Failure, failures[0]) if failures else None,
    )


def _summed(recaps: Iterable[Mapping[str, Recap]]) -> dict[str, Recap]:
    total: dict[str, dict[str, int]] = {}
    for recap in recaps:
        for host, counts in recap.items():
            sums = total.setdefault(host, {})
            for word, count in counts.items():
                sums[word] = sums.get(word, 0) + count
    return dict(total)
