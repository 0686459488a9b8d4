import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Unpack

import attrs

from installkit.errors import PlanningError, RunNotFoundError, SiteLockedError, UnknownNameError
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
    Request,
    RequestFields,
    RunOptions,
    RunStatus,
    SiteSnapshot,
    StartOptions,
    from_wire,
    to_wire,
)
from installkit.planning import (
    check_destructive,
    check_options,
    check_plan_of,
    divided_fields,
    named_options,
    request_of,
)
from installkit.remote.parts import RemoteInventory, RemoteParameters, RemoteSecrets, read_catalog
from installkit.remote.run import RemoteRun
from installkit.remote.service import Service, part
from installkit.sites.attempts import start_in_time

_REFUSED: Mapping[str, str] = {
    "private_key": "a key is a file of the service's machine: name it in the site's inventory, or in its ansible.cfg",
    "user": "how Ansible connects is the site's: set ansible_user in its inventory",
    "become": "how Ansible connects is the site's: set ansible_become in its inventory",
    "requested_by": "a service takes the name of the token",
}
"""Options of a start that a service does not take, and what to do instead."""

_OF_CHECKS = frozenset({"note", "jobs", "timeout", "ignore_checks"})
"""The options that make a difference to a run of checks."""


class RemoteSite:
    """
    A `Site` of a service.

    Attributes:
        name: Unique in its service.
        inventory: Its hosts, to read, and to edit if the service holds the inventory.
        parameters: The values that people entered for it.
        secrets: The secrets that it keeps.
    """

    def __init__(self, service: Service, name: str) -> None:
        self.name = name
        self._service = service
        self._path = f"/sites/{part(name)}"
        self.inventory = RemoteInventory(service, name)
        self.parameters = RemoteParameters(service, name)
        self.secrets = RemoteSecrets(service, name)

    def __repr__(self) -> str:
        return f"<RemoteSite {self.name}>"

    def __eq__(self, other: object) -> bool:
        """Return whether *other* is the same site of a service at the same address."""
        return isinstance(other, RemoteSite) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[str, str]:
        return self.name, self._service.address

    def snapshot(self) -> SiteSnapshot:
        """Return the state of the site at this moment; its paths are of the service's machine."""
        return from_wire(SiteSnapshot, self._service.get(self._path))

    def catalog(self) -> Catalog:
        """
        Return the site's catalog: its folder and its components. What else is in the folder, a service does not tell.

        Raises:
            DefinitionError: If a manifest is wrong; it lists every mistake.
        """
        return read_catalog(self._service, self.name)

    @contextlib.contextmanager
    def one_survey(self) -> Iterator[None]:
        """Do nothing: a service asks Ansible for each request."""
        yield

    def plan(self, *, secrets: Mapping[str, str] | Names | None = None, **request: Unpack[RequestFields]) -> Plan:
        """
        Return the plan for a request, which the service stores. No host is contacted, and nothing is changed.

        Args:
            secrets: As in `start`, or only names. A plan over HTTP is made with the names alone: where Ansible needs a
                vault password to tell which hosts are meant, the site must keep it.
            **request: The fields of `Request`, as for `Site.plan`.

        Raises:
            PlanningError: If no plan can be made; the message says why.
            UnknownNameError: If a component is not in the catalog.
            DefinitionError: If the catalog or the inventory is wrong.
            TypeError: If *request* has a field that no request has, or a value of another type.
        """
        wanted = request_of({**request, "secrets": tuple(secrets or ())})
        given = to_wire(wanted)
        body = {name: given[name] for name, default in to_wire(Request()).items() if given[name] != default}
        return from_wire(Plan, self._service.call("POST", f"{self._path}/plans", body=body))

    def start(
        self, plan: Plan, *, secrets: Mapping[str, str] | None = None, **options: Unpack[StartOptions]
    ) -> RemoteRun:
        """
        Start to carry out *plan* and return its run at once; starting it again returns the same run.

        Args:
            plan: A plan of this site that the service keeps, as `plan` returned it.
            secrets: As for `Site.start`. They are sent, and stored nowhere.
            **options: As for `Site.start`, without `requested_by`, `user`, `private_key` and `become`.

        Raises:
            SiteLockedError: If another run changes the site.
            StalePlanError: If the site or an input changed since the plan was made.
            DestructivePlanError: If the plan destroys data, and `allow_destructive=True` is not given.
            PlanUsedError: If a run applied the plan already, and failed at its checks.
            PlanningError: As `Site.start`; and if the service keeps no such plan, or does not take an option.
        """
        body = {**_sent(options), "secrets": dict(secrets or {})}
        self._check_kept(plan)
        path, dry = f"/plans/{part(plan.id)}/runs", bool(body.get("check_mode"))
        try:  # a plan is applied once: only a dry run needs a key
            return RemoteRun(self._service, self._service.call("POST", path, body=body, keyed=dry)["id"])
        except SiteLockedError as exc:
            if exc.holder.get("run") != plan.id:
                raise
            return RemoteRun(self._service, plan.id)  # an earlier attempt started it, and its answer was lost

    def apply(self, **fields: Unpack[ApplyFields]) -> RemoteRun:
        """
        Make a plan, start it, and return its run; if the plan became stale in between, make it again.

        Args:
            **fields: As for `Site.apply`.

        Raises:
            SiteLockedError: If another run still changes the site when the time is over.
            TypeError: If *fields* has a name that is neither a field nor an option.
            InstallkitError: As `plan` and `start`.
        """
        request, options = divided_fields(fields)
        secrets = fields.get("secrets")

        def _attempt() -> RemoteRun:
            return self.start(self.plan(secrets=secrets, **request), secrets=secrets, **options)

        return start_in_time(_attempt, self._is_locked, wait_for_lock=fields.get("wait_for_lock", 0.0))

    def started(self, plan: Plan, **options: Unpack[StartOptions]) -> RemoteRun | None:
        """
        Return the run that applied *plan* already, which `start` would return; None if none did.

        Raises:
            DestructivePlanError: If the plan destroys data, and `allow_destructive=True` is not given.
            PlanUsedError: If the run that applied it failed at its checks.
            PlanningError: As `start`.
        """
        given = _sent(options)
        check_plan_of(self.name, plan)
        if given.get("check_mode"):
            return None
        try:
            self._service.get(f"/runs/{part(plan.id)}")
        except RunNotFoundError:
            check_destructive(plan, allowed=bool(given.get("allow_destructive")))
            return None
        return self.start(plan, **options)  # it starts nothing

    def check(
        self, plan: Plan, *, secrets: Mapping[str, str] | None = None, **options: Unpack[StartOptions]
    ) -> tuple[Check, ...]:
        """Carry out the checks of *plan* and change nothing; see `Site.check`."""
        if all(step.action is not Action.CHECK for step in plan.steps):
            return ()
        return self.start_check(plan, secrets=secrets, **options).wait_for_checks()

    def start_check(
        self, plan: Plan, *, secrets: Mapping[str, str] | None = None, **options: Unpack[StartOptions]
    ) -> RemoteRun:
        """
        Start the checks of *plan* as `check` does, and return their run at once.

        Raises:
            StalePlanError: If the site or an input changed since the plan was made.
            PlanningError: If the plan changes nothing; else as `start`.
        """
        given = {name: value for name, value in _sent(options).items() if name in _OF_CHECKS}
        self._check_kept(plan)
        body = {**given, "secrets": dict(secrets or {})}
        return RemoteRun(self._service, self._service.call("POST", f"/plans/{part(plan.id)}/checks", body=body)["id"])

    def resume(
        self, run: HasId | str, *, failed_hosts_only: bool = False, **options: Unpack[ApplyOptions]
    ) -> RemoteRun:
        """Resume *run*, and return the new run; see `Site.resume`."""
        return self.apply(resume=run, failed_hosts_only=failed_hosts_only, **options)

    def rollback(self, run: HasId | str, *, limit: str | None = None, **options: Unpack[ApplyOptions]) -> RemoteRun:
        """Undo *run*, and return the new run; see `Site.rollback`."""
        return self.apply(rollback=run, limit=limit, **options)

    def record(self, components: Names, *, limit: str | None = None, **options: Unpack[ApplyOptions]) -> RemoteRun:
        """Record what is already there without installing it; see `Site.record`."""
        return self.apply(record=components, limit=limit, **options)

    def forget(self, components: Names, *, limit: str | None = None, **options: Unpack[ApplyOptions]) -> RemoteRun:
        """Remove components from the record, and leave the hosts as they are; the arguments are those of `record`."""
        return self.apply(forget=components, limit=limit, **options)

    def installed(self) -> tuple[Installation, ...]:
        """Return what is installed: a row for each component and host."""
        return tuple(from_wire(Installation, row) for row in self._service.items(f"{self._path}/installed"))

    def runs(self, *, status: str | RunStatus | None = None, limit: int | None = None) -> tuple[RemoteRun, ...]:
        """Return the site's runs, newest first: those with *status*, or all; at most *limit*."""
        query = {"site": self.name, "status": None if status is None else RunStatus(status)}
        return tuple(RemoteRun(self._service, row["id"]) for row in self._service.items("/runs", query, limit=limit))

    def _is_locked(self) -> bool:
        return self.snapshot().lock is not None

    def _check_kept(self, plan: Plan) -> None:
        """Refuse a plan that is not the one that the service keeps: it is the latter that would be carried out."""
        check_plan_of(self.name, plan)
        try:
            kept = from_wire(Plan, self._service.get(f"/plans/{part(plan.id)}"))
        except UnknownNameError as exc:
            raise PlanningError(
                f"the service keeps no plan {plan.id}: it was made elsewhere, or forgotten", remedy="make it again"
            ) from exc
        if attrs.evolve(kept, warnings=plan.warnings) != plan:
            raise PlanningError(f"the service keeps another plan as {plan.id}: it was edited", remedy="make it again")


def _sent(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of *options* that a request holds: none that is not given, and none that a service does not take."""
    given = named_options(options)
    check_options(given)
    defaults = attrs.asdict(RunOptions(), recurse=False)
    named = {name: value for name, value in given.items() if value is not None and value != defaults[name]}
    lines = [f"the option {name} cannot be given over HTTP: {_REFUSED[name]}" for name in named if name in _REFUSED]
    if lines:
        raise PlanningError("\n".join(lines), remedy="leave it out; nothing was started")
    wire: dict[str, Any] = to_wire(named)
    return wire
