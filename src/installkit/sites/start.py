"""The only way to start a run: the conditions for it, the site's lock, and the launch."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from installkit.datadir.runs import LOCK_PATIENCE
from installkit.errors import JournalError, PlanningError, PlanUsedError, Remedy, SiteLockedError
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
from installkit.model import Plan, RunOptions, RunSpec, SiteLock, is_password, time_to_wire
from installkit.planning import check_destructive, check_options, check_plan_of, named_options
from installkit.processes import user_name
from installkit.runs.run import Run
from installkit.sites.check import make_check_spec, refuse_unknown, still_counts
from installkit.sites.plan import make_run_spec, new_id
from installkit.sites.secrets import check_handed
from installkit.sites.survey import SiteSources


def start_plan(sources: SiteSources, plan: Plan, secrets: Mapping[str, str] | None, options: Mapping[str, Any]) -> Run:
    """Start to carry out *plan* and return its run at once; see `Site.start`."""
    sources.directory.store.check_writable()
    _refuse_foreign(sources, plan)
    run_options = _options(sources, plan, options)
    if (run := _allowed(sources, plan, run_options)) is not None:
        return run
    values = _values(sources, secrets, plan)
    effective = run_options
    if isinstance(run_options.checks, str):
        digest = _secrets_digest(sources, values)
        if not still_counts(sources.directory.runs, run_options.checks, plan, run_options, digest):
            effective = attrs.evolve(run_options, checks=True)  # the stored options keep the run's id: it warns by that
    if plan.read_only or run_options.check_mode:
        spec = make_run_spec(sources, plan, effective, values)
        return _launch(sources, attrs.evolve(spec, options=run_options), values, None)
    with _take_lock(sources) as lock, announce(lock, _holder(plan, run_options, datetime.now(UTC))):
        spec = make_run_spec(sources, plan, effective, values)
        return _launch(sources, attrs.evolve(spec, options=run_options), values, lock)


def start_check(sources: SiteSources, plan: Plan, secrets: Mapping[str, str] | None, options: Mapping[str, Any]) -> Run:
    """Start to check the hosts of *plan* and return the run that checks at once; see `Site.start_check`."""
    sources.directory.store.check_writable()
    _refuse_foreign(sources, plan)
    if plan.empty:
        raise PlanningError(f"plan {plan.id} changes nothing: there is nothing to check")
    run_options = _options(sources, plan, {"note": "checks", **options})
    refuse_unknown(plan, run_options.ignore_checks)
    values = _values(sources, secrets, plan)
    spec = make_run_spec(sources, plan, run_options, values)
    check = make_check_spec(spec, run=new_id(), secrets_digest=_secrets_digest(sources, values))
    return _launch(sources, check, values, None)


def find_started(sources: SiteSources, plan: Plan, options: Mapping[str, Any]) -> Run | None:
    """Return the run that applied *plan* already; see `Site.started`."""
    _refuse_foreign(sources, plan)
    return _allowed(sources, plan, _options(sources, plan, options))


def _allowed(sources: SiteSources, plan: Plan, run_options: RunOptions) -> Run | None:
    """Return the run that applied *plan* already, else None; refuse a start that is not allowed."""
    if not run_options.check_mode:
        if sources.directory.runs.has(plan.id):
            run = Run(sources.directory, plan.id)
            if attrs.evolve(run.plan, warnings=plan.warnings) != plan:  # as in `make_run_spec`
                raise PlanningError(
                    f"run {plan.id} carried out another plan under this id: the plan was edited",
                    remedy="make the plan again",
                )
            if run.snapshot().failed_checks:
                failed = dict.fromkeys(check.name for check in run.checks if check.blocks and check.ignorable)
                raise PlanUsedError(plan.id, run.id, tuple(failed))
            return run
        check_destructive(plan, allowed=run_options.allow_destructive)
    refuse_unknown(plan, run_options.ignore_checks)
    return None


def _secrets_digest(sources: SiteSources, values: Mapping[str, str]) -> str:
    """Return a digest of *values* that reveals nothing without the key of the secrets; empty without values."""
    if not values:
        return ""
    return sources.directory.store.secrets.keyed_digest(json.dumps(dict(values), sort_keys=True).encode())


def lock_holder(sources: SiteSources) -> SiteLock | None:
    """Return the holder of the site's lock; None if it is free, or while a new holder has not written its name."""
    locked = lock_is_held(sources.directory.folders.site_lock(sources.name))
    return SiteLock(**holder) if locked and (holder := _current_holder(sources)) else None


