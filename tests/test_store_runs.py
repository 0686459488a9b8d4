from datetime import UTC, datetime

import pytest

import installkit
from installkit.errors import RunNotFoundError
from installkit.model import EventKind, RunStatus
from installkit.store import Store
from test_store_ingest import HOSTS, RUN, STEP, a_finished_run, a_spec, begin, drafts_of

MOMENT = datetime(2026, 11, 22, 8, 1, tzinfo=UTC)
OLD, LIVE, NEW = "7f3c00000001", "7f3caaaa0002", "01bb00000003"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    runs = folder / "runs"
    live = a_spec(LIVE, minute=1, site="other")
    with Store(folder / "installkit.db") as store:
        store.runs.ingest(a_finished_run(runs, a_spec(OLD, minute=0)))
        store.runs.ingest(begin(runs, live, drafts_of(live)[:3]))
        store.runs.ingest(a_finished_run(runs, a_spec(NEW, minute=2, note="third")))
        yield store


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param({}, [NEW, LIVE, OLD], id="newest first"),
        pytest.param({"site": "acme"}, [NEW, OLD], id="of a site"),
        pytest.param({"status": RunStatus.RUNNING}, [LIVE], id="with a status"),
        pytest.param({"limit": 2}, [NEW, LIVE], id="a page"),
        pytest.param({"limit": 2, "before": LIVE}, [OLD], id="the next page"),
        pytest.param({"before": OLD}, [], id="nothing older"),
        pytest.param({"site": "nobody"}, [], id="of no site"),
        pytest.param({"status": [RunStatus.RUNNING, RunStatus.SUCCEEDED], "limit": 2}, [NEW, LIVE], id="one of these"),
        pytest.param({"status": []}, [NEW, LIVE, OLD], id="no status in particular"),
        pytest.param({"plan": OLD}, [OLD], id="of a plan"),
        pytest.param({"component": "mysql", "site": "other"}, [LIVE], id="of a component"),
        pytest.param({"component": "mysq"}, [], id="of no component"),
        pytest.param({"note": "HIR"}, [NEW], id="with a word in the note"),
        pytest.param({"note": "%"}, [], id="with a sign that SQL knows"),
        pytest.param({"since": MOMENT}, [NEW, LIVE], id="since a moment"),
        pytest.param({"until": MOMENT}, [OLD], id="before a moment"),
    ],
)
def test_runs_are_listed(store, wanted, expected):
    assert expected == [run.id for run in store.runs.list(**wanted)]


def test_a_misspelt_filter_is_an_error_of_the_program(tmp_path):
    """It would let everything through."""
    with installkit.Installer(tmp_path) as installer:
        for narrowed in (
            lambda: installer.list_runs(stauts="failed"),
            lambda: installer.plans("two", compnent="x"),
            lambda: installer.access.audit(whom="erin"),
        ):
            with pytest.raises(TypeError, match=r"by (stauts|compnent|whom), but by: \w+"):
                narrowed()


def test_a_listed_run_has_all_but_steps_and_failures(store):
    """A list of runs of wide plans stays small; `run` has the rest."""
    listed = store.runs.list(limit=1)[0]

    assert ("third", "erin", 1, 1) == (listed.note, listed.requested_by, listed.progress.done, listed.progress.total)
    assert () == listed.steps
    assert [STEP] == [step.id for step in store.runs.get(NEW).steps]


def test_pages_of_runs_of_one_moment_leave_none_out(tmp_path):
    """Runs created at the same moment are ordered by id."""
    ids = [f"{number:012x}" for number in range(5)]
    with Store(tmp_path / "installkit.db") as store:
        for run in ids:
            store.runs.ingest(begin(tmp_path / "runs", a_spec(run)))
        pages, before = [], None
        while page := store.runs.list(limit=2, before=before):
            pages.append([run.id for run in page])
            before = page[-1].id

    assert [ids[:2:-1], ids[2:0:-1], ids[:1]] == pages


def test_a_page_after_an_unknown_run_is_refused(store):
    with pytest.raises(RunNotFoundError, match="ffffffffffff"):
        store.runs.list(before="ffffffffffff")


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        pytest.param("01bb", NEW, id="unambiguous beginning"),
        pytest.param(OLD, OLD, id="whole id"),
        pytest.param("last", NEW, id="newest"),
    ],
)
def test_a_run_is_found(store, prefix, expected):
    assert expected == store.runs.find(prefix)


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        pytest.param("7f3c", f"'7f3c' begins several runs: {LIVE}, {OLD}", id="ambiguous"),
        pytest.param("f", "no run has an id that begins with 'f'", id="unknown"),
        pytest.param("%", "no run has an id that begins with '%'", id="a wildcard of SQL"),
        pytest.param("", "'' begins several runs", id="empty"),
    ],
)
def test_a_run_that_cannot_be_found_is_told(store, prefix, message):
    with pytest.raises(RunNotFoundError) as caught:
        store.runs.find(prefix)

    assert message in str(caught.value)
    assert caught.value.remedy


def test_there_is_no_last_run_in_an_empty_store(tmp_path):
    with Store(tmp_path / "installkit.db") as store, pytest.raises(RunNotFoundError, match="no run yet"):
        store.runs.find("last")


def test_a_run_that_is_not_there_is_told(store):
    with pytest.raises(RunNotFoundError, match="'f00'"):
        store.runs.get("f00")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param({}, [1, 2, 3, 4, 5, 6, 7, 8], id="all"),
        pytest.param({"step": STEP}, [2, 3, 4, 5, 6, 7], id="of a step"),
        pytest.param({"host": HOSTS[0]}, [3, 5], id="of a host"),
        pytest.param({"status": "changed"}, [3, 6], id="with a status"),
        pytest.param({"kind": EventKind.RUN_FINISHED}, [8], id="of a kind"),
        pytest.param({"after": 6}, [7, 8], id="after a seq"),
        pytest.param({"after": 2, "limit": 2}, [3, 4], id="a page"),
        pytest.param({"host": HOSTS[1], "status": "changed"}, [6], id="both"),
    ],
)
def test_events_are_looked_for(store, wanted, expected):
    assert expected == [event.seq for event in store.runs.events(RUN, **wanted)]


def test_an_indexed_event_tells_what_it_is_about(store):
    event = store.runs.events(RUN, after=2, limit=1)[0]

    assert ("task_result", "db1", "Task 0", "changed", 0.5) == (
        event.kind,
        event.host,
        event.task,
        event.status,
        event.duration,
    )


def test_events_of_an_unknown_run_are_told(store):
    with pytest.raises(RunNotFoundError, match="'f00'"):
        store.runs.events("f00")


def test_forgotten_events_leave_the_run(tmp_path):
    """Pruning a run takes its events alone, and a later ingest does not bring them back."""
    journal = a_finished_run(tmp_path / "runs")
    with Store(tmp_path / "installkit.db") as store:
        before = store.runs.ingest(journal)
        store.runs.forget_events([RUN])
        store.runs.ingest(journal)

        assert () == store.runs.events(RUN)
        assert before == store.runs.get(RUN)
        assert 2 == len(store.runs.installed("acme"))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param({}, [("mysql", "db1"), ("mysql", "db2")], id="all"),
        pytest.param({"host": "db2"}, [("mysql", "db2")], id="on a host"),
        pytest.param({"component": "zk"}, [], id="of a component"),
    ],
)
def test_installations_are_listed(store, wanted, expected):
    assert expected == [(row.component, row.host) for row in store.runs.installed("acme", **wanted)]
