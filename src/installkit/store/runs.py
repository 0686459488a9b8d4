"""The index of the journals: runs, where their events lie, and what they installed."""

from collections.abc import Iterable
from typing import Any, Unpack

import attrs
from peewee import Expression, ModelSelect

from installkit.errors import Remedy, RunNotFoundError
from installkit.journal import Journal
from installkit.model import Action, EventKind, Installation, RunFilter, RunSnapshot, RunStatus
from installkit.store.database import StoreDatabase
from installkit.store.documents import from_document
from installkit.store.filters import narrow, run_conditions
from installkit.store.ingest import ingest_journal
from installkit.store.tables import EventRow, InstallationRow, RunRow

AFTER_ANY_ID = "\U0010ffff"
"""Sorts after whatever an id may go on with."""

CANDIDATES = 10
"""How many ids an ambiguous beginning is answered with."""

MOST_CHECKS = 100
"""How many runs that only checked are passed over to find the last one."""

_FORGET_EVENTS = "DELETE FROM event WHERE run = ?"

NEWEST_FIRST = (RunRow.created_at.desc(), RunRow.id.desc())


@attrs.frozen(kw_only=True)
class IndexedEvent:
    """
    What the index knows of an event; the rest is in the run's journal.

    Attributes:
        seq: From 1, without gaps within a run.
        offset: The first byte of the event in the journal's events; `Journal.event_at` takes it.
        duration: Seconds; None where nothing was timed.
    """

    run: str
    seq: int
    offset: int
    kind: EventKind
    step: str | None
    host: str | None
    task: str | None
    status: str | None
    duration: float | None


