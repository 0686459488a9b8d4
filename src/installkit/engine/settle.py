import time
from contextlib import closing
from pathlib import Path
from typing import NoReturn

from installkit.ansible.scratch import remove_scratch, scratch_path
from installkit.engine.recorder import Recorder
from installkit.errors import JournalError, PlanningError, Remedy
from installkit.journal import (
    CANNOT_WRITE,
    Journal,
    fitting,
    is_carried_here,
    take_lock,
    write_carrier,
    write_errors,
)
from installkit.model import HostStatus, Outcome, RunProgress, RunResult, RunStatus, StepStatus

LOCK_PATIENCE = 0.5
"""Seconds within which a process that only tests a run's lock has released it again."""


def settle(run: Path) -> RunResult | None:
    """
    End the run in the folder *run* if nobody carries it out any more, and return its result.

    A free lock without a result means that the supervisor died: the run becomes `interrupted`, nothing is guessed, and
    the secrets that it may have left are removed. If several callers do this at once, one of them writes the end. A copy
    of a run's folder says nothing about the run, and is left as it is.

    Returns:
        None if the run is alive or carried out elsewhere, or if this user cannot write its end now: then somebody else,
        or a later call, ends it.

    Raises:
        JournalError: If the folder cannot be read, or is gone.
    """
    journal = Journal(run)
    if (result := journal.result()) is not None:
        return result
    if not run.exists():
        raise JournalError(f"{run} holds no run: it is not there", remedy="restore it from a backup, or move it away")
    if not is_carried_here(run):
        return None
    try:
        lock = take_lock(run / "lock")
        if lock is None:
            return None
        with lock:
            return journal.result() or _interrupt(run, journal)
    except FileNotFoundError as exc:
        raise JournalError(f"{run} holds no run: {exc.filename} is not there") from exc
    except OSError as exc:
        if exc.errno not in CANNOT_WRITE:
            raise JournalError(f"the end of run {run.name} cannot be written to {run}: {exc.strerror}") from exc
        return None


def adopt(run: Path, by: str) -> RunResult:
    """
    Take over the run in the folder *run*, wherever it was carried out, because *by* says so, and return its result.

    A run without a result becomes `interrupted`; one that has ended stays as it is.

    Raises:
        PlanningError: If somebody carries it out in this folder.
        JournalError: If the folder cannot be read.
        StoreError: If its end cannot be written.
    """
    journal = Journal(run)
    journal.spec()
    with write_errors(run):
        deadline = time.monotonic() + LOCK_PATIENCE
        while (lock := take_lock(run / "lock")) is None:  # testing whether the lock is held takes it for a moment
            if time.monotonic() > deadline:
                raise PlanningError(
                    f"run {run.name} is carried out in this folder", remedy=Remedy("cancel it", ("cancel", run.name))
                )
            time.sleep(0.01)
        with lock:
            result = journal.result() or _interrupt(run, journal, f"adopted by {by}: its end was not seen here")
            write_carrier(run)
        return result


def _refuse(error: OSError) -> NoReturn:
    raise error  # to look at a run is not worth waiting for space


def _interrupt(run: Path, journal: Journal, why: str | None = None) -> RunResult:
    """Record that the run was interrupted, with *why* unless its supervisor died, and return its result."""
    spec = journal.spec()
    with fitting(run.name), closing(Recorder(run, spec, _refuse)) as recorder:
        remove_scratch(scratch_path(run))
        if recorder.progress.snapshot().status.final:  # it died between its last event and its result
            recorder.write_result()
        else:
            began = any(status is not StepStatus.PENDING for status in recorder.statuses.values())
            for step in spec.plan.steps:
                status = recorder.statuses[step.id]
                if status.ahead:
                    recorder.step_skipped(step, "the run was interrupted before")
                elif not status.final:
                    end = unseen_end(journal, step.id, StepStatus.INTERRUPTED)
                    recorder.step_finished(step, end, "its end was not seen")
            died = "its supervisor died" if began else "its supervisor died before the first step started"
            recorder.finish(RunStatus.INTERRUPTED, why or died)
    result = journal.result()
    if result is None:  # pragma: no cover - it was just written
        raise AssertionError(run)
    return result


def unseen_end(journal: Journal, step: str, status: StepStatus) -> Outcome:
    """Return what the events prove of *step*, which became *status*: hosts that failed; all others are unfinished."""
    progress = RunProgress(journal.spec())
    for entry in journal.read_events():
        progress.feed(entry.event)
    statuses = {
        host: seen if seen in {HostStatus.FAILED, HostStatus.UNREACHABLE} else HostStatus.UNFINISHED
        for host, seen in progress.step(step).host_statuses.items()
    }
    return Outcome(status=status, host_statuses=statuses, log_size=journal.log_size(step))
