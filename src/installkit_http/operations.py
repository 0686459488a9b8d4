"""One operation of the interface: who may use it, its parameters and answers; and how a request is processed."""

import contextlib
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import installkit
from installkit_http.auth import SAFE_METHODS, check_origin, check_scope, find_token
from installkit_http.parsing import parse_json, read, read_query
from installkit_http.problems import Mistake, ProblemError, invalid, problem_of, problem_response
from installkit_http.service import PREFIX, Call, Service

MOST_BODY = 1 << 20
"""How many bytes the body of a request may have."""

_log = logging.getLogger("installkit")


@attrs.frozen
class NoQuery:
    """The query of an operation without parameters."""


@attrs.frozen(kw_only=True)
class Operation:
    """
    One method of one address.

    Attributes:
        path: Below `PREFIX`, or from the root if `root` is set.
        handle: Answers a checked call, in its own thread.
        scope: What the token must allow; None for operations without a token.
        summary: One sentence for the documentation.
        answer: The class in the answer; None for answers of other kinds.
        many: Whether the answer is a page of such objects.
        left_out: Fields that the items of a page do not have.
        status: The HTTP status of the usual answer.
        media: Media types of the answer, the default first.
        keepable: Whether an answer may be stored for an idempotency key: it holds nothing secret.
        guarded: Whether it edits what others may edit too: such edits run one by one, and `If-Match` is checked.
    """

    method: str
    path: str
    handle: Callable[[Call], Response]
    scope: installkit.Scope | None
    summary: str
    query: type = NoQuery
    body: type | None = None
    answer: Any = None
    many: bool = False
    left_out: tuple[str, ...] = ()
    status: int = 200
    media: tuple[str, ...] = ("application/json",)
    keepable: bool = True
    guarded: bool = False
    root: bool = False

    @property
    def full_path(self) -> str:
        """The path from the root of the service."""
        return self.path if self.root else PREFIX + self.path


def make_routes(operations: Sequence[Operation], service: Service) -> list[Route]:
    """Return a route for each path of *operations*."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.full_path, {})[operation.method] = operation
    return [
        Route(path, functools.partial(_answer, service, methods), methods=list(methods), name=path)
        for path, methods in by_path.items()
    ]


async def _answer(service: Service, methods: Mapping[str, Operation], request: Request) -> Response:
    operation = methods["GET" if request.method == "HEAD" else request.method]
    try:
        return await _carry_out(service, operation, request)
    except ProblemError as problem:
        return problem_response(problem)
    except installkit.InstallkitError as error:
        return problem_response(problem_of(error))


async def _carry_out(service: Service, operation: Operation, request: Request) -> Response:
    call = Call(service=service, request=request)
    if operation.scope is not None:
        token = await run_in_threadpool(find_token, service.installer.access, request)
        check_scope(token, operation.scope)
        call = attrs.evolve(call, token=token)
    check_origin(request, service.allow_origin)
    content = b"" if request.method in SAFE_METHODS else await _content(request)
    call = attrs.evolve(
        call, query=read_query(operation.query, request.query_params), body=_body(operation, request, content)
    )
    if request.method in SAFE_METHODS:
        return await run_in_threadpool(operation.handle, call)
    async with service.edit_lock if operation.guarded else contextlib.nullcontext():  # waiting here needs no thread
        return await run_in_threadpool(_changed, operation, call, content)


async def _content(request: Request) -> bytes:
    """Return the whole body; refuse one that is too large or not complete."""
    content = b""
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > MOST_BODY:
                raise ProblemError(413, "too_large", f"the body has more than {MOST_BODY} bytes")
    except ClientDisconnect:
        raise ProblemError(400, "not_json", "the body is not complete") from None
    return content


def _body(operation: Operation, request: Request, content: bytes) -> Any:
    """Return *content*, read as the class that *operation* takes; None if it takes no body."""
    if operation.body is None:
        if content.strip() not in {b"", b"{}", b"null"}:
            raise invalid([Mistake("", "this takes no body")])
        return None
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind not in {"application/json", "application/merge-patch+json"}:
        raise ProblemError(415, "unsupported_type", f"the body is {kind!r}", remedy="send application/json")
    return read(operation.body, parse_json(content) if content.strip() else {})


def _changed(operation: Operation, call: Call, content: bytes) -> Response:
    """Carry out a change, only once for an idempotency key, and record it in the audit."""
    key = call.request.headers.get("idempotency-key")
    if operation.method != "POST" or not key or not operation.keepable or call.token is None:
        return _recorded(operation, call)
    access, who = call.installer.access, call.token.id
    if len(key) > 255 or not key.isprintable():  # noqa: PLR2004 - what the others take, too
        raise invalid([Mistake("/header/Idempotency-Key", "takes up to 255 printable characters")])
    digest = access.request_digest(f"{operation.method} {call.request.url.path}\n".encode() + content)
    kept = access.claim_answer(who, key, digest)
    if kept is not None:
        return _kept_response(kept, digest)
    try:
        response = _recorded(operation, call)
    except BaseException:
        access.release_answer(who, key)
        raise
    body = parse_json(bytes(response.body)) if response.body else None
    location = response.headers.get("location")
    answer = installkit.KeptAnswer(request=digest, status=response.status_code, location=location, body=body)
    access.keep_answer(who, key, answer)
    return response


def _recorded(operation: Operation, call: Call) -> Response:
    response = operation.handle(call)
    if call.token is not None:
        call.record(f"{operation.method} {operation.full_path}")
    return response


def _kept_response(kept: installkit.KeptAnswer, digest: str) -> Response:
    """Return the answer *kept* for the first request with the same key; refuse another request with this key."""
    if kept.request != digest:
        raise ProblemError(
            422, "idempotency_key_reused", "this Idempotency-Key was used for another request", remedy="use a new key"
        )
    if kept.status is None:
        raise ProblemError(
            409, "idempotency_in_progress", "the first request with this Idempotency-Key is not answered yet"
        )
    headers = {"idempotency-replayed": "true", **({"location": kept.location} if kept.location else {})}
    if kept.body is None:
        return Response(None, kept.status, headers)
    return JSONResponse(kept.body, kept.status, headers)
