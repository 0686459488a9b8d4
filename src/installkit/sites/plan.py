"""What a site plans: its catalog, its inventory, its record and a request, made into a plan."""

import os
import secrets as random
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import attrs

from installkit.ansible.environment import adjustments
from installkit.errors import PlanningError, StalePlanError
from installkit.inventory import read_targets
from installkit.journal import Journal, carried_elsewhere, is_run_id, read_holder
from installkit.model import (
    Action,
    Catalog,
    Component,
    Installation,
    Inventory,
    Plan,
    Request,
    RunOptions,
    RunSpec,
    RunStatus,
    SiteParameters,
    StepSnapshot,
    Targets,
    from_wire,
)
from installkit.planning import (
    Stamp,
    Undone,
    check_parameters,
    digest_inputs,
    make_plan,
    make_rollback_plan,
    make_spec,
    moved_hosts,
    parse_wanted,
    questions,
    resumed_request,
    rollback_questions,
    stale_changes,
)
from installkit.runs.run import FollowUp, Run
from installkit.sites.hosts import SiteHosts


class SitePlans(SiteHosts):
    """
    The part of a site that is its plans.

    Attributes:
        name: The site's.
    """

    _refresh: Callable[[], None]
    _recover: Callable[[], None]
    _follow_up: FollowUp

    def plan(self, *, secrets: Mapping[str, str] | Iterable[str] | None = None, **wanted: Any) -> Plan:
        """
        Return what would be done for a request, and keep it for `Installer.plan`. Nothing is connected to or changed.

        Args:
            secrets: As in `start`, or names alone. Vault passwords, where Ansible needs them to say which hosts are meant;
                and secrets that no component declares: the plan keeps their names, `start` wants a value for each, and
                all its playbooks get it.
            **wanted: The fields of `Request`: `install=["mysql=10.11.18"]`, `upgrade=…`, `all=True`, `limit="db"`, ….

        Raises:
            PlanningError: If no plan can be made; the message says why.
            UnknownNameError: If nobody defined a component.
            DefinitionError: If the catalog or the inventory is wrong.
            StoreError: If the data directory cannot be written.
            TypeError: If *wanted* has a field that no request has.
        """
        self._store.check_writable()
        self._recover()
        handed = secrets if isinstance(secrets, Mapping) else {}
        request = _request({**wanted, "secrets": self._undeclared(secrets or ())})
        self._check_handed(handed, request.secrets)
        continues = request.resume or request.rollback
        if request.resume is not None:
            request = self._resumed(request, self._own_run(request.resume))
        known = self._survey(request, handed, new=True)
        plan = _make(request, known, self._stamp(continues))
        plan = attrs.evolve(
            plan,
            warnings=tuple(dict.fromkeys([*plan.warnings, *_adjustments(plan, known.catalog), *self._elsewhere()])),
        )
        self._store.save_plan(plan)
        return plan

    def installed(self) -> tuple[Installation, ...]:
        """Return what is installed where: a row for each component and host."""
        self._refresh()
        return self._store.installed(self.name)

    def _elsewhere(self) -> list[str]:
        """Return a warning for each run that may change the site and has not ended here, but is carried elsewhere."""
        live = [status for status in RunStatus if not status.final]
        paths = (self._folders.runs / run.id for run in self._store.runs(site=self.name, status=live))
        return [
            f"run {path.name} on this site has not ended here, and is carried elsewhere ({where}):"
            f" what it has done since is not known; to take it over: installkit adopt {path.name}"
            for path in paths
            if (where := carried_elsewhere(path))
        ]

    def _resumed(self, request: Request, run: Run) -> Request:
        ended = run.result().run
        failed = [host for step in ended.steps for host in _failed_hosts(step)]
        catalog = self.catalog()
        return resumed_request(run.plan.request, request, catalog, done=ended.steps, failed_hosts=dict.fromkeys(failed))

    def _survey(self, request: Request, secrets: Mapping[str, str], *, new: bool = False) -> "_Survey":
        """
        Gather all that planning *request* takes: the catalog, the record, and what Ansible answers.

        Values of a *new* request are refused if no playbook may get them, before Ansible is given any.
        """
        installed = self.installed()
        catalog = _with_forgotten(self.catalog(), request, installed)
        parameters = self.parameters()
        if new:  # those of a plan were looked at when it was made
            check_parameters(catalog, request, parameters)
        undone = None if request.rollback is None else self._undone(self._own_run(request.rollback))
        asked = rollback_questions(request, undone, catalog) if undone else questions(request, catalog, installed)
        vault = self._vault(secrets)
        inventory = self._inventory(catalog.folder, vault)
        files = {str(catalog.folder / path): digest for each in catalog for path, digest in each.files.items()}
        targets = read_targets(inventory, asked.uses, asked.patterns, files=files, asking=self._asking, vault=vault)
        return _Survey(catalog, inventory, targets, installed, parameters, undone)

    def _undone(self, run: Run) -> Undone:
        result = run.result()
        written = {(each.component, each.host) for each in run.plan.changes if each.action and each.action.bookkeeping}
        changed = [row for row in result.installed if row.changing_run == run.id]
        places = (*((row.component, row.host) for row in changed), *result.removed)
        touched = tuple(place for place in places if place not in written)
        if written and not touched:
            raise PlanningError(
                f"run {run.id} changed the record alone: there is nothing on a host to undo",
                remedy="say what is there: installkit record NAME=VERSION, or installkit forget NAME",
            )
        return Undone(touched, run.spec().installed)

    def _own_run(self, run: str) -> Run:
        self._refresh()
        found = self._run(self._store.find_run(run))
        if found.site != self.name:
            raise PlanningError(f"run {found.id} was on site {found.site!r}, not on {self.name!r}")
        if found.plan.steps and all(step.action is Action.CHECK for step in found.plan.steps):
            raise PlanningError(
                f"run {found.id} only checked: there is nothing to go on with, or to undo",
                remedy="name the run that changed something: installkit runs",
            )
        return found

    def _spec(self, plan: Plan, options: RunOptions, values: Mapping[str, str]) -> RunSpec:
        """Return what the run is, after a look at whether everything is still as planned."""
        self._recover()
        self._refresh()
        known = self._survey(plan.request, values)
        components = {change.component for change in plan.changes}
        now = digest_inputs(known.catalog, known.inventory, known.installed, known.parameters, components)
        if changes := stale_changes(plan, now, self._revision()):
            raise StalePlanError(changes)
        stamp = Stamp(
            plan.id, plan.site, plan.revision, plan.created_at, plan.continues, self._continued(plan.continues)
        )
        again = _make(plan.request, known, stamp)
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
            known.catalog,
            known.inventory,
            known.targets,
            options,
            run=new_id() if options.check_mode else plan.id,
            created_at=datetime.now(UTC),
            parameters=attrs.evolve(known.parameters, secrets=tuple(values)),
            installed=known.installed,
        )

    def _stamp(self, continues: str | None = None) -> Stamp:
        now = datetime.now(UTC)
        return Stamp(new_id(), self.name, self._revision(), now, continues, self._continued(continues))

    def _continued(self, run: str | None) -> frozenset[str]:
        """Return the ids of *run*, and of the runs that it went on with in turn, as far as they are still there."""
        runs: set[str] = set()
        while run is not None and run not in runs and (found := self._started(run)) is not None:
            runs.add(run)
            run = found.spec().continues
        return frozenset(runs)

    def _revision(self) -> str | None:
        """Return the last run that changed the site; None before the first."""
        run = read_holder(self._folders.site_lock(self.name)).get("run")
        return run if isinstance(run, str) else None

    def _run(self, run: str) -> Run:
        return Run(Journal(self._folders.runs / run), self._store, self._follow_up)

    def _started(self, run: str) -> Run | None:
        path = self._folders.runs / run
        return self._run(run) if is_run_id(run) and path.is_dir() else None


