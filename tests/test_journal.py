import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from installkit.errors import StoreError
from installkit.journal import (
    ApproveRequest,
    CancelRequest,
    Journal,
    LogWriter,
    create_journal,
    encode_event,
    list_journals,
    lock_is_held,
    open_journal,
    read_approval,
    read_cancel,
    read_holder,
    request_approval,
    request_cancel,
    take_lock,
    write_holder,
)
from installkit.model import (
    Plan,
    Request,
    RunOptions,
    RunResult,
    RunSnapshot,
    RunSpec,
    RunStatus,
)

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
RUN = "7f3c00000001"


def a_spec(run: str = RUN) -> RunSpec:
    plan = Plan(id=run, site="acme", revision=None, digest="d", created_at=NOW, request=Request())
    return RunSpec(
        run=run, site="acme", catalog=Path("/catalog"), plan=plan, options=RunOptions(), steps=(), created_at=NOW
    )


def a_result(run: str = RUN) -> RunResult:
    return RunResult(run=RunSnapshot(id=run, site="acme", plan=run, status=RunStatus.SUCCEEDED, created_at=NOW))


def body(kind: str = "output", **more: object) -> bytes:
    return encode_event({"time": "2026-11-22T08:00:00.000000Z", "kind": kind, "run": RUN, **more})


@pytest.fixture
def run(tmp_path):
    lock = create_journal(tmp_path, a_spec())
    assert lock is not None
    with lock:
        yield tmp_path / RUN


def test_a_new_journal_has_its_spec_and_its_lock(run):
    assert a_spec() == Journal(run).spec()
    assert Journal(run).is_carried_out()
    assert Journal(run).result() is None


def test_a_run_is_created_once(run):
    """Of any number of starts of one plan exactly one gets the lock, and the others leave nothing behind."""
    assert create_journal(run.parent, a_spec()) is None
    assert [RUN] == [path.name for path in run.parent.iterdir()]


def test_a_lock_is_free_when_its_last_descriptor_is_closed(tmp_path):
    lock = take_lock(tmp_path / "lock")

    assert lock is not None
    assert take_lock(tmp_path / "lock") is None
    assert lock_is_held(tmp_path / "lock")
    lock.release()
    assert not lock_is_held(tmp_path / "lock")


def test_a_holder_is_read_whole_while_others_take_over(tmp_path):
    """Whoever reads finds the one before or the one after, never something in between."""
    path = tmp_path / "lock"
    holders = [{"run": RUN, "doing": "x" * size} for size in (1, 400)]
    seen = []
    with take_lock(path) as lock:
        write_holder(lock, holders[0])
        done = threading.Event()
        reader = threading.Thread(target=lambda: seen.extend(iter(lambda: done.is_set() or read_holder(path), True)))
        reader.start()
        for number in range(3000):
            write_holder(lock, holders[number % 2])
        done.set()
        reader.join()

    assert seen
    assert [] == [holder for holder in seen if holder not in holders]


def test_events_get_gapless_numbers_across_writers(run):
    for _ in range(2):
        writer = open_journal(run)
        writer.append(body())
        writer.append(body())
        writer.close()

    assert [1, 2, 3, 4] == [entry.event.seq for entry in Journal(run).read_events()]


def test_a_torn_last_event_is_not_read_and_cut_off_by_the_next_writer(run):
    writer = open_journal(run)
    whole = writer.append(body(message="x" * 200_000))
    writer.close()
    with (run / "events.jsonl").open("ab") as file:
        file.write(b'{"seq":2,"time":"2026-')

    assert [1] == [entry.event.seq for entry in Journal(run).read_events()]
    assert open_journal(run).last_seq == 1
    assert whole == (run / "events.jsonl").read_bytes()


def test_the_rest_of_an_event_that_is_written_meanwhile_is_no_event(run):
    """Whoever reads between the two halves of a line waits for all of it."""
    line = b'{"seq":1,"time":"2026-11-22T08:00:00.000000Z","kind":"output","run":"%s"}\n' % RUN.encode()

    def write() -> None:
        with (run / "events.jsonl").open("ab", buffering=0) as file:
            for _ in range(20_000):
                file.write(line[:40])
                file.write(line[40:])

    thread = threading.Thread(target=write)
    thread.start()
    journal, offset, count = Journal(run), 0, 0
    while count < 20_000:
        entries = journal.read_events(offset)
        offset, count = entries[-1].end if entries else offset, count + len(entries)
    thread.join()

    assert 20_000 * len(line) == offset


