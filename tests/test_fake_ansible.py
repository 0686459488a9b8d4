"""`FakeAnsible`: the same runs as with Ansible, without Ansible; what it can be told, and what it refuses."""

import asyncio
import copy
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import attrs
import pytest

import installkit
from http_client import open_client, start
from installkit import EventKind, RunStatus, StepStatus
from installkit.testing import FakeAnsible, Outcome
from site_runs import finish, until

HOSTS = """
[db]
db1
db2

[web]
web1
"""

MYSQL = """
- name: MySQL
  hosts: db
  gather_facts: false
  tasks:
    - name: Unpack
      command: "true"
    - name: Start
      command: "true"
"""

ZK = """
- hosts: db:web
  gather_facts: false
  tasks:
    - name: Unpack
      command: "true"
"""

VERIFY = """
- hosts: db
  gather_facts: false
  tasks:
    - name: Ask
      command: "true"
      changed_when: false
"""

CHECK = """
- hosts: db
  gather_facts: false
  tasks:
    - name: Disk space
      command: "true"
    - name: License (required)
      command: "true"
"""

MANIFEST = """
name: mysql
versions: ["1", "2"]
actions:
  install: {playbook: 01.mysql.yml}
  upgrade: {playbook: 01.mysql.yml, batch: 1, approve: first_batch}
  rollback: {playbook: 01.mysql.yml}
  verify: {playbook: 01.mysql.verify.yml}
  check: {playbook: 01.mysql.check.yml}
"""


@pytest.fixture
def folder(folder):
    """A catalog of two components, the first with everything that one can have."""
    (folder / "01.mysql.yml").write_text(MYSQL)
    (folder / "01.mysql.verify.yml").write_text(VERIFY)
    (folder / "01.mysql.check.yml").write_text(CHECK)
    (folder / "mysql.component.yml").write_text(MANIFEST)
    (folder / "02.zk.yml").write_text(ZK)
    return folder


@pytest.fixture
def site_with(tmp_path, folder):
    """Give the site of an installer with the fake that is given, or with a new one for the outcomes."""
    opened = []

    def open_site(fake=None, hosts=HOSTS):
        (tmp_path / "hosts.ini").write_text(hosts)
        ansible = fake if isinstance(fake, FakeAnsible) else FakeAnsible(fake or {})
        opened.append(installkit.Installer(tmp_path / "data", ansible=ansible))
        return opened[-1].site("acme", inventory=tmp_path / "hosts.ini", catalog=folder)

    yield open_site
    for installer in opened:
        installer.close()
    assert [] == [path.read_text() for path in (tmp_path / "data").glob("runs/*/supervisor.err")]


def status_of(run):
    return {step.id: step.status.value for step in run.steps}


def host_status(run, step):
    return {
        host: status.value for step_ in run.steps if step_.id == step for host, status in step_.host_statuses.items()
    }


def results(run, step):
    return [
        (event.task, event.host, event.status)
        for event in run.events()
        if event.kind is EventKind.TASK_RESULT and event.step == step
    ]


def test_all_goes_well_where_nothing_is_told(site_with):
    """Checks, changes and verifies are carried out in the plan's order, and the record says so."""
    site = site_with()
    run = site.apply(install=["mysql", "zk"]).wait(20).raise_for_status()

    assert {
        "00-checks": "succeeded",
        "01-mysql-check": "succeeded",
        "02-mysql-install": "succeeded",
        "03-mysql-verify": "succeeded",
        "04-zk-install": "succeeded",
    } == status_of(run)
    assert {"db1": "changed", "db2": "changed"} == host_status(run, "02-mysql-install")
    assert {"db1": "ok", "db2": "ok"} == host_status(run, "03-mysql-verify")
    assert [
        ("Unpack", "db1", "changed"),
        ("Unpack", "db2", "changed"),
        ("Start", "db1", "changed"),
        ("Start", "db2", "changed"),
    ] == results(run, "02-mysql-install")
    assert {
        ("mysql", "db1", "2"),
        ("mysql", "db2", "2"),
        ("zk", "db1", None),
        ("zk", "db2", None),
        ("zk", "web1", None),
    } == {(row.component, row.host, row.version) for row in site.installed()}


