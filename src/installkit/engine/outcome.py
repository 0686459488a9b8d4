"""The verdict on a step: a pure function of the evidence, the exit status and whether we stopped it."""

from collections.abc import Iterable

import attrs

from installkit.engine.evidence import Evidence, FailedTask
from installkit.engine.remedies import remedy_for
from installkit.model import Failure, FailureCode, HostStatus, Next, Recap, Step, StepStatus


@attrs.frozen(kw_only=True)
class Outcome:
    """
    How a step ended.

    Attributes:
        rc: Exit status of ansible-playbook; None if a signal killed it or it never started.
        unproved: Hosts that look good, but may not be done.
        stopped: Whether we stopped it before its end.
    """

    status: StepStatus
    rc: int | None
    host_statuses: dict[str, HostStatus]
    recap: dict[str, Recap] = attrs.field(factory=dict)
    unproved: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    stopped: bool = False
    log_size: int = 0


@attrs.frozen
class About:
    """What a failure's summary names: the run and the step."""

    run: str
    step: Step

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
        where = f"{self.step.action.value} {self.step.component}"
        return Failure(
            code=code,
            summary=_summary(code, where, hosts, task, location),
            component=self.step.component,
            step=self.step.id,
            hosts=hosts,
            task=task,
            location=location,
            message=message,
            remedy=remedy_for(code, message),
            next=Next(action="resume", run=self.run, command=f"installkit resume {self.run}"),
        )


def judge(about: About, evidence: Evidence, rc: int | None, *, stopped: bool) -> Outcome:
    """
    Return how the step ended.

    It succeeded if Ansible exited with 0 and printed its recap, and every planned host ended well, one of them with a
    result; a stop that came too late to stop anything does not matter.
    """
    statuses = evidence.host_statuses(rc)
    failures = [*_task_failures(about, evidence.failed_tasks(rc)), *_host_failures(about, evidence, statuses, rc)]
    complete = rc == 0 and evidence.recap is not None
    succeeded = complete and not failures
    if not succeeded and not failures and not stopped:
        failures.append(_unexplained(about, evidence, rc))
    return Outcome(
        status=StepStatus.SUCCEEDED if succeeded else StepStatus.CANCELED if stopped else StepStatus.FAILED,
        rc=rc,
        host_statuses=statuses,
        recap=dict(evidence.recap or {}),
        unproved=() if evidence.whole else tuple(host for host, status in statuses.items() if status.good),
        failures=tuple(failures),
        stopped=stopped and not succeeded,
    )


def broke_off(about: About, evidence: Evidence, code: FailureCode, message: str, *, stopped: bool) -> Outcome:
    """Return the outcome of a step whose engine broke off with *message*: nothing is proved but what was seen fail."""
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


def _task_failures(about: About, failed: Iterable[FailedTask]) -> list[Failure]:
    groups: dict[tuple[HostStatus, str, str | None, str], list[str]] = {}
    for task in failed:
        groups.setdefault((task.status, task.task, task.location, task.message), []).append(task.host)
    codes = {HostStatus.FAILED: FailureCode.TASK_FAILED, HostStatus.UNREACHABLE: FailureCode.HOST_UNREACHABLE}
    return [
        about.failure(codes[status], message, hosts=tuple(hosts), task=task, location=location)
        for (status, task, location, message), hosts in groups.items()
    ]


def _host_failures(about: About, evidence: Evidence, statuses: dict[str, HostStatus], rc: int | None) -> list[Failure]:
    if evidence.recap is None:
        return []
    if rc == 0 and not evidence.any_result():
        return [about.failure(FailureCode.NO_HOST_MATCHED, "no planned host was touched", hosts=about.step.hosts)]
    unfinished = tuple(host for host, status in statuses.items() if status is HostStatus.UNFINISHED)
    if not unfinished:
        return []
    message = "the other hosts of the same play have results, these have none"
    return [about.failure(FailureCode.HOST_UNFINISHED, message, hosts=unfinished)]


def _unexplained(about: About, evidence: Evidence, rc: int | None) -> Failure:
    said = evidence.tail.strip()
    if not evidence.began:
        return about.failure(
            FailureCode.PLAYBOOK_INVALID, said or f"ansible-playbook exited with {rc} and said nothing"
        )
    how = "was killed by a signal" if rc is None else f"exited with {rc}"
    ending = "without its recap" if evidence.recap is None else "although no host failed"
    return about.failure(FailureCode.ANSIBLE_BROKE_OFF, f"ansible-playbook {how} {ending}\n{said}".strip())


def _summary(code: FailureCode, where: str, hosts: tuple[str, ...], task: str | None, location: str | None) -> str:
    what = f"task {task!r}" if task else code.value.replace("_", " ")
    on = f" on {', '.join(hosts[:5])}{f' and {len(hosts) - 5} more' if len(hosts) > 5 else ''}" if hosts else ""  # noqa: PLR2004 - a line holds five names
    verdict = {FailureCode.TASK_FAILED: " failed", FailureCode.HOST_UNREACHABLE: " could not reach the host"}.get(
        code, ""
    )
    return f"{where}: {what}{verdict}{on}{f' ({location})' if location else ''}"
