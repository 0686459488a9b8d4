"""Everything that may go wrong, as problem details (RFC 9457)."""

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
    One thing that is wrong with a request.

    Attributes:
        pointer: JSON pointer (RFC 6901) into the body; `/query/NAME` and `/header/NAME` for what is not in it.
    """

    pointer: str
    message: str


class ProblemError(Exception):
    """
    A request that cannot be answered as it was meant.

    Attributes:
        code: A word for programs; the same always means the same.
        more: Further members of the answer, by name.
        headers: Of the answer.
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
    """Return the problem of a request with *mistakes*, all of them."""
    detail = "; ".join(f"{mistake.pointer or 'the body'}: {mistake.message}" for mistake in mistakes)
    return ProblemError(422, "invalid", detail, errors=[attrs.asdict(mistake) for mistake in mistakes])


@contextmanager
def or_not_found() -> Iterator[None]:
    """Make a 404 of an unknown name: one that stands in the address. In a body it would be the body's mistake."""
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
    (installkit.DiskFullError, 507, "disk_full"),
    (installkit.RunError, 502, "run_failed"),
    (installkit.StoreError, 503, "store_unavailable"),
    (installkit.EngineError, 503, "engine_unavailable"),
)
"""The first kind that fits decides."""


def problem_of(error: installkit.InstallkitError) -> ProblemError:
    """Return how *error* is answered."""
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
    if isinstance(error, installkit.SiteLockedError):
        return {"holder": error.holder}
    if isinstance(error, installkit.RunError):
        return {"run": error.run.id}
    if isinstance(error, installkit.PlanUsedError):
        return {"run": error.run}
    if isinstance(error, (installkit.StalePlanError, installkit.DestructivePlanError)):
        return {"changes": list(error.changes)}
    if isinstance(error, installkit.DefinitionError):
        return {"issues": [attrs.asdict(issue) for issue in error.issues]}
    return {"cycle": list(error.cycle)} if isinstance(error, installkit.DependencyCycleError) else {}