class RunRows:
    """The index of the journals: all of it can be rebuilt from them."""

    def __init__(self, db: StoreDatabase) -> None:
        self._db = db

    def ingest(self, journal: Journal) -> RunSnapshot:
        """
        Index what *journal* holds beyond what is indexed, and return where its run stands.

        May be called as often as one likes, by several processes at once: nothing is stored twice.

        Raises:
            StoreError: If the journal cannot be read.
        """
        return ingest_journal(self._db, journal)

    def clear(self) -> None:
        """Take all runs, events and installations out of the index."""
        self._db.index(lambda: [table.delete().execute(self._db) for table in (RunRow, EventRow, InstallationRow)])

    def list(
        self,
        *,
        limit: int | None = None,
        before: str | None = None,
        **wanted: Unpack[RunFilter],
    ) -> tuple[RunSnapshot, ...]:
        """
        Return runs without their `steps` and `failures`, newest first.

        Args:
            limit: At most so many.
            before: A run's id; only those older than it, as for the next page.
            **wanted: Only those; the fields of `RunFilter`.

        Raises:
            RunNotFoundError: If there is no run *before*.
        """
        found = RunRow.select(RunRow.summary).order_by(*NEWEST_FIRST).limit(limit)
        found = narrow(found, run_conditions(wanted))

        def _load() -> list[str]:
            page = found if before is None else found.where(_older(self._row(before)))
            return [row.summary for row in page.execute(self._db)]

        return tuple(from_document(RunSnapshot, summary) for summary in self._db.read(_load))

    def get(self, run: str) -> RunSnapshot:
        """
        Return the run with the id *run* as far as it is indexed.

        Raises:
            RunNotFoundError: If there is none.
        """
        row = self._db.read(lambda: self._row(run))
        return from_document(RunSnapshot, row.summary, row.details)

    def find(self, prefix: str) -> str:
        """
        Return the id that begins with *prefix*, or, for `last`, the newest run's that did more than check.

        Raises:
            RunNotFoundError: If there is none, or several, which it names.
        """
        if prefix == "last":
            return self._last()
        newest = RunRow.select(RunRow.id).order_by(*NEWEST_FIRST)
        found = newest.where(RunRow.id.between(prefix, prefix + AFTER_ANY_ID)).limit(CANDIDATES + 1)
        ids: list[str] = self._db.read(lambda: [row.id for row in found.execute(self._db)])
        if not ids:
            raise _no_run(prefix)
        if len(ids) > 1:
            shown = ", ".join(ids[:CANDIDATES]) + (", …" if len(ids) > CANDIDATES else "")
            raise RunNotFoundError(f"{prefix!r} begins several runs: {shown}", remedy="give more of the id")
        return ids[0]

    def _last(self) -> str:
        newest = RunRow.select(RunRow.id).order_by(*NEWEST_FIRST).limit(MOST_CHECKS)
        ids: list[str] = self._db.read(lambda: [row.id for row in newest.execute(self._db)])
        if not ids:
            raise RunNotFoundError("there is no run yet")
        # apply checks before it starts, and others may check beside a run: that is not what anybody means by last
        return next((run for run in ids if not self._only_checks(run)), ids[0])

    def _only_checks(self, run: str) -> bool:
        steps = self.get(run).steps
        return bool(steps) and all(step.action is Action.CHECK for step in steps)

    def finished(self) -> frozenset[str]:
        """Return the ids of the runs that have ended and are indexed to their end."""
        final = [status.value for status in RunStatus if status.final]
        rows = RunRow.select(RunRow.id).where(RunRow.status.in_(final)).tuples()
        return frozenset(self._db.read(lambda: [run for (run,) in rows.execute(self._db)]))

    def events(
        self,
        run: str,
        *,
        step: str | None = None,
        host: str | None = None,
        status: str | None = None,
        kind: EventKind | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> tuple[IndexedEvent, ...]:
        """
        Return where events of *run* lie in its journal, by `seq`; empty if they were forgotten.

        Args:
            run: A run's id.
            step: A step's id; only this step's.
            host: Only this host's.
            status: Only those with it.
            kind: Only this kind.
            after: A `seq`; only those after it.
            limit: At most so many.

        Raises:
            RunNotFoundError: If there is no such run.
        """
        found = EventRow.select().where((EventRow.run == run) & (EventRow.seq > after))
        columns = (EventRow.step, step), (EventRow.host, host), (EventRow.status, status), (EventRow.kind, kind)
        found = _where(found, *columns).order_by(EventRow.seq).limit(limit)

        def _load() -> list[tuple[Any, ...]]:
            self._row(run)
            return list(found.tuples().execute(self._db))

        return tuple(_event(*row) for row in self._db.read(_load))

    def forget_events(self, runs: Iterable[str]) -> None:
        """Take the events of *runs* out of the index; the runs themselves and what they installed stay."""
        rows = [(run,) for run in runs]
        self._db.index(lambda: self._db.write_rows(_FORGET_EVENTS, rows))

    def installed(
        self, site: str, *, component: str | None = None, host: str | None = None
    ) -> tuple[Installation, ...]:
        """Return what is recorded as installed on *site*, by component, then host; empty for an unknown site."""
        recorded = (InstallationRow.site == site) & InstallationRow.document.is_null(is_null=False)
        found = InstallationRow.select(InstallationRow.document).where(recorded)
        found = _where(found, (InstallationRow.component, component), (InstallationRow.host, host))
        found = found.order_by(InstallationRow.component, InstallationRow.host)
        documents = self._db.read(lambda: [row.document for row in found.execute(self._db)])
        return tuple(from_document(Installation, document) for document in documents)

    def _row(self, run: str) -> RunRow:
        found: list[RunRow] = list(RunRow.select().where(RunRow.id == run).execute(self._db))
        if not found:
            raise _no_run(run)
        return found[0]


def _where(found: "ModelSelect[Any]", *wanted: tuple[Any, str | None]) -> "ModelSelect[Any]":
    """Narrow *found* to the rows whose columns have the values *wanted*; None wants any."""
    for column, value in wanted:
        if value is not None:
            found = found.where(column == str(value))
    return found


def _older(than: RunRow) -> Expression:
    same_moment = (RunRow.created_at == than.created_at) & (RunRow.id < than.id)
    return (RunRow.created_at < than.created_at) | same_moment


def _no_run(run: str) -> RunNotFoundError:
    return RunNotFoundError(
        f"no run has an id that begins with {run!r}", remedy=Remedy("see which there are", ("runs",))
    )


def _event(run: str, seq: int, offset: int, kind: str, *rest: Any) -> IndexedEvent:
    step, host, task, status, duration = rest
    return IndexedEvent(
        run=run,
        seq=seq,
        offset=offset,
        kind=EventKind(kind),
        step=step,
        host=host,
        task=task,
        status=status,
        duration=duration,
    )
