import ctypes
import multiprocessing
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from installkit.errors import StoreError
from installkit.model import SiteParameters
from installkit.store import Store, set_aside
from installkit.store.database import WRITER_NAME, StoreDatabase
from test_store_ingest import a_finished_run
from test_store_sites import ACME

HOLD_LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
connection.execute("COMMIT")
"""


def write_parameters(database, writer, count):
    """Write *count* parameters, each in a call of its own; runs in processes and in threads."""
    with Store(database) as store:
        write_to(store, writer, count)


def write_to(store, writer, count):
    for number in range(count):
        store.sites.set_parameters("acme", SiteParameters(site={f"{writer}_{number}": number}))
        store.sites.parameters("acme")


def open_at(database, moment):
    while time.time() < moment:
        pass
    Store(database).close()


def writer_thread():
    return next(thread for thread in threading.enumerate() if thread.name == WRITER_NAME)


def kill(thread):
    """Make *thread* end at its next instruction, wherever it is."""
    assert 1 == ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "installkit.db"


@pytest.fixture
def store(path):
    with Store(path) as store:
        store.sites.save(ACME)
        yield store


@pytest.mark.long
def test_threads_and_processes_write_and_read_at_once(store):
    """Nobody sees a lock, and nothing is lost."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=write_parameters, args=(store.path, f"p{n}", 60)) for n in range(3)]

    for process in processes:
        process.start()
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda n: write_to(store, f"t{n}", 25), range(16)))
    for process in processes:
        process.join()

    written = {f"p{n}_{i}": i for n in range(3) for i in range(60)}
    written |= {f"t{n}_{i}": i for n in range(16) for i in range(25)}
    assert [0, 0, 0] == [process.exitcode for process in processes]
    assert written == store.sites.parameters("acme").site
    assert "ok" == store.check()


