"""What a run's state, plan and events say: pure, the same for a run here and for one of a service."""

import functools
from collections.abc import Callable, Collection, Iterable, Sequence

from installkit.errors import InstallkitError, Remedy, StoreError, UnknownNameError
from installkit.model import (
    Check,
    Event,
    EventFilter,
    EventKind,
    EventStatus,
    FailureCode,
    RunSnapshot,
    RunStatus,
    Stats,
    Step,
    group_checks,
    known_words,
    refuse_unknown_filters,
    words_of,
)
from installkit.runs.errors import EndedRun, RunError, RunFailedError, RunStoppedError

MESSAGE_LINES = 3
"""At most so many lines of a failure's message are in an exception."""


def find_steps(run: str, steps: Sequence[Step], step: str) -> tuple[str, ...]:
    """
    Return the ids of those *steps* that *step* means: the id of one step, or a component's name for its changing steps.

    Raises:
        UnknownNameError: If *run* has no such step.
    """
    if any(planned.id == step for planned in steps):
        return (step,)
    of_component = [planned for planned in steps if planned.component == step]
    changing = [planned for planned in of_component if not planned.action.read_only]
    if not of_component:
        names = ", ".join(planned.id for planned in steps) or "none"
        raise UnknownNameError(f"run {run} has no step {step!r}", remedy=f"choose one of: {names}")
    return tuple(planned.id for planned in changing or of_component)


def event_filter(
    wanted: EventFilter, *, find: Callable[[str], tuple[str, ...]], check_host: Callable[[str], None]
) -> Callable[[Event], bool]:
    """
    Return a function that tells whether an event of a run is among those *wanted*.

    Args:
        wanted: As for `Run.events`.
        find: Returns the steps of the run that a name means.
        check_host: Raises an `UnknownNameError` for a host that the run does not have.

    Raises:
        UnknownNameError: If a filter has a word that the run cannot have; it lists the words.
    """
    refuse_unknown_filters(wanted, EventFilter)
    accepted = {
        "kind": known_words("kind of event", wanted.get("kind"), EventKind),
        "status": known_words("status", wanted.get("status"), EventStatus),
        "step": tuple(step for name in words_of(wanted.get("step")) for step in find(name)),
        "host": words_of(wanted.get("host")),
    }
    for host in accepted["host"]:
        check_host(host)
    filters = [(name, frozenset(words)) for name, words in accepted.items() if words]
    return lambda event: all(getattr(event, name) in words for name, words in filters)


def check_host(run: str, steps: Iterable[Step], host: str, events: Callable[[], Iterable[Event]]) -> None:
    """
    Raise an `UnknownNameError` if *host* is not of *run*.

    Args:
        run: Its id.
        steps: Those of its plan.
        host: A name.
        events: Returns its events: a playbook may have added the host, then they name it.
    """
    hosts = sorted({name for step in steps for name in step.hosts})
    if host not in hosts and all(event.host != host for event in events()):
        names = ", ".join(hosts) or "none"
        raise UnknownNameError(f"run {run} has no host {host!r}", remedy=f"choose one of: {names}")


def stats_of(now: RunSnapshot, steps: Collection[str]) -> Stats:
    """Return what the playbooks of *steps* set with `set_stats`; the later ones win."""
    return functools.reduce(Stats.updated, (each.stats for each in now.steps if each.id in steps), Stats())


def checks_of(now: RunSnapshot) -> tuple[Check, ...]:
    """Return the results of all checks of *now*: one for each check and message, with the hosts."""
    return group_checks(check for step in now.steps for check in step.checks)


def warnings_in(events: Iterable[Event]) -> tuple[str, ...]:
    """Return the warnings among *events* without duplicates; Ansible's own warnings are in its logs."""
    messages = (event.message for event in events if event.kind is EventKind.WARNING and event.log is None)
    return tuple(dict.fromkeys(message for message in messages if message))


def error_of(now: RunSnapshot, run: EndedRun) -> RunError | None:
    """Return the error for *run*, whose state is *now*; None if it succeeded, or has not ended yet."""
    if not now.status.final or now.status is RunStatus.SUCCEEDED:
        return None
    texts = []
    for failure in now.failures:
        # If no task failed, only the message says what is wrong.
        message = "" if failure.task else "; ".join(failure.message.strip().splitlines()[:MESSAGE_LINES])
        texts.append(f"{failure.summary}: {message}" if message else failure.summary)
    what = "; ".join(texts) or now.reason or "no reason is known"
    kind = RunFailedError if now.status is RunStatus.FAILED else RunStoppedError
    remedies = [failure.remedy for failure in now.failures if failure.remedy and not failure.task][:1]
    remedy = Remedy("; ".join([*remedies, "see all of it"]), ("show", now.id))
    return kind(f"run {now.id} {now.status.value}: {what}", run, remedy=remedy)


def failed_otherwise(now: RunSnapshot) -> bool:
    """Return whether a run that only checks, and has ended with *now*, failed by something else than its checks."""
    return not now.failures or any(failure.code is not FailureCode.CHECK_FAILED for failure in now.failures)


def not_ended(run: str, timeout: float | None) -> TimeoutError:
    """Return the error for *run*, which has not ended within *timeout* seconds."""
    return TimeoutError(f"run {run} has not ended within {timeout} s")


def pruned_error(run: str) -> StoreError:
    """Return the error for the events and logs of *run*, which are gone."""
    return StoreError(
        f"the events and logs of run {run} were pruned; how it ended is kept",
        remedy=Remedy("see how it ended", ("show", run)),
    )


def check_other(run: str, other: str) -> None:
    """Raise an `InstallkitError` if *run* would be compared with itself."""
    if run == other:
        raise InstallkitError(
            f"run {run} would be compared with itself",
            remedy="choose another one: run.earlier() finds those before it",
        )
