"""From a journal to the index: in bounded chunks, each a unit that moves the run's offset on by what it stored."""

import functools
import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import attrs

from installkit.errors import JournalError
from installkit.journal import Journal, JournalEvent, fitting
from installkit.model import (
    EventKind,
    Installation,
    RunProgress,
    RunResult,
    RunSnapshot,
    RunSpec,
    record_event,
    time_to_wire,
    to_wire,
)
from installkit.store.database import StoreDatabase
from installkit.store.documents import from_document, to_document
from installkit.store.tables import InstallationRow, RunRow

CHUNK = 5000
"""Events that one unit takes in; while it is stored, other writers wait."""

RECORDED = frozenset({EventKind.STEP_STARTED, EventKind.STEP_FINISHED, EventKind.RUN_FINISHED})
"""What `record_event` looks at."""

DETAILS = ("steps", "failures")
"""What a list of runs leaves out."""

_INSERT_EVENT = (
    'INSERT INTO event (run, seq, "offset", kind, step, host, task, status, duration) VALUES (?,?,?,?,?,?,?,?,?)'
)

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
"""What a newer run left stays, in whatever order runs are indexed."""

_UPDATE_INSTALLATION = "UPDATE installation SET document = ? WHERE site = ? AND component = ? AND host = ?"
"""For what was only verified: the row stays that of the run that changed it last."""

Changes = Mapping[tuple[str, str], Installation | None]
"""What became of a site's record by (component, host); None for an installation that was taken away."""


@attrs.frozen
class _Indexed:
    """How much of a run is indexed: the first byte that is not, and where the run stands there."""

    offset: int
    run: RunSnapshot


@attrs.frozen
class _Chunk:
    """
    What is to be stored next of a run.

    Attributes:
        before: What was indexed when the chunk was read; it is stored only if that is still so.
        last: Whether the journal held no more.
    """

    before: _Indexed | None
    after: _Indexed
    events: list[JournalEvent]
    changes: Changes
    last: bool


def ingest_journal(db: StoreDatabase, journal: Journal) -> RunSnapshot:
    """Index what *journal* holds beyond what is indexed, and return where the run stands."""
    spec = journal.spec()
    while True:
        chunk = _read_chunk(db, journal, spec)
        stored = chunk.after == chunk.before or db.index(functools.partial(_store, db, spec, chunk))
        if stored and chunk.last:
            return chunk.after.run


def _read_chunk(db: StoreDatabase, journal: Journal, spec: RunSpec) -> _Chunk:
    before = db.read(lambda: _load_indexed(db, spec.run))
    offset = before.offset if before else 0
    result = journal.result()  # before the events: if it is there, all of them are
    events = journal.read_events(offset, limit=CHUNK)
    last = len(events) < CHUNK
    run, changes = _follow(db, spec, before, events) if result is None else _conclude(spec, before, result, last=last)
    return _Chunk(before, _Indexed(events[-1].end if events else offset, run), events, changes, last)


def _conclude(spec: RunSpec, before: _Indexed | None, result: RunResult, *, last: bool) -> tuple[RunSnapshot, Changes]:
    """Return how the run ended, by its *result*; before its *last* events, that it has not: more is to be indexed."""
    if not last:
        return before.run if before else RunProgress(spec).snapshot(), {}
    installed = {(row.component, row.host): row for row in result.installed}
    return result.run, {**dict.fromkeys(result.removed), **installed}


def _follow(
    db: StoreDatabase, spec: RunSpec, before: _Indexed | None, events: list[JournalEvent]
) -> tuple[RunSnapshot, Changes]:
    """Return where a run that has not ended stands after *events*, and what they changed."""
    progress = RunProgress(spec, since=before.run if before else None)
    with fitting(spec.run):
        for entry in events:
            progress.feed(entry.event)
        return progress.snapshot(), _follow_changes(db, spec, events)


def _follow_changes(db: StoreDatabase, spec: RunSpec, events: list[JournalEvent]) -> Changes:
    recorded = [entry.event for entry in events if entry.event.kind in RECORDED]
    if not recorded:
        return {}
    before = db.read(lambda: _load_record(db, spec))
    after: Mapping[tuple[str, str], Installation] = before
    for event in recorded:
        after = record_event(after, spec.site, event)
    changed = {key: row for key, row in after.items() if row is not before.get(key)}
    return {**changed, **dict.fromkeys(key for key in before if key not in after)}


