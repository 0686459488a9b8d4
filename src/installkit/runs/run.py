import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Self, Unpack

import attrs

from installkit.datadir.directory import DataDirectory
from installkit.engine import settle
from installkit.errors import (
    JournalError,
    PlanningError,
    Remedy,
    RunNotFoundError,
    StoreError,
    UnknownNameError,
)
from installkit.journal import (
    LOOK,
    ApproveRequest,
    CancelRequest,
    EventReader,
    LogReader,
    Reader,
    Watch,
    carried_elsewhere,
    fitting,
    follow,
    is_pruned,
    request_approval,
    request_cancel,
)
from installkit.model import (
    Check,
    Event,
    EventFilter,
    Failure,
    Plan,
    ResultFilter,
    RunProgress,
    RunResult,
    RunSnapshot,
    RunSpec,
    RunStatus,
    Stats,
    StepSnapshot,
    StepStatus,
    TaskResult,
    refuse_unknown_filters,
)
from installkit.processes import user_name
from installkit.runs.comparison import RunComparison, compare_runs
from installkit.runs.estimates import LEARNED_FROM, expect_durations, seconds_left
from installkit.runs.logs import HostLogReader, last_lines
from installkit.runs.next_steps import next_commands
from installkit.runs.profile import RunProfile, make_profile
from installkit.runs.readings import (
    check_host,
    check_other,
    checks_of,
    error_of,
    event_filter,
    failed_otherwise,
    find_steps,
    not_ended,
    pruned_error,
    stats_of,
    warnings_in,
)
from installkit.runs.results import KINDS, result_filter
from installkit.runs.timeline import Timeline, make_timeline
from installkit.support.doctor import examine
from installkit.support.report import Report
from installkit.text import strip_colours

SETTLE_EVERY = 1.0
"""Seconds between two looks whether a run's supervisor has died."""


RESULT_AFTER = 0.5
"""Seconds that a result may come after the last event: who sees that a run has ended then finds what it left."""


