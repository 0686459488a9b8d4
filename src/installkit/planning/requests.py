"""What a request asks for, component by component."""

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from installkit.errors import PlanningError, UnknownNameError
from installkit.model import (
    Action,
    ActionDefinition,
    Catalog,
    Component,
    Installation,
    PlaybookUse,
    Request,
    StepSnapshot,
    StepStatus,
)
from installkit.planning.batches import check_batch
from installkit.planning.limits import limit_parts
from installkit.planning.parameters import handed_variables
from installkit.planning.selection import Selected, excluded_names, select
from installkit.text import join_names

BRINGING = frozenset({Action.INSTALL, Action.UPGRADE})
"""Actions that bring in what their component requires."""

GETTING_VALUES = frozenset({Action.INSTALL, Action.UPGRADE, Action.CONFIGURE, Action.ROLLBACK})
"""Actions that put parameter values in place; the others leave those that are there."""

LEAVING = frozenset({Action.UNINSTALL, Action.FORGET})
"""Actions after which a component is no longer there, as far as the record goes."""

CHECKED = frozenset(
    {Action.INSTALL, Action.UPGRADE, Action.CONFIGURE, Action.START, Action.RESTART, Action.ROLLBACK, Action.CHECK}
)
"""Actions before which a component's check is carried out: those after which it must work, and the check itself."""

_VERSIONED = frozenset({Action.INSTALL, Action.UPGRADE, Action.VERIFY, Action.CHECK, Action.RECORD})
_WITHOUT_TRACE = (Action.CONFIGURE, Action.START, Action.STOP, Action.RESTART, Action.BACKUP)
_NAMES_HOSTS = re.compile(r"[\w*.?]")


@attrs.frozen(kw_only=True)
class Demand:
    """
    The one action that a request asks for on one component.

    Attributes:
        required_by: The component that brought it in; None if the request names it.
        by_all: Whether only `all` brought it in.
        by_range: Whether only a range of numbers brought it in.
        forced: Whether the action is carried out even where nothing changed.
    """

    component: Component
    action: Action
    version: str | None = None
    required_by: str | None = None
    by_all: bool = False
    by_range: bool = False
    forced: bool = False

    @property
    def by_name(self) -> bool:
        """Whether somebody named the component."""
        return self.required_by is None and not self.by_all and not self.by_range


def resumed_request(
    old: Request,
    request: Request,
    catalog: Catalog,
    *,
    done: Iterable[StepSnapshot] = (),
    failed_hosts: Iterable[str] = (),
) -> Request:
    """
    Return the request that resumes the run of *old*: its actions, and its other values replaced by those of *request*.

    Actions that leave no trace in the record, as a restart, and forced ones are left out where the run has done them.

    Args:
        old: The request that the run was planned for.
        request: The request that names the run in `resume`.
        catalog: Tells which components the names mean.
        done: The run's steps.
        failed_hosts: The run's hosts that failed or could not be reached; the limit with `failed_hosts_only`.

    Raises:
        PlanningError: If *request* asks for actions of its own, or for failed hosts although none failed, or if nothing
            is left to do.
        UnknownNameError: If a component is no longer in *catalog*.
    """
    own = [action.value for action in Action if request.wanted(action)] + ["all"] * request.all
    if own:
        raise PlanningError(
            f"resume takes its actions from run {request.resume}, but the request has {', '.join(own)}",
            remedy="leave them out, or make a plan without resume",
        )
    steps = tuple(done)
    exclude = tuple(dict.fromkeys((*old.exclude, *request.exclude)))
    excluded = excluded_names(exclude, catalog)
    left: dict[str, Any] = {
        action.value: _left_of(select(old.wanted(action), catalog, excluded), action, steps)
        for action in _WITHOUT_TRACE
    }
    force = _left_of(select(old.force, catalog, excluded), None, steps)
    limit = ",".join(failed_hosts) if request.failed_hosts_only else request.limit or old.limit
    if request.failed_hosts_only and not limit:
        raise PlanningError(f"no host failed in run {request.resume}", remedy="resume it on all its hosts")
    rest = attrs.evolve(
        old,
        **left,
        limit=limit,
        failed_hosts_only=request.failed_hosts_only or (old.failed_hosts_only and request.limit is None),
        batch=request.batch or old.batch,
        parameters={**old.parameters, **request.parameters},
        exclude=exclude,
        secrets=tuple(dict.fromkeys((*old.secrets, *request.secrets))),
        force=tuple(dict.fromkeys((*force, *request.force))),
    )
    if not (rest.all or rest.force or any(rest.wanted(action) for action in Action)):
        raise PlanningError(
            f"nothing is left of run {request.resume}: all that it was asked for is done",
            remedy="make a new plan to do it again",
        )
    return rest


