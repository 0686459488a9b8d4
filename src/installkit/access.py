"""Access over HTTP: tokens, sessions, audit, webhooks and stored answers of one data directory."""

import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Unpack
from urllib.parse import urlsplit

import attrs

from installkit.errors import PlanningError, UnknownNameError
from installkit.model import WEBHOOK_EVENTS, AuditEntry, AuditFilter, EventKind, KeptAnswer, Scope, Token, Webhook
from installkit.processes import user_name
from installkit.store import Store

TOKEN_TEXT = re.compile(r"ik_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")

SESSION_LIFE = timedelta(hours=12)

USE_NOTED_EVERY = timedelta(minutes=1)
"""The time of a token's last use is written at most this often."""

ANSWERS_KEPT = timedelta(hours=24)

CLAIM_LIFE = timedelta(minutes=5)
"""A request without an answer after this time will get none: its service has stopped."""

_HOST = re.compile(r"(?=.{1,253}\Z)\w[\w-]{0,62}(\.\w[\w-]{0,62})*\.?", re.ASCII)


class Access:
    """
    The tokens of a data directory, and the audit of what was done with them.

    Several threads may use it at the same time; every call may raise a `StoreError`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store.access
        self._secrets = store.secrets

    def create_token(
        self, name: str, scopes: Sequence[str | Scope], *, expires_at: datetime | None = None, once: bool = False
    ) -> tuple[Token, str]:
        """
        Return a new token and its text. Only a digest of the text is stored, so it cannot be shown again.

        Args:
            name: Who or what the token is for; not empty.
            scopes: `read`, `operate`, `admin`; each includes those before it.
            expires_at: Aware; None for never.
            once: Whether the token opens one session, and is then deleted.

        Raises:
            PlanningError: If there is no name or no scope, or *expires_at* is in the past.
            ValueError: If a scope does not exist.
        """
        now = datetime.now(UTC)
        if not name.strip() or not scopes:
            raise PlanningError("a token has a name, and at least one scope", remedy="say who or what it is for")
        if expires_at is not None and expires_at <= now:
            raise PlanningError(f"a token cannot expire in the past, at {expires_at.isoformat()}")
        self._store.drop_expired_tokens(now)
        allowed = tuple(Scope(scope) for scope in scopes)
        return self._add(
            Token(id=_new_id(), name=name, scopes=allowed, created_at=now, expires_at=expires_at, once=once)
        )

    def open_session(self, text: str) -> tuple[Token, str] | None:
        """
        Return a session, a token for at most twelve hours, and its text; None if the token *text* is not valid.

        The session ends with the token that opened it. A token for one session is deleted at once.
        """
        token = self.check_token(text, once=True)
        if token is None or token.parent is not None:
            return None
        if token.once:
            try:
                self.revoke_token(token.id)
            except UnknownNameError:  # another request was faster: only one of them opens a session
                return None
        now = datetime.now(UTC)
        latest = now + SESSION_LIFE
        limit = None if token.once else token.expires_at
        session = attrs.evolve(
            token,
            id=_new_id(),
            created_at=now,
            expires_at=latest if limit is None else min(limit, latest),
            last_used_at=None,
            parent=None if token.once else token.id,
            once=False,
        )
        return self._add(session)

    def check_token(self, text: str, *, once: bool = False) -> Token | None:
        """
        Return the token with the text *text*; None if there is none, or it has expired.

        Args:
            text: The text that `create_token` returned.
            once: Whether a token that only opens one session is valid too.
        """
        match = TOKEN_TEXT.fullmatch(text)
        row = self._store.token(match[1]) if match else None
        if row is None:
            return None
        token, digest = row
        now = datetime.now(UTC)
        expired = token.expires_at is not None and token.expires_at <= now
        if not hmac.compare_digest(digest, _digest(text)) or expired or (token.once and not once):
            return None
        if token.last_used_at is None or now - token.last_used_at >= USE_NOTED_EVERY:
            self._store.touch_token(token.id, now)
        return token

    def tokens(self) -> tuple[Token, ...]:
        """Return all tokens and sessions of browsers, oldest first."""
        return self._store.tokens()

    def revoke_token(self, token: str) -> None:
        """
        Revoke the token with the id *token* at once, and the sessions that it opened.

        Raises:
            UnknownNameError: If there is no such token.
        """
        self._store.delete_token(token)

    def record_audit(self, who: str, what: str, target: str) -> None:
        """Record that *who* did *what* to *target*."""
        self._store.add_audit(datetime.now(UTC), who, what, target)

    def audit(
        self, *, limit: int = 100, before: int | None = None, **wanted: Unpack[AuditFilter]
    ) -> tuple[AuditEntry, ...]:
        """
        Return the entries of the audit, newest first.

        Args:
            limit: The largest number of entries.
            before: An entry's id; only older entries are returned.
            **wanted: `who`, `what`, `target`: parts of them, in upper or lower case; `since` and `until`: aware times.
        """
        return self._store.audit(limit=limit, before=before, **wanted)

    def add_webhook(
        self, url: str, events: Sequence[str | EventKind] = WEBHOOK_EVENTS, *, by: str | None = None
    ) -> Webhook:
        """
        Store *url*, which the HTTP service will notify of *events* of every run.

        Args:
            url: Begins with `http://` or `https://`; without a user and a password.
            events: Kinds of events.
            by: Who adds it; the user of this process if None.

        Raises:
            PlanningError: If *url* is not a valid address or holds a password, or if no event is named.
            ValueError: If a kind of event does not exist.
        """
        if problem := _url_problem(url):
            raise PlanningError(f"a webhook's address {problem}", remedy="give one like https://chat.example.org/hook")
        if not events:
            raise PlanningError("a webhook needs at least one kind of event")
        kinds = tuple(EventKind(event).value for event in events)
        webhook = Webhook(
            id=_new_id(), url=url, events=kinds, created_at=datetime.now(UTC), created_by=by or user_name()
        )
        self._store.add_webhook(webhook)
        return webhook

    def webhooks(self) -> tuple[Webhook, ...]:
        """Return all webhooks, oldest first."""
        return self._store.webhooks()

    def remove_webhook(self, webhook: str) -> None:
        """
        Delete the webhook with the id *webhook*.

        Raises:
            UnknownNameError: If there is no such webhook.
        """
        self._store.delete_webhook(webhook)

    def request_digest(self, request: bytes) -> str:
        """Return a keyed digest of *request*, which may hold passwords: nobody can use it to test guesses."""
        return self._secrets.keyed_digest(request)

    def claim_answer(self, who: str, key: str, request: str) -> KeptAnswer | None:
        """
        Return the answer stored for *who* under an idempotency *key*.

        If there is none, return None and claim the key for *request*, a digest. Answers are stored for a day.
        """
        now = datetime.now(UTC)
        since, claimed_since = now - ANSWERS_KEPT, now - CLAIM_LIFE
        return self._store.claim_answer(who, key, request, now=now, since=since, claimed_since=claimed_since)

    def keep_answer(self, who: str, key: str, answer: KeptAnswer) -> None:
        """Store *answer* under the claimed *key*."""
        self._store.keep_answer(who, key, answer, now=datetime.now(UTC))

    def release_answer(self, who: str, key: str) -> None:
        """Release a claimed *key*: its request failed, and may be tried again."""
        self._store.drop_answer(who, key)

    def _add(self, token: Token) -> tuple[Token, str]:
        text = f"ik_{token.id}_{secrets.token_urlsafe(32)}"
        self._store.add_token(token, _digest(text))
        return token, text


def _url_problem(url: str) -> str | None:
    """Return why *url* cannot be the address of a webhook; None if it can."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return f"is ASCII without blanks and control characters, unlike {url!r}: percent-encode them"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        return f"has a host, and a port from 1 to 65535, unlike {url!r}: {exc}"
    if "@" in parts.netloc:
        return "holds no user and no password: everybody who may list the webhooks could read them"
    if parts.scheme not in {"http", "https"}:
        return f"begins with http:// or https://, unlike {url!r}"
    if port == 0 or not _is_host(parts.hostname or ""):
        return f"has a host, and a port from 1 to 65535, unlike {url!r}"
    return None


def _is_host(name: str) -> bool:
    if ":" not in name:
        return _HOST.fullmatch(name) is not None
    try:
        ipaddress.IPv6Address(name)
    except ValueError:
        return False
    return True


def _digest(text: str) -> str:
    # the text has 256 random bits: a slow hash would protect nothing
    return hashlib.sha256(text.encode()).hexdigest()


def _new_id() -> str:
    return secrets.token_hex(6)
