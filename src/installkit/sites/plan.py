"""A request, made into a plan of a site, and a plan made into all that carrying it out takes."""

import os
import secrets as random
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from installkit.ansible.environment import adjustments
from installkit.errors import PlanningError, Remedy, StalePlanError
from installkit.journal import Journal, carried_elsewhere
from installkit.model import (
    Action,
    Catalog,
    HasId,
    Plan,
    Request,
    RunOptions,
    RunResult,
    RunSpec,
    RunStatus,
    StepSnapshot,
    from_wire,
)
from installkit.planning import (
    Stamp,
    UndoneRun,
    check_parameters,
    digest_inputs,
    make_plan,
    make_rollback_plan,
    make_spec,
    moved_hosts,
    resumed_request,
    stale_changes,
)
from installkit.sites.check import CHECK_PLAYBOOK
from installkit.sites.secrets import check_handed, undeclared
from installkit.sites.survey import SiteSources, Survey


def plan_request(
    sources: SiteSources, wanted: Mapping[str, Any], secrets: Mapping[str, str] | Iterable[str] | None
) -> Plan:
    """
    Return what would be done for a request, and keep it; see `Site.plan`.

    Args:
        sources: The site's.
        wanted: The fields of `Request`.
        secrets: As `Site.plan` takes them.
    """
    sources.directory.store.check_writable()
    sources.directory.runs.recover()
    handed = secrets if isinstance(secrets, Mapping) else {}
    catalog = sources.catalog()
    request = _request({**wanted, "secrets": undeclared(catalog, secrets or ())})
    check_handed(sources, handed, request.secrets)
    continues = request.resume or request.rollback
    if request.resume is not None:
        request = _resumed(request, _own_run(sources, request.resume), catalog)
    undone = _undone_by(sources, request)
    # values of a request are refused if no playbook may get them, before Ansible is given any
    check_parameters(catalog, request, sources.parameters())
    survey = sources.survey(request, handed, catalog=catalog, undone=undone)
    plan = _make(request, survey, _stamp(sources, continues))
    warnings = (*plan.warnings, *_adjustments(plan, survey.catalog), *_elsewhere(sources))
    plan = attrs.evolve(plan, warnings=tuple(dict.fromkeys(warnings)))
    sources.keep()
    sources.directory.store.plans.save(plan)
    return plan


def make_run_spec(sources: SiteSources, plan: Plan, options: RunOptions, values: Mapping[str, str]) -> RunSpec:
    """
    Return what the run of *plan* is, after a look at whether everything is still as planned.

    Raises:
        StalePlanError: If the site or an input changed since the plan was made.
        PlanningError: If the plan is not what its own request makes of the same site.
    """
    sources.directory.runs.recover()
    undone = _undone_by(sources, plan.request)
    survey = sources.survey(plan.request, values, catalog=sources.catalog(anew=True), undone=undone)
    components = {change.component for change in plan.changes}
    now = digest_inputs(survey.catalog, survey.inventory, survey.installed, survey.parameters, components)
    if changes := stale_changes(plan, now, sources.revision()):
        raise StalePlanError(changes)
    continued = _continued(sources, plan.continues)
    stamp = Stamp(plan.id, plan.site, plan.revision, plan.created_at, plan.continues, continued)
    again = _make(plan.request, survey, stamp)
    if moved := moved_hosts(plan, again):
        raise StalePlanError(moved)
    if attrs.evolve(again, warnings=plan.warnings) != plan:  # a secret that came since takes its warning with it
        raise PlanningError(
            f"plan {plan.id} is not what its own request makes of the same site: it was edited, or another"
            " installkit made it",
            remedy="make it again",
        )
    return make_spec(
        again,
        survey.catalog,
        survey.inventory,
        survey.targets,
        options,
        run=new_id() if options.check_mode else plan.id,
        created_at=datetime.now(UTC),
        check_playbook=CHECK_PLAYBOOK,
        parameters=attrs.evolve(survey.parameters, secrets=tuple(values)),
        installed=survey.installed,
    )


def _make(request: Request, survey: Survey, stamp: Stamp) -> Plan:
    inputs = (survey.catalog, survey.inventory, survey.targets, survey.installed)
    if survey.undone is None:
        return make_plan(request, *inputs, stamp=stamp, parameters=survey.parameters)
    return make_rollback_plan(request, *inputs, undone=survey.undone, stamp=stamp, parameters=survey.parameters)


def _stamp(sources: SiteSources, continues: str | None) -> Stamp:
    now = datetime.now(UTC)
    return Stamp(new_id(), sources.name, sources.revision(), now, continues, _continued(sources, continues))


