"""The events that a run's carrier itself writes, such as starts and ends of steps, and at last the result."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from installkit.journal import Journal, WhenFull, encode_event, open_journal, parse_event, wait
from installkit.model import (
    Event,
    EventKind,
    Outcome,
    Record,
    RunProgress,
    RunResult,
    RunSnapshot,
    RunSpec,
    RunStatus,
    Step,
    StepSpec,
    StepStatus,
    record_event,
    time_to_wire,
    to_wire,
)

DISK_WAS_FULL = "the disk was full: the run waited for space"

_SYNCED = {EventKind.RUN_STARTED, EventKind.STEP_STARTED, EventKind.STEP_FINISHED}


class Recorder:
    """
    Writes the events of a run that are not Ansible's, and keeps the progress that follows from them.

    The caller holds the run's lock. A journal that another process has begun is continued. As long as the disk is full,
    *when_full* is called between two tries.
    """

    def __init__(self, run: Path, spec: RunSpec, when_full: WhenFull = wait) -> None:
        self.spec = spec
        self.progress = RunProgress(spec)
        self._before: Record = {(row.component, row.host): row for row in spec.installed}
        self._record: Record = self._before
        self._writer = open_journal(run, when_full)
        self._specs = {step_spec.step: step_spec for step_spec in spec.steps}
        try:
            for entry in Journal(run).read_events():
                self._take_in(entry.event)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the journal as it is; a second call does nothing."""
        self._writer.close()

    @property
    def statuses(self) -> dict[str, StepStatus]:
        """Status of every step by id."""
        return {step.id: self.progress.step(step.id).status for step in self.spec.plan.steps}

    def run_started(self) -> None:
        """Record that the run has begun."""
        self._emit(EventKind.RUN_STARTED, data={"steps": [step.id for step in self.spec.plan.steps]})

    def step_started(self, step: Step) -> None:
        """Record durably, before Ansible starts, what *step* is about to do."""
        spec = self._specs[step.id]
        data = {**self._about(step, spec), "inputs": dict(spec.inputs)}
        self._emit(EventKind.STEP_STARTED, step=step.id, message=f"{step.action.value} {step.component}", data=data)

    def step_skipped(self, step: Step, why: str) -> None:
        """Record that *step* never starts."""
        self._finished(step, StepStatus.SKIPPED, {}, why)

    def step_finished(self, step: Step, outcome: Outcome, message: str | None = None) -> None:
        """Record how *step*, which had begun, ended."""
        wire = to_wire(outcome)
        self._finished(step, StepStatus(wire.pop("status")), wire, message)

    def _finished(self, step: Step, status: StepStatus, outcome: dict[str, Any], message: str | None) -> None:
        started = self.progress.step(step.id).started_at
        duration = None if started is None else (datetime.now(UTC) - started).total_seconds()
        outcome.pop("stopped", None)
        data = {**self._about(step, self._specs[step.id]), **outcome}
        self._emit(EventKind.STEP_FINISHED, step=step.id, status=status, duration=duration, message=message, data=data)

    def cancel_requested(self, by: str, *, now: bool) -> None:
        """Record that somebody asked the run to stop."""
        self._emit(EventKind.CANCEL_REQUESTED, message=f"cancel requested by {by}", data={"by": by, "now": now})

    def approval_requested(self, step: Step, done: Iterable[Step]) -> None:
        """Record that *step* waits until somebody has approved what was *done*."""
        message = f"done: {'; '.join(earlier.text for earlier in done)}; once approved: {step.text}"
        self._emit(EventKind.APPROVAL_REQUESTED, step=step.id, message=message)

    def approved(self, step: Step, by: str) -> None:
        """Record that somebody has approved *step*."""
        self._emit(EventKind.APPROVED, step=step.id, message=f"approved by {by}", data={"by": by})

    def warning(self, message: str, step: str | None = None) -> None:
        """Record what somebody should know."""
        self._emit(EventKind.WARNING, step=step, message=message)

    def append(self, body: bytes) -> None:
        """Record an event of a step, already in JSON."""
        self._write(body)

    def sync(self) -> None:
        """Make what was recorded durable."""
        self._writer.sync()

    def finish(self, status: RunStatus, reason: str | None) -> RunSnapshot:
        """Record how the run ended, and write its result; nothing can follow."""
        last = self._body(EventKind.RUN_FINISHED, status=status, message=reason)
        self._take_in(parse_event(self._writer.next_line(last)))
        return self.write_result(last)

    def write_result(self, last: bytes | None = None) -> RunSnapshot:
        """Write the result of a run, after its *last* event unless that is recorded already."""
        snapshot = self.progress.snapshot()
        touched = {key: row for key, row in self._record.items() if row.run == self.spec.run}
        removed = tuple(key for key in self._before if key not in self._record)
        self._writer.finish(RunResult(run=snapshot, installed=tuple(touched.values()), removed=removed), last)
        self._writer.close()
        return snapshot

    def _emit(self, kind: EventKind, **more: Any) -> None:
        event = parse_event(self._write(self._body(kind, **more)))
        if kind in _SYNCED:
            self._writer.sync()
        self._take_in(event)

    def _body(self, kind: EventKind, **more: Any) -> bytes:
        draft = {"time": time_to_wire(datetime.now(UTC)), "kind": kind.value, "run": self.spec.run}
        return encode_event(draft | {name: value for name, value in more.items() if value not in (None, {})})

    def _write(self, body: bytes) -> bytes:
        line = self._writer.append(body)
        if self._writer.waited:
            self._writer.waited = False
            self.warning(DISK_WAS_FULL)
        return line

    def _take_in(self, event: Event) -> None:
        self.progress.feed(event)
        self._record = record_event(self._record, self.spec.site, event)

    def _about(self, step: Step, spec: StepSpec) -> dict[str, Any]:
        return {
            "component": step.component,
            "action": step.action.value,
            "batch": step.batch,
            "hosts": list(step.hosts),
            "others": list(step.others),
            "vouches_for": list(step.vouches_for),
            "playbook": step.playbook,
            "from_version": step.from_version,
            "to_version": step.to_version,
            "verify_follows": spec.verify_follows,
            "check_mode": self.spec.options.check_mode,
        }
