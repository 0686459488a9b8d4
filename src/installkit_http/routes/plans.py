import inspect
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import attrs
from starlette.responses import Response

import installkit
from installkit_http.operations import Operation
from installkit_http.parsing import fields_of
from installkit_http.problems import Mistake, ProblemError, invalid
from installkit_http.responses import Paging, answer, nothing, older_page, started, unknown_cursor
from installkit_http.service import Call

LEFT_OUT = ("changes", "steps", "inputs")
"""What a list leaves out: it grows with hosts times components."""


@attrs.frozen(kw_only=True)
class PlansQuery(Paging):
    """
    Which plans are wanted.

    Attributes:
        component: One that the plan says anything of.
        continues: The run that the plan goes on with or undoes.
        since: Made then or later.
        until: Made before.
    """

    component: str | None = None
    continues: str | None = None
    since: datetime | None = None
    until: datetime | None = None


NOT_OVER_HTTP = frozenset({"requested_by", "user", "private_key", "become"})
"""Options of a start that a request does not have: the token says who asks, and how Ansible connects is the site's."""


@attrs.frozen(kw_only=True)
class _Options:
    """
    What each start takes beside the options of the run.

    Attributes:
        secrets: Values by parameter name, and passwords that Ansible takes; kept nowhere.
    """

    secrets: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        options: dict[str, Any] = attrs.asdict(self, recurse=False)
        del options["secrets"]
        if problems := installkit.option_problems(options):
            raise invalid([Mistake(f"/{name}", problem) for name, problem in problems.items()])


def _options_class(name: str, summary: str, without: Collection[str], **defaults: Any) -> type:
    """Return the class of a body with the fields of `RunOptions`, described as there, except those in *without*."""
    fields = {
        field.name: attrs.field(default=defaults.get(field.name, field.default), type=field.type)
        for field in fields_of(installkit.RunOptions)
        if field.name not in without
    }
    described = inspect.cleandoc(installkit.RunOptions.__doc__ or "").partition("\n")[2]
    body = {"__doc__": f"{summary}\n{described}"}
    return attrs.make_class(name, fields, bases=(_Options,), class_body=body, frozen=True, kw_only=True)


StartOptions = _options_class(
    "StartOptions", "How a plan is carried out: the options of `Site.start`.", without=NOT_OVER_HTTP
)
CheckOptions = _options_class(
    "CheckOptions",
    "How the hosts of a plan are checked: those options of `Site.start_check` that make a difference there.",
    without={
        *NOT_OVER_HTTP,
        "check_mode",
        "diff",
        "verbosity",
        "log_limit",
        "checks",
        "allow_destructive",
        "keep_facts",
    },
    note="checks",
)


def list_plans(call: Call) -> Response:
    """Answer with a site's plans, newest first, without changes and steps."""
    query, site = call.query, call.site()
    try:
        found = call.installer.plans(site.name, limit=query.limit + 1, before=query.cursor, **query.filters)
    except installkit.UnknownNameError:
        raise unknown_cursor(query.cursor) from None
    return older_page(found, query.limit, left_out=LEFT_OUT)


def make_plan(call: Call) -> Response:
    """Make a plan and keep it; nothing is connected to or changed."""
    plan = call.site().plan(**attrs.asdict(call.body, recurse=False))
    return answer(plan, 201, {"location": call.address(f"/plans/{plan.id}")})


def show_plan(call: Call) -> Response:
    """Answer with a plan."""
    return answer(call.plan())


def delete_plan(call: Call) -> Response:
    """Forget a plan that was not applied."""
    plan = call.plan()
    if (run := _run_of(call, plan)) is not None:
        raise ProblemError(409, "plan_used", f"plan {plan.id} was applied by run {run.id}", run=run.id)
    call.installer.delete_plan(plan.id)
    return nothing()


def check_plan(call: Call) -> Response:
    """Start to check the hosts of a plan, in a run that changes nothing: its steps have what was found as `checks`."""
    plan = call.plan()
    options: dict[str, Any] = attrs.asdict(call.body, recurse=False)
    run = call.installer.site(plan.site).start_check(plan, requested_by=call.who, **options)
    return started(call, run)


def start_run(call: Call) -> Response:
    """Start to carry a plan out; a plan that was started answers with its run."""
    plan = call.plan()
    site = call.installer.site(plan.site)
    options: dict[str, Any] = attrs.asdict(call.body, recurse=False)
    secrets = options.pop("secrets")
    known = site.started(plan, **options)
    run = known or site.start(plan, secrets=secrets, requested_by=call.who, **options)
    return started(call, run, 202 if known is None else 200)


def _run_of(call: Call, plan: installkit.Plan) -> installkit.Run | None:
    try:
        return call.installer.run(plan.id)
    except installkit.RunNotFoundError:
        return None


READ, OPERATE = installkit.Scope.READ, installkit.Scope.OPERATE

OPERATIONS = (
    Operation(
        method="GET",
        path="/sites/{site}/plans",
        scope=READ,
        handle=list_plans,
        summary="List the plans of a site, newest first",
        query=PlansQuery,
        answer=installkit.Plan,
        many=True,
        left_out=LEFT_OUT,
    ),
    Operation(
        method="POST",
        path="/sites/{site}/plans",
        scope=OPERATE,
        handle=make_plan,
        summary="Plan what is asked for",
        body=installkit.Request,
        answer=installkit.Plan,
        status=201,
    ),
    Operation(
        method="GET",
        path="/plans/{plan}",
        scope=READ,
        handle=show_plan,
        summary="Show a plan",
        answer=installkit.Plan,
    ),
    Operation(
        method="DELETE",
        path="/plans/{plan}",
        scope=OPERATE,
        handle=delete_plan,
        summary="Forget a plan that was not applied",
        status=204,
    ),
    Operation(
        method="POST",
        path="/plans/{plan}/checks",
        scope=OPERATE,
        handle=check_plan,
        summary="Check the hosts of a plan, and change nothing",
        body=CheckOptions,
        answer=installkit.RunSnapshot,
        status=202,
    ),
    Operation(
        method="POST",
        path="/plans/{plan}/runs",
        scope=OPERATE,
        handle=start_run,
        summary="Apply a plan; 200 if it was applied already",
        body=StartOptions,
        answer=installkit.RunSnapshot,
        status=202,
    ),
)
