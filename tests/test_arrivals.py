"""Following everything: the events of all runs in the order in which they arrive, from a cursor."""

import asyncio
import contextlib
import json
import multiprocessing
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import timedelta

import pytest
from click.testing import CliRunner

import installkit
from disks import fill
from installkit import aio
from installkit.cli.app import app
from installkit.journal import Journal, create_journal, open_journal, take_lock, watch
from installkit.model import Cursor
from installkit.store import Store
from installkit.store.migrations import add_access, create_tables
from site_runs import until
from test_store_ingest import NOW, a_finished_run, a_spec, append, begin, drafts_of

FIRST, SECOND, THIRD = (f"7f3c0000000{number}" for number in (1, 2, 3))
KINDS = installkit.EventKind


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def installer(data):
    with installkit.Installer(data) as installer:
        yield installer


@pytest.fixture
def runs(installer):
    return installer.folders.runs


@pytest.fixture
def live(runs):
    """Begin runs that are carried out until the end of the test."""
    with contextlib.ExitStack() as stack:

        def _begin(spec, drafts=()):
            stack.enter_context(create_journal(runs, spec))
            append(Journal(runs / spec.run), drafts)
            return Journal(runs / spec.run)

        yield _begin


def places(arrivals):
    return [(arrival.event.run, arrival.event.seq) for arrival in arrivals]


def follow_in_thread(arrivals):
    """Return a list that a thread of its own fills with *arrivals*, each with the time when it came."""
    seen = []

    def _follow():
        with contextlib.suppress(installkit.StoreError):  # the test is over, and the installer closed
            seen.extend((time.monotonic(), arrival) for arrival in arrivals)

    threading.Thread(target=_follow, daemon=True).start()
    return seen


def test_events_of_all_runs_come_in_the_order_in_which_they_arrived(installer, runs, live):
    """A run that began earlier may go on after one that began later."""
    early = a_spec(FIRST)
    drafts = drafts_of(early)
    journal = live(early, drafts[:3])
    first = list(installer.events())
    a_finished_run(runs, a_spec(SECOND, site="globex", minute=1))
    second = list(installer.events(after=first[-1].cursor))
    append(journal, drafts[3:])
    third = list(installer.events(after=second[-1].cursor))

    assert [(FIRST, 1), (FIRST, 2), (FIRST, 3)] == places(first)
    assert [(SECOND, seq) for seq in range(1, 9)] == places(second)
    assert [(FIRST, seq) for seq in range(4, 9)] == places(third)
    assert places([*first, *second, *third]) == places(installer.events())
    assert {("acme", None), ("acme", "mysql")} == {(each.site, each.component) for each in first}
    assert list(installer.run(SECOND).events()) == [each.event for each in second]
    assert places(second)[:2] == places(installer.events(after=first[-1].cursor, limit=2))
    assert places(third)[-2:] == places(installer.events(last=2))


def test_a_cursor_goes_on_in_another_process_without_gap_or_doubling(data, installer, runs):
    a_finished_run(runs)
    cursor = list(installer.events(limit=5))[-1].cursor
    installer.close()

    with installkit.Installer(data) as again:
        a_finished_run(runs, a_spec(SECOND, minute=1))

        assert [(FIRST, 6), (FIRST, 7), (FIRST, 8), (SECOND, 1)] == places(again.events(after=cursor, limit=4))


