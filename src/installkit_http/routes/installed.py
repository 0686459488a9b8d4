import attrs
from starlette.responses import Response

import installkit
from installkit_http.operations import Operation
from installkit_http.responses import Paging, fits, page, started
from installkit_http.service import Call


@attrs.frozen(kw_only=True)
class InstalledQuery(Paging):
    """
    Filters of the installations.

    Attributes:
        version: The last proved version.
        status: One of these statuses.
        run: The run that last changed the record.
    """

    component: str | None = None
    host: str | None = None
    version: str | None = None
    status: tuple[installkit.InstallationStatus, ...] = ()
    run: str | None = None


@attrs.frozen(kw_only=True)
class InstalledAlready:
    """
    Components to record without installing them.

    Attributes:
        components: `NAME=VERSION`, or `NAME` if the versions are unknown.
        limit: An Ansible host pattern.
    """

    components: tuple[str, ...]
    limit: str | None = None


@attrs.frozen(kw_only=True)
class ForgetQuery:
    """
    The hosts on which a component is forgotten.

    Attributes:
        limit: An Ansible host pattern.
    """

    limit: str | None = None


def list_installed(call: Call) -> Response:
    """Answer with what is installed: a row for each component and host."""
    filters = call.query.filters
    rows = [
        row
        for row in call.site().installed()
        if all(fits(getattr(row, name), value) for name, value in filters.items())
    ]
    return page(call, rows, lambda row: f"{row.component}@{row.host}")


def record_installed(call: Call) -> Response:
    """Record what is there already without installing it; a component with a verify action is verified first."""
    return started(call, call.site().record(call.body.components, limit=call.body.limit, requested_by=call.who))


def forget_installed(call: Call) -> Response:
    """Remove a component from the record, and leave the hosts as they are."""
    forgotten = call.site().forget([call.path("component")], limit=call.query.limit, requested_by=call.who)
    return started(call, forgotten)


OPERATIONS = (
    Operation(
        method="GET",
        path="/sites/{site}/installed",
        scope=installkit.Scope.READ,
        handle=list_installed,
        summary="List what is installed",
        query=InstalledQuery,
        answer=installkit.Installation,
        many=True,
    ),
    Operation(
        method="POST",
        path="/sites/{site}/installed",
        scope=installkit.Scope.OPERATE,
        handle=record_installed,
        summary="Record what is installed already",
        body=InstalledAlready,
        answer=installkit.RunSnapshot,
        status=202,
    ),
    Operation(
        method="DELETE",
        path="/sites/{site}/installed/{component}",
        scope=installkit.Scope.OPERATE,
        handle=forget_installed,
        summary="Forget that a component is installed",
        query=ForgetQuery,
        answer=installkit.RunSnapshot,
        status=202,
    ),
)
