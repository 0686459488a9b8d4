"""The hosts that a pattern means: names, groups, `all`, globs, and these joined by `,` or `:`, with `!` and `&`."""

import fnmatch
import re

from installkit.errors import PlanningError
from installkit.model import Inventory

LOCAL = ("localhost", "127.0.0.1", "::1")
"""Names that mean this machine, also where no inventory has them."""

_UNKNOWN = re.compile(r"^[!&]?~|[\[\]{}]|^[!&]?@")


def match_hosts(pattern: str, inventory: Inventory) -> tuple[str, ...]:
    """
    Return the hosts of *inventory* that *pattern* means, in its order.

    Raises:
        PlanningError: If it has something that only Ansible knows: a regular expression, a slice, a template.
    """
    names = inventory.names
    parts = [pattern] if pattern in {*names, *LOCAL} else [part.strip() for part in re.split(r"[,:]", pattern)]
    parts = [part for part in parts if part]
    if not parts or any(_UNKNOWN.search(part) for part in parts):
        raise PlanningError(
            f"FakeAnsible cannot tell which hosts {pattern!r} means",
            remedy="write it with names of hosts and groups, all, *, ! and &; or try this part with Ansible itself",
        )
    chosen = {host for part in parts if part[0] not in "!&" for host in _matching(part, inventory)}
    if all(part[0] in "!&" for part in parts):
        chosen = set(names)
    for part in parts:
        if part[0] == "&":
            chosen &= _matching(part[1:], inventory)
    for part in parts:
        if part[0] == "!":
            chosen -= _matching(part[1:], inventory)
    return (*(name for name in names if name in chosen), *sorted(chosen - set(names)))


def _matching(part: str, inventory: Inventory) -> set[str]:
    if part == "all":
        return set(inventory.names)
    if part == "ungrouped":
        return {host.name for host in inventory.hosts if not host.groups}
    found = {
        host.name
        for host in inventory.hosts
        if fnmatch.fnmatchcase(host.name, part) or any(fnmatch.fnmatchcase(group, part) for group in host.groups)
    }
    return found or ({part} if part in LOCAL else set())