def test_a_log_looks_like_ansibles(site_with):
    run = finish(site_with({"mysql@db2": Outcome("failed", task="Start", message="no space")}), install=["mysql"])

    assert (
        """
PLAY [MySQL] *******************************************************************

TASK [Unpack] ******************************************************************
changed: [db1]
changed: [db2]

TASK [Start] *******************************************************************
changed: [db1]
fatal: [db2]: FAILED! => {"changed": false, "msg": "no space"}

PLAY RECAP *********************************************************************
db1                        : ok=2    changed=2    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0
db2                        : ok=1    changed=1    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0

""".splitlines()
        == [line.rstrip() for line in run.log_text("02-mysql-install", color=False).splitlines()]
    )
    assert "\x1b[0;32m" in run.log_text("02-mysql-install")


def test_a_failed_step_fails_the_run_and_keeps_what_needs_it_from_starting(site_with):
    """With task, place, message and remedy, as after a real failure."""
    site = site_with({"mysql@db2": Outcome("failed", message="no space")})
    run = finish(site, install=["mysql"])
    (failure,) = run.failures

    assert {"02-mysql-install": "failed", "03-mysql-verify": "skipped"}.items() <= status_of(run).items()
    assert ("task_failed", ("db2",), "Unpack", "01.mysql.yml:6", "no space") == (
        failure.code,
        failure.hosts,
        failure.task,
        failure.location,
        failure.message,
    )
    with pytest.raises(installkit.RunFailedError, match="task 'Unpack' failed on db2"):
        run.raise_for_status()
    assert {("db1", "unknown"), ("db2", "failed")} == {(row.host, row.status.value) for row in site.installed()}


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        pytest.param({"mysql": "ok"}, {"db1": "ok", "db2": "ok"}, id="component"),
        pytest.param({"mysql/install": "ok"}, {"db1": "ok", "db2": "ok"}, id="action"),
        pytest.param({"mysql/upgrade": "ok"}, {"db1": "changed", "db2": "changed"}, id="another action"),
        pytest.param({"mysql@db2": "ok"}, {"db1": "changed", "db2": "ok"}, id="host"),
        pytest.param({"acme:mysql@db2": "ok"}, {"db1": "changed", "db2": "ok"}, id="site"),
        pytest.param({"north:mysql@n1": "failed"}, {"db1": "changed", "db2": "changed"}, id="another site"),
        pytest.param({"mysql": "failed", "mysql@db2": "ok"}, {"db1": "failed", "db2": "ok"}, id="the host counts more"),
        pytest.param(
            {"mysql/install": "ok", "mysql": "failed"}, {"db1": "ok", "db2": "ok"}, id="the action counts more"
        ),
        pytest.param({"mysql@db1": "unreachable"}, {"db1": "unreachable", "db2": "changed"}, id="unreachable"),
        pytest.param({"mysql": Outcome("failed", task="Ask")}, None, id="a task of another action"),
    ],
)
def test_an_outcome_holds_where_its_key_says(site_with, outcomes, expected):
    site = site_with(outcomes)
    if expected is None:
        with pytest.raises(installkit.PlanningError, match="no playbook of it has a task 'Ask'") as caught:
            site.plan(install=["mysql"])
        assert "its tasks are 'Unpack', 'Start'" == caught.value.remedy
        return
    run = finish(site, install=["mysql"])

    assert expected == host_status(run, "02-mysql-install")


@pytest.mark.parametrize(
    ("outcomes", "message"),
    [
        pytest.param({"mysql": []}, "'mysql' has no outcome", id="none"),
        pytest.param({"mysql": ["ok", "broken"]}, "not 'broken'", id="status of a list"),
        pytest.param({"mysql": "broken"}, "one of ok, changed, failed, unreachable, not 'broken'", id="status"),
        pytest.param({"mysql/instal": "ok"}, "'mysql/instal' names an action that there is not: 'instal'", id="action"),
        pytest.param({"": "ok"}, r"an outcome is for \[SITE:\]COMPONENT", id="nothing"),
        pytest.param({"host": "failed"}, "installkit's own checks are 'host/check'", id="own checks"),
        pytest.param({"host/check": Outcome("failed", task="moon")}, "the checks that can fail are", id="own check"),
    ],
)
def test_a_word_that_means_nothing_is_refused_at_once(outcomes, message):
    with pytest.raises(ValueError, match=message):
        FakeAnsible(outcomes)
    fake = FakeAnsible()
    with pytest.raises(ValueError, match=message):
        fake.update(outcomes)


