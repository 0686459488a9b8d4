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
        vars: Its own variables, where the store holds the inventory; else empty.
    """

    name: str
    groups: tuple[str, ...] = ()
    vars: Mapping[str, Any] = attrs.field(factory=dict, repr=False)


@attrs.frozen(kw_only=True)
class Inventory:
    """
    What `ansible-inventory` said of a site's hosts; never a host variable.

    Attributes:
        sources: Absolute paths, in the order given to Ansible.
        hosts: In the inventory's order.
        groups: Every group but `ungrouped`, in the order in which Ansible lets their values win, the lowest first:
            parents before their children, else by name. A group's `ansible_group_priority` is not known.
        files: Digest (sha256, hex) by absolute path, of every file of the sources and the vars folders beside them.
        static: Whether the files alone decide what Ansible answers; False with a script or an inventory plugin.
        warnings: What Ansible warned of as it read them, a line each.
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
    One play of a playbook and the hosts that it covers, as `ansible-playbook --list-hosts` says.

    Attributes:
        name: Empty where the play has none.
        hosts: In the inventory's order.
        templated: Whether values decide which they are: the pattern is made by a template.
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
        component: Its name.
        variables: The extra variables that it gets, as values: no text of theirs is a template. Never a secret.
    """

    playbook: Path
    component: str = ""
    action: Action = Action.INSTALL
    variables: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def key(self) -> str:
        """Where `Targets` has the answer, if it is not the same for all uses of the playbook."""
        return f"{self.playbook} {self.component}.{self.action.value}"


@attrs.frozen(kw_only=True)
class Targets:
    """
    The hosts that playbooks and patterns mean on one inventory, as Ansible itself says.

    Attributes:
        plays: By absolute playbook path; by the `PlaybookUse.key` of each use where they differ from use to use.
        patterns: Hosts by pattern, for every pattern that was asked.
        problems: What Ansible said of a playbook that it cannot read, by the same keys; such a one has no plays.
    """

    plays: Mapping[str, tuple[Play, ...]] = attrs.field(factory=dict)
    patterns: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    problems: Mapping[str, str] = attrs.field(factory=dict)

    def plays_of(self, use: PlaybookUse) -> tuple[Play, ...]:
        """Return the plays of *use*; none where Ansible cannot read the playbook, or was not asked."""
        return self.plays.get(use.key) or self.plays.get(str(use.playbook), ())

    def problem_of(self, use: PlaybookUse) -> str | None:
        """Return what Ansible said of *use* if it cannot read the playbook."""
        return self.problems.get(use.key) or self.problems.get(str(use.playbook))

    def hosts_of(self, use: PlaybookUse) -> tuple[str, ...]:
        """Return every host of the plays of *use*, each once, in the order in which the plays name them."""
        return tuple(dict.fromkeys(host for play in self.plays_of(use) for host in play.hosts))
