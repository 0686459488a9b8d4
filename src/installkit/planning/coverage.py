"""Which hosts a component, a playbook or a limit is for."""

import re
from collections.abc import Iterable, Mapping

import attrs

from installkit.errors import PlanningError
from installkit.model import Action, ActionDefinition, Catalog, Component, Inventory, Play, Targets
from installkit.planning.limits import limit_parts, unmatched_sentence

_CONTROL = "localhost"
"""Ansible's own name for the machine that it runs on."""

_UNDEFINED = re.compile(r"(?<=')\w+(?=' is undefined)")
_NEEDS_VALUE = " needs a value for "


@attrs.frozen
class Coverage:
    """
    Tells which hosts are meant, from Ansible's answers.

    Attributes:
        limit: The request's host pattern; None for all hosts.
        recorded: The hosts in the record, by component, where the request forgets some. Such a host may be gone from
            the inventory; then the limit gives its plain name.
        failed_only: Whether the limit is that of a run's failed hosts: it narrows a component's own hosts, but keeps
            the other hosts of its plays.
    """

    catalog: Catalog
    targets: Targets
    limit: str | None = None
    recorded: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    failed_only: bool = False
    _of_playbook: dict[str, tuple[str, ...]] = attrs.field(factory=dict, init=False)
    _of_component: dict[str, tuple[str, ...]] = attrs.field(factory=dict, init=False)

    def of_component(self, component: Component) -> tuple[str, ...]:
        """
        Return the hosts of *component* without regard to the limit: those of its pattern, or those that its plays name.

        Raises:
            PlanningError: If there are none, or Ansible cannot read a playbook that would name them.
        """
        if component.name not in self._of_component:
            install = component.action(Action.INSTALL)
            specs = (install,) if install else component.actions
            if component.hosts is not None:
                hosts = self.targets.patterns[component.hosts]
            else:
                hosts = _distinct(host for spec in specs for host in self.of_playbook(component, spec))
            if not hosts:
                if component.hosts is not None:
                    patterns: Iterable[str] = (component.hosts,)
                    place = component.manifest.name if component.manifest else component.name
                else:
                    plays = (play for spec in specs for play in self._plays(component, spec))
                    patterns = _distinct(play.pattern for play in plays)
                    place = ", ".join(self.playbook_name(component, spec) for spec in specs)
                names = ", ".join(repr(pattern) for pattern in patterns)
                raise PlanningError(
                    f"no host matches pattern {names} of {place}"
                    if names
                    else f"{place} has no play that names a host",
                    remedy=f"put hosts there in the inventory, or leave {component.name} out",
                )
            self._of_component[component.name] = hosts
        return self._of_component[component.name]

    def of_playbook(self, component: Component, spec: ActionDefinition) -> tuple[str, ...]:
        """
        Return all hosts of the plays of *spec*'s playbook, without regard to the limit.

        Raises:
            PlanningError: If Ansible cannot read it.
        """
        if spec.action is Action.FORGET and component.name in self.recorded:
            return self.recorded[component.name]
        if not spec.playbook:
            return self.of_component(component)
        use = component.use_of(spec)
        if use.key not in self._of_playbook:
            if problem := self.problem(component, spec):
                raise unread_error([problem])
            self._of_playbook[use.key] = self.targets.hosts_of(use)
        return self._of_playbook[use.key]

    def of_action(self, component: Component, spec: ActionDefinition) -> tuple[str, ...]:
        """
        Return the hosts of *component* that *spec*'s playbook covers, without regard to the limit.

        A read-only playbook may run on other hosts instead, as on localhost: then return those.

        Raises:
            PlanningError: If there are none.
        """
        covered = self.of_playbook(component, spec)
        if spec.action is Action.FORGET:
            return covered
        own = self.of_component(component)
        if own == covered:
            return own
        members = set(own)
        hosts = tuple(host for host in covered if host in members)
        if not hosts and spec.action.read_only and covered:
            return covered
        if not hosts:
            raise PlanningError(
                f"{self.playbook_name(component, spec)} has no play for a host of {component.name}: {', '.join(own)}",
                remedy="correct the hosts of its plays, or those of the manifest",
            )
        return hosts

    def company(self, component: Component, spec: ActionDefinition) -> tuple[str, ...]:
        """
        Return the hosts of *spec*'s plays that stay, whichever of *component*'s own hosts the playbook is narrowed to.

        They are the hosts of plays without any of the component's own hosts: those of another group, or localhost. The
        user's limit removes them, as it does on the command line. A host in the same play as the component's own hosts,
        as in `hosts: all`, is not among them: no limit could keep it.
        """
        if not spec.playbook:
            return ()
        self.of_playbook(component, spec)
        shared = self._shared(component, spec)
        kept = _distinct(host for play in self._plays(component, spec) for host in play.hosts if host not in shared)
        return kept if self.failed_only else self.in_limit(kept)

    def _shared(self, component: Component, spec: ActionDefinition) -> set[str]:
        """Return the hosts of the plays that name any of *component*'s own, all of them."""
        own = set(self.of_component(component))
        own = own - {_CONTROL} or own
        plays = self._plays(component, spec)
        return {host for play in plays if not own.isdisjoint(play.hosts) for host in play.hosts}

    def _plays(self, component: Component, spec: ActionDefinition) -> tuple[Play, ...]:
        return self.targets.plays_of(component.use_of(spec))

    def dropped_plays(self, component: Component, spec: ActionDefinition) -> tuple[Play, ...]:
        """Return the plays of *spec*'s playbook that lose all of their hosts to the user's own limit."""
        if not spec.playbook or self.failed_only:
            return ()
        return tuple(play for play in self._plays(component, spec) if play.hosts and not self.in_limit(play.hosts))

    def lost_plays(self, component: Component, spec: ActionDefinition) -> tuple[Play, ...]:
        """Return the plays without *component*'s own hosts that no limit to these hosts can keep: see `company`."""
        if not spec.playbook:
            return ()
        own, shared = set(self.of_component(component)), self._shared(component, spec)
        foreign = (play for play in self._plays(component, spec) if play.hosts and own.isdisjoint(play.hosts))
        return tuple(play for play in foreign if shared.issuperset(play.hosts))

    def templated(self, component: Component) -> bool:
        """Return whether values decide which hosts *component* is for."""
        spec = component.action(Action.INSTALL)
        plays = self.targets.plays_of(component.use_of(spec)) if spec else ()
        return component.hosts is None and any(play.templated for play in plays)

    def in_limit(self, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """Return the *hosts* that are within the limit, in the same order."""
        if self.limit is None:
            return hosts
        allowed = self._allowed(self.limit)
        return tuple(host for host in hosts if host in allowed)

    def check_limit(self, inventory: Inventory) -> None:
        """
        Refuse a limit that matches no host of *inventory*.

        Raises:
            PlanningError: If it matches none; the message names the parts that match nothing.
        """
        if self.limit is not None and not self._allowed(self.limit):
            lines = self.unmatched(inventory)
            several = len(limit_parts(self.limit)) > 1
            details = "".join(f"\n{line}" for line in lines if several or line.endswith("?"))
            raise PlanningError(
                f"no host matches limit {self.limit!r}{details}", remedy="name hosts or groups of the inventory"
            )

    def unmatched(self, inventory: Inventory) -> tuple[str, ...]:
        """Return a sentence for each part of the limit that matches no host of *inventory*; Ansible ignores it."""
        recorded = self._recorded_hosts()
        lost = [
            part
            for part in limit_parts(self.limit or "")
            if not self.targets.patterns.get(part.pattern, ()) and part.pattern not in recorded
        ]
        names = {*inventory.names, *inventory.groups} if lost else set()
        return tuple(unmatched_sentence(part, names) for part in lost)

    def _allowed(self, limit: str) -> set[str]:
        named = {part.strip() for part in re.split("[,:]", limit)}
        return {*self.targets.patterns[limit], *(named & self._recorded_hosts())}

    def _recorded_hosts(self) -> set[str]:
        return {host for hosts in self.recorded.values() for host in hosts}

    def problem(self, component: Component, spec: ActionDefinition) -> str | None:
        """Return why Ansible cannot read *spec*'s playbook, as where it lacks a value; None if it can."""
        message = self.targets.problem_of(component.use_of(spec))
        if message is None:
            return None
        name = self.playbook_name(component, spec)
        if undefined := _UNDEFINED.search(message):
            return f"{name}{_NEEDS_VALUE}{undefined[0]!r}: {message}"
        return f"Ansible cannot read {name}: {message}"

    def playbook_name(self, component: Component, spec: ActionDefinition) -> str:
        """Return the path of *spec*'s playbook relative to the catalog; empty if it runs none."""
        return spec.playbook and str(component.playbook_path(spec).relative_to(self.catalog.folder))


def unread_error(problems: Iterable[str]) -> PlanningError:
    """Return an error with all *problems*, as `Coverage.problem` returns them, and what to do about them."""
    lines = _distinct(problems)
    lacking = [_NEEDS_VALUE in line for line in lines]
    remedies = []
    if any(lacking):
        remedies.append(
            "give each value with -e NAME=VALUE: for the hosts of a play Ansible looks at no value of a site, group or"
            " host, and at no secret"
        )
    if not all(lacking):
        remedies.append(
            "correct the playbooks, or install the roles and collections that they use"
            " (ansible-galaxy install -r requirements.yml), and plan again; or leave them out (--exclude NAME)"
        )
    return PlanningError("\n".join(lines), remedy="; ".join(remedies))


def spec_of(component: Component, action: Action) -> ActionDefinition:
    """
    Return how *action* of *component* is carried out.

    Raises:
        PlanningError: If *component* has no such action.
    """
    spec = component.action(action)
    if spec is None:
        declared = ", ".join(definition.action.value for definition in component.actions) or "none"
        number = "" if component.order is None else f"{component.order:02d}."
        raise PlanningError(
            f"{component.name} has no action {action.value!r}; declared: {declared}",
            remedy=f"add {number}{component.name}.{action.value}.yml, or name its playbook in a manifest",
        )
    return spec


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
