"""Writes a journal to the index, in chunks of limited size; each is one unit that also stores the run's new offset."""

import functools
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import attrs

from installkit.errors import JournalError
from installkit.journal import Journal, JournalEvent, fitting
from installkit.model import (
    EventKind,
    Installation,
    RunProgress,
    RunSnapshot,
    RunSpec,
    record_event,
    time_to_wire,
    to_wire,
)
from installkit.store.arrivals import last_number
from installkit.store.database import StoreDatabase
from installkit.store.documents import from_document, to_document
from installkit.store.tables import InstallationRow, RunRow

CHUNK = 5000
"""Events that one unit stores; meanwhile other writers wait."""

RECORDED = frozenset({EventKind.STEP_STARTED, EventKind.STEP_FINISHED, EventKind.RUN_FINISHED})
"""Kinds of events that `record_event` uses."""

DETAILS = ("steps", "failures")
"""Fields that a list of runs leaves out."""

_INSERT_EVENT = (
    'INSERT INTO event (arrival, run, seq, "offset", kind, step, component, host, task, status, duration)'
    " VALUES (?,?,?,?,?,?,?,?,?,?,?)"
)

_FIELDS = attrgetter("host", "task", "status", "duration")

_REPLACE_RUN = (
    "INSERT OR REPLACE INTO run (id, site, status, read_only, created_at, started_at, finished_at, requested_by, note,"
    ' "offset", summary, details) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)'
)

_WRITE_INSTALLATION = (
    "INSERT INTO installation (site, component, host, run, run_created_at, document) VALUES (?,?,?,?,?,?)"
    " ON CONFLICT (site, component, host)"
    " DO UPDATE SET run = excluded.run, run_created_at = excluded.run_created_at, document = excluded.document"
    " WHERE (excluded.run_created_at, excluded.run) >= (installation.run_created_at, installation.run)"
)
"""The row of a newer run stays, in whatever order runs are indexed."""

_UPDATE_INSTALLATION = "UPDATE installation SET document = ? WHERE site = ? AND component = ? AND host = ?"
"""For a run that only verified: the row keeps the run that changed it last."""

Changes = Mapping[tuple[str, str], Installation | None]
"""Changes of a site's record by (component, host); None for an installation that was removed."""


@attrs.frozen
class _Indexed:
    """How much of a run is indexed: the first byte that is not, and the state of the run there."""

    offset: int
    run: RunSnapshot


@attrs.frozen
class _Chunk:
    """
    The next part of a run to be stored.

    Attributes:
        before: What was indexed when the chunk was read; if this has changed, the chunk is not stored.
        last: Whether the journal had no more events.
    """

    before: _Indexed | None
    after: _Indexed
    events: list[JournalEvent]
    changes: Changes
    last: bool


def ingest_journal(db: StoreDatabase, journal: Journal) -> RunSnapshot:
    """Index the part of *journal* that is not indexed yet, and return the state of the run."""
    spec = journal.spec()
    while True:
        chunk = _read_chunk(db, journal, spec)
        stored = chunk.after == chunk.before or db.index(functools.partial(_store, db, spec, chunk))
        if stored and chunk.last:
            return chunk.after.run


def _read_chunk(db: StoreDatabase, journal: Journal, spec: RunSpec) -> _Chunk:
    rows = db.read(lambda: list(RunRow.select().where(RunRow.id == spec.run).execute(db)))
    before = _Indexed(rows[0].offset, from_document(RunSnapshot, rows[0].summary, rows[0].details)) if rows else None
    offset = before.offset if before else 0
    result = journal.result()  # before the events: if it is there, all of them are
    events = journal.read_events(offset, limit=CHUNK)
    last = len(events) < CHUNK
    changes: Changes = {}
    if result is None:
        progress = RunProgress(spec, since=before.run if before else None)
        with fitting(spec.run):
            for entry in events:
                progress.feed(entry.event)
            run, changes = progress.snapshot(), _changes_of(db, spec, events)
    elif last:
        run = result.run
        changes = {**dict.fromkeys(result.removed), **{(row.component, row.host): row for row in result.installed}}
    else:  # the run has ended, but the index does not say so before its last events
        run = before.run if before else RunProgress(spec).snapshot()
    return _Chunk(before, _Indexed(events[-1].end if events else offset, run), events, changes, last)


