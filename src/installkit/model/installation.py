from collections.abc import Mapping
from datetime import datetime

import attrs

from installkit.model.event import Event
from installkit.model.words import Action, EventKind, HostStatus, InstallationStatus, StepStatus


@attrs.frozen(kw_only=True)
class Installation:
    """
    The record of one component on one host of a site.

    Attributes:
        version: The last proved one; None before any proof, and where versions are unknown.
        to_version: The one under way or last tried.
        previous_version: The one proved before `version`.
        action: The one under way or last tried.
        run: The run that last changed the record.
        step: Its step.
        verified_at: When a verify playbook last vouched for it; None if none ever did.
        inputs: Digests that went in: `files`, and `parameter:NAME` for each parameter given.
    """

    site: str
    component: str
    host: str
    version: str | None = None
    to_version: str | None = None
    previous_version: str | None = None
    action: Action = Action.INSTALL
    status: InstallationStatus = InstallationStatus.CHANGING
    run: str = ""
    step: str = ""
    verified_at: datetime | None = None
    inputs: Mapping[str, str] = attrs.field(factory=dict, repr=False)


Record = Mapping[tuple[str, str], Installation]
"""A site's installations by (component, host)."""


def record_event(record: Record, site: str, event: Event) -> Record:
    """
    Return *record* as it is after *event* of a run on *site*; *record* itself when the event changes nothing.

    This is the one place that says what a step proves:

    - once a changing step has started, its hosts are `changing`; one without inputs (a restart) leaves theirs;
    - when it ends, a host that ended well is `installed` (gone after an uninstall), unless a verify step must vouch
      for it first: then it stays `changing` until that step has ended;
    - a host that failed, or whose verify failed, is `failed`; where nobody can vouch for the end it is `unknown`;
    - at the run's end nothing stays `changing`;
    - check mode proves nothing and changes nothing.
    """
    if event.kind is EventKind.STEP_STARTED and not _leaves_hosts_alone(event):
        return {**record, **_started(record, site, event)}
    if event.kind is EventKind.STEP_FINISHED and event.status != StepStatus.SKIPPED:
        return _finished(record, event)
    if event.kind is EventKind.RUN_FINISHED:
        return {
            key: attrs.evolve(row, status=InstallationStatus.UNKNOWN) if _left_open(row, event) else row
            for key, row in record.items()
        }
    return record


def _started(record: Record, site: str, event: Event) -> dict[tuple[str, str], Installation]:
    component = event.data["component"]
    shared, own = _inputs_by_host(event.data.get("inputs", {}))
    rows = {
        host: record.get((component, host), Installation(site=site, component=component, host=host))
        for host in event.data["hosts"]
    }
    return {
        (component, host): attrs.evolve(
            row,
            to_version=event.data.get("to_version"),
            action=Action(event.data["action"]),
            status=InstallationStatus.CHANGING,
            run=event.run,
            step=event.step or "",
            inputs={**shared, **own.get(host, {})} or row.inputs,
        )
        for host, row in rows.items()
    }


def _inputs_by_host(inputs: Mapping[str, str]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return what went into every host, and what into single ones: `NAME@HOST` is NAME for HOST alone."""
    shared: dict[str, str] = {}
    own: dict[str, dict[str, str]] = {}
    for name, value in inputs.items():
        name_alone, _, host = name.partition("@")
        (own.setdefault(host, {}) if host else shared)[name_alone] = value
    return shared, own


def _finished(record: Record, event: Event) -> Record:
    component = event.data["component"]
    statuses = {host: HostStatus(status) for host, status in event.data.get("host_statuses", {}).items()}
    read_only = Action(event.data["action"]).read_only
    after = dict(record)
    for host, status in statuses.items():
        row = record.get((component, host))
        if row is None or row.run != event.run or row.status is not InstallationStatus.CHANGING:
            continue
        if read_only and event.data["action"] != Action.VERIFY:
            continue
        proved = _settled(row, status, event, by_verify=read_only)
        if proved is None:
            del after[component, host]
        else:
            after[component, host] = proved
    return after


def _settled(row: Installation, status: HostStatus, event: Event, *, by_verify: bool) -> Installation | None:
    if not status.good or ended_unproved(event):
        ended = status in {HostStatus.FAILED, HostStatus.UNREACHABLE}
        return attrs.evolve(row, status=InstallationStatus.FAILED if ended else InstallationStatus.UNKNOWN)
    if event.data.get("verify_follows") and not by_verify:
        return row
    if row.action in {Action.UNINSTALL, Action.FORGET}:
        return None
    return attrs.evolve(
        row,
        status=InstallationStatus.INSTALLED,
        version=row.to_version,
        previous_version=row.version if row.version != row.to_version else row.previous_version,
        verified_at=event.time if by_verify else row.verified_at,
    )


def ended_unproved(event: Event) -> bool:
    """Return whether the finished step of *event* cannot vouch for any host, whatever its tasks reported."""
    return event.status in {StepStatus.INTERRUPTED, StepStatus.CANCELED, StepStatus.TIMED_OUT}


def _leaves_hosts_alone(started: Event) -> bool:
    return Action(started.data["action"]).read_only or started.data.get("check_mode", False)


def _left_open(row: Installation, event: Event) -> bool:
    return row.run == event.run and row.status is InstallationStatus.CHANGING
