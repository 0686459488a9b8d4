"""
P8: events from a journal to the store, sustained, while 8 threads read.

Held against one `Model.create` for each event, the plain way to use peewee's queue database, and against the limit:
the same lines through `json.loads` and one prepared statement on a plain connection. A live run is followed as well,
which takes more than storing its events. Prints a table, and writes the raw numbers as JSON where asked:

    python benchmarks/ingest.py [--events 50000] [--rounds 3] [--json FILE]
"""

import argparse
import json
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from journals import write_journal
from playhouse.sqliteq import SqliteQueueDatabase  # type: ignore[import-untyped] # has no stubs

from installkit.journal import Journal
from installkit.store import Store
from installkit.store.tables import EventRow

READERS = 8
CHUNK = 5000
COLUMNS = ("run", "seq", "kind", "step", "host", "task", "status", "duration")
INSERT = 'INSERT INTO event (run, seq, kind, step, host, task, status, duration, "offset") VALUES (?,?,?,?,?,?,?,?,?)'


def lines_of(journal: Journal) -> Iterator[tuple[dict[str, object], int]]:
    """Yield each event of *journal* as plain JSON, and its offset."""
    offset = 0
    with (journal.path / "events.jsonl").open("rb") as file:
        for line in file:
            yield json.loads(line), offset
            offset += len(line)


def ingest_plainly(path: Path, journal: Journal) -> None:
    """Store an event at a time, as peewee's documentation would have it."""
    Store(path).close()
    database = SqliteQueueDatabase(str(path), pragmas={"journal_mode": "wal", "synchronous": 1})
    with EventRow.bind_ctx(database):
        for event, offset in lines_of(journal):
            EventRow.create(offset=offset, **{name: event.get(name) for name in COLUMNS})
    database.stop()
    database.close()


def ingest_barely(path: Path, journal: Journal) -> None:
    """Store what is the least that can be stored, the fastest way there is from Python."""
    Store(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=normal")
        rows = []
        for event, offset in lines_of(journal):
            rows.append((*(event.get(name) for name in COLUMNS), offset))
            if len(rows) == CHUNK:
                store_rows(connection, rows)
        store_rows(connection, rows)


def store_rows(connection: sqlite3.Connection, rows: list[tuple[object, ...]]) -> None:
    """Store *rows* in one transaction, and empty the list."""
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(INSERT, rows)
    connection.execute("COMMIT")
    rows.clear()


def ingest_into_store(path: Path, journal: Journal) -> None:
    """Store what a store keeps of a run."""
    with Store(path) as store:
        store.runs.ingest(journal)


@contextmanager
def readers(path: Path) -> Iterator[None]:
    """Let 8 threads ask for runs and installations ten times a second each, as open pages do."""
    ended = threading.Event()
    with Store(path) as store:

        def _read() -> None:
            while not ended.wait(0.1):
                store.runs.list(limit=50)
                store.runs.installed("acme")

        threads = [threading.Thread(target=_read) for _ in range(READERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for thread in threads:
                thread.join()


def measure(ingest: Callable[[Path, Journal], None], path: Path, journal: Journal, events: int) -> float:
    """Return the events per second that *ingest* stores in a new database, having seen that all are there."""
    with readers(path):
        start = time.perf_counter()
        ingest(path, Journal(journal.path))
        rate = events / (time.perf_counter() - start)
    with closing(sqlite3.connect(path)) as connection:
        (stored,) = connection.execute("SELECT count(*) FROM event").fetchone()
    if stored != events:
        raise AssertionError(f"{stored} of {events} events were stored")
    return rate


def run_rounds(folder: Path, events: int, rounds: int) -> dict[str, list[float]]:
    """Return the rates of each way, a value a round; the ways take turns, for the machine is shared."""
    runs = folder / "runs"
    runs.mkdir()
    few = max(events // 10, 100)
    ways: dict[str, tuple[Callable[[Path, Journal], None], Journal, int]] = {
        "naive": (ingest_plainly, write_journal(runs, "000000000001", few, finished=False), few),
        "limit": (ingest_barely, write_journal(runs, "000000000002", events, finished=False), events),
        "finished run": (ingest_into_store, write_journal(runs, "000000000003", events, finished=True), events),
        "live run": (ingest_into_store, write_journal(runs, "000000000004", events, finished=False), events),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds):
        for name, (ingest, journal, count) in ways.items():
            rates[name].append(measure(ingest, folder / f"{turn}-{name}.db", journal, count))
    return rates


def print_table(rates: dict[str, list[float]]) -> None:
    """Print the median rate of each way, and its ratio to the naive one (wanted: 5) and the limit (wanted: 0.3)."""
    medians = {name: statistics.median(values) for name, values in rates.items()}
    print(f"{'way':<14}{'events/s':>10}{'x naive':>10}{'x limit':>10}")
    for name, rate in medians.items():
        print(f"{name:<14}{rate:>10,.0f}{rate / medians['naive']:>10.2f}{rate / medians['limit']:>10.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="P8: events from a journal to the store")
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where to write the raw numbers")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rates = run_rounds(Path(folder), options.events, options.rounds)
    print_table(rates)
    if options.json:
        options.json.write_text(json.dumps({"events": options.events, "rates": rates}, indent=1))


if __name__ == "__main__":
    main()
