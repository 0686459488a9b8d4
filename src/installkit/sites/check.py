"""Checks before a change: a run of checks alone, how long it counts for a start, and which checks may be ignored."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import attrs

import installkit.ansible
from installkit.datadir.runs import KnownRuns
from installkit.errors import JournalError, PlanningError
from installkit.model import OWN_CHECKS, Action, Plan, Request, RunOptions, RunSpec, RunStatus

CHECK_PLAYBOOK = Path(installkit.ansible.__file__).parent / "plugins" / "host_check" / "host.check.yml"

FRESH = 600.0
"""Seconds for which a run of checks counts for a start."""

_IGNORABLE = ("disk", "memory", "ports", "system", "time")
_REQUIRED = ("connection", "privilege", "python")


def make_check_spec(spec: RunSpec, *, run: str, secrets_digest: str) -> RunSpec:
    """
    Return the spec of a run with only the checks of *spec*: none waits for another, and the plan stays unused.

    Args:
        spec: The spec of a run that carries out the plan.
        run: The id of the run that checks.
        secrets_digest: A keyed digest of the secrets that it gets.

    Raises:
        PlanningError: If the plan has no checks.
    """
    checks = [step for step in spec.plan.steps if step.action is Action.CHECK]
    if not checks:
        raise PlanningError(f"plan {spec.plan.id} changes no host: there is nothing to check")
    names = {step.id for step in checks}
    declared = dict.fromkeys(step.component for step in checks if step.component != OWN_CHECKS)
    old = spec.plan.request
    plan = attrs.evolve(
        spec.plan,
        id=run,
        request=Request(check=tuple(declared), limit=old.limit, parameters=old.parameters),
        changes=(),
        steps=tuple(attrs.evolve(step, needs=()) for step in checks),
        warnings=(),
        summary=f"checks before: {spec.plan.summary}",
        continues=None,
    )
    return attrs.evolve(
        spec,
        run=run,
        plan=plan,
        options=attrs.evolve(spec.options, check_mode=False),
        steps=tuple(attrs.evolve(step_spec, skipped=None) for step_spec in spec.steps if step_spec.step in names),
        continues=None,
        checked_plan=spec.plan.id,
        secrets_digest=secrets_digest,
    )


def still_counts(runs: KnownRuns, run: str, plan: Plan, options: RunOptions, secrets_digest: str) -> bool:
    """
    Return whether the check run with the id *run* replaces the checks of a start of *plan*.

    It does if it checked this same plan with the same inputs, connection, ignored checks and secrets, succeeded, and
    ended less than `FRESH` seconds ago.
    """
    if not runs.has(run):
        return False
    try:
        spec, result = runs.journal(run).spec(), runs.journal(run).result()
    except JournalError:
        return False
    if result is None or result.run.status is not RunStatus.SUCCEEDED or result.run.finished_at is None:
        return False
    age = (datetime.now(UTC) - result.run.finished_at).total_seconds()
    then = (spec.checked_plan, spec.plan.digest, spec.plan.revision, spec.secrets_digest, *_connection(spec.options))
    now = (plan.id, plan.digest, plan.revision, secrets_digest, *_connection(options))
    return then == now and 0 <= age < FRESH


def _connection(options: RunOptions) -> tuple[object, ...]:
    return options.user, options.private_key, options.become, dict(options.ignore_checks)


def refuse_unknown(plan: Plan, ignored: Mapping[str, str]) -> None:
    """
    Refuse *ignored* names that are not checks of *plan* or cannot be ignored, and names without a reason.

    For a component's own checks only the component's name is compared: the tasks are unknown before they run.

    Raises:
        PlanningError: With a line for each.
    """
    checks = [step.component for step in plan.steps if step.action is Action.CHECK]
    components = [component for component in checks if component != OWN_CHECKS]
    ignorable = [f"{OWN_CHECKS}.{name}" for name in _IGNORABLE]
    problems = []
    for name, reason in ignored.items():
        declared = any(name.removeprefix(f"{component}.") not in {name, ""} for component in components)
        if name in {f"{OWN_CHECKS}.{required}" for required in _REQUIRED}:
            problems.append(f"check {name} cannot be ignored: without it nothing can be done")
        elif name not in ignorable and not declared:
            problems.append(f"{name!r} is not a check of the plan")
        elif not reason.strip():
            problems.append(f"check {name} is ignored without a reason")
    if problems:
        choices = [*ignorable, *(f"{name}.TASK" for name in dict.fromkeys(components))]
        raise PlanningError("\n".join(problems), remedy=f"what can be ignored, with a reason: {', '.join(choices)}")
