"""The hosts of an inventory."""

import ipaddress
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from installkit.ansible.answers import Memory, question_key
from installkit.ansible.ask import NO_PASSWORDS, Asking, ask
from installkit.ansible.listing import unread_issue
from installkit.ansible.sources import Sources, find_sources
from installkit.errors import DefinitionError, EngineError, Issue
from installkit.model import Host, Inventory

_Groups = Mapping[str, Mapping[str, Sequence[str]]]
"""The `hosts` and `children` of each group, by its name."""

_HOST = re.compile(r"\w[\w.:@%+-]{0,252}")
_BAD_HOST = "that an option or a host pattern could be taken for: letters, digits and . _ - @ % + only, no '-' first"
_BAD_GROUP = "that begins with '-' or holds control characters"
_PLAIN_GROUPS = frozenset({"all", "ungrouped"})
_UNREAD = re.compile(r"Completely failed to parse inventory source (?P<path>/.*)")
_NO_VARIABLES: Mapping[str, str] = {"ANSIBLE_VARS_ENABLED": ""}
"""No group_vars or host_vars: hosts and groups do not depend on them, and the listing would print their secrets."""


def read_inventory(
    sources: Sequence[Path],
    *,
    folder: Path | None = None,
    asking: Asking | None = None,
    vault: Mapping[str, str] = NO_PASSWORDS,
) -> Inventory:
    """
    Return the hosts and groups that `ansible-inventory` reads from *sources*, without their variables.

    Args:
        sources: Files or folders: INI, YAML, scripts, plugin configurations.
        folder: The folder of the ansible.cfg to use; the first source's folder if None.
        asking: How Ansible is asked; None remembers nothing.
        vault: Vault passwords by label.

    Raises:
        PlanningError: If a source is in a vault that none of the passwords opens.
        DefinitionError: If a source is missing or wrong, if there is no host, or if a name cannot be used.
        EngineError: If Ansible cannot be asked, or does not answer in time.
    """
    source_set = find_sources(sources)
    where = folder or source_set.paths[0].parent
    asking = asking or Asking()
    memory = Memory(
        asking,
        source_set.static,
        lambda: question_key("ansible-inventory", [where], find_sources(sources), vaults=sorted(vault)),
    )
    listing = memory.recall()
    if listing is None:
        listing = _list(source_set, where, asking, vault)
        memory.remember(listing)
    return make_inventory(source_set, listing["groups"], listing["warnings"])


def make_inventory(sources: Sources, groups: _Groups, warnings: Sequence[str] = ()) -> Inventory:
    """
    Return the inventory of *groups*.

    Args:
        sources: What they were read from.
        groups: As `ansible-inventory --list` has them: the `hosts` and `children` of each group, by its name.
        warnings: Ansible's.

    Raises:
        DefinitionError: If there is no host, or if a name cannot be used.
    """
    members: dict[str, set[str]] = defaultdict(set)
    for name in groups.keys() - _PLAIN_GROUPS:
        for host in _hosts_below(name, groups):
            members[host].add(name)
    order = dict.fromkeys(_hosts_below("all", groups))
    hosts = tuple(Host(name=host, groups=tuple(sorted(members[host]))) for host in order)
    _check(hosts, groups, warnings, sources)
    return Inventory(
        sources=sources.paths,
        hosts=hosts,
        groups=_ordered(groups),
        files=sources.files,
        static=sources.static,
        warnings=tuple(warnings),
    )


def _list(sources: Sources, folder: Path, asking: Asking, vault: Mapping[str, str]) -> dict[str, Any]:
    """Return the groups with their hosts and children, and Ansible's warnings, but no variables."""
    arguments = [*sources.options, "--list"]
    answer = ask("ansible-inventory", arguments, folder=folder, asking=asking, settings=_NO_VARIABLES, vault=vault)
    if answer.status != 0:
        matches = [match for message in answer.messages if (match := _UNREAD.search(message.text))]
        if not matches:
            raise EngineError(f"ansible-inventory failed: {answer.error}")
        raise DefinitionError(
            [unread_issue(match["path"], answer.warnings) for match in matches],
            remedy=f"correct it, and look at it with: ansible-inventory -i {matches[0]['path']} --list",
        )
    try:
        listing = json.loads(answer.output)
    except ValueError as exc:
        raise EngineError("ansible-inventory answered with something that is not JSON") from exc
    groups = {
        name: {part: group.get(part, []) for part in ("hosts", "children")}
        for name, group in listing.items()
        if name != "_meta"
    }
    return {"groups": groups, "warnings": [str(message) for message in answer.warnings]}


def _ordered(groups: _Groups) -> tuple[str, ...]:
    """
    Return the groups in the order in which Ansible applies their values: by their longest path from `all`, then by name.

    Source: ansible's inventory/group.py (`depth`) and inventory/helpers.py (`sort_groups`).
    """
    depths = {"all": 0}
    level = ["all"]
    while level:
        level = list(dict.fromkeys(child for group in level for child in groups.get(group, {}).get("children", ())))
        depths |= dict.fromkeys(level, max(depths.values()) + 1)
    return tuple(sorted(depths.keys() - {"ungrouped"}, key=lambda name: (depths[name], name)))


def _hosts_below(name: str, groups: _Groups) -> Iterator[str]:
    """Yield the hosts of *name* and of all groups below it, level by level, in Ansible's order; some more than once."""
    below = {name: None}
    level = [name]
    while level:
        level = [child for group in level for child in groups.get(group, {}).get("children", ()) if child not in below]
        below |= dict.fromkeys(level)
    for group in below:
        yield from groups.get(group, {}).get("hosts", ())


def _check(hosts: Sequence[Host], groups: _Groups, warnings: Sequence[str], sources: Sources) -> None:
    if not hosts:
        path = ", ".join(str(source) for source in sources.paths)
        raise DefinitionError(
            [Issue(path, "the inventory has no host"), *(Issue(path, warning) for warning in warnings)],
            remedy="add hosts to it, and look at it with: ansible-inventory -i SOURCE --graph",
        )
    names = [host.name for host in hosts]
    bad_hosts = [name for name in names if not _HOST.fullmatch(name) or (":" in name and not _is_ipv6(name))]
    bad_groups = [name for name in groups if name.startswith("-") or not name.isprintable()]
    issues = [_issue(name, f"host {name!r} has a name {_BAD_HOST}", sources) for name in bad_hosts]
    issues += [_issue(name, f"group {name!r} has a name {_BAD_GROUP}", sources) for name in bad_groups]
    if issues:
        raise DefinitionError(issues, remedy="rename it, and give its address as ansible_host")


def _is_ipv6(name: str) -> bool:
    try:
        ipaddress.IPv6Address(name)
    except ValueError:
        return False
    return True


def _issue(name: str, message: str, sources: Sources) -> Issue:
    """Return the issue at the first line of a source that contains *name*, or without a line, as for a host range."""
    for source in sources.own:
        lines = Path(source).read_text(errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
            if sources.static and name in line:
                return Issue(source, message, number, line.index(name) + 1)
    return Issue(", ".join(str(path) for path in sources.paths), message)
