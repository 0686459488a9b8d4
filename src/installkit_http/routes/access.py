from datetime import datetime

import attrs
from starlette.responses import Response

import installkit
from installkit_http.auth import cookie_name, drop_session_cookie, set_session_cookie
from installkit_http.operations import Operation
from installkit_http.problems import Mistake, ProblemError, invalid, or_not_found
from installkit_http.responses import Paging, answer, holds, nothing, older_page, page
from installkit_http.service import Call


@attrs.frozen(kw_only=True)
class NewSession:
    """
    The body of a login.

    Attributes:
        token: The text of an access token.
    """

    token: str


@attrs.frozen(kw_only=True)
class NewToken:
    """
    A new token.

    Attributes:
        name: Who or what it is for.
        scopes: `read`, `operate`, `admin`; each includes those before it.
        expires_at: None for never.
    """

    name: str
    scopes: tuple[installkit.Scope, ...]
    expires_at: datetime | None = None


@attrs.frozen(kw_only=True)
class TokensQuery(Paging):
    """
    Filters of the tokens.

    Attributes:
        name: A part of the name, in upper or lower case.
    """

    name: str | None = None


@attrs.frozen(kw_only=True)
class AuditQuery(Paging):
    """
    Filters of the entries.

    Attributes:
        who: A part of the name, in upper or lower case.
        what: A part of the request, in upper or lower case.
        target: A part of the target, in upper or lower case.
        since: Only entries from then or later.
        until: Only entries from before.
    """

    who: str | None = None
    what: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def open_session(call: Call) -> Response:
    """Give the browser a cookie for twelve hours."""
    opened = call.installer.access.open_session(call.body.token)
    if opened is None:
        raise ProblemError(401, "unauthorized", "the access token is not valid, was used up, or has expired")
    session, text = opened
    response = answer(session, 201)
    set_session_cookie(response, call.request, text)
    attrs.evolve(call, token=session).record("POST /api/v1/session")
    return response


def close_session(call: Call) -> Response:
    """End the session, and delete its cookie; without a session nothing happens."""
    session = call.installer.access.check_token(call.request.cookies.get(cookie_name(call.request), ""))
    if session is not None:
        call.installer.access.revoke_token(session.id)
    response = nothing()
    drop_session_cookie(response, call.request)
    return response


def list_tokens(call: Call) -> Response:
    """Answer with the tokens, without their texts."""
    tokens = [token for token in call.installer.access.tokens() if holds(token.name, call.query.name)]
    return page(call, tokens, lambda token: token.id)


def create_token(call: Call) -> Response:
    """Create a token; its text is only in this answer."""
    body = call.body
    token, text = call.installer.access.create_token(body.name, body.scopes, expires_at=body.expires_at)
    return answer({**installkit.to_wire(token), "token": text}, 201)


def revoke_token(call: Call) -> Response:
    """Revoke a token at once."""
    with or_not_found():
        call.installer.access.revoke_token(call.path("id"))
    return nothing()


def list_audit(call: Call) -> Response:
    """Answer with what was changed, newest first."""
    cursor = call.query.cursor
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):  # noqa: PLR2004 - 64 bits
        raise invalid([Mistake("/query/cursor", f"no entry is {cursor!r}")])
    before = None if cursor is None else int(cursor)
    entries = call.installer.access.audit(limit=call.query.limit + 1, before=before, **call.query.filters)
    return older_page(entries, call.query.limit)


ADMIN = installkit.Scope.ADMIN

OPERATIONS = (
    Operation(
        method="POST",
        path="/session",
        scope=None,
        handle=open_session,
        summary="Open a session with a token, and get its cookie",
        body=NewSession,
        answer=installkit.Token,
        status=201,
        keepable=False,
    ),
    Operation(
        method="DELETE", path="/session", scope=None, handle=close_session, summary="Close the session", status=204
    ),
    Operation(
        method="GET",
        path="/tokens",
        scope=ADMIN,
        handle=list_tokens,
        summary="List the access tokens",
        query=TokensQuery,
        answer=installkit.Token,
        many=True,
    ),
    Operation(
        method="POST",
        path="/tokens",
        scope=ADMIN,
        handle=create_token,
        summary="Create an access token, and show its text once",
        body=NewToken,
        answer=installkit.Token,
        status=201,
        keepable=False,
    ),
    Operation(
        method="DELETE", path="/tokens/{id}", scope=ADMIN, handle=revoke_token, summary="Revoke a token", status=204
    ),
    Operation(
        method="GET",
        path="/audit",
        scope=ADMIN,
        handle=list_audit,
        summary="List who changed what, newest first",
        query=AuditQuery,
        answer=installkit.AuditEntry,
        many=True,
    ),
)
