"""A request and what is known, made into a plan."""

from collections.abc import Iterable, Mapping, Sequence
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
from installkit.planning.requests import GETTING_VALUES, LEAVING, Demand, read_demands
from installkit.planning.requirements import Requirements
from installkit.planning.selection import dropped_by, excluded_names
from installkit.planning.steps import Steps
from installkit.text import counted, join_names

_NO_PARAMETERS = SiteParameters()
_VERBS = {Action.BACKUP: "back up", Action.ROLLBACK: "roll back"}


@attrs.frozen
class Stamp:
    """
    What a plan is told about itself.

    Attributes:
        revision: The site's last mutating run; None before the first.
        created_at: Aware, UTC.
        continues: The run that it goes on with, or undoes.
        continued: Where it goes on with that run: its id and those of the runs that it went on with in turn.
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
        A change for each component concerned on each of its hosts, also for those that stay as they are; steps after
        those that they need. No steps if there is nothing to do.

    Raises:
        UnknownNameError: If a name, wanted or required, is not in *catalog*.
        DependencyCycleError: If components require each other.
        PlanningError: If what is asked for cannot be done; the message says why.
    """
    demands = read_demands(request, catalog)
    check_parameters(catalog, request, parameters)
    rows = tuple(installed)
    recorded = _recorded(rows) if request.forget else {}
    coverage = Coverage(catalog, targets, request.limit, recorded, failed_only=request.failed_hosts_only)
    coverage.check_limit(inventory)
    _check_playbooks(demands.values(), coverage)
    orders = _order(demands, catalog)
    values = ResolvedParameters(catalog, inventory, parameters, request.parameters)
    changes = _find_all(demands, orders, rows, Setting(coverage, values, stamp.continued))
    facts = PlanInputs(catalog, inventory, coverage, rows, parameters, values)
    return assemble(request, changes, orders, facts, stamp)


@attrs.frozen
class PlanInputs:
    """What a plan is made from, beside the request."""

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
    Return the plan that carries *changes* out: all checks, then those of the first order, then those of the second.

    Raises:
        PlanningError: If a change has no playbook for its hosts, or lacks a value.
    """
    _check_values(changes, facts.values)
    steps = Steps(request, facts.inventory, facts.coverage)
    checks = steps.add_checks(changes.values())
    steps.add_all(changes, orders[1], after=steps.add_all(changes, orders[0], after=checks) or checks)
    _check_questions(steps.steps, facts, request)
    all_steps = with_own_checks(steps.steps, facts.catalog)
    inputs = digest_inputs(facts.catalog, facts.inventory, facts.installed, facts.parameters, changes)
    of_hosts = tuple(change for each in changes.values() for change in each.by_host.values())
    warnings = [
        *facts.inventory.warnings,
        *facts.coverage.unmatched(facts.inventory),
        *(line for each in changes.values() for line in each.warnings),
        *steps.warnings,
        *undeclared_warnings(facts.catalog, request, changes),
        *secret_warnings(facts.catalog, request, facts.parameters),
        *_purged(request, steps.steps),
        *_missing_secrets(steps.steps, facts, request),
        *(_left_over(facts) if request.all else ()),
        *_cautions(steps.steps, facts.catalog),
        *_debuggers(steps.steps, facts.catalog),
        *_dropped(request, facts),
    ]
    return Plan(
        id=stamp.id,
        site=stamp.site,
        revision=stamp.revision,
        digest=digest(inputs),
        created_at=stamp.created_at,
        request=request,
        changes=of_hosts,
        steps=all_steps,
        warnings=tuple(dict.fromkeys(warnings)),
        summary=_summary(changes.values(), steps.steps),
        inputs=inputs,
        continues=stamp.continues,
    )


def _check_questions(steps: Iterable[Step], facts: PlanInputs, request: Request) -> None:
    """Refuse playbooks that ask for what is not given as an extra variable, all at once: in a run nobody answers."""
    problems = []
    for step in steps:
        component = facts.catalog[step.component]
        spec = spec_of(component, step.action)
        given = {*spec.vars, *request.parameters, *handed_secrets(component, facts.parameters, request)}
        if asked := [name for name in spec.prompts if name not in given]:
            problems.append(f"{step.playbook} asks for {join_names(asked)} (vars_prompt), and in a run nobody answers")
    if problems:
        raise PlanningError(
            "\n".join(dict.fromkeys(problems)),
            remedy="give each with -e NAME=VALUE, or keep it as a secret of the site if the manifest declares it one",
        )


def _purged(request: Request, steps: Iterable[Step]) -> tuple[str, ...]:
    names = dict.fromkeys(step.component for step in steps if request.purge and step.action is Action.UNINSTALL)
    return tuple(f"the data of {name} goes with it" for name in names)


def _left_over(facts: PlanInputs) -> Iterable[str]:
    """Return a sentence for each component that is in the record, but no longer in the catalog."""
    for name, hosts in _recorded(facts.installed).items():
        if name not in facts.catalog:
            yield f"{name} is recorded on {join_names(hosts)}, but no longer in the catalog; forget lets it go"


def _cautions(steps: Iterable[Step], catalog: Catalog) -> tuple[str, ...]:
    """Return a sentence for each component whose name says another action than the install that is planned."""
    installed = dict.fromkeys(step.component for step in steps if step.action is Action.INSTALL)
    return tuple(caution for name in installed if (caution := catalog[name].caution))


def _debuggers(steps: Iterable[Step], catalog: Catalog) -> Iterable[str]:
    """Return a sentence for each place in the files of *steps* that asks for Ansible's debugger."""
    files = {name for step in steps if step.playbook for name in catalog[step.component].files}
    return (
        f"{place}: {words!r} asks for Ansible's debugger: where it stops, the run waits for ever, since nobody answers;"
        " take it out"
        for place, words in catalog.debuggers.items()
        if place.rpartition(":")[0] in files
    )


