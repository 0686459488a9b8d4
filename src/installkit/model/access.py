from datetime import datetime
from typing import Any

import attrs

from installkit.model.statuses import EventKind, Scope

WEBHOOK_EVENTS = (EventKind.RUN_STARTED, EventKind.RUN_FINISHED, EventKind.APPROVAL_REQUESTED)
"""The events that a webhook is told of unless others are named."""


@attrs.frozen(kw_only=True)
class Token:
    """
    An access token without its text: that was shown once, and is not stored.

    Attributes:
        name: Who or what the token is for; the audit records changes under this name.
        expires_at: None for never.
        last_used_at: To the minute; None before the first use.
        parent: For a browser's session, the token that it was opened with; None for other tokens.
        once: Whether the token opens one session, and is then deleted.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    parent: str | None = None
    once: bool = False

    def allows(self, scope: Scope) -> bool:
        """Return whether the token allows what needs *scope*; a scope includes those below it."""
        return any(allowed.rank >= scope.rank for allowed in self.scopes)


@attrs.frozen(kw_only=True)
class AuditEntry:
    """
    One change that somebody asked for.

    Attributes:
        id: From 1, ascending.
        who: The token's name, with its id.
        what: The request, as `POST /api/v1/sites`.
        target: The object that was changed.
    """

    id: int
    time: datetime
    who: str
    what: str
    target: str


@attrs.frozen(kw_only=True)
class Webhook:
    """
    An address that gets a notification about events of runs.

    Attributes:
        events: The kinds of events that it is notified of.
    """

    id: str
    url: str
    events: tuple[str, ...]
    created_at: datetime
    created_by: str


@attrs.frozen(kw_only=True)
class KeptAnswer:
    """
    The answer to a request with an idempotency key, stored so that a repeated request gets the same answer.

    Attributes:
        request: Digest of the request.
        status: HTTP status; None while the first request is being carried out.
    """

    request: str
    status: int | None = None
    location: str | None = None
    body: Any = None
