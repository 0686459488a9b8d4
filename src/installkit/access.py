"""Who may do what over HTTP, and who did: tokens, sessions, audit, webhooks and kept answers of one data directory."""

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
from installkit.model import AuditEntry, AuditFilter, EventKind, KeptAnswer, Scope, Token, Webhook
from installkit.store import Store

TOKEN_TEXT = re.compile(r"ik_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")

SESSION_LIFE = timedelta(hours=12)

USE_NOTED_EVERY = timedelta(minutes=1)
"""A token's last use is written at most so often."""

ANSWERS_KEPT = timedelta(hours=24)


CLAIM_LIFE = timedelta(minutes=5)
"""After so long, a request that was never answered died with its service."""

_HOST = re.compile(r"(?=.{1,253}\Z)\w[\w-]{0,62}(\.\w[\w-]{0,62})*\.?", re.ASCII)


class Access:
    """
    The tokens of a data directory, and the record of what was done with them.

    Any number of threads may use it; every call may raise a `StoreError`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store.access
        self._secrets = store.secrets

    def create_token(
        self, name: str, scopes: Sequence[str | Scope], *, expires_at: datetime | None = None, once: bool = False
    ) -> tuple[Token, str]:
        """
        Return a new token and its text, which nobody can show again: only its digest is stored.

        Args:
            name: Who or what it is for; not empty.
            scopes: `read`, `operate`, `admin`; each includes those before it.
            expires_at: Aware; None for never.
            once: It buys one session, and is gone then.

        Raises:
            PlanningError: If there is no name or no scope, or it has expired already.
            ValueError: If there is no such scope.
        """
        now = datetime.now(UTC)
        if not name.strip() or not scopes:
            raise PlanningError("a token has a name, and at least one scope", remedy="say who or what it is for")
        if expires_at is not None and expires_at <= now:
            raise PlanningError(f"a token that expired at {expires_at.isoformat()} is of no use")
        self._store.drop_expired_tokens(now)
        wanted = tuple(Scope(scope) for scope in scopes)
        return self._add(
            Token(id=_new_id(), name=name, scopes=wanted, created_at=now, expires_at=expires_at, once=once)
        )

    def open_session(self, text: str) -> tuple[Token, str] | None:
        """
        Return a session, a token for twelve hours at most, bought with the token *text*; None if that is not valid.

        It ends with the token that it was bought with; one that buys once is gone at once.
        """
        bought_with = self.check_token(text, once=True)
        if bought_with is None or bought_with.parent is not None:
            return None
        if bought_with.once and not self._used_up(bought_with.id):
            return None
        now = datetime.now(UTC)
        latest = now + SESSION_LIFE
        limit = None if bought_with.once else bought_with.expires_at
        session = attrs.evolve(
            bought_with,
            id=_new_id(),
            created_at=now,
            expires_at=latest if limit is None else min(limit, latest),
            last_used_at=None,
            parent=None if bought_with.once else bought_with.id,
            once=False,
        )
        return self._add(session)

    def check_token(self, text: str, *, once: bool = False) -> Token | None:
        """
        Return the token whose text is *text*; None if there is none, or it has expired.

        Args:
            text: What `create_token` showed.
            once: Take also a token that buys a session once, and is good for nothing else.
        """
        form = TOKEN_TEXT.fullmatch(text)
        found = self._store.token(form[1]) if form else None
        if found is None:
            return None
        token, digest = found
        now = datetime.now(UTC)
        expired = token.expires_at is not None and token.expires_at <= now
        if not hmac.compare_digest(digest, _digest(text)) or expired or (token.once and not once):
            return None
        if token.last_used_at is None or now - token.last_used_at >= USE_NOTED_EVERY:
            self._store.touch_token(token.id, now)
        return token

    def tokens(self) -> tuple[Token, ...]:
        """Return every token, oldest first, with the sessions of browsers among them."""
        return self._store.tokens()

    def revoke_token(self, token: str) -> None:
        """
        Take the token with the id *token* back, at once, with the sessions that it bought.

        Raises:
            UnknownNameError: If there is none.
        """
        self._store.delete_token(token)

    def record_audit(self, who: str, what: str, target: str) -> None:
        """Record that *who* did *what* to *target*."""
        self._store.add_audit(datetime.now(UTC), who, what, target)

    def audit(
        self, *, limit: int = 100, before: int | None = None, **wanted: Unpack[AuditFilter]
    ) -> tuple[AuditEntry, ...]:
        """
        Return what was done, newest first.

        Args:
            limit: At most so many.
            before: An entry's id; only what is older.
            **wanted: `who`, `what`, `target`: a part of them, in any case; `since` and `until`: aware times.
        """
        return self._store.audit(limit=limit, before=before, **wanted)

    def add_webhook(self, url: str, events: Sequence[str | EventKind], *, by: str) -> Webhook:
        """
        Keep *url* to be told of *events* of every run.

        Raises:
            PlanningError: If nobody could be reached at it, it holds a password, or no event is named.
            ValueError: If there is no such kind of event.
        """
        if problem := _url_problem(url):
            raise PlanningError(f"a webhook's address {problem}", remedy="give one like https://chat.example.org/hook")
        if not events:
            raise PlanningError("a webhook is told of at least one kind of event")
        kinds = tuple(EventKind(event).value for event in events)
        webhook = Webhook(id=_new_id(), url=url, events=kinds, created_at=datetime.now(UTC), created_by=by)
        self._store.add_webhook(webhook)
        return webhook

    def webhooks(self) -> tuple[Webhook, ...]:
        """Return every webhook, oldest first."""
        return self._store.webhooks()

    def remove_webhook(self, webhook: str) -> None:
        """
        Tell the webhook with the id *webhook* nothing more.

        Raises:
            UnknownNameError: If there is none.
        """
        self._store.delete_webhook(webhook)

    def request_digest(self, request: bytes) -> str:
        """Return a digest of *request*, which may hold passwords: keyed, so that it tells nobody whether a guess is right."""
        return self._secrets.keyed_digest(request)

    def claim_answer(self, who: str, key: str, request: str) -> KeptAnswer | None:
        """
        Return the answer kept for *who* under an idempotency *key*; None claims the key for *request*, a digest.

        Answers are kept for a day.
        """
        now = datetime.now(UTC)
        since, claimed_since = now - ANSWERS_KEPT, now - CLAIM_LIFE
        return self._store.claim_answer(who, key, request, now=now, since=since, claimed_since=claimed_since)

    def keep_answer(self, who: str, key: str, answer: KeptAnswer) -> None:
        """Keep *answer* under the *key* that was claimed."""
        self._store.keep_answer(who, key, answer, now=datetime.now(UTC))

    def release_answer(self, who: str, key: str) -> None:
        """Give a claimed *key* back: its request failed, and may be tried again."""
        self._store.drop_answer(who, key)

    def _used_up(self, token: str) -> bool:
        """Take *token* away, and return whether it was still there: of two who try at once, one succeeds."""
        try:
            self.revoke_token(token)
        except UnknownNameError:
            return False
        return True

    def _add(self, token: Token) -> tuple[Token, str]:
        text = f"ik_{token.id}_{secrets.token_urlsafe(32)}"
        self._store.add_token(token, _digest(text))
        return token, text


def _url_problem(url: str) -> str | None:
    """Return why no POST could be sent to *url*, or should be; None if one can."""
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