@pytest.mark.parametrize("delay", [-1.0, float("inf"), float("nan")])
def test_a_delay_is_a_number_of_seconds(delay):
    with pytest.raises(ValueError, match="a number of seconds from 0 on"):
        Outcome(delay=delay)


@pytest.mark.parametrize("result", [{"at": datetime.now(UTC)}, 7])
def test_a_result_is_an_object_as_in_json(result):
    with pytest.raises(ValueError, match="an outcome's result has values as in JSON"):
        Outcome(result=result)


@pytest.mark.parametrize(
    ("key", "message", "remedy"),
    [
        ("mysq", "for a component that the catalog does not have", "its components are mysql, zk"),
        ("mysql@db3", "for a host that site 'acme' does not have", "its hosts are db1, db2, web1"),
        ("zk/verify", "component zk has no action verify", "its actions are install"),
    ],
)
def test_a_name_that_the_site_does_not_have_is_refused_with_the_plan(site_with, key, message, remedy):
    """And with the start, if it is told in between."""
    with pytest.raises(installkit.UnknownNameError, match=message) as caught:
        site_with({key: "failed"}).plan(install=["zk"])
    assert caught.value.remedy.startswith(remedy)
    fake = FakeAnsible()
    site = site_with(fake)
    plan = site.plan(install=["zk"])
    fake.update({key: "failed"})
    with pytest.raises(installkit.UnknownNameError, match=message):
        site.start(plan)


def test_output_and_result_of_a_task_are_as_told(site_with):
    outcome = Outcome(task="Start", output="one\ntwo\n", result={"stdout": "up", "pid": 7})
    run = finish(site_with({"mysql@db1": outcome}), install=["mysql"])
    events = {(event.task, event.host): event for event in run.events() if event.kind is EventKind.TASK_RESULT}

    assert {"changed": True, "stdout": "up", "pid": 7} == events["Start", "db1"].data["result"]
    assert {"changed": True} == events["Start", "db2"].data["result"]
    assert "TASK [Start] ***" in run.log_text("mysql").partition("\none\ntwo\n")[0]


def test_an_outcome_is_shown_once_and_also_by_a_play_without_tasks(site_with, folder):
    """A second play of the step, on the same host, says nothing of it again."""
    (folder / "03.more.yml").write_text(
        "- hosts: web1\n  gather_facts: false\n- hosts: web1\n  gather_facts: false\n  tasks:\n    - debug:\n"
    )
    run = finish(site_with({"more": Outcome(output="once\n")}), install=["more"])

    assert [("install more", "web1", "changed"), ("debug", "web1", "changed")] == results(run, "01-more-install")
    assert 1 == run.log_text("more").count("once")


def test_secrets_are_masked_in_what_the_fake_prints(site_with, folder):
    (folder / "mysql.component.yml").write_text(f"{MANIFEST}parameters: {{root_password: {{secret: true}}}}\n")
    site = site_with({"mysql": Outcome("failed", message="hunter22 is wrong", output="it is hunter22\n")})
    run = finish(site, secrets={"root_password": "hunter22"}, install=["mysql"])

    assert "******** is wrong" == run.failures[0].message
    assert not any(b"hunter22" in path.read_bytes() for path in run.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("outcome", "check", "message"),
    [
        ("failed", "host.memory", "0 MB of memory are available; 128 are wanted"),
        (Outcome("failed", task="disk"), "host.disk", "0 MB are free in /"),
        (Outcome(result={"memory": 3}), "host.memory", "3 MB of memory are available; 128 are wanted"),
        (Outcome("failed", task="time"), "host.time", "3600 s behind this machine's"),
        (Outcome("failed", task="python", message="no python"), "host.python", "no python"),
        (Outcome("failed", task="privilege", message="no sudo"), "host.privilege", "no sudo"),
        ("unreachable", "host.connection", "connection failed, as FakeAnsible was told"),
        (Outcome("unreachable", message="timed out"), "host.connection", "timed out"),
    ],
)
def test_installkits_own_checks_can_fail(site_with, outcome, check, message):
    """The run ends before anything is changed."""
    run = site_with({"host/check@db1": outcome}).apply(install=["mysql"]).wait(20)
    failed = [(each.name, each.hosts) for each in run.checks if each.blocks]

    assert RunStatus.FAILED is run.status
    assert run.snapshot().failed_checks
    assert [(check, ("db1",))] == failed
    assert message in next(each.message for each in run.checks if each.blocks)


