import attrs
from starlette.responses import Response

import installkit
from installkit_http.operations import Operation
from installkit_http.responses import Paging, answer, unknown_cursor
from installkit_http.service import Call


@attrs.frozen(kw_only=True)
class ResultsQuery(Paging):
    """
    Filters of the results of tasks; each may be repeated, as all of these.

    Attributes:
        step: The id of a step, or a component for all its changing steps.
        task: A task's name.
        module: As in the playbook, or its full name.
    """

    host: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    step: tuple[str, ...] = ()
    status: tuple[installkit.ResultStatus, ...] = ()
    module: tuple[str, ...] = ()


def list_results(call: Call) -> Response:
    """Answer with what tasks gave on hosts so far, in the order in which it was reported."""
    query, run = call.query, call.kept_run()
    call.check_filters(run)
    if query.cursor is not None and not (query.cursor.isdecimal() and len(query.cursor) <= 18):  # noqa: PLR2004 - digits
        raise unknown_cursor(query.cursor)
    found = run.results(after=int(query.cursor or 0), limit=query.limit + 1, **query.filters)
    shown = found[: query.limit]
    return answer({"items": shown, "next": str(shown[-1].seq) if len(found) > len(shown) else None})


OPERATIONS = (
    Operation(
        method="GET",
        path="/runs/{run}/results",
        scope=installkit.Scope.READ,
        handle=list_results,
        summary="What tasks gave on hosts: the results of modules",
        query=ResultsQuery,
        answer=installkit.TaskResult,
        many=True,
    ),
)
