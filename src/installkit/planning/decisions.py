"""What a demand means for hosts in the same state."""

from collections.abc import Callable, Mapping

import attrs

from installkit.errors import PlanningError
from installkit.model import Action, Component, Installation, InstallationStatus, OnChange, Reason
from installkit.planning.coverage import spec_of
from installkit.planning.requests import Demand
from installkit.planning.versions import check_known, find_route, is_newer, is_offered, reachable_versions
from installkit.text import join_names

_DONE = "unchanged, the run before did it"
_DISRUPTIVE = frozenset({Action.UPGRADE, Action.RESTART, Action.STOP, Action.UNINSTALL, Action.ROLLBACK})


@attrs.frozen(kw_only=True)
class HostGroup:
    """
    One demand on hosts in the same state.

    Attributes:
        row: What is recorded of the component there; None if nothing is.
        changed: Names of the parameters whose value differs from the one that was used last.
        elsewhere: The component's proved versions on its other hosts.
        done: Whether the last change was made by a run that the plan resumes.
    """

    demand: Demand
    hosts: tuple[str, ...]
    row: Installation | None
    changed: tuple[str, ...] = ()
    elsewhere: frozenset[str | None] = frozenset()
    done: bool = False

    @property
    def component(self) -> Component:
        """The component concerned."""
        return self.demand.component

    @property
    def place(self) -> str:
        """The component and its hosts, as messages name them."""
        return f"{self.component.name} on {join_names(self.hosts)}"


@attrs.frozen(kw_only=True)
class Decision:
    """What happens on these hosts: the fields of a `Change` that do not depend on the host."""

    action: Action | None
    from_version: str | None
    to_version: str | None
    reason: str
    disruptive: bool = False
    destructive: bool = False
    via: tuple[str, ...] = ()


def decide(case: HostGroup) -> Decision:
    """
    Return what *case* asks for.

    Raises:
        PlanningError: If that cannot be done in the state of these hosts.
    """
    if case.demand.action is not Action.RECORD:  # what is there may be older than anything the catalog offers
        check_known(case.component, case.demand.version)
    decision = _DECIDE.get(case.demand.action, _repeat)(case)
    if decision.action is None:
        return decision
    spec = spec_of(case.component, decision.action)
    restarts = any(
        parameter.on_change is OnChange.RESTART and parameter.name in case.changed
        for parameter in case.component.parameters
    )
    return attrs.evolve(
        decision,
        disruptive=decision.action in _DISRUPTIVE or (decision.action is Action.CONFIGURE and restarts),
        destructive=spec.destructive or decision.action is Action.UNINSTALL,
    )


def _install(case: HostGroup) -> Decision:
    row = case.row
    if row is None:
        reason = Reason.NEW_HOST if case.elsewhere else _why(case.demand)
        return _decision(case, Action.INSTALL, _first_version(case), reason)
    if row.status is not InstallationStatus.INSTALLED:
        return _repair(case, row)
    requested = case.demand.version
    if requested is not None and requested != row.version:
        raise _other_version(case, row.version or "an unknown version", requested)
    return _keep(case, row, Action.INSTALL)


def _upgrade(case: HostGroup) -> Decision:
    row = case.row
    if row is None:
        raise _not_installed(case)
    target = case.demand.version or case.component.default_version or row.to_version or row.version
    if row.version is None and row.action is Action.INSTALL and row.status is not InstallationStatus.INSTALLED:
        return _decision(case, Action.INSTALL, target, Reason.REPAIR)
    if row.status is InstallationStatus.INSTALLED and target == row.version:
        return _keep(case, row, Action.UPGRADE)
    if row.disproved and target == row.version:
        return _repair(case, row)
    via = _route(case, row.version, target)
    check_fixed(case)
    proved = row.status is InstallationStatus.INSTALLED
    decision = _decision(case, Action.UPGRADE, target, _why(case.demand) if proved else Reason.REPAIR)
    return attrs.evolve(decision, via=via)


def _leave(case: HostGroup) -> Decision:
    """Decide for an action after which the record has no row for these hosts."""
    action = case.demand.action
    if case.row is None:
        return _unchanged(None, f"unchanged, not {'installed' if action is Action.UNINSTALL else 'recorded'}")
    return _decision(case, action, None, Reason.REQUESTED)


def _record(case: HostGroup) -> Decision:
    row, version = case.row, case.demand.version
    if version is None and case.component.versions:
        raise PlanningError(
            f"{case.place} is there in some version, but none is named",
            remedy=f"say which: {case.component.name}=VERSION",
        )
    if row is not None and row.status is InstallationStatus.INSTALLED and row.version == version:
        return _unchanged(version, "unchanged")
    return _decision(case, Action.RECORD, version, Reason.REQUESTED)


def _read_only(case: HostGroup) -> Decision:
    row = case.row
    version = row.version if row else case.component.default_version
    return _decision(case, case.demand.action, case.demand.version or version, Reason.REQUESTED)


def _repeat(case: HostGroup) -> Decision:
    """Decide for an action that may be carried out again and again on what is installed, as configure or restart."""
    row, action = case.row, case.demand.action
    if row is None:
        if case.elsewhere:
            return _unchanged(None, "unchanged, not installed")
        raise _not_installed(case)
    proved = row.status is InstallationStatus.INSTALLED
    if proved and case.done and row.action is action:
        return _unchanged(row.version, _DONE)
    if not row.in_place and row.action is not action:  # the same may be tried again
        raise PlanningError(
            f"{case.place} is {row.status.value} since {row.action.value}, so it cannot be asked to {action.value}",
            remedy=f"repair it first: install {case.component.name}",
        )
    why: str = Reason.REQUESTED if proved else Reason.REPAIR
    if action is Action.CONFIGURE:
        check_fixed(case)
        why = _changed(case) if case.changed else why
    return _decision(case, action, row.version, why)


