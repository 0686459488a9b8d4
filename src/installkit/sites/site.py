import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Unpack

import attrs

from installkit.ansible.ask import Asking
from installkit.datadir.folders import Folders
from installkit.display import Shown
from installkit.engine import launch
from installkit.errors import JournalError, PlanningError, SiteLockedError
from installkit.journal import (
    Lock,
    announce,
    create_journal,
    is_run_id,
    lock_is_held,
    read_holder,
    read_starter,
    take_lock,
    write_holder,
)
from installkit.model import (
    Check,
    FailureCode,
    Plan,
    RunOptions,
    RunSpec,
    RunStatus,
    SiteLock,
    SiteSnapshot,
    StartOptions,
    is_password,
    option_problems,
    time_to_wire,
)
from installkit.runs.run import Run, readable, user_name
from installkit.sites.check import make_check_spec, refuse_unknown
from installkit.sites.plan import SitePlans, new_id
from installkit.store import Store

LOCK_PATIENCE = 5.0
"""Seconds to wait for the lock of a run that has ended: its processes are on their way out."""


class Site(SitePlans, Shown):
    """
    One customer's target: its inventory, its catalog, its parameters, and what is installed.

    Attributes:
        name: Unique in its data directory.
    """

    def __init__(
        self,
        folders: Folders,
        store: Store,
        name: str,
        refresh: Callable[[], None],
        *,
        recover: Callable[[], None],
        asking: Asking,
    ) -> None:
        self.name = name
        self._asking = asking
        self._folders = folders
        self._store = store
        self._refresh = refresh
        self._recover = recover
        self._follow_up = self.follow_up

    def __repr__(self) -> str:
        now = self.snapshot()
        return f"<Site {self.name}: {now.inventory.path}, {now.catalog}>"

    def snapshot(self) -> SiteSnapshot:
        """Return what is known of the site at this moment."""
        return attrs.evolve(self._store.site(self.name), revision=self._revision(), lock=self._lock_holder())

    def start(self, plan: Plan, *, secrets: Mapping[str, str] | None = None, **options: Unpack[StartOptions]) -> Run:
        """
        Start to carry out *plan* and return its run at once; starting it again returns the same run.

        Args:
            plan: As `plan` returned it, of this site; still true.
            secrets: Values by parameter name, and passwords by the names that `set_secret` takes; they go before the
                stored ones, and are kept nowhere.
            **options: The fields of `RunOptions`: `note="first install"`, `jobs=2`, `timeout=3600.0`, `check_mode=True`,
                `ignore_checks={"host.memory": "a test machine"}`, …. Where a run is resumed or rolled back, its `user`,
                `private_key` and `become` hold on unless they are given. A run in check mode has the note `dry run`
                unless it is given another.

        Raises:
            SiteLockedError: If another run changes the site.
            StalePlanError: If the site or an input changed since the plan was made.
            PlanningError: If the plan is another site's, a secret has no value or one that is no text, there is no such
                key, or an option cannot be so, as `jobs="2"` or `timeout=0`; each of those is named.
            UnknownNameError: If no component of the catalog declares one of *secrets*.
            EngineError: If no process could be started.
            StoreError: If the data directory cannot be written.
        """
        self._store.check_writable()
        self._refuse_foreign(plan)
        wanted = self._options(plan, options)
        known = self._started(plan.id)
        if known is not None and not wanted.check_mode:
            return known
        refuse_unknown(plan, wanted.ignore_checks)
        values = self._values(secrets, plan)
        if plan.read_only or wanted.check_mode:
            return self._launch(self._spec(plan, wanted, values), values, None)
        with self._take_lock() as lock, announce(lock, _holder(plan, wanted, datetime.now(UTC))):
            return self._launch(self._spec(plan, wanted, values), values, lock)

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
            A row for each check and message, with its hosts, also for those that passed; none for an empty plan.

        Raises:
            StalePlanError: If the site or an input changed since the plan was made.
            PlanningError: As `start`.
            RunError: If the checks could not be carried out.
            StoreError: If the data directory cannot be written.
        """
        return () if plan.empty else _checked(self.start_check(plan, secrets=secrets, **options))

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
        self._store.check_writable()
        self._refuse_foreign(plan)
        if plan.empty:
            raise PlanningError(f"plan {plan.id} changes nothing: there is nothing to check")
        wanted = self._options(plan, {"note": "checks", **options})
        refuse_unknown(plan, wanted.ignore_checks)
        values = self._values(secrets, plan)
        spec = make_check_spec(self._spec(plan, wanted, values), self.catalog(), run=new_id())
        return self._launch(spec, values, None)

    def _refuse_foreign(self, plan: Plan) -> None:
        if not is_run_id(plan.id):
            raise PlanningError(f"{plan.id!r} is no plan's id", remedy="make the plan again")
        if plan.site != self.name:
            raise PlanningError(f"plan {plan.id} is for site {plan.site!r}, not for {self.name!r}")

    def _options(self, plan: Plan, given: Mapping[str, Any]) -> RunOptions:
        """Return what is *given*, and else how Ansible connected in the run that *plan* goes on with or undoes."""
        run = None if plan.continues is None else self._started(plan.continues)
        before = RunOptions() if run is None else run.spec().options
        connection = {"user": before.user, "private_key": before.private_key, "become": before.become}
        named = {name: value for name, value in given.items() if value is not None and value is not False}
        wanted = RunOptions(**{"requested_by": user_name(), **connection, **named})
        if problems := option_problems(given):
            lines = "\n".join(f"the option {name} {problem}" for name, problem in problems.items())
            raise PlanningError(lines, remedy="correct it; nothing was started")
        note = wanted.note or ("dry run" if wanted.check_mode else "")
        return attrs.evolve(wanted, note=note, private_key=_key_file(wanted.private_key))

    def _values(self, secrets: Mapping[str, str] | None, plan: Plan) -> dict[str, str]:
        """Return the secrets that a run may need: those of the site, and those given."""
        handed = {} if secrets is None else secrets
        self._check_handed(handed, plan.request.secrets)
        return {**self._store.secrets(self.name), **handed}

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
                write_holder(site_lock, _holder(spec.plan, spec.options, spec.created_at))
            locks = [run_lock] if site_lock is None else [run_lock, site_lock]
            handed = {name: value for name, value in values.items() if name in wanted or is_password(name)}
            launch(self._folders.runs / spec.run, handed, locks)
        return run

    def follow_up(self, wanted: Mapping[str, Any], options: Mapping[str, Any]) -> Run:
        """Plan a request, given by its fields, start it with *options*, and return the run."""
        with self.one_survey():
            return self.start(self.plan(secrets=options.get("secrets"), **wanted), **options)

    def _take_lock(self) -> Lock:
        path = self._folders.site_lock(self.name)
        deadline = time.monotonic() + LOCK_PATIENCE
        while (lock := take_lock(path)) is None:
            holder = self._told_holder()
            if holder or time.monotonic() > deadline:  # else its holder is about to tell who it is
                raise SiteLockedError(self.name, holder)
            time.sleep(0.01)
        return lock

    def _lock_holder(self) -> SiteLock | None:
        held = lock_is_held(self._folders.site_lock(self.name))
        return SiteLock(**holder) if held and (holder := self._told_holder()) else None

    def _told_holder(self) -> dict[str, Any]:
        """Return whom the site's lock names; nobody where that run has ended, and its successor has not told yet."""
        if starter := read_starter(self._folders.site_lock(self.name)):
            return starter
        holder = read_holder(self._folders.site_lock(self.name))
        named = self._started(str(holder.get("run")))
        return {} if named is not None and _has_ended(named) else holder

    def runs(self, *, status: str | RunStatus | None = None, limit: int | None = None) -> tuple[Run, ...]:
        """Return the site's runs, newest first, with one status or any, at most *limit*."""
        self._refresh()
        wanted = None if status is None else RunStatus(status)
        found = self._store.runs(site=self.name, status=wanted, limit=limit)
        return tuple(readable(self._run(snapshot.id) for snapshot in found))

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


def _has_ended(run: Run) -> bool:
    """Return whether *run* is known to have ended: one that cannot be read, as a newer installkit's, is not."""
    try:
        return run.status.final
    except JournalError:
        return False


def _key_file(path: str | Path | None) -> Path | None:
    if path is None:
        return None
    found = Path(path).expanduser().absolute()
    if not found.is_file():
        raise PlanningError(f"there is no private key {found}", remedy="give the path of its file")
    return found


def _holder(plan: Plan, options: RunOptions, since: datetime) -> dict[str, Any]:
    return {"run": plan.id, "by": options.requested_by, "since": time_to_wire(since), "doing": plan.summary}
