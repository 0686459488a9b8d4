import itertools
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, Unpack

from installkit.errors import InstallkitError
from installkit.model import (
    Check,
    Event,
    EventFilter,
    EventKind,
    Failure,
    Plan,
    ResultFilter,
    RunSnapshot,
    RunSpec,
    RunStatus,
    Stats,
    StepSnapshot,
    TaskResult,
    from_wire,
    refuse_unknown_filters,
    words_of,
)
from installkit.remote.machine import missing
from installkit.remote.service import Service, part
from installkit.remote.streams import EventStream, Follower, HostLogFollower, LogStream
from installkit.runs.comparison import RunComparison
from installkit.runs.estimates import LEARNED_FROM, expect_durations, seconds_left
from installkit.runs.logs import last_lines
from installkit.runs.next_steps import next_commands
from installkit.runs.profile import RunProfile
from installkit.runs.readings import (
    check_host,
    check_other,
    checks_of,
    error_of,
    event_filter,
    failed_otherwise,
    find_steps,
    not_ended,
    stats_of,
    warnings_in,
)
from installkit.runs.results import KINDS, result_filter
from installkit.runs.timeline import Timeline
from installkit.support.files import write_new
from installkit.text import strip_colours

EVENTS = 1000
"""Events that are asked for at once."""