def _continued(sources: SiteSources, run: str | None) -> frozenset[str]:
    """Return the ids of *run*, and of the runs that it went on with in turn, as far as they are still there."""
    runs: set[str] = set()
    while run is not None and run not in runs and sources.directory.runs.has(run):
        runs.add(run)
        run = sources.directory.runs.journal(run).spec().continues
    return frozenset(runs)


def _resumed(request: Request, run: Journal, catalog: Catalog) -> Request:
    ended = _result(run).run
    failed = [host for step in ended.steps for host in _failed_hosts(step)]
    return resumed_request(
        run.spec().plan.request, request, catalog, done=ended.steps, failed_hosts=dict.fromkeys(failed)
    )


def _undone_by(sources: SiteSources, request: Request) -> UndoneRun | None:
    return None if request.rollback is None else _undone(_own_run(sources, request.rollback))


def _result(run: Journal) -> RunResult:
    result = run.result()
    if result is None:
        where = carried_elsewhere(run.path)
        elsewhere = f" here, and is carried elsewhere: {where}" if where else ""
        remedy = (
            Remedy("take it over, as interrupted", ("adopt", run.id))
            if where
            else Remedy("wait for it", ("watch", run.id))
        )
        raise PlanningError(f"run {run.id} has not ended{elsewhere}", remedy=remedy)
    return result


def _undone(run: Journal) -> UndoneRun:
    result, spec = _result(run), run.spec()
    written = {(each.component, each.host) for each in spec.plan.changes if each.action and each.action.bookkeeping}
    changed = [row for row in result.installed if row.changing_run == run.id]
    places = (*((row.component, row.host) for row in changed), *result.removed)
    touched = tuple(place for place in places if place not in written)
    if written and not touched:
        raise PlanningError(
            f"run {run.id} changed the record alone: there is nothing on a host to undo",
            remedy=Remedy("say what is there, or forget it", ("record", "NAME=VERSION")),
        )
    return UndoneRun(touched, spec.installed)


def _own_run(sources: SiteSources, run: str) -> Journal:
    found = sources.directory.runs.find(run)
    spec = found.spec()
    if spec.site != sources.name:
        raise PlanningError(f"run {found.id} was on site {spec.site!r}, not on {sources.name!r}")
    if spec.checked_plan or (spec.plan.steps and all(step.action is Action.CHECK for step in spec.plan.steps)):
        raise PlanningError(
            f"run {found.id} only checked: there is nothing to go on with, or to undo",
            remedy=Remedy("name the run that changed something", ("runs",)),
        )
    return found


def _elsewhere(sources: SiteSources) -> list[str]:
    """Return a warning for each run that may change the site and has not ended here, but is carried elsewhere."""
    live = [status for status in RunStatus if not status.final]
    folder = sources.directory.folders.runs
    paths = (folder / run.id for run in sources.directory.store.runs.list(site=sources.name, status=live))
    return [
        f"run {path.name} on this site has not ended here, and is carried elsewhere ({where}):"
        f" what it has done since is not known; to take it over: installkit adopt {path.name}"
        for path in paths
        if (where := carried_elsewhere(path))
    ]


def _failed_hosts(step: StepSnapshot) -> Iterator[str]:
    """Return the component's hosts on which *step* failed: all of them if it failed on one beside them."""
    of_all = any(step.host_statuses[host].ended_badly for host in step.others)
    return (host for host in step.own_hosts if of_all or step.host_statuses[host].ended_badly)


def _adjustments(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Yield a sentence for each thing in this environment, or an ansible.cfg, that a run of *plan* does without."""
    components = dict.fromkeys(step.component for step in plan.steps if step.playbook and step.component in catalog)
    for folder in dict.fromkeys(catalog[name].folder for name in components):
        yield from adjustments(folder, os.environ)


def new_id() -> str:
    """Return an id for a plan and its run: twelve hexadecimal digits, at random."""
    return random.token_hex(6)


def _request(wanted: Mapping[str, Any]) -> Request:
    fields = attrs.fields_dict(Request)
    if unknown := sorted(wanted.keys() - fields.keys()):
        raise TypeError(f"a request has no {', '.join(unknown)}; it has: {', '.join(fields)}")
    given = {name: _field(name, value, fields[name].default) for name, value in wanted.items() if value is not None}
    try:
        return from_wire(Request, given)
    except ValueError as exc:
        raise TypeError(str(exc)) from exc


def _field(name: str, value: Any, default: Any) -> Any:
    if default != ():
        return value.id if isinstance(value, HasId) else value
    if name == "batch" and isinstance(value, (int, str)):
        return (value,)
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name} takes a list, as [{value!r}]")
    return tuple(value)