@pytest.mark.parametrize("after", [0, 1, 499, 500, 998, 999, 1000, 5000])
def test_a_reader_finds_its_place_by_number(run, after):
    writer = open_journal(run)
    for number in range(1000):
        writer.append(body(message="x" * (number % 300)))
    journal = Journal(run)

    found = [entry.event.seq for entry in journal.read_events(journal.offset_after(after))]
    assert list(range(after + 1, 1001)) == found
    assert list(range(after + 1, 1001))[:7] == [event.seq for event in journal.events(after, limit=7)]


def test_events_are_read_as_they_are_wanted(run):
    """Whoever breaks off early need not wait for those after, nor hold them all."""
    writer = open_journal(run)
    for _ in range(2000):
        writer.append(body())
    with (run / "events.jsonl").open("ab") as file:
        file.write(b"no event\n")
    events = Journal(run).events()

    assert list(range(1, 2001)) == [next(events).seq for _ in range(2000)]
    with pytest.raises(StoreError):
        next(events)


def test_following_gives_every_event_once_and_ends_after_the_last(run):
    writer = open_journal(run)

    def write() -> None:
        for number in range(300):
            writer.append(body(message=str(number)))
            if number % 50 == 0:
                time.sleep(0.02)
        writer.finish(a_result())

    thread = threading.Thread(target=write)
    thread.start()
    seen = [event.message for event in Journal(run).follow_events()]
    thread.join()

    assert [str(number) for number in range(300)] == seen


def test_a_log_is_followed_to_its_steps_last_byte(run):
    writer, log = open_journal(run), LogWriter(run, "01-a-install")

    def write() -> None:
        for number in range(200):
            log.append(b"line %d\n" % number)
            time.sleep(0.0005)
        writer.append(body("step_finished", step="01-a-install", status="succeeded"))

    thread = threading.Thread(target=write)
    thread.start()
    seen = b"".join(Journal(run).follow_log("01-a-install", offset=7))
    thread.join()

    assert b"".join(b"line %d\n" % number for number in range(1, 200)) == seen


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        pytest.param([b"one\ntwo\n"], b"one\ntwo\n", id="it fits"),
        pytest.param([b"one\n", b"two\nthree\n", b"four\n"], b"one\ntwo\n", id="whole lines"),
        pytest.param([b"one\n", b"a line without an end"], b"one\na line\n", id="a line that is too long"),
        pytest.param([b"one\ntwo\nxy", b"z\n"], b"one\ntwo\nxy\n", id="nothing fits"),
    ],
)
def test_a_log_ends_at_its_limit_with_a_line_that_says_so(run, printed, kept):
    """Nothing follows that line, and nothing before it is missing."""
    log = LogWriter(run, "01-a-install", limit=10)
    for text in printed:
        log.append(text)
    log.close()
    whole = b"".join(printed)
    mark = b"[installkit: the log is cut here at 10 bytes; the run goes on, and its events tell every result]\n"

    assert (kept if kept == whole else kept + mark) == Journal(run).read_log("01-a-install")
    assert (kept != whole) == log.cut
    assert log.size == Journal(run).log_size("01-a-install")


def test_a_milder_cancel_does_not_take_back_a_stronger_one(run):
    request_cancel(run, CancelRequest(at=NOW, by="ann", now=True))
    request_cancel(run, CancelRequest(at=NOW, by="bob"))

    assert CancelRequest(at=NOW, by="ann", now=True) == read_cancel(run)


def test_who_approved_first_is_kept(run):
    request_approval(run, "02-a-install-2", ApproveRequest(at=NOW, by="ann"))
    request_approval(run, "02-a-install-2", ApproveRequest(at=NOW, by="bob"))

    assert ApproveRequest(at=NOW, by="ann") == read_approval(run, "02-a-install-2")
    assert read_approval(run, "03-a-install-3") is None


def test_a_newer_format_is_refused_by_name(run):
    (run / "spec.json").write_text(json.dumps({"format": 99, "spec": {}}))

    with pytest.raises(StoreError, match="format 99"):
        Journal(run).spec()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1, "spec": {"run": 3}}'])
