"""The verdict on a step: a pure function of the evidence, the exit status and whether we stopped it."""

from collections.abc import Mapping

import attrs

from installkit.ansible.remedies import remedy_for
from installkit.engine.check_results import CheckedTask
from installkit.engine.evidence import NO_PROOF, Evidence
from installkit.model import (
    Check,
    CheckStatus,
    Failure,
    FailureCode,
    HostStatus,
    Next,
    Outcome,
    Step,
    StepStatus,
    on_hosts,
)
from installkit.text import join_names


@attrs.frozen
class About:
    """
    The run and the step that a failure names.

    Attributes:
        read_only: Whether the run changes nothing, so that there is nothing to resume.
    """

    run: str
    step: Step
    read_only: bool = False

    def failure(
        self,
        code: FailureCode,
        message: str,
        *,
        hosts: tuple[str, ...] = (),
        task: str | None = None,
        location: str | None = None,
    ) -> Failure:
        """Return a failure of the step, with what to do about it."""
        subject = f"task {task!r}" if task else code.value.replace("_", " ")
        verdicts = {FailureCode.TASK_FAILED: " failed", FailureCode.HOST_UNREACHABLE: " could not reach the host"}
        place = f" ({location})" if location else ""
        summary = f"{subject}{verdicts.get(code, '')}{on_hosts(hosts)}{place}"
        return Failure(
            code=code,
            summary=f"{self.step.action.value} {self.step.component}: {summary}",
            run=self.run,
            component=self.step.component,
            step=self.step.id,
            hosts=hosts,
            task=task,
            location=location,
            message=message,
            remedy=remedy_for(code, message),
            next=Next(action="resume", run=self.run, command=f"installkit resume {self.run}"),
        )

    def check_failure(self, check: Check, place: CheckedTask) -> Failure:
        """Return the failure of *check*, whose task is *place*: somebody has to fix its cause, or to ignore it."""
        first = check.message.partition("\n")[0]
        again = f"installkit resume {self.run}"
        action, command = (
            ("ignore", f"{again} --ignore-check {check.name}=WHY") if check.ignorable else ("resume", again)
        )
        failure = self.failure(
            FailureCode.CHECK_FAILED, check.message, hosts=check.hosts, task=place.task, location=place.location
        )
        return attrs.evolve(
            failure,
            summary=f"check {check.name} failed{on_hosts(check.hosts)}: {first}",
            remedy=check.remedy,
            next=None if self.read_only else Next(action=action, run=self.run, command=command),
        )


def judge(about: About, evidence: Evidence, rc: int | None, *, stopped: bool) -> Outcome:
    """
    Return how the step ended.

    It succeeded if Ansible exited with 0 and every planned host ended well, even if it was asked to stop too late to be
    stopped.
    """
    statuses = evidence.host_statuses(rc)
    failures = _plan_failures(about, evidence)
    if not failures:
        groups: dict[tuple[HostStatus, str, str | None, str], list[str]] = {}  # hosts with the same failure
        for failed in evidence.failed_tasks(rc):
            groups.setdefault((failed.status, failed.task, failed.location, failed.message), []).append(failed.host)
        codes = {HostStatus.FAILED: FailureCode.TASK_FAILED, HostStatus.UNREACHABLE: FailureCode.HOST_UNREACHABLE}
        failures = [
            about.failure(codes[status], message, hosts=tuple(hosts), task=task, location=location)
            for (status, task, location, message), hosts in groups.items()
        ]
        failures += _host_failures(about, evidence, statuses, rc)
    complete = rc == 0 and evidence.recap is not None
    return _concluded(about, evidence, rc, statuses, failures, complete=complete, stopped=stopped)


