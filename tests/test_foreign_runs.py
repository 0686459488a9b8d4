"""What lies among the runs and is none of ours, or a newer installkit's, stands in nobody's way: one warning names it."""

import contextlib
import fcntl
import json
import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner

import installkit
from http_client import open_client
from installkit.cli.app import app
from installkit.journal import create_journal
from installkit.model import Plan, Request, RunOptions, RunSpec

RECORDED = Path(__file__).parent / "data" / "journals" / "1" / "024ea32e2dec"
GOOD, BAD = RECORDED.name, "aaaaaaaaaaaa"


def copied(runs, run=BAD):
    """Return a copy of the recorded run, as somebody made it by hand."""
    return shutil.copytree(RECORDED, runs / run)


def renamed(runs, *, to=BAD):
    """Return a copy whose every file says that it is the run *to*: as good as one of this data directory."""
    folder = copied(runs, to)
    for path in folder.glob("*.json*"):
        path.write_text(path.read_text().replace(GOOD, to))
    return folder


def changed(runs, name, change, *, ended=True):
    """Return a run of its own with *change* made to the text of its file *name*."""
    folder = renamed(runs)
    if not ended:
        (folder / "result.json").unlink()
    path = folder / name
    path.write_text(change(path.read_text()))
    return folder


def replaced(name, old, new, *, ended=True):
    def _make(runs):
        def _change(text):
            assert old in text
            return text.replace(old, new)

        return changed(runs, name, _change, ended=ended)

    return _make


def spec_of_another(runs):
    folder = copied(runs)
    (folder / "spec.json").write_text((folder / "spec.json").read_text().replace(GOOD, BAD))


def events_of_another(runs):
    folder = renamed(runs)
    shutil.copy(RECORDED / "events.jsonl", folder)


def events_of_another_unfinished(runs):
    events_of_another(runs)
    (runs / BAD / "result.json").unlink()


def result_of_another(runs):
    folder = renamed(runs)
    shutil.copy(RECORDED / "result.json", folder)


def without(name):
    def _make(runs):
        (renamed(runs) / name).unlink()

    return _make


def doubled_events(runs):
    changed(runs, "events.jsonl", lambda text: text + text)


def linked(runs):
    (runs / BAD).symlink_to(GOOD)