def test_a_failed_check_can_be_ignored(site_with):
    site = site_with({"host/check": "failed", "mysql/check": Outcome("failed", task="Disk space")})
    run = site.apply(install=["mysql"], ignore_checks={"host.memory": "a test", "mysql.disk-space": "a test"}).wait(20)

    assert RunStatus.SUCCEEDED is run.status
    assert {"host.memory", "mysql.disk-space"} == {check.name for check in run.checks if check.ignored}


def test_a_check_of_a_component_fails_or_warns_by_its_message(site_with):
    fake = FakeAnsible({"mysql/check": Outcome("failed", task="License (required)", message="none. Remedy: buy one")})
    site = site_with(fake)
    (failed,) = (check for check in site.check(site.plan(install=["mysql"])) if check.blocks)
    fake.update({"mysql/check": Outcome("failed", task="Disk space", message="Warning: little is left")})
    warned = [check for check in site.check(site.plan(install=["mysql"])) if check.status == "warn"]

    assert ("mysql.license", "none.", "buy one", False) == (
        failed.name,
        failed.message,
        failed.remedy,
        failed.ignorable,
    )
    assert ("mysql.disk-space", "little is left") == (warned[0].name, warned[0].message)


def test_a_verify_that_fails_leaves_the_installation_failed(site_with):
    site = site_with({"mysql/verify@db2": "failed"})
    run = finish(site, install=["mysql"])

    assert StepStatus.FAILED is run.steps[-1].status
    assert {"db1": "installed", "db2": "failed"} == {row.host: row.status.value for row in site.installed()}


def test_a_failed_run_is_resumed_once_the_cause_is_gone(site_with):
    fake = FakeAnsible({"mysql@db2": "failed"})
    site = site_with(fake)
    failed = finish(site, install=["mysql"])
    fake.update({"mysql@db2": "ok"})
    resumed = site.resume(failed, failed_hosts_only=True, checks=False).wait(20)

    assert (RunStatus.FAILED, RunStatus.SUCCEEDED) == (failed.status, resumed.status)
    assert failed.id == resumed.spec().continues
    assert {"db2": "ok"} == host_status(resumed, "02-mysql-install")


def test_of_several_outcomes_each_step_takes_the_next(site_with):
    """So a program that tries again can be tested without a word in between."""
    fake = FakeAnsible({"zk@db1": ["unreachable", "failed", "ok"]})
    site = site_with(fake)
    runs = [finish(site, install=["zk"], force=["zk"]) for _ in range(4)]
    fake.update({"zk@db2": "failed"})
    runs.append(finish(site, install=["zk"], force=["zk"]))

    assert ["unreachable", "failed", "ok", "ok", "ok"] == [host_status(run, "01-zk-install")["db1"] for run in runs]
    assert "failed" == host_status(runs[-1], "01-zk-install")["db2"]


def test_an_upgrade_waits_for_its_approval_goes_on_and_is_rolled_back(site_with):
    site = site_with()
    finish(site, install=["mysql=1"])
    run = site.apply(upgrade=["mysql"], checks=False)
    until(lambda: run.status is RunStatus.WAITING, 20)
    done = [step.id for step in run.steps if step.status is StepStatus.SUCCEEDED]
    run.approve(by="mia")
    run.wait(20)
    back = site.rollback(run, checks=False).wait(20)

    assert any("upgrade" in step for step in done)
    assert [RunStatus.SUCCEEDED, RunStatus.SUCCEEDED] == [run.status, back.status]
    assert {"1"} == {row.version for row in site.installed()}


