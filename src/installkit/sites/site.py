import contextlib
from collections.abc import Iterator, Mapping
from typing import Unpack

import attrs

from installkit.datadir.directory import DataDirectory
from installkit.model import (
    Action,
    ApplyFields,
    ApplyOptions,
    Catalog,
    Check,
    Installation,
    Names,
    Plan,
    RequestFields,
    RunStatus,
    SiteSnapshot,
    StartOptions,
)
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
        inventory: Its hosts: read, and edited where installkit holds them.
        parameters: Values that people entered for it.
        secrets: Secrets that it keeps.
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

    def snapshot(self) -> SiteSnapshot:
        """Return what is known of the site at this moment."""
        return attrs.evolve(
            self._sources.snapshot(), revision=self._sources.revision(), lock=lock_holder(self._sources)
        )

    def catalog(self) -> Catalog:
        """
        Read the site's catalog.

        Raises:
            DefinitionError: If a manifest is wrong; it lists every mistake.
        """
        return self._sources.catalog()

    @contextlib.contextmanager
    def one_survey(self) -> Iterator[None]:
        """
        Ask Ansible each question once until the `with` block ends, also of an inventory that is a script or a plugin.

        Without it each call, as `plan` and `start`, asks such an inventory anew.
        """
        with self._sources.asked_once():
            yield

    def plan(self, *, secrets: Mapping[str, str] | Names | None = None, **request: Unpack[RequestFields]) -> Plan:
        """
        Return what would be done for a request, and keep it for `Installer.plan`. Nothing is connected to or changed.

        Args:
            secrets: As in `start`, or names alone. Vault passwords, where Ansible needs them to say which hosts are meant;
                and secrets that no component declares: the plan keeps their names, `start` wants a value for each, and
                all its playbooks get it.
            **request: The fields of `Request`: `install=["mysql=10.11.18"]`, `upgrade=…`, `all=True`, `limit="db"`, ….

        Raises:
            PlanningError: If no plan can be made; the message says why.
            UnknownNameError: If nobody defined a component.
            DefinitionError: If the catalog or the inventory is wrong.
            StoreError: If the data directory cannot be written.
            TypeError: If *request* has a field that no request has, or a value of another type.
        """
        return plan_request(self._sources, request, secrets)

    def start(self, plan: Plan, *, secrets: Mapping[str, str] | None = None, **options: Unpack[StartOptions]) -> Run:
        """
        Start to carry out *plan* and return its run at once; starting it again returns the same run.

        Args:
            plan: As `plan` returned it, of this site; still true.
            secrets: Values by parameter name, and passwords by the names that `Secrets.set` takes; they go before the
                stored ones, and are kept nowhere.
            **options: The fields of `RunOptions`: `note="first install"`, `jobs=2`, `timeout=3600.0`, `check_mode=True`,
                `ignore_checks={"host.memory": "a test machine"}`, `allow_destructive=True`, `checks=False`, …. `checks` may
                also be a run of `start_check` for the same plan, which counts if it succeeded less than ten minutes ago
                for the same connection and secrets; else the run makes the checks itself. Where a run is resumed or rolled back, its `user`,
                `private_key` and `become` hold on unless they are given. A run in check mode has the note `dry run`
                unless it is given another.

        Raises:
            SiteLockedError: If another run changes the site.
            StalePlanError: If the site or an input changed since the plan was made.
            DestructivePlanError: If it destroys data, without `allow_destructive=True`.
            PlanUsedError: If a run applied it already, and failed at its checks.
            PlanningError: If the plan is another site's, a secret has no value or one that is not text, there is no such
                key, or an option cannot be so, as `jobs="2"` or `timeout=0`; each of those is named.
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
        Plan a request, start the plan, and return its run; planned again where it went stale meanwhile.

        Args:
            **fields: The fields of `Request`, as for `plan`; the options of `start`, and its `secrets`; and `wait_for_lock`,
                the seconds to wait while another run changes the site.

        Raises:
            SiteLockedError: If another run still changes the site when the time is over.
            TypeError: If there is neither such a field nor such an option.
            InstallkitError: As `plan` and `start`.
        """
        options = {name: value for name, value in fields.items() if name in StartOptions.__annotations__}
        request = {
            name: value
            for name, value in fields.items()
            if name not in options and name not in {"secrets", "wait_for_lock"}
        }
        return apply_request(
            self._sources, request, fields.get("secrets"), options, wait_for_lock=fields.get("wait_for_lock", 0.0)
        )

    def started(self, plan: Plan, **options: Unpack[StartOptions]) -> Run | None:
        """
        Return the run that applied *plan* already, which `start` would return; None if none did.

        It raises what `start` refuses before it looks at anything else, so that nobody is asked for nothing.

        Args:
            plan: As `plan` returned it, of this site.
            **options: As for `start`.

        Raises:
            DestructivePlanError: If it destroys data, without `allow_destructive`.
            PlanUsedError: If the run that applied it failed at its checks.
            PlanningError: As `start`.
        """
        return find_started(self._sources, plan, options)

    def check(
        self, plan: Plan, *, secrets: Mapping[str, str] | None = None, **options: Unpack[StartOptions]
    ) -> tuple[Check, ...]:
        """
        Check the hosts of *plan* as installkit does and as its components declare, and change nothing.

        It is a run of its own that needs no lock; the plan can still be applied afterwards.

        Args:
            plan: As `plan` returned it, of this site; still true.
            secrets: As for `start`.
            **options: As for `start`.

        Returns:
            A row for each check and message, with its hosts, also for those that passed; none for a plan that changes no host.

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
        Start to check the hosts of *plan* as `check` does, and return the run that checks at once.

        What it finds is in its `checks`, step by step as each has ended.

        Raises:
            StalePlanError: If the site or an input changed since the plan was made.
            PlanningError: If the plan changes nothing; else as `start`.
            EngineError: If no process could be started.
            StoreError: If the data directory cannot be written.
        """
        return start_check(self._sources, plan, secrets, options)

    def resume(self, run: Run | str, *, failed_hosts_only: bool = False, **options: Unpack[ApplyOptions]) -> Run:
        """
        Go on with *run*: plan its request again over today's inputs and the record, start it, and return the new run.

        What is proved with the same inputs stays as it is. Look at the plan first with `plan(resume=run)`.

        Args:
            run: One of this site, or its id; it has ended.
            failed_hosts_only: Only on the hosts that failed or could not be reached.
            **options: Those of `start`, `secrets` and `wait_for_lock`.

        Raises:
            PlanningError: If the run has not ended, or no plan can be made.
        """
        return self.apply(resume=run, failed_hosts_only=failed_hosts_only, **options)

    def rollback(self, run: Run | str, *, limit: str | None = None, **options: Unpack[ApplyOptions]) -> Run:
        """
        Undo *run*, host by host in reverse, to the versions before it: plan that, start it, and return the new run.

        Look at the plan first with `plan(rollback=run)`.

        Args:
            run: One of this site, or its id; it has ended.
            limit: An Ansible host pattern.
            **options: Those of `start`, `secrets` and `wait_for_lock`.

        Raises:
            PlanningError: If the run has not ended, or an upgraded component declares no rollback.
        """
        return self.apply(rollback=run, limit=limit, **options)

    def record(self, components: Names, *, limit: str | None = None, **options: Unpack[ApplyOptions]) -> Run:
        """
        Record what is already there without installing it, after its verify, where declared, has vouched for it.

        Args:
            components: `NAME=VERSION`, or `NAME` where versions are unknown.
            limit: An Ansible host pattern.
            **options: Those of `start`, `secrets` and `wait_for_lock`.
        """
        return self.apply(record=components, limit=limit, **options)

    def forget(self, components: Names, *, limit: str | None = None, **options: Unpack[ApplyOptions]) -> Run:
        """Take components out of the record, and leave the hosts as they are; else like `record`."""
        return self.apply(forget=components, limit=limit, **options)

    def installed(self) -> tuple[Installation, ...]:
        """Return what is installed where: a row for each component and host."""
        return self._sources.installed()

    def runs(self, *, status: str | RunStatus | None = None, limit: int | None = None) -> tuple[Run, ...]:
        """Return the site's runs, newest first, with one status or any, at most *limit*."""
        found = self._directory.runs.ids(site=self.name, status=status, limit=limit)
        return tuple(open_runs(self._directory, found))
