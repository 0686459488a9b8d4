import json
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from installkit.errors import StoreError
from installkit.journal import Journal, create_journal, encode_event, open_journal
from installkit.model import (
    Action,
    InstallationStatus,
    Plan,
    Request,
    RunOptions,
    RunProgress,
    RunResult,
    RunSpec,
    RunStatus,
    Step,
    StepSpec,
    record_event,
    time_to_wire,
)
from installkit.store import Store

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
RUN = "7f3c00000001"
STEP = "01-mysql-install"
HOSTS = ("db1", "db2")


def a_spec(run=RUN, *, site="acme", minute=0, action=Action.INSTALL, version="10.11.19", note="", installed=()):
    step = Step(
        id=STEP, seq=1, component="mysql", action=action, hosts=HOSTS, playbook="03.mysql.yml", to_version=version
    )
    created_at = NOW + timedelta(minutes=minute)
    plan = Plan(id=run, site=site, revision=None, digest="d", created_at=created_at, request=Request(), steps=(step,))
    carried_out = StepSpec(
        step=STEP, folder=Path("/catalog"), playbook=Path("/catalog/03.mysql.yml"), sources=(Path("/inventory.yml"),)
    )
    return RunSpec(
        run=run,
        site=site,
        catalog=Path("/catalog"),
        plan=plan,
        options=RunOptions(note=note, requested_by="erin"),
        steps=(carried_out,),
        created_at=created_at,
        installed=installed,
    )


def drafts_of(spec, results=4):
    """Return the events of a run that goes well, *results* task results among them, as the journal's writer wants."""
    step = spec.plan.steps[0]
    data = {"component": step.component, "action": step.action.value, "to_version": step.to_version}
    statuses = dict.fromkeys(HOSTS, "changed")
    drafts = [
        {"kind": "run_started"},
        {"kind": "step_started", "step": STEP, "data": {**data, "hosts": list(HOSTS)}},
        *(
            {
                "kind": "task_result",
                "step": STEP,
                "host": HOSTS[number % 2],
                "task": f"Task {number // 2}",
                "status": "changed" if number % 3 == 0 else "ok",
                "duration": 0.5,
                "log": {"start": number * 10, "end": number * 10 + 10},
                "data": {},
            }
            for number in range(results)
        ),
        {
            "kind": "step_finished",
            "step": STEP,
            "status": "succeeded",
            "duration": 3.0,
            "data": {**data, "rc": 0, "host_statuses": statuses, "log_size": results * 10},
        },
        {"kind": "run_finished", "status": "succeeded"},
    ]
    times = (time_to_wire(spec.created_at + timedelta(seconds=number)) for number in range(len(drafts)))
    return [{"time": time, "run": spec.run, **draft} for time, draft in zip(times, drafts, strict=True)]


def begin(runs, spec, drafts=()):
    """Return the journal of a run that has not ended, with the events *drafts*."""
    runs.mkdir(exist_ok=True)
    lock = create_journal(runs, spec)
    assert lock is not None
    lock.release()
    append(Journal(runs / spec.run), drafts)
    return Journal(runs / spec.run)


def append(journal, drafts):
    writer = open_journal(journal.path)
    for draft in drafts:
        writer.append(encode_event(draft))
    writer.close()


def end(journal):
    """Write the result of a run whose events are all there."""
    spec = journal.spec()
    progress = RunProgress(spec)
    before = record = {(row.component, row.host): row for row in spec.installed}
    for entry in journal.read_events():
        progress.feed(entry.event)
        record = record_event(record, spec.site, entry.event)
    writer = open_journal(journal.path)
    removed = tuple(key for key in before if key not in record)
    writer.finish(RunResult(run=progress.snapshot(), installed=tuple(record.values()), removed=removed))
    writer.close()
    return Journal(journal.path)


def a_finished_run(runs, spec=None, results=4):
    spec = spec or a_spec()
    return end(begin(runs, spec, drafts_of(spec, results)))


def ingest_elsewhere(database, journal):
    with Store(database) as store:
        store.runs.ingest(Journal(journal))


@pytest.fixture
def store(tmp_path):
    with Store(tmp_path / "installkit.db") as store:
        yield store


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


def test_a_finished_run_is_indexed_as_its_result_says(store, runs):
    journal = a_finished_run(runs)

    snapshot = store.runs.ingest(journal)

    assert journal.result().run == snapshot
    assert journal.result().run == store.runs.get(RUN)
    assert journal.result().installed == store.runs.installed("acme")
    assert [1, 2, 3, 4, 5, 6, 7, 8] == [event.seq for event in store.runs.events(RUN)]


