from datetime import datetime
from tempfile import SpooledTemporaryFile

import attrs
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

import installkit
from installkit_http.operations import Operation
from installkit_http.problems import ProblemError
from installkit_http.responses import Paging, answer, nothing, older_page, unknown_cursor
from installkit_http.service import Call
from installkit_http.streaming.viewers import CHUNK, step_of

LEFT_OUT = ("steps", "failures")
"""What a list leaves out."""

ZIP = "application/zip"

MOST_IN_MEMORY = 1 << 20
"""Bytes of a report that are kept in memory; a larger one goes to a file that has no name."""


@attrs.frozen(kw_only=True)
class RunsQuery(Paging):
    """
    Which runs are wanted.

    Attributes:
        status: Any of those given.
        plan: The plan's id: the run that applied it, and those in check mode.
        component: One that a step of the run is about.
        requested_by: A part of it, in any case.
        note: A part of it, in any case.
        since: Made then or later.
        until: Made before.
    """

    site: str | None = None
    status: tuple[installkit.RunStatus, ...] = ()
    plan: str | None = None
    component: str | None = None
    requested_by: str | None = None
    note: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def list_runs(call: Call) -> Response:
    """Answer with runs, newest first, without steps and failures."""
    query = call.query
    try:
        found = call.installer.list_runs(limit=query.limit + 1, before=query.cursor, **query.filters)
    except installkit.RunNotFoundError:
        raise unknown_cursor(query.cursor) from None
    return older_page(found, query.limit, left_out=LEFT_OUT)


def show_run(call: Call) -> Response:
    """Answer with a run at one moment: every number belongs to the others."""
    return answer(call.run().snapshot())


def delete_run(call: Call) -> Response:
    """Take events and logs from a run that has ended; what it was and how it ended stays."""
    run = call.run()
    if not run.status.final:
        raise ProblemError(
            409,
            "run_not_ended",
            f"run {run.id} has not ended",
            remedy=f"cancel it first: POST {call.address(f'/runs/{run.id}/cancel')}",
        )
    call.installer.prune_run(run.id)
    return nothing()


def show_step(call: Call) -> Response:
    """Answer with one step of a run."""
    run = call.run()
    return answer(step_of(run.snapshot(), call.step(run)))


def show_report(call: Call) -> Response:
    """Answer with a zip file for those who help: what a run planned, printed and left, without secrets."""
    run = call.run()
    file = SpooledTemporaryFile(max_size=MOST_IN_MEMORY)  # noqa: SIM115 - closed when it was sent
    run.report(file)
    size = file.tell()
    file.seek(0)
    headers = {
        "content-disposition": f'attachment; filename="installkit-report-{run.id}.zip"',
        "content-length": str(size),
    }
    return StreamingResponse(
        iter(lambda: file.read(CHUNK), b""), headers=headers, media_type=ZIP, background=BackgroundTask(file.close)
    )


READ = installkit.Scope.READ

OPERATIONS = (
    Operation(
        method="GET",
        path="/runs",
        scope=READ,
        handle=list_runs,
        summary="List runs, newest first",
        query=RunsQuery,
        answer=installkit.RunSnapshot,
        many=True,
        left_out=LEFT_OUT,
    ),
    Operation(
        method="GET",
        path="/runs/{run}",
        scope=READ,
        handle=show_run,
        summary="Show a run at one moment",
        answer=installkit.RunSnapshot,
    ),
    Operation(
        method="DELETE",
        path="/runs/{run}",
        scope=installkit.Scope.ADMIN,
        handle=delete_run,
        summary="Take events and logs from a run that has ended",
        status=204,
    ),
    Operation(
        method="GET",
        path="/runs/{run}/steps/{step}",
        scope=READ,
        handle=show_step,
        summary="Show a step of a run",
        answer=installkit.StepSnapshot,
    ),
    Operation(
        method="GET",
        path="/runs/{run}/report",
        scope=READ,
        handle=show_report,
        summary="A zip file for those who help, without secrets",
        media=(ZIP,),
    ),
)
