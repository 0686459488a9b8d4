"""What comes after a run: going on with it, undoing it, and recording what is already there."""

import sys

import pytest

import installkit
from installkit import InstallationStatus, RunStatus
from plan_steps import component_steps

VERSIONED = (
    "versions: ['1.0', '2.0']\nparameters: {{{name}_port: {{type: port, default: 4000}}}}\n"
    "actions: {{install: {name}.yml, uninstall: gone.yml{more}}}\n"
)
MARK = (  # appended, since both hosts write at once
    "- hosts: all\n  gather_facts: false\n  tasks:\n"
    "    - shell: echo '{{{{ component_action }}}} {{{{ component_version }}}} {{{{ inventory_hostname }}}}' >> {path}\n"
)


@pytest.fixture
def site(installer, tmp_path, folder):
    inventory = tmp_path / "hosts.ini"
    line = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    inventory.write_text(f"h1 {line}\nh2 {line}\n")
    return installer.site("acme", inventory=inventory, catalog=folder)


@pytest.fixture
def diary(tmp_path):
    return tmp_path / "diary"


def write_component(folder, diary, name, *, fails="false", rollback=True):
    """Write a component that notes in *diary* what is done to it, and fails where *fails* is true."""
    mark = MARK.format(path=diary)
    (folder / f"{name}.yml").write_text(f"{mark}    - fail: {{msg: no}}\n      when: {fails}\n")
    (folder / "gone.yml").write_text(mark)
    more = f", rollback: {name}.yml" if rollback else ""
    (folder / f"{name}.component.yml").write_text(VERSIONED.format(name=name, more=more))


def rows(site):
    return {(row.component, row.host): (row.status.value, row.version) for row in site.installed()}


def test_resume_runs_what_is_left_with_todays_playbooks(site, folder, diary):
    """What is proved stays as it is; the playbook that failed was mended, and that is not a reason to refuse."""
    write_component(folder, diary, "a")
    write_component(folder, diary, "b", fails="true")
    run = site.start(site.plan(install=["a", "b"]), checks=False).wait(60)
    write_component(folder, diary, "b")
    plan = site.plan(resume=run)
    resumed = site.resume(run, checks=False).wait(60)

    assert RunStatus.FAILED is run.status
    assert ["b"] == [step.component for step in component_steps(plan.steps)]
    assert run.id == plan.continues == resumed.snapshot().continues
    assert RunStatus.SUCCEEDED is resumed.status
    assert 1 == resumed.log_text("b").count("PLAY RECAP")
    assert {("installed", "2.0")} == set(rows(site).values())


@pytest.mark.long
def test_resume_can_take_the_failed_hosts_alone(site, folder, diary):
    write_component(folder, diary, "a", fails="inventory_hostname == 'h2'")
    run = site.start(site.plan(install=["a"]), checks=False).wait(60)
    write_component(folder, diary, "a")
    resumed = site.resume(run, failed_hosts_only=True, checks=False).wait(60)

    assert {"h1": "installed", "h2": "installed"} == {row.host: row.status for row in site.installed()}
    assert ("h2",) == component_steps(resumed.steps)[0].hosts
    assert "h1" not in resumed.log_text("a")


@pytest.mark.long
def test_a_restart_that_was_done_is_not_done_again(site, folder, diary):
    for name, fails in (("a", "false"), ("b", "true")):
        write_component(folder, diary, name)
        (folder / f"{name}.restart.yml").write_text(MARK.format(path=diary) + f"    - fail:\n      when: {fails}\n")
        text = (folder / f"{name}.component.yml").read_text()
        (folder / f"{name}.component.yml").write_text(
            text.replace("uninstall:", f"restart: {name}.restart.yml, uninstall:")
        )
    site.start(site.plan(install=["a", "b"]), checks=False).wait(60).raise_for_status()
    run = site.start(site.plan(restart=["a", "b"]), checks=False).wait(60)

    plan = site.plan(resume=run)

    assert [("b", "restart")] == [(step.component, step.action) for step in component_steps(plan.steps)]
    assert {"repair"} == {change.reason for change in plan.changes if change.component == "b"}


@pytest.mark.long
def test_a_live_run_cannot_be_resumed(site, folder, tmp_path):
    gate = tmp_path / "gate"
    (folder / "03.a.yml").write_text(
        f"- hosts: h1\n  tasks:\n    - wait_for: {{path: {gate}, timeout: 20, sleep: 1}}\n"
    )
    run = site.start(site.plan(install=["a"]), checks=False)

    with pytest.raises(installkit.PlanningError, match="has not ended"):
        site.plan(resume=run)
    gate.touch()
    run.wait(30)


@pytest.mark.long
def test_rollback_brings_the_old_version_back_and_takes_away_what_was_new(site, folder, diary):
    write_component(folder, diary, "a")
    write_component(folder, diary, "b")
    site.start(site.plan(install=["a=1.0"]), checks=False).wait(60).raise_for_status()
    run = site.start(site.plan(upgrade=["a"], install=["b"]), checks=False).wait(60).raise_for_status()
    plan = site.plan(rollback=run)
    site.rollback(run, checks=False, allow_destructive=True).wait(60).raise_for_status()

    assert {"a": "rollback", "b": "uninstall"} == {step.component: step.action for step in component_steps(plan.steps)}
    assert {("a", "h1"): ("installed", "1.0"), ("a", "h2"): ("installed", "1.0")} == rows(site)
    lines = diary.read_text().splitlines()
    assert "rollback 1.0 h1" in lines
    assert "uninstall 2.0 h2" in lines


