"""A run is ended by a look at it only where it is carried out; a copy, a backup and a mirror are only read."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner

import installkit
from installkit.cli.app import app
from installkit.engine import settle
from installkit.engine.recorder import Recorder
from installkit.journal import create_journal, is_carried_here, take_lock
from installkit.journal.carrier import Carrier
from installkit.model import Action, Plan, Request, RunOptions, RunSpec, Step, StepSpec
from installkit.notebook import mimebundle

RUN = "7f3c00000001"
STEP = Step(
    id="01-mysql-install", seq=1, component="mysql", action=Action.INSTALL, hosts=("h1",), playbook="03.mysql.yml"
)


def dead_run(data, inventory=Path("/hosts.ini"), catalog=Path("/playbooks")):
    """Make a run on site `acme` that had begun its only step when its supervisor was killed; return its folder."""
    runs = data / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    plan = Plan(id=RUN, site="acme", created_at=now, revision=None, request=Request(all=True), digest="", steps=(STEP,))
    steps = (StepSpec(step=STEP.id, folder=catalog, playbook=catalog / "03.mysql.yml", sources=(inventory,)),)
    spec = RunSpec(run=RUN, site="acme", catalog=catalog, plan=plan, options=RunOptions(), steps=steps, created_at=now)
    with create_journal(runs, spec):
        recorder = Recorder(runs / RUN, spec)
        recorder.run_started()
        recorder.step_started(STEP)
        recorder.close()
    return runs / RUN


@pytest.fixture
def original(tmp_path):
    """The folder of a run whose supervisor was killed."""
    return dead_run(tmp_path / "original")


@pytest.fixture
def copy(tmp_path, original):
    """A data directory with a true copy of the run."""
    shutil.copytree(original.parent, tmp_path / "copy" / "runs")
    return tmp_path / "copy"


def contents(data):
    """Return the bytes of every file of the runs."""
    return {path: path.read_bytes() for path in (data / "runs").rglob("*") if path.is_file()}


def rewrite(run, **values):
    """Write into the folder *run* that another carrier has it, which differs in *values*."""
    path = run / "carrier.json"
    written = json.loads(path.read_text())
    written["carrier"] |= values
    path.write_text(json.dumps(written))


def cli(data, *words):
    return CliRunner().invoke(app, ["--data-dir", str(data), *words])


def test_where_it_was_carried_out_it_is_ended(original):
    """Whoever opens the data directory next ends a run whose supervisor died."""
    with installkit.Installer(original.parents[1]) as installer:
        assert (original / "result.json").exists()
        assert installkit.RunStatus.INTERRUPTED is installer.run(RUN).status


def test_a_copy_is_only_read(copy):
    """Whatever looks at it: lists, the run, its text, a new index, a plan for its site, pruning, every command."""
    before = contents(copy)
    with installkit.Installer(copy) as installer:
        installer.reindex()
        installer.recover()
        (run,) = installer.runs()
        (listed,) = installer.list_runs()

        assert (installkit.RunStatus.RUNNING, "another folder of this machine") == (
            run.status,
            run.snapshot().carried_elsewhere,
        )
        assert (run.status, run.snapshot().carried_elsewhere) == (listed.status, listed.carried_elsewhere)
        assert "running, carried elsewhere (another folder of this machine): 0 of 1 step" in str(run.snapshot())
        assert [installkit.InstallationStatus.CHANGING] == [row.status for row in installer.site("acme").installed()]
        assert () == installer.prune()
        assert "running" in mimebundle(run)["text/html"]
        assert settle(copy / "runs" / RUN) is None
    for command in ("runs", "show last", "status", "events last", "doctor", "reindex", "prune --keep 1", "site list"):
        cli(copy, *command.split())
    assert before == contents(copy)


def test_a_copy_says_where_it_is_carried_and_what_to_do(copy):
    listed, shown = cli(copy, "runs"), cli(copy, "show", "last")

    assert "running elsewhere" in listed.stdout
    assert "running, carried elsewhere (another folder of this machine)" in " ".join(shown.stdout.split())
    assert all(f"adopt {RUN[:6]}" in said.stderr for said in (listed, shown))
    assert f"watch {RUN[:6]}" not in shown.stderr


def test_what_would_reach_its_supervisor_is_refused(copy):
    """A request in a copy would be read by nobody."""
    before = contents(copy)
    with installkit.Installer(copy) as installer:
        run = installer.run(RUN)
        for act in (run.cancel, run.approve, run.result):
            with pytest.raises(installkit.PlanningError, match="carried elsewhere: another folder") as refused:
                act()
            assert f"installkit adopt {RUN}" in refused.value.remedy
    assert before == contents(copy)


def test_a_plan_says_that_the_sites_run_is_carried_elsewhere(tmp_path, folder, inventory):
    """What that run does is not in the record here."""
    (folder / "03.mysql.yml").write_text("- hosts: all\n  tasks: []\n")
    original = dead_run(tmp_path / "original", inventory, folder)
    shutil.copytree(original.parent, tmp_path / "copy" / "runs")
    with installkit.Installer(tmp_path / "copy") as installer:
        before = installer.site("acme").plan(install=["mysql"])
        with pytest.raises(installkit.PlanningError, match="carried elsewhere: another folder"):
            installer.site("acme").resume(RUN)
        installer.adopt(RUN)
        after = installer.site("acme").plan(install=["mysql"])

    assert [f"run {RUN} on this site has not ended here"] == [
        each.split(",")[0] for each in before.warnings if RUN in each
    ]
    assert [] == [each for each in after.warnings if RUN in each]


def test_adopting_ends_it_by_a_persons_word(copy, original):
    """The record says whose word it was, the next look is as at any run of here, and the original stays."""
    with installkit.Installer(copy) as installer:
        run = installer.adopt(RUN[:4], by="ann")
        now = run.snapshot()
        (entry,) = installer.access.audit()

        assert (installkit.RunStatus.INTERRUPTED, None) == (now.status, now.carried_elsewhere)
        assert "adopted by ann" in now.reason
        assert [installkit.InstallationStatus.UNKNOWN] == [row.status for row in installer.site("acme").installed()]
        assert ("ann", "adopt", f"/runs/{RUN}") == (entry.who, entry.what, entry.target)
        assert is_carried_here(copy / "runs" / RUN)
        assert now == installer.adopt(RUN).snapshot()
    assert not (original / "result.json").exists()


def test_adopting_takes_a_result_as_it_is(original, tmp_path):
    settle(original)
    written = (original / "result.json").read_bytes()
    copy = shutil.copytree(original, tmp_path / "copy" / "runs" / RUN)
    with installkit.Installer(tmp_path / "copy") as installer:
        assert installkit.RunStatus.INTERRUPTED is installer.adopt(RUN).status
    assert written == (copy / "result.json").read_bytes()


def test_a_run_that_somebody_carries_out_is_not_adopted(copy):
    before = contents(copy)
    with take_lock(copy / "runs" / RUN / "lock"), installkit.Installer(copy) as installer:
        with pytest.raises(installkit.PlanningError, match="is carried out in this folder") as refused:
            installer.adopt(RUN)

        assert "cancel" in refused.value.remedy
        assert installer.run(RUN).snapshot().carried_elsewhere is None
    assert before == contents(copy)


def test_the_command_adopts(copy):
    said = cli(copy, "adopt", RUN[:6])
    unknown = cli(copy, "adopt", "0000")

    assert 0 == said.exit_code, said.output
    assert f"run {RUN[:6]} is carried here from now on: interrupted" in said.stderr
    assert f"resume {RUN[:6]}" in said.stderr
    assert "interrupted" in cli(copy, "runs").stdout
    assert 2 == unknown.exit_code


NOW = Carrier(machine="m", host="ops1", boot="b", device=3, inode=7)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param({}, True, id="nothing"),
        pytest.param({"host": "renamed"}, True, id="the machine has another name"),
        pytest.param({"boot": "later"}, True, id="booted again"),
        pytest.param({"boot": "later", "device": 4}, True, id="booted again, other device number"),
        pytest.param({"device": 4}, False, id="same inode of another file system"),
        pytest.param({"inode": 8}, False, id="copied beside it"),
        pytest.param({"inode": 8, "boot": "later"}, False, id="restored, and booted again"),
        pytest.param({"machine": "n"}, False, id="another machine, same image of the disk"),
        pytest.param({"machine": "n", "boot": "other", "device": 4}, False, id="another machine, another device"),
        pytest.param({"machine": None}, False, id="a machine without an id"),
        pytest.param({"boot": None, "device": 4}, False, id="a system that counts no boots"),
    ],
)
def test_a_folder_is_told_from_its_copies(change, same):
    assert same is NOW.is_same(attrs.evolve(NOW, **change))


@pytest.mark.parametrize(
    ("change", "same"), [({}, True), ({"boot": "later"}, True), ({"boot": "x", "device": 4}, False)]
)
def test_a_machine_without_an_id_is_told_by_device_and_inode(change, same):
    """As a container has none: then a boot says nothing, since it may be another machine's."""
    here = attrs.evolve(NOW, machine=None)

    assert same is here.is_same(attrs.evolve(here, **change))


