from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from installkit.model.statuses import Action


@attrs.frozen(kw_only=True)
class Host:
    """
    A host of a site.

    Attributes:
        groups: In alphabetical order, without `all` and `ungrouped`.
        vars: Its own variables, if the store holds the inventory; else empty.
    """

    name: str
    groups: tuple[str, ...] = ()
    vars: Mapping[str, Any] = attrs.field(factory=dict, repr=False)


@attrs.frozen(kw_only=True)
class Inventory:
    """
    The hosts and groups of a site, as `ansible-inventory` lists them; without variables of hosts.

    Attributes:
        sources: Absolute paths, in the order given to Ansible.
        hosts: In the inventory's order.
        groups: All groups except `ungrouped`, in the order of precedence of their values in Ansible, the lowest first:
            parents before their children, else by name. `ansible_group_priority` of a group is ignored.
        files: Digests (sha256, hex) of all files of the sources and of the vars folders beside them, by absolute path.
        static: Whether Ansible's answer depends on the files alone; False with a script or an inventory plugin.
        warnings: Ansible's warnings about the sources, a line each.
    """

    sources: tuple[Path, ...]
    hosts: tuple[Host, ...]
    groups: tuple[str, ...] = ()
    files: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    static: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The host names, in the inventory's order."""
        return tuple(host.name for host in self.hosts)


@attrs.frozen
class Play:
    """
    One play of a playbook and the hosts that it covers, as `ansible-playbook --list-hosts` lists them.

    Attributes:
        name: Empty if the play has none.
        hosts: In the inventory's order.
        templated: Whether the pattern is a template, so that values decide which hosts these are.
    """

    name: str
    pattern: str
    hosts: tuple[str, ...]
    templated: bool = False


@attrs.frozen
class PlaybookUse:
    """
    A playbook, as one action of a component carries it out.

    Attributes:
        playbook: Absolute path.
        component: The component's name.
        variables: The extra variables that it gets. They are plain values, not templates, and never secrets.
    """

    playbook: Path
    component: str = ""
    action: Action = Action.INSTALL
    variables: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def key(self) -> str:
        """The key of the answer in `Targets`, if the answer is not the same for all uses of the playbook."""
        return f"{self.playbook} {self.component}.{self.action.value}"


@attrs.frozen(kw_only=True)
class Targets:
    """
    The hosts that playbooks and patterns mean in one inventory, as Ansible answers.

    Attributes:
        plays: By absolute path of the playbook; by the `PlaybookUse.key` of each use if the uses differ.
        patterns: Hosts by pattern, for every pattern that was asked.
        problems: Ansible's messages about playbooks that it cannot read, by the same keys; these have no plays.
    """

    plays: Mapping[str, tuple[Play, ...]] = attrs.field(factory=dict)
    patterns: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    problems: Mapping[str, str] = attrs.field(factory=dict)

    def plays_of(self, use: PlaybookUse) -> tuple[Play, ...]:
        """Return the plays of *use*; none if Ansible cannot read the playbook, or was not asked."""
        return self.plays.get(use.key) or self.plays.get(str(use.playbook), ())

    def problem_of(self, use: PlaybookUse) -> str | None:
        """Return Ansible's message about the playbook of *use* if it cannot read it, else None."""
        return self.problems.get(use.key) or self.problems.get(str(use.playbook))

    def hosts_of(self, use: PlaybookUse) -> tuple[str, ...]:
        """Return all hosts of the plays of *use*, without repetition, in the order in which the plays name them."""
        return tuple(dict.fromkeys(host for play in self.plays_of(use) for host in play.hosts))