def _refuse_foreign(sources: SiteSources, plan: Plan) -> None:
    if not is_run_id(plan.id):
        raise PlanningError(f"{plan.id!r} is not a plan id", remedy="make the plan again")
    check_plan_of(sources.name, plan)


def _options(sources: SiteSources, plan: Plan, given: Mapping[str, Any]) -> RunOptions:
    """Return the options *given*; connection options not given come from the run that *plan* resumes or undoes."""
    given = named_options(given)
    before = RunOptions()
    if plan.continues is not None and sources.directory.runs.has(plan.continues):
        before = sources.directory.runs.journal(plan.continues).spec().options
    connection = {"user": before.user, "private_key": before.private_key, "become": before.become}
    named = {
        name: value for name, value in given.items() if value is not None and (value is not False or name == "checks")
    }
    run_options = RunOptions(**{"requested_by": user_name(), **connection, **named})
    check_options(given)
    key = None if run_options.private_key is None else Path(run_options.private_key).expanduser().absolute()
    if key is not None and not key.is_file():
        raise PlanningError(f"there is no private key {key}", remedy="give the path of its file")
    note = run_options.note or ("dry run" if run_options.check_mode else "")
    return attrs.evolve(run_options, note=note, private_key=key)


def _values(sources: SiteSources, secrets: Mapping[str, str] | None, plan: Plan) -> dict[str, str]:
    """Return the secrets that a run may need: those of the site, replaced and completed by *secrets*."""
    handed = {} if secrets is None else secrets
    check_handed(sources, handed, plan.request.secrets)
    return {**sources.directory.store.secrets.of_site(sources.name), **handed}


def _launch(sources: SiteSources, spec: RunSpec, values: Mapping[str, str], site_lock: Lock | None) -> Run:
    needed = {name for step in spec.steps for name in step.secrets}
    if missing := sorted(needed - values.keys()):
        raise PlanningError(
            f"no value is known for the secrets {', '.join(missing)}",
            remedy=Remedy("hand them over with the start, or keep them", ("site", "secret", sources.name, missing[0])),
        )
    directory = sources.directory
    if site_lock is not None:
        directory.store.backup(directory.folders.backup)
    run_lock = create_journal(directory.folders.runs, spec)
    if run_lock is not None:
        with run_lock:
            if site_lock is not None:
                write_holder(site_lock, _holder(spec.plan, spec.options, spec.created_at))
            locks = [run_lock] if site_lock is None else [run_lock, site_lock]
            handed = {name: value for name, value in values.items() if name in needed or is_password(name)}
            directory.ansible.launch(directory.folders.runs / spec.run, handed, locks)
    return Run(directory, spec.run)


def _take_lock(sources: SiteSources) -> Lock:
    """Return the site's lock once it is taken; refuse if another run holds it."""
    path = sources.directory.folders.site_lock(sources.name)
    deadline = time.monotonic() + LOCK_PATIENCE
    while (lock := take_lock(path)) is None:
        holder = _current_holder(sources)
        if holder or time.monotonic() > deadline:  # else its holder is about to write its name
            raise SiteLockedError(sources.name, holder)
        time.sleep(0.01)
    return lock


def _current_holder(sources: SiteSources) -> dict[str, Any]:
    """Return the current lock holder, or {} while a new holder has not written its name."""
    path = sources.directory.folders.site_lock(sources.name)
    if starter := read_starter(path):
        return starter
    holder = read_holder(path)
    run = str(holder.get("run"))
    try:
        ended = sources.directory.runs.has(run) and Run(sources.directory, run).status.final
    except JournalError:  # a run that cannot be read, as one of a newer installkit, may still go on
        ended = False
    return {} if ended else holder


def _holder(plan: Plan, options: RunOptions, since: datetime) -> dict[str, Any]:
    return {"run": plan.id, "by": options.requested_by, "since": time_to_wire(since), "doing": plan.summary}
