"""Checks before a change, in real runs: what is found, what may be ignored, and what installkit checks by itself."""

import itertools
import json
import socket
import sys
from datetime import UTC, datetime, timedelta

import attrs
import pytest

import installkit
from installkit import Check, CheckStatus, Ignored, RunStatus, StepStatus
from installkit.model import FailureCode, time_to_wire
from installkit.sites.check import FRESH, still_counts
from plan_steps import component_steps

LOCAL = f"ansible_connection=local ansible_python_interpreter={sys.executable}"

OWN = {f"host.{name}" for name in ("connection", "python", "privilege", "disk", "memory", "time", "system")}

INSTALL = "- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: echo '{{ inventory_hostname }}' >> %s\n"

PLAY = "- hosts: all\n  gather_facts: false\n  ignore_errors: true\n  tasks:\n"

TASKS = """\
    - command: echo this prepares the next one
      register: said
    - name: Disk space
      assert:
        that: inventory_hostname == 'h3'
        fail_msg: |-
          only 10 GB are free
          Remedy: add a disk
        success_msg: there is space
    - name: Kernel (required)
      fail: {msg: "{{ said.stdout }}"}
      when: inventory_hostname == 'nowhere'
    - name: Swap
      fail: {msg: "Warning: swap is on"}
    - name: Ports of the cluster
      assert: {that: item != 2, fail_msg: "port {{ item }} is taken"}
      loop: [1, 2]
      when: inventory_hostname == 'h2'
"""


@pytest.fixture
def site(installer, tmp_path, folder):
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("".join(f"{host} {LOCAL}\n" for host in ("h1", "h2", "h3")))
    return installer.site("acme", inventory=inventory, catalog=folder)


@pytest.fixture
def diary(tmp_path):
    """A file that tells on which hosts something was installed."""
    return tmp_path / "diary"


def write_component(folder, diary, tasks, *, play=PLAY):
    """Write a component *a*, with *tasks* as its check."""
    (folder / "03.a.yml").write_text(INSTALL % diary)
    (folder / "03.a.check.yml").write_text(play + tasks)


def found(checks, *, status=None):
    """Return name, hosts and message of *checks*, of those with *status* alone if it is given."""
    return [(each.name, each.hosts, each.message) for each in checks if status is None or each.status is status]


def test_findings_keep_everything_from_changing(site, folder, diary):
    """Every check is made on every host; what fails is told with its hosts, and how to go on; nothing is changed."""
    write_component(folder, diary, TASKS)
    run = site.start(site.plan(install=["a"]), checks=False).wait(60)
    disk, ports = run.failures

    assert not diary.exists()
    assert () == site.installed()
    assert [StepStatus.FAILED, StepStatus.SKIPPED] == [step.status for step in component_steps(run.steps)]
    assert {"h1": "failed", "h2": "failed", "h3": "changed"} == component_steps(run.steps)[0].host_statuses
    assert dict.fromkeys(("h1", "h2", "h3"), "skipped") == component_steps(run.steps)[1].host_statuses
    assert (1, 2) == ((progress := run.snapshot().progress).done, progress.total)
    assert [
        ("a.disk-space", ("h1", "h2"), "only 10 GB are free"),
        ("a.ports-of-the-cluster", ("h2",), "port 2 is taken"),
    ] == found(run.checks, status=CheckStatus.FAIL)
    assert [("a.swap", ("h1", "h2", "h3"), "swap is on")] == found(run.checks, status=CheckStatus.WARN)
    assert [
        ("a.disk-space", ("h3",), "there is space"),
        ("a.kernel", ("h1", "h2", "h3"), ""),
    ] == found(run.checks, status=CheckStatus.PASS)
    assert {False} == {each.ignorable for each in run.checks if each.name == "a.kernel"}
    assert FailureCode.CHECK_FAILED is disk.code
    assert "check a.disk-space failed on h1, h2: only 10 GB are free" == disk.summary
    assert ("Disk space", "03.a.check.yml:7", "add a disk") == (disk.task, disk.location, disk.remedy)
    assert f"installkit resume {run.id} --ignore-check a.ports-of-the-cluster=WHY" == ports.next.command