def test_a_damaged_spec_names_its_file(run, content):
    (run / "spec.json").write_text(content)

    with pytest.raises(StoreError, match=r"spec\.json is damaged"):
        Journal(run).spec()


def test_only_runs_are_listed(run):
    (run.parent / "lost+found").mkdir()
    (run.parent / ".new-7f3c00000002-ab").mkdir()

    assert [RUN] == [journal.id for journal in list_journals(run.parent)]


def test_nothing_of_a_run_is_readable_by_others(run):
    modes = [path.stat().st_mode & 0o077 for path in [run, *run.rglob("*")]]

    assert {0} == set(modes)


def test_a_run_in_a_shared_folder_is_open_to_its_group(tmp_path):
    tmp_path.chmod(0o2770)
    lock = create_journal(tmp_path, a_spec())

    assert lock is not None
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / RUN).rglob("*") if path.is_file()}
    lock.release()
    assert {0o660} == modes


def test_a_pruned_run_has_no_events(run):
    writer = open_journal(run)
    writer.append(body())
    writer.finish(a_result())
    writer.close()
    (run / "events.jsonl").unlink()
    journal = Journal(run)

    assert [] == journal.read_events()
    assert [] == list(journal.follow_events())
    assert (0, b"", 0) == (journal.offset_after(5), journal.read_log("01-a-install"), journal.log_size("01-a-install"))


def test_a_live_run_without_events_is_damaged(run):
    (run / "events.jsonl").unlink()

    with pytest.raises(StoreError, match=r"events\.jsonl is not there"):
        Journal(run).read_events()


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"\0" * 40, id="zeros"),
        pytest.param(b"{", id="torn"),
        pytest.param(b"[]", id="no object"),
        pytest.param(b'{"seq":2}', id="no kind"),
        pytest.param(b'{"seq":2,"time":"x","kind":"output","run":"r"}', id="no time"),
        pytest.param(b'{"seq":2,"time":"2026-11-22T08:00:00Z","kind":"dance","run":"r"}', id="unknown kind"),
        pytest.param(b'{"seq":2,"time":"2026-11-22T08:00:00","kind":"output","run":"r"}', id="no time zone"),
        pytest.param(b'{"seq":"2","time":"2026-11-22T08:00:00Z","kind":"output","run":"r"}', id="no number"),
        pytest.param(b"\xff", id="no UTF-8"),
    ],
)
def test_a_damaged_event_is_told_with_its_place(run, line):
    """What stands before it can still be read."""
    writer = open_journal(run)
    first = writer.append(body())
    writer.close()
    with (run / "events.jsonl").open("ab") as file:
        file.write(line + b"\n")
    journal = Journal(run)

    with pytest.raises(StoreError, match=rf"events\.jsonl, byte {len(first)}: "):
        journal.read_events()
    assert [1] == [entry.event.seq for entry in journal.read_events(limit=1)]
    with pytest.raises(StoreError, match="no event"):
        open_journal(run)


def test_there_is_no_event_behind_the_last(run):
    with pytest.raises(StoreError, match="no event at byte 0"):
        Journal(run).event_at(0)


@pytest.mark.parametrize("offset", [-1, 2**63, -(2**70)])
def test_an_offset_that_is_no_place_is_refused(run, offset):
    LogWriter(run, "01-a-install").close()

    with pytest.raises(ValueError, match=f"not {offset}"):
        Journal(run).read_log("01-a-install", offset)
    with pytest.raises(ValueError, match=f"not {offset}"):
        Journal(run).read_events(offset)


def test_an_offset_behind_the_end_reads_nothing(run):
    LogWriter(run, "01-a-install").close()

    assert b"" == Journal(run).read_log("01-a-install", 2**40)
    assert [] == Journal(run).read_events(2**40)


def test_a_run_that_cannot_be_written_leaves_nothing_and_says_why(tmp_path):
    (tmp_path / "runs").touch()

    with pytest.raises(StoreError, match="cannot be written: Not a directory"):
        create_journal(tmp_path / "runs", a_spec())


def test_a_request_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(StoreError, match=r"cancel\.json cannot be written"):
        request_cancel(tmp_path / "nowhere", CancelRequest(at=NOW, by="ann"))
