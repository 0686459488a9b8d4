"""What a service answers to a request that failed, and what the network does to one, as errors of the library."""

import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from installkit.errors import (
    CursorExpiredError,
    DefinitionError,
    DependencyCycleError,
    DestructivePlanError,
    DiskFullError,
    EngineError,
    InstallkitError,
    Issue,
    PlanningError,
    PlanUsedError,
    Remedy,
    RunNotFoundError,
    ServiceError,
    SiteLockedError,
    StalePlanError,
    StoreError,
    UnknownNameError,
)
from installkit.runs.readings import pruned_error

NO_ROUTE = ("there is nothing at this address", "this address does not support that method")
"""The details of a service's answer to a request that it does not have."""

_KINDS: Mapping[str, type[InstallkitError]] = {
    "site_locked": SiteLockedError,
    "plan_stale": StalePlanError,
    "plan_destructive": DestructivePlanError,
    "plan_used": PlanUsedError,
    "definition_invalid": DefinitionError,
    "dependency_cycle": DependencyCycleError,
    "unknown_name": UnknownNameError,
    "cannot_plan": PlanningError,
    "invalid": PlanningError,
    "site_exists": PlanningError,
    "host_exists": PlanningError,
    "inventory_is_a_file": PlanningError,
    "run_not_ended": PlanningError,
    "not_waiting": PlanningError,
    "changed_meanwhile": PlanningError,
    "cursor_expired": CursorExpiredError,
    "disk_full": DiskFullError,
    "store_unavailable": StoreError,
    "engine_unavailable": EngineError,
}
"""The class of an error by the code of the answer; `not_found` depends on the address, all others are of the service."""


def problem_error(status: int, problem: Mapping[str, Any], *, path: str) -> InstallkitError:
    """
    Return the error for an answer with problem details: its message and remedy are those of the service.

    Args:
        status: Of the answer.
        problem: Its members.
        path: The address below the version, as `/runs/7f3c`.
    """
    code, detail = str(problem.get("code")), str(problem.get("detail"))
    command = tuple(map(str, problem.get("command") or ()))
    remedy = _remedy(problem.get("remedy"), command)
    if code == "not_found":
        return _made(RunNotFoundError if path.startswith("/runs/") else UnknownNameError, detail, remedy)
    if code == "pruned":
        return pruned_error(path.split("/")[2])
    if code == "invalid":
        return _made(PlanningError, "\n".join(_mistakes(problem)) or detail, remedy)
    if kind := _KINDS.get(code):
        return _made(kind, detail, remedy, **_attributes(kind, problem))
    error = ServiceError(f"the service answered {status} ({code}): {detail}", remedy=remedy)
    error.status, error.code = status, code
    return error


def _made(kind: type[InstallkitError], message: str, remedy: str | None, **attributes: Any) -> InstallkitError:
    """Return a *kind* with the service's own words, instead of those that its constructor would choose."""
    error = kind.__new__(kind, message)
    InstallkitError.__init__(error, message, remedy=remedy)
    for name, value in attributes.items():
        setattr(error, name, value)
    return error


def _attributes(kind: type[InstallkitError], problem: Mapping[str, Any]) -> dict[str, Any]:
    if kind is SiteLockedError:
        return {"site": problem.get("site", ""), "holder": dict(problem.get("holder") or {})}
    if kind in {StalePlanError, DestructivePlanError}:
        return {"changes": tuple(problem.get("changes") or ())}
    if kind in {CursorExpiredError, PlanUsedError}:
        name = "run" if kind is PlanUsedError else "cursor"
        return {name: problem.get(name, "")}
    if kind is DependencyCycleError:
        return {"cycle": tuple(problem.get("cycle") or ())}
    if kind is DefinitionError:
        names = ("path", "message", "line", "column")
        return {
            "issues": tuple(Issue(**{name: each.get(name) for name in names}) for each in problem.get("issues") or ())
        }
    return {}


def _remedy(text: Any, command: tuple[str, ...]) -> str | None:
    """Return the remedy that a service sent as *text*; it ends with its *command* in the words of a command line."""
    if not text or not command:
        return text or None
    whole = Remedy("", command)
    return Remedy(str(text).removesuffix(str(whole)).removesuffix(": "), command)


def _mistakes(problem: Mapping[str, Any]) -> Iterator[str]:
    for mistake in problem.get("errors") or ():
        place = str(mistake.get("pointer", "")).removeprefix("/query").strip("/").replace("/", ".")
        yield f"{place}: {mistake.get('message')}" if place else str(mistake.get("message"))


def refused(status: int, problem: Mapping[str, Any], address: str) -> ServiceError:
    """Return the error for a token that the service at *address* does not take, or that does not allow enough."""
    detail = problem.get("detail") or "no reason is given"
    scope = problem.get("scope")
    command = ("token", "create", "NAME", "--scope", str(scope or "operate"))
    words = f"take a token with the scope {scope}, made where the service runs" if scope else "make one there"
    error = ServiceError(f"the service at {address} refused the token: {detail}", remedy=Remedy(words, command))
    error.status, error.code = status, problem.get("code")
    return error


def no_such_request(method: str, path: str, address: str, versions: tuple[str | None, str]) -> ServiceError:
    """Return the error for a request that the service at *address* does not have; *versions* are its own and ours."""
    theirs, ours = versions
    error = ServiceError(
        f"the service at {address} has no request {method} {path}: it is installkit {theirs or 'unknown'},"
        f" and this is {ours}",
        remedy="bring the older of the two up to date",
    )
    error.status = 404
    return error


def no_service(status: int, address: str, where: str | None = None) -> ServiceError:
    """Return the error for an answer that is not one of installkit's; *where* is the address that it points to."""
    if where:
        error = ServiceError(f"{address} sends its visitors to {where}", remedy="connect to that address instead")
    else:
        error = ServiceError(
            f"what answers at {address} (with status {status}) is no service of installkit",
            remedy="give the address that `installkit serve` prints; a service that is mounted in another has a path",
        )
    error.status = status
    return error


def not_reached(error: Exception, address: str, timeout: float) -> ServiceError:
    """Return the error for *error*, by which a request to *address* got no answer."""
    causes = list(_causes(error))
    text = str(error) or type(error).__name__
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        what, remedy = f"its certificate is not trusted: {text}", "give the certificates to trust as ca_file"
    elif any(isinstance(cause, ssl.SSLError) for cause in causes):
        what, remedy = f"it does not speak TLS as asked: {text}", "if the service has no TLS, begin with http://"
    elif "Timeout" in type(error).__name__:
        what, remedy = f"it did not answer within {timeout:g} s", "see whether it is there, or give it a longer timeout"
    else:
        what = text
        remedy = "see whether the service runs there (installkit serve); one with TLS needs https://"
    return ServiceError(f"the service at {address} cannot be reached: {what}", remedy=remedy)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