@pytest.mark.long
def test_what_is_ignored_is_recorded_with_who_and_why(site, folder, diary):
    """It also goes on in check mode, where a check reads as always, and changes nothing."""
    write_component(folder, diary, TASKS)
    plan = site.plan(install=["a"])
    why = {"a.disk-space": "a disk is on its way", "a.ports-of-the-cluster": "ours"}
    tried = site.start(plan, ignore_checks=why, requested_by="eve", check_mode=True).wait(60)
    run = site.start(plan, ignore_checks=why, requested_by="eve", checks=False).wait(60).raise_for_status()
    ignored = {each.name: each.ignored for each in run.checks if each.ignored}

    assert RunStatus.SUCCEEDED is tried.status
    assert found(run.checks) == found(tried.checks)
    assert ["h1", "h2", "h3"] == sorted(diary.read_text().split())
    assert {name: Ignored(by="eve", reason=reason) for name, reason in why.items()} == ignored
    assert {"installed"} == {row.status for row in site.installed()}


@pytest.mark.long
def test_what_is_required_cannot_be_ignored(site, folder, diary):
    write_component(folder, diary, "    - name: Kernel (required)\n      fail: {msg: too old}\n")
    run = site.start(site.plan(install=["a"]), ignore_checks={"a.kernel": "never mind"}, checks=False).wait(60)

    assert RunStatus.FAILED is run.status
    assert [(None, False)] == [(each.ignored, each.ignorable) for each in run.checks]
    assert f"installkit resume {run.id}" == run.failures[0].next.command


@pytest.mark.long
def test_checks_that_were_not_made_are_told(site, folder, diary):
    """A play without `ignore_errors` ends on a host at its first failed task: what comes after is unknown there."""
    tasks = "    - name: Swap\n      fail: {msg: 'Warning: on'}\n      when: inventory_hostname != 'h3'\n"
    write_component(
        folder,
        diary,
        f"{tasks}    - name: More\n      assert: {{that: true}}\n",
        play=PLAY.replace("  ignore_errors: true\n", ""),
    )
    run = site.start(site.plan(install=["a"]), checks=False).wait(60).raise_for_status()

    assert [
        ("a.swap", ("h1", "h2"), "on"),
        ("a.complete", ("h1", "h2"), "the checks after a.swap were not made there"),
    ] == found(run.checks, status=CheckStatus.WARN)


def test_a_plan_is_checked_without_being_used_up(site, folder, diary):
    """What installkit checks by itself comes with what components declare, as a run that leaves the site as it is."""
    write_component(folder, diary, "    - name: Taste\n      assert: {that: true}\n")
    plan = site.plan(install=["a"])
    checks = site.check(plan, requested_by="eve")
    (run,) = site.runs()

    assert OWN | {"a.taste"} == {each.name for each in checks}
    assert {CheckStatus.PASS} == {each.status for each in checks}
    assert {("h1", "h2", "h3")} == {each.hosts for each in checks}
    assert checks == run.checks
    assert ("eve", RunStatus.SUCCEEDED) == (run.snapshot().requested_by, run.status)
    assert None is site.snapshot().revision
    with pytest.raises(installkit.PlanningError, match=f"run {run.id} only checked"):
        site.plan(resume=run)
    assert plan.id == site.start(plan).wait(60).raise_for_status().id
    assert () == site.check(site.plan(install=["a"]))


@pytest.mark.long
def test_the_last_run_is_the_last_that_did_more_than_check(site, folder, diary, installer):
    """What applies a plan checks first: whoever then asks for the last run means the one before."""
    write_component(folder, diary, "    - name: Taste\n      assert: {that: true}\n")
    run = site.start(site.plan(install=["a"]), checks=False).wait(60)
    site.start(site.plan(check=["a"])).wait(60).raise_for_status()

    assert run.id == installer.run("last").id


