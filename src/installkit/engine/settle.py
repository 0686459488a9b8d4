from contextlib import closing
from pathlib import Path
from typing import NoReturn

from installkit.engine.recorder import Recorder
from installkit.engine.remains import unseen_end
from installkit.engine.scratch import remove_scratch, scratch_path
from installkit.errors import JournalError
from installkit.journal import CANNOT_WRITE, Journal, fitting, take_lock
from installkit.model import RunResult, RunSpec, RunStatus, StepStatus


def settle(run: Path) -> RunResult | None:
    """
    End the run in the folder *run* if nobody carries it out any more, and return its result.

    Lock free and no result means that its supervisor died: the run becomes `interrupted`, never guessed, and the
    secrets that it may have left are removed. Of several callers one does it.

    Returns:
        None if the run is alive, or its end cannot be written by this user now: somebody else, or a later call, ends it.

    Raises:
        JournalError: If the folder cannot be read, or is gone.
    """
    journal = Journal(run)
    if (result := journal.result()) is not None:
        return result
    try:
        return _settle(run, journal)
    except FileNotFoundError as exc:
        raise JournalError(f"{run} holds no run: {exc.filename} is not there") from exc
    except OSError as exc:
        if exc.errno not in CANNOT_WRITE:
            raise JournalError(f"the end of run {run.name} cannot be written to {run}: {exc.strerror}") from exc
        return None


def _settle(run: Path, journal: Journal) -> RunResult | None:
    lock = take_lock(run / "lock")
    if lock is None:
        return None
    with lock:
        if (result := journal.result()) is None:
            _interrupt(run, journal)
            result = journal.result()
        return result


def _refuse(error: OSError) -> NoReturn:
    raise error  # whoever only looks at a run does not wait for space


def _interrupt(run: Path, journal: Journal) -> None:
    spec = journal.spec()
    with fitting(run.name), closing(Recorder(run, spec, _refuse)) as recorder:
        _record_interruption(run, journal, spec, recorder)


def _record_interruption(run: Path, journal: Journal, spec: RunSpec, recorder: Recorder) -> None:
    remove_scratch(scratch_path(run))
    if recorder.progress.snapshot().status.final:  # it died between its last event and its result
        recorder.write_result()
        return
    began = any(status is not StepStatus.PENDING for status in recorder.statuses.values())
    for step in spec.plan.steps:
        status = recorder.statuses[step.id]
        if status.ahead:
            recorder.step_finished(step, StepStatus.SKIPPED, {}, "the run was interrupted before")
        elif not status.final:
            recorder.step_finished(step, StepStatus.INTERRUPTED, unseen_end(journal, step.id), "its end was not seen")
    what = "its supervisor died" if began else "its supervisor died before the first step started"
    recorder.finish(RunStatus.INTERRUPTED, what)
