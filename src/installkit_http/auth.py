"""Who asks, and may they: bearer tokens, the cookie that a token buys, and where a request comes from."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

import installkit
from installkit_http.problems import ProblemError

COOKIE = "installkit_session"
"""What a session's cookie is called where the address has no port."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def cookie_name(request: Request) -> str:
    """Return the name of a session's cookie at the service that *request* is for: browsers do not tell ports apart."""
    port = request.headers.get("host", "").rpartition(":")[2]
    return f"{COOKIE}_{port}" if port.isascii() and port.isdigit() else COOKIE


def find_token(access: installkit.Access, request: Request) -> installkit.Token:
    """
    Return the token that *request* carries, in its `Authorization` header or else in its cookie.

    Raises:
        ProblemError: If it carries none that is valid.
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
        held = ", ".join(each.value for each in token.scopes)
        raise ProblemError(
            403,
            "forbidden",
            f"this needs the scope {scope.value!r}; token {token.name!r} has {held}",
            scope=scope.value,
        )


def check_origin(request: Request, allowed: Sequence[str]) -> None:
    """Raise a `ProblemError` if a page of another origin than ours and *allowed* makes the browser change something."""
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
    """Give the browser of *request* the session *text*; no script can read it, and no other site can use it."""
    secure = request.url.scheme == "https"
    response.set_cookie(cookie_name(request), text, httponly=True, samesite="strict", secure=secure, path="/")


def drop_session_cookie(response: Response, request: Request) -> None:
    """Take the session from the browser of *request*."""
    response.delete_cookie(cookie_name(request), httponly=True, samesite="strict", path="/")