@attrs.frozen
class _Survey:
    """
    What a plan is made from, beside its request.

    Attributes:
        undone: What the run to be rolled back did; None for any other request.
    """

    catalog: Catalog
    inventory: Inventory
    targets: Targets
    installed: tuple[Installation, ...]
    parameters: SiteParameters
    undone: Undone | None


def _make(request: Request, known: _Survey, stamp: Stamp) -> Plan:
    inputs = (known.catalog, known.inventory, known.targets, known.installed)
    if known.undone is None:
        return make_plan(request, *inputs, stamp=stamp, parameters=known.parameters)
    return make_rollback_plan(request, *inputs, undone=known.undone, stamp=stamp, parameters=known.parameters)


def _failed_hosts(step: StepSnapshot) -> Iterator[str]:
    """Return the component's hosts on which *step* failed: all of them if it failed on one beside them."""
    of_all = any(step.host_statuses[host].ended_badly for host in step.others)
    return (host for host in step.own_hosts if of_all or step.host_statuses[host].ended_badly)


def _adjustments(plan: Plan, catalog: Catalog) -> Iterator[str]:
    """Yield a sentence for each thing in this environment, or an ansible.cfg, that a run of *plan* does without."""
    for folder in dict.fromkeys(catalog[step.component].folder for step in plan.steps if step.playbook):
        yield from adjustments(folder, os.environ)


def _with_forgotten(catalog: Catalog, request: Request, installed: Iterable[Installation]) -> Catalog:
    """Return *catalog* with what *request* forgets though it is there no more: it is in the record alone."""
    names = {parse_wanted(text).name for text in request.forget}
    gone = sorted({row.component for row in installed if row.component in names and row.component not in catalog})
    components = (Component(name=name, title=name, folder=catalog.folder) for name in gone)
    return attrs.evolve(catalog, components=(*catalog.components, *components))


def new_id() -> str:
    """Return an id for a plan and its run: twelve hexadecimal digits, at random."""
    return random.token_hex(6)


def _request(wanted: Mapping[str, Any]) -> Request:
    fields = attrs.fields_dict(Request)
    if unknown := sorted(wanted.keys() - fields.keys()):
        raise TypeError(f"a request has no {', '.join(unknown)}; it has: {', '.join(fields)}")
    given = {name: _field(name, value, fields[name].default) for name, value in wanted.items()}
    try:
        return from_wire(Request, given)
    except ValueError as exc:
        raise TypeError(str(exc)) from exc


def _field(name: str, value: Any, default: Any) -> Any:
    if isinstance(value, Run):
        return value.id
    if default != ():
        return value
    if name == "batch" and isinstance(value, (int, str)):
        return (value,)
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name} takes a list, as [{value!r}]")
    return tuple(value)
