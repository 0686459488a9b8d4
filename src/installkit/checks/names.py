from collections.abc import Mapping

from installkit.errors import PlanningError
from installkit.model import OWN_CHECKS, Action, Plan

_IGNORABLE = ("disk", "memory", "ports", "system", "time")
_REQUIRED = ("connection", "privilege", "python")


def refuse_unknown(plan: Plan, ignored: Mapping[str, str]) -> None:
    """
    Refuse to ignore what is no check of *plan*, what cannot be ignored, and what is ignored without a reason.

    Of a component's checks only the component is known before they are carried out.

    Raises:
        PlanningError: With a line for each.
    """
    components = [step.component for step in plan.steps if step.action is Action.CHECK]
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
        return f"{name!r} is no check of the plan"
    return None if why.strip() else f"check {name} is ignored without a reason"