def _load_record(db: StoreDatabase, spec: RunSpec) -> dict[tuple[str, str], Installation]:
    """Return the site's record as the run found it, with what the run changed since."""
    record = {(row.component, row.host): row for row in spec.installed}
    of_run = (InstallationRow.site == spec.site) & (InstallationRow.run == spec.run)
    for row in InstallationRow.select().where(of_run).execute(db):
        if row.document is None:
            record.pop((row.component, row.host), None)
        else:
            record[row.component, row.host] = from_document(Installation, row.document)
    return record


def _load_indexed(db: StoreDatabase, run: str) -> _Indexed | None:
    rows = list(RunRow.select().where(RunRow.id == run).execute(db))
    return _Indexed(rows[0].offset, from_document(RunSnapshot, rows[0].summary, rows[0].details)) if rows else None


def _store(db: StoreDatabase, spec: RunSpec, chunk: _Chunk) -> bool:
    """Store *chunk*; return False, and store nothing, if another process was faster."""
    if not _is_still_so(db, spec.run, chunk.before):
        return False
    try:
        db.write_rows(_INSERT_EVENT, [_event_row(entry) for entry in chunk.events])
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError, ValueError, OverflowError) as exc:
        raise JournalError(
            f"run {spec.run} has events that cannot be indexed: {exc}", remedy="restore its folder, or move it away"
        ) from exc
    db.write_rows(_REPLACE_RUN, [_run_row(spec, chunk.after)])
    if spec.read_only:
        db.write_rows(_UPDATE_INSTALLATION, list(_verified_rows(db, spec, chunk.changes)))
        return True
    stamp = (spec.run, time_to_wire(spec.created_at))
    rows = [(spec.site, *key, *stamp, row and to_document(row)) for key, row in chunk.changes.items()]
    db.write_rows(_WRITE_INSTALLATION, rows)
    return True


def _verified_rows(db: StoreDatabase, spec: RunSpec, changes: Changes) -> Iterator[tuple[str | None, ...]]:
    """
    Yield what a run that holds no lock verified, where that is still what it saw: another may have changed it meanwhile.

    Of several that verified the same, the one begun last counts, in whatever order they are indexed.
    """
    for (component, host), row in changes.items():
        place = (InstallationRow.component == component) & (InstallationRow.host == host)
        found = InstallationRow.select().where((InstallationRow.site == spec.site) & place)
        document = next((each.document for each in found.execute(db)), None)
        if row is None or document is None:
            continue
        now = from_document(Installation, document)
        if now.changing_run == row.changing_run and not (now.changed_by and _is_newer(db, now.run, spec)):
            yield (to_document(row), spec.site, component, host)


def _is_newer(db: StoreDatabase, run: str, than: RunSpec) -> bool:
    found = RunRow.select(RunRow.created_at).where(RunRow.id == run).execute(db)
    return any((row.created_at, run) > (time_to_wire(than.created_at), than.run) for row in found)


def _is_still_so(db: StoreDatabase, run: str, before: _Indexed | None) -> bool:
    columns = RunRow.select(RunRow.offset, RunRow.status).where(RunRow.id == run).tuples()
    expected = [(before.offset, before.run.status.value)] if before else []
    return expected == list(columns.execute(db))


def _run_row(spec: RunSpec, indexed: _Indexed) -> tuple[Any, ...]:
    run = indexed.run
    wire = to_wire(run)
    return (
        spec.run,
        spec.site,
        run.status.value,
        spec.read_only,
        time_to_wire(spec.created_at),
        _time(run.started_at),
        _time(run.finished_at),
        run.requested_by,
        run.note,
        indexed.offset,
        json.dumps({key: value for key, value in wire.items() if key not in DETAILS}),
        json.dumps({key: wire[key] for key in DETAILS}),
    )


def _event_row(entry: JournalEvent) -> tuple[Any, ...]:
    event = entry.event
    place = (event.run, event.seq, entry.offset, event.kind.value)
    return (*place, event.step, event.host, event.task, event.status, event.duration)


def _time(time: datetime | None) -> str | None:
    return None if time is None else time_to_wire(time)