class RemoteRun:
    """
    A `Run` of a service. Threads may share it.

    Each use of an attribute asks the service again; take a `snapshot()` if several values must be of the same moment.

    Attributes:
        id: Twelve hexadecimal digits, the same as its plan's.
    """

    def __init__(self, service: Service, run: str) -> None:
        self.id = run
        self._service = service
        self._path = f"/runs/{part(run)}"

    if not TYPE_CHECKING:  # a checker would take any name for one that there is

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name)

    def __repr__(self) -> str:
        return f"<RemoteRun {self.id[:6]}>"

    def __eq__(self, other: object) -> bool:
        """Return whether *other* is the same run of a service at the same address."""
        return isinstance(other, RemoteRun) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, str]:
        return self.id, self._service.address

    def snapshot(self, *, settle: bool = True) -> RunSnapshot:  # noqa: ARG002 - as `Run.snapshot`; the service decides
        """Return the state of the run at one moment; a service records the end of a run whose supervisor died."""
        return from_wire(RunSnapshot, self._service.get(self._path))

    def spec(self) -> RunSpec:
        """Return what the run was started with; its paths are of the service's machine."""
        return self._spec

    @cached_property
    def _spec(self) -> RunSpec:
        return from_wire(RunSpec, self._service.get(f"{self._path}/spec"))

    @property
    def plan(self) -> Plan:
        """The plan that it carries out."""
        return self._spec.plan

    @property
    def site(self) -> str:
        """The site's name."""
        return self._spec.site

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
        return self._service.is_gone(f"{self._path}/events", {"limit": 1})

    @property
    def duration(self) -> float | None:
        """Seconds from its start to its end, or until now; None before it started."""
        return self.snapshot().duration

    def events(
        self, *, follow: bool = False, after: int = 0, limit: int | None = None, **wanted: Unpack[EventFilter]
    ) -> Iterator[Event]:
        """
        Yield at most *limit* events after the one numbered *after*; with *follow*, as they come, until the last.

        You may stop at any event; later, pass its `seq` as *after* to go on. A follower goes on by itself after a broken
        connection, and after a restart of the service, without a gap and without an event twice.

        Args:
            follow: Wait for those to come.
            after: A `seq`.
            limit: None for all.
            **wanted: As for `Run.events`.

        Raises:
            UnknownNameError: If a filter has a word that the run cannot have.
            StoreError: If they were pruned.
            ServiceError: If no connection could be had for as long as `connect` was told.
        """
        passes = self.event_filter(**wanted)
        given: Mapping[str, Any] = wanted
        query = {name: list(words_of(words)) for name, words in given.items() if words}
        found = self.event_follower(after).follow() if follow else self._read_events(query, after, limit)
        yield from itertools.islice(filter(passes, found), limit)

    def event_filter(self, **wanted: Unpack[EventFilter]) -> Callable[[Event], bool]:
        """
        Return a function that tells whether an event is among those *wanted*; see `Run.event_filter`.

        Raises:
            UnknownNameError: If a filter has a word that the run cannot have; it lists the words.
        """
        return event_filter(wanted, find=self.find_steps, check_host=self._check_host)

    def _check_host(self, host: str) -> None:
        check_host(self.id, self.plan.steps, host, lambda: () if self.pruned else self._read_events({}, 0, None))

    def event_follower(self, after: int = 0, *, timeout: float | None = None) -> Follower[Event]:
        """Return what follows the events after the one numbered *after*, for a program with a loop of its own."""
        return Follower(self._service, EventStream(self.id, after), timeout=timeout)

    def _read_events(self, query: Mapping[str, Any], after: int, limit: int | None) -> Generator[Event, None, None]:
        left = limit
        while left is None or left > 0:
            size = EVENTS if left is None else min(EVENTS, left)
            page = self._service.get(f"{self._path}/events", {**query, "after": after, "limit": size})
            yield from (from_wire(Event, item) for item in page["items"])
            if page["next"] == after or page["complete"]:
                return
            after, left = page["next"], None if left is None else left - len(page["items"])

    def results(
        self, *, after: int = 0, limit: int | None = None, **wanted: Unpack[ResultFilter]
    ) -> tuple[TaskResult, ...]:
        """
        Return what tasks gave on hosts, in the order in which it was reported; see `Run.results`.

        Raises:
            UnknownNameError: If a filter has a host, step or status that the run cannot have.
            StoreError: If the run's events were pruned.
        """
        refuse_unknown_filters(wanted, ResultFilter)
        passes = result_filter(wanted)
        events = self.events(after=after, kind=KINDS, host=wanted.get("host"), step=wanted.get("step"))
        return tuple(itertools.islice(filter(passes, map(TaskResult.of, events)), limit))

    def stats(self, step: str | None = None) -> Stats:
        """
        Return what the playbooks set with Ansible's `set_stats`; see `Run.stats`.

        Raises:
            UnknownNameError: If the run has no such step.
        """
        return stats_of(self.snapshot(), self._step_ids(step))

    def warnings(self) -> tuple[str, ...]:
        """Return the warnings of the run without duplicates; Ansible's own warnings are in its logs."""
        return () if self.pruned else warnings_in(self._read_events({"kind": EventKind.WARNING}, 0, None))

    def wait(self, timeout: float | None = None) -> Self:
        """
        Wait until the run has ended, and return it. It goes on as `events` does if the connection breaks.

        Args:
            timeout: Seconds; None waits for ever.

        Raises:
            TimeoutError: If it has not ended by then; the run goes on.
            ServiceError: If no connection could be had for as long as `connect` was told.
        """
        now = self.snapshot()
        if now.status.final:
            return self
        try:
            for _ in self.event_follower(now.last_seq, timeout=timeout).follow():
                pass
        except TimeoutError:
            raise not_ended(self.id, timeout) from None
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
        now = self.snapshot()
        if failed_otherwise(now) and (error := error_of(now, self)):
            raise error
        return checks_of(now)

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
        Return what ansible-playbook printed in *step*, from byte *offset* on; the arguments are those of `Run.log`.

        Raises:
            UnknownNameError: If the run has no such step or host.
            StoreError: If the log was pruned.
        """
        steps, end = self._step_ids(step), None if size is None else offset + size
        if host is not None:
            text = b"".join(map(self._printed, self.events(host=host, step=steps)))
        elif len(steps) == 1 and tail is None:
            return self._log_of(steps[0], offset, size)
        else:
            text = b"".join(self._log_of(each, 0, None) for each in steps)
        return (text if tail is None else last_lines(text, tail))[offset:end]

    def _step_ids(self, step: str | None) -> tuple[str, ...]:
        return tuple(each.id for each in self.plan.steps) if step is None else self.find_steps(step)

    def _printed(self, event: Event) -> bytes:
        if event.step is None or event.log is None:
            return b""
        return self._log_of(event.step, event.log.start, event.log.end - event.log.start)

    def _log_of(self, step: str, offset: int, size: int | None) -> bytes:
        if size is not None and size <= 0:
            return b""
        headers = {"accept": "text/plain"}
        if size is not None:
            headers["range"] = f"bytes={offset}-{offset + size - 1}"
        query = None if size is not None else {"offset": offset}
        return self._service.content(f"{self._path}/steps/{part(step)}/log", query, headers)

    def follow_log(
        self, step: str | None = None, *, host: str | None = None, tail: int | None = None, offset: int = 0
    ) -> Iterator[bytes]:
        """
        Yield the same as `log`, in chunks as they are printed, until the step or the run has ended.

        With *tail* it begins with so many of the lines that are there already.
        """
        for reader in self.log_readers(step, host=host, tail=tail):
            for chunk in reader.follow():
                if offset < len(chunk):
                    yield chunk[offset:]
                offset = max(0, offset - len(chunk))

    def log_readers(
        self, step: str | None = None, *, host: str | None = None, tail: int | None = None
    ) -> tuple[Follower[bytes], ...]:
        """Return what `follow_log` follows, one after the other: a follower for each step, or one for *host*."""
        steps = self._step_ids(step)
        if host is not None:
            passes = self.event_filter(host=host, step=steps)
            after = 0 if tail is None else self.snapshot().last_seq
            there = filter(lambda event: event.seq <= after, self.events(host=host, step=steps) if after else ())
            begin = b"" if tail is None else last_lines(b"".join(map(self._printed, there)), tail)
            return (HostLogFollower(self.event_follower(after), passes, self._printed, begin),)
        logs = {each: self._log_of(each, 0, None) for each in steps} if tail is not None else {}
        start = 0
        if tail is not None:
            whole = b"".join(logs.values())
            start = len(whole) - len(last_lines(whole, tail))
        followers = []
        for each in steps:
            skipped = min(start, len(logs.get(each, b"")))
            start -= skipped
            followers.append(Follower(self._service, LogStream(self.id, each, skipped)))
        return tuple(followers)

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

    def earlier(self, *, limit: int | None = None) -> "tuple[RemoteRun, ...]":
        """Return the runs on the same site that were started before it, newest first, at most *limit*."""
        rows = self._service.items("/runs", {"site": self.site}, limit=limit, after=self.id)
        return tuple(RemoteRun(self._service, row["id"]) for row in rows)

    def expected_durations(self) -> dict[str, float]:
        """Return how long each step should take, in seconds by its id; steps that no earlier run had are missing."""
        return expect_durations(self.snapshot(), (run.snapshot() for run in self.earlier(limit=LEARNED_FROM)))

    def seconds_left(self, expected: Mapping[str, float] | None = None) -> float | None:
        """
        Return the seconds until the run should end, estimated from earlier runs; None if these are not enough.

        Args:
            expected: The result of `expected_durations`, if you have it already: it takes a while.
        """
        return seconds_left(self._spec, self.snapshot(), self.expected_durations() if expected is None else expected)

    def timeline(self) -> Timeline:
        """
        Return its tasks over hosts and time, and the slowest of them: a chart in a notebook.

        Raises:
            StoreError: If its events were pruned.
        """
        return from_wire(Timeline, self._service.get(f"{self._path}/timeline"))

    def profile(self) -> RunProfile:
        """
        Return where its time went; see `Run.profile`.

        Raises:
            StoreError: If its events were pruned.
        """
        return from_wire(RunProfile, self._service.get(f"{self._path}/profile"))

    def compare(self, other: "RemoteRun") -> RunComparison:
        """
        Return the differences between this run and *other*, of the same service; see `Run.compare`.

        Raises:
            TypeError: If *other* is not a run of a service.
            InstallkitError: If it is this one, or of another service.
            StoreError: If the events of one were pruned.
        """
        if not isinstance(other, RemoteRun):
            raise TypeError(f"a run of a service is compared with another one of it, not with {other!r}")
        if other._service.address != self._service.address:  # noqa: SLF001 - of the same class
            raise InstallkitError(f"run {other.id} is of another service than run {self.id}")
        check_other(self.id, other.id)
        return from_wire(RunComparison, self._service.get(f"{self._path}/compare", {"with": other.id}))

    def cancel(self, *, now: bool = False) -> None:
        """
        Ask the run to stop: the running steps may end, no other starts; a run that has ended stays as it is.

        Args:
            now: Stop the running steps too.
        """
        self._service.call("POST", f"{self._path}/cancel", body={"now": now})

    def approve(self) -> None:
        """
        Let the run go on if it waits for an approval.

        Raises:
            PlanningError: If nothing waits for an approval.
        """
        self._service.call("POST", f"{self._path}/approve")

    def next_commands(self) -> dict[str, tuple[str, ...]]:
        """Return the commands that may follow the run, which has ended: their words, by their purpose."""
        return next_commands(self.snapshot(), check_mode=self._spec.options.check_mode, pruned=self.pruned)

    def report(self, target: str | Path | IO[bytes]) -> None:
        """
        Write a zip file for people who help; see `Run.report`.

        Args:
            target: A path of this machine or a file open for bytes.

        Raises:
            StoreError: If it cannot be written, or the path is something other than a file.
        """
        content = self._service.content(f"{self._path}/report")
        write_new(target, lambda file: file.write(content))
