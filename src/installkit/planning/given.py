"""What a caller gives by name: the fields of a request, and the options of a start, each checked and told by name."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import attrs

from installkit.errors import DestructivePlanError, PlanningError
from installkit.model import Catalog, HasId, Plan, Request, RunOptions, StartOptions, from_wire, option_problems


def request_of(requested: Mapping[str, Any]) -> Request:
    """
    Return a request with the fields *requested*; fields of several values take any iterable but text.

    Raises:
        TypeError: If there is no such field, or a value has another type.
    """
    fields = attrs.fields_dict(Request)
    if unknown := sorted(requested.keys() - fields.keys()):
        raise TypeError(f"a request has no {', '.join(unknown)}; it has: {', '.join(fields)}")
    values: dict[str, Any] = {}
    for name, value in requested.items():
        if value is None:
            continue
        if fields[name].default != ():
            values[name] = value.id if isinstance(value, HasId) else value
        elif name == "batch" and isinstance(value, (int, str)):
            values[name] = (value,)
        elif isinstance(value, str) or not isinstance(value, Iterable):
            raise TypeError(f"{name} takes a list, as [{value!r}]")
        else:
            values[name] = tuple(value)
    try:
        return from_wire(Request, values)
    except ValueError as exc:
        raise TypeError(str(exc)) from exc


def divided_fields(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fields of a request, and the options of a start, from what `Site.apply` takes."""
    options = {name: value for name, value in fields.items() if name in StartOptions.__annotations__}
    others = {*options, "secrets", "wait_for_lock"}
    return {name: value for name, value in fields.items() if name not in others}, options


def named_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the options *given*, with the id of a run for the run itself.

    Raises:
        TypeError: If a start has no such option.
    """
    if unknown := sorted(given.keys() - attrs.fields_dict(RunOptions).keys()):
        raise TypeError(
            f"a start has no option {', '.join(unknown)}; it has: {', '.join(attrs.fields_dict(RunOptions))}"
        )
    return {name: value.id if name == "checks" and isinstance(value, HasId) else value for name, value in given.items()}


def check_options(given: Mapping[str, Any]) -> None:
    """
    Refuse values that no run can have.

    Raises:
        PlanningError: With a line for each.
    """
    if problems := option_problems(given):
        lines = "\n".join(f"the option {name} {problem}" for name, problem in problems.items())
        raise PlanningError(lines, remedy="correct it; nothing was started")


def check_plan_of(site: str, plan: Plan) -> None:
    """Raise a `PlanningError` if *plan* is of another site than *site*."""
    if plan.site != site:
        raise PlanningError(f"plan {plan.id} is for site {plan.site!r}, not for {site!r}")


def check_destructive(plan: Plan, *, allowed: bool) -> None:
    """Raise a `DestructivePlanError` if *plan* destroys data, and that is not *allowed*."""
    destructive = sorted({f"{change.text} {change.component}" for change in plan.changes if change.destructive})
    if destructive and not allowed:
        raise DestructivePlanError(destructive)


def missing_secrets(plan: Plan, catalog: Catalog, kept: Collection[str]) -> tuple[str, ...]:
    """Return the names of the secrets that *plan* or its components require and are not *kept*, sorted."""
    components = {step.component for step in plan.steps}
    needed = {
        parameter.name
        for component in catalog
        if component.name in components
        for parameter in component.parameters
        if parameter.secret and parameter.required
    }
    return tuple(sorted({*needed, *(plan.request.secrets if components else ())} - {*kept}))
