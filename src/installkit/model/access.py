from datetime import datetime
from typing import Any

import attrs

from installkit.model.statuses import Scope


@attrs.frozen(kw_only=True)
class Token:
    """
    What is known of an access token; its text was shown once, and is kept nowhere.

    Attributes:
        name: Who or what it is for; changes are recorded under it.
        expires_at: None for never.
        last_used_at: To the minute; None before the first use.
        parent: The token that a browser's session was bought with; None for a token of its own.
        once: Whether it buys one session and is gone then.
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
        """Return whether it lets its bearer do what needs *scope*; a scope includes those below it."""
        return any(each.rank >= scope.rank for each in self.scopes)


@attrs.frozen(kw_only=True)
class AuditEntry:
    """
    One change that somebody asked for.

    Attributes:
        id: From 1, rising.
        who: The token's name, with its id.
        what: As `POST /api/v1/sites`.
        target: What it was done to.
    """

    id: int
    time: datetime
    who: str
    what: str
    target: str


@attrs.frozen(kw_only=True)
class Webhook:
    """
    An address that is told of runs.

    Attributes:
        events: Event kinds that it is told of.
    """

    id: str
    url: str
    events: tuple[str, ...]
    created_at: datetime
    created_by: str


@attrs.frozen(kw_only=True)
class KeptAnswer:
    """
    The answer to a request with an idempotency key, for the same request to be answered alike.

    Attributes:
        request: Digest of the request.
        status: HTTP status; None while the first request is being carried out.
    """

    request: str
    status: int | None = None
    location: str | None = None
    body: Any = None
