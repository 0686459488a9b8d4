"""
The failures of a run, grouped by cause: three hosts that are down in four steps are one failure.

Two failures have the same cause if they have the same code, the same task and the same message from Ansible. Before
messages are compared, the parts that differ between hosts and attempts are replaced: the host's own names and
addresses, ports, temporary names, durations, numbers. A host that cannot be reached is the same failure in every task:

    c1, Gathering Facts, web1: connect to host 10.0.0.1 port 22: Connection refused
    c2, Gathering Facts, web2: connect to host 10.0.0.2 port 22: Connection refused

A group is shown as its first failure, with the hosts and steps of all. Groups may be grouped again with more failures:
the result is the same as if all were grouped at once.
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
    Return one failure for each cause among *failures*, in the order in which the causes appear.

    It is the first one with this cause, with the hosts and steps of all; its summary names as many as fit in a line.
    """
    groups: dict[tuple[object, ...], Failure] = {}
    for failure in failures:
        check = _CHECK.match(failure.summary) if failure.code is FailureCode.CHECK_FAILED else None
        task = None if failure.code is FailureCode.HOST_UNREACHABLE else failure.task
        cause = (failure.code, check[1] if check else task, cause_of(failure.message, failure.hosts))
        steps = failure.steps or (() if failure.step is None else (failure.step,))
        if cause not in groups:
            groups[cause] = attrs.evolve(failure, steps=steps)
            continue
        first = groups[cause]
        steps = tuple(dict.fromkeys((*first.steps, *steps)))
        hosts = tuple(dict.fromkeys((*first.hosts, *failure.hosts)))
        if (steps, hosts) != (first.steps, first.hosts):
            joined = attrs.evolve(first, steps=steps, hosts=hosts)
            groups[cause] = attrs.evolve(joined, summary=_summary(joined))
    return tuple(groups.values())


def on_hosts(hosts: Sequence[str]) -> str:
    """Return the place of a failure, as ` on db1, db2 and 7 more`; empty without hosts."""
    return f" on {_some(hosts, _MOST_HOSTS)}" if hosts else ""


def _summary(failure: Failure) -> str:
    """Return the summary of a group: what is wrong, on which hosts, and in which steps."""
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
