from typing import Any

from starlette.responses import PlainTextResponse, Response

import installkit
from installkit_http.operations import Operation
from installkit_http.problems import ProblemError, or_not_found
from installkit_http.responses import Paging, answer, page
from installkit_http.service import Call


def list_catalogs(call: Call) -> Response:
    """Answer with the catalogs that the service was started with."""
    rows: list[dict[str, Any]] = []
    for name, folder in sorted(call.service.catalogs.items()):
        row: dict[str, Any] = {"name": name, "folder": folder, "components": [], "warnings": [], "error": None}
        try:
            catalog = installkit.load_catalog(folder)
        except installkit.InstallkitError as exc:
            row["error"] = str(exc)
        else:
            row |= {"components": [component.name for component in catalog], "warnings": catalog.warnings}
        rows.append(row)
    return page(call, rows, lambda row: str(row["name"]))


def list_components(call: Call) -> Response:
    """Answer with the components of a site's catalog, in their order."""
    catalog = call.site().catalog()
    return page(call, catalog, lambda component: component.name)


def show_component(call: Call) -> Response:
    """Answer with one component."""
    return answer(_component(call))


def show_playbook(call: Call) -> Response:
    """Answer with the text of the playbook of an action."""
    component = _component(call)
    spec = next((spec for spec in component.actions if spec.action.value == call.path("action")), None)
    if spec is None:
        actions = ", ".join(definition.action.value for definition in component.actions)
        raise ProblemError(
            404, "not_found", f"{component.name} has no action {call.path('action')!r}", remedy=f"it has: {actions}"
        )
    return PlainTextResponse(component.playbook_path(spec).read_bytes())


def _component(call: Call) -> installkit.Component:
    catalog = call.site().catalog()
    with or_not_found():
        return catalog[call.path("name")]


READ = installkit.Scope.READ

OPERATIONS = (
    Operation(
        method="GET", path="/catalogs", scope=READ, handle=list_catalogs, summary="List the catalogs", query=Paging
    ),
    Operation(
        method="GET",
        path="/sites/{site}/components",
        scope=READ,
        handle=list_components,
        summary="List the components of a site's catalog",
        query=Paging,
        answer=installkit.Component,
        many=True,
    ),
    Operation(
        method="GET",
        path="/sites/{site}/components/{name}",
        scope=READ,
        handle=show_component,
        summary="Show a component",
        answer=installkit.Component,
    ),
    Operation(
        method="GET",
        path="/sites/{site}/components/{name}/playbooks/{action}",
        scope=READ,
        handle=show_playbook,
        summary="Show the playbook of an action",
        media=("text/plain",),
    ),
)