def test_an_indexed_event_is_found_in_the_journal(store, runs):
    """The index holds where an event lies, the journal what it is."""
    journal = a_finished_run(runs)
    store.runs.ingest(journal)

    found = [journal.event_at(event.offset) for event in store.runs.events(RUN)]

    assert [entry.event for entry in journal.read_events()] == found


def test_a_second_ingest_changes_nothing(store, runs):
    journal = a_finished_run(runs)
    first = store.runs.ingest(journal), store.runs.events(RUN), store.runs.installed("acme")

    second = store.runs.ingest(journal), store.runs.events(RUN), store.runs.installed("acme")

    assert first == second


def test_a_live_run_stands_where_its_events_say(store, runs):
    """Ingest by ingest, the index goes on from where it stopped, as if all events had been read at once."""
    spec = a_spec()
    journal = begin(runs, spec)
    progress = RunProgress(spec)
    expected, actual = [progress.snapshot()], [store.runs.ingest(journal)]

    for draft in drafts_of(spec):
        append(journal, [draft])
        progress.feed(journal.read_events()[-1].event)
        expected.append(progress.snapshot())
        actual.append(store.runs.ingest(journal))

    assert expected == actual
    assert expected[-1] == store.runs.get(RUN)


def test_the_record_follows_a_live_run(store, runs):
    """A component is `changing` from the start of its step until a proof, across ingests."""
    spec = a_spec()
    journal = begin(runs, spec)
    statuses = []

    for draft in drafts_of(spec):
        append(journal, [draft])
        store.runs.ingest(journal)
        statuses.append({row.status for row in store.runs.installed("acme")})

    assert [set()] + 5 * [{InstallationStatus.CHANGING}] + 2 * [{InstallationStatus.INSTALLED}] == statuses


def test_a_live_uninstall_takes_the_record_away(store, runs):
    store.runs.ingest(a_finished_run(runs))
    spec = a_spec(
        "aa0000000002", minute=1, action=Action.UNINSTALL, version=None, installed=store.runs.installed("acme")
    )

    store.runs.ingest(begin(runs, spec, drafts_of(spec)))

    assert () == store.runs.installed("acme")


def test_a_run_is_final_only_with_the_last_of_its_events(store, runs):
    """More events than one unit takes: all of them are there when the run is."""
    journal = a_finished_run(runs, results=12_000)

    snapshot = store.runs.ingest(journal)

    assert RunStatus.SUCCEEDED is snapshot.status
    assert list(range(1, 12_005)) == [event.seq for event in store.runs.events(RUN)]


def test_a_long_live_run_is_indexed_whole(store, runs):
    spec = a_spec()
    journal = begin(runs, spec, drafts_of(spec, results=10_000)[:-2])

    snapshot = store.runs.ingest(journal)

    assert 10_002 == snapshot.last_seq == len(store.runs.events(RUN))
    assert RunStatus.RUNNING is snapshot.status


@pytest.mark.long
def test_processes_may_ingest_one_journal_at_once(store, runs):
    """Nothing is stored twice, and nothing is left out."""
    journal = a_finished_run(runs, results=16_000)
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=ingest_elsewhere, args=(store.path, journal.path)) for _ in range(3)]

    for process in others:
        process.start()
    store.runs.ingest(journal)
    for process in others:
        process.join()

    assert [0, 0, 0] == [process.exitcode for process in others]
    assert list(range(1, 16_005)) == [event.seq for event in store.runs.events(RUN)]


def test_a_torn_last_event_is_left_until_it_is_whole(store, runs):
    spec = a_spec()
    drafts = drafts_of(spec)
    journal = begin(runs, spec, drafts[:2])
    whole = b'{"seq":3,' + encode_event(drafts[2])[1:] + b"\n"
    events = journal.path / "events.jsonl"
    with events.open("ab") as file:
        file.write(whole[:40])
    torn = store.runs.ingest(journal).last_seq

    with events.open("ab") as file:
        file.write(whole[40:])

    assert 2 == torn
    assert 3 == store.runs.ingest(journal).last_seq


