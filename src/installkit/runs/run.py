import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Self

import attrs

from installkit.datadir.directory import DataDirectory
from installkit.engine import settle
from installkit.errors import (
    InstallkitError,
    JournalError,
    PlanningError,
    Remedy,
    RunNotFoundError,
    StoreError,
    UnknownNameError,
)
from installkit.journal import (
    ApproveRequest,
    CancelRequest,
    carried_elsewhere,
    fitting,
    is_pruned,
    request_approval,
    request_cancel,
)
from installkit.model import (
    Check,
    Event,
    EventKind,
    Failure,
    FailureCode,
    Plan,
    RunProgress,
    RunResult,
    RunSnapshot,
    RunSpec,
    RunStatus,
    StepSnapshot,
    StepStatus,
    group_checks,
)
from installkit.processes import user_name
from installkit.runs.comparison import RunComparison, compare_runs
from installkit.runs.errors import RunFailedError, RunStoppedError
from installkit.runs.estimates import expect_durations, seconds_left
from installkit.runs.next_steps import next_commands
from installkit.runs.timeline import Timeline, make_timeline
from installkit.support.doctor import examine
from installkit.support.report import Report
from installkit.text import strip_colours

POLL = 0.05
SETTLE_EVERY = 1.0
"""Seconds between two looks at whether somebody still carries a run out."""

LEARNED_FROM = 20
"""So many earlier runs tell how long a step takes."""

SAID_LINES = 3
"""So many lines of what was said does an exception repeat."""