@pytest.mark.long
def test_a_rollback_puts_todays_values_in_place(site, folder, diary):
    """The playbook of a rollback gets them as every other does, so the record says so."""
    write_component(folder, diary, "a")
    site.record(["a=1.0"]).wait(60).raise_for_status()
    run = site.start(site.plan(upgrade=["a"]), checks=False).wait(60).raise_for_status()
    site.parameters.set({"a_port": 4100})
    site.rollback(run, checks=False).wait(60).raise_for_status()
    with_todays = site.plan(install=["a"])
    site.parameters.set({"a_port": None})
    with_default = site.plan(install=["a"])

    assert with_todays.empty
    assert {"configure: a_port"} == {change.text for change in with_default.changes}


@pytest.mark.long
def test_an_upgrade_without_a_rollback_is_refused_by_name(site, folder, diary):
    write_component(folder, diary, "a", rollback=False)
    site.start(site.plan(install=["a=1.0"]), checks=False).wait(60).raise_for_status()
    run = site.start(site.plan(upgrade=["a"]), checks=False).wait(60).raise_for_status()

    with pytest.raises(installkit.PlanningError, match="a declared no rollback"):
        site.plan(rollback=run)


@pytest.mark.long
def test_what_cannot_be_taken_away_is_left_and_said(site, folder):
    (folder / "03.a.yml").write_text("- hosts: h1\n  gather_facts: false\n  tasks:\n    - debug:\n")
    run = site.start(site.plan(install=["a"]), checks=False).wait(60)
    plan = site.plan(rollback=run)

    assert plan.empty
    assert "no uninstall is declared" in plan.warnings[0]


@pytest.mark.long
def test_a_failed_upgrade_is_rolled_back_on_the_hosts_that_it_touched(site, folder, diary):
    write_component(folder, diary, "a")
    site.start(site.plan(install=["a=1.0"]), checks=False).wait(60).raise_for_status()
    write_component(folder, diary, "a", fails="inventory_hostname == 'h2' and component_action == 'upgrade'")
    run = site.start(site.plan(upgrade=["a"]), checks=False).wait(60)
    site.rollback(run, checks=False).wait(60).raise_for_status()

    assert RunStatus.FAILED is run.status
    assert {("installed", "1.0")} == set(rows(site).values())


@pytest.mark.long
def test_what_is_there_already_is_recorded_and_let_go(site, folder, diary):
    """Nothing is installed; the version may be one that the catalog no longer offers."""
    write_component(folder, diary, "a")
    run = site.record(["a=0.9"]).wait(60).raise_for_status()

    assert not diary.exists()
    assert {("installed", "0.9")} == set(rows(site).values())
    assert "unchanged" in site.plan(install=["a"]).changes[0].reason
    assert ["record"] == [step.action for step in run.steps]
    site.forget(["a"], limit="h2").wait(60).raise_for_status()
    assert [("a", "h1")] == list(rows(site))


@pytest.mark.long
def test_what_is_gone_is_let_go_and_a_record_is_not_undone_on_hosts(site, folder, diary, tmp_path):
    """A host that left the inventory, and a component that left the catalog, stand in the record alone."""
    write_component(folder, diary, "a")
    write_component(folder, diary, "b")
    recorded = site.record(["a=0.9", "b=1.0"]).wait(60).raise_for_status()
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(inventory.read_text().replace("h2 ", "h3 "))
    (folder / "b.component.yml").unlink()
    (folder / "b.yml").unlink()

    with pytest.raises(installkit.PlanningError, match="changed the record alone"):
        site.rollback(recorded)
    site.forget(["a"], limit="h2").wait(60).raise_for_status()
    assert {("a", "h1"), ("b", "h1"), ("b", "h2")} == rows(site).keys()
    site.forget(["b"]).wait(60).raise_for_status()
    assert {("a", "h1")} == rows(site).keys()
    assert not diary.exists()


@pytest.mark.long
def test_verify_vouches_for_what_is_recorded(site, folder, diary):
    write_component(folder, diary, "a")
    (folder / "verify.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks:\n    - fail: {msg: not there}\n")
    text = (folder / "a.component.yml").read_text()
    (folder / "a.component.yml").write_text(text.replace("uninstall:", "verify: verify.yml, uninstall:"))
    run = site.record(["a=1.0"]).wait(60)

    assert RunStatus.FAILED is run.status
    assert {InstallationStatus.FAILED} == {row.status for row in site.installed()}


def test_a_version_must_be_named_where_there_are_versions(site, folder, diary):
    write_component(folder, diary, "a")

    with pytest.raises(installkit.PlanningError, match="a on h1, h2 is there in some version"):
        site.record(["a"])
