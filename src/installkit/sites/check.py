"""Checks before a change: a run of them alone, which may be ignored, and whether such a run still counts."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs

import installkit.ansible
from installkit.datadir.runs import KnownRuns
from installkit.errors import JournalError, PlanningError
from installkit.model import OWN_CHECKS, Action, Plan, Request, RunOptions, RunSpec, RunStatus, Step

CHECK_PLAYBOOK = Path(installkit.ansible.__file__).parent / "plugins" / "host_check" / "host.check.yml"

FRESH = 600.0
"""Seconds for which a run of checks counts for a start."""

_IGNORABLE = ("disk", "memory", "ports", "system", "time")
_REQUIRED = ("connection", "privilege", "python")


def make_check_spec(spec: RunSpec, *, run: str, secrets_digest: str) -> RunSpec:
    """
    Return the run that makes the checks of *spec* alone: none waits for another, and it uses no plan up.

    Args:
        spec: What carrying out the plan would take.
        run: The id of the run that checks.
        secrets_digest: A keyed digest of the secrets that it is handed.

    Raises:
        PlanningError: If the plan has no checks.
    """
    checks = [step for step in spec.plan.steps if step.action is Action.CHECK]
    if not checks:
        raise PlanningError(f"plan {spec.plan.id} changes no host: there is nothing to check")
    names = {step.id for step in checks}
    return attrs.evolve(
        spec,
        run=run,
        plan=_check_plan(spec.plan, run, checks),
        options=attrs.evolve(spec.options, check_mode=False),
        steps=tuple(attrs.evolve(each, skipped=None) for each in spec.steps if each.step in names),
        continues=None,
        checked_plan=spec.plan.id,
        secrets_digest=secrets_digest,
    )


def _check_plan(plan: Plan, run: str, steps: Sequence[Step]) -> Plan:
    declared = dict.fromkeys(step.component for step in steps if step.component != OWN_CHECKS)
    return attrs.evolve(
        plan,
        id=run,
        request=Request(check=tuple(declared), limit=plan.request.limit, parameters=plan.request.parameters),
        changes=(),
        steps=tuple(attrs.evolve(step, needs=()) for step in steps),
        warnings=(),
        summary=f"checks before: {plan.summary}",
        continues=None,
    )


def still_counts(runs: KnownRuns, run: str, plan: Plan, options: RunOptions, secrets_digest: str) -> bool:
    """
    Return whether the check run with the id *run* vouches for the hosts of *plan*.

    It does if it checked this very plan, for the same inputs, connection, ignored checks and secrets, succeeded, and
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
    Refuse to ignore what is not a check of *plan*, what cannot be ignored, and what is ignored without a reason.

    Of a component's checks only the component is known before they are carried out.

    Raises:
        PlanningError: With a line for each.
    """
    checks = [step.component for step in plan.steps if step.action is Action.CHECK]
    components = [component for component in checks if component != OWN_CHECKS]
    problems = [problem for name, why in ignored.items() if (problem := _problem(name, why, components))]
    if problems:
        known = [
            *(f"{OWN_CHECKS}.{name}" for name in _IGNORABLE),
            *(f"{name}.TASK" for name in dict.fromkeys(components)),
        ]
        raise PlanningError("\n".join(problems), remedy=f"what can be ignored, with a reason: {', '.join(known)}")


def _problem(name: str, why: str, components: list[str]) -> str | None:
    if name in {f"{OWN_CHECKS}.{required}" for required in _REQUIRED}:
        return f"check {name} cannot be ignored: without it nothing can be done"
    own = name in {f"{OWN_CHECKS}.{ignorable}" for ignorable in _IGNORABLE}
    if not own and not any(name.removeprefix(f"{component}.") not in {name, ""} for component in components):
        return f"{name!r} is not a check of the plan"
    return None if why.strip() else f"check {name} is ignored without a reason"
