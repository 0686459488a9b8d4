import secrets as random
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from installkit.checks import make_check_spec, refuse_unknown
from installkit.display import Shown
from installkit.engine import launch
from installkit.errors import PlanningError, SiteLockedError, StalePlanError
from installkit.folders import Folders
from installkit.hosts import SiteHosts
from installkit.inventory import read_targets
from installkit.journal import (
    Journal,
    Lock,
    create_journal,
    is_run_id,
    lock_is_held,
    read_holder,
    take_lock,
    write_holder,
)
from installkit.model import (
    LOG_LIMIT,
    Catalog,
    Check,
    FailureCode,
    HostStatus,
    Installation,
    Inventory,
    Plan,
    Request,
    RunOptions,
    RunSpec,
    RunStatus,
    SiteLock,
    SiteParameters,
    SiteSnapshot,
    Targets,
    is_password,
    time_to_wire,
)
from installkit.planning import (
    Stamp,
    Undone,
    digest_inputs,
    make_plan,
    make_rollback_plan,
    make_spec,
    questions,
    resumed_request,
    rollback_questions,
    stale_changes,
)
from installkit.run import Run, user_name
from installkit.store import Store
from installkit.values import check_passwords

LOCK_PATIENCE = 5.0
"""Seconds to wait for the lock of a run that has ended: its processes are on their way out."""