def _changes_of(db: StoreDatabase, spec: RunSpec, events: list[JournalEvent]) -> Changes:
    """Return what *events* of a run that has not ended changed in the site's record."""
    recorded = [entry.event for entry in events if entry.event.kind in RECORDED]
    if not recorded:
        return {}
    # the record at the start of the run, with the run's changes since then
    before = {(row.component, row.host): row for row in spec.installed}
    of_run = (InstallationRow.site == spec.site) & (InstallationRow.run == spec.run)
    for row in db.read(lambda: list(InstallationRow.select().where(of_run).execute(db))):
        if row.document is None:
            before.pop((row.component, row.host), None)
        else:
            before[row.component, row.host] = from_document(Installation, row.document)
    after: Mapping[tuple[str, str], Installation] = before
    for event in recorded:
        after = record_event(after, spec.site, event)
    changed = {key: installation for key, installation in after.items() if installation is not before.get(key)}
    return {**changed, **dict.fromkeys(key for key in before if key not in after)}


def _store(db: StoreDatabase, spec: RunSpec, chunk: _Chunk) -> bool:
    """Store *chunk*; return False, and store nothing, if another process was faster."""
    columns = RunRow.select(RunRow.offset, RunRow.status).where(RunRow.id == spec.run).tuples()
    before, run = chunk.before, chunk.after.run
    if list(columns.execute(db)) != ([(before.offset, before.run.status.value)] if before else []):
        return False
    try:
        db.write_rows(_INSERT_EVENT, list(_event_rows(spec, chunk.events, last_number(db, taken=len(chunk.events)))))
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, ValueError, OverflowError) as exc:
        raise JournalError(
            f"run {spec.run} has events that cannot be indexed: {exc}", remedy="restore its folder, or move it away"
        ) from exc
    wire = to_wire(run)
    row = (
        spec.run,
        spec.site,
        run.status.value,
        spec.read_only,
        time_to_wire(spec.created_at),
        _time(run.started_at),
        _time(run.finished_at),
        run.requested_by,
        run.note,
        chunk.after.offset,
        json.dumps({key: value for key, value in wire.items() if key not in DETAILS}),
        json.dumps({key: wire[key] for key in DETAILS}),
    )
    db.write_rows(_REPLACE_RUN, [row])
    if spec.read_only:
        db.write_rows(_UPDATE_INSTALLATION, list(_verified_rows(db, spec, chunk.changes)))
        return True
    stamp = (spec.run, time_to_wire(spec.created_at))
    changes = chunk.changes.items()
    rows = [(spec.site, *key, *stamp, installed and to_document(installed)) for key, installed in changes]
    db.write_rows(_WRITE_INSTALLATION, rows)
    return True


def _event_rows(spec: RunSpec, entries: Sequence[JournalEvent], last: int) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of events whose numbers go up to *last*."""
    components = {step.id: step.component for step in spec.plan.steps}
    for arrival, entry in enumerate(entries, last - len(entries) + 1):
        event = entry.event
        place = (arrival, event.run, event.seq, entry.offset, event.kind.value)
        yield (*place, event.step, components.get(event.step or ""), *_FIELDS(event))


def _verified_rows(db: StoreDatabase, spec: RunSpec, changes: Changes) -> Iterator[tuple[str | None, ...]]:
    """
    Yield rows for what a run without a lock verified, unless another run has changed it meanwhile.

    If several runs verified the same, the one that began last counts, in whatever order they are indexed.
    """
    for (component, host), verified in changes.items():
        place = (InstallationRow.component == component) & (InstallationRow.host == host)
        query = InstallationRow.select().where((InstallationRow.site == spec.site) & place)
        document = next((row.document for row in query.execute(db)), None)
        if verified is None or document is None:
            continue
        now = from_document(Installation, document)
        if now.changing_run != verified.changing_run:
            continue
        runs = RunRow.select(RunRow.created_at).where(RunRow.id == now.run).execute(db) if now.changed_by else ()
        if not any((run.created_at, now.run) > (time_to_wire(spec.created_at), spec.run) for run in runs):
            yield (to_document(verified), spec.site, component, host)


def _time(time: datetime | None) -> str | None:
    return None if time is None else time_to_wire(time)
