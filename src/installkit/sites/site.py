import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Unpack

import attrs

from installkit.datadir.directory import DataDirectory
from installkit.model import (
    Action,
    ApplyFields,
    ApplyOptions,
    Catalog,
    Check,
    HasId,
    Installation,
    Names,
    Plan,
    RequestFields,
    RunStatus,
    SiteSnapshot,
    StartOptions,
)
from installkit.planning import divided_fields
from installkit.runs.run import Run, open_runs
from installkit.sites.apply import apply_request
from installkit.sites.hosts import SiteInventory
from installkit.sites.parameters import Parameters
from installkit.sites.plan import plan_request
from installkit.sites.secrets import Secrets
from installkit.sites.start import find_started, lock_holder, start_check, start_plan
from installkit.sites.survey import SiteSources


class Site:
    """
    One customer's target: its inventory, its catalog, its parameters, and what is installed.

    Attributes:
        name: Unique in its data directory.
        inventory: Its hosts, to read, and to edit if installkit holds the inventory.
        parameters: The values that people entered for it.
        secrets: The secrets that it keeps.
    """

    def __init__(self, directory: DataDirectory, name: str, pending: SiteSnapshot | None = None) -> None:
        self.name = name
        self._directory = directory
        self._sources = SiteSources(directory, name, pending)
        self.inventory = SiteInventory(self._sources)
        self.parameters = Parameters(self._sources)
        self.secrets = Secrets(self._sources)

    def __repr__(self) -> str:
        return f"<Site {self.name}>"

    def __eq__(self, other: object) -> bool:
        """Return whether *other* is the same site of the same data directory."""
        return isinstance(other, Site) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, Path]:
        return self.name, self._directory.folders.data

    def snapshot(self) -> SiteSnapshot:
        """Return the state of the site at this moment."""
        return attrs.evolve(
            self._sources.snapshot(), revision=self._sources.revision(), lock=lock_holder(self._sources)
        )

    def catalog(self) -> Catalog:
        """
        Return the site's catalog.

        Raises:
            DefinitionError: If a manifest is wrong; it lists every mistake.
        """
        return self._sources.catalog()

    @contextlib.contextmanager
    def one_survey(self) -> Iterator[None]:
        """
        Ask Ansible each question only once until the `with` block ends, also about scripts and plugins as inventories.

        Otherwise each call, as `plan` and `start`, runs such an inventory again.
        """
        with self._sources.asked_once():
            yield

    def plan(self, *, secrets: Mapping[str, str] | Names | None = None, **request: Unpack[RequestFields]) -> Plan:
        """
        Return the plan for a request, and store it for `Installer.plan`. No host is contacted, and nothing is changed.

        Args:
            secrets: As in `start`, or only names. Give vault passwords if Ansible needs them to tell which hosts are
                meant, and secrets that no component declares: the plan stores their names, `start` requires a value for
                each, and all playbooks of the plan get it.
            **request: The fields of `Request`: `install=["mysql=10.11.18"]`, `upgrade=…`, `all=True`, `limit="db"`, ….

        Raises:
            PlanningError: If no plan can be made; the message says why.
            UnknownNameError: If a component is not in the catalog.
            DefinitionError: If the catalog or the inventory is wrong.
            StoreError: If the data directory cannot be written.
            TypeError: If *request* has a field that no request has, or a value of another type.
        """
        return plan_request(self._sources, request, secrets)

    def start(self, plan: Plan, *, secrets: Mapping[str, str] | None = None, **options: Unpack[StartOptions]) -> Run:
        """
        Start to carry out *plan* and return its run at once; starting it again returns the same run.

        Args:
            plan: A plan of this site, as `plan` returned it; the site must not have changed since.
            secrets: Values by parameter name, and passwords by the names that `Secrets.set` takes; they replace the
                stored ones for this run, and are stored nowhere.
            **options: The fields of `RunOptions`: `note="first install"`, `jobs=2`, `timeout=3600.0`, `check_mode=True`,
                `ignore_checks={"host.memory": "a test machine"}`, `allow_destructive=True`, `checks=False`, …. `checks` may
                also be a run of `start_check` for the same plan: it counts if it succeeded less than ten minutes ago
                with the same connection and secrets; otherwise the run makes the checks itself. If a run is resumed or
                rolled back, its `user`, `private_key` and `become` are used unless others are given. A run in check
                mode gets the note `dry run` unless another is given.

        Raises:
            SiteLockedError: If another run changes the site.
            StalePlanError: If the site or an input changed since the plan was made.
            DestructivePlanError: If the plan destroys data, and `allow_destructive=True` is not given.
            PlanUsedError: If a run applied the plan already, and failed at its checks.
            PlanningError: If the plan belongs to another site, a secret has no value or one that is not text, the
                private key does not exist, or options are not valid, as `jobs="2"` or `timeout=0`; the message names
                them.
            UnknownNameError: If no component of the catalog declares one of *secrets*.
            EngineError: If no process could be started.
            StoreError: If the data directory cannot be written.
        """
        return start_plan(self._sources, plan, secrets, options)

    def apply(
        self,
        **fields: Unpack[ApplyFields],
    ) -> Run:
        """
        Make a plan, start it, and return its run; if the plan became stale in between, make it again.

        Args:
            **fields: The fields of `Request`, as for `plan`; the options of `start`, and its `secrets`; and `wait_for_lock`,
                the seconds to wait while another run changes the site.

        Raises:
            SiteLockedError: If another run still changes the site when the time is over.
            TypeError: If *fields* has a name that is neither a field nor an option.
            InstallkitError: As `plan` and `start`.
        """
        request, options = divided_fields(fields)
        return apply_request(
            self._sources, request, fields.get("secrets"), options, wait_for_lock=fields.get("wait_for_lock", 0.0)
        )

    def started(self, plan: Plan, **options: Unpack[StartOptions]) -> Run | None:
        """
        Return the run that applied *plan* already, which `start` would return; None if none did.

        It raises the errors that `start` raises first, so that a program can call it before it asks for secrets.

        Args:
            plan: A plan of this site, as `plan` returned it.
            **options: As for `start`.

        Raises:
            DestructivePlanError: If the plan destroys data, and `allow_destructive=True` is not given.
            PlanUsedError: If the run that applied it failed at its checks.
            PlanningError: As `start`.
        """
        return find_started(self._sources, plan, options)

    def check(
        self, plan: Plan, *, secrets: Mapping[str, str] | None = None, **options: Unpack[StartOptions]
    ) -> tuple[Check, ...]:
        """
        Carry out the checks of *plan*, installkit's own and those of its components, and change nothing.

        The checks are a run of their own that needs no lock; the plan can still be applied afterwards.

        Args:
            plan: A plan of this site, as `plan` returned it; the site must not have changed since.
            secrets: As for `start`.
            **options: As for `start`.

        Returns:
            A row for each check and message, with its hosts, also for passed checks; none if the plan changes no host.

        Raises:
            StalePlanError: If the site or an input changed since the plan was made.
            PlanningError: As `start`.
            RunError: If the checks could not be carried out.
            StoreError: If the data directory cannot be written.
        """
        if all(step.action is not Action.CHECK for step in plan.steps):
            return ()
        return self.start_check(plan, secrets=secrets, **options).wait_for_checks()

    def start_check(
        self, plan: Plan, *, secrets: Mapping[str, str] | None = None, **options: Unpack[StartOptions]
    ) -> Run:
        """
        Start the checks of *plan* as `check` does, and return their run at once.

        The results appear in the run's `checks` whenever a step has ended.

        Raises:
            StalePlanError: If the site or an input changed since the plan was made.
            PlanningError: If the plan changes nothing; else as `start`.
            EngineError: If no process could be started.
            StoreError: If the data directory cannot be written.
        """
        return start_check(self._sources, plan, secrets, options)

    def resume(self, run: HasId | str, *, failed_hosts_only: bool = False, **options: Unpack[ApplyOptions]) -> Run:
        """
        Resume *run*: plan its request again from the current inputs and record, start the plan, and return the new run.

        What is proved with the same inputs is not repeated. To see the plan first, use `plan(resume=run)`.

        Args:
            run: A run of this site that has ended, or its id.
            failed_hosts_only: Only on the hosts that failed or could not be reached.
            **options: The options of `start`, `secrets` and `wait_for_lock`.

        Raises:
            PlanningError: If the run has not ended, or no plan can be made.
        """
        return self.apply(resume=run, failed_hosts_only=failed_hosts_only, **options)

    def rollback(self, run: HasId | str, *, limit: str | None = None, **options: Unpack[ApplyOptions]) -> Run:
        """
        Undo *run*: plan the way back to the versions before it, start the plan, and return the new run.

        To see the plan first, use `plan(rollback=run)`.

        Args:
            run: A run of this site that has ended, or its id.
            limit: An Ansible host pattern.
            **options: The options of `start`, `secrets` and `wait_for_lock`.

        Raises:
            PlanningError: If the run has not ended, or an upgraded component declares no rollback.
        """
        return self.apply(rollback=run, limit=limit, **options)

    def record(self, components: Names, *, limit: str | None = None, **options: Unpack[ApplyOptions]) -> Run:
        """
        Record what is already there without installing it; a component with a verify action is verified first.

        Args:
            components: `NAME=VERSION`, or `NAME` if the versions are unknown.
            limit: An Ansible host pattern.
            **options: The options of `start`, `secrets` and `wait_for_lock`.
        """
        return self.apply(record=components, limit=limit, **options)

    def forget(self, components: Names, *, limit: str | None = None, **options: Unpack[ApplyOptions]) -> Run:
        """Remove components from the record, and leave the hosts as they are; the arguments are those of `record`."""
        return self.apply(forget=components, limit=limit, **options)

    def installed(self) -> tuple[Installation, ...]:
        """Return what is installed: a row for each component and host."""
        return self._sources.installed()

    def runs(self, *, status: str | RunStatus | None = None, limit: int | None = None) -> tuple[Run, ...]:
        """Return the site's runs, newest first: those with *status*, or all; at most *limit*."""
        ids = self._directory.runs.ids(site=self.name, status=status, limit=limit)
        return tuple(open_runs(self._directory, ids))
