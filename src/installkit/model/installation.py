from collections.abc import Mapping
from datetime import datetime

import attrs

from installkit.model.event import Event
from installkit.model.statuses import Action, EventKind, HostStatus, InstallationStatus, StepStatus


@attrs.frozen(kw_only=True)
class Installation:
    """
    The record of one component on one host of a site.

    Attributes:
        version: The last proved version; None before any proof, and if versions are unknown.
        to_version: The version that is being installed, or was tried last.
        previous_version: The version proved before `version`.
        action: The action that is being carried out, or was tried last.
        run: The run that last changed or verified it.
        step: The step of that run.
        verified_at: When a verify playbook last proved it; None if none ever did.
        changed_by: The run that last changed it, if `run` has only verified it since; else empty.
        inputs: Digests of the inputs: `files`, and `parameter:NAME` for each parameter given.
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
    changed_by: str = ""
    inputs: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    @property
    def changing_run(self) -> str:
        """The run that last changed it, even if others have verified it since."""
        return self.changed_by or self.run

    @property
    def disproved(self) -> bool:
        """Whether it was installed, but a verify has failed since: `version` is there, but does not work."""
        return self.status is InstallationStatus.FAILED and self.action is Action.VERIFY

    @property
    def in_place(self) -> bool:
        """Whether `version` is known to be there, working or not."""
        return self.status is InstallationStatus.INSTALLED or self.disproved


Record = Mapping[tuple[str, str], Installation]
"""A site's installations by (component, host)."""


def record_event(record: Record, site: str, event: Event) -> Record:
    """
    Return *record* as it is after *event* of a run on *site*; *record* itself if the event changes nothing.

    Only this function decides what a step proves:

    - once a changing step has started, its hosts are `changing`; a step without inputs (a restart) keeps their inputs;
    - when it ends, a host that ended well is `installed` (removed after an uninstall), unless a verify step must prove
      it first: then it stays `changing` until that step has ended;
    - a host that failed, or whose verify failed, is `failed`; it is `unknown` if its end cannot be proved;
    - a verify of what was installed before updates `verified_at`, or makes it `failed` by the action `verify`, until a
      later verify succeeds; what is `failed` or `unknown` by another action needs a repair, and no verify proves it;
    - a play on hosts that are not the component's, as localhost, counts for all its hosts: if it failed, none is
      proved; a verify that has only such plays proves the hosts that its step names;
    - at the run's end nothing stays `changing`;
    - check mode proves nothing and changes nothing.
    """
    if event.kind is EventKind.STEP_STARTED:
        changing = not (Action(event.data["action"]).read_only or event.data.get("check_mode", False))
        return {**record, **_started(record, site, event)} if changing else record
    if event.kind is EventKind.STEP_FINISHED and event.status != StepStatus.SKIPPED:
        return _finished(record, event)
    if event.kind is EventKind.RUN_FINISHED:
        return {
            key: attrs.evolve(row, status=InstallationStatus.UNKNOWN)
            if row.run == event.run and row.status is InstallationStatus.CHANGING
            else row
            for key, row in record.items()
        }
    return record


def _started(record: Record, site: str, event: Event) -> dict[tuple[str, str], Installation]:
    """Return the rows of the hosts that the started step is about to change."""
    component, action = event.data["component"], Action(event.data["action"])
    shared: dict[str, str] = {}
    own: dict[str, dict[str, str]] = {}
    for name, value in event.data.get("inputs", {}).items():  # `NAME@HOST` is the input NAME of HOST alone
        input_name, _, host = name.partition("@")
        (own.setdefault(host, {}) if host else shared)[input_name] = value
    others = event.data.get("others", ())
    rows = {
        host: record.get((component, host), Installation(site=site, component=component, host=host))
        for host in event.data["hosts"]
        if host not in others
    }
    return {
        (component, host): attrs.evolve(
            row,
            to_version=event.data.get("to_version"),
            action=action,
            status=InstallationStatus.CHANGING,
            run=event.run,
            step=event.step or "",
            changed_by="",
            inputs={**shared, **own.get(host, {})} or row.inputs,
        )
        for host, row in rows.items()
        if not (row.disproved and action in _REPAIRING_NOTHING)
    }


def _finished(record: Record, event: Event) -> Record:
    component, action = event.data["component"], Action(event.data["action"])
    if action.read_only and (action is not Action.VERIFY or event.data.get("check_mode", False)):
        return record
    after = dict(record)
    for host, status in _judged(event, action).items():
        row = record.get((component, host))
        if row is None:
            continue
        changing = row.status is InstallationStatus.CHANGING
        if changing and row.run == event.run:
            proved = _settled(row, status, event, by_verify=action.read_only)
        elif action is Action.VERIFY and not changing:
            proved = _verified(row, status, event)
        else:
            continue
        if proved is None:
            del after[component, host]
        else:
            after[component, host] = proved
    return after


def _judged(event: Event, action: Action) -> dict[str, HostStatus]:
    """Return the status of each host of the component; failures on other hosts of the step count for all of them."""
    statuses = {host: HostStatus(status) for host, status in event.data.get("host_statuses", {}).items()}
    others = {host: statuses.pop(host) for host in event.data.get("others", ()) if host in statuses}
    if not others:
        return statuses
    if action is Action.VERIFY:
        statuses = {**dict.fromkeys(event.data.get("vouches_for", ()), HostStatus.OK), **statuses}
    if any(status.ended_badly for status in others.values()):
        return dict.fromkeys(statuses, HostStatus.FAILED)
    if all(status.good and not ended_unproved(event) for host, status in others.items()):
        return statuses
    return {host: status if status.ended_badly else HostStatus.UNFINISHED for host, status in statuses.items()}


def _settled(row: Installation, status: HostStatus, event: Event, *, by_verify: bool) -> Installation | None:
    """Return *row*, which the run has changed, after the finished step; None if the component is gone from the host."""
    if not status.good or ended_unproved(event):
        return attrs.evolve(row, status=InstallationStatus.FAILED if status.ended_badly else InstallationStatus.UNKNOWN)
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


def _verified(row: Installation, status: HostStatus, event: Event) -> Installation:
    """Return *row*, which the run has not changed, after a verify; a verify without a clear end changes nothing."""
    if not row.in_place or ended_unproved(event) or not (status.good or status.ended_badly):
        return row
    seen = attrs.evolve(row, run=event.run, step=event.step or "", changed_by=row.changing_run)
    if not status.good:
        return attrs.evolve(seen, action=Action.VERIFY, status=InstallationStatus.FAILED)
    return attrs.evolve(seen, status=InstallationStatus.INSTALLED, verified_at=event.time)


def ended_unproved(event: Event) -> bool:
    """Return whether the finished step of *event* proves nothing for any host, whatever its tasks reported."""
    return event.status in {StepStatus.INTERRUPTED, StepStatus.CANCELED, StepStatus.TIMED_OUT}


_REPAIRING_NOTHING = frozenset({Action.STOP, Action.BACKUP})
"""Actions that do not repair a component that a verify found broken."""