@pytest.mark.parametrize(
    ("values", "where"),
    [
        ({"machine": "0" * 32, "host": "ops2"}, "machine ops2"),
        ({"machine": None, "host": "box"}, "machine box"),
        ({"inode": 1}, "another folder of this machine"),
    ],
)
def test_a_run_of_another_machine_is_not_ended_here(original, values, where):
    """As in a folder that two machines share, or a mirror of it."""
    rewrite(original, **values)
    with installkit.Installer(original.parents[1]) as installer:
        now = installer.run(RUN).snapshot()

    assert (installkit.RunStatus.RUNNING, where) == (now.status, now.carried_elsewhere)


def test_a_run_from_before_the_last_boot_is_ended_whatever_number_its_device_has(original):
    """NFS, btrfs and overlay get another one at each boot; a power cut leaves its runs to be ended by whoever looks."""
    rewrite(original, boot="another", device=9999)
    with installkit.Installer(original.parents[1]) as installer:
        assert installkit.RunStatus.INTERRUPTED is installer.run(RUN).status


@pytest.mark.parametrize("content", [None, "", "{", '{"format": 1, "carrier": 7}', '{"format": 9, "carrier": {}}'])
def test_where_nobody_can_say_who_carries_it_nobody_ends_it(original, content):
    """A run of an older installkit, a damaged file, a newer format: a person's word ends it all the same."""
    (original / "carrier.json").unlink()
    if content is not None:
        (original / "carrier.json").write_text(content)
    with installkit.Installer(original.parents[1]) as installer:
        now = installer.run(RUN).snapshot()

        assert (installkit.RunStatus.RUNNING, "nobody wrote down where") == (now.status, now.carried_elsewhere)
        assert installkit.RunStatus.INTERRUPTED is installer.adopt(RUN).status


