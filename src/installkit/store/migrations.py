"""The database's layout, version by version; a migration that was released is never edited."""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from installkit.errors import StoreError
from installkit.store.faults import DATABASE_ERRORS, LOCK_PATIENCE, fault_of, retry_while_locked


def create_tables(connection: sqlite3.Connection) -> None:
    """Version 1: what people enter, and the index of the journals."""
    for statement in _TABLES.split(";"):
        connection.execute(statement)


_TABLES = """
CREATE TABLE site (
    name TEXT PRIMARY KEY, title TEXT NOT NULL, inventory_kind TEXT NOT NULL, inventory_path TEXT NOT NULL,
    catalog TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE parameter (
    site TEXT NOT NULL, level TEXT NOT NULL, name TEXT NOT NULL, parameter TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (site, level, name, parameter)
) WITHOUT ROWID;

CREATE TABLE secret (
    site TEXT NOT NULL, name TEXT NOT NULL, token TEXT NOT NULL,
    PRIMARY KEY (site, name)
) WITHOUT ROWID;

CREATE TABLE plan (id TEXT PRIMARY KEY, site TEXT NOT NULL, created_at TEXT NOT NULL, document TEXT NOT NULL);
CREATE INDEX plan_of_site ON plan (site, created_at, id);

CREATE TABLE run (
    id TEXT PRIMARY KEY, site TEXT NOT NULL, status TEXT NOT NULL, read_only INTEGER NOT NULL,
    created_at TEXT NOT NULL, started_at TEXT, finished_at TEXT, requested_by TEXT NOT NULL, note TEXT NOT NULL,
    "offset" INTEGER NOT NULL, summary TEXT NOT NULL, details TEXT NOT NULL
);
CREATE INDEX run_by_age ON run (created_at, id);
CREATE INDEX run_of_site ON run (site, created_at, id);
CREATE INDEX run_of_status ON run (status, created_at, id);

CREATE TABLE event (
    run TEXT NOT NULL, seq INTEGER NOT NULL, "offset" INTEGER NOT NULL, kind TEXT NOT NULL,
    step TEXT, host TEXT, task TEXT, status TEXT, duration REAL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

CREATE TABLE installation (
    site TEXT NOT NULL, component TEXT NOT NULL, host TEXT NOT NULL,
    run TEXT NOT NULL, run_created_at TEXT NOT NULL, document TEXT,
    PRIMARY KEY (site, component, host)
) WITHOUT ROWID
"""


def add_access(connection: sqlite3.Connection) -> None:
    """Version 2: tokens, audit, webhooks, kept answers, and inventories that the store keeps."""
    for statement in _ACCESS.split(";"):
        connection.execute(statement)


_ACCESS = """
CREATE TABLE token (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, scopes TEXT NOT NULL, created_at TEXT NOT NULL,
    expires_at TEXT, last_used_at TEXT, parent TEXT, once INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
    target TEXT NOT NULL
);

CREATE TABLE webhook (
    id TEXT PRIMARY KEY, url TEXT NOT NULL, events TEXT NOT NULL, created_at TEXT NOT NULL, created_by TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE answer (
    who TEXT NOT NULL, key TEXT NOT NULL, created_at TEXT NOT NULL, document TEXT NOT NULL,
    PRIMARY KEY (who, key)
) WITHOUT ROWID;

CREATE TABLE inventory (site TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID
"""


def number_arrivals(connection: sqlite3.Connection) -> None:
    """Version 3: events have the component of their step, and a number in the order in which they arrive."""
    for statement in _ARRIVALS.split(";"):
        connection.execute(statement)


_ARRIVALS = """
ALTER TABLE event RENAME TO unnumbered;

CREATE TABLE event (
    arrival INTEGER PRIMARY KEY, run TEXT NOT NULL, seq INTEGER NOT NULL, "offset" INTEGER NOT NULL, kind TEXT NOT NULL,
    step TEXT, component TEXT, host TEXT, task TEXT, status TEXT, duration REAL
);

WITH planned AS MATERIALIZED (
    SELECT run.id AS run, json_extract(value, '$.id') AS step, json_extract(value, '$.component') AS component
    FROM run, json_each(run.details, '$.steps')
)
INSERT INTO event (run, seq, "offset", kind, step, component, host, task, status, duration)
    SELECT old.run, seq, old."offset", kind, old.step, component, host, task, old.status, duration
    FROM unnumbered AS old JOIN run ON run.id = old.run
    LEFT JOIN planned ON planned.run = old.run AND planned.step = old.step
    ORDER BY run.created_at, run.id, seq;

CREATE UNIQUE INDEX event_of_run ON event (run, seq);

DROP TABLE unnumbered;

CREATE TABLE feed (generation TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;

INSERT INTO feed SELECT lower(hex(randomblob(4))), coalesce(max(arrival), 0) FROM event
"""

MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (create_tables, add_access, number_arrivals)
"""The n-th changes version n - 1 to version n; the version is SQLite's `user_version`."""


def migrate(path: Path) -> None:
    """
    Bring the database at *path* to the newest version, or create it; any number of processes may do so at once.

    Raises:
        StoreError: If it is damaged, not ours, newer than this installkit, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):  # a new file has the access of its folder: for its owner, or for a group
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            if path.parent.stat().st_mode & 0o020:
                os.fchmod(descriptor, 0o660)
            os.close(descriptor)
        with closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as connection:
            retry_while_locked(lambda: _bring_up(connection, path), until=time.monotonic() + LOCK_PATIENCE)
    except DATABASE_ERRORS as exc:
        raise fault_of(path, exc) from exc
    except OSError as exc:
        raise StoreError(
            f"{path} cannot be made: {exc.strerror}", remedy="name a data directory that your user may write"
        ) from exc


def _bring_up(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) != len(MIGRATIONS):
        connection.execute("BEGIN EXCLUSIVE")
        try:
            _apply(connection, path)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    connection.execute("PRAGMA journal_mode=wal")  # only now do we know that the file is ours


def _apply(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)  # again: another process may have been faster
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path} has version {version}; this installkit knows up to {len(MIGRATIONS)}", remedy="upgrade installkit"
        )
    if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        raise StoreError(f"{path} is a database of something else", remedy="name another data directory")
    for migration in MIGRATIONS[version:]:
        migration(connection)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
