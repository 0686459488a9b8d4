"""
Where the time of a run went, and what would make it faster: made from its events, pure.

Each moment of a run counts once. Where several things go on, it counts as the first of these that does: a task, the
gathering of facts, the start of ansible-playbook, Ansible between two tasks, installkit's own checks, an approval that is
waited for. The rest is installkit's own.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

import attrs

from installkit.model import OWN_CHECKS, Event, EventKind, RunSnapshot, RunStatus, Step
from installkit.text import duration_text, join_names

SLOWEST = 10
"""How many tasks and hosts are listed."""

WORTH = 2.0
"""Seconds, from which on there is advice on what took them."""

WORTH_SHARE = 0.05
"""The same as a part of the run."""

FACTS = frozenset({"setup", "gather_facts"})
"""Modules that gather facts, without their collection."""

PACKAGES = frozenset({"apt", "dnf", "package", "pip", "yum", "zypper"})
"""Modules that take a list of packages at once, without their collection."""


class TimeUse(StrEnum):
    """What the time of a run is spent on; the first of several that go on counts."""

    TASKS = "tasks"
    FACTS = "facts"
    ANSIBLE_START = "ansible_start"
    BETWEEN_TASKS = "between_tasks"
    CHECKS = "checks"
    APPROVAL = "approval"
    INSTALLKIT = "installkit"

    @property
    def text(self) -> str:
        """What it is, for people."""
        return _TEXTS[self]


_TEXTS = {
    TimeUse.TASKS: "tasks on hosts",
    TimeUse.FACTS: "gathering facts",
    TimeUse.ANSIBLE_START: "starting Ansible",
    TimeUse.BETWEEN_TASKS: "Ansible between tasks",
    TimeUse.CHECKS: "installkit's checks",
    TimeUse.APPROVAL: "waiting for approval",
    TimeUse.INSTALLKIT: "installkit itself",
}


@attrs.frozen(kw_only=True)
class TimeShare:
    """
    How much of a run went into one use.

    Attributes:
        duration: Seconds.
        share: Of the whole run, from 0 to 1.
    """

    use: TimeUse
    duration: float
    share: float


@attrs.frozen(kw_only=True)
class TaskCost:
    """
    One task on all of its hosts.

    Attributes:
        module: Its resolved name; None if no result had it.
        hosts: How many hosts carried it out.
        duration: Seconds during which at least one host was at it.
        slowest_host: The host that took longest.
        longest: How long that host took, in seconds.
        items: The most items of a loop that a host had; 0 without a loop.
    """

    step: str
    component: str
    task: str
    module: str | None
    hosts: int
    duration: float
    slowest_host: str
    longest: float
    items: int


@attrs.frozen(kw_only=True)
class HostCost:
    """
    One host of a run.

    Attributes:
        busy: Seconds that its tasks took.
        waited_for: Seconds during which it alone was at a task, while the other hosts of this task had finished it.
    """

    host: str
    busy: float
    waited_for: float


@attrs.frozen(kw_only=True)
class RunProfile:
    """
    Where the time of a run went: a table in a notebook.

    Attributes:
        run: Its id.
        status: The run's status when its events were read.
        duration: Seconds from its start to its end, or to its last event.
        shares: What the time was spent on, the most first; together they are the whole.
        tasks: The tasks that took longest, the longest first.
        hosts: The hosts that others waited for, then the busiest.
        advice: What would make it faster, a sentence for each; empty if installkit knows nothing.
    """

    run: str
    status: RunStatus
    duration: float
    shares: tuple[TimeShare, ...]
    tasks: tuple[TaskCost, ...]
    hosts: tuple[HostCost, ...]
    advice: tuple[str, ...]

    @property
    def label(self) -> str:
        """The name of the run with its duration, as `run 7f3c12, 3 min 5 s`."""
        return f"run {self.run[:6]}, {duration_text(self.duration)}{'' if self.status.final else ' so far'}"

    def __str__(self) -> str:
        lines = (f"{duration_text(each.duration):>10}  {each.share:4.0%}  {each.use.text}" for each in self.shares)
        return "\n".join([self.label, *lines, *(f"faster: {line}" for line in self.advice)])


@attrs.frozen
class _Span:
    start: datetime
    end: datetime

    @property
    def duration(self) -> float:
        return (self.end - self.start).total_seconds()


def make_profile(now: RunSnapshot, steps: Iterable[Step], events: Iterable[Event]) -> RunProfile:
    """
    Return the profile of a run.

    Args:
        now: The state of the run, read before *events*.
        steps: Those of its plan.
        events: All of its events so far.
    """
    known = tuple(events)
    by_id = {step.id: step for step in steps}
    whole = _Span(now.created_at, max([now.created_at, *(event.time for event in known[-1:])]))
    used = _time_used(list(_uses(known, by_id)), whole)
    shares = tuple(
        TimeShare(use=use, duration=seconds, share=seconds / (whole.duration or 1.0))
        for use, seconds in sorted(used.items(), key=lambda item: -item[1])
        if seconds
    )
    tasks = sorted(_task_costs(known, by_id), key=lambda task: -task.duration)
    hosts = sorted(_host_costs(known), key=lambda host: (-host.waited_for, -host.busy, host.host))[:SLOWEST]
    return RunProfile(
        run=now.id,
        status=now.status,
        duration=whole.duration,
        shares=shares,
        tasks=tuple(tasks[:SLOWEST]),
        hosts=tuple(hosts),
        advice=tuple(_advice(used, tasks, hosts, by_id, whole.duration)),
    )


def _uses(events: Sequence[Event], steps: Mapping[str, Step]) -> Iterator[tuple[TimeUse, _Span]]:
    """Yield the spans of *events*, each with its use."""
    begun: dict[str, datetime] = {}
    first_plays: dict[str, datetime] = {}
    waits: dict[str, datetime] = {}
    for event in events:
        step = event.step or ""
        own = _is_own(step, steps)
        if event.kind is EventKind.STEP_STARTED:
            begun[step] = event.time
        elif event.kind is EventKind.PLAY_STARTED and step in begun and step not in first_plays:
            first_plays[step] = event.time
            if not own:
                yield TimeUse.ANSIBLE_START, _Span(begun[step], event.time)
        elif event.kind is EventKind.APPROVAL_REQUESTED:
            waits[step] = event.time
        elif event.kind is EventKind.APPROVED and step in waits:
            yield TimeUse.APPROVAL, _Span(waits.pop(step), event.time)
        elif event.kind is EventKind.TASK_RESULT and event.duration is not None and not own:
            use = TimeUse.FACTS if _short(event.module) in FACTS else TimeUse.TASKS
            yield use, _Span(event.started_at, event.time)
        elif event.kind is EventKind.STEP_FINISHED and step in begun:
            yield TimeUse.CHECKS if own else TimeUse.BETWEEN_TASKS, _Span(begun.pop(step), event.time)
    for step, since in begun.items():  # they have not ended
        yield TimeUse.CHECKS if _is_own(step, steps) else TimeUse.BETWEEN_TASKS, _Span(since, events[-1].time)
    yield from ((TimeUse.APPROVAL, _Span(since, events[-1].time)) for since in waits.values())


def _time_used(spans: Sequence[tuple[TimeUse, _Span]], whole: _Span) -> dict[TimeUse, float]:
    """Return the seconds of *whole* by use; a moment counts for the first use, in the order of `TimeUse`, that it has."""
    changes = sorted(
        (max(whole.start, min(moment, whole.end)), step, use)
        for use, span in spans
        for moment, step in ((span.start, 1), (span.end, -1))
    )
    used = dict.fromkeys(TimeUse, 0.0)
    active: Counter[TimeUse] = Counter()
    before = whole.start
    for moment, step, use in [*changes, (whole.end, 0, TimeUse.INSTALLKIT)]:
        current = next((each for each in TimeUse if active[each]), TimeUse.INSTALLKIT)
        used[current] += (moment - before).total_seconds()
        active[use] += step
        before = moment
    return used


def _task_costs(events: Iterable[Event], steps: Mapping[str, Step]) -> Iterator[TaskCost]:
    results: dict[tuple[str, str, str], list[Event]] = {}
    items: Counter[tuple[str, str, str, str]] = Counter()
    for event in events:
        key = (event.step or "", event.play or "", event.task or "")
        if _is_own(event.step, steps):
            continue
        if event.kind is EventKind.ITEM_RESULT:
            items[*key, event.host or ""] += 1
        elif event.kind is EventKind.TASK_RESULT and event.duration is not None:
            results.setdefault(key, []).append(event)
    for (step, play, task), done in results.items():
        slowest = max(done, key=lambda event: event.duration or 0.0)
        hosts = {event.host or "" for event in done}
        yield TaskCost(
            step=step,
            component=steps[step].component if step in steps else "",
            task=task,
            module=slowest.module,
            hosts=len(hosts),
            duration=_covered(_Span(event.started_at, event.time) for event in done),
            slowest_host=slowest.host or "",
            longest=slowest.duration or 0.0,
            items=max(items[step, play, task, host] for host in hosts),
        )


def _host_costs(events: Iterable[Event]) -> Iterator[HostCost]:
    """Yield the hosts; a task of one name that is carried out again, as in a later play, is another one."""
    rounds: Counter[tuple[str, str]] = Counter()
    ends: dict[tuple[str, str, int], list[Event]] = {}
    busy: dict[str, float] = defaultdict(float)
    for event in events:
        name = (event.step or "", event.task or "")
        if event.kind is EventKind.TASK_STARTED:
            rounds[name] += 1
        elif event.kind is EventKind.TASK_RESULT and event.host and event.duration is not None:
            ends.setdefault((*name, rounds[name]), []).append(event)
            busy[event.host] += event.duration
    waited_for: dict[str, float] = defaultdict(float)
    for results in ends.values():
        if len(results) > 1:
            *_, second, last = sorted(results, key=lambda event: event.time)
            alone = (last.time - max(second.time, last.started_at)).total_seconds()
            waited_for[last.host or ""] += max(0.0, alone)
    yield from (HostCost(host=host, busy=seconds, waited_for=waited_for[host]) for host, seconds in busy.items())


def _advice(
    used: Mapping[TimeUse, float],
    tasks: Sequence[TaskCost],
    hosts: Sequence[HostCost],
    steps: Mapping[str, Step],
    whole: float,
) -> Iterator[str]:
    """Yield what would make the run faster."""
    least = max(WORTH, whole * WORTH_SHARE)
    if used[TimeUse.FACTS] > least:
        yield (
            f"facts took {duration_text(used[TimeUse.FACTS])}: a play that uses none needs `gather_facts: false`, and one"
            " that uses few gathers less with `gather_subset`"
        )
    for task in tasks:
        if task.items > 1 and _short(task.module) in PACKAGES and task.duration > least:
            yield (
                f"{task.task!r} of {task.component} installs {task.items} packages one by one in"
                f" {duration_text(task.duration)}: give the list to `name`, without a loop"
            )
        elif task.items > 1 and task.duration > least:
            yield (
                f"{task.task!r} of {task.component} does {task.items} items one by one in {duration_text(task.duration)}:"
                " one task for all of them connects to a host once"
            )
    for host in hosts:
        if host.waited_for > least:
            yield f"the other hosts waited {duration_text(host.waited_for)} for {host.host}: see what makes it slower"
    batches = [step for step in steps.values() if step.batch is not None]
    if len(batches) > 1 and used[TimeUse.ANSIBLE_START] > least:
        names = join_names(list(dict.fromkeys(step.component for step in batches)))
        yield (
            f"{len(batches)} batches of {names} each start Ansible, which took"
            f" {duration_text(used[TimeUse.ANSIBLE_START])} in all: larger batches (`batch`) start it less often"
        )
    if used[TimeUse.CHECKS] > least:
        yield (
            f"installkit's checks took {duration_text(used[TimeUse.CHECKS])}: `installkit check` makes them beforehand,"
            " and `apply --checked RUN` takes them if they are less than 10 minutes old"
        )
    if used[TimeUse.APPROVAL] > least:
        yield f"{duration_text(used[TimeUse.APPROVAL])} went by until somebody approved: a webhook tells when it is due"


def _covered(spans: Iterable[_Span]) -> float:
    """Return the seconds that at least one of *spans* covers."""
    seconds, until = 0.0, None
    for span in sorted(spans, key=lambda each: each.start):
        start = span.start if until is None else max(span.start, until)
        seconds += max(0.0, (span.end - start).total_seconds())
        until = span.end if until is None else max(until, span.end)
    return seconds


def _is_own(step: str | None, steps: Mapping[str, Step]) -> bool:
    """Return whether the step with the id *step* is one of installkit's own checks."""
    known = steps.get(step or "")
    return known is not None and known.component == OWN_CHECKS


def _short(module: str | None) -> str:
    """Return the name of *module* without its collection."""
    return (module or "").rpartition(".")[2]