CASES = [
    pytest.param({"run": SECOND}, {SECOND}, 8, id="run"),
    pytest.param({"site": "globex"}, {SECOND}, 8, id="site"),
    pytest.param({"site": ["globex", "acme"]}, {FIRST, SECOND}, 16, id="several sites"),
    pytest.param({"component": "mysql"}, {FIRST, SECOND}, 12, id="component"),
    pytest.param({"component": "zk"}, set(), 0, id="component that nobody has"),
    pytest.param({"host": "db1"}, {FIRST, SECOND}, 4, id="host"),
    pytest.param({"host": iter(["db1", "db2"]), "site": "acme"}, {FIRST}, 4, id="words that are read once"),
    pytest.param({"kind": "run_finished"}, {FIRST, SECOND}, 2, id="kind"),
    pytest.param({"kind": [KINDS.RUN_STARTED, "run_finished"]}, {FIRST, SECOND}, 4, id="several kinds"),
    pytest.param({"status": "changed", "run": FIRST}, {FIRST}, 2, id="status and run"),
    pytest.param({"step": "01-mysql-install", "kind": "step_finished"}, {FIRST, SECOND}, 2, id="step and kind"),
    pytest.param({"since": NOW + timedelta(minutes=1)}, {SECOND}, 8, id="since"),
    pytest.param({"since": NOW + timedelta(seconds=5)}, {FIRST, SECOND}, 11, id="since within a run"),
    pytest.param({"until": NOW + timedelta(seconds=5)}, {FIRST}, 5, id="until within a run"),
    pytest.param({"host": None, "site": ()}, {FIRST, SECOND}, 16, id="filters without words"),
]


@pytest.mark.parametrize(("wanted", "of_runs", "count"), CASES)
def test_filters_narrow(installer, runs, wanted, of_runs, count):
    a_finished_run(runs)
    a_finished_run(runs, a_spec(SECOND, site="globex", minute=1))

    found = places(installer.events(**wanted))

    assert (of_runs, count) == ({run for run, _ in found}, len(found))


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        pytest.param({"hosts": "db1"}, TypeError, "not narrowed by hosts, but by: ", id="filter"),
        pytest.param({"kind": "run_ended"}, installkit.UnknownNameError, "'run_ended' is not a kind", id="kind"),
        pytest.param({"status": "done"}, installkit.UnknownNameError, "'done' is not a status", id="status"),
        pytest.param({"after": "12"}, ValueError, "'12' is not a cursor", id="cursor"),
        pytest.param({"after": "now", "last": 3}, TypeError, "give one of them", id="two beginnings"),
        pytest.param({"after": "0badc0de-1"}, installkit.CursorExpiredError, "has expired", id="other generation"),
    ],
)
def test_what_is_wrong_is_said_at_once(installer, wanted, error, words):
    """Before anything is read: a program that follows would notice it only after its first event."""
    with pytest.raises(error, match=words):
        installer.events(**wanted)


@pytest.mark.parametrize("polls", [False, True], ids=["woken", "polling"])
def test_a_follower_sees_events_and_runs_as_they_come(installer, runs, live, monkeypatch, polls):
    if polls:
        monkeypatch.setattr(watch, "_open_inotify", lambda: None)
    a_finished_run(runs)
    seen = follow_in_thread(installer.events(follow=True, after="now"))
    spec = a_spec(SECOND, minute=1)
    journal = live(spec)
    writer = open_journal(journal.path)
    delays = []
    for number, draft in enumerate(drafts_of(spec), 1):
        time.sleep(0.05)
        written = time.monotonic()
        writer.append(json.dumps(draft).encode())
        until(lambda number=number: len(seen) >= number, timeout=5.0)
        delays.append(seen[-1][0] - written)
    writer.close()

    assert [(SECOND, seq) for seq in range(1, 9)] == places(arrival for _, arrival in seen)
    assert sorted(delays)[4] < (0.2 if polls else 0.04), delays


def test_a_run_whose_supervisor_dies_is_ended_for_whoever_follows(installer, runs, live):
    """Nobody else may be there to see it."""
    spec = a_spec(FIRST)
    journal = begin(runs, spec)
    lock = take_lock(journal.path / "lock")
    seen = follow_in_thread(installer.events(follow=True))
    append(journal, drafts_of(spec)[:2])
    until(lambda: len(seen) == 2, timeout=5.0)
    lock.release()
    until(lambda: seen[-1][1].event.kind is KINDS.RUN_FINISHED, timeout=5.0)

    assert "interrupted" == seen[-1][1].event.status