class Run:
    """
    One run of a plan, live or ended.

    Each use of an attribute reads the journal again; take a `snapshot()` if several values must be of the same moment,
    and print it to see the state of the run. Each thread needs its own copy: `copy.copy(run)`.

    Attributes:
        id: Twelve hexadecimal digits, the same as its plan's.
    """

    def __init__(self, directory: DataDirectory, run: str) -> None:
        self.id = run
        self._directory = directory
        self._journal = directory.runs.journal(run)
        self._progress: RunProgress | None = None
        self._offset = 0
        self._settled_at = 0.0

    def __repr__(self) -> str:
        return f"<Run {self.id[:6]}>"

    def __eq__(self, other: object) -> bool:
        """Return whether *other* is the same run of the same data directory."""
        return isinstance(other, Run) and (self.id, self.folder) == (other.id, other.folder)

    def __hash__(self) -> int:
        return hash((self.id, self.folder))

    def __copy__(self) -> "Run":
        """Return the same run, for use in another thread."""
        return Run(self._directory, self.id)

    def snapshot(self, *, settle: bool = True) -> RunSnapshot:
        """
        Return the state of the run at one moment.

        Args:
            settle: Record the end of the run if it was carried out here and its supervisor died; if False, only read.

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
        result = self._result_at_the_end() if now.status.final else None
        return now.at(datetime.now(UTC)) if result is None else result.run

    def _result_at_the_end(self) -> RunResult | None:
        """Return the result of the run, whose last event is there: it follows in a moment, unless the disk is full."""
        deadline = time.monotonic() + RESULT_AFTER
        while (result := self._journal.result()) is None:
            if time.monotonic() > deadline or not self._journal.is_carried_out():
                break
            time.sleep(0.002)
        return result

    @property
    def folder(self) -> Path:
        """Where its journal is; `docs/reference/journal.md` says what is in it."""
        return self._journal.path

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
        """The status of the run."""
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
        """The results of its checks so far, passed ones too: one for each check and message, with the hosts."""
        return checks_of(self.snapshot())

    @property
    def pruned(self) -> bool:
        """Whether its events and logs were deleted; its result is kept."""
        return is_pruned(self._journal.path)

    @property
    def duration(self) -> float | None:
        """Seconds from its start to its end, or until now; None before it started."""
        return self.snapshot().duration

    def events(
        self, *, follow: bool = False, after: int = 0, limit: int | None = None, **wanted: Unpack[EventFilter]
    ) -> Iterator[Event]:
        """
        Yield at most *limit* events after the one numbered *after*; with *follow*, as they come, until the last.

        You may stop at any event; later, pass its `seq` as *after* to go on.

        Args:
            follow: Wait for those to come.
            after: A `seq`.
            limit: None for all.
            **wanted: Only events of a `kind`, `host`, `step` or `status`, each one word or several.

        Raises:
            UnknownNameError: If a filter has a word that the run cannot have.
            StoreError: If they were pruned.
        """
        self._check_kept()
        passes = self.event_filter(**wanted)
        if follow:
            events = self._journal.follow_events(after, idle=self._settle_if_dead)
        else:
            events = self._journal.events(after, None if any(wanted.values()) else limit)
        yield from itertools.islice(filter(passes, events), limit)

    def event_filter(self, **wanted: Unpack[EventFilter]) -> Callable[[Event], bool]:
        """
        Return a function that tells whether an event is among those *wanted*: for a reader, or events that you have.

        Args:
            **wanted: As for `events`.

        Raises:
            UnknownNameError: If a filter has a word that the run cannot have; it lists the words.
        """
        return event_filter(wanted, find=self.find_steps, check_host=self._check_host)

    def results(
        self, *, after: int = 0, limit: int | None = None, **wanted: Unpack[ResultFilter]
    ) -> tuple[TaskResult, ...]:
        """
        Return what tasks gave on hosts, in the order in which it was reported: at most *limit* results.

        A loop has a result for each item, and one at its end. Large results are cut, see `TaskResult.cut`; secrets are
        replaced, and of a task with `no_log` there is no value. `installkit.to_frame(run.results())` is a table of them.

        Args:
            after: Only results with a greater `seq`.
            limit: None for all.
            **wanted: Only results of a `host`, `task`, `step`, `status` or `module`, each one word or several.

        Raises:
            UnknownNameError: If a filter has a host, step or status that the run cannot have.
            StoreError: If the run's events were pruned.
        """
        refuse_unknown_filters(wanted, ResultFilter)
        passes = result_filter(wanted)
        self._check_kept()
        is_asked_for = self.event_filter(kind=KINDS, host=wanted.get("host"), step=wanted.get("step"))
        with fitting(self.id):
            results = map(TaskResult.of, filter(is_asked_for, self._journal.events(after)))
            return tuple(itertools.islice(filter(passes, results), limit))

    def stats(self, step: str | None = None) -> Stats:
        """
        Return what the playbooks set with Ansible's `set_stats`; it stays where events and logs are pruned.

        Each playbook has its own, and sets them at its end. Of what several set by the same name, the last one's is there;
        `StepSnapshot.stats` has those of one.

        Args:
            step: A step's id, or a component's name for all its changing steps; None for all steps.

        Raises:
            UnknownNameError: If the run has no such step.
        """
        return stats_of(self.snapshot(), self._step_ids(step))

    def facts(self, host: str) -> Mapping[str, Any]:
        """
        Return the facts of *host* that the run's playbooks gathered, by the names that `ansible_facts` has.

        They are kept where the run was started with `keep_facts=True`. What is too long is cut, with a mark and a warning
        of the run. Empty if none were gathered of the host so far.

        Raises:
            PlanningError: If the run does not keep facts.
            UnknownNameError: If it has no such host.
            StoreError: If they were pruned.
        """
        if not self.spec().options.keep_facts:
            raise PlanningError(
                f"run {self.id} does not keep facts",
                remedy="start the next one with keep_facts=True (--keep-facts on the command line)",
            )
        self._check_kept()
        facts = self._journal.facts(host)
        if not facts:  # those of other hosts may be there, too: `delegate_facts`, `facts: all`
            self._check_host(host)
        return facts

    def event_reader(self, after: int = 0) -> EventReader:
        """
        Return a reader of the events after the one numbered *after*, for a program that waits in a loop of its own.

        Raises:
            StoreError: If they were pruned.
        """
        self._check_kept()
        return EventReader(self._journal, after, self._settle_if_dead)

    def log_reader(self, step: str, offset: int = 0) -> LogReader:
        """
        Return the same for the log of the step with the id *step*, from byte *offset* on.

        Raises:
            StoreError: If it was pruned.
        """
        self._check_kept()
        return LogReader(self._journal, step, offset, self._settle_if_dead)

    def warnings(self) -> tuple[str, ...]:
        """Return the warnings of the run without duplicates; Ansible's own warnings are in its logs."""
        events = () if self.pruned else self.events()
        return warnings_in(events)

    def wait(self, timeout: float | None = None) -> Self:
        """
        Wait until the run has ended, and return it.

        Args:
            timeout: Seconds; None waits for ever.

        Raises:
            TimeoutError: If it has not ended by then; the run goes on.
            JournalError: If its files cannot be read, or are gone.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with Watch(self._journal.path) as watch:
            while self._journal.result() is None:
                left = LOOK if deadline is None else deadline - time.monotonic()
                if left < 0:
                    raise not_ended(self.id, timeout)
                self._settle_if_dead()
                watch.wait(min(LOOK, left))
        self._directory.store.runs.ingest(self._journal)
        return self

    def wait_for_checks(self) -> tuple[Check, ...]:
        """
        Wait until the run, which must be one that only checks, has ended, and return its checks.

        If the waiting is interrupted, the run is canceled.

        Raises:
            RunError: If the checks could not be carried out.
        """
        try:
            self.wait()
        except BaseException:
            self.cancel(now=True)
            raise
        if failed_otherwise(self.snapshot()):
            self.raise_for_status()
        return self.checks

    def raise_for_status(self) -> Self:
        """
        Return the run if it succeeded, or has not ended yet.

        Raises:
            RunFailedError: If it failed.
            RunStoppedError: If it was canceled, timed out or was interrupted.
        """
        if error := error_of(self.snapshot(), self):
            raise error
        return self

    def log(
        self,
        step: str | None = None,
        *,
        host: str | None = None,
        tail: int | None = None,
        offset: int = 0,
        size: int | None = None,
    ) -> bytes:
        """
        Return what ansible-playbook printed in *step*, from byte *offset* on.

        Args:
            step: A step's id, or a component's name for all its changing steps; None for all steps. Several follow each
                other in the order of the plan.
            host: Only what was printed about this host, in the order of the events.
            tail: Only so many lines, the last ones.
            offset: Skip so many bytes of that.
            size: At most so many bytes; None for all.

        Raises:
            UnknownNameError: If the run has no such step or host.
            StoreError: If the log was pruned.
        """
        end = None if size is None else offset + size
        if host is not None:
            (reader,) = self.log_readers(step, host=host, tail=tail)
            return b"".join(iter(reader.read, b""))[offset:end]
        self._check_kept()
        steps = self._step_ids(step)
        if len(steps) == 1 and tail is None:
            return self._journal.read_log(steps[0], offset, -1 if size is None else size)
        whole = b"".join(map(self._journal.read_log, steps))
        return (whole if tail is None else last_lines(whole, tail))[offset:end]

    def follow_log(
        self, step: str | None = None, *, host: str | None = None, tail: int | None = None, offset: int = 0
    ) -> Iterator[bytes]:
        """
        Yield the same as `log`, in chunks as they are printed, until the step or the run has ended.

        With *tail* it begins with so many of the lines that are there already.
        """
        for reader in self.log_readers(step, host=host, tail=tail):
            for chunk in follow(reader):
                if offset < len(chunk):
                    yield chunk[offset:]
                offset = max(0, offset - len(chunk))

    def log_readers(
        self, step: str | None = None, *, host: str | None = None, tail: int | None = None
    ) -> tuple[Reader[bytes], ...]:
        """Return what `follow_log` reads, one after the other: a reader for each step, or one for *host*."""
        if host is not None:
            passes = self.event_filter(host=host, step=self._step_ids(step))
            return (HostLogReader(self._journal, self.event_reader(), passes, tail),)
        steps = self._step_ids(step)
        start = 0
        if tail is not None:
            whole = self.log(step)
            start = len(whole) - len(last_lines(whole, tail))
        readers = []
        for step_id in steps:
            skipped = min(start, self._journal.log_size(step_id)) if start else 0
            start -= skipped
            readers.append(self.log_reader(step_id, skipped))
        return tuple(readers)

    def _step_ids(self, step: str | None) -> tuple[str, ...]:
        return tuple(each.id for each in self.plan.steps) if step is None else self.find_steps(step)

    def log_text(self, step: str, *, color: bool = True) -> str:
        """Return the log as text, with or without the terminal's colours; bytes that are not UTF-8 are replaced."""
        log = self.log(step)
        return (log if color else strip_colours(log)).decode(errors="replace")

    def find_steps(self, step: str) -> tuple[str, ...]:
        """
        Return the ids of the steps for *step*: the id of one step, or a component's name for its changing steps.

        Raises:
            UnknownNameError: If there is no such step.
        """
        return find_steps(self.id, self.plan.steps, step)

    def _check_host(self, host: str) -> None:
        """Raise an `UnknownNameError` if *host* is not of the run; a playbook may have added it, then events name it."""
        check_host(self.id, self.plan.steps, host, lambda: () if self.pruned else self._journal.events())

    def earlier(self, *, limit: int | None = None) -> "tuple[Run, ...]":
        """
        Return the runs on the same site that were started before it, newest first, at most *limit*.

        Raises:
            StoreError: If the index cannot be read or brought up to date.
        """
        runs = self._directory.store.runs
        runs.ingest(self._journal)
        earlier = runs.list(site=self.site, before=self.id, limit=limit)
        return tuple(Run(self._directory, run.id) for run in earlier if self._directory.runs.has(run.id))

    def expected_durations(self) -> dict[str, float]:
        """
        Return how long each step should take, in seconds by its id; steps that no earlier run had are missing.

        Raises:
            StoreError: If the index cannot be read or brought up to date.
        """
        earlier = open_runs(self._directory, [run.id for run in self.earlier(limit=LEARNED_FROM)])
        return expect_durations(self.snapshot(), (run.snapshot(settle=False) for run in earlier))

    def seconds_left(self, expected: Mapping[str, float] | None = None) -> float | None:
        """
        Return the seconds until the run should end, estimated from earlier runs; None if these are not enough.

        Args:
            expected: The result of `expected_durations`, if you have it already: it takes a while.
        """
        durations = self.expected_durations() if expected is None else expected
        return seconds_left(self.spec(), self.snapshot(), durations)

    def timeline(self) -> Timeline:
        """
        Return its tasks over hosts and time, and the slowest of them: a chart in a notebook.

        Tasks that go on, or were cut off, are not in it; its title says so.

        Raises:
            StoreError: If its events were pruned.
        """
        status = self.status  # read before the events: if the run ends in between, no task is missing
        return make_timeline(self.id, status, self.plan.steps, self.events())

    def profile(self) -> RunProfile:
        """
        Return where its time went: Ansible's start, facts, tasks, hosts that others waited for, our own part.

        Raises:
            StoreError: If its events were pruned.
        """
        now = self.snapshot()  # read before the events, as above
        return make_profile(now, self.plan.steps, self.events())

    def compare(self, other: "Run") -> RunComparison:
        """
        Return the differences in steps, hosts and tasks between this run and *other*, which may be of another site.

        The run that was created first is the earlier one. Steps are matched by component, action and batch, and by the
        version that they lead to; if the versions differ, by their order. Hosts and tasks are matched by their names.

        Raises:
            TypeError: If *other* is not a run.
            InstallkitError: If it is this one.
            StoreError: If the events of one were pruned.
        """
        if not isinstance(other, Run):
            raise TypeError(f"a run is compared with a Run, as Installer.run returns it by its id, not with {other!r}")
        check_other(self.id, other.id)
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
        Let the run go on if it waits for an approval; a second call has no further effect.

        Args:
            by: Who approves; the user of this process if None.

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
        """Return the commands that may follow the run, which has ended: their words, by their purpose."""
        return next_commands(self.snapshot(), check_mode=self.spec().options.check_mode, pruned=self.pruned)

    def result(self) -> RunResult:
        """
        Return the result of the run, with what it left installed.

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
        Write a zip file for people who help: spec, events, logs, result, plan, versions, and the doctor's findings.

        Secrets are not in it: runs do not write any, and the secrets that the site has now are masked again. Of a long
        log only the end is in it; the README in it lists what was left out.

        Args:
            target: A path or a file open for bytes. At a path, a new file that only its owner can read replaces an
                existing file or link.

        Raises:
            StoreError: If it cannot be written, or the path is something other than a file.
        """
        store = self._directory.store
        secrets: tuple[str, ...] = ()
        notes: tuple[str, ...] = ()
        try:
            secrets = tuple(store.secrets.of_site(self.site).values())
        except (StoreError, UnknownNameError) as exc:
            notes = (f"The secrets that the site keeps could not be looked for: {exc}",)
        findings = examine(self._directory.folders.data, store.check, store.secrets.check)
        report = Report(journal=self._journal, now=self.snapshot(), findings=findings, secrets=secrets, notes=notes)
        report.write(target)

    def _check_kept(self) -> None:
        if self.pruned:
            raise pruned_error(self.id)

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
        if time.monotonic() - self._settled_at > SETTLE_EVERY:
            self._settled_at = time.monotonic()
            settle(self._journal.path)


def open_runs(directory: DataDirectory, runs: Iterable[str]) -> Iterator[Run]:
    """Yield the runs with the ids *runs*; those whose files cannot be read, or are gone, are skipped with a warning."""
    for run_id in runs:
        try:
            run = Run(directory, run_id)
            run.snapshot(settle=False)
        except (JournalError, RunNotFoundError) as exc:
            directory.runs.skip(run_id, exc)
        else:
            yield run
