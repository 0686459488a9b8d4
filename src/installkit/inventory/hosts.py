"""The hosts of an inventory."""

import ipaddress
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from installkit.ansible.answers import Memory, question_key
from installkit.ansible.ask import NO_PASSWORDS, Answer, Asking, ask
from installkit.ansible.listing import unread_issue
from installkit.ansible.sources import Sources, find_sources
from installkit.errors import DefinitionError, EngineError, Issue
from installkit.model import Host, Inventory

_Groups = Mapping[str, Mapping[str, Sequence[str]]]
"""By group name: its `hosts` and its `children`."""

_HOST = re.compile(r"\w[\w.:@%+-]{0,252}")
_BAD_HOST = "that an option or a host pattern could be taken for: letters, digits and . _ - @ % + only, no '-' first"
_BAD_GROUP = "that begins with '-' or holds control characters"
_PLAIN_GROUPS = frozenset({"all", "ungrouped"})
_UNREAD = re.compile(r"Completely failed to parse inventory source (?P<path>/.*)")
_NO_VARIABLES: Mapping[str, str] = {"ANSIBLE_VARS_ENABLED": ""}
"""No group_vars or host_vars: hosts and groups do not depend on them, and listing would print what is vaulted there."""


def read_inventory(
    sources: Sequence[Path],
    *,
    folder: Path | None = None,
    asking: Asking | None = None,
    vault: Mapping[str, str] = NO_PASSWORDS,
) -> Inventory:
    """
    Return the hosts and groups that `ansible-inventory` reads from *sources*, and not one variable of theirs.

    Args:
        sources: Files or folders: INI, YAML, scripts, plugin configurations.
        folder: Whose ansible.cfg is in force; the first source's folder if None.
        asking: How Ansible is asked; None remembers nothing.
        vault: Vault passwords by label.

    Raises:
        PlanningError: If a source is in a vault that none of the passwords opens.
        DefinitionError: If a source is missing or wrong, if there is no host, or if a host's name cannot be used.
        EngineError: If Ansible cannot be asked, or does not answer in time.
    """
    found = find_sources(sources)
    where = folder or found.paths[0].parent
    asking = asking or Asking()
    memory = Memory(
        asking,
        found.static,
        lambda: question_key("ansible-inventory", [where], find_sources(sources), vaults=sorted(vault)),
    )
    said = memory.recall()
    if said is None:
        said = _said(_listing(found, where, asking, vault))
        memory.remember(said)
    hosts = tuple(_hosts(said["groups"]))
    _check(hosts, said["groups"], said["warnings"], found)
    return Inventory(
        sources=found.paths,
        hosts=hosts,
        groups=_ordered(said["groups"]),
        files=found.files,
        static=found.static,
        warnings=tuple(said["warnings"]),
    )


def _listing(sources: Sources, folder: Path, asking: Asking, vault: Mapping[str, str]) -> Answer:
    arguments = [*sources.options, "--list"]
    answer = ask("ansible-inventory", arguments, folder=folder, asking=asking, settings=_NO_VARIABLES, vault=vault)
    if answer.status == 0:
        return answer
    unread = [found["path"] for message in answer.messages if (found := _UNREAD.search(message.text))]
    if not unread:
        raise EngineError(f"ansible-inventory failed: {answer.error}")
    raise DefinitionError(
        [unread_issue(path, answer.warnings) for path in unread],
        remedy=f"correct it, and look at it with: ansible-inventory -i {unread[0]} --list",
    )


def _said(answer: Answer) -> dict[str, Any]:
    """Return the groups with their hosts and children, and Ansible's warnings; every variable is dropped here."""
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


def _hosts(groups: _Groups) -> Iterator[Host]:
    members: dict[str, set[str]] = defaultdict(set)
    for name in groups.keys() - _PLAIN_GROUPS:
        for group in _with_children(name, groups):
            for host in groups.get(group, {}).get("hosts", ()):
                members[host].add(name)
    order = dict.fromkeys(
        host for group in _with_children("all", groups) for host in groups.get(group, {}).get("hosts", ())
    )
    yield from (Host(name=host, groups=tuple(sorted(members[host]))) for host in order)


def _ordered(groups: _Groups) -> tuple[str, ...]:
    """
    Return the groups as Ansible orders them for their values: by their longest way from `all`, then by name.

    Source: ansible's inventory/group.py (`depth`) and inventory/helpers.py (`sort_groups`).
    """
    depths = {"all": 0}
    level = ["all"]
    while level:
        level = list(dict.fromkeys(child for group in level for child in groups.get(group, {}).get("children", ())))
        depths |= dict.fromkeys(level, max(depths.values()) + 1)
    return tuple(sorted(depths.keys() - {"ungrouped"}, key=lambda name: (depths[name], name)))


def _with_children(name: str, groups: _Groups) -> Iterable[str]:
    """Return *name* and all groups below it, level by level, as Ansible orders the hosts of a group."""
    found = {name: None}
    level = [name]
    while level:
        level = [child for group in level for child in groups.get(group, {}).get("children", ()) if child not in found]
        found |= dict.fromkeys(level)
    return found


def _check(hosts: Sequence[Host], groups: _Groups, warnings: Sequence[str], sources: Sources) -> None:
    if not hosts:
        path = ", ".join(str(source) for source in sources.paths)
        raise DefinitionError(
            [Issue(path, "the inventory has no host"), *(Issue(path, warning) for warning in warnings)],
            remedy="add hosts to it, and look at it with: ansible-inventory -i SOURCE --graph",
        )
    issues = [_issue(host.name, f"host {host.name!r} has a name {_BAD_HOST}", sources) for host in hosts if _bad(host)]
    odd = [name for name in groups if name.startswith("-") or not name.isprintable()]
    issues += [_issue(name, f"group {name!r} has a name {_BAD_GROUP}", sources) for name in odd]
    if issues:
        raise DefinitionError(issues, remedy="rename it, and give its address as ansible_host")


def _bad(host: Host) -> bool:
    return not _HOST.fullmatch(host.name) or (":" in host.name and not _is_ipv6(host.name))


def _is_ipv6(name: str) -> bool:
    try:
        ipaddress.IPv6Address(name)
    except ValueError:
        return False
    return True


def _issue(name: str, message: str, sources: Sources) -> Issue:
    """Return the issue at the first line of a source that holds *name*; a host range holds its hosts' names nowhere."""
    for source in sources.own:
        lines = Path(source).read_text(errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
            if sources.static and name in line:
                return Issue(source, message, number, line.index(name) + 1)
    return Issue(", ".join(str(path) for path in sources.paths), message)