@pytest.mark.long
def test_what_installkit_checks_connects_as_the_playbooks_do(site, folder, diary, tmp_path):
    """Variables beside the playbooks count, as users and ports; rights are tried where a playbook asks for them."""
    (folder / "03.a.yml").write_text("- hosts: h1, h3\n  become: true\n  tasks: []\n")
    (folder / "04.b.yml").write_text("- hosts: h2\n  tasks: []\n")
    (folder / "a.component.yml").write_text(
        "name: a\nparameters: {a_port: {type: port, default: 1}}\nactions: {install: 03.a.yml}\n"
    )
    (folder / "group_vars").mkdir()
    (folder / "host_vars").mkdir()
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    (folder / "group_vars" / "all.yml").write_text(
        f"a_port: {port}\nansible_become_exe: /bin/false\nansible_become_user: nobody\n"
    )
    (folder / "host_vars" / "h3.yml").write_text("ansible_connection: ssh\nansible_host: 127.0.0.1\nansible_port: 1\n")
    with listener:
        checks = site.check(site.plan(all=True))
    failed = {each.name: each for each in checks if each.blocks}

    assert {"host.privilege": ("h1",), "host.ports": ("h1",), "host.connection": ("h3",)} == {
        name: each.hosts for name, each in failed.items()
    }
    assert f"port {port} (a_port) is taken" == failed["host.ports"].message
    assert {"host.ports"} == {name for name, each in failed.items() if each.ignorable}
    assert all(each.remedy for name, each in failed.items() if name != "host.privilege")


@pytest.mark.long
@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"become": True}, id="by an option"),
        pytest.param({"variable": "ansible_become=true"}, id="by the inventory"),
        pytest.param(
            {"config": "[privilege_escalation]\nbecome = true\n[defaults]\nno_log = true\n"}, id="by ansible.cfg"
        ),
    ],
)
def test_missing_rights_are_told_as_such_wherever_they_are_asked_for(installer, folder, diary, asked):
    """Not as a host without a Python, whose remedy would be another one; what hides all results hides none of these."""
    write_component(folder, diary, TASKS)
    (folder / "ansible.cfg").write_text(asked.get("config", ""))
    inventory = folder.parent / "rights.ini"
    variables = f"ansible_become_exe=/bin/false ansible_become_user=nobody {asked.get('variable', '')}"
    inventory.write_text(f"h1 {LOCAL} {variables}\n")
    site = installer.site("rights", inventory=inventory, catalog=folder)
    checks = site.check(site.plan(install=["a"]), become="become" in asked)

    assert ["host.privilege"] == [each.name for each in checks if each.component is None and each.blocks]
    assert "host.system" in {each.name for each in checks}


@pytest.mark.long
def test_the_clock_is_judged_apart_from_the_connection(installer, tmp_path, folder, diary):
    """A host that is slow to start its Python may keep time; one that does not is told by how much."""
    (folder / "03.a.yml").write_text(INSTALL % diary)
    lines = []
    for host, first, shift in (("slow", "sleep 3", 0), ("ahead", ":", 100), ("behind", ":", -100)):
        place = tmp_path / host
        place.mkdir()
        (place / "sitecustomize.py").write_text(
            f"import time\nreal = time.time\ntime.time = lambda: real() + {shift}\n"
        )
        (place / "python").write_text(f'#!/bin/sh\n{first}\nPYTHONPATH={place} exec {sys.executable} "$@"\n')
        (place / "python").chmod(0o755)
        lines.append(
            f"{host} ansible_connection=local ansible_python_interpreter={place}/python installkit_time_skew=2\n"
        )
    (tmp_path / "clocks.ini").write_text("".join(lines))
    site = installer.site("clocks", inventory=tmp_path / "clocks.ini", catalog=folder)

    times = {each.hosts: each for each in site.check(site.plan(install=["a"])) if each.name == "host.time"}

    assert [CheckStatus.PASS, CheckStatus.FAIL, CheckStatus.FAIL] == [
        times[host,].status for host in ("slow", "ahead", "behind")
    ]
    assert "s ahead of this machine's" in times["ahead",].message
    assert "s behind this machine's" in times["behind",].message


@pytest.mark.long
def test_a_broken_check_is_no_passed_check(site, folder, diary):
    """Where Ansible breaks off, nothing is proved, and nothing is changed."""
    fine = "    - name: Fine\n      assert: {that: true}\n"
    write_component(folder, diary, f"{fine}- hosts: all\n  strategy: no such\n  tasks:\n{fine}")
    plan = site.plan(install=["a"])
    run = site.start(plan, ignore_checks={"a.fine": "so be it"}, checks=False).wait(60)

    assert RunStatus.FAILED is run.status
    assert FailureCode.CHECK_FAILED is not run.failures[0].code
    assert not diary.exists()


