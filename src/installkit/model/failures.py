"""
What went wrong in a run, by its cause: three hosts that are down in four steps are one failure.

Two failures have one cause where they are of one kind, at the same task, and Ansible said the same of them. Compared is
what it said without what differs from host to host and from try to try: the host's own names and addresses, ports,
temporary names, durations, numbers. A host that cannot be reached is the same wherever it was tried:

    c1, Gathering Facts, web1: connect to host 10.0.0.1 port 22: Connection refused
    c2, Gathering Facts, web2: connect to host 10.0.0.2 port 22: Connection refused

What is shown is the first of them, with all hosts and steps. Grouping what is grouped already, and more, comes to the same.
"""

import re
from collections.abc import Iterable, Sequence

import attrs

from installkit.model.causes import cause_of
from installkit.model.run import Failure
from installkit.model.statuses import FailureCode
from installkit.text import counted

_MOST_HOSTS = 5
_MOST_STEPS = 3
_CHECK = re.compile(r"check (\S+) failed")


def group_failures(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    """
    Return *failures* with one for each cause, in the order of their first.

    It is the first of its group, with the hosts and steps of all; its summary names them all, as far as a line holds them.
    """
    groups: dict[tuple[object, ...], Failure] = {}
    for failure in failures:
        key = _cause(failure)
        groups[key] = _joined(groups[key], failure) if key in groups else _with_steps(failure)
    return tuple(groups.values())


def on_hosts(hosts: Sequence[str]) -> str:
    """Return where something was, as ` on db1, db2 and 7 more`; empty for no host."""
    return f" on {_some(hosts, _MOST_HOSTS)}" if hosts else ""


def _cause(failure: Failure) -> tuple[object, ...]:
    unreachable = failure.code is FailureCode.HOST_UNREACHABLE
    check = _CHECK.match(failure.summary) if failure.code is FailureCode.CHECK_FAILED else None
    task = check[1] if check else None if unreachable else failure.task
    return (failure.code, task, cause_of(failure.message, failure.hosts))


def _with_steps(failure: Failure) -> Failure:
    steps = failure.steps or (() if failure.step is None else (failure.step,))
    return attrs.evolve(failure, steps=steps)


def _joined(first: Failure, other: Failure) -> Failure:
    steps = tuple(dict.fromkeys((*first.steps, *_with_steps(other).steps)))
    hosts = tuple(dict.fromkeys((*first.hosts, *other.hosts)))
    joined = attrs.evolve(first, steps=steps, hosts=hosts)
    if joined == first:
        return first
    return attrs.evolve(joined, summary=_summary(joined))


def _summary(failure: Failure) -> str:
    """Return the line for a group: what is wrong, where, and in which steps."""
    check = _CHECK.match(failure.summary) if failure.code is FailureCode.CHECK_FAILED else None
    place = f" ({failure.location})" if failure.location and len(failure.steps) == 1 else ""
    if check:
        what = f"check {check[1]} failed{on_hosts(failure.hosts)}"
    elif failure.code is FailureCode.HOST_UNREACHABLE:
        what = f"could not reach {_some(failure.hosts, _MOST_HOSTS)}{place}"
    elif failure.task:
        what = f"task {failure.task!r} failed{on_hosts(failure.hosts)}{place}"
    else:
        what = f"{failure.code.value.replace('_', ' ')}{on_hosts(failure.hosts)}"
    many = len(failure.steps) > 1
    where = f" in {counted(len(failure.steps), 'step')}: {_some(failure.steps, _MOST_STEPS)}" if many else ""
    if check:
        return f"{what}{where}: {failure.message.partition(chr(10))[0]}"
    return f"{what}{where}" if many else f"{failure.summary.partition(': ')[0]}: {what}"


def _some(names: Sequence[str], most: int) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
