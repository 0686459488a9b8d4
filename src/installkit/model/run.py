import shlex
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import attrs

from installkit.errors import Remedy
from installkit.model.check import Check
from installkit.model.installation import Installation
from installkit.model.inventory import Play
from installkit.model.options import RunOptions
from installkit.model.plan import Plan, Step
from installkit.model.results import Stats
from installkit.model.statuses import Action, FailureCode, HostStatus, RunStatus, StepStatus
from installkit.text import counted, duration_text

Recap = Mapping[str, int]
"""Ansible's counts for one host: ok, changed, unreachable, failed, skipped, rescued, ignored."""


@attrs.frozen(kw_only=True)
class Next:
    """What to do about a failure: a word for programs, the run concerned, and the exact command line."""

    action: str
    run: str
    command: str

    def as_call(self) -> str:
        """Return the call of the Python library for it, as `site.resume('7f3c1d2e9a04')`."""
        return Remedy("", tuple(shlex.split(self.command)[1:])).as_call()


@attrs.frozen(kw_only=True)
class Failure:
    """
    One thing that went wrong, the same on all of `hosts` and in all of `steps`.

    Attributes:
        summary: One line: what failed, where.
        run: The run in which it went wrong; None in what an older installkit wrote about a single step.
        step: The first step's id.
        steps: The ids of all steps in which it went wrong; empty in the report of a single step.
        task: The task's name, in the first step; None if no task failed.
        location: `file:line` of the task, the file relative to the folder where Ansible runs if it lies below it; None if
            no task failed.
        message: The message of Ansible or installkit; the first one if several differ only in names and numbers.
        remedy: What a person can do about it; None if the message says all.
    """

    code: FailureCode
    summary: str
    run: str | None = None
    component: str | None = None
    step: str | None = None
    hosts: tuple[str, ...] = ()
    task: str | None = None
    location: str | None = None
    message: str = ""
    remedy: str | None = None
    next: Next | None = None
    steps: tuple[str, ...] = ()

    def of_run(self, run: str) -> "Failure":
        """Return the failure with *run* as its run, if it does not name one."""
        return attrs.evolve(self, run=run) if self.run is None else self


@attrs.frozen(kw_only=True)
class StepSpec:
    """
    All that is needed to carry out one step, except secrets.

    Attributes:
        step: The step's id.
        folder: Absolute; Ansible runs in it.
        playbook: Absolute; None if only the record changes.
        files: Digest by absolute path, checked before the step starts.
        sources: The site's inventory sources, absolute.
        plays: Plays with their hosts, as planned.
        defaults: Component defaults, the lowest precedence.
        host_variables: Site, group and host parameters resolved per host, above the inventory's own.
        variables: Extra variables, the highest precedence.
        secrets: Names of the secret parameters that the playbook gets as extra variables.
        exclusive: Whether no other component may run on its hosts meanwhile.
        verify_follows: Whether a later verify step must prove what this one changed.
        inputs: As in `Installation.inputs`, with `NAME@HOST` for an input of one host only; empty if the step has no
            inputs, as a restart.
        facts: `fresh`, `cached` or `all`.
        gathers: Whether its plays gather facts; None if that depends on Ansible's setting.
        own: Whether the playbook is installkit's own: it is carried out as if it were in `folder`.
        skipped: Why the step is skipped; steps that need it are carried out all the same. None if it is carried out.
    """

    step: str
    folder: Path
    playbook: Path | None
    sources: tuple[Path, ...]
    plays: tuple[Play, ...] = ()
    files: Mapping[str, str] = attrs.field(factory=dict)
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = attrs.field(factory=dict)
    host_variables: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    variables: Mapping[str, Any] = attrs.field(factory=dict)
    secrets: tuple[str, ...] = ()
    timeout: float | None = None
    soft_timeout: float | None = None
    exclusive: bool = True
    verify_follows: bool = False
    inputs: Mapping[str, str] = attrs.field(factory=dict)
    facts: str = "cached"
    gathers: bool | None = None
    own: bool = False
    skipped: str | None = None


@attrs.frozen(kw_only=True)
class RunSpec:
    """
    All that defines a run: written once, before anything happens.

    Attributes:
        run: The run's id. It is the plan's id, except in check mode, which leaves the plan unused.
        catalog: The catalog's folder.
        steps: One for each step of the plan, in its order.
        continues: The run that this one resumes or undoes.
        installed: The site's record of the components concerned, from before the run.
        checked_plan: For a run that only checks: the plan whose hosts it checks.
        secrets_digest: For a run that only checks: a keyed digest of the secrets that it got.
    """

    run: str
    site: str
    catalog: Path
    plan: Plan
    options: RunOptions
    steps: tuple[StepSpec, ...]
    created_at: datetime
    continues: str | None = None
    installed: tuple[Installation, ...] = ()
    checked_plan: str | None = None
    secrets_digest: str | None = None

    @property
    def read_only(self) -> bool:
        """Whether the run leaves the hosts as they are, and so needs no site lock."""
        return self.options.check_mode or self.plan.read_only