def _left_of(entries: Iterable[Selected], action: Action | None, steps: Iterable[StepSnapshot]) -> tuple[str, ...]:
    """
    Return the texts of those *entries* whose steps have not all succeeded.

    Args:
        entries: What is asked for.
        action: Only steps of this action count; None counts those of every action that changes something.
        steps: The run's steps.
    """
    concerned = [step for step in steps if step.action is action or (action is None and not step.action.read_only)]
    ended: dict[str, bool] = {}
    for step in concerned:
        ended[step.component] = ended.get(step.component, True) and step.status is StepStatus.SUCCEEDED
    return tuple(entry.text for entry in entries if not ended.get(entry.component.name, False))


def read_demands(request: Request, catalog: Catalog) -> dict[str, Demand]:
    """
    Return by component what *request* names, forces or has by `all`, and all that these components require.

    Raises:
        UnknownNameError: If a name, requested or required, is not in *catalog*.
        PlanningError: If nothing is asked for, or two things that exclude each other.
    """
    _check_shape(request)
    excluded = excluded_names(request.exclude, catalog)
    demands = _named_demands(request, catalog, excluded)
    forced = {entry.component.name: entry for entry in select(request.force, catalog, excluded)}
    for name, entry in forced.items():
        demands.setdefault(name, Demand(component=entry.component, action=Action.INSTALL, by_range=entry.by_range))
    if request.all:
        for component in catalog:
            if component.action(Action.INSTALL) is not None and component.name not in excluded:
                demands.setdefault(component.name, Demand(component=component, action=Action.INSTALL, by_all=True))
    if not demands and request.exclude:
        raise PlanningError("nothing is left: all that is asked for is excluded", remedy="exclude less")
    if not demands:
        raise PlanningError("nothing is asked for", remedy="name a component, as in install=['mysql'], or ask for all")
    _bring_required(demands, catalog)
    contradicted = [
        f"{demand.required_by} requires {name}, which is excluded"
        if demand.required_by
        else f"{name} is asked for and excluded"
        for name, demand in demands.items()
        if name in excluded
    ]
    if contradicted:
        raise PlanningError("\n".join(contradicted), remedy="do not exclude it, or leave out what asks for it")
    return {name: attrs.evolve(demand, forced=name in forced) for name, demand in demands.items()}


def _check_shape(request: Request) -> None:
    """Refuse a *request* with fields that contradict each other, in any catalog."""
    for field in ("resume", "rollback"):
        run = getattr(request, field)
        if run is not None:
            raise PlanningError(
                f"{field} of run {run} cannot be planned as it is",
                remedy="make a request from the run's own request first, and plan that one",
            )
    if request.failed_hosts_only and request.limit is None:
        raise PlanningError("failed_hosts_only goes with resume", remedy="name the run, or give the hosts as limit")
    if request.purge and not request.uninstall:
        raise PlanningError("purge goes with uninstall", remedy="name what is uninstalled, or leave purge out")
    leaving = [action.value for action in Action if action in LEAVING and request.wanted(action)]
    if request.all and leaving:
        raise PlanningError(
            f"all installs what is not installed yet, so it does not go with {join_names(leaving)}",
            remedy="name what leaves in a plan of its own",
        )
    check_batch(request.batch)
    check_limit(request.limit)


def check_limit(limit: str | None) -> None:
    """
    Refuse a *limit* that Ansible would not take for hosts; None is no limit.

    Raises:
        PlanningError: If it is not text, names nothing, or stands for a file, an option or a template.
    """
    if limit is None:
        return
    valid = isinstance(limit, str) and limit.isprintable() and _NAMES_HOSTS.search(limit) is not None
    valid = valid and "{{" not in limit and "{%" not in limit
    parts = [part.strip() for part in re.split("[,:]", limit)] if valid else []
    if not valid or any(part.startswith(("@", "-")) or part in {"&", "!"} for part in parts):
        raise PlanningError(
            f"limit {limit!r} is not a host pattern",
            remedy="name hosts or groups, as db or web1,web2; files are not read",
        )


