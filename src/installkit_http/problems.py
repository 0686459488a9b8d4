"""Errors as answers: problem details (RFC 9457)."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import attrs
from starlette.responses import JSONResponse

import installkit


@attrs.frozen
class Mistake:
    """
    One mistake in a request.

    Attributes:
        pointer: JSON pointer (RFC 6901) into the body; `/query/NAME` and `/header/NAME` for values outside the body.
    """

    pointer: str
    message: str


class ProblemError(Exception):
    """
    A request that fails, with the answer to it.

    Attributes:
        code: A word for programs; its meaning never changes.
        more: Further members of the answer, by name.
        headers: The headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        remedy: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.remedy = remedy
        self.headers = dict(headers or {})
        self.more = more


def invalid(mistakes: Sequence[Mistake]) -> ProblemError:
    """Return the problem for a request with these *mistakes*."""
    detail = "; ".join(f"{mistake.pointer or 'the body'}: {mistake.message}" for mistake in mistakes)
    return ProblemError(422, "invalid", detail, errors=[attrs.asdict(mistake) for mistake in mistakes])


@contextmanager
def or_not_found() -> Iterator[None]:
    """Answer 404 for an unknown name in the address; an unknown name in a body is a mistake of the body instead."""
    try:
        yield
    except installkit.UnknownNameError as exc:
        raise ProblemError(404, "not_found", str(exc), remedy=exc.remedy) from exc


_KINDS: tuple[tuple[type[installkit.InstallkitError], int, str], ...] = (
    (installkit.SiteLockedError, 409, "site_locked"),
    (installkit.StalePlanError, 409, "plan_stale"),
    (installkit.DestructivePlanError, 409, "plan_destructive"),
    (installkit.PlanUsedError, 409, "plan_used"),
    (installkit.RunNotFoundError, 404, "not_found"),
    (installkit.DefinitionError, 422, "definition_invalid"),
    (installkit.DependencyCycleError, 422, "dependency_cycle"),
    (installkit.UnknownNameError, 422, "unknown_name"),
    (installkit.PlanningError, 422, "cannot_plan"),
    (installkit.CursorExpiredError, 410, "cursor_expired"),
    (installkit.DiskFullError, 507, "disk_full"),
    (installkit.RunError, 502, "run_failed"),
    (installkit.StoreError, 503, "store_unavailable"),
    (installkit.EngineError, 503, "engine_unavailable"),
)
"""The HTTP status and code by class; the first class that fits decides."""


def problem_of(error: installkit.InstallkitError) -> ProblemError:
    """Return the problem that answers *error*."""
    status, code = next(((status, code) for kind, status, code in _KINDS if isinstance(error, kind)), (500, "internal"))
    command: dict[str, Any] = {"command": list(error.remedy.command)} if error.remedy and error.remedy.command else {}
    return ProblemError(status, code, str(error), remedy=error.remedy, **command, **_more(error))


def problem_response(problem: ProblemError) -> JSONResponse:
    """Return *problem* as an answer."""
    body = {
        "type": f"urn:installkit:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": str(problem),
        "code": problem.code,
        "remedy": problem.remedy,
        **problem.more,
    }
    return JSONResponse(body, problem.status, problem.headers, media_type="application/problem+json")


def _more(error: installkit.InstallkitError) -> dict[str, Any]:
    """Return the further members of the answer to *error*."""
    if isinstance(error, installkit.SiteLockedError):
        return {"site": error.site, "holder": error.holder}
    if isinstance(error, installkit.RunError):
        return {"run": error.run.id}
    if isinstance(error, installkit.PlanUsedError):
        return {"run": error.run}
    if isinstance(error, (installkit.StalePlanError, installkit.DestructivePlanError)):
        return {"changes": list(error.changes)}
    if isinstance(error, installkit.DefinitionError):
        return {"issues": [attrs.asdict(issue) for issue in error.issues]}
    return {"cycle": list(error.cycle)} if isinstance(error, installkit.DependencyCycleError) else {}
