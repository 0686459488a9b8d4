"""A run whose files cannot be read stands in the way of nothing else."""

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import installkit
from installkit.cli.app import app
from installkit.journal import create_journal, take_lock
from installkit.model import Plan, Request, RunOptions, RunSpec

GOOD, BAD = "0a0000000001", "0b0000000002"


@pytest.fixture
def data(tmp_path):
    """A data directory with two runs that nobody carries out; the spec of one cannot be read."""
    runs = tmp_path / "data" / "runs"
    runs.mkdir(parents=True)
    for run in (GOOD, BAD):
        now = datetime.now(UTC)
        plan = Plan(id=run, site="acme", created_at=now, revision=None, request=Request(), digest="")
        spec = RunSpec(
            run=run, site="acme", catalog=Path("/catalog"), plan=plan, options=RunOptions(), steps=(), created_at=now
        )
        create_journal(runs, spec).release()
    path = runs / BAD / "spec.json"
    path.write_text(path.read_text().replace('"check_mode": false', '"check_mode": "yes"'))
    return tmp_path / "data"


def test_a_run_that_cannot_be_read_is_left_out_of_lists(data, folder, inventory, caplog):
    """The log warns of it once, it says itself what is wrong, and everything else goes on."""
    (folder / "03.mysql.yml").write_text("- hosts: all\n  tasks: []\n")
    with installkit.Installer(data) as installer:
        site = installer.site("acme", inventory=inventory, catalog=folder)
        listed = [[run.id for run in found] for found in (installer.runs(), installer.list_runs(), site.runs())]
        with pytest.raises(
            installkit.JournalError,
            match=f"{BAD}/spec.json is damaged: RunSpec.options.check_mode: true or false is wanted, not .yes.",
        ) as refused:
            installer.run(BAD)

        assert 3 * [[GOOD]] == listed
        assert "mysql" in str(site.plan(install=["mysql"]))
        assert [GOOD] == [run for run, _ in installer.prune()]
    assert str(data / "runs" / BAD) in refused.value.remedy
    warned = f"run {BAD} is skipped: {refused.value} → {refused.value.remedy}"
    assert [warned] == [record.getMessage() for record in caplog.records]


def test_a_run_whose_folder_is_deleted_under_it_says_so(data):
    """Whoever waits for it does not wait for ever, and whoever looks at it is told the same."""
    with take_lock(data / "runs" / GOOD / "lock"), installkit.Installer(data) as installer:
        run = installer.run(GOOD)
        before = run.status
        shutil.rmtree(data / "runs" / GOOD)

        assert installkit.RunStatus.PENDING is before
        for look in (lambda: run.wait(10), run.snapshot):
            with pytest.raises(installkit.JournalError, match=f"{GOOD} holds no run"):
                look()


def test_a_rebuilt_index_lacks_the_run_that_cannot_be_read_and_no_other(data):
    with installkit.Installer(data) as installer:
        assert 1 == installer.reindex()
        assert [GOOD] == [run.id for run in installer.list_runs()]


def test_the_doctor_names_the_run_that_cannot_be_read(data):
    """And the commands that list say so beside what they list."""
    command = [Path(sys.executable).with_name("installkit"), "--data-dir", str(data), "runs"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    examined = CliRunner().invoke(app, ["--data-dir", str(data), "doctor"])

    assert GOOD[:6] in listed.stdout
    assert f"run {BAD} is skipped" in listed.stderr
    assert 1 == examined.exit_code
    assert f"{BAD}/spec.json is damaged" in "".join(examined.stdout.split("\n"))