def test_a_lock_held_by_another_process_is_waited_for(store, path):
    """Longer than SQLite's own timeout; readers are not held up."""
    with subprocess.Popen([sys.executable, "-c", HOLD_LOCK, path, "6.5"], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        start = time.monotonic()
        assert ACME == store.sites.get("acme")
        read_after = time.monotonic() - start
        store.sites.set_parameters("acme", SiteParameters(site={"a": 1}))
        written_after = time.monotonic() - start

    assert {"a": 1} == store.sites.parameters("acme").site
    assert read_after < 1.0
    assert written_after > 5.5


@pytest.mark.long
def test_closing_does_not_wait_for_a_lock(path):
    """Whoever waits to write is told so."""
    store = Store(path)
    store.sites.save(ACME)
    with (
        subprocess.Popen([sys.executable, "-c", HOLD_LOCK, path, "60"], stdout=subprocess.PIPE) as holder,
        ThreadPoolExecutor() as threads,
    ):
        holder.stdout.readline()
        write = threads.submit(store.sites.set_parameters, "acme", {"a": 1})
        time.sleep(0.2)
        start = time.monotonic()
        store.close()
        closed_after = time.monotonic() - start
        holder.kill()

    assert closed_after < 10.0
    with pytest.raises(StoreError, match="closed"):
        write.result()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it dies on purpose
def test_a_killed_writer_thread_is_replaced(store):
    """What waits for it is written all the same, once."""
    with ThreadPoolExecutor(8) as threads:
        writes = [threads.submit(write_to, store, f"t{n}", 40) for n in range(8)]
        for _ in range(5):
            time.sleep(0.1)
            kill(writer_thread())
            store.sites.set_parameters("acme", SiteParameters(site={"after": 1}))
        for write in writes:
            write.result()

    assert {"after": 1} | {f"t{n}_{i}": i for n in range(8) for i in range(40)} == store.sites.parameters("acme").site


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it dies on purpose
def test_a_dead_writer_is_noticed_within_a_second(store):
    thread = writer_thread()
    kill(thread)
    start = time.monotonic()

    store.sites.set_parameters("acme", SiteParameters(site={"a": 1}))

    assert time.monotonic() - start < 1.0
    assert not thread.is_alive()
    assert {"a": 1} == store.sites.parameters("acme").site


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it dies on purpose
def test_a_unit_that_kills_every_writer_is_given_up(store, path):
    """It is rolled back each time, and the database goes on."""
    with closing(StoreDatabase(path)) as database:

        def _deadly():
            database.write_rows("DELETE FROM site", [()])
            raise SystemExit

        with pytest.raises(StoreError, match="died 3 times"):
            database.unit(_deadly)

        assert 7 == database.unit(lambda: 7)
    assert (ACME,) == store.sites.list()


def test_a_unit_that_fails_leaves_nothing_behind(store, path):
    with closing(StoreDatabase(path)) as database:

        def _failing():
            database.write_rows("DELETE FROM site", [()])
            raise KeyError("of the caller")

        with pytest.raises(KeyError, match="of the caller"):
            database.unit(_failing)

    assert (ACME,) == store.sites.list()


def test_an_error_while_rows_are_fetched_reaches_the_caller(path):
    """In peewee's own class it kills the writer, and every later write waits for ever."""
    overflow = (
        "WITH c(n) AS (SELECT 1 UNION SELECT 2) SELECT abs(CASE n WHEN 2 THEN -9223372036854775808 ELSE n END) FROM c"
    )
    Store(path).close()
    with closing(StoreDatabase(path)) as database:
        with pytest.raises(StoreError, match="integer overflow"):
            database.unit(lambda: database.execute_sql(overflow).fetchall())

        assert 7 == database.unit(lambda: 7)


def test_only_a_unit_may_write(path):
    Store(path).close()
    with closing(StoreDatabase(path)) as database, pytest.raises(ValueError, match=r"only a unit may write.*: DELETE"):
        database.execute_sql("DELETE FROM site")


def test_a_closed_store_says_so(path):
    store = Store(path)
    store.close()
    store.close()

    with pytest.raises(StoreError, match="is closed"):
        store.sites.save(ACME)
    with pytest.raises(StoreError, match="is closed"):
        store.sites.list()


def test_closing_while_threads_write_fails_none_silently(path):
    """What a call returned for is there; any other call said that the store is closed."""
    store = Store(path)
    store.sites.save(ACME)

    def _write(name):
        for number in range(1000):
            try:
                store.sites.set_parameters("acme", SiteParameters(site={f"{name}_{number}": number}))
            except StoreError as exc:
                return number, str(exc)
        raise AssertionError("never closed")

    with ThreadPoolExecutor(8) as threads:
        writes = [threads.submit(_write, f"t{n}") for n in range(8)]
        time.sleep(0.3)
        store.close()
        ends = [write.result() for write in writes]

    with Store(path) as again:
        assert {f"t{n}_{i}" for n in range(8) for i in range(ends[n][0])} == again.sites.parameters("acme").site.keys()
    assert all("closed" in message for _, message in ends)


def test_what_is_written_at_the_end_of_a_program_is_kept(path):
    """Without close: Python's exit does it."""
    program = (
        "import sys; from pathlib import Path; from test_store_sites import ACME; from installkit.store import Store;"
        "Store(Path(sys.argv[1])).sites.save(ACME)"
    )

    subprocess.run([sys.executable, "-c", program, path], check=True, cwd=Path(__file__).parent)

    with Store(path) as store:
        assert (ACME,) == store.sites.list()


def test_descriptors_do_not_pile_up(path):
    """Neither by threads that ended, nor by a closed store."""

    def _descriptors():
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count, before anything else is opened

    before = _descriptors()
    with Store(path) as store:
        store.sites.save(ACME)
        one_reader = _descriptors()
        for _ in range(30):
            thread = threading.Thread(target=store.sites.list)
            thread.start()
            thread.join()

        assert one_reader + 3 >= _descriptors()
    assert before == _descriptors()


def test_a_forked_child_is_told_to_open_its_own(store):
    """Neither does it use the parent's connections, nor close them."""
    child = os.fork()
    if child == 0:
        try:
            store.close()
            store.sites.list()
        except StoreError as exc:
            os._exit(0 if "forked" in str(exc) else 1)
        os._exit(2)

    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert (ACME,) == store.sites.list()


def test_processes_may_open_a_new_database_at_once(path):
    """One makes the tables, the others wait."""
    spawn = multiprocessing.get_context("spawn")
    moment = time.time() + 3.0
    processes = [spawn.Process(target=open_at, args=(path, moment)) for _ in range(4)]

    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [0, 0, 0, 0] == [process.exitcode for process in processes]
    with Store(path) as store:
        assert "ok" == store.check()


def test_a_database_is_its_owners_alone(path, store):
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_database_in_a_folder_shared_by_a_group_is_the_groups(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2770)

    Store(shared / "installkit.db").close()

    assert 0o660 == stat.S_IMODE((shared / "installkit.db").stat().st_mode)


@pytest.mark.parametrize("gone", [Path.unlink, lambda path: path.rename(path.with_name("moved.db"))])
def test_a_database_that_went_missing_while_open_is_told(store, path, gone):
    """What would be written to a deleted file is lost, and no new one is made unasked."""
    gone(path)

    with pytest.raises(StoreError, match="was moved, deleted or replaced") as caught:
        store.sites.save(ACME)
    with pytest.raises(StoreError, match="was moved, deleted or replaced"):
        store.sites.list()
    assert "installkit reindex" in caught.value.remedy
    assert not path.exists()


def test_a_file_that_is_no_database_is_told(path):
    path.write_bytes(b"no database at all, but text that is long enough\n" * 100)

    with pytest.raises(StoreError, match=f"{path} is not a database") as caught:
        Store(path)

    assert "installkit reindex" in caught.value.remedy


def test_a_damaged_database_is_told(path):
    with Store(path) as store:
        store.sites.save(ACME)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)

    with Store(path) as store, pytest.raises(StoreError, match=f"{path} is damaged") as caught:
        store.sites.list()

    assert "installkit reindex" in caught.value.remedy