def judge_checks(
    about: About,
    evidence: Evidence,
    checks: tuple[Check, ...],
    places: Mapping[str, CheckedTask],
    rc: int | None,
    *,
    stopped: bool,
) -> Outcome:
    """
    Return how a check step ended.

    It succeeded if Ansible came to its recap, nothing but tasks failed, and none of *checks* blocks the run.
    """
    blocking = [check for check in checks if check.blocks]
    blocked = {host for check in blocking for host in check.hosts}
    past = HostStatus.UNFINISHED if evidence.recap is None else HostStatus.OK
    statuses = {}
    for host, status in evidence.host_statuses(rc).items():
        lost = status in {HostStatus.FAILED, HostStatus.UNREACHABLE}
        if host in blocked:
            statuses[host] = status if lost else HostStatus.FAILED
        else:  # what Ansible lost it to does not block the run
            statuses[host] = past if lost else status
    failures = [about.check_failure(check, places[check.name]) for check in blocking]
    failures += _plan_failures(about, evidence) or _host_failures(about, evidence, statuses, rc)
    explained = rc is not None and any(check.status is not CheckStatus.PASS for check in checks)
    complete = evidence.recap is not None and (rc == 0 or explained)
    outcome = _concluded(about, evidence, rc, statuses, failures, complete=complete, stopped=stopped)
    return attrs.evolve(outcome, checks=checks)


def _concluded(
    about: About,
    evidence: Evidence,
    rc: int | None,
    statuses: dict[str, HostStatus],
    failures: list[Failure],
    *,
    complete: bool,
    stopped: bool,
) -> Outcome:
    succeeded = complete and not failures
    if not succeeded and not failures and not stopped:
        output = evidence.tail.strip()
        if evidence.began:
            how = "was killed by a signal" if rc is None else f"exited with {rc}"
            ending = "without its recap" if evidence.recap is None else "although no host failed"
            message = f"ansible-playbook {how} {ending}\n{output}".strip()
            failures.append(about.failure(FailureCode.ANSIBLE_BROKE_OFF, message))
        else:
            message = output or f"ansible-playbook exited with {rc} and said nothing"
            failures.append(about.failure(FailureCode.PLAYBOOK_INVALID, message))
    return Outcome(
        status=StepStatus.SUCCEEDED if succeeded else StepStatus.CANCELED if stopped else StepStatus.FAILED,
        rc=rc,
        host_statuses=statuses,
        recap=dict(evidence.recap or {}),
        failures=tuple(failures),
        stopped=stopped and not succeeded,
    )


def broke_off(about: About, evidence: Evidence, code: FailureCode, message: str, *, stopped: bool) -> Outcome:
    """Return the outcome of a step whose engine broke off with *message*: only the failures that were seen are proved."""
    outcome = judge(about, evidence, None, stopped=True)
    if stopped:
        return outcome
    failures = (about.failure(code, message), *outcome.failures)
    return attrs.evolve(outcome, status=StepStatus.FAILED, stopped=False, failures=failures)


def not_started(about: About, code: FailureCode, message: str) -> Outcome:
    """Return the outcome of a step that failed before Ansible was asked to do anything."""
    return Outcome(
        status=StepStatus.FAILED,
        rc=None,
        host_statuses=dict.fromkeys(about.step.hosts, HostStatus.UNFINISHED),
        failures=(about.failure(code, message),),
    )


def _plan_failures(about: About, evidence: Evidence) -> list[Failure]:
    """Return the failure of a step that would have done something other than planned; else an empty list."""
    if evidence.unplanned:
        message = (
            f"a play would hold {join_names(evidence.unplanned)}, which the plan does not name: it was stopped before its "
            "first task"
        )
        return [about.failure(FailureCode.HOST_UNPLANNED, message, hosts=evidence.unplanned)]
    if evidence.nothing_ran:
        message = "the tags leave no task of the playbook to carry out, so that nothing was done"
        return [about.failure(FailureCode.NOTHING_RAN, message, hosts=about.step.hosts)]
    return []


def _host_failures(about: About, evidence: Evidence, statuses: dict[str, HostStatus], rc: int | None) -> list[Failure]:
    """Return a failure for each reason why hosts without a failed task of their own are not proved."""
    if evidence.recap is None:
        return []
    if rc == 0 and not evidence.held_any():
        return [about.failure(FailureCode.NO_HOST_MATCHED, "no planned host was touched", hosts=about.step.hosts)]
    explained = {failed.host for failed in evidence.failed_tasks(rc)}
    reasons: dict[str, list[str]] = {}
    for host, status in statuses.items():
        why = evidence.why_unproved(host, rc)
        if why not in {None, NO_PROOF} and host not in explained and not status.good:
            reasons.setdefault(str(why), []).append(host)
    return [
        about.failure(FailureCode.HOST_UNFINISHED, message, hosts=tuple(hosts)) for message, hosts in reasons.items()
    ]
