import importlib.metadata
import platform

from starlette.responses import Response

import installkit
from installkit_http.auth import cookie_name
from installkit_http.metrics import metrics_text
from installkit_http.openapi import document
from installkit_http.operations import Operation
from installkit_http.responses import answer
from installkit_http.service import Call


def show_health(_: Call) -> Response:
    """Answer that the service is alive."""
    return answer({"status": "ok"})


def show_readiness(call: Call) -> Response:
    """Answer with the state of all preparations; 503 until all have succeeded."""
    preparations = call.service.preparations
    status = preparations.status
    return answer({"status": status, "checks": preparations.rows}, 200 if status == "ready" else 503)


def show_metrics(call: Call) -> Response:
    """Answer with the metrics that Prometheus collects."""
    text, media = metrics_text(call.service)
    return Response(text, media_type=media)


def show_document(call: Call) -> Response:
    """Answer with the description of the interface."""
    from installkit_http.routes import OPERATIONS  # noqa: PLC0415 - this operation is one of them

    server = call.request.scope.get("root_path") or "/"
    return answer(document(OPERATIONS, server=server, cookie=cookie_name(call.request)))


def show_info(call: Call) -> Response:
    """Answer with versions, and with the token of the request."""
    return answer(
        {
            "installkit": installkit.__version__,
            "ansible_core": importlib.metadata.version("ansible-core"),
            "python": platform.python_version(),
            "token": call.token,
        }
    )


READ = installkit.Scope.READ

OPERATIONS = (
    Operation(
        method="GET", path="/healthz", root=True, scope=None, handle=show_health, summary="Whether the service is alive"
    ),
    Operation(
        method="GET",
        path="/readyz",
        root=True,
        scope=None,
        handle=show_readiness,
        summary="Whether all preparations have succeeded; 503 until then",
    ),
    Operation(
        method="GET",
        path="/metrics",
        root=True,
        scope=READ,
        handle=show_metrics,
        summary="Metrics for Prometheus",
        media=("text/plain",),
    ),
    Operation(
        method="GET",
        path="/openapi.json",
        root=True,
        scope=None,
        handle=show_document,
        summary="The description of this interface",
    ),
    Operation(
        method="GET", path="/info", scope=READ, handle=show_info, summary="Versions, and the token of the request"
    ),
)
