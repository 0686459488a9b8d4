"""Who may do what, who did what, and who is notified: tokens, audit, webhooks and kept answers."""

import json
from datetime import datetime
from typing import Any, Unpack

from peewee import Model

from installkit.errors import UnknownNameError
from installkit.model import AuditEntry, AuditFilter, KeptAnswer, Token, Webhook, from_wire, time_to_wire, to_wire
from installkit.store.database import StoreDatabase
from installkit.store.documents import from_document, to_document
from installkit.store.filters import audit_conditions, narrow
from installkit.store.tables import AnswerRow, AuditRow, TokenRow, WebhookRow

_ADD_BEARER = (
    "INSERT INTO token (id, name, digest, scopes, created_at, expires_at, last_used_at, parent, once)"
    " VALUES (?, ?, ?, ?, ?, ?, NULL, ?, ?)"
)
_ADD_AUDIT = "INSERT INTO audit (time, who, what, target) VALUES (?, ?, ?, ?)"
_ADD_WEBHOOK = "INSERT INTO webhook (id, url, events, created_at, created_by) VALUES (?, ?, ?, ?, ?)"
_REPLACE_ANSWER = "INSERT OR REPLACE INTO answer (who, key, created_at, document) VALUES (?, ?, ?, ?)"


class AccessRows:
    """The part of a store that says who may do what, and who did what."""

    def __init__(self, db: StoreDatabase) -> None:
        self._db = db

    def add_token(self, token: Token, digest: str) -> None:
        """Store *token*, whose text has the sha256 *digest* (hex)."""
        wire = to_wire(token)
        row = (token.id, token.name, digest, json.dumps(wire["scopes"]), wire["created_at"], wire["expires_at"])
        self._db.unit(lambda: self._db.write_rows(_ADD_BEARER, [(*row, token.parent, token.once)]))

    def token(self, token: str) -> tuple[Token, str] | None:
        """Return the token with the id *token* and the digest of its text; None if there is none."""
        query = TokenRow.select().where(TokenRow.id == token)
        rows = self._db.read(lambda: list(query.execute(self._db)))
        return (_token(rows[0]), rows[0].digest) if rows else None

    def tokens(self) -> tuple[Token, ...]:
        """Return every token, oldest first."""
        query = TokenRow.select().order_by(TokenRow.created_at, TokenRow.id)
        return tuple(_token(row) for row in self._db.read(lambda: list(query.execute(self._db))))

    def delete_token(self, token: str) -> None:
        """
        Forget the token with the id *token*, and the sessions that were opened with it.

        Raises:
            UnknownNameError: If there is none.
        """

        def _delete() -> None:
            _check_known(self._db, TokenRow, "token", token)
            TokenRow.delete().where((TokenRow.id == token) | (TokenRow.parent == token)).execute(self._db)

        self._db.unit(_delete)

    def touch_token(self, token: str, used_at: datetime) -> None:
        """Store that the token with the id *token* was used at *used_at*."""
        change = TokenRow.update(last_used_at=time_to_wire(used_at)).where(TokenRow.id == token)
        self._db.unit(lambda: change.execute(self._db))

    def drop_expired_tokens(self, now: datetime) -> None:
        """Forget the tokens that expired before *now*."""
        expired = TokenRow.delete().where(TokenRow.expires_at <= time_to_wire(now))
        self._db.unit(lambda: expired.execute(self._db))

    def add_audit(self, time: datetime, who: str, what: str, target: str) -> None:
        """Store that *who* did *what* to *target*."""
        self._db.unit(lambda: self._db.write_rows(_ADD_AUDIT, [(time_to_wire(time), who, what, target)]))

    def audit(self, *, limit: int, before: int | None = None, **filters: Unpack[AuditFilter]) -> tuple[AuditEntry, ...]:
        """
        Return the entries of the audit, newest first.

        Args:
            limit: The highest number of entries.
            before: An entry's id; only older entries.
            **filters: The fields of `AuditFilter`.
        """
        query = AuditRow.select().order_by(AuditRow.id.desc()).limit(limit)
        query = narrow(query, audit_conditions(filters))
        if before is not None:
            query = query.where(AuditRow.id < before)
        rows = self._db.read(lambda: list(query.dicts().execute(self._db)))
        return tuple(from_wire(AuditEntry, row) for row in rows)

    def add_webhook(self, webhook: Webhook) -> None:
        """Store *webhook*."""
        wire = to_wire(webhook)
        row = (webhook.id, webhook.url, json.dumps(wire["events"]), wire["created_at"], webhook.created_by)
        self._db.unit(lambda: self._db.write_rows(_ADD_WEBHOOK, [row]))

    def webhooks(self) -> tuple[Webhook, ...]:
        """Return every webhook, oldest first."""
        query = WebhookRow.select().order_by(WebhookRow.created_at, WebhookRow.id)
        rows = self._db.read(lambda: list(query.dicts().execute(self._db)))
        return tuple(from_wire(Webhook, {**row, "events": json.loads(row["events"])}) for row in rows)

    def delete_webhook(self, webhook: str) -> None:
        """
        Forget the webhook with the id *webhook*.

        Raises:
            UnknownNameError: If there is none.
        """

        def _delete() -> None:
            _check_known(self._db, WebhookRow, "webhook", webhook)
            WebhookRow.delete().where(WebhookRow.id == webhook).execute(self._db)

        self._db.unit(_delete)

    def claim_answer(
        self, who: str, key: str, request: str, *, now: datetime, since: datetime, claimed_since: datetime
    ) -> KeptAnswer | None:
        """
        Return the answer kept for *who* under *key*; if there is none, claim the key for *request* and return None.

        Answers kept before *since* are forgotten, and so are claims before *claimed_since* that have no answer yet.
        """
        here = (AnswerRow.who == who) & (AnswerRow.key == key)

        def _claim() -> KeptAnswer | None:
            AnswerRow.delete().where(AnswerRow.created_at < time_to_wire(since)).execute(self._db)
            for row in AnswerRow.select().where(here).execute(self._db):
                answer = from_document(KeptAnswer, row.document)
                if answer.status is not None or row.created_at >= time_to_wire(claimed_since):
                    return answer
            self._write_answer(who, key, now, KeptAnswer(request=request))
            return None

        return self._db.unit(_claim)

    def keep_answer(self, who: str, key: str, answer: KeptAnswer, *, now: datetime) -> None:
        """Keep *answer* for *who* under *key*."""
        self._db.unit(lambda: self._write_answer(who, key, now, answer))

    def drop_answer(self, who: str, key: str) -> None:
        """Forget what is kept for *who* under *key*."""
        here = (AnswerRow.who == who) & (AnswerRow.key == key)
        self._db.unit(lambda: AnswerRow.delete().where(here).execute(self._db))

    def _write_answer(self, who: str, key: str, now: datetime, answer: KeptAnswer) -> None:
        self._db.write_rows(_REPLACE_ANSWER, [(who, key, time_to_wire(now), to_document(answer))])


def _token(row: TokenRow) -> Token:
    fields = {name: value for name, value in row.__data__.items() if name != "digest"}
    return from_wire(Token, {**fields, "scopes": json.loads(row.scopes)})


def _check_known(db: StoreDatabase, table: type[Model], what: str, key: str) -> None:
    rows: Any = table.select().where(table.id == key)  # type: ignore[attr-defined] # both have one
    if not list(rows.execute(db)):
        raise UnknownNameError(f"no {what} has the id {key!r}", remedy=f"list the {what}s to see their ids")