def test_a_canceled_run_stops_in_the_middle_of_a_delay(site_with):
    site = site_with({"mysql": Outcome(task="Start", delay=60.0)})
    run = site.apply(install=["mysql"], checks=False)
    until(lambda: any(event.task == "Start" for event in run.events()), 20)
    began = time.monotonic()
    run.cancel(now=True, by="mia")
    run.wait(20)

    assert time.monotonic() - began < 5
    assert RunStatus.CANCELED is run.status
    assert StepStatus.CANCELED is run.steps[2].status
    assert {"unfinished"} == set(host_status(run, "02-mysql-install").values())
    assert {"unknown"} == {row.status.value for row in site.installed()}


def test_a_cancel_lets_the_step_under_way_end(site_with, tmp_path):
    site_with()
    with installkit.Installer(tmp_path / "data", ansible=FakeAnsible({"mysql": Outcome(delay=60.0)})) as installer:
        run = installer.site("acme").apply(install=["mysql"], checks=False)
        until(lambda: run.steps[2].status is StepStatus.RUNNING, 20)
        run.cancel()
        until(lambda: any(event.kind is EventKind.CANCEL_REQUESTED for event in run.events()), 20)

    with installkit.Installer(tmp_path / "data") as other:
        ended = other.run(run.id)
        assert RunStatus.CANCELED is ended.status
        assert [StepStatus.SUCCEEDED, StepStatus.SKIPPED] == [step.status for step in ended.steps[2:]]


def test_a_run_that_takes_too_long_times_out(site_with):
    run = site_with({"mysql": Outcome(delay=60.0)}).apply(install=["mysql"], checks=False, timeout=0.2).wait(20)

    assert RunStatus.TIMED_OUT is run.status


def test_steps_run_beside_each_other(site_with, folder):
    (folder / "02.zk.check.yml").write_text(CHECK)
    outcome = Outcome(delay=60.0)
    site = site_with({"mysql/check": outcome, "zk/check": outcome})
    run = site.start_check(site.plan(install=["mysql", "zk"]))
    until(lambda: [step.status for step in run.steps].count(StepStatus.RUNNING) == 2, 20)
    run.cancel(now=True)

    assert RunStatus.CANCELED is run.wait(20).status


def test_a_dry_run_leaves_no_record(site_with):
    site = site_with()
    run = finish(site, {"check_mode": True}, install=["mysql"])

    assert RunStatus.SUCCEEDED is run.status
    assert () == site.installed()


def test_record_and_forget_change_the_record(site_with):
    site = site_with()
    site.record(["mysql=1"], checks=False).wait(20).raise_for_status()
    recorded = {row.version for row in site.installed()}
    site.forget(["mysql"], checks=False).wait(20).raise_for_status()

    assert {"1"} == recorded
    assert () == site.installed()


def test_a_limit_holds_the_others_back(site_with):
    run = finish(site_with(), install=["zk"], limit="db:!db2")

    assert {"db1": "changed"} == host_status(run, "01-zk-install")


def test_plays_of_other_hosts_are_shown_where_they_belong(site_with, folder):
    """A play that a limit leaves no host, one for this machine, an imported one; facts are gathered where they would be."""
    (folder / "more.yml").write_text("- hosts: web\n  tasks:\n    - debug:\n")
    (folder / "03.more.yml").write_text(
        "- hosts: db\n  gather_facts: false\n  tasks:\n    - debug:\n"
        "- import_playbook: more.yml\n"
        "- hosts: localhost\n  gather_facts: false\n  roles: [{role: nowhere}]\n"
    )
    site = site_with()
    whole, limited = (finish(site, install=["more"], force=["more"], limit=limit) for limit in (None, "db2"))

    assert RunStatus.SUCCEEDED is whole.status is limited.status
    assert [
        ("debug", "db1", "changed"),
        ("debug", "db2", "changed"),
        ("Gathering Facts", "web1", "ok"),
        ("debug", "web1", "changed"),
    ] == results(whole, "01-more-install")
    assert ("debug", "db2", "changed") == results(limited, "01-more-install")[0]


def test_batches_come_one_after_the_other_and_the_first_failure_ends_them(site_with):
    site = site_with({"mysql/upgrade@db2": "failed"})
    finish(site, install=["mysql=1"])
    run = site.apply(upgrade=["mysql"], checks=False)
    until(lambda: run.status is RunStatus.WAITING, 20)
    run.approve()
    run.wait(20)

    assert RunStatus.FAILED is run.status
    assert {"db1": "2", "db2": "1"} == {row.host: row.version for row in site.installed()}