class Site(SiteHosts, Shown):
    """
    One customer's target: its inventory, its catalog, its parameters, and what is installed.

    Attributes:
        name: Unique in its data directory.
    """

    def __init__(self, folders: Folders, store: Store, name: str, refresh: Callable[[], None]) -> None:
        self.name = name
        self._folders = folders
        self._store = store
        self._refresh = refresh

    def __repr__(self) -> str:
        now = self.snapshot()
        return f"<Site {self.name}: {now.inventory.path}, {now.catalog}>"

    def snapshot(self) -> SiteSnapshot:
        """Return what is known of the site at this moment."""
        return attrs.evolve(self._store.site(self.name), revision=self._revision(), lock=self._lock_holder())

    def plan(self, *, secrets: Mapping[str, str] | None = None, **wanted: Any) -> Plan:
        """
        Return what would be done for a request, and keep it for `Installer.plan`. Nothing is connected to or changed.

        Args:
            secrets: Vault passwords, as in `start`, where Ansible needs them to say which hosts are meant.
            **wanted: The fields of `Request`: `install=["mysql=10.11.18"]`, `upgrade=…`, `all=True`, `limit="db"`, ….

        Raises:
            PlanningError: If no plan can be made; the message says why.
            DefinitionError: If the catalog or the inventory is wrong.
            StoreError: If the data directory cannot be written.
            TypeError: If *wanted* has a field that no request has.
        """
        self._store.check_writable()
        request = _request(wanted)
        continues = request.resume or request.rollback
        if request.resume is not None:
            request = self._resumed(request, self._own_run(request.resume))
        plan = _make(request, self._survey(request, secrets or {}), self._stamp(continues))
        self._store.save_plan(plan)
        return plan

    def _resumed(self, request: Request, run: Run) -> Request:
        ended = run.result().run
        lost = {HostStatus.FAILED, HostStatus.UNREACHABLE}
        failed = [host for step in ended.steps for host, status in step.host_statuses.items() if status in lost]
        return resumed_request(run.plan.request, request, done=ended.steps, failed_hosts=dict.fromkeys(failed))

    def _survey(self, request: Request, secrets: Mapping[str, str]) -> "_Survey":
        """Gather all that planning *request* takes: the catalog, the record, and what Ansible answers."""
        catalog, installed = self.catalog(), self.installed()
        undone = None if request.rollback is None else self._undone(self._own_run(request.rollback))
        asked = rollback_questions(request, undone, catalog) if undone else questions(request, catalog, installed)
        vault = self._vault(secrets)
        inventory = self._inventory(catalog.folder, vault)
        targets = read_targets(inventory, asked.playbooks, asked.patterns, cache=self._folders.cache, vault=vault)
        return _Survey(catalog, inventory, targets, installed, self.parameters(), undone)

    def _undone(self, run: Run) -> Undone:
        result = run.result()
        touched = (*((row.component, row.host) for row in result.installed), *result.removed)
        return Undone(touched, run.spec().installed)

    def _own_run(self, run: str) -> Run:
        self._refresh()
        found = self._run(self._store.find_run(run))
        if found.site != self.name:
            raise PlanningError(f"run {found.id} was on site {found.site!r}, not on {self.name!r}")
        return found

    def start(
        self,
        plan: Plan,
        *,
        note: str = "",
        jobs: int | None = None,
        timeout: float | None = None,
        ignore_checks: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        check_mode: bool = False,
        diff: bool = False,
        verbosity: int = 0,
        log_limit: int = LOG_LIMIT,
        user: str | None = None,
        private_key: str | Path | None = None,
        become: bool = False,
        requested_by: str | None = None,
    ) -> Run:
        """
        Start to carry out *plan* and return its run at once; starting it again returns the same run.

        Args:
            plan: As `plan` returned it, of this site; still true.
            note: What you want to remember of it.
            jobs: How many steps may run at once; None: one where something is upgraded or removed, else four.
            timeout: Seconds for the whole run, without those in which it only waits for approvals.
            ignore_checks: Why each check is ignored, by its name; it is recorded with who started the run.
            secrets: Values by parameter name, and passwords by the names that `set_secret` takes; they go before the
                stored ones, and are kept nowhere.
            check_mode: As Ansible's `--check`; the plan can still be applied afterwards.
            diff: As Ansible's `--diff`.
            verbosity: As Ansible's `-v`, counted.
            log_limit: Bytes that a step's log may have; there it ends with a line that says so, and the run goes on.
            user: As Ansible's `-u`: what the inventory says of a host wins. This and the next two are those of the run
                that is resumed or rolled back, unless they are given.
            private_key: As Ansible's `--private-key`.
            become: As Ansible's `-b`.
            requested_by: Who starts it; the user of this process if None.

        Raises:
            SiteLockedError: If another run changes the site.
            StalePlanError: If the site or an input changed since the plan was made.
            PlanningError: If the plan is another site's, a secret has no value, or there is no such key.
            EngineError: If no process could be started.
            StoreError: If the data directory cannot be written.
        """
        self._store.check_writable()
        self._refuse_foreign(plan)
        options = RunOptions(
            note=note,
            requested_by=requested_by or user_name(),
            jobs=jobs,
            timeout=timeout,
            check_mode=check_mode,
            diff=diff,
            verbosity=verbosity,
            log_limit=log_limit,
            ignore_checks=dict(ignore_checks or {}),
            **self._connection(plan, user, private_key, become=become),
        )
        known = self._started(plan.id)
        if known is not None and not check_mode:
            return known
        refuse_unknown(plan, options.ignore_checks)
        check_passwords(secrets or {})
        values = {**self._store.secrets(self.name), **(secrets or {})}
        if plan.read_only or check_mode:
            return self._start(plan, options, values, None)
        with self._take_lock() as lock:
            return self._start(plan, options, values, lock)

    def check(
        self,
        plan: Plan,
        *,
        ignore_checks: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        timeout: float | None = None,
        user: str | None = None,
        private_key: str | Path | None = None,
        become: bool = False,
        requested_by: str | None = None,
    ) -> tuple[Check, ...]:
        """
        Check the hosts of *plan* as installkit does and as its components declare, and change nothing.

        It is a run of its own that needs no lock; the plan can still be applied afterwards.

        Args:
            plan: As `plan` returned it, of this site; still true.
            ignore_checks: Why each check is ignored, by its name.
            secrets: As for `start`.
            timeout: Seconds that it may take.
            user: As Ansible's `-u`.
            private_key: As Ansible's `--private-key`.
            become: As Ansible's `-b`.
            requested_by: Who checks; the user of this process if None.

        Returns:
            A row for each check and message, with its hosts, also for those that passed; none for an empty plan.

        Raises:
            StalePlanError: If the site or an input changed since the plan was made.
            PlanningError: If the plan is another site's, a secret has no value, or there is no such check to ignore.
            RunError: If the checks could not be carried out.
            StoreError: If the data directory cannot be written.
        """
        self._store.check_writable()
        self._refuse_foreign(plan)
        refuse_unknown(plan, ignore_checks or {})
        check_passwords(secrets or {})
        if plan.empty:
            return ()
        options = RunOptions(
            note="checks",
            requested_by=requested_by or user_name(),
            timeout=timeout,
            ignore_checks=dict(ignore_checks or {}),
            **self._connection(plan, user, private_key, become=become),
        )
        values = {**self._store.secrets(self.name), **(secrets or {})}
        spec = make_check_spec(self._spec(plan, options, values), self.catalog(), run=new_id())
        return _checked(self._launch(spec, values, None))

    def _refuse_foreign(self, plan: Plan) -> None:
        if not is_run_id(plan.id):
            raise PlanningError(f"{plan.id!r} is no plan's id", remedy="make the plan again")
        if plan.site != self.name:
            raise PlanningError(f"plan {plan.id} is for site {plan.site!r}, not for {self.name!r}")

    def _connection(
        self, plan: Plan, user: str | None, private_key: str | Path | None, *, become: bool
    ) -> dict[str, Any]:
        """Return how Ansible connects: as given, else as in the run that *plan* goes on with or undoes."""
        run = None if plan.continues is None else self._started(plan.continues)
        before = RunOptions() if run is None else run.spec().options
        return {
            "user": user or before.user,
            "private_key": before.private_key if private_key is None else _key_file(Path(private_key)),
            "become": become or before.become,
        }

    def _start(self, plan: Plan, options: RunOptions, values: Mapping[str, str], site_lock: Lock | None) -> Run:
        return self._launch(self._spec(plan, options, values), values, site_lock)

    def _launch(self, spec: RunSpec, values: Mapping[str, str], site_lock: Lock | None) -> Run:
        wanted = {name for step in spec.steps for name in step.secrets}
        if missing := sorted(wanted - values.keys()):
            raise PlanningError(
                f"no value is known for the secrets {', '.join(missing)}",
                remedy="set them for the site (installkit site secret), or hand them to start(secrets=…)",
            )
        if site_lock is not None:
            self._store.backup(self._folders.backup)
        run_lock = create_journal(self._folders.runs, spec)
        run = self._run(spec.run)
        if run_lock is None:
            return run
        with run_lock:
            if site_lock is not None:
                write_holder(site_lock, _holder(spec))
            locks = [run_lock] if site_lock is None else [run_lock, site_lock]
            handed = {name: value for name, value in values.items() if name in wanted or is_password(name)}
            launch(self._folders.runs / spec.run, handed, locks)
        return run

    def _spec(self, plan: Plan, options: RunOptions, values: Mapping[str, str]) -> RunSpec:
        """Return what the run is, after a look at whether everything is still as planned."""
        self._refresh()
        known = self._survey(plan.request, values)
        components = {change.component for change in plan.changes}
        now = digest_inputs(known.catalog, known.inventory, known.installed, known.parameters, components)
        if changes := stale_changes(plan, now, self._revision()):
            raise StalePlanError(changes)
        again = _make(plan.request, known, Stamp(plan.id, plan.site, plan.revision, plan.created_at, plan.continues))
        if again != plan:
            raise PlanningError(
                f"plan {plan.id} is not what its own request makes of the same site: it was edited, or another"
                " installkit made it",
                remedy="make it again",
            )
        return make_spec(
            plan,
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
        return Stamp(new_id(), self.name, self._revision(), datetime.now(UTC), continues)

    def _run(self, run: str) -> Run:
        return Run(Journal(self._folders.runs / run), self._store, self.follow_up)

    def follow_up(self, wanted: Mapping[str, Any], options: Mapping[str, Any]) -> Run:
        """Plan a request, given by its fields, start it with *options*, and return the run."""
        return self.start(self.plan(secrets=options.get("secrets"), **wanted), **options)

    def _started(self, run: str) -> Run | None:
        path = self._folders.runs / run
        return self._run(run) if is_run_id(run) and path.is_dir() else None

    def _take_lock(self) -> Lock:
        path = self._folders.site_lock(self.name)
        deadline = time.monotonic() + LOCK_PATIENCE
        while (lock := take_lock(path)) is None:
            holder = self._told_holder()
            if holder or time.monotonic() > deadline:  # else its holder is about to tell who it is
                raise SiteLockedError(self.name, holder)
            time.sleep(0.01)
        return lock

    def _revision(self) -> str | None:
        """Return the last run that changed the site; None before the first."""
        run = read_holder(self._folders.site_lock(self.name)).get("run")
        return run if isinstance(run, str) else None

    def _lock_holder(self) -> SiteLock | None:
        held = lock_is_held(self._folders.site_lock(self.name))
        return SiteLock(**holder) if held and (holder := self._told_holder()) else None

    def _told_holder(self) -> dict[str, Any]:
        """Return whom the site's lock names; nobody where that run has ended, and its successor has not told yet."""
        holder = read_holder(self._folders.site_lock(self.name))
        named = self._started(str(holder.get("run")))
        return {} if named is not None and named.status.final else holder

    def installed(self) -> tuple[Installation, ...]:
        """Return what is installed where: a row for each component and host."""
        self._refresh()
        return self._store.installed(self.name)

    def runs(self, *, status: str | RunStatus | None = None, limit: int | None = None) -> tuple[Run, ...]:
        """Return the site's runs, newest first, with one status or any, at most *limit*."""
        self._refresh()
        wanted = None if status is None else RunStatus(status)
        found = self._store.runs(site=self.name, status=wanted, limit=limit)
        return tuple(self._run(snapshot.id) for snapshot in found)

    def record(self, components: Iterable[str], *, limit: str | None = None, **options: Any) -> Run:
        """
        Record what is already there without installing it, after its verify, where declared, has vouched for it.

        Args:
            components: `NAME=VERSION`, or `NAME` where versions are unknown.
            limit: An Ansible host pattern.
            **options: Those of `start`.
        """
        return self.follow_up({"record": tuple(components), "limit": limit}, options)

    def forget(self, components: Iterable[str], *, limit: str | None = None, **options: Any) -> Run:
        """Take components out of the record, and leave the hosts as they are; else like `record`."""
        return self.follow_up({"forget": tuple(components), "limit": limit}, options)


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


def _checked(run: Run) -> tuple[Check, ...]:
    """Wait for *run*, which only checks, and return what it found; whoever stops waiting stops it."""
    try:
        run.wait()
    except BaseException:
        run.cancel(now=True)
        raise
    failures = run.failures
    if not failures or any(each.code is not FailureCode.CHECK_FAILED for each in failures):
        run.raise_for_status()
    return run.checks


def new_id() -> str:
    """Return an id for a plan and its run: twelve hexadecimal digits, at random."""
    return random.token_hex(6)


def _key_file(path: Path) -> Path:
    found = path.expanduser().absolute()
    if not found.is_file():
        raise PlanningError(f"there is no private key {found}", remedy="give the path of its file")
    return found


def _holder(spec: RunSpec) -> dict[str, Any]:
    return {
        "run": spec.run,
        "by": spec.options.requested_by,
        "since": time_to_wire(spec.created_at),
        "doing": spec.plan.summary,
    }


def _request(wanted: Mapping[str, Any]) -> Request:
    fields = attrs.fields_dict(Request)
    if unknown := sorted(wanted.keys() - fields.keys()):
        raise TypeError(f"a request has no {', '.join(unknown)}; it has: {', '.join(fields)}")
    return Request(**{name: _field(name, value, fields[name].default) for name, value in wanted.items()})


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
