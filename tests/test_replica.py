"""A data directory that cannot be written: all can be read, and what cannot be done is said."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import installkit
from disks import fill
from installkit import DiskFullError, RunStatus, StoreError
from installkit.cli.app import app
from installkit.datadir.replica import Replica
from installkit.journal import write_carrier
from installkit.store import Store

RECORDED = Path(__file__).parent / "data" / "journals" / "1" / "024ea32e2dec"


def make_data(disk, *, indexed):
    """Make a data directory on *disk* with one recorded run, and its database if it is *indexed*."""
    data = disk / "data"
    (data / "runs").mkdir(parents=True)
    shutil.copytree(RECORDED, data / "runs" / RECORDED.name)
    if indexed:
        with installkit.Installer(data) as installer:
            installer.reindex()
            installer.site("acme", title="Acme, Berlin")
    return data


def remount(disk, mode):
    subprocess.run(["/bin/mount", "-o", f"remount,{mode}", disk], check=True)


@pytest.fixture(params=["read-only", "full"])
def obstacle(request, small_disk):
    """A function that lets nothing more be written, and one that takes that back."""

    def _set_up():
        if request.param == "full":
            fill(small_disk)
        else:
            remount(small_disk, "ro")

    def _take_back():
        remount(small_disk, "rw")
        (small_disk / "filler").unlink(missing_ok=True)

    yield _set_up, _take_back
    remount(small_disk, "rw")


@pytest.mark.parametrize("indexed", [True, False], ids=["with its database", "journals alone"])
def test_what_cannot_be_written_can_be_read(small_disk, obstacle, indexed):
    data = make_data(small_disk, indexed=indexed)
    obstacle[0]()
    with installkit.Installer(data) as installer:
        (run,) = installer.runs()
        site = installer.site("acme").snapshot()

        assert RunStatus.FAILED is installer.run("last").status
        assert run.snapshot().last_seq == len(list(run.events())) == len(list(run.events(follow=True)))
        assert (RECORDED / "logs" / "01-mysql-install.log").read_bytes() == run.log("mysql")
        assert {"mysql", "zk"} == {row.component for row in installer.site("acme").installed()}
        assert "Acme, Berlin" == site.title or not indexed
        assert run.wait(1) is run
    assert not installer._directory.store.path.exists()


def test_what_cannot_be_written_is_refused(small_disk, obstacle):
    """Whatever is asked for; the data directory stays as it is."""
    data = make_data(small_disk, indexed=True)
    obstacle[0]()
    with installkit.Installer(data) as installer:
        site = installer.site("acme")
        plan = installer.run("last").plan
        for change in (
            lambda: site.parameters.set({"port": 1}),
            lambda: site.secrets.set("password", "canary-value"),
            lambda: site.plan(all=True),
            lambda: site.start(plan),
            lambda: installer.site("acme", title="another"),
            lambda: installer.delete_site("acme"),
            lambda: installer.access.create_token("ann", [installkit.Scope.READ]),
        ):
            with pytest.raises(StoreError, match=f"{data} is open for reading only, it cannot be written: ") as caught:
                change()
            assert caught.value.remedy
    obstacle[1]()
    with installkit.Installer(data) as installer:
        assert installer.obstacle is None
        assert "Acme, Berlin" == installer.site("acme").snapshot().title


def test_a_dead_run_is_settled_once_that_can_be_written(small_disk, obstacle):
    data = make_data(small_disk, indexed=False)
    run = data / "runs" / RECORDED.name
    (run / "result.json").unlink()
    *lines, _ = (run / "events.jsonl").read_bytes().splitlines(keepends=True)
    (run / "events.jsonl").write_bytes(b"".join(lines))
    write_carrier(run)
    obstacle[0]()
    with installkit.Installer(data) as installer:
        assert not installer.run("last").status.final
    obstacle[1]()
    with installkit.Installer(data) as installer:
        assert RunStatus.INTERRUPTED is installer.run("last").status


def test_prune_makes_space_on_a_full_disk(small_disk):
    """The database needs some to be opened, and gets it from the journals."""
    data = make_data(small_disk, indexed=True)
    with (data / "runs" / RECORDED.name / "logs" / "01-mysql-install.log").open("ab") as log:
        log.write(b"x" * 200_000)
    fill(small_disk)
    with installkit.Installer(data) as installer:
        obstacle = installer.obstacle
        wanted = installer.prune(dry_run=True)
        freed = installer.prune()
    with installkit.Installer(data) as installer:
        left = installer.prune(), installer._directory.store.runs.events(RECORDED.name), installer.run("last").status
        space = os.statvfs(small_disk)

        assert installer.obstacle is None
    assert "No space left" in str(obstacle)
    assert "prune" in obstacle.remedy
    assert [RECORDED.name] == [run for run, _ in freed]
    assert wanted == freed
    assert ((), (), RunStatus.FAILED) == left
    assert space.f_bavail * space.f_bsize > 100_000


def test_prune_on_a_read_only_disk_is_refused(small_disk):
    data = make_data(small_disk, indexed=True)
    remount(small_disk, "ro")
    with installkit.Installer(data) as installer, pytest.raises(StoreError, match="cannot be written: Read-only"):
        installer.prune()
    remount(small_disk, "rw")


def test_a_disk_that_fills_while_it_is_used_hides_no_run(small_disk):
    """What cannot be indexed is read from its journal."""
    data = make_data(small_disk, indexed=False)
    aside = small_disk / "aside"
    (small_disk / "hosts.ini").touch()
    (data / "runs" / RECORDED.name).rename(aside)
    with installkit.Installer(data) as installer:
        aside.rename(data / "runs" / RECORDED.name)
        fill(small_disk)
        run = installer.run(RECORDED.name)

        assert RunStatus.FAILED is run.status
        assert b"PLAY RECAP" in run.log("mysql")
        with pytest.raises(DiskFullError, match="cannot grow"):
            installer.site("other", inventory=small_disk / "hosts.ini", catalog=small_disk / "playbooks")
        assert () == installer.runs()
        (small_disk / "filler").unlink()
        assert [run.id] == [each.id for each in installer.runs()]


@pytest.mark.parametrize(
    "command",
    ["runs", "show last", "logs last mysql", "events last --json", "status --json", "watch last", "site list"],
)
def test_the_commands_that_read_work(small_disk, obstacle, command):
    data = make_data(small_disk, indexed=True)
    usual = CliRunner().invoke(app, ["--data-dir", str(data), *command.split()])
    obstacle[0]()
    found = CliRunner().invoke(app, ["--data-dir", str(data), *command.split()])

    assert usual.output == found.output
    assert usual.exit_code == found.exit_code
    assert usual.stdout


def test_the_commands_that_change_say_what_is_wrong(small_disk, obstacle):
    data = make_data(small_disk, indexed=True)
    obstacle[0]()
    refused = CliRunner().invoke(app, ["--data-dir", str(data), "site", "update", "acme", "--title", "x"])
    doctor = CliRunner().invoke(app, ["--data-dir", str(data), "doctor", "--json"])

    assert 1 == refused.exit_code
    assert "open for reading only" in refused.output
    assert "fail" in {each["status"] for each in json.loads(doctor.stdout) if "open for reading" in each["message"]}


WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.executescript(
    "PRAGMA synchronous = off; PRAGMA wal_autocheckpoint = 1;"
    "CREATE TABLE one (number); INSERT INTO one VALUES (0);"
    "CREATE TABLE middle (filler); INSERT INTO middle VALUES (zeroblob(16000000));"
    "CREATE TABLE two (number); INSERT INTO two VALUES (0);"
)
print("ready", flush=True)
while True:
    connection.execute("UPDATE one SET number = number + 1")
    connection.execute("UPDATE two SET number = number + 1")
"""


def test_a_copy_is_of_one_moment_while_others_write(tmp_path):
    """Not even one that is made in the middle of a checkpoint is half old and half new."""
    database = tmp_path / "installkit.db"
    Store(database).close()
    with subprocess.Popen([sys.executable, "-c", WRITER, database], stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        found = [look_at_a_copy(database) for _ in range(5)]
        writer.kill()

    assert {(True, "ok")} == set(found)


def look_at_a_copy(database):
    """Return whether the two numbers in a copy were ever true at once, and what SQLite says of its integrity."""
    with contextlib.closing(Replica(database, key_file=None)) as replica:
        with contextlib.closing(sqlite3.connect(replica.path)) as connection:
            ((apart,),) = connection.execute("SELECT one.number - two.number FROM one, two")
        return apart in {0, 1}, replica.check()