def test_an_asyncio_program_is_tested_in_the_same_way(tmp_path, folder):
    async def roll_out():
        async with installkit.AsyncInstaller(tmp_path / "data", ansible=FakeAnsible({"zk": Outcome(delay=0.1)})) as ik:
            site = await ik.site("acme", inventory=tmp_path / "hosts.ini", catalog=folder)
            run = await site.apply(install=["zk"])
            events = [event async for event in run.events(follow=True)]
            return events[-1].status, (await run.snapshot()).status

    (tmp_path / "hosts.ini").write_text(HOSTS)

    assert ("succeeded", RunStatus.SUCCEEDED) == asyncio.run(roll_out())


def test_the_service_is_tested_in_the_same_way(tmp_path, folder, site_with):
    """From a plan to the run's log, without a server."""
    site_with()
    with (
        installkit.Installer(tmp_path / "data", ansible=FakeAnsible({"zk": "failed"})) as installer,
        open_client(installer, folder) as client,
    ):
        run = start(client, "/api/v1/sites/acme", install=["zk"])
        until(lambda: client.get(run).json()["status"] == "failed", 20)

        assert "FAILED! =>" in client.get(f"{run}/log").text


def test_the_lock_of_the_site_is_held_as_long_as_the_run_goes_on(site_with):
    """Nobody takes the run for one whose supervisor died, and nobody else changes the site."""
    site = site_with({"zk": Outcome(delay=60.0)})
    run = site.apply(install=["zk"], checks=False)
    until(lambda: run.steps[1].status is StepStatus.RUNNING, 20)
    with pytest.raises(installkit.SiteLockedError):
        site.apply(install=["mysql"], checks=False)
    with installkit.Installer(run.folder.parent.parent) as other:
        assert RunStatus.RUNNING is other.run(run.id).status
    run.cancel(now=True)
    run.wait(20)

    assert site.snapshot().lock is None


def test_closing_ends_what_is_under_way_as_it_would_have_ended(site_with, tmp_path):
    """Delays are cut short; nothing hangs."""
    fake = FakeAnsible({"mysql": Outcome(delay=60.0), "zk": Outcome("failed", delay=60.0)})
    with installkit.Installer(tmp_path / "data", ansible=fake) as installer:
        site_with()
        site = installer.site("acme")
        run = site.apply(install=["mysql", "zk"], checks=False)
        began = time.monotonic()

    assert time.monotonic() - began < 5
    with installkit.Installer(tmp_path / "data") as other:
        assert ["succeeded", "succeeded", "failed"] == [step.status for step in other.run(run.id).steps[2:]]
    assert [] == [thread.name for thread in threading.enumerate() if thread.name == f"installkit {run.id}"]


def test_closing_cancels_a_run_that_waits_for_an_approval(site_with):
    site = site_with()
    finish(site, install=["mysql=1"])
    run = site.apply(upgrade=["mysql"], checks=False)
    until(lambda: run.status is RunStatus.WAITING, 20)
    site._directory.close()

    assert "by the Installer that was closed" == copy.copy(run)._journal.result().run.reason.partition(":")[0]