def test_a_reindex_expires_cursors_and_whoever_follows_is_told(installer, runs):
    a_finished_run(runs)
    cursor = list(installer.events())[-1].cursor
    reader = installer.arrival_reader(after=cursor)
    installer.reindex()

    with pytest.raises(installkit.CursorExpiredError, match=cursor) as caught:
        installer.events(after=cursor)
    with pytest.raises(installkit.CursorExpiredError):
        reader.read()
    assert cursor == caught.value.cursor
    assert "begin again without a cursor" in caught.value.remedy
    assert 8 == len(list(installer.events()))


def test_a_cursor_from_after_the_restored_database_has_expired(installer, runs):
    """A number that was not given yet is of a database that was there before."""
    a_finished_run(runs)
    generation, _, number = list(installer.events())[-1].cursor.partition("-")

    assert [] == list(installer.events(after=f"{generation}-{number}"))
    with pytest.raises(installkit.CursorExpiredError):
        installer.events(after=f"{generation}-{int(number) + 1}")


def test_numbers_of_pruned_events_are_not_given_again(installer, runs):
    """What was read last may be gone: what comes next is new all the same."""
    a_finished_run(runs)
    cursor = list(installer.events())[-1].cursor
    installer.prune()
    a_finished_run(runs, a_spec(SECOND, minute=1))

    assert [(SECOND, seq) for seq in range(1, 9)] == places(installer.events(after=cursor))
    assert [(SECOND, seq) for seq in range(1, 9)] == places(installer.events())


@pytest.mark.parametrize("damage", [b"x\n" * 2000, b""], ids=["other bytes", "cut off"])
def test_events_that_are_gone_or_damaged_are_left_out(installer, runs, caplog, damage):
    """A folder that was removed by hand, and one whose events were damaged after they were indexed."""
    for number, run in enumerate((FIRST, SECOND, THIRD)):
        a_finished_run(runs, a_spec(run, minute=number))
    installer.refresh()
    (runs / FIRST).rename(runs.parent / "elsewhere")
    (runs / SECOND / "events.jsonl").write_bytes(damage)

    assert {THIRD} == {run for run, _ in places(installer.events())}
    assert {THIRD} == {run for run, _ in places(installer.events())}
    assert [f"run {SECOND} is skipped"] == [record.getMessage()[:27] for record in caplog.records]
    assert SECOND in {run.id for run in installer.list_runs()}


def test_a_run_that_cannot_be_indexed_is_skipped_until_it_is_repaired(installer, runs, live, caplog):
    spec = a_spec(FIRST)
    journal = live(spec, drafts_of(spec)[:4])
    content = (journal.path / "events.jsonl").read_bytes()
    (journal.path / "events.jsonl").write_bytes(content.replace(b"task_result", b"task_resold"))
    a_finished_run(runs, a_spec(SECOND, minute=1))

    assert {SECOND} == {run for run, _ in places(installer.events())}
    assert [f"run {FIRST} is skipped"] == [record.getMessage()[:27] for record in caplog.records]
    (journal.path / "events.jsonl").write_bytes(content)
    assert [(FIRST, seq) for seq in range(1, 5)] == places(installer.events(run=FIRST))


opened: list[str] | None = None


def _note_opened(event, arguments):
    if event in {"open", "os.listdir", "os.scandir"} and opened is not None:
        opened.append(str(arguments[0]))


def test_looking_for_news_opens_nothing_of_runs_that_ended(installer, runs, live):
    """However many there are: new is what stands in the folder of the runs, or changed of a run that has not ended."""
    global opened  # noqa: PLW0603 - an audit hook cannot be removed
    for number in range(20):
        a_finished_run(runs, a_spec(f"7f3c000001{number:02}", minute=number))
    spec = a_spec(FIRST, minute=30)
    journal = live(spec)
    reader = installer.arrival_reader()
    while reader.read():
        pass
    append(journal, drafts_of(spec)[:2])
    sys.addaudithook(_note_opened)
    opened = []
    try:
        found = reader.read()
        of_others = {path for path in opened if path.startswith(f"{runs}/7f3c000001")}
    finally:
        opened = None

    assert [(FIRST, 1), (FIRST, 2)] == places(found)
    assert set() == of_others


