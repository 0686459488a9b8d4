"""Journals of every format that was ever released are read for ever: one recorded run each, in `data/journals/FORMAT`."""

import shutil
from pathlib import Path

import pytest

import installkit
from installkit import InstallationStatus, RunStatus, StepStatus

RECORDED = sorted((Path(__file__).parent / "data" / "journals").glob("*/*"))


@pytest.fixture(params=RECORDED, ids=lambda path: f"format {path.parent.name}")
def installer(request, tmp_path):
    (tmp_path / "runs").mkdir()
    shutil.copytree(request.param, tmp_path / "runs" / request.param.name)
    with installkit.Installer(tmp_path) as installer:
        installer.reindex()
        yield installer


def test_how_the_run_ended_is_known(installer):
    run = installer.run("last").snapshot()

    assert RunStatus.FAILED is run.status
    assert "recorded" == run.note
    assert [StepStatus.SUCCEEDED, StepStatus.FAILED] == [step.status for step in run.steps]
    assert [("no licence", run.id)] == [(failure.message, failure.run) for failure in run.failures]
    assert {run.id} == {step.failure.run for step in run.steps if step.failure}


def test_its_events_and_logs_are_whole(installer):
    run = installer.run("last")
    events = list(run.events())

    assert run.snapshot().last_seq == len(events) == events[-1].seq
    assert "PLAY RECAP" in run.log_text("mysql")
    assert run.steps[0].log_size == len(run.log("mysql"))


def test_what_it_left_installed_is_known(installer):
    rows = {(row.component, row.host): row.status for row in installer.site("acme").installed()}

    assert InstallationStatus.INSTALLED is rows["mysql", "db1"]
    assert {InstallationStatus.FAILED} == {rows["zk", host] for host in ("db1", "web1")}