@pytest.mark.long
def test_a_check_run_counts_for_what_it_checked_alone(installer, site, folder, diary):
    """For the same plan, with the same connection, secrets and ignored checks, if it succeeded just now."""
    write_component(folder, diary, "    - name: Taste\n      assert: {that: true}\n")
    plan = site.plan(install=["a"])
    run = site.start_check(plan, user="root", ignore_checks={"host.disk": "it is enough"}).wait(60).raise_for_status()
    wanted = run.spec().options
    runs = installer._directory.runs

    def _counts(name=run.id, plan=plan, secrets="", **options):
        return still_counts(runs, name, plan, attrs.evolve(wanted, **options), secrets)

    def _age(seconds):
        path = run._journal.path / "result.json"
        result = json.loads(path.read_text())
        result["result"]["run"]["finished_at"] = time_to_wire(datetime.now(UTC) - timedelta(seconds=seconds))
        path.write_text(json.dumps(result))
        return _counts()

    assert _counts()
    assert _counts(note="another", jobs=3, timeout=1.0)
    assert not _counts(name="0123456789ab")
    assert not _counts(plan=site.plan(install=["a"]))
    assert not _counts(plan=attrs.evolve(plan, digest="another"))
    assert not _counts(plan=attrs.evolve(plan, revision="0123456789ab"))
    assert not _counts(secrets="another")
    assert not _counts(user="eve")
    assert not _counts(private_key=folder / "key")
    assert not _counts(become=True)
    assert not _counts(ignore_checks={})
    assert not _counts(ignore_checks={"host.disk": "another reason"})
    assert _age(FRESH - 60)
    assert not _age(FRESH + 1)
    assert not _age(-60)


@pytest.mark.long
def test_a_check_run_that_failed_does_not_count(site, folder, diary):
    """The run then makes the checks itself, which fail again."""
    write_component(folder, diary, "    - name: Taste\n      assert: {that: true}\n")
    plan = site.plan(install=["a"], parameters={"installkit_memory_free": 1000000000})
    failed = site.start_check(plan).wait(60)
    run = site.start(plan, checks=failed).wait(60)

    assert (RunStatus.FAILED, RunStatus.FAILED) == (failed.status, run.status)
    assert StepStatus.FAILED is run.steps[0].status
    assert {"host.memory"} == {each.name for each in run.checks if each.blocks}


@pytest.mark.long
def test_a_run_that_failed_at_its_checks_lets_other_plans_start(site, folder, diary):
    """It changed nothing: it is not the site's revision, and makes no plan stale; what goes on does all that it would."""
    write_component(folder, diary, "    - name: Taste\n      assert: {that: true}\n")
    earlier = site.start(site.plan(install=["a"], limit="h1"), checks=False).wait(60).raise_for_status()
    plan = site.plan(install=["a"])
    demanding = site.plan(install=["a"], parameters={"installkit_disk_free": 1000000000000})
    failed = site.start(demanding).wait(60)
    revision = site.snapshot().revision
    with pytest.raises(installkit.PlanUsedError, match=failed.id) as caught:
        site.start(demanding)
    again = site.plan(resume=failed)
    run = site.start(plan).wait(60).raise_for_status()

    assert failed.snapshot().failed_checks
    assert earlier.id == revision == again.revision
    assert failed.id == caught.value.run
    assert "host.disk" in str(caught.value.remedy)
    assert {"h2", "h3"} == {change.host for change in again.changes if change.action}
    assert run.id == site.snapshot().revision
    assert {"h1", "h2", "h3"} == {*diary.read_text().split()}


REFUSED = {
    "b.disk": ("x", "'b.disk' is not a check of the plan"),
    "a": ("x", "'a' is not a check of the plan"),
    "host.dist": ("x", "'host.dist' is not a check of the plan"),
    "host.python": ("x", "host.python cannot be ignored"),
    "a.disk": (" ", "a.disk is ignored without a reason"),
}


def test_only_checks_of_the_plan_are_ignored_and_for_a_reason(site, folder, diary):
    write_component(folder, diary, TASKS)
    plan = site.plan(install=["a"])

    for use, (name, (why, message)) in itertools.product((site.start, site.check), REFUSED.items()):
        with pytest.raises(installkit.PlanningError, match=message) as caught:
            use(plan, ignore_checks={name: why, "host.disk": "it is enough"})
        assert "host.disk" in caught.value.remedy
        assert "a.TASK" in caught.value.remedy


def test_a_check_survives_json():
    check = Check(name="a.b", component=None, hosts=("h1",), status=CheckStatus.FAIL, message="m", remedy=None)

    assert check == installkit.from_wire(Check, installkit.to_wire(check))
