"""Undoing a run: host by host in reverse, to what was there before it."""

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
    What the run did that is to be undone.

    Attributes:
        touched: The components and hosts that it changed.
        before: The site's record as it found it.
    """

    touched: tuple[Place, ...]
    before: tuple[Installation, ...]


def rollback_questions(request: Request, undone: UndoneRun, catalog: Catalog) -> Questions:
    """
    Return what must be asked of Ansible before `make_rollback_plan` can answer.

    Raises:
        PlanningError: If the request's limit is not a host pattern.
    """
    check_limit(request.limit)
    if request.exclude:
        raise PlanningError("exclude does not go with rollback", remedy="limit the rollback to hosts instead")
    components = [catalog[name] for name in dict.fromkeys(name for name, _ in undone.touched)]
    wanted = (Action.INSTALL, Action.ROLLBACK, Action.UNINSTALL, Action.VERIFY, Action.CHECK)
    specs = [(each, spec) for each in components for action in wanted if (spec := each.action(action)) is not None]
    uses = tuple(asked_use(component, spec, request) for component, spec in specs)
    return Questions(uses, asked_patterns(components, request.limit))


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
    Return what brings back the versions from before a run.

    An upgrade goes back by the component's `rollback` action; what the run installed for the first time is uninstalled
    where that is declared, else left, and said.

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
        PlanningError: If an upgraded component has no `rollback`, is no longer in the catalog, or nobody knows which
            version it had; all are named. A wrong, a missing or a changed fixed value is refused as in any plan.
    """
    check_parameters(catalog, request, parameters)
    coverage = Coverage(catalog, targets, request.limit)
    coverage.check_limit(inventory)
    rows = tuple(installed)
    present = {(row.component, row.host): row for row in rows}
    changes = _changes(undone, present, coverage, frozenset(inventory.names))
    _check_declared(changes.values())
    _check_known(changes.values())
    by_name = {component.name: component for component in catalog}
    order = order_components([by_name[name] for name in changes], by_name).reversed()
    values = ResolvedParameters(catalog, inventory, parameters, request.parameters)
    for each in changes.values():
        _check_fixed(each, present, values)
    facts = PlanInputs(catalog, inventory, coverage, rows, parameters, values)
    return assemble(request, changes, (order, Order()), facts, stamp)


def _changes(
    undone: UndoneRun, present: Mapping[Place, Installation], coverage: Coverage, known: frozenset[str]
) -> dict[str, Changes]:
    past = {(row.component, row.host): row for row in undone.before}
    changes: dict[str, Changes] = {}
    for name in dict.fromkeys(name for name, _ in undone.touched):
        component = coverage.catalog[name]
        each = Changes(Demand(component=component, action=Action.ROLLBACK))
        hosts = tuple(host for place, host in undone.touched if place == name)
        for host in coverage.in_limit(hosts):
            before, now = past.get((name, host)), present.get((name, host))
            decision = _undo(component, before, now) if host in known else _leave(now)
            each.decisions.append((decision, (host,)))
            each.by_host[host] = Change(component=name, host=host, **attrs.asdict(decision, recurse=False))
        each.warnings += _left(each)
        changes[name] = each
    return changes


def _undo(component: Component, before: Installation | None, now: Installation | None) -> Decision:
    if now is None:
        return _stays(
            None, "left: it was taken away, and comes back by install" if before else "unchanged, not installed"
        )
    was_there = before is not None and (before.version is not None or before.status is InstallationStatus.INSTALLED)
    if before is None or not was_there:
        if component.action(Action.UNINSTALL) is None:
            return _stays(now.version, "left: no uninstall is declared")
        return _does(Action.UNINSTALL, now.version, None, destructive=True)
    proved = now.status is InstallationStatus.INSTALLED
    tried = now.action is Action.ROLLBACK and not proved
    if now.to_version == before.version and not tried:
        return _stays(now.version, "unchanged" if proved else f"left: {now.action.value} has no way back")
    return _does(Action.ROLLBACK, now.version, before.version)


def _leave(now: Installation | None) -> Decision:
    return _stays(now.version if now else None, "left: the host is no longer in the inventory")


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


def _left(changes: Changes) -> Iterable[str]:
    left = [host for host, change in changes.by_host.items() if change.reason.startswith("left")]
    if left:
        reason = changes.by_host[left[0]].reason
        yield f"{changes.demand.component.name} on {join_names(left)} is {reason}"


def _check_declared(changes: Iterable[Changes]) -> None:
    lacking = [
        each.demand.component.name
        for each in changes
        if Action.ROLLBACK in each.actions and each.demand.component.action(Action.ROLLBACK) is None
    ]
    if lacking:
        raise PlanningError(
            f"{join_names(lacking)} declared no rollback, so the upgrade cannot be undone",
            remedy="declare a rollback action, or upgrade to the version that is wanted",
        )


def _check_fixed(changes: Changes, present: Mapping[Place, Installation], values: ResolvedParameters) -> None:
    component = changes.demand.component
    alike: dict[tuple[str, ...], list[str]] = {}
    for host, change in changes.by_host.items():
        if change.action is Action.ROLLBACK:
            alike.setdefault(values.changed(component, present[component.name, host]), []).append(host)
    for changed, hosts in alike.items():
        check_fixed(HostGroup(demand=changes.demand, hosts=tuple(hosts), row=None, changed=changed))


def _check_known(changes: Iterable[Changes]) -> None:
    unknown = [
        f"{change.component} on {change.host}"
        for each in changes
        for change in each.by_host.values()
        if change.action is Action.ROLLBACK and change.to_version is None
    ]
    if unknown:
        raise PlanningError(
            f"the record does not say which version there was before of {join_names(unknown)}",
            remedy="upgrade to the version that is wanted, or limit the rollback to the other hosts",
        )
