from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs
from starlette.responses import Response

import installkit
from installkit_http.operations import Operation
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


@attrs.frozen(kw_only=True)
class CheckOptions:
    """
    How the hosts of a plan are checked.

    Attributes:
        jobs: How many steps may run at once.
        timeout: Seconds for the whole run.
        ignore_checks: Why each check is ignored, by its name.
        secrets: Values by parameter name, and passwords that Ansible takes; kept nowhere.
    """

    note: str = "checks"
    jobs: int | None = None
    timeout: float | None = None
    ignore_checks: Mapping[str, str] = attrs.field(factory=dict)
    secrets: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    def __attrs_post_init__(self) -> None:
        options: dict[str, Any] = attrs.asdict(self, recurse=False)
        del options["secrets"]
        if problems := installkit.option_problems(options):
            raise invalid([Mistake(f"/{name}", problem) for name, problem in problems.items()])


@attrs.frozen(kw_only=True)
class StartOptions(CheckOptions):
    """
    How a plan is carried out: the options of `Site.start`.

    Attributes:
        log_limit: Bytes that a step's log may have; there it ends with a line that says so, and the run goes on.
        checks: Whether installkit checks the hosts first; or the id of a check run of the same plan, which counts instead
            if it succeeded less than ten minutes ago for the same secrets.
        allow_destructive: Consent to what destroys data.
    """

    note: str = ""
    checks: bool | str = True
    allow_destructive: bool = False
    check_mode: bool = False
    diff: bool = False
    verbosity: int = 0
    log_limit: int = installkit.LOG_LIMIT


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
