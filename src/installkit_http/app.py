import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

import installkit
from installkit_http.headers import SecurityHeaders
from installkit_http.notifier import Notifier, Notifiers
from installkit_http.operations import make_routes
from installkit_http.problems import ProblemError, problem_response
from installkit_http.routes import OPERATIONS, console
from installkit_http.service import Service
from installkit_http.startup import Preparations
from installkit_http.streaming.feeds import Feeds

MOST_STREAMS = 500
"""How many streams may be open at once: each needs a descriptor, and a process often has only 1024."""

EXPOSED = ("ETag", "Location", "Content-Range", "Idempotency-Replayed")

_log = logging.getLogger("installkit")

_service_log = logging.getLogger("installkit_http")


def create_app(
    installer: installkit.Installer,
    *,
    catalogs: Mapping[str, str | Path] | None = None,
    allow_origin: Sequence[str] = (),
    max_streams: int = MOST_STREAMS,
    notify: str | Path | None = None,
) -> Starlette:
    """
    Return the HTTP service of one data directory, to be served or mounted in another app.

    Its lifespan prepares the service, calls webhooks, and ends its streams. An app in which it is mounted must run that
    lifespan: `app.router.lifespan_context(app)`. If it does not, the first request logs a warning (`installkit_http`).

    Args:
        installer: The caller must close it.
        catalogs: Folders of playbooks by the names that sites are created with.
        allow_origin: Other origins, as `https://tools.example.org`, whose pages may use the service.
        max_streams: How many streams may be open at once; the answer to one more is 503.
        notify: A file of notifiers that are told what becomes of runs, as `installkit.read_notifiers` reads it.

    Raises:
        DefinitionError: If that file is wrong.
        PlanningError: If one of its notifiers is not installed, or does not take its settings.
    """
    folders = {name: Path(folder).absolute() for name, folder in (catalogs or {}).items()}
    service = Service(
        installer=installer,
        catalogs=folders,
        allow_origin=tuple(allow_origin),
        feeds=Feeds(installer, most=max_streams),
        preparations=Preparations(installer, folders),
        notifiers=Notifiers(installer, notify),
    )
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(allow_origin),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "If-Match",
            "If-None-Match",
            "Idempotency-Key",
            "Last-Event-ID",
        ],
        allow_credentials=True,
        expose_headers=list(EXPOSED),
    )
    app = Starlette(
        routes=[*make_routes(OPERATIONS, service), *console.ROUTES],
        middleware=[
            Middleware(_LifespanCheck, service.preparations),
            Middleware(SecurityHeaders),
            *([cors] if allow_origin else []),
        ],
        exception_handlers={HTTPException: _answer_http_error, Exception: _answer_internal_error},
        lifespan=_lifespan,
    )
    app.state.service = service
    return app


class _LifespanCheck:
    """Warns, once, if a request comes and the lifespan has not begun: an app in which this one is mounted left it out."""

    def __init__(self, app: ASGIApp, preparations: Preparations) -> None:
        self._app = app
        self._preparations = preparations
        self._warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http" and not (self._preparations.begun or self._warned):
            self._warned = True
            _service_log.warning(
                "the app of installkit_http is served without its lifespan: /readyz stays 503, and webhooks are not called;"
                " run app.router.lifespan_context(app) in the lifespan of the app that mounts it"
            )
        await self._app(scope, receive, send)


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    service: Service = app.state.service
    notifier = Notifier(service.installer)
    service.preparations.begun = True
    preparing = asyncio.create_task(run_in_threadpool(service.preparations.carry_out))
    notifying = asyncio.create_task(notifier.watch())
    service.notifiers.begin()
    try:
        yield
    finally:
        service.notifiers.close()
        service.feeds.close()
        notifier.close()
        await asyncio.gather(preparing, notifying)
        service.feeds.bells.close()


async def _answer_http_error(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, "refused")
    detail = {404: "there is nothing at this address", 405: "this address does not support that method"}.get(
        status, str(error)
    )
    headers = error.headers if isinstance(error, HTTPException) else None
    return problem_response(ProblemError(status, code, detail, remedy="see /openapi.json", headers=headers))


async def _answer_internal_error(request: Request, error: Exception) -> Response:
    mark = secrets.token_hex(4)
    _log.error("%s %s failed (%s)", request.method, request.url.path, mark, exc_info=error)
    return problem_response(
        ProblemError(500, "internal", f"an internal error of installkit, logged as {mark}", remedy="please report it")
    )