def test_a_run_whose_process_dies_is_settled_by_the_next(tmp_path, site_with, folder):
    """As that of a killed supervisor."""
    site_with()
    script = f"""
import installkit, os
from installkit.testing import FakeAnsible, Outcome
installer = installkit.Installer({str(tmp_path / "data")!r}, ansible=FakeAnsible({{"zk": Outcome(delay=60.0)}}))
run = installer.site("acme").apply(install=["zk"], checks=False)
while not any(event.task == "Unpack" for event in run.events()):
    pass
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
    with installkit.Installer(tmp_path / "data") as installer:
        assert RunStatus.INTERRUPTED is installer.run("last").status


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("all", "db1 db2 web1 lone"),
        ("*", "db1 db2 web1 lone"),
        ("db", "db1 db2"),
        ("db*:!db2", "db1"),
        ("site1:&web,", "web1"),
        ("!db", "web1 lone"),
        ("web1,db1", "db1 web1"),
        ("ungrouped", "lone"),
        ("localhost", "localhost"),
        ("nothing", ""),
    ],
)
def test_simple_patterns_are_understood(site_with, folder, pattern, expected):
    (folder / "03.more.yml").write_text(f"- hosts: '{pattern}'\n  tasks: []\n- hosts: lone\n  tasks: []\n")
    site = site_with(hosts=f"lone\n{HOSTS}[site1:children]\ndb\nweb\n")
    plays = site._sources.survey(
        site.plan(install=["more"]).request, {}, catalog=site.catalog(), undone=None
    ).targets.plays[str(folder / "03.more.yml")]

    assert set(expected.split()) == set(plays[0].hosts)


@pytest.mark.parametrize("pattern", ["~web.*", "db[0]", "{{ group }}"])
def test_what_only_ansible_understands_is_refused(site_with, folder, pattern):
    (folder / "03.more.yml").write_text(f"- hosts: '{pattern}'\n  tasks: []\n")
    site = site_with()
    with pytest.raises(installkit.InstallkitError, match="FakeAnsible cannot tell which hosts"):
        site.plan(install=["more"])
    finish(site, install=["zk"]).raise_for_status()


def test_a_limit_that_only_ansible_understands_is_refused(site_with):
    with pytest.raises(installkit.PlanningError, match="FakeAnsible cannot tell which hosts 'db\\[0\\]' means"):
        site_with().plan(install=["zk"], limit="db[0]")


YAML_HOSTS = """
all:
  hosts:
    lone: {password: !vault abc}
  children:
    site1:
      children:
        db: {hosts: {"db[1:2]": &same {x: 1}}}
        web: {hosts: {web1: *same}}
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("hosts.yml", "all: {hosts: {x: }, children: {db: {hosts: {db1: , web: }}, web: {hosts: {web1: }}}}"),
        ("hosts.ini", "db\n[db]\ndb1\nweb\n[web]\nweb1\n"),
        ("hosts.yml", YAML_HOSTS),
        ("hosts", YAML_HOSTS),
        ("hosts", "lone # alone\n[site1:children]\ndb\nweb\n[db]\ndb[1:2] x=1\n[web]\nweb1:2222\n[web:vars]\nx=1\n"),
    ],
)
def test_inventories_are_read_as_ansible_reads_them(tmp_path, folder, name, text):
    """Hosts, groups and their order are the same."""
    (tmp_path / name).write_text(text)
    read = []
    for kind, ansible in (("fake", FakeAnsible()), ("real", None)):
        with installkit.Installer(tmp_path / kind, ansible=ansible) as installer:
            site = installer.site("acme", inventory=tmp_path / name, catalog=folder)
            read.append(attrs.evolve(site.inventory.read(), warnings=()))

    assert read[0] == read[1]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("hosts.yml", "db: {hosts: [db1]}", "is not a mapping of groups, hosts or children"),
        ("hosts.yml", "db: {hosts: {db1}", "hosts.yml:1"),
        ("hosts.ini", "[db:things]\n", "hosts.ini:1: '.db:things.' is not a section"),
        ("hosts.ini", "", "the inventory has no host"),
    ],
)
def test_an_inventory_that_is_wrong_is_refused(tmp_path, folder, name, text, message):
    (tmp_path / name).write_text(text)
    with installkit.Installer(tmp_path / "data", ansible=FakeAnsible()) as installer:
        site = installer.site("acme", inventory=tmp_path / name, catalog=folder)
        with pytest.raises(installkit.DefinitionError, match=message):
            site.plan(install=["zk"])


def test_programs_and_plugins_are_no_inventories_for_it(site_with, tmp_path):
    site = site_with()
    (tmp_path / "hosts.ini").write_text("#!/bin/sh\necho {}\n")
    with pytest.raises(installkit.DefinitionError, match="runs neither programs nor plugins"):
        site.plan(install=["zk"])


def test_a_held_inventory_needs_no_file(tmp_path, folder):
    with installkit.Installer(tmp_path / "data", ansible=FakeAnsible()) as installer:
        site = installer.create_site(
            "acme",
            inventory={"db": {"hosts": {"db1": None, "db2": None}}, "web": {"hosts": {"web1": None}}},
            catalog=folder,
        )
        site.inventory.set_host("web2", groups=["web"])
        run = finish(site, install=["zk"])

    assert {"db1", "db2", "web1", "web2"} == set(host_status(run, "01-zk-install"))