def _dropped(request: Request, facts: PlanInputs) -> Iterable[str]:
    """Return a sentence for each numbered playbook that no plan takes, unless it is excluded."""
    catalog = facts.catalog
    excluded = {path for name in request.exclude for path in dropped_by(name, catalog)}
    for name in excluded_names(request.exclude, catalog):
        excluded |= {facts.coverage.playbook_name(catalog[name], spec) for spec in catalog[name].actions}
    return (f"{path}: {reason}" for path, reason in catalog.dropped.items() if path not in excluded)


def _check_playbooks(demands: Iterable[Demand], coverage: Coverage) -> None:
    """Refuse playbooks that Ansible cannot read, all at once."""
    problems = [
        problem
        for demand in demands
        for action in dict.fromkeys((Action.INSTALL, demand.action))
        if (spec := demand.component.action(action)) is not None
        if action is demand.action or demand.component.hosts is None
        if (problem := coverage.problem(demand.component, spec)) is not None
    ]
    if problems:
        raise unread_error(problems)


def _recorded(rows: Iterable[Installation]) -> dict[str, tuple[str, ...]]:
    """Return the hosts in the record, by component."""
    hosts: dict[str, tuple[str, ...]] = {}
    for row in rows:
        hosts[row.component] = (*hosts.get(row.component, ()), row.host)
    return hosts


def _order(demands: Mapping[str, Demand], catalog: Catalog) -> tuple[Order, Order]:
    """Return the order of what leaves, which goes first, and that of the rest."""
    by_name = {component.name: component for component in catalog}
    leaving = [demand.component for demand in demands.values() if demand.action in LEAVING]
    others = [demand.component for demand in demands.values() if demand.action not in LEAVING]
    return order_components(leaving, by_name).reversed(), order_components(others, by_name)


def _find_all(
    demands: Mapping[str, Demand],
    orders: Iterable[Order],
    rows: Iterable[Installation],
    setting: Setting,
) -> dict[str, Changes]:
    """Return by component, in order, what changes; those that the limit leaves no host of are skipped."""
    installed: dict[str, dict[str, Installation]] = {}
    for row in rows:
        installed.setdefault(row.component, {})[row.host] = row
    names = dict.fromkeys(name for order in orders for name in order.names if name in demands)
    found = [find_changes(demands[name], installed.get(name, {}), setting) for name in names]
    changes = {each.demand.component.name: each for each in found if each.by_host}
    coverage = setting.coverage
    if not changes:
        raise PlanningError(f"limit {coverage.limit!r} leaves no host of any component", remedy="widen the limit")
    Requirements({component.name: component for component in coverage.catalog}, installed, changes).check()
    return changes


def _check_values(changes: Mapping[str, Changes], values: ResolvedParameters) -> None:
    problems = []
    for name, each in changes.items():
        hosts = [host for decision, alike in each.decisions if decision.action in GETTING_VALUES for host in alike]
        missing = values.missing(each.demand.component, hosts)
        problems += [
            f"{name} needs a value for {parameter} on {join_names(lacking)}" for parameter, lacking in missing.items()
        ]
    if problems:
        raise PlanningError("\n".join(problems), remedy="set them for the site, or give them with the request")


def _missing_secrets(steps: Iterable[Step], facts: PlanInputs, request: Request) -> tuple[str, ...]:
    carried_out = {step.component for step in steps}
    needed = dict.fromkeys(
        parameter.name
        for component in facts.catalog
        if component.name in carried_out
        for parameter in component.parameters
        if parameter.secret and parameter.required
    )
    needed |= dict.fromkeys(request.secrets if carried_out else ())
    kept = facts.parameters.secrets
    return tuple(f"secret {name} must be handed over at start" for name in needed if name not in kept)


def _summary(changes: Iterable[Changes], steps: Sequence[Step]) -> str:
    """Return one line for people; what is counted are components, and those that change nowhere are unchanged."""
    if not steps:
        return "nothing to change"
    done = [each.actions for each in changes]
    counts = [(sum(action in actions for actions in done), _VERBS.get(action, action.value)) for action in Action]
    parts = [f"{count} to {verb}" for count, verb in counts if count]
    unchanged = sum(not actions for actions in done)
    parts += [f"{unchanged} unchanged"] if unchanged else []
    hosts = {host for step in steps for host in step.hosts}
    return f"{', '.join(parts)}; {counted(len(steps), 'step')} on {counted(len(hosts), 'host')}"