def test_an_older_run_does_not_overwrite_what_a_newer_one_left(store, runs):
    """Runs may be indexed in any order."""
    old = a_finished_run(runs, a_spec("ff0000000001", minute=0, version="10.11.18"))
    new = a_finished_run(runs, a_spec("aa0000000002", minute=1, version="10.11.19"))

    store.runs.ingest(new)
    store.runs.ingest(old)

    assert ["10.11.19", "10.11.19"] == [row.version for row in store.runs.installed("acme")]


def test_an_older_run_does_not_bring_back_what_a_newer_one_removed(store, runs):
    old = a_finished_run(runs, a_spec("ff0000000001", minute=0))
    removal = a_spec("aa0000000002", minute=1, action=Action.UNINSTALL, version=None, installed=old.result().installed)
    new = a_finished_run(runs, removal)

    store.runs.ingest(new)
    store.runs.ingest(old)

    assert () == store.runs.installed("acme")


def test_a_pruned_run_is_indexed_by_its_result(store, runs):
    """Pruning keeps spec and result: the run and what it installed, but no event."""
    journal = a_finished_run(runs)
    (journal.path / "events.jsonl").unlink()

    snapshot = store.runs.ingest(journal)

    assert RunStatus.SUCCEEDED is snapshot.status
    assert 2 == len(store.runs.installed("acme"))
    assert () == store.runs.events(RUN)


def test_a_damaged_event_is_told_with_its_journal(store, runs):
    journal = begin(runs, a_spec())
    (journal.path / "events.jsonl").write_bytes(b"no json\n")

    with pytest.raises(StoreError, match=f"{journal.path}/events.jsonl, byte 0: no event"):
        store.runs.ingest(journal)


def test_an_event_of_an_unknown_step_is_told(store, runs):
    journal = begin(runs, a_spec(), [{"time": time_to_wire(NOW), "run": RUN, "kind": "output", "step": "nobody"}])

    with pytest.raises(StoreError, match="nobody"):
        store.runs.ingest(journal)


def test_reindexing_a_deleted_database_gives_the_same_lists(tmp_path, runs):
    """The journals are the truth; the database is an index of them."""
    live = a_spec("bb0000000003", site="other", minute=2)
    journals = [
        a_finished_run(runs),
        a_finished_run(runs, a_spec("aa0000000002", minute=1, version="10.11.20", note="again")),
        begin(runs, live, drafts_of(live)[:4]),
    ]

    def _lists(store):
        return (
            store.runs.list(),
            [store.runs.get(run.id) for run in store.runs.list()],
            [store.runs.events(run.id) for run in store.runs.list()],
            store.runs.installed("acme"),
            store.runs.installed("other"),
            store.runs.finished(),
        )

    path = tmp_path / "installkit.db"
    with Store(path) as store:
        for journal in journals:
            store.runs.ingest(journal)
        before = _lists(store)
    for part in tmp_path.glob("installkit.db*"):
        part.unlink()
    with Store(path) as store:
        store.reindex(journals)
        after = _lists(store)

    assert before == after
    assert 3 == len(before[0])


def test_reindexing_drops_what_no_journal_holds(store, runs):
    gone = a_finished_run(runs)
    store.runs.ingest(gone)

    store.reindex([])

    assert () == store.runs.list()
    assert () == store.runs.installed("acme")


def test_reindexing_restores_the_sites_that_are_missing(store, runs):
    """A missing site gets what its newest run knew of it; one that is there stays as it was entered."""
    old, new = a_spec("ff0000000001", minute=0), a_spec("aa0000000002", minute=1)
    journals = [a_finished_run(runs, new), a_finished_run(runs, old)]

    store.reindex(journals)

    assert [("acme", Path("/inventory.yml"), Path("/catalog"), new.run)] == [
        (site.name, site.inventory.path, site.catalog, site.last_run) for site in store.sites.list()
    ]


def test_reindexing_goes_on_after_a_journal_that_cannot_be_read(store, runs):
    """Every damaged journal is named, and all others are indexed."""
    damaged = [a_finished_run(runs, a_spec("0a0000000000")), a_finished_run(runs, a_spec("0b0000000000"))]
    (damaged[0].path / "spec.json").write_text("{")
    (damaged[1].path / "result.json").write_text(json.dumps({"format": 1, "result": {"run": 7}}))
    good = a_finished_run(runs)

    found = store.reindex([*(Journal(journal.path) for journal in damaged), good])

    assert {journal.id for journal in damaged} == set(found)
    assert all(str(journal.path) in str(found[journal.id]) for journal in damaged)
    assert [RUN] == [run.id for run in store.runs.list()]
    assert all(error.remedy for error in found.values())