def _follow_elsewhere(data, count, queue):
    with installkit.Installer(data) as installer:
        arrivals = list(installer.events(follow=True, limit=count))
    queue.put((places(arrivals), [int(arrival.cursor.partition("-")[2]) for arrival in arrivals]))


def test_several_processes_that_index_at_once_miss_nothing_and_see_nothing_twice(data, installer, runs, live):
    """Each indexes what it sees first; all read the same numbers."""
    count, of_each = 3, 200
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [context.Process(target=_follow_elsewhere, args=(data, count * of_each, queue)) for _ in range(4)]
    for process in processes:
        process.start()
    specs = [a_spec(run, minute=number) for number, run in enumerate((FIRST, SECOND, THIRD))]
    writers = [(open_journal(live(spec).path), drafts_of(spec, of_each - 4)) for spec in specs]
    for drafts in zip(*(drafts for _, drafts in writers), strict=True):
        for (writer, _), draft in zip(writers, drafts, strict=True):
            writer.append(json.dumps(draft).encode())
        time.sleep(0.005)
    for writer, _ in writers:
        writer.close()
    seen = [queue.get(timeout=60.0) for _ in processes]
    for process in processes:
        process.join()

    expected = {(spec.run, seq) for spec in specs for seq in range(1, of_each + 1)}
    for found, numbers in seen:
        assert expected == set(found)
        assert count * of_each == len(found)
        assert sorted(set(numbers)) == numbers
    assert 1 == len({tuple(found) for found, _ in seen})


def test_where_nothing_can_be_written_cursors_are_good_for_that_installer_alone(small_disk):
    data = small_disk / "data"
    with installkit.Installer(data) as writable:
        a_finished_run(data / "runs")
        before = list(writable.events())
    fill(small_disk)
    with installkit.Installer(data) as full:
        arrivals = list(full.events())

        assert full.obstacle is not None
        assert places(before) == places(arrivals)
        assert [] == list(full.events(after=arrivals[-1].cursor))
        with pytest.raises(installkit.CursorExpiredError):
            full.events(after=before[-1].cursor)
    (small_disk / "filler").unlink()
    with installkit.Installer(data) as writable:
        assert [] == list(writable.events(after=before[-1].cursor))
        with pytest.raises(installkit.CursorExpiredError):
            writable.events(after=arrivals[-1].cursor)


def test_a_database_from_before_arrivals_were_numbered_is_brought_up(tmp_path, runs):
    """Its events get their numbers by the age of their runs, and the component of their step from the run."""
    journals = [a_finished_run(runs, a_spec(run, minute=-number)) for number, run in enumerate((FIRST, SECOND))]
    path, old = tmp_path / "new.db", tmp_path / "old.db"
    with Store(path) as store:
        for journal in journals:
            store.runs.ingest(journal)
        indexed = store.runs.events(FIRST)
    with closing(sqlite3.connect(old, isolation_level=None)) as connection:
        create_tables(connection)
        add_access(connection)
        connection.execute("PRAGMA user_version = 2")
        connection.execute("ATTACH ? AS new", (str(path),))
        connection.execute(
            'INSERT INTO event SELECT run, seq, "offset", kind, step, host, task, status, duration FROM new.event'
        )
        connection.execute("INSERT INTO run SELECT * FROM new.run")
        connection.execute("INSERT INTO installation SELECT * FROM new.installation")

    with Store(old) as store:
        beginning = Cursor(store.arrivals.last().generation, 0)
        cursor, rows = store.arrivals.search({}).after(beginning, 100)
        third = a_finished_run(runs, a_spec(THIRD, minute=1))
        store.runs.ingest(third)
        later = store.arrivals.search({"component": ["mysql"]}).after(cursor, 100)[1]

        assert indexed == store.runs.events(FIRST)
        assert [(run, seq) for run in (SECOND, FIRST) for seq in range(1, 9)] == [(row.run, row.seq) for row in rows]
        assert [*range(1, 17)] == [row.arrival for row in rows]
        assert [None, *["mysql"] * 6, None] == [row.component for row in rows[:8]]
        assert [(THIRD, 18), (THIRD, 19)] == [(row.run, row.arrival) for row in later[:2]]
        assert "ok" == store.check()


