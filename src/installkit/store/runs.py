"""The index of the journals: runs, the places of their events, and what they installed."""

from collections.abc import Iterable
from typing import Any, Unpack

import attrs
from peewee import ModelSelect

from installkit.errors import Remedy, RunNotFoundError
from installkit.journal import Journal
from installkit.model import Action, EventKind, Installation, RunFilter, RunSnapshot, RunStatus
from installkit.store.arrivals import number_anew
from installkit.store.database import StoreDatabase
from installkit.store.documents import from_document
from installkit.store.filters import narrow, older_than, run_conditions
from installkit.store.ingest import ingest_journal
from installkit.store.tables import EventRow, InstallationRow, RunRow

AFTER_ANY_ID = "\U0010ffff"
"""A character that sorts after every character of an id."""

CANDIDATES = 10
"""How many ids the error for an ambiguous beginning names."""

MOST_CHECKS = 100
"""How many runs `last` looks through for one that did more than check."""

_FORGET_EVENTS = "DELETE FROM event WHERE run = ?"

NEWEST_FIRST = (RunRow.created_at.desc(), RunRow.id.desc())


@attrs.frozen(kw_only=True)
class IndexedEvent:
    """
    The indexed part of an event; the rest is in the run's journal.

    Attributes:
        seq: From 1, without gaps within a run.
        offset: The first byte of the event in the journal's events; `Journal.event_at` takes it.
        duration: Seconds; None if nothing was timed.
    """

    run: str
    seq: int
    offset: int
    kind: EventKind
    step: str | None
    component: str | None
    host: str | None
    task: str | None
    status: str | None
    duration: float | None


_COLUMNS = tuple(getattr(EventRow, field.name) for field in attrs.fields(IndexedEvent))


class RunRows:
    """The index of the journals: all of it can be rebuilt from them."""

    def __init__(self, db: StoreDatabase) -> None:
        self._db = db

    def ingest(self, journal: Journal) -> RunSnapshot:
        """
        Index the part of *journal* that is not indexed yet, and return the state of its run.

        Several processes may do this at once, and again: nothing is stored twice.

        Raises:
            StoreError: If the journal cannot be read.
        """
        return ingest_journal(self._db, journal)

    def clear(self) -> None:
        """Take all runs, events and installations out of the index; events are numbered anew."""

        def _clear() -> None:
            for table in (RunRow, EventRow, InstallationRow):
                table.delete().execute(self._db)
            number_anew(self._db)

        self._db.index(_clear)

    def list(
        self,
        *,
        limit: int | None = None,
        before: str | None = None,
        **filters: Unpack[RunFilter],
    ) -> tuple[RunSnapshot, ...]:
        """
        Return runs without their `steps` and `failures`, newest first.

        Args:
            limit: The highest number of runs.
            before: A run's id; only runs older than it, as for the next page.
            **filters: The fields of `RunFilter`.

        Raises:
            RunNotFoundError: If there is no run *before*.
        """
        query = RunRow.select(RunRow.summary).order_by(*NEWEST_FIRST).limit(limit)
        query = narrow(query, run_conditions(filters))

        def _load() -> list[str]:
            page = query if before is None else query.where(older_than(self._row(before)))
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
        Return the id that begins with *prefix*, or, for `last`, the id of the newest run that did more than check.

        Raises:
            RunNotFoundError: If there is no such run, or several, which the error names.
        """
        if prefix == "last":
            return self._last()
        newest = RunRow.select(RunRow.id).order_by(*NEWEST_FIRST)
        query = newest.where(RunRow.id.between(prefix, prefix + AFTER_ANY_ID)).limit(CANDIDATES + 1)
        ids: list[str] = self._db.read(lambda: [row.id for row in query.execute(self._db)])
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
        for run in ids:
            steps = self.get(run).steps
            if not steps or any(step.action is not Action.CHECK for step in steps):
                return run  # a run that only checks comes before another or beside it: nobody means it by "last"
        return ids[0]

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
        Return the places of events of *run* in its journal, by `seq`; empty if the index has forgotten them.

        Args:
            run: A run's id.
            step: A step's id; only events of this step.
            host: Only events of this host.
            status: Only events with this status.
            kind: Only events of this kind.
            after: A `seq`; only events after it.
            limit: The highest number of events.

        Raises:
            RunNotFoundError: If there is no such run.
        """
        query = EventRow.select(*_COLUMNS).where((EventRow.run == run) & (EventRow.seq > after))
        columns = (EventRow.step, step), (EventRow.host, host), (EventRow.status, status), (EventRow.kind, kind)
        query = _where(query, *columns).order_by(EventRow.seq).limit(limit)

        def _load() -> list[dict[str, Any]]:
            self._row(run)
            return list(query.dicts().execute(self._db))

        return tuple(IndexedEvent(**{**row, "kind": EventKind(row["kind"])}) for row in self._db.read(_load))

    def forget_events(self, runs: Iterable[str]) -> None:
        """Take the events of *runs* out of the index; the runs themselves and what they installed stay."""
        rows = [(run,) for run in runs]
        self._db.index(lambda: self._db.write_rows(_FORGET_EVENTS, rows))

    def installed(
        self, site: str, *, component: str | None = None, host: str | None = None
    ) -> tuple[Installation, ...]:
        """Return what is recorded as installed on *site*, by component, then host; empty for an unknown site."""
        recorded = (InstallationRow.site == site) & InstallationRow.document.is_null(is_null=False)
        query = InstallationRow.select(InstallationRow.document).where(recorded)
        query = _where(query, (InstallationRow.component, component), (InstallationRow.host, host))
        query = query.order_by(InstallationRow.component, InstallationRow.host)
        documents = self._db.read(lambda: [row.document for row in query.execute(self._db)])
        return tuple(from_document(Installation, document) for document in documents)

    def _row(self, run: str) -> RunRow:
        rows: list[RunRow] = list(RunRow.select().where(RunRow.id == run).execute(self._db))
        if not rows:
            raise _no_run(run)
        return rows[0]


def _where(query: "ModelSelect[Any]", *conditions: tuple[Any, str | None]) -> "ModelSelect[Any]":
    """Narrow *query* to rows with the value of each (column, value); None allows any value."""
    for column, value in conditions:
        if value is not None:
            query = query.where(column == str(value))
    return query


def _no_run(run: str) -> RunNotFoundError:
    return RunNotFoundError(
        f"no run has an id that begins with {run!r}", remedy=Remedy("see which there are", ("runs",))
    )
