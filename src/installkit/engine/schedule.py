"""Which step may start next: a pure function of how far the others are."""

from collections.abc import Iterable, Mapping

from installkit.model import Action, RunSpec, Step, StepStatus

DEFAULT_JOBS = 4
ONE_AT_A_TIME = frozenset({Action.UPGRADE, Action.ROLLBACK, Action.UNINSTALL})


def jobs_of(spec: RunSpec) -> int:
    """Return how many steps may run at once: as requested, else one if the plan takes something down, else several."""
    if spec.options.jobs is not None:
        return spec.options.jobs
    careful = any(step.action in ONE_AT_A_TIME for step in spec.plan.steps)
    return 1 if careful else DEFAULT_JOBS


def ready_steps(spec: RunSpec, statuses: Mapping[str, StepStatus]) -> list[Step]:
    """
    Return the steps that may start now in the plan's order, including those that must be approved first.

    A step that waits for its approval keeps its place: other steps start only if they could run beside it.
    """
    specs = {step_spec.step: step_spec for step_spec in spec.steps}
    running = [step for step in spec.plan.steps if statuses[step.id] in {StepStatus.RUNNING, StepStatus.WAITING}]
    ready: list[Step] = []
    for step in spec.plan.steps:
        busy = [*running, *ready]
        if len(busy) >= (spec.options.jobs or DEFAULT_JOBS if step.action is Action.CHECK else jobs_of(spec)):
            break
        if statuses[step.id] is not StepStatus.PENDING:
            continue
        needs_met = all(statuses[need] is StepStatus.SUCCEEDED or specs[need].skipped for need in step.needs)
        hosts = set(step.hosts)
        if needs_met and not any(
            step.component == other.component
            or ((specs[step.id].exclusive or specs[other.id].exclusive) and not hosts.isdisjoint(other.hosts))
            for other in busy
        ):
            ready.append(step)
    return ready


def doomed_steps(spec: RunSpec, statuses: Mapping[str, StepStatus]) -> list[Step]:
    """Return the pending steps that can never start, because a step that they need did not succeed."""
    skipped = {step_spec.step for step_spec in spec.steps if step_spec.skipped}
    lost = {step for step, status in statuses.items() if status.final and status is not StepStatus.SUCCEEDED} - skipped
    doomed: list[Step] = []
    for step in spec.plan.steps:
        if statuses[step.id] is StepStatus.PENDING and not lost.isdisjoint(step.needs):
            lost.add(step.id)
            doomed.append(step)
    return doomed


def done_before(step: Step, steps: Iterable[Step]) -> list[Step]:
    """Return the last steps of the same component before *step*: its last change, and the steps that verified it."""
    earlier = [other for other in steps if other.component == step.component and other.seq < step.seq]
    changes = [place for place, other in enumerate(earlier) if not other.action.read_only]
    return earlier[changes[-1] if changes else -1 :]