_DECIDE: Mapping[Action, Callable[[HostGroup], Decision]] = {
    Action.INSTALL: _install,
    Action.UPGRADE: _upgrade,
    Action.UNINSTALL: _leave,
    Action.VERIFY: _read_only,
    Action.CHECK: _read_only,
    Action.RECORD: _record,
    Action.FORGET: _leave,
}


def _decision(case: HostGroup, action: Action, to_version: str | None, reason: str) -> Decision:
    from_version = case.row.version if case.row else None
    return Decision(action=action, from_version=from_version, to_version=to_version, reason=str(reason))


def _unchanged(version: str | None, reason: str) -> Decision:
    return Decision(action=None, from_version=version, to_version=version, reason=reason)


def _keep(case: HostGroup, row: Installation, action: Action) -> Decision:
    """Decide for what is installed in the right version."""
    if case.demand.forced and case.done and not case.changed:
        return _unchanged(row.version, _DONE)
    if case.demand.forced:
        check_fixed(case)
        return _decision(case, action, row.version, Reason.FORCED)
    if case.changed and case.demand.required_by is None:
        check_fixed(case)
        return _decision(case, Action.CONFIGURE, row.version, _changed(case))
    remarks = ["unchanged"]
    newest = case.component.default_version
    if newest is not None and newest != row.version:
        if row.version is None or is_newer(case.component, newest, row.version) is not False:
            remarks.append(f"{newest} available")
    elif newest is None and case.demand.action is Action.UPGRADE:
        remarks.append("versions unknown")
    if case.changed:
        remarks.append(_changed(case))
    return _unchanged(row.version, ", ".join(remarks))


def _repair(case: HostGroup, row: Installation) -> Decision:
    """Decide for hosts whose state is not proved: try again what was tried last."""
    requested = case.demand.version
    if row.action is Action.UPGRADE:
        tried = row.to_version if is_offered(case.component, row.to_version) else case.component.default_version
        if requested not in {None, tried}:
            raise _other_version(case, f"on the way to {tried}", requested or "")
        check_fixed(case)
        via = _route(case, row.version, tried)
        return attrs.evolve(_decision(case, Action.UPGRADE, tried, Reason.REPAIR), via=via)
    if row.version is None:
        return _decision(case, Action.INSTALL, _first_version(case), Reason.REPAIR)
    if requested not in {None, row.version}:
        raise _other_version(case, row.version, requested or "")
    check_fixed(case)
    return _decision(case, Action.INSTALL, row.version, Reason.REPAIR)


def _first_version(case: HostGroup) -> str | None:
    """Return the version for a host without a proved one: as requested, as elsewhere, as last tried, or the default."""
    if case.demand.version is not None:
        return case.demand.version
    on_others = next(iter(case.elsewhere)) if len(case.elsewhere) == 1 else None
    tried = case.row.to_version if case.row else None
    for version in (on_others, tried):
        if is_offered(case.component, version):
            return version
    return case.component.default_version


def _why(demand: Demand) -> str:
    return Reason.REQUESTED if demand.required_by is None else f"{Reason.REQUIRED.value} by {demand.required_by}"


def _changed(case: HostGroup) -> str:
    return f"{Reason.PARAMETERS_CHANGED.value}: {', '.join(case.changed)}"


def check_fixed(case: HostGroup) -> None:
    """
    Refuse *case* if a value changed that is fixed once its component is installed.

    Raises:
        PlanningError: It names all such values.
    """
    fixed = [
        parameter.name
        for parameter in case.component.parameters
        if parameter.on_change is OnChange.FIXED and parameter.name in case.changed
    ]
    if fixed:
        raise PlanningError(
            f"{', '.join(fixed)} cannot change once {case.component.name} is installed: {case.place}",
            remedy="give the value that it was installed with, or uninstall it first",
        )


def _route(case: HostGroup, old: str | None, new: str | None) -> tuple[str, ...]:
    """Return the versions between *old* and *new* through which the upgrade goes."""
    if old is not None and new is not None and is_newer(case.component, old, new):
        raise PlanningError(
            f"{case.place} is {old}, newer than {new}: an upgrade does not go back",
            remedy="roll back the run that upgraded it",
        )
    route = find_route(case.component, old, new)
    if route is None:
        spec = spec_of(case.component, Action.UPGRADE)
        within_reach = ", ".join(reachable_versions(case.component, old)) or "none of the catalog's versions"
        current = old or "an unknown version"
        raise PlanningError(
            f"{case.place} is {current}, but {spec.playbook} upgrades to {new or 'what is there now'}"
            f" from {spec.origins(new)} only; from {current} it can reach {within_reach}",
            remedy="upgrade to a version in between first, with the catalog that brings it",
        )
    return route


def _not_installed(case: HostGroup) -> PlanningError:
    return PlanningError(f"{case.place} is not installed", remedy=f"install it first: install {case.component.name}")


def _other_version(case: HostGroup, current: str, requested: str) -> PlanningError:
    before = case.row.version if case.row else None
    back = before is not None and (requested == before or is_newer(case.component, before, requested))
    return PlanningError(
        f"{case.place} is {current}; install does not change it to {requested}",
        remedy="roll back the run that upgraded it"
        if back
        else f"ask for the upgrade: --upgrade {case.component.name}={requested}",
    )