class Run:
    """
    One carrying-out of a plan, live or long ago.

    Its attributes are read anew from the journal at each use; keep a `snapshot()` where they must belong together, and
    print it to see where the run stands. Each thread reads a run of its own: `copy.copy(run)`.

    Attributes:
        id: Twelve hexadecimal digits, the same as its plan's.
    """

    def __init__(self, directory: DataDirectory, run: str) -> None:
        self.id = run
        self._directory = directory
        self._journal = directory.runs.journal(run)
        self._progress: RunProgress | None = None
        self._offset = 0
        self._looked = 0.0

    def __repr__(self) -> str:
        return f"<Run {self.id[:6]}>"

    def __copy__(self) -> "Run":
        """Return the same run, as another thread may read it."""
        return Run(self._directory, self.id)

    def snapshot(self, *, settle: bool = True) -> RunSnapshot:
        """
        Return where the run stands: one moment, in which every number belongs to the others.

        Args:
            settle: End the run if it was carried out here and its supervisor died; False only reads, as lists do.

        Raises:
            JournalError: If its files cannot be read.
        """
        if settle:
            self._settle_if_dead()
        result = self._journal.result()
        if result is not None:
            return result.run
        if self._progress is None:
            self._progress = RunProgress(self._journal.spec())
        with fitting(self.id):
            for entry in self._journal.read_events(self._offset):
                self._progress.feed(entry.event)
                self._offset = entry.end
            where = carried_elsewhere(self._journal.path)
            now = attrs.evolve(self._progress.snapshot(), carried_elsewhere=where)
        return now.at(datetime.now(UTC))

    @property
    def plan(self) -> Plan:
        """The plan that it carries out."""
        return self._journal.spec().plan

    @property
    def site(self) -> str:
        """The site's name."""
        return self._journal.spec().site

    @property
    def status(self) -> RunStatus:
        """Where it stands, in a word."""
        return self.snapshot().status

    @property
    def steps(self) -> tuple[StepSnapshot, ...]:
        """Its steps, in the plan's order."""
        return self.snapshot().steps

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What went wrong so far, grouped by cause over hosts and steps."""
        return self.snapshot().failures

    @property
    def checks(self) -> tuple[Check, ...]:
        """What its checks found so far, also where they passed: a row for each check and message, with the hosts."""
        return group_checks(check for step in self.steps for check in step.checks)

    @property
    def pruned(self) -> bool:
        """Whether its events and logs are gone; how it ended is kept."""
        return is_pruned(self._journal.path)

    @property
    def duration(self) -> float | None:
        """Seconds from its start to its end, or until now; None before it started."""
        return self.snapshot().duration

    def events(self, *, follow: bool = False, after: int = 0, limit: int | None = None) -> Iterator[Event]:
        """
        Yield the events after the one numbered *after*, at most *limit*; with *follow*, as they come, until the last.

        Break off whenever you like: the `seq` of the last one seen goes on from there.

        Raises:
            StoreError: If they were pruned.
        """
        self._check_kept()
        if follow:
            yield from itertools.islice(self._journal.follow_events(after, idle=self._settle_if_dead), limit)
        else:
            yield from self._journal.events(after, limit)

    def warnings(self) -> tuple[str, ...]:
        """Return what somebody should know of the run, each once, beside what Ansible warned of in its logs."""
        events = () if self.pruned else self.events()
        found = (event.message for event in events if event.kind is EventKind.WARNING and event.log is None)
        return tuple(dict.fromkeys(message for message in found if message))

    def wait(self, timeout: float | None = None) -> Self:
        """
        Wait until the run has ended, and return it.

        Args:
            timeout: Seconds; None waits for ever.

        Raises:
            TimeoutError: If it has not ended by then; the run is left alone.
            JournalError: If its files cannot be read, or are gone.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._journal.result() is None:
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"run {self.id} has not ended within {timeout} s")
            self._settle_if_dead()
            time.sleep(POLL)
        self._directory.store.runs.ingest(self._journal)
        return self

    def wait_for_checks(self) -> tuple[Check, ...]:
        """
        Wait until the run, which only checks, has ended, and return what it found; whoever stops waiting stops it.

        Raises:
            RunError: If the checks could not be carried out.
        """
        try:
            self.wait()
        except BaseException:
            self.cancel(now=True)
            raise
        failures = self.failures
        if not failures or any(each.code is not FailureCode.CHECK_FAILED for each in failures):
            self.raise_for_status()
        return self.checks

    def raise_for_status(self) -> Self:
        """
        Return the run if it succeeded, or has not ended yet.

        Raises:
            RunFailedError: If it failed.
            RunStoppedError: If it was canceled, timed out or was interrupted.
        """
        now = self.snapshot()
        if not now.status.final or now.status is RunStatus.SUCCEEDED:
            return self
        what = "; ".join(map(_told, now.failures)) or now.reason or "no reason is known"
        kind = RunFailedError if now.status is RunStatus.FAILED else RunStoppedError
        remedies = [failure.remedy for failure in now.failures if failure.remedy and not failure.task][:1]
        remedy = Remedy("; ".join([*remedies, "see all of it"]), ("show", self.id))
        raise kind(f"run {self.id} {now.status.value}: {what}", self, remedy=remedy)

    def log(self, step: str, *, offset: int = 0, size: int | None = None) -> bytes:
        """
        Return what ansible-playbook printed in *step*, from byte *offset* on.

        Args:
            step: A step's id, or a component's name: its changing steps, in order.
            offset: Of the first byte wanted.
            size: At most so many bytes; None for all.

        Raises:
            UnknownNameError: If the run has no such step.
            StoreError: If the log was pruned.
        """
        self._check_kept()
        steps = self.find_steps(step)
        if len(steps) == 1:
            return self._journal.read_log(steps[0], offset, -1 if size is None else size)
        whole = b"".join(self._journal.read_log(each) for each in steps)
        return whole[offset : None if size is None else offset + size]

    def follow_log(self, step: str, *, offset: int = 0) -> Iterator[bytes]:
        """Yield the same as `log` as it is printed, until the step's last byte, or the run's end."""
        for each in self.find_steps(step):
            for chunk in self._journal.follow_log(each, idle=self._settle_if_dead):
                if offset < len(chunk):
                    yield chunk[offset:]
                offset = max(0, offset - len(chunk))

    def log_text(self, step: str, *, color: bool = True) -> str:
        """Return the log as text, with or without the terminal's colours; bytes that are not UTF-8 are replaced."""
        log = self.log(step)
        return (log if color else strip_colours(log)).decode(errors="replace")

    def find_steps(self, step: str) -> tuple[str, ...]:
        """
        Return the ids of the steps that *step* means: its id, or a component's name for its changing steps.

        Raises:
            UnknownNameError: If it means none.
        """
        steps = self.plan.steps
        if any(each.id == step for each in steps):
            return (step,)
        of_component = [each for each in steps if each.component == step]
        found = [each.id for each in of_component if not each.action.read_only] or [each.id for each in of_component]
        if not found:
            known = ", ".join(each.id for each in steps) or "none"
            raise UnknownNameError(f"run {self.id} has no step {step!r}", remedy=f"choose one of: {known}")
        return tuple(found)

    def earlier(self, *, limit: int | None = None) -> "tuple[Run, ...]":
        """
        Return the runs on the same site that were started before it, newest first, at most *limit*.

        Raises:
            StoreError: If the index cannot be read or brought up to date.
        """
        runs = self._directory.store.runs
        runs.ingest(self._journal)
        found = runs.list(site=self.site, before=self.id, limit=limit)
        return tuple(Run(self._directory, run.id) for run in found if self._directory.runs.has(run.id))

    def expected_durations(self) -> dict[str, float]:
        """
        Return how long each step should take, in seconds by its id, told from earlier runs; without what none tells.

        Raises:
            StoreError: If the index cannot be read or brought up to date.
        """
        earlier = open_runs(self._directory, [run.id for run in self.earlier(limit=LEARNED_FROM)])
        return expect_durations(self.snapshot(), (run.snapshot(settle=False) for run in earlier))

    def seconds_left(self, expected: Mapping[str, float] | None = None) -> float | None:
        """
        Return the seconds until the run should end, told from earlier runs; None where these do not tell.

        Args:
            expected: As from `expected_durations`, which takes a while, where it is known already.
        """
        known = self.expected_durations() if expected is None else expected
        return seconds_left(self.spec(), self.snapshot(), known)

    def timeline(self) -> Timeline:
        """
        Return its tasks over hosts and time, and the slowest of them: a chart in a notebook.

        Tasks that go on, or were cut off, are not in it; it says so.

        Raises:
            StoreError: If its events were pruned.
        """
        status = self.status  # read before the events: of a run that ends in between no task is missing then
        return make_timeline(self.id, status, self.plan.steps, self.events())

    def compare(self, other: "Run") -> RunComparison:
        """
        Return what differs between this run and *other*, also of another site: how steps, hosts and tasks fared.

        Whichever was created first is the earlier one. Steps are matched by component, action and batch, and by the
        version that they lead to; where that differs, in their order. Hosts and tasks are matched by their names.

        Raises:
            TypeError: If *other* is not a run.
            InstallkitError: If it is this one.
            StoreError: If the events of one were pruned.
        """
        if not isinstance(other, Run):
            raise TypeError(f"a run is compared with a Run, as Installer.run returns it by its id, not with {other!r}")
        if self.id == other.id:
            raise InstallkitError(
                f"run {self.id} would be compared with itself",
                remedy="choose another one: run.earlier() finds those before it",
            )
        earlier, now = sorted((other, self), key=lambda run: run.spec().created_at)
        return compare_runs(now.snapshot(), earlier.snapshot(), events=now.events(), earlier_events=earlier.events())

    def cancel(self, *, now: bool = False, by: str | None = None) -> None:
        """
        Ask the run to stop: the running steps may end, no other starts; a run that has ended stays as it is.

        Args:
            now: Stop the running steps too.
            by: Who asks; the user of this process if None.

        Raises:
            PlanningError: If the run is carried out elsewhere.
        """
        self._refuse_elsewhere()
        request_cancel(self._journal.path, CancelRequest(at=datetime.now(UTC), by=by or user_name(), now=now))

    def approve(self, *, by: str | None = None) -> None:
        """
        Let the run go on where it waits for an approval; doing so twice does no more than once.

        Args:
            by: Who approves of what was done; the user of this process if None.

        Raises:
            PlanningError: If nothing waits for an approval, or the run is carried out elsewhere.
        """
        self._refuse_elsewhere()
        now = self.snapshot()
        waiting = [step.id for step in now.steps if step.status is StepStatus.WAITING]
        if not waiting:
            raise PlanningError(
                f"nothing waits for an approval in run {self.id}: its status is {now.status.value}",
                remedy=Remedy("see where it stands", ("show", self.id)),
            )
        for step in waiting:
            request_approval(self._journal.path, step, ApproveRequest(at=datetime.now(UTC), by=by or user_name()))

    def next_commands(self) -> dict[str, tuple[str, ...]]:
        """Return what may follow the run, which has ended: words of the command line, by what they are for."""
        return next_commands(self.snapshot(), check_mode=self.spec().options.check_mode, pruned=self.pruned)

    def result(self) -> RunResult:
        """
        Return how the run ended, with what it left installed.

        Raises:
            PlanningError: If it has not ended.
        """
        self._settle_if_dead()
        result = self._journal.result()
        if result is None:
            self._refuse_elsewhere()
            raise PlanningError(f"run {self.id} has not ended", remedy=Remedy("wait for it", ("watch", self.id)))
        return result

    def spec(self) -> RunSpec:
        """Return what the run was started with."""
        return self._journal.spec()

    def report(self, target: str | Path | IO[bytes]) -> None:
        """
        Write a zip file for those who help: spec, events, logs, result, plan, versions, and what the doctor finds.

        Secrets are not in it: runs write none, and those that the site keeps now are taken out once more. Of a long log
        its end is taken; what was skipped is said in its README.

        Args:
            target: A path, where a new file, its owner's alone, takes the place of the one that lies there, or of the link;
                or a file open for bytes.

        Raises:
            StoreError: If it cannot be written, or something other than a file lies at the path.
        """
        secrets, notes = self._kept_secrets()
        store = self._directory.store
        findings = examine(self._directory.folders.data, store.check, store.secrets.check)
        report = Report(journal=self._journal, now=self.snapshot(), findings=findings, secrets=secrets, notes=notes)
        report.write(target)

    def _kept_secrets(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the secrets of the site, and what to say where they cannot be had."""
        try:
            return tuple(self._directory.store.secrets.of_site(self.site).values()), ()
        except (StoreError, UnknownNameError) as exc:
            return (), (f"The secrets that the site keeps could not be looked for: {exc}",)

    def _check_kept(self) -> None:
        if self.pruned:
            raise StoreError(
                f"the events and logs of run {self.id} were pruned; how it ended is kept",
                remedy=Remedy("see how it ended", ("show", self.id)),
            )

    def _refuse_elsewhere(self) -> None:
        where = carried_elsewhere(self._journal.path)
        if where is not None:
            raise PlanningError(
                f"run {self.id} has not ended here, and is carried elsewhere: {where}",
                remedy=Remedy("go there, or take it over here, as interrupted", ("adopt", self.id)),
            )

    def _settle_if_dead(self) -> None:
        if self._directory.store.refuses:
            return
        if time.monotonic() - self._looked > SETTLE_EVERY:
            self._looked = time.monotonic()
            settle(self._journal.path)


def open_runs(directory: DataDirectory, runs: Iterable[str]) -> Iterator[Run]:
    """Yield the runs with the ids *runs*, without those whose files cannot be read or are gone: they are warned of."""
    for run in runs:
        try:
            found = Run(directory, run)
            found.snapshot(settle=False)
        except (JournalError, RunNotFoundError) as exc:
            directory.runs.skip(run, exc)
        else:
            yield found


def _told(failure: Failure) -> str:
    """Return what *failure* is in a line: where no task failed, only what was said tells what is wrong."""
    said = "" if failure.task else "; ".join(failure.message.strip().splitlines()[:SAID_LINES])
    return f"{failure.summary}: {said}" if said else failure.summary