def test_awaited_followers_of_everything_cost_no_thread_and_go_at_once(data, installer, live):
    """While they wait there is nothing to do; then a run begins, and all of them see it."""

    async def follow():
        async with installkit.AsyncInstaller(data) as opened:
            seen = [[] for _ in range(100)]

            async def _one(number):
                async for arrival in opened.events(follow=True, site="acme"):
                    seen[number].append(arrival.event.seq)

            tasks = [asyncio.create_task(_one(number)) for number in range(100)]
            await asyncio.sleep(0.5)
            before = threading.active_count()
            spec = a_spec(FIRST)
            await asyncio.to_thread(live, spec, drafts_of(spec)[:4])
            async with asyncio.timeout(10):
                while any(len(each) < 4 for each in seen):  # noqa: ASYNC110 - each follower would need an event
                    await asyncio.sleep(0.01)
            started = time.monotonic()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            limited = [arrival.event.seq async for arrival in opened.events(follow=True, limit=3)]
            none = [arrival async for arrival in opened.events(follow=True, limit=0)]
            return before, seen, time.monotonic() - started, limited, none

    threads = threading.active_count()
    before, seen, took, limited, none = asyncio.run(follow())

    assert [[1, 2, 3, 4]] * 100 == seen
    assert before - threads <= aio.CALLS + aio.READS + 1  # and the one that writes to the database
    assert took < 1.0
    assert ([1, 2, 3], []) == (limited, none)


@pytest.fixture
def said(data, installer):
    def _said(*words):
        return CliRunner().invoke(app, ["--data-dir", str(data), "events", *words])

    return _said


def test_the_command_line_lists_the_newest_events_of_all_runs(said, runs):
    a_finished_run(runs, results=20)
    a_finished_run(runs, a_spec(SECOND, site="globex", minute=1))
    newest = json.loads(said("--json").stdout)
    narrowed = json.loads(said("--site", "globex", "--kind", "run_finished", "--kind", "run_started", "--json").stdout)
    later = json.loads(said("--after", newest[-2]["cursor"], "--json").stdout)

    assert [(FIRST, 13), (SECOND, 8), 20] == [*wire_places(newest[:1] + newest[-1:]), len(newest)]
    assert [(SECOND, 1), (SECOND, 8)] == wire_places(narrowed)
    assert [(SECOND, 8)] == wire_places(later)
    assert "globex" in said("-n", "1").stdout
    assert "no events of this kind" in said("--since", "1h").stderr
    assert "no events of this kind" in said("--host", "db7").stderr


def wire_places(items):
    return [(item["event"]["run"], item["event"]["seq"]) for item in items]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["--after", "12"], "'12' is not a cursor", id="cursor"),
        pytest.param(["--after", "now", "-n", "3"], "leave out one of them", id="two beginnings"),
        pytest.param(["last", "--site", "acme"], "leave out RUN", id="of one run"),
        pytest.param(["--after", "0badc0de-1"], "has expired", id="expired"),
    ],
)
def test_the_command_line_refuses_what_does_not_fit(said, words, why):
    refused = said(*words)

    assert refused.exit_code in {1, 2}
    assert why in refused.stderr


def test_the_command_line_follows_all_runs(data, installer, live):
    command = [
        sys.executable,
        "-c",
        "from installkit.cli import main; main()",
        "--data-dir",
        str(data),
        "events",
        "-f",
    ]
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, text=True))
        stack.callback(process.kill)
        spec = a_spec(FIRST)
        drafts = drafts_of(spec)
        journal = live(spec, drafts[:2])
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        append(journal, drafts[2:3])
        lines.append(json.loads(process.stdout.readline()))

    assert [(FIRST, 1), (FIRST, 2), (FIRST, 3)] == wire_places(lines)