def test_the_check_names_what_is_damaged(path, tmp_path):
    """An index that lacks a row is not seen by reading."""
    with Store(path) as store:
        store.runs.ingest(a_finished_run(tmp_path / "runs"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema = on")
        connection.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'created_at', 'note') WHERE name = 'run_by_age'"
        )
        connection.commit()

    with Store(path) as store:
        assert "missing from index run_by_age" in store.check()


def test_a_database_of_a_newer_installkit_is_told(path):
    Store(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")

    with pytest.raises(StoreError, match="version 99; this installkit knows up to 3") as caught:
        Store(path)

    assert "upgrade installkit" == caught.value.remedy


def test_a_database_of_something_else_is_left_alone(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customer (name)")
    before = path.read_bytes()

    with pytest.raises(StoreError, match="database of something else"):
        Store(path)

    assert before == path.read_bytes()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="cannot be made") as caught:
        Store(tmp_path / "file" / "installkit.db")

    assert caught.value.remedy


def test_a_damaged_database_set_aside_makes_room_for_a_new_one(path, tmp_path):
    """Nothing is deleted, and the journals fill the new one."""
    journal = a_finished_run(tmp_path / "runs")
    path.write_bytes(b"rubbish" * 1000)
    (tmp_path / "installkit.db.aside-1").touch()

    aside = set_aside(path)

    with Store(path) as store:
        store.reindex([journal])
        assert [journal.id] == [run.id for run in store.runs.list()]
    assert tmp_path / "installkit.db.aside-2" == aside
    assert b"rubbish" * 1000 == aside.read_bytes()


def test_setting_aside_what_is_not_there_is_told(path):
    with pytest.raises(StoreError, match="cannot be set aside"):
        set_aside(path)


def test_a_backup_is_a_whole_store(store, tmp_path):
    """Taken while others write, and put in place when it is complete."""
    target = tmp_path / "backup.db"
    target.write_bytes(b"the one before")
    with ThreadPoolExecutor() as threads:
        write = threads.submit(write_to, store, "t", 50)
        store.backup(target)
        write.result()

    with Store(target) as copy:
        assert (ACME,) == copy.sites.list()
        assert "ok" == copy.check()
    assert [] == list(tmp_path.glob(".*"))


def test_a_backup_that_cannot_be_written_is_told(store, tmp_path):
    with pytest.raises(StoreError, match="cannot be written"):
        store.backup(tmp_path / "nowhere" / "backup.db")


def test_the_package_does_not_load_peewee():
    """Only who opens a store pays for it."""
    program = "import sys, installkit; sys.exit('peewee' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode
