import attrs
from starlette.responses import Response

import installkit
from installkit_http.operations import Operation
from installkit_http.problems import ProblemError
from installkit_http.responses import answer
from installkit_http.service import Call


@attrs.frozen(kw_only=True)
class CancelOptions:
    """
    How a run is stopped.

    Attributes:
        now: Stop the running steps too; otherwise they may end.
    """

    now: bool = False


def cancel_run(call: Call) -> Response:
    """Ask a run to stop; one that has ended stays as it is."""
    run = call.run()
    run.cancel(now=call.body.now, by=call.who)
    return answer(run.snapshot(), 202)


def approve_run(call: Call) -> Response:
    """Approve the step for which a run waits."""
    run = call.run()
    try:
        run.approve(by=call.who)
    except installkit.PlanningError as exc:
        raise ProblemError(409, "not_waiting", str(exc), remedy=exc.remedy) from exc
    return answer(run.snapshot(), 202)


OPERATIONS = (
    Operation(
        method="POST",
        path="/runs/{run}/cancel",
        scope=installkit.Scope.OPERATE,
        handle=cancel_run,
        summary="Ask a run to stop",
        body=CancelOptions,
        answer=installkit.RunSnapshot,
        status=202,
    ),
    Operation(
        method="POST",
        path="/runs/{run}/approve",
        scope=installkit.Scope.OPERATE,
        handle=approve_run,
        summary="Approve a waiting run",
        answer=installkit.RunSnapshot,
        status=202,
    ),
)