def test_a_data_directory_that_is_moved_keeps_its_runs(original, tmp_path):
    """On its file system, and with any name: the folder is the same."""
    (tmp_path / "original").rename(tmp_path / "moved")
    with installkit.Installer(tmp_path / "moved") as installer:
        assert installkit.RunStatus.INTERRUPTED is installer.run(RUN).status


def test_a_list_tells_of_a_dead_run_and_ends_none(original):
    """Also of one whose supervisor dies while somebody has the data directory open; what a notebook shows only reads, too."""
    with take_lock(original / "lock"):
        installer = installkit.Installer(original.parents[1])
    with installer:
        (listed,) = installer.list_runs()
        (run,) = installer.runs()
        shown = mimebundle(run)

        assert installkit.RunStatus.INTERRUPTED is listed.status
        assert "running" in shown["text/plain"]
        assert "running" in shown["text/html"]
        assert not (original / "result.json").exists()
        assert installkit.RunStatus.INTERRUPTED is run.status
    assert (original / "result.json").exists()


def test_what_cannot_be_read_shows_itself_all_the_same(original):
    with take_lock(original / "lock"), installkit.Installer(original.parents[1]) as installer:
        run = installer.run(RUN)
        (original / "events.jsonl").write_text("{}\n")

        assert f"<Run {RUN[:6]}>" == repr(run)


def test_every_start_writes_where_it_is(tmp_path, installer, folder, inventory):
    """A copy that is made while the run goes on, and looked at, changes nothing about it: it ends well."""
    gate = tmp_path / "gate"
    (folder / "03.mysql.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        f"    - raw: while ! test -e {gate}; do sleep 0.05; done\n      changed_when: false\n"
    )
    site = installer.site("acme", inventory=inventory, catalog=folder)
    run = site.start(site.plan(install=["mysql"]), checks=False)
    next(event for event in run.events(follow=True) if event.kind is installkit.EventKind.TASK_STARTED)
    mirror = tmp_path / "mirror"
    shutil.copytree(installer.folders.runs, mirror / "runs")
    with installkit.Installer(mirror) as other:
        copied = other.run(run.id).snapshot()
    gate.touch()
    carrier = json.loads((installer.folders.runs / run.id / "carrier.json").read_text())["carrier"]

    assert (installkit.RunStatus.RUNNING, "another folder of this machine") == (copied.status, copied.carried_elsewhere)
    assert not (mirror / "runs" / run.id / "result.json").exists()
    assert installkit.RunStatus.SUCCEEDED is run.wait(60).status
    assert (installer.folders.runs / run.id).stat().st_ino == carrier["inode"]
    assert 0o600 == (installer.folders.runs / run.id / "carrier.json").stat().st_mode & 0o777


def test_the_machines_id_itself_is_not_written(original):
    """It is nobody's else to know (machine-id(5))."""
    path = Path("/etc/machine-id")
    if not path.exists():
        pytest.skip("this machine has no id")

    assert path.read_text().strip() not in (original / "carrier.json").read_text()
