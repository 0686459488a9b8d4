"""Batches of hosts, cut as Ansible's `serial` cuts them."""

import re
from collections.abc import Sequence

from installkit.errors import PlanningError

_SIZE = re.compile(r"[1-9][0-9]{0,5}|(?:100|[1-9][0-9]?)%")


def check_batch(sizes: Sequence[int | str]) -> None:
    """
    Refuse *sizes* that Ansible's `serial` does not accept, or takes to mean all hosts.

    Raises:
        PlanningError: If one is neither a count from 1 nor a percentage from 1% to 100%.
    """
    wrong = [size for size in sizes if isinstance(size, bool) or not _SIZE.fullmatch(str(size))]
    if wrong:
        raise PlanningError(
            f"batch has {', '.join(repr(size) for size in wrong)}",
            remedy="give counts from 1 or percentages from 1% to 100%, as 1 or 25%",
        )


def cut_batches(hosts: Sequence[str], sizes: Sequence[int | str]) -> list[tuple[str, ...]]:
    """
    Return *hosts* in batches of *sizes*, the last size repeated; all in one batch without sizes.

    A percentage is of all hosts, rounded down, but at least one host.

    >>> cut_batches(["a", "b", "c", "d"], [1, "50%"])
    [('a',), ('b', 'c'), ('d',)]
    """
    batches: list[tuple[str, ...]] = []
    counts = [
        max(int(text[:-1]) * len(hosts) // 100, 1) if text.endswith("%") else int(text) for text in map(str, sizes)
    ] or [len(hosts)]
    start = 0
    while start < len(hosts):
        count = counts[min(len(batches), len(counts) - 1)]
        batches.append(tuple(hosts[start : start + count]))
        start += count
    return batches