@attrs.frozen(kw_only=True)
class Outcome:
    """
    How a step ended.

    Attributes:
        rc: Exit status of ansible-playbook; None if a signal killed it or it never started.
        stopped: Whether installkit stopped it before its end.
        log_size: Bytes of its log.
        checks: The results of a check step, grouped over hosts.
        stats: What its playbook set with `set_stats`.
    """

    status: StepStatus
    rc: int | None = None
    host_statuses: Mapping[str, HostStatus] = attrs.field(factory=dict)
    recap: Mapping[str, Recap] = attrs.field(factory=dict)
    failures: tuple[Failure, ...] = ()
    stopped: bool = False
    log_size: int = 0
    checks: tuple[Check, ...] = ()
    stats: Stats = attrs.field(factory=Stats)


@attrs.frozen(kw_only=True)
class StepSnapshot(Step):
    """
    A step of a run at one moment.

    Attributes:
        duration: Seconds from its start to its end, or to the moment of the snapshot; None before it started.
        rc: Exit status of ansible-playbook; None if it has not ended, was killed by a signal, or never started.
        host_statuses: By host.
        recap: Ansible's counts by host; empty before the end.
        log_size: Bytes of its log that belong to the events up to the moment.
        failure: The first thing that went wrong.
        checks: The results of a check step, grouped over hosts; empty before its end, and for other steps.
        stats: What its playbook set with `set_stats`; empty before its end.
    """

    status: StepStatus = StepStatus.PENDING
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: float | None = None
    rc: int | None = None
    host_statuses: Mapping[str, HostStatus] = attrs.field(factory=dict)
    recap: Mapping[str, Recap] = attrs.field(factory=dict)
    log_size: int = 0
    failure: Failure | None = None
    checks: tuple[Check, ...] = ()
    stats: Stats = attrs.field(factory=Stats)


@attrs.frozen(kw_only=True)
class Progress:
    """
    How many steps a run has, and how many were carried out, successful or not; skipped steps do not count as done.

    Attributes:
        done: The number of steps that have started and ended.
        total: The number of steps, without those that the options skip, as installkit's own checks with `checks=False`.
    """

    done: int
    total: int


@attrs.frozen(kw_only=True)
class RunSnapshot:
    """
    A run at one moment: `last_seq` and every step's `log_size` belong together.

    Attributes:
        reason: Why it ended with this status; None while it runs, and if the status says all.
        duration: Seconds from its start to its end, or to the moment of the snapshot; None before it started.
        recap: Sum of the steps' counts by host.
        continues: The run that this one resumes or undoes.
        failures: What went wrong, grouped by cause over hosts and steps.
        carried_elsewhere: For a run that has not ended, and is carried out outside this data directory: where, in a few
            words, as `machine ops2`; only what was copied is known of it. None for all other runs.
    """

    id: str
    site: str
    plan: str
    status: RunStatus
    created_at: datetime
    reason: str | None = None
    note: str = ""
    requested_by: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    duration: float | None = None
    recap: Mapping[str, Recap] = attrs.field(factory=dict)
    progress: Progress = Progress(done=0, total=0)
    last_seq: int = 0
    continues: str | None = None
    carried_elsewhere: str | None = None
    steps: tuple[StepSnapshot, ...] = ()
    failures: tuple[Failure, ...] = ()

    def __attrs_post_init__(self) -> None:
        """Name the run in each failure: those that an older installkit wrote do not."""
        object.__setattr__(self, "failures", tuple(failure.of_run(self.id) for failure in self.failures))
        if any(step.failure is not None and step.failure.run is None for step in self.steps):
            steps = tuple(
                step if step.failure is None else attrs.evolve(step, failure=step.failure.of_run(self.id))
                for step in self.steps
            )
            object.__setattr__(self, "steps", steps)

    @property
    def failed_checks(self) -> bool:
        """Whether the run failed at its checks, before anything was changed; false for lists, which have no steps."""
        changing = [step for step in self.steps if not step.action.read_only]
        return (
            self.status is RunStatus.FAILED
            and any(step.action is Action.CHECK and step.status is StepStatus.FAILED for step in self.steps)
            and bool(changing)
            and all(step.started_at is None for step in changing)
        )

    def at(self, time: datetime) -> Self:
        """
        Return the run with the durations that it has at *time*, if nothing has happened since the snapshot.

        The durations of a run that is carried out elsewhere stay the same: nobody here knows whether it still goes on.
        """
        if self.started_at is None or self.status.final or self.carried_elsewhere:
            return self
        steps = tuple(
            attrs.evolve(step, duration=(time - step.started_at).total_seconds())
            if step.status is StepStatus.RUNNING and step.started_at is not None
            else step
            for step in self.steps
        )
        return attrs.evolve(self, duration=(time - self.started_at).total_seconds(), steps=steps)

    def __str__(self) -> str:
        """The state of the run in a line, as `run 7f3c12 failed: 1 of 2 steps succeeded, 41.2 s`."""
        where = f", carried elsewhere ({self.carried_elsewhere})" if self.carried_elsewhere else ""
        good = sum(step.status is StepStatus.SUCCEEDED for step in self.steps)
        steps = f"{good} of {counted(self.progress.total, 'step')} succeeded"
        took = duration_text(self.duration)
        return f"run {self.id[:6]} {self.status.value}{where}: {', '.join(filter(None, (steps, took)))}"


@attrs.frozen(kw_only=True)
class RunResult:
    """
    How a run ended: what the journal keeps forever.

    Attributes:
        installed: The installations that the run touched, as it left them.
        removed: (component, host) of the installations that it removed.
    """

    run: RunSnapshot
    installed: tuple[Installation, ...] = ()
    removed: tuple[tuple[str, str], ...] = ()
