"""Which step may start next: a pure function of how far the others are."""

from collections.abc import Iterable, Mapping

from installkit.model import Action, RunSpec, Step, StepSpec, StepStatus

DEFAULT_JOBS = 4
ONE_AT_A_TIME = frozenset({Action.UPGRADE, Action.ROLLBACK, Action.UNINSTALL})


def jobs_of(spec: RunSpec) -> int:
    """Return how many steps may run at once: as asked; else one where something is taken down, several elsewhere."""
    if spec.options.jobs is not None:
        return spec.options.jobs
    careful = any(step.action in ONE_AT_A_TIME for step in spec.plan.steps)
    return 1 if careful else DEFAULT_JOBS


def ready_steps(spec: RunSpec, statuses: Mapping[str, StepStatus]) -> list[Step]:
    """
    Return the steps that may start now, once they are approved where that is asked for, in the plan's order.

    One that waits for its approval keeps its place: nothing else is done meanwhile that could not be done beside it.
    """
    specs = {each.step: each for each in spec.steps}
    running = [step for step in spec.plan.steps if statuses[step.id] in {StepStatus.RUNNING, StepStatus.WAITING}]
    ready: list[Step] = []
    for step in spec.plan.steps:
        busy = [*running, *ready]
        if len(busy) >= (spec.options.jobs or DEFAULT_JOBS if step.action is Action.CHECK else jobs_of(spec)):
            break
        if statuses[step.id] is not StepStatus.PENDING:
            continue
        needs_met = all(statuses[need] is StepStatus.SUCCEEDED or specs[need].skipped for need in step.needs)
        if needs_met and not any(_collide(step, other, specs) for other in busy):
            ready.append(step)
    return ready


def doomed_steps(spec: RunSpec, statuses: Mapping[str, StepStatus]) -> list[Step]:
    """Return the pending steps that can never start, because one that they need ended otherwise than well."""
    skipped = {each.step for each in spec.steps if each.skipped}
    doomed: set[str] = set()
    found = []
    for step in spec.plan.steps:
        lost = any(need in doomed or (_is_lost(statuses[need]) and need not in skipped) for need in step.needs)
        if statuses[step.id] is StepStatus.PENDING and lost:
            doomed.add(step.id)
            found.append(step)
    return found


def done_before(step: Step, steps: Iterable[Step]) -> list[Step]:
    """Return what was done of its component just before *step*: the last change, and what has verified it."""
    earlier = [each for each in steps if each.component == step.component and each.seq < step.seq]
    changes = [place for place, each in enumerate(earlier) if not each.action.read_only]
    return earlier[changes[-1] if changes else -1 :]


def _is_lost(status: StepStatus) -> bool:
    return status.final and status is not StepStatus.SUCCEEDED


def _collide(step: Step, other: Step, specs: Mapping[str, StepSpec]) -> bool:
    if step.component == other.component:
        return True
    exclusive = specs[step.id].exclusive or specs[other.id].exclusive
    return exclusive and not set(step.hosts).isdisjoint(other.hosts)