KINDS = {
    "a copied folder": copied,
    "spec of another run": spec_of_another,
    "events of another run": events_of_another,
    "events of another run, unfinished": events_of_another_unfinished,
    "result of another run": result_of_another,
    "a link to a run": linked,
    "a link to nothing": lambda runs: (runs / BAD).symlink_to("nowhere"),
    "a link to itself": lambda runs: (runs / BAD).symlink_to(BAD),
    "a file": lambda runs: (runs / BAD).write_text("x"),
    "an empty folder": lambda runs: (runs / BAD).mkdir(),
    "no spec": without("spec.json"),
    "newer format of the spec": replaced("spec.json", '"format": 1', '"format": 2'),
    "newer format of the result": replaced("result.json", '"format": 1', '"format": 2'),
    "format that is not a number": replaced("spec.json", '"format": 1', '"format": Infinity'),
    "newer action": replaced("spec.json", '"install"', '"migrate"'),
    "newer status": replaced("result.json", '"failed"', '"given_up"'),
    "newer kind of event": replaced("events.jsonl", '"kind":"task_started"', '"kind":"task_thought"'),
    "newer status of an event": replaced("events.jsonl", '"status":"failed"', '"status":"odd"', ended=False),
    "event of an unknown step": replaced("events.jsonl", '"step":"02-zk-install"', '"step":"9"', ended=False),
    "events twice": doubled_events,
    "an event with a number for its host": replaced("events.jsonl", '"host":"db1"', '"host":7'),
    "an event without its zone": replaced("events.jsonl", 'Z","kind":"task_started"', '","kind":"task_started"'),
    "an event that is a list": lambda runs: changed(runs, "events.jsonl", lambda text: "[]\n" + text),
    "an event that is deep": lambda runs: changed(runs, "events.jsonl", lambda _: "[" * 100_000 + "\n"),
    "truncated spec": lambda runs: changed(runs, "spec.json", lambda text: text[: len(text) // 2]),
    "truncated result": lambda runs: changed(runs, "result.json", lambda text: text[: len(text) // 2]),
    "empty spec": lambda runs: changed(runs, "spec.json", lambda _: ""),
    "spec that is a list": lambda runs: changed(runs, "spec.json", lambda _: '{"format": 1, "spec": []}'),
    "spec that is a word": lambda runs: changed(runs, "spec.json", lambda _: '{"format": 1, "spec": "x"}'),
    "spec that is deep": lambda runs: changed(runs, "spec.json", lambda _: "[" * 100_000),
    "result that is a number": lambda runs: changed(runs, "result.json", lambda _: '{"format": 1, "result": 5}'),
    "a time without its zone": lambda runs: changed(
        runs, "spec.json", lambda text: re.sub('("created_at": "[^"]*)Z"', r'\1"', text)
    ),
}


@pytest.fixture
def data(tmp_path):
    """A data directory with one good run."""
    (tmp_path / "data" / "runs").mkdir(parents=True)
    shutil.copytree(RECORDED, tmp_path / "data" / "runs" / GOOD)
    return tmp_path / "data"


@pytest.mark.parametrize("kind", KINDS)
def test_it_stands_in_nobodys_way(data, kind, caplog):
    """Lists, the record and a rebuilt index are as without it; it is named once, with what to do."""
    KINDS[kind](data / "runs")
    with installkit.Installer(data) as installer:
        assert [GOOD] == [run.id for run in installer.runs()]
        assert [GOOD] == [run.id for run in installer.list_runs()]
        assert [GOOD] == [run.id for run in installer.site("acme").runs()]
        assert GOOD == installer.run("last").id
        assert {"mysql", "zk"} == {row.component for row in installer.site("acme").installed()}
        assert 1 == installer.reindex()
        assert [GOOD] == [run.id for run in installer.list_runs()]
    warned = [record.getMessage() for record in caplog.records]
    assert 1 == len(warned), warned
    assert warned[0].startswith(f"run {BAD} is skipped: ")
    assert " → " in warned[0]


@pytest.mark.parametrize(
    "kind", ["events of another run, unfinished", "a link to nothing", "truncated result", "a file"]
)
def test_it_stands_in_nobodys_way_when_it_comes_later(data, kind, folder, inventory, caplog):
    """A program that has looked at the runs before plans as before."""
    (folder / "03.mysql.yml").write_text("- hosts: all\n  tasks: []\n")
    with installkit.Installer(data) as installer:
        before = [run.id for run in installer.runs()]
        KINDS[kind](data / "runs")
        site = installer.site("new", inventory=inventory, catalog=folder)

        assert before == [run.id for run in installer.runs()]
        assert "mysql" in str(site.plan(install=["mysql"]))
        assert before == [run.id for run in installer.list_runs()]
    assert [f"run {BAD} is skipped"] == [record.getMessage().partition(":")[0] for record in caplog.records]


@pytest.mark.parametrize(
    "kind", ["a copied folder", "events of another run, unfinished", "newer kind of event", "a file"]
)
def test_the_service_starts_and_lists_what_is_there(data, kind, folder):
    """It is ready, with that lying there."""
    (folder / "03.mysql.yml").write_text("- hosts: all\n  tasks: []\n")
    KINDS[kind](data / "runs")
    with installkit.Installer(data) as installer, open_client(installer, folder) as client:
        listed = client.get("/api/v1/runs").json()

    assert [GOOD] == [run["id"] for run in listed["items"]]


@pytest.mark.parametrize("command", ["runs", "status", "site list", "reindex", "show last", "prune --keep 5"])
def test_the_commands_end_well(data, command):
    events_of_another(data / "runs")
    said = CliRunner().invoke(app, ["--data-dir", str(data), *command.split()])

    assert 0 == said.exit_code, said.output
    assert BAD not in said.stdout


@pytest.mark.parametrize("kind", ["newer format of the result", "spec of another run", "truncated spec", "no spec"])
def test_the_doctor_and_whoever_asks_for_it_are_told(data, kind):
    KINDS[kind](data / "runs")
    examined = CliRunner().invoke(app, ["--data-dir", str(data), "doctor"])
    shown = CliRunner().invoke(app, ["--data-dir", str(data), "show", BAD])

    assert 1 == examined.exit_code
    assert BAD in "".join(examined.stdout.split())
    assert 1 == shown.exit_code
    assert BAD in shown.stderr
    assert "Traceback" not in shown.output


def test_what_is_mended_is_there_again(data):
    """Also for a program that was told of it meanwhile; it is told again of what is broken again."""
    events_of_another(data / "runs")
    with installkit.Installer(data) as installer:
        before = [run.id for run in installer.list_runs()]
        shutil.rmtree(data / "runs" / BAD)
        renamed(data / "runs")
        after = {run.id for run in installer.list_runs()}

    assert [GOOD] == before
    assert {GOOD, BAD} == after


def test_keys_that_a_newer_installkit_adds_are_passed_over(data):
    """The run is read without them."""
    folder = renamed(data / "runs")
    for name, old in (("spec.json", '"spec": {'), ("result.json", '"result": {')):
        path = folder / name
        path.write_text(path.read_text().replace(old, old + '"colour": "blue", ', 1))
    events = folder / "events.jsonl"
    events.write_text(events.read_text().replace('"kind":', '"mood":["good"],"kind":'))
    with installkit.Installer(data) as installer:
        run = installer.run(BAD)

        assert {GOOD, BAD} == {each.id for each in installer.runs()}
        assert run.snapshot().last_seq == len(list(run.events()))


def test_a_run_whose_folder_is_gone_does_not_stop_the_list(data, caplog):
    """It was indexed; then somebody removed it by hand."""
    renamed(data / "runs")
    with installkit.Installer(data) as installer:
        before = {run.id for run in installer.runs()}
        shutil.rmtree(data / "runs" / BAD)
        after = [run.id for run in installer.runs()]

    assert {GOOD, BAD} == before
    assert [GOOD] == after
    assert [f"run {BAD} is skipped"] == [record.getMessage().partition(":")[0] for record in caplog.records]


def test_a_site_whose_lock_names_such_a_run_can_be_used(data):
    """As where a newer installkit changes it."""
    changed(data / "runs", "events.jsonl", lambda text: text.replace("task_started", "task_thought"), ended=False)
    with installkit.Installer(data) as installer:
        lock = installer.folders.site_lock("acme")
        lock.write_text(json.dumps({"run": BAD, "by": "ann", "since": "2026-11-22T09:36:32Z", "doing": "1 to install"}))
        with lock.open() as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            now = installer.site("acme").snapshot()

    assert BAD == (now.lock and now.lock.run)


@contextlib.contextmanager
def somebody_else(place):
    """Become a user without rights, if need be, who owns the folder *place*."""
    root = os.geteuid() == 0
    if root:
        for path in [place, *place.rglob("*")]:
            os.chown(path, 65534, 65534)
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("name", ["", "spec.json", "result.json", "events.jsonl"])
def test_what_may_not_be_read_stands_in_nobodys_way(name, caplog):
    """Somebody else's run, or one that root restored."""
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as place:
        runs = Path(place, "data", "runs")
        runs.mkdir(parents=True)
        shutil.copytree(RECORDED, runs / GOOD)
        renamed(runs)
        with somebody_else(Path(place)):
            (runs / BAD / name).chmod(0)
            with installkit.Installer(Path(place, "data")) as installer:
                listed = [run.id for run in installer.runs()]
                indexed = installer.reindex()
                examined = installkit.examine(installer.folders.data, lambda: "ok", lambda: 0, only=["runs"])
            (runs / BAD / name).chmod(0o700)

    assert [GOOD] == listed
    assert 1 == indexed
    assert "fail" == examined[0].status
    assert 1 == len(caplog.records)
    assert "Permission denied" in caplog.records[0].getMessage()


def test_a_dead_run_whose_events_do_not_fit_is_not_ended(tmp_path):
    """Nobody knows what it did: its files stay as they are."""
    now = installkit.from_wire(RunSpec, json.loads((RECORDED / "spec.json").read_text())["spec"]).created_at
    plan = Plan(id=BAD, site="acme", created_at=now, revision=None, request=Request(), digest="")
    spec = RunSpec(
        run=BAD, site="acme", catalog=Path("/catalog"), plan=plan, options=RunOptions(), steps=(), created_at=now
    )
    runs = tmp_path / "data" / "runs"
    runs.mkdir(parents=True)
    create_journal(runs, spec).release()
    event = {"seq": 1, "time": "2026-11-22T09:36:32Z", "kind": "step_started", "run": BAD, "step": "01-gone"}
    (runs / BAD / "events.jsonl").write_text(json.dumps(event, separators=(",", ":")) + "\n")
    with installkit.Installer(tmp_path / "data") as installer:
        assert () == installer.runs()
        with pytest.raises(installkit.JournalError, match="does not fit"):
            installer.run(BAD).snapshot()
    assert not (runs / BAD / "result.json").exists()
