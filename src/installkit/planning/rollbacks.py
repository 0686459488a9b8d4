"""Undoing a run: every host goes back to the versions from before the run, in reverse order."""

from collections.abc import Iterable, Mapping

import attrs

from installkit.errors import PlanningError
from installkit.model import (
    Action,
    Catalog,
    Change,
    Component,
    Installation,
    InstallationStatus,
    Inventory,
    Plan,
    Reason,
    Request,
    SiteParameters,
    Targets,
)
from installkit.planning.changes import Changes
from installkit.planning.coverage import Coverage
from installkit.planning.decisions import Decision, HostGroup, check_fixed
from installkit.planning.order import Order, order_components
from installkit.planning.parameters import ResolvedParameters, check_parameters
from installkit.planning.plans import PlanInputs, Stamp, assemble
from installkit.planning.requests import Demand, Questions, asked_patterns, asked_use, check_limit
from installkit.text import join_names

Place = tuple[str, str]
"""A component and a host."""


@attrs.frozen
class UndoneRun:
    """
    What a run did that is about to be undone.

    Attributes:
        touched: The components and hosts that it changed.
        before: The site's record from before the run.
    """

    touched: tuple[Place, ...]
    before: tuple[Installation, ...]


def rollback_questions(request: Request, undone: UndoneRun, catalog: Catalog) -> Questions:
    """
    Return what Ansible must be asked before `make_rollback_plan` can plan *request*.

    Raises:
        PlanningError: If the request's limit is not a host pattern.
    """
    check_limit(request.limit)
    if request.exclude:
        raise PlanningError("exclude does not go with rollback", remedy="limit the rollback to hosts instead")
    components = [catalog[name] for name in dict.fromkeys(name for name, _ in undone.touched)]
    uses = [
        asked_use(component, spec, request)
        for component in components
        for action in (Action.INSTALL, Action.ROLLBACK, Action.UNINSTALL, Action.VERIFY, Action.CHECK)
        if (spec := component.action(action)) is not None
    ]
    return Questions(tuple(uses), asked_patterns(components, request.limit))


def make_rollback_plan(
    request: Request,
    catalog: Catalog,
    inventory: Inventory,
    targets: Targets,
    installed: Iterable[Installation],
    *,
    undone: UndoneRun,
    stamp: Stamp,
    parameters: SiteParameters,
) -> Plan:
    """
    Return the plan that brings back the versions from before a run.

    An upgrade is undone by the component's `rollback` action. What the run installed for the first time is uninstalled;
    if no uninstall is declared it stays, and a warning says so.

    Args:
        request: Its `rollback` names the run; a limit may be with it.
        catalog: The site's components.
        inventory: The site's hosts.
        targets: What Ansible answered to `rollback_questions`.
        installed: What is installed on the site now.
        undone: What the run did.
        stamp: The plan's id, site, revision and time.
        parameters: The values entered for the site.

    Raises:
        PlanningError: If an upgraded component has no `rollback` or is no longer in the catalog, or the version that it
            had is unknown; the message names all of them. Also if a value is wrong or missing, or is fixed and changed.
    """
    check_parameters(catalog, request, parameters)
    coverage = Coverage(catalog, targets, request.limit)
    coverage.check_limit(inventory)
    rows = tuple(installed)
    present = {(row.component, row.host): row for row in rows}
    changes = _changes(undone, present, coverage, frozenset(inventory.names))
    _check_possible(changes)
    by_name = {component.name: component for component in catalog}
    order = order_components([by_name[name] for name in changes], by_name).reversed()
    values = ResolvedParameters(catalog, inventory, parameters, request.parameters)
    for name, component_changes in changes.items():
        by_changed_values: dict[tuple[str, ...], list[str]] = {}
        for host, change in component_changes.by_host.items():
            if change.action is Action.ROLLBACK:
                changed = values.changed(by_name[name], present[name, host])
                by_changed_values.setdefault(changed, []).append(host)
        for changed, hosts in by_changed_values.items():
            check_fixed(HostGroup(demand=component_changes.demand, hosts=tuple(hosts), row=None, changed=changed))
    facts = PlanInputs(catalog, inventory, coverage, rows, parameters, values)
    return assemble(request, changes, (order, Order()), facts, stamp)


def _changes(
    undone: UndoneRun, present: Mapping[Place, Installation], coverage: Coverage, inventory_hosts: frozenset[str]
) -> dict[str, Changes]:
    """Return by component what undoing the run changes, host by host, with a warning for what cannot be undone."""
    past = {(row.component, row.host): row for row in undone.before}
    changes: dict[str, Changes] = {}
    for name in dict.fromkeys(name for name, _ in undone.touched):
        component = coverage.catalog[name]
        component_changes = changes[name] = Changes(Demand(component=component, action=Action.ROLLBACK))
        hosts = tuple(host for component_name, host in undone.touched if component_name == name)
        for host in coverage.in_limit(hosts):
            now = present.get((name, host))
            if host in inventory_hosts:
                decision = _undo(component, past.get((name, host)), now)
            else:
                decision = _stays(now.version if now else None, "left: the host is no longer in the inventory")
            component_changes.decisions.append((decision, (host,)))
            component_changes.by_host[host] = Change(component=name, host=host, **attrs.asdict(decision, recurse=False))
        left = [change for change in component_changes.by_host.values() if change.reason.startswith("left")]
        if left:
            names = join_names([change.host for change in left])
            component_changes.warnings.append(f"{name} on {names} is {left[0].reason}")
    return changes


def _undo(component: Component, before: Installation | None, now: Installation | None) -> Decision:
    if now is None:
        return _stays(
            None, "left: it was removed, and an install brings it back" if before else "unchanged, not installed"
        )
    was_there = before is not None and (before.version is not None or before.status is InstallationStatus.INSTALLED)
    if before is None or not was_there:
        if component.action(Action.UNINSTALL) is None:
            return _stays(now.version, "left: no uninstall is declared")
        return _does(Action.UNINSTALL, now.version, None, destructive=True)
    proved = now.status is InstallationStatus.INSTALLED
    tried = now.action is Action.ROLLBACK and not proved
    if now.to_version == before.version and not tried:
        return _stays(now.version, "unchanged" if proved else f"left: {now.action.value} cannot be undone")
    return _does(Action.ROLLBACK, now.version, before.version)


def _does(action: Action, old: str | None, new: str | None, *, destructive: bool = False) -> Decision:
    return Decision(
        action=action,
        from_version=old,
        to_version=new,
        reason=Reason.REQUESTED.value,
        disruptive=True,
        destructive=destructive,
    )


def _stays(version: str | None, reason: str) -> Decision:
    return Decision(action=None, from_version=version, to_version=version, reason=reason)


def _check_possible(changes: Mapping[str, Changes]) -> None:
    """Refuse a rollback without a `rollback` action, and one to a version that nobody knows."""
    lacking = [
        name
        for name, component_changes in changes.items()
        if Action.ROLLBACK in component_changes.actions
        and component_changes.demand.component.action(Action.ROLLBACK) is None
    ]
    if lacking:
        raise PlanningError(
            f"{join_names(lacking)} declared no rollback, so the upgrade cannot be undone",
            remedy="declare a rollback action, or upgrade to the version that is wanted",
        )
    unknown = [
        f"{change.component} on {change.host}"
        for component_changes in changes.values()
        for change in component_changes.by_host.values()
        if change.action is Action.ROLLBACK and change.to_version is None
    ]
    if unknown:
        raise PlanningError(
            f"the record does not say which version there was before of {join_names(unknown)}",
            remedy="upgrade to the version that is wanted, or limit the rollback to the other hosts",
        )
