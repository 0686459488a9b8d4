"""Authentication and authorization: bearer tokens, the cookies of sessions, and the origins of requests."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

import installkit
from installkit_http.problems import ProblemError

COOKIE = "installkit_session"
"""The name of a session's cookie if the address has no port."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def cookie_name(request: Request) -> str:
    """Return the name of a session's cookie, with the port: browsers send cookies to all ports of a host."""
    port = request.headers.get("host", "").rpartition(":")[2]
    return f"{COOKIE}_{port}" if port.isascii() and port.isdigit() else COOKIE


def find_token(access: installkit.Access, request: Request) -> installkit.Token:
    """
    Return the token of *request*, from its `Authorization` header or else from its cookie.

    Raises:
        ProblemError: If there is no valid token.
    """
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    given = text.strip() if scheme.lower() == "bearer" else request.cookies.get(cookie_name(request), "")
    token = access.check_token(given) if given else None
    if token is None:
        what = "the access token is not valid, or has expired" if given else "an access token is needed"
        raise ProblemError(
            401,
            "unauthorized",
            what,
            remedy="send the header `Authorization: Bearer TOKEN`; `installkit token create` makes a token",
            headers={"www-authenticate": "Bearer"},
        )
    return token


def check_scope(token: installkit.Token, scope: installkit.Scope) -> None:
    """Raise a `ProblemError` unless *token* allows *scope*."""
    if not token.allows(scope):
        scopes = ", ".join(allowed.value for allowed in token.scopes)
        raise ProblemError(
            403,
            "forbidden",
            f"this needs the scope {scope.value!r}; token {token.name!r} has {scopes}",
            scope=scope.value,
        )


def check_origin(request: Request, allowed: Sequence[str]) -> None:
    """Raise a `ProblemError` if *request* changes something, and comes from an origin that is not *allowed*."""
    origin = request.headers.get("origin")
    if request.method in SAFE_METHODS or origin is None:
        return
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if origin not in (own, *allowed):
        raise ProblemError(
            403,
            "foreign_origin",
            f"a page of {origin} may not change anything here",
            remedy=f"start the service with --allow-origin {origin} if you trust that page",
        )


def set_session_cookie(response: Response, request: Request, text: str) -> None:
    """Give the browser of *request* a cookie with the session *text*; scripts and other sites cannot use it."""
    secure = request.url.scheme == "https"
    response.set_cookie(cookie_name(request), text, httponly=True, samesite="strict", secure=secure, path="/")


def drop_session_cookie(response: Response, request: Request) -> None:
    """Delete the session's cookie in the browser of *request*."""
    response.delete_cookie(cookie_name(request), httponly=True, samesite="strict", path="/")
