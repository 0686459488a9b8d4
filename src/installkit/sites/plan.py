"""Makes a plan of a site from a request, and the spec of a run from a plan."""

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
    Plan,
    Request,
    RunOptions,
    RunResult,
    RunSpec,
    RunStatus,
    StepSnapshot,
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
    request_of,
    resumed_request,
    stale_changes,
)
from installkit.sites.check import CHECK_PLAYBOOK
from installkit.sites.secrets import check_handed, undeclared
from installkit.sites.survey import SiteSources, Survey


def plan_request(
    sources: SiteSources, requested: Mapping[str, Any], secrets: Mapping[str, str] | Iterable[str] | None
) -> Plan:
    """
    Return the plan for a request, and store it; see `Site.plan`.

    Args:
        sources: The sources of the site.
        requested: The fields of `Request`.
        secrets: As `Site.plan` takes them.
    """
    sources.directory.store.check_writable()
    sources.directory.runs.recover()
    handed = secrets if isinstance(secrets, Mapping) else {}
    catalog = sources.catalog()
    request = request_of({**requested, "secrets": undeclared(catalog, secrets or ())})
    check_handed(sources, handed, request.secrets)
    continues = request.resume or request.rollback
    if request.resume is not None:
        resumed = _own_run(sources, request.resume)
        ended = _result(resumed).run
        failed = dict.fromkeys(host for step in ended.steps for host in _failed_hosts(step))
        old = resumed.spec().plan.request
        request = resumed_request(old, request, catalog, done=ended.steps, failed_hosts=failed)
    undone = _undone_by(sources, request)
    # wrong values are refused before Ansible gets any
    check_parameters(catalog, request, sources.parameters())
    survey = sources.survey(request, handed, catalog=catalog, undone=undone)
    continued = _continued(sources, continues)
    stamp = Stamp(new_id(), sources.name, sources.revision(), datetime.now(UTC), continues, continued)
    plan = _make(request, survey, stamp)
    warnings = (*plan.warnings, *_site_warnings(sources, plan, survey.catalog))
    plan = attrs.evolve(plan, warnings=tuple(dict.fromkeys(warnings)))
    sources.keep()
    sources.directory.store.plans.save(plan)
    return plan


def make_run_spec(sources: SiteSources, plan: Plan, options: RunOptions, values: Mapping[str, str]) -> RunSpec:
    """
    Return the spec of a run of *plan*, after a check that nothing has changed since it was made.

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
    if attrs.evolve(again, warnings=plan.warnings) != plan:  # a secret that was kept since then removes its warning
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


def _continued(sources: SiteSources, run: str | None) -> frozenset[str]:
    """Return the ids of *run* and of the runs that it resumed in turn, as far as these runs are still there."""
    runs: set[str] = set()
    while run is not None and run not in runs and sources.directory.runs.has(run):
        runs.add(run)
        run = sources.directory.runs.journal(run).spec().continues
    return frozenset(runs)


def _undone_by(sources: SiteSources, request: Request) -> UndoneRun | None:
    """Return what the run did that *request* rolls back; None if it rolls none back."""
    if request.rollback is None:
        return None
    run = _own_run(sources, request.rollback)
    result, spec = _result(run), run.spec()
    record_only = {
        (change.component, change.host) for change in spec.plan.changes if change.action and change.action.bookkeeping
    }
    changed = [row for row in result.installed if row.changing_run == run.id]
    places = (*((row.component, row.host) for row in changed), *result.removed)
    touched = tuple(place for place in places if place not in record_only)
    if record_only and not touched:
        raise PlanningError(
            f"run {run.id} changed the record alone: there is nothing on a host to undo",
            remedy=Remedy("say what is there, or forget it", ("record", "NAME=VERSION")),
        )
    return UndoneRun(touched, spec.installed)


def _result(run: Journal) -> RunResult:
    """Return the result of *run*; refuse one that has not ended."""
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


def _own_run(sources: SiteSources, run: str) -> Journal:
    """Return the journal of *run*; refuse a run of another site, and one that only checked."""
    journal = sources.directory.runs.find(run)
    spec = journal.spec()
    if spec.site != sources.name:
        raise PlanningError(f"run {journal.id} was on site {spec.site!r}, not on {sources.name!r}")
    if spec.checked_plan or (spec.plan.steps and all(step.action is Action.CHECK for step in spec.plan.steps)):
        raise PlanningError(
            f"run {journal.id} only checked: there is nothing to go on with, or to undo",
            remedy=Remedy("name the run that changed something", ("runs",)),
        )
    return journal


def _site_warnings(sources: SiteSources, plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Yield warnings about settings that a run of *plan* ignores, and about runs that are carried out elsewhere."""
    components = dict.fromkeys(step.component for step in plan.steps if step.playbook and step.component in catalog)
    for folder in dict.fromkeys(catalog[name].folder for name in components):
        yield from adjustments(folder, os.environ)
    live = [status for status in RunStatus if not status.final]
    for run in sources.directory.store.runs.list(site=sources.name, status=live):
        if where := carried_elsewhere(sources.directory.folders.runs / run.id):
            yield (
                f"run {run.id} on this site has not ended here, and is carried elsewhere ({where}):"
                f" what it has done since is not known; to take it over: installkit adopt {run.id}"
            )


def _failed_hosts(step: StepSnapshot) -> Iterator[str]:
    """Return the component's hosts on which *step* failed: all of them if it failed on a host of another component."""
    of_all = any(step.host_statuses[host].ended_badly for host in step.others)
    return (host for host in step.own_hosts if of_all or step.host_statuses[host].ended_badly)


def new_id() -> str:
    """Return an id for a plan and its run: twelve hexadecimal digits, at random."""
    return random.token_hex(6)
