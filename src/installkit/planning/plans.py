"""Makes a plan from a request and from what is known of the site."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

import attrs

from installkit.errors import PlanningError
from installkit.model import (
    Action,
    Catalog,
    Installation,
    Inventory,
    Plan,
    Request,
    SiteParameters,
    Step,
    Targets,
    digest,
)
from installkit.planning.changes import Changes, Setting, find_changes
from installkit.planning.checks import with_own_checks
from installkit.planning.coverage import Coverage, spec_of, unread_error
from installkit.planning.inputs import digest_inputs
from installkit.planning.order import Order, order_components
from installkit.planning.parameters import (
    ResolvedParameters,
    check_parameters,
    handed_secrets,
    secret_warnings,
    undeclared_warnings,
)
from installkit.planning.requests import GETTING_VALUES, LEAVING, read_demands
from installkit.planning.requirements import Requirements
from installkit.planning.selection import dropped_by, excluded_names
from installkit.planning.steps import Steps
from installkit.text import counted, join_names

_NO_PARAMETERS = SiteParameters()
_VERBS = {Action.BACKUP: "back up", Action.ROLLBACK: "roll back"}


@attrs.frozen
class Stamp:
    """
    The values of a plan that do not come from the request and the site's files.

    Attributes:
        revision: The site's last mutating run; None before the first.
        created_at: Aware, UTC.
        continues: The run that the plan resumes or undoes.
        continued: The id of the run that the plan resumes, and of the runs that this run resumed in turn.
    """

    id: str
    site: str
    revision: str | None
    created_at: datetime
    continues: str | None = None
    continued: frozenset[str] = frozenset()


def make_plan(
    request: Request,
    catalog: Catalog,
    inventory: Inventory,
    targets: Targets,
    installed: Iterable[Installation],
    *,
    stamp: Stamp,
    parameters: SiteParameters = _NO_PARAMETERS,
) -> Plan:
    """
    Return what *request* changes, why, and the steps that carry it out, in order.

    The same input always gives the same plan: ties are by number, then by name.

    Args:
        request: What somebody asks for.
        catalog: The site's components.
        inventory: The site's hosts.
        targets: What Ansible answered to `questions` for the same request.
        installed: What is installed on the site.
        stamp: The plan's id, site, revision and time.
        parameters: The values entered for the site.

    Returns:
        A plan with a change for each component concerned on each of its hosts, also where nothing changes. A step
        comes after the steps that it needs. There are no steps if there is nothing to do.

    Raises:
        UnknownNameError: If a name, requested or required, is not in *catalog*.
        DependencyCycleError: If components require each other.
        PlanningError: If what is asked for cannot be done; the message says why.
    """
    demands = read_demands(request, catalog)
    check_parameters(catalog, request, parameters)
    rows = tuple(installed)
    installed_rows: dict[str, dict[str, Installation]] = {}
    for row in rows:
        installed_rows.setdefault(row.component, {})[row.host] = row
    recorded = {name: tuple(by_host) for name, by_host in installed_rows.items()} if request.forget else {}
    coverage = Coverage(catalog, targets, request.limit, recorded, failed_only=request.failed_hosts_only)
    coverage.check_limit(inventory)
    unreadable = [
        problem
        for demand in demands.values()
        for action in dict.fromkeys((Action.INSTALL, demand.action))
        if (spec := demand.component.action(action)) is not None
        if action is demand.action or demand.component.hosts is None
        if (problem := coverage.problem(demand.component, spec)) is not None
    ]
    if unreadable:
        raise unread_error(unreadable)

    # What leaves the hosts goes first, in reverse order.
    by_name = {component.name: component for component in catalog}
    leaving = [demand.component for demand in demands.values() if demand.action in LEAVING]
    others = [demand.component for demand in demands.values() if demand.action not in LEAVING]
    orders = (order_components(leaving, by_name).reversed(), order_components(others, by_name))

    values = ResolvedParameters(catalog, inventory, parameters, request.parameters)
    setting = Setting(coverage, values, stamp.continued)
    names = dict.fromkeys(name for order in orders for name in order.names if name in demands)
    all_changes = {name: find_changes(demands[name], installed_rows.get(name, {}), setting) for name in names}
    changes = {name: component_changes for name, component_changes in all_changes.items() if component_changes.by_host}
    if not changes:
        raise PlanningError(f"limit {coverage.limit!r} leaves no host of any component", remedy="widen the limit")
    Requirements(by_name, installed_rows, changes).check()
    facts = PlanInputs(catalog, inventory, coverage, rows, parameters, values)
    return assemble(request, changes, orders, facts, stamp)


@attrs.frozen
class PlanInputs:
    """What a plan is made from, apart from the request."""

    catalog: Catalog
    inventory: Inventory
    coverage: Coverage
    installed: tuple[Installation, ...]
    parameters: SiteParameters
    values: ResolvedParameters


def assemble(
    request: Request, changes: Mapping[str, Changes], orders: tuple[Order, Order], facts: PlanInputs, stamp: Stamp
) -> Plan:
    """
    Return the plan that carries out *changes*: all checks, then the steps of the first order, then of the second.

    Raises:
        PlanningError: If a change has no playbook for its hosts, or lacks a value.
    """
    lacking = []
    for name, component_changes in changes.items():
        groups = (hosts for decision, hosts in component_changes.decisions if decision.action in GETTING_VALUES)
        missing = facts.values.missing(component_changes.demand.component, [host for hosts in groups for host in hosts])
        lacking += [f"{name} needs a value for {lack} on {join_names(hosts)}" for lack, hosts in missing.items()]
    if lacking:
        raise PlanningError("\n".join(lacking), remedy="set them for the site, or give them with the request")
    steps = Steps(request, facts.inventory, facts.coverage)
    checks = steps.add_checks(changes.values())
    steps.add_all(changes, orders[1], after=steps.add_all(changes, orders[0], after=checks) or checks)
    _check_questions(steps.steps, facts, request)
    inputs = digest_inputs(facts.catalog, facts.inventory, facts.installed, facts.parameters, changes)
    warnings = [
        *facts.inventory.warnings,
        *facts.coverage.unmatched(facts.inventory),
        *(line for component_changes in changes.values() for line in component_changes.warnings),
        *steps.warnings,
        *undeclared_warnings(facts.catalog, request, changes),
        *secret_warnings(facts.catalog, request, facts.parameters),
        *_plan_warnings(steps.steps, facts, request),
    ]
    return Plan(
        id=stamp.id,
        site=stamp.site,
        revision=stamp.revision,
        digest=digest(inputs),
        created_at=stamp.created_at,
        request=request,
        changes=tuple(
            change for component_changes in changes.values() for change in component_changes.by_host.values()
        ),
        steps=with_own_checks(steps.steps, facts.catalog),
        warnings=tuple(dict.fromkeys(warnings)),
        summary=_summary(changes.values(), steps.steps),
        inputs=inputs,
        continues=stamp.continues,
    )


def _check_questions(steps: Iterable[Step], facts: PlanInputs, request: Request) -> None:
    """Refuse playbooks that prompt for a value that no extra variable gives: in a run nobody answers."""
    problems = []
    for step in steps:
        component = facts.catalog[step.component]
        spec = spec_of(component, step.action)
        given = {*spec.vars, *request.parameters, *handed_secrets(component, facts.parameters, request)}
        if unanswered := [name for name in spec.prompts if name not in given]:
            names = join_names(unanswered)
            problems.append(f"{step.playbook} asks for {names} (vars_prompt), and in a run nobody answers")
    if problems:
        raise PlanningError(
            "\n".join(dict.fromkeys(problems)),
            remedy="give each with -e NAME=VALUE, or keep it as a secret of the site if the manifest declares it one",
        )


def _plan_warnings(steps: Sequence[Step], facts: PlanInputs, request: Request) -> Iterator[str]:
    """Yield the warnings about what the steps do, and about what the plan leaves out."""
    catalog = facts.catalog
    actions: dict[Action, dict[str, None]] = {}  # the names of the components of each action, in order
    for step in steps:
        actions.setdefault(step.action, {})[step.component] = None
    if request.purge:
        yield from (f"the data of {name} goes with it" for name in actions.get(Action.UNINSTALL, ()))

    components = dict.fromkeys(step.component for step in steps)
    required = (
        parameter.name
        for component in catalog
        if component.name in components
        for parameter in component.parameters
        if parameter.secret and parameter.required
    )
    secrets = dict.fromkeys((*required, *(request.secrets if components else ())))
    kept = facts.parameters.secrets
    yield from (f"secret {name} must be handed over at start" for name in secrets if name not in kept)

    if request.all:
        recorded: dict[str, list[str]] = {}
        for row in facts.installed:
            recorded.setdefault(row.component, []).append(row.host)
        for name, hosts in recorded.items():
            if name not in catalog:
                yield f"{name} is recorded on {join_names(hosts)}, but no longer in the catalog; forget lets it go"

    # A component's name may hint at another action than the install that is planned.
    yield from (caution for name in actions.get(Action.INSTALL, ()) if (caution := catalog[name].caution))

    files = {path for step in steps if step.playbook for path in catalog[step.component].files}
    yield from (
        f"{place}: {words!r} asks for Ansible's debugger: where it stops, the run waits for ever, since nobody answers;"
        " take it out"
        for place, words in catalog.debuggers.items()
        if place.rpartition(":")[0] in files
    )

    excluded = {path for name in request.exclude for path in dropped_by(name, catalog)}
    for name in excluded_names(request.exclude, catalog):
        excluded |= {facts.coverage.playbook_name(catalog[name], spec) for spec in catalog[name].actions}
    yield from (f"{path}: {reason}" for path, reason in catalog.dropped.items() if path not in excluded)


def _summary(changes: Iterable[Changes], steps: Sequence[Step]) -> str:
    """Return one line that counts components by action; a component that changes on no host counts as unchanged."""
    if not steps:
        return "nothing to change"
    actions = [component_changes.actions for component_changes in changes]
    counts = [(sum(action in done for done in actions), _VERBS.get(action, action.value)) for action in Action]
    parts = [f"{count} to {verb}" for count, verb in counts if count]
    unchanged = sum(not done for done in actions)
    parts += [f"{unchanged} unchanged"] if unchanged else []
    hosts = {host for step in steps for host in step.hosts}
    return f"{', '.join(parts)}; {counted(len(steps), 'step')} on {counted(len(hosts), 'host')}"
