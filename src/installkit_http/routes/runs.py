from datetime import datetime
from tempfile import SpooledTemporaryFile

import attrs
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

import installkit
from installkit_http.operations import Operation
from installkit_http.problems import Mistake, ProblemError, invalid
from installkit_http.responses import Paging, answer, nothing, older_page, unknown_cursor
from installkit_http.service import Call
from installkit_http.streaming.viewers import CHUNK, step_of

LEFT_OUT = ("steps", "failures")
"""Fields that lists leave out."""

ZIP = "application/zip"

MOST_IN_MEMORY = 1 << 20
"""Bytes of a report that are kept in memory; a larger report goes to a file without a name."""


@attrs.frozen(kw_only=True)
class RunsQuery(Paging):
    """
    Filters of the runs.

    Attributes:
        status: One of these statuses.
        plan: The plan's id: the run that applied it, and those in check mode.
        component: A component that a step of the run is for.
        requested_by: A part of the name, in upper or lower case.
        note: A part of the note, in upper or lower case.
        since: Only runs created then or later.
        until: Only runs created before.
    """

    site: str | None = None
    status: tuple[installkit.RunStatus, ...] = ()
    plan: str | None = None
    component: str | None = None
    requested_by: str | None = None
    note: str | None = None
    since: datetime | None = None
    until: datetime | None = None


CompareQuery = attrs.make_class(
    "CompareQuery",
    {"with": attrs.field(type=str, alias="other")},
    class_body={
        "__doc__": """
            The other run.

            Attributes:
                with: Its id, or the beginning of it, or `last`; it may be of another site.
            """
    },
    frozen=True,
    kw_only=True,
    eq=False,  # Python's own word cannot stand in the methods that attrs writes
    repr=False,
)
"""The query of a comparison."""


def list_runs(call: Call) -> Response:
    """Answer with runs, newest first, without steps and failures."""
    query = call.query
    try:
        runs = call.installer.list_runs(limit=query.limit + 1, before=query.cursor, **query.filters)
    except installkit.RunNotFoundError:
        raise unknown_cursor(query.cursor) from None
    return older_page(runs, query.limit, left_out=LEFT_OUT)


def show_run(call: Call) -> Response:
    """Answer with a run at one moment: all its numbers are from the same moment."""
    return answer(call.run().snapshot())


def delete_run(call: Call) -> Response:
    """Delete the events and logs of a run that has ended; its result stays."""
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
    """Answer with a zip file for support: what a run planned, printed and left, without secrets."""
    run = call.run()
    file = SpooledTemporaryFile(max_size=MOST_IN_MEMORY)  # noqa: SIM115 - closed after it was sent
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


def show_spec(call: Call) -> Response:
    """Answer with what a run was started with: its plan, its options, and what each step gets; no secrets."""
    return answer(call.run().spec())


def show_timeline(call: Call) -> Response:
    """Answer with the tasks of a run over hosts and time; those that go on, or were cut off, are not in it."""
    return answer(call.kept_run().timeline())


def show_profile(call: Call) -> Response:
    """Answer with where the time of a run went, and what would make it faster."""
    return answer(call.kept_run().profile())


def compare_runs(call: Call) -> Response:
    """Answer with what differs between two runs, in steps, hosts and tasks; the one created first is the earlier one."""
    run = call.kept_run()
    name: str = attrs.asdict(call.query)["with"]
    try:
        other = call.installer.run(name)
    except installkit.RunNotFoundError as exc:
        raise invalid([Mistake("/query/with", str(exc))]) from exc
    if other.id == run.id:
        raise invalid([Mistake("/query/with", f"is the run itself: {run.id}")])
    return answer(run.compare(call.kept(other)))


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
        summary="Delete the events and logs of a run that has ended",
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
        path="/runs/{run}/spec",
        scope=READ,
        handle=show_spec,
        summary="What a run was started with",
        answer=installkit.RunSpec,
    ),
    Operation(
        method="GET",
        path="/runs/{run}/timeline",
        scope=READ,
        handle=show_timeline,
        summary="The tasks of a run over hosts and time",
        answer=installkit.Timeline,
    ),
    Operation(
        method="GET",
        path="/runs/{run}/profile",
        scope=READ,
        handle=show_profile,
        summary="Show where the time of a run went",
        answer=installkit.RunProfile,
    ),
    Operation(
        method="GET",
        path="/runs/{run}/compare",
        scope=READ,
        handle=compare_runs,
        summary="What differs between two runs",
        query=CompareQuery,
        answer=installkit.RunComparison,
    ),
    Operation(
        method="GET",
        path="/runs/{run}/report",
        scope=READ,
        handle=show_report,
        summary="A zip file for support, without secrets",
        media=(ZIP,),
    ),
)
