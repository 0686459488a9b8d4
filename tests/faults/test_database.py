"""A database that is locked, lost or damaged, and many who use it at once."""

import multiprocessing
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import installkit
from installkit import RunStatus
from installkit.datadir.recovery import recover_database
from installkit.store import Store
from invariants import check_installer
from plays import build_site, play
from site_runs import until
from test_store_faults import HOLD_LOCK, write_parameters, write_to
from test_store_sites import ACME


def at_work(installer, folder):
    """Return a site with a parameter that was entered, and the gate that its next run waits for."""
    gate = folder / "gate"
    wait = f"wait_for: {{path: {gate}, timeout: 100, sleep: 1}}"
    site = build_site(
        installer, folder, "acme", {"01.base": play("debug:"), "03.mysql": play(wait, "debug: {msg: after}")}
    )
    site.parameters.set({"entered": "before"})
    site.start(site.plan(install=["base"]), checks=False).wait(100).raise_for_status()
    return site, gate


def test_a_database_locked_by_another_process_delays_what_people_enter_and_no_run(installer, tmp_path, soak):
    """R7: the run ends meanwhile, its log can be read, and nobody is told of a lock."""
    site, gate = at_work(installer, tmp_path)
    run = site.start(site.plan(install=["mysql"]), checks=False)
    command = [sys.executable, "-c", HOLD_LOCK, installer.folders.database, "60" if soak else "15"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder, ThreadPoolExecutor() as threads:
        holder.stdout.readline()
        gate.touch()
        entered = threads.submit(site.parameters.set, {"entered": "meanwhile"})
        log = b"".join(run.follow_log("mysql"))
        locked = holder.poll() is None and not entered.done()
        entered.result(90)

    assert locked
    assert b"after" in log
    assert RunStatus.SUCCEEDED is run.wait(100).status
    assert {"entered": "meanwhile"} == site.parameters.values().site


def damage(database):
    database.write_bytes(b"\xff" * database.stat().st_size)


@pytest.mark.parametrize("lose", [Path.unlink, damage], ids=["deleted", "damaged"])
def test_a_database_lost_under_a_run_is_rebuilt_as_it_was(tmp_path, lose):
    """R7: the run does not notice; its record comes from the journals, what people entered from the last backup."""
    data = tmp_path / "data"
    with installkit.Installer(data) as installer:
        site, gate = at_work(installer, tmp_path)
        run = site.start(site.plan(install=["mysql"]), checks=False)
        until(lambda: b"TASK" in run.log("mysql"))
        for path in data.glob("installkit.db*"):
            lose(path)
        gate.touch()
        log = b"".join(run.follow_log("mysql"))
    if (data / "installkit.db").exists():
        recover_database(data)
    with installkit.Installer(data) as recovered:
        recovered.reindex()
        check_installer(recovered)
        site = recovered.site("acme")

        assert b"after" in log
        assert {run.id} < {each.id for each in recovered.runs(status="succeeded")}
        assert {"base", "mysql"} == {row.component for row in site.installed() if row.status == "installed"}
        assert {"entered": "before"} == site.parameters.values().site
        assert run.id == site.snapshot().revision


def test_sixty_four_threads_and_four_processes_write_and_read_at_once(tmp_path, soak):
    """R9: nobody meets a lock, and nothing is lost."""
    each = 50 if soak else 5
    spawn = multiprocessing.get_context("spawn")
    path = tmp_path / "installkit.db"
    with Store(path) as store:
        store.sites.save(ACME)
        processes = [spawn.Process(target=write_parameters, args=(path, f"p{n}", each)) for n in range(4)]
        for process in processes:
            process.start()
        with ThreadPoolExecutor(64) as threads:
            list(threads.map(lambda n: write_to(store, f"t{n}", each), range(64)))
        for process in processes:
            process.join()
        written = {
            f"{kind}{n}_{i}": i for kind, count in (("p", 4), ("t", 64)) for n in range(count) for i in range(each)
        }

        assert [0] * 4 == [process.exitcode for process in processes]
        assert written == store.sites.parameters("acme").site
        assert "ok" == store.check()


def test_backups_made_at_once_are_each_whole(tmp_path, times):
    """R9: runs of different sites start at once, and each begins with a backup to the same place."""
    backups = tmp_path / "backups"
    backups.mkdir()
    with Store(tmp_path / "installkit.db") as store, ThreadPoolExecutor(8) as threads:
        store.sites.save(ACME)

        def _back_up(number):
            store.backup(backups / "backup.db")
            copy = shutil.copy(backups / "backup.db", tmp_path / f"{number}.db")
            with Store(copy) as restored:
                return restored.check(), restored.sites.list()

        found = list(threads.map(_back_up, range(times(40, 400))))

    assert [("ok", (ACME,))] * len(found) == found
    assert [backups / "backup.db"] == list(backups.iterdir())
