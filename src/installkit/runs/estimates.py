"""How long a run will take, estimated from earlier ones: pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median

from installkit.engine.schedule import ready_steps
from installkit.model import Action, RunSnapshot, RunSpec, StepStatus

LEARNED_FROM = 20
"""At most so many earlier runs are used to estimate the duration of a step."""


def expect_durations(now: RunSnapshot, earlier: Iterable[RunSnapshot]) -> dict[str, float]:
    """
    Return how long each step of *now* should take, in seconds by its id.

    The estimate is the median of earlier successful steps of the same component and action; a step without any is left
    out.
    """
    durations: defaultdict[tuple[str, Action], list[float]] = defaultdict(list)
    for run in earlier:
        for step in run.steps:
            if step.status is StepStatus.SUCCEEDED and step.duration is not None:
                durations[step.component, step.action].append(step.duration)
    return {
        step.id: median(durations[step.component, step.action])
        for step in now.steps
        if (step.component, step.action) in durations
    }


def seconds_left(spec: RunSpec, now: RunSnapshot, expected: Mapping[str, float]) -> float | None:
    """
    Return the seconds until the run of *spec*, whose state is *now*, should end; None if there is no estimate.

    The remaining steps are started in the same order and with the same parallelism as the run will start them. The time
    that people need to approve is not counted.
    """
    open_steps = [step for step in now.steps if not step.status.final]
    if any(step.id not in expected or step.status is StepStatus.WAITING for step in open_steps):
        return None
    statuses = {step.id: step.status for step in now.steps}
    ends = {
        step.id: max(0.0, expected[step.id] - (step.duration or 0.0))
        for step in open_steps
        if step.status is StepStatus.RUNNING
    }
    clock = 0.0
    while True:
        for step in ready_steps(spec, statuses):
            statuses[step.id] = StepStatus.RUNNING
            ends[step.id] = clock + expected[step.id]
        if not ends:
            return clock
        ended = min(ends, key=ends.__getitem__)
        clock = ends.pop(ended)
        statuses[ended] = StepStatus.SUCCEEDED