def _named_demands(request: Request, catalog: Catalog, excluded: Collection[str]) -> dict[str, Demand]:
    entries = [(action, entry) for action in Action for entry in select(request.wanted(action), catalog, excluded)]
    demands: dict[str, Demand] = {}
    for action, entry in sorted(entries, key=lambda pair: pair[1].by_range):  # a name says more than a range
        if entry.version is not None and action not in _VERSIONED:
            raise PlanningError(f"{action.value} takes no version, but {entry.text!r} has one", remedy="leave it out")
        demand = Demand(component=entry.component, action=action, version=entry.version, by_range=entry.by_range)
        first = demands.setdefault(demand.component.name, demand)
        if first != demand and not (entry.by_range and first.action is action):
            raise PlanningError(
                f"{first.component.name} is asked for twice: {_demand_text(first)}, {_demand_text(demand)}",
                remedy="ask for one of them; make another plan for the other",
            )
    return demands


def _demand_text(demand: Demand) -> str:
    return f"{demand.action.value} {demand.version or ''}".strip()


def _bring_required(demands: dict[str, Demand], catalog: Catalog) -> None:
    by_name = {component.name: component for component in catalog}
    waiting = [demand for demand in demands.values() if demand.action in BRINGING]
    while waiting:
        component = waiting.pop().component
        for requirement in component.requires:
            required = find_required(requirement.name, component, by_name)
            if required.name not in demands:
                demand = Demand(component=required, action=Action.INSTALL, required_by=component.name)
                demands[required.name] = demand
                waiting.append(demand)


def find_required(name: str, component: Component, by_name: Mapping[str, Component]) -> Component:
    """
    Return the component *name*, which *component* requires.

    Raises:
        UnknownNameError: If there is none.
    """
    if name not in by_name:
        raise UnknownNameError(
            f"{component.name} requires {name!r}, which is not a component of the catalog",
            remedy=f"add it, or take it out of {component.manifest or component.name}",
        )
    return by_name[name]


_ON_NOTHING = (Action.INSTALL, Action.VERIFY, Action.CHECK)
_ON_INSTALLED = (Action.INSTALL, Action.UPGRADE, Action.CONFIGURE, Action.VERIFY, Action.CHECK)


@attrs.frozen
class Questions:
    """
    What Ansible is asked for a plan; its answers are the `Targets`.

    Attributes:
        uses: Playbooks with the variables that they get; Ansible names their plays and hosts.
        patterns: Host patterns of components, the request's limit and its parts; Ansible names their hosts.
    """

    uses: tuple[PlaybookUse, ...]
    patterns: tuple[str, ...]

    @property
    def playbooks(self) -> tuple[Path, ...]:
        """The absolute paths of the playbooks, each once."""
        return tuple(dict.fromkeys(use.playbook for use in self.uses))


def questions(request: Request, catalog: Catalog, installed: Iterable[Installation]) -> Questions:
    """
    Return what Ansible must be asked before `make_plan` can plan *request*.

    Args:
        request: What somebody asks for.
        catalog: The site's components.
        installed: What is installed on the site.

    Raises:
        UnknownNameError: If a name, requested or required, is not in *catalog*.
        PlanningError: If nothing is asked for, or two things that exclude each other.
    """
    demands = read_demands(request, catalog)
    recorded = {row.component for row in installed}
    uses = []
    for demand in demands.values():
        component = demand.component
        possible = _ON_INSTALLED if component.name in recorded else _ON_NOTHING
        actions = dict.fromkeys((*possible, demand.action))
        specs = [spec for action in actions if (spec := component.action(action)) is not None]
        if component.action(Action.INSTALL) is None:
            specs += [spec for spec in component.actions if spec not in specs]
        uses += [asked_use(component, spec, request, demand.version) for spec in specs if spec.playbook]
    return Questions(tuple(uses), asked_patterns((demand.component for demand in demands.values()), request.limit))


def asked_use(
    component: Component, spec: ActionDefinition, request: Request, version: str | None = None
) -> PlaybookUse:
    """
    Return the use of *spec*'s playbook with those variables it will get that are known before the plan.

    Args:
        component: The component of the playbook.
        spec: How the action is carried out.
        request: What somebody asks for.
        version: The version asked for; None for the component's default. The version before counts as unknown.
    """
    versions = {"to_version": version or component.default_version, "from_version": None}
    return component.use_of(spec, handed_variables(component, spec, request, **versions))


def asked_patterns(components: Iterable[Component], limit: str | None) -> tuple[str, ...]:
    """Return the host patterns of *components*, *limit* and its parts, each once."""
    of_components = (component.hosts for component in components)
    every = (*of_components, limit, *(part.pattern for part in limit_parts(limit or "")))
    return tuple(dict.fromkeys(pattern for pattern in every if pattern is not None))
