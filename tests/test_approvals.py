"""Runs that do a few hosts at a time, and wait for somebody before they go on."""

import sys

import pytest

from installkit import EventKind, InstallationStatus, RunStatus
from plan_steps import component_steps
from site_runs import until

LOCAL = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
NOTE = """
- hosts: {hosts}
  gather_facts: false
  tasks:
    - raw: >-
        echo {{{{ component_action }}}} {{{{ component_from_version or '' }}}}:{{{{ component_version or '' }}}}
        {{{{ inventory_hostname }}}} >> {diary}
"""


@pytest.fixture
def site(installer, tmp_path, folder):
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("[app]\n" + "".join(f"h{number} {LOCAL}\n" for number in (1, 2, 3)) + f"[other]\nh4 {LOCAL}\n")
    return installer.site("acme", inventory=inventory, catalog=folder)


@pytest.fixture
def diary(tmp_path):
    return tmp_path / "diary"


@pytest.fixture
def write(folder, diary):
    """Write the component `app`, which notes in the diary what is done to it: `write(its actions, more="versions: …")`."""

    def _write(actions, *, more="", verify=None):
        (folder / "app.yml").write_text(NOTE.format(hosts="app", diary=diary))
        if verify:
            (folder / "verify.yml").write_text(f"- hosts: app\n  gather_facts: false\n  tasks:\n    - {verify}\n")
            actions += ", verify: verify.yml"
        (folder / "app.component.yml").write_text(f"hosts: app\n{more}actions: {{{actions}}}\n")

    return _write


def noted(diary):
    """Return what the diary says, a line for each thing that was done to a host."""
    return [" ".join(line.split()) for line in diary.read_text().splitlines()]


def statuses(run):
    return [step.status.value for step in component_steps(run.steps)]


def rows(site):
    return {row.host: row.status.value for row in site.installed() if row.component == "app"}


def messages(run, kind):
    return [event.message for event in run.events() if event.kind is kind]


def write_beside(folder, gate):
    """Write the component `other`, on a host of its own, which ends once there is a file *gate*."""
    wait = f"    - raw: while ! test -e {gate}; do sleep 0.1; done\n"
    (folder / "09.other.yml").write_text(f"- hosts: other\n  gather_facts: false\n  tasks:\n{wait}")
    (folder / "other.component.yml").write_text("actions: {install: 09.other.yml}\n")


@pytest.mark.long
def test_a_run_waits_after_its_first_batch(site, folder, diary, write):
    """The site stays locked; what is done beside it goes on, and only then the run as a whole is waiting."""
    write("install: {playbook: app.yml, batch: [1, 2], approve: first_batch}", verify="debug:")
    write_beside(folder, gate := folder.parent / "gate")
    run = site.start(site.plan(install=["app", "other"]), checks=False)
    until(lambda: "waiting" in statuses(run), 60)
    beside = run.status
    gate.touch()
    until(lambda: run.status is RunStatus.WAITING, 60)
    listed, lock, before = [each.id for each in site.runs(status="waiting")], site.snapshot().lock, noted(diary)
    run.approve(by="ann")
    run.wait(60)

    assert RunStatus.RUNNING is beside
    assert [run.id] == listed
    assert run.id == lock.run
    assert ["install : h1"] == before
    assert ["done: install app on h1; verify app on h1; once approved: install app on h2, h3"] == (
        messages(run, EventKind.APPROVAL_REQUESTED)
    )
    assert ["approved by ann"] == messages(run, EventKind.APPROVED)
    assert RunStatus.SUCCEEDED is run.status
    assert ["install : h1", "install : h2", "install : h3"] == sorted(noted(diary))


@pytest.mark.long
def test_a_run_canceled_while_it_waits_is_gone_on_with(site, diary, write):
    """The batches that are left are done, and the first of them is asked about again."""
    write("install: {playbook: app.yml, batch: 1, approve: first_batch}")
    run = site.start(site.plan(install=["app"]), checks=False)
    until(lambda: run.status is RunStatus.WAITING, 60)
    run.cancel()
    run.wait(30)
    resumed = site.resume(run, checks=False)
    until(lambda: resumed.status is RunStatus.WAITING, 60)
    asked = messages(resumed, EventKind.APPROVAL_REQUESTED)
    resumed.approve()
    resumed.wait(60)

    assert RunStatus.CANCELED is run.status
    assert ["succeeded", "skipped", "skipped"] == statuses(run)
    assert ["done: install app on h2; once approved: install app on h3"] == asked
    assert ["install : h1", "install : h2", "install : h3"] == noted(diary)
    assert {"h1": "installed", "h2": "installed", "h3": "installed"} == rows(site)


@pytest.mark.long
def test_batches_behind_a_failed_verify_never_start(site, diary, write):
    """The first bad batch ends it, though its playbook went well: the record says which host it is."""
    write("install: {playbook: app.yml, batch: 1}", verify="fail: {msg: it does not answer}")
    run = site.start(site.plan(install=["app"]), checks=False).wait(60)

    assert RunStatus.FAILED is run.status
    assert ["succeeded", "failed", "skipped", "skipped", "skipped", "skipped"] == statuses(run)
    assert ["install : h1"] == noted(diary)
    assert {"h1": InstallationStatus.FAILED} == rows(site)


@pytest.mark.long
def test_an_upgrade_through_a_version_in_between_and_back(site, diary, write):
    """Each hop gets the two versions that it is about; the rollback goes back to where the run began."""
    write(
        "install: app.yml, rollback: app.yml, upgrade: {playbook: app.yml, from: {'3.0': '>=2.0', '2.0': '>=1.0'}}",
        more="versions: ['1.0', '2.0', '3.0']\n",
    )
    site.record(["app=1.0"], limit="h1").wait(60).raise_for_status()
    plan = site.plan(upgrade=["app"], limit="h1")
    run = site.start(plan, checks=False).wait(60).raise_for_status()
    (upgraded,) = site.installed()
    site.rollback(run, checks=False).wait(60).raise_for_status()
    (back,) = site.installed()

    assert "upgrade 1.0 → 2.0 → 3.0" == plan.changes[0].text
    assert ["upgrade 1.0:2.0 h1", "upgrade 2.0:3.0 h1", "rollback 3.0:1.0 h1"] == noted(diary)
    assert ("3.0", "2.0") == (upgraded.version, upgraded.previous_version)
    assert ("1.0", "installed") == (back.version, back.status)
