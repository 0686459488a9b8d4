"""Functions that are called with the events of all runs, in one thread of the installer."""

import threading
import time
from datetime import datetime

import pytest

import installkit
from installkit.journal import Journal, create_journal
from site_runs import until
from test_store_ingest import a_finished_run, a_spec, append, drafts_of

FIRST, SECOND = "7f3c00000001", "7f3c00000002"


@pytest.fixture
def installer(tmp_path):
    with installkit.Installer(tmp_path / "data") as installer:
        yield installer


@pytest.fixture
def runs(installer):
    return installer.folders.runs


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "installkit callbacks"]


def test_each_function_is_called_with_what_it_wants_in_order_and_by_one_thread(installer, runs):
    a_finished_run(runs, a_spec("7f3c00000009", minute=-1))
    seen, ended, callers = [], [], set()

    def note(arrival):
        callers.add(threading.current_thread().name)
        seen.append((arrival.event.run, arrival.event.seq))

    installer.on(installkit.EventKind, note)
    installer.on("run_finished", ended.append, site=iter(["globex"]))
    a_finished_run(runs)
    a_finished_run(runs, a_spec(SECOND, site="globex", minute=1))
    until(lambda: len(seen) == 16 and ended, timeout=10)

    assert [(run, seq) for run in (FIRST, SECOND) for seq in range(1, 9)] == seen
    assert [SECOND] == [arrival.event.run for arrival in ended]
    assert {"installkit callbacks"} == callers
    assert 1 == len(threads())


def test_a_function_that_fails_stops_nobody(installer, runs, caplog):
    seen = []

    def fail(arrival):
        raise RuntimeError(f"no network for {arrival.event.kind}")

    installer.on("run_started", fail)
    installer.on(["run_started", "run_finished"], seen.append)
    a_finished_run(runs)
    until(lambda: len(seen) == 2, timeout=10)
    a_finished_run(runs, a_spec(SECOND, minute=1))
    until(lambda: len(seen) == 4, timeout=10)
    until(lambda: caplog.text.count("RuntimeError: no network for run_started") == 2, timeout=10)


def test_who_is_closed_is_not_called_any_more(installer, runs):
    """Neither by the end of its own context nor, for all of them, by that of the installer; both at once."""
    first, second = [], []
    with installer.on("run_finished", first.append):
        installer.on("run_finished", second.append)
        a_finished_run(runs)
        until(lambda: first and second, timeout=10)
    a_finished_run(runs, a_spec(SECOND, minute=1))
    until(lambda: len(second) == 2, timeout=10)
    began = time.monotonic()
    installer.close()
    took = time.monotonic() - began

    assert 1 == len(first)
    assert [] == threads()
    assert took < 0.5


def test_an_event_is_there_at_once(installer, runs):
    times = []
    installer.on("task_result", lambda _: times.append(time.monotonic()))
    spec = a_spec()
    delays = []
    with create_journal(runs, spec):
        for number, draft in enumerate(drafts_of(spec)[:6]):
            append(Journal(runs / FIRST), [draft])
            written = time.monotonic()
            if number > 1:
                until(lambda number=number: len(times) == number - 1, timeout=10)
                delays.append(times[-1] - written)

    assert sorted(delays)[1] < 0.1, delays


def test_after_a_reindex_it_goes_on_with_what_is_new(installer, runs, caplog):
    """Old events have new numbers then, and nobody wants to be told of them again."""
    seen = []
    a_finished_run(runs)
    installer.on("run_finished", seen.append)
    installer.reindex()
    until(lambda: "begins anew" in caplog.text, timeout=10)
    a_finished_run(runs, a_spec(SECOND, minute=1))
    until(lambda: seen, timeout=10)

    assert [SECOND] == [arrival.event.run for arrival in seen]


def test_a_kind_that_is_not_there_is_refused_at_once(installer):
    with pytest.raises(installkit.UnknownNameError, match="'run_ended' is not a kind"):
        installer.on("run_ended", print)
    assert [] == threads()


def test_no_kind_at_all_and_a_time_without_a_zone_are_refused(installer):
    """A list that a program computed may be empty: then nothing would be told, and not everything."""
    with pytest.raises(installkit.PlanningError, match="no kind of event is given"):
        installer.on([], print)
    with pytest.raises(ValueError, match="since is a time with its zone"):
        installer.on("run_finished", print, since=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the mistake
