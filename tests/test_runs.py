"""Runs from end to end: the SDK, a real supervisor, real ansible-playbook."""

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import attrs
import pytest

import installkit
from bare_ansible import bare, timeless
from installkit import EventKind, HostStatus, InstallationStatus, RunStatus, StepStatus
from installkit.ansible.scratch import scratch_path
from installkit.journal import announce, lock_is_held, take_lock
from installkit.model import FailureCode
from plan_steps import component_steps
from site_runs import finish, processes_with, until

SAY = """
- name: Install {name}
  hosts: all
  gather_facts: false
  tasks:
    - name: Say
      ansible.builtin.debug: {{msg: "{name} ünï"}}
    - name: Command
      ansible.builtin.command: echo {name}
"""


@pytest.fixture
def site(installer, inventory, folder):
    return installer.site("acme", inventory=inventory, catalog=folder)


@pytest.fixture
def three_hosts(inventory):
    line = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    inventory.write_text("".join(f"h{number} {line}\n" for number in (1, 2, 3)))


def play(*tasks: str, head: str = "hosts: all\n  gather_facts: false") -> str:
    body = "".join(f"    - {task}\n" for task in tasks)
    return f"- name: Play\n  {head}\n  tasks:\n{body}"


def test_a_folder_of_numbered_playbooks_is_installed_in_order(site, folder):
    """Nothing but the playbooks is needed; their logs are what ansible-playbook prints, and nothing is left to do."""
    for number, name in ((12, "portal"), (3, "mysql"), (8, "zk"), (1, "common"), (5, "redis")):
        (folder / f"{number:02d}.{name}.yml").write_text(SAY.format(name=name))
    plan = site.plan(all=True)
    run = site.start(plan, note="first", checks=False).wait(60)

    order = ["common", "mysql", "redis", "zk", "portal"]
    assert order == [step.component for step in component_steps(plan.steps)]
    assert RunStatus.SUCCEEDED is run.status
    assert set(order) == {row.component for row in site.installed() if row.status is InstallationStatus.INSTALLED}
    inventory = site.snapshot().inventory.path
    for step, playbook in zip(component_steps(plan.steps), sorted(folder.glob("*.yml")), strict=True):
        assert bare(playbook, inventory) == run.log(step.id)
    assert site.plan(all=True).empty


def test_every_task_and_host_has_an_event_with_the_bytes_that_it_printed(site, folder, three_hosts):
    (folder / "03.mysql.yml").write_text(SAY.format(name="mysql"))
    run = finish(site, install=["mysql"])
    events = list(run.events())

    results = {(event.task, event.host) for event in events if event.kind is EventKind.TASK_RESULT}
    assert {(task, host) for task in ("Say", "Command") for host in ("h1", "h2", "h3")} == results
    assert list(range(1, len(events) + 1)) == [event.seq for event in events]
    spans = [event.log for event in events if event.log]
    assert run.log("mysql") == b"".join(run.log("mysql")[span.start : span.end] for span in spans)
    assert all(before.end == after.start for before, after in itertools.pairwise(spans))


@pytest.mark.long
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(play("debug: {msg: '{{ nothing }}'}"), id="undefined variable"),
        pytest.param(
            play("command: printf 'a\\033[31mb\\r50%\\r100%\\n\\n\\n'", "debug: {msg: 'x\\n\\n y'}"), id="escapes"
        ),
        pytest.param(play("debug: {msg: '{{ item }}'}\n      loop: [1, 2, 3]\n      when: item != 2"), id="loop"),
        pytest.param(
            "- hosts: all\n  gather_facts: false\n  tasks:\n    - block:\n        - command: /bin/false\n"
            "      rescue:\n        - debug: {msg: saved}\n      always:\n        - debug: {msg: always}\n",
            id="rescue",
        ),
        pytest.param(
            "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: /bin/true\n      notify: Again\n"
            "  handlers:\n    - name: Again\n      debug: {msg: handled}\n- hosts: nobody\n  tasks: []\n",
            id="handlers and an empty play",
        ),
        pytest.param(play("shell: seq 1 5000", "debug: {msg: \"{{ range(3000) | join('\\n') }}\"}"), id="long"),
        pytest.param(play("command: sleep 2\n      async: 10\n      poll: 1"), id="async"),
    ],
)
def test_a_log_is_what_ansible_playbook_prints(site, folder, inventory, text):
    playbook = folder / "03.mysql.yml"
    playbook.write_text(text)
    run = finish(site, install=["mysql"])

    assert timeless(bare(playbook, inventory)) == timeless(run.log("mysql"))


def test_a_task_that_fails_on_one_of_three_hosts(site, folder, three_hosts):
    """The failure names task, host, place and message; the other hosts' work is kept as proved, the step is not a success."""
    failing = "shell: 'echo disk is full >&2; test {{ inventory_hostname }} != h2'\n      name: Prepare"
    (folder / "03.mysql.yml").write_text(play("debug: {msg: first}", failing))
    run = finish(site, install=["mysql"])
    (failure,) = run.failures

    assert RunStatus.FAILED is run.status
    assert str(run.snapshot()).startswith(f"run {run.id[:6]} failed: 0 of 1 step succeeded, ")
    assert FailureCode.TASK_FAILED is failure.code
    assert (("h2",), "Prepare", "03.mysql.yml:6") == (failure.hosts, failure.task, failure.location)
    assert re.fullmatch(r".*non-zero return code\.?\ndisk is full", failure.message)  # Ansible 2.21 says a sentence
    assert {"h1": "changed", "h2": "failed", "h3": "changed"} == component_steps(run.steps)[0].host_statuses
    assert {"h1": "installed", "h2": "failed", "h3": "installed"} == {row.host: row.status for row in site.installed()}
    with pytest.raises(installkit.RunFailedError, match="Prepare"):
        run.raise_for_status()


@pytest.mark.long
def test_a_failure_on_many_hosts_is_told_once(site, folder, three_hosts):
    (folder / "03.mysql.yml").write_text(play("fail: {msg: no licence}"))
    run = finish(site, install=["mysql"])

    assert [("h1", "h2", "h3")] == [failure.hosts for failure in run.failures]


@pytest.mark.long
def test_an_unreachable_host_is_told_from_a_failed_task(site, folder, inventory):
    inventory.write_text("gone ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_common_args='-o ConnectTimeout=3'\n")
    (folder / "03.mysql.yml").write_text(SAY.format(name="mysql"))
    run = finish(site, install=["mysql"])

    assert [FailureCode.HOST_UNREACHABLE] == [failure.code for failure in run.failures]
    assert {"gone": HostStatus.UNREACHABLE} == component_steps(run.steps)[0].host_statuses
    assert "Connection refused" in run.failures[0].message


def test_a_pattern_that_matches_nothing_is_refused_before_anything_starts(site, folder):
    (folder / "03.mysql.yml").write_text("- hosts: db\n  tasks: []\n")

    with pytest.raises(installkit.PlanningError, match="db"):
        site.plan(install=["mysql"])


@pytest.mark.long
def test_a_host_that_no_play_holds_after_all_has_not_succeeded(site, folder, three_hosts, tmp_path):
    """Ansible exits with 0: the play's pattern means other hosts than it meant when the plan was made."""
    sign = tmp_path / "sign"
    (folder / "03.mysql.yml").write_text(
        play(f"file: {{path: {sign}, state: touch}}", head="hosts: h1\n  gather_facts: false")
        + play("debug:", head=f"hosts: \"{{{{ 'nobody' if '{sign}' is exists else 'h2' }}}}\"")
    )
    run = finish(site, install=["mysql"])

    assert (RunStatus.FAILED, 0) == (run.status, component_steps(run.steps)[0].rc)
    assert {"h1": HostStatus.CHANGED, "h2": HostStatus.UNFINISHED} == component_steps(run.steps)[0].host_statuses
    assert [FailureCode.HOST_UNFINISHED] == [failure.code for failure in run.failures]


def test_a_playbook_with_a_syntax_error_is_refused_with_its_place(site, folder):
    (folder / "03.mysql.yml").write_text("- hosts: all\n  tasks:\n    - debug: {msg: 'x'\n")

    with pytest.raises(installkit.PlanningError, match=r"03\.mysql\.yml"):
        site.plan(install=["mysql"])


@pytest.mark.long
def test_an_unknown_module_is_told_with_its_place(site, folder):
    (folder / "03.mysql.yml").write_text(play("no_such_module: {a: 1}"))

    with pytest.raises(installkit.PlanningError, match="no_such_module"):
        site.plan(install=["mysql"])


@pytest.mark.long
def test_a_playbook_edited_while_the_run_waits_is_not_run(site, folder, tmp_path):
    """A step is carried out as it was planned, or not at all."""
    gate = tmp_path / "gate"
    (folder / "03.mysql.yml").write_text(play(f"wait_for: {{path: {gate}, timeout: 20, sleep: 1}}"))
    (folder / "08.zk.yml").write_text(SAY.format(name="zk"))
    run = site.start(site.plan(all=True), checks=False)
    until(lambda: component_steps(run.steps)[0].status is StepStatus.RUNNING)
    (folder / "08.zk.yml").write_text(SAY.format(name="changed"))
    gate.touch()
    run.wait(30)

    assert [FailureCode.PLAYBOOK_CHANGED] == [failure.code for failure in run.failures]
    assert b"changed" not in run.log("zk")


def test_without_ansible_playbook_a_run_says_how_to_get_it(folder, tmp_path):
    """The interpreter has no Ansible beside it and PATH is empty: the error names the program and the remedy."""
    script = (
        "import sys, installkit.ansible.programs as p, installkit\n"
        "sys.executable = '/nowhere/python'\n"
        "try: p.find_program('ansible-playbook')\n"
        "except installkit.EngineError as exc: print(exc, '|', exc.remedy)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PATH": "/nowhere"}, capture_output=True, text=True, timeout=30, check=True
    )

    assert "ansible-playbook was not found" in done.stdout
    assert "pip install ansible-core" in done.stdout


def test_a_failed_step_skips_what_needs_it_and_lets_the_rest_finish(site, folder, inventory, three_hosts):
    for name, needs, task in (("a", [], "fail: {msg: x}"), ("b", ["a"], "debug:"), ("c", [], "debug:")):
        own = folder / name
        own.mkdir()
        (own / "install.yml").write_text(play(task))
        (own / "component.yml").write_text(f"requires: {needs}\nactions: {{install: install.yml}}\n")
    run = finish(site, all=True)

    assert {"a": "failed", "b": "skipped", "c": "succeeded"} == {
        step.component: step.status for step in component_steps(run.steps)
    }
    assert {"a", "c"} == {row.component for row in site.installed()}


def test_verify_vouches_for_what_was_installed(site, folder, tmp_path):
    """Until verify has passed, nothing is installed; a failed one leaves it failed, and the next plan repairs."""
    (folder / "03.mysql.yml").write_text(play("debug:"))
    (folder / "03.mysql.verify.yml").write_text(
        play(f"stat: {{path: {tmp_path / 'up'}}}\n      register: up\n      failed_when: not up.stat.exists")
    )
    run = finish(site, install=["mysql"])

    assert ["succeeded", "failed"] == [step.status for step in component_steps(run.steps)]
    assert [InstallationStatus.FAILED] == [row.status for row in site.installed()]
    (tmp_path / "up").touch()
    plan = site.plan(install=["mysql"])
    assert {"repair"} == {change.reason for change in plan.changes}
    site.start(plan, checks=False).wait(30).raise_for_status()
    (row,) = site.installed()
    assert InstallationStatus.INSTALLED is row.status
    assert row.verified_at is not None


def test_values_from_outside_stay_text(site, folder, tmp_path):
    """A value is never a template: nothing in it is carried out, wherever it goes."""
    canary = tmp_path / "canary"
    evil = "{{ lookup('pipe', 'touch " + str(canary) + "') }}"
    (folder / "03.mysql.yml").write_text(play("debug: {msg: 'got {{ value }}'}", "command: echo '{{ value }}'"))
    run = finish(site, install=["mysql"], parameters={"value": evil, "deep": {"list": [evil]}})

    assert RunStatus.SUCCEEDED is run.status
    assert not canary.exists()
    assert f"got {evil}" in run.log_text("mysql").replace("\\", "")


@pytest.mark.long
def test_values_keep_their_types(site, folder):
    """A string that looks like a number is a string to the playbook, and a number is a number."""
    types = "{{ (a | type_debug)[:3] }} {{ (b | type_debug)[:3] }} {{ a ~ b ~ c.d }}"
    (folder / "03.mysql.yml").write_text(play(f'debug: {{msg: "{types}"}}'))
    run = finish(site, install=["mysql"], parameters={"a": "1.0", "b": 3306, "c": {"d": "0x10"}})

    assert "1.033060x10" in run.log_text("mysql")
    assert "int" in run.log_text("mysql")


def test_a_key_of_ansibles_own_is_refused(site, folder):
    (folder / "03.mysql.yml").write_text(play("debug:"))

    with pytest.raises(installkit.PlanningError, match="__ansible_vault"):
        site.plan(install=["mysql"], parameters={"a": [{"__ansible_vault": "x"}]})


@pytest.mark.long
def test_a_site_is_changed_by_one_run_at_a_time(site, folder, tmp_path):
    gate = tmp_path / "gate"
    (folder / "03.mysql.yml").write_text(play(f"wait_for: {{path: {gate}, timeout: 20, sleep: 1}}"))
    (folder / "08.zk.yml").write_text(play("debug:"))
    second = site.plan(install=["zk"])
    run = site.start(site.plan(install=["mysql"]), requested_by="ann", checks=False)

    with pytest.raises(installkit.SiteLockedError, match="ann") as caught:
        site.start(second, checks=False)
    gate.touch()
    run.wait(30)
    assert run.id == caught.value.holder["run"]
    with pytest.raises(installkit.StalePlanError, match="changed the site since"):
        site.start(second, checks=False)


@pytest.mark.long
def test_apply_waits_for_a_site_that_another_run_changes(site, folder, tmp_path):
    """What that run did is what its plan starts from."""
    gate = tmp_path / "gate"
    (folder / "03.mysql.yml").write_text(play(f"wait_for: {{path: {gate}, timeout: 60, sleep: 1}}"))
    (folder / "08.zk.yml").write_text(play("debug:"))
    run = site.start(site.plan(install=["mysql"]), checks=False)
    with pytest.raises(installkit.SiteLockedError):
        site.apply(install=["zk"], checks=False)
    opener = threading.Timer(2.0, gate.touch)
    opener.start()
    applied = site.apply(install=["zk"], checks=False, wait_for_lock=100.0).wait(60)
    opener.join()

    assert [RunStatus.SUCCEEDED] * 2 == [run.status, applied.status]
    assert run.id == applied.plan.revision


@pytest.mark.long
def test_who_starts_a_run_slowly_is_not_taken_for_the_run_before(site, folder):
    """The lock's file names its last holder until the next one has told who it is, and then that one."""
    (folder / "03.mysql.yml").write_text(play("debug:"))
    finish(site, install=["mysql"])
    second = site.plan(install=["mysql"], force=["mysql"])
    until(lambda: not lock_is_held(site._directory.folders.site_lock("acme")))
    starter = {"run": second.id, "by": "ann", "since": "2026-11-22T08:00:00Z", "doing": second.summary}
    with take_lock(site._directory.folders.site_lock("acme")) as lock:
        with pytest.raises(installkit.SiteLockedError, match="a run is being started there") as caught:
            site.start(second, checks=False)

        assert {} == caught.value.holder
        assert site.snapshot().lock is None
        with announce(lock, starter), pytest.raises(installkit.SiteLockedError, match="started by ann") as caught:
            site.start(second, checks=False)

        assert starter == caught.value.holder
        assert site.snapshot().lock is None
    assert RunStatus.SUCCEEDED is site.start(second, checks=False).wait(60).status


def test_a_plan_is_applied_once(site, folder):
    (folder / "03.mysql.yml").write_text(play("debug:"))
    plan = site.plan(install=["mysql"])

    assert site.start(plan, checks=False).id == site.start(plan, checks=False).wait(30).id
    assert 1 == len(site.runs())


@pytest.mark.long
def test_a_stale_plan_says_what_changed(site, folder):
    (folder / "03.mysql.yml").write_text(play("debug:"))
    plan = site.plan(install=["mysql"])
    (folder / "03.mysql.yml").write_text(play("debug: {msg: other}"))

    with pytest.raises(installkit.StalePlanError, match=r"03\.mysql\.yml was edited"):
        site.start(plan, checks=False)


def edit_last_step(plan, **changes):
    return attrs.evolve(plan, steps=(*plan.steps[:-1], attrs.evolve(plan.steps[-1], **changes)))


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda plan: attrs.evolve(plan, id="../../evil"), id="an id that is a path"),
        pytest.param(lambda plan: edit_last_step(plan, id="../../evil"), id="a step's id"),
        pytest.param(lambda plan: edit_last_step(plan, hosts=("h9",)), id="other hosts"),
        pytest.param(lambda plan: edit_last_step(plan, needs=()), id="needs no checks"),
        pytest.param(lambda plan: attrs.evolve(plan, steps=plan.steps[1:]), id="no checks"),
    ],
)
def test_a_plan_that_was_edited_is_refused(site, folder, tmp_path, edit):
    """A plan may come from a file: what is carried out is only what planning itself makes of its request."""
    (folder / "03.mysql.yml").write_text(play("debug:"))
    plan = site.plan(install=["mysql"])
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(installkit.PlanningError):
        site.start(edit(plan))
    assert before == [path for path in sorted(tmp_path.rglob("*")) if path in before or "evil" in path.name]
    assert () == site.runs()


@pytest.mark.long
def test_check_mode_changes_nothing_and_does_not_use_the_plan_up(site, folder, tmp_path):
    """What nothing was installed of is not verified."""
    (folder / "03.mysql.yml").write_text(play(f"copy: {{content: x, dest: {tmp_path / 'made'}}}"))
    (folder / "03.mysql.verify.yml").write_text(play(f"slurp: {{src: {tmp_path / 'made'}}}"))
    (folder / "08.zk.yml").write_text(play("debug:"))
    plan = site.plan(install=["mysql", "zk"])
    tried = site.start(plan, check_mode=True).wait(30)

    assert (RunStatus.SUCCEEDED, "dry run") == (tried.status, tried.snapshot().note)
    assert ["01-mysql-install", "03-zk-install"] == [step.id for step in component_steps(tried.steps)]
    assert not (tmp_path / "made").exists()
    assert () == site.installed()
    assert RunStatus.SUCCEEDED is site.start(plan, checks=False).wait(30).status
    assert (tmp_path / "made").exists()


@pytest.mark.long
def test_a_secret_is_nowhere(installer, site, folder, tmp_path):
    """Not in a file, a command line, an environment, an event or a log; and yet the playbook gets it."""
    canary = "s3cr3t-Canary'\"x"
    (folder / "mysql.component.yml").write_text(
        "parameters:\n  mysql_password: {type: string, secret: true, required: true}\nactions: {install: 03.mysql.yml}\n"
    )
    gate = tmp_path / "gate"
    (folder / "03.mysql.yml").write_text(
        play(
            "debug: {msg: 'pw {{ mysql_password }} {{ mysql_password | b64encode }} {{ mysql_password | urlencode }}'}",
            f"copy: {{content: '{{{{ mysql_password }}}}', dest: {tmp_path / 'got'}}}",
            f"wait_for: {{path: {gate}, timeout: 20, sleep: 1}}",
            "fail: {msg: 'bad {{ mysql_password }}'}",
        )
    )
    run = site.start(site.plan(install=["mysql"]), secrets={"mysql_password": canary}, checks=False)
    until((tmp_path / "got").exists)
    seen = [
        path.read_bytes()
        for pid in processes_with(run.id)
        for path in (Path(f"/proc/{pid}/cmdline"), Path(f"/proc/{pid}/environ"))
    ]
    gate.touch()
    run.wait(30)

    assert canary == (tmp_path / "got").read_text()
    assert seen
    written = [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()]
    for text in (*seen, *written):
        assert b"s3cr3t-Canary" not in text
    assert b"********" in run.log("mysql")
    assert not scratch_path(tmp_path / "data" / "runs" / run.id).exists()


def test_a_missing_secret_is_named_before_anything_starts(site, folder):
    """Once it is kept, the same plan starts: what it said of the secret is not a part of what it does."""
    (folder / "mysql.component.yml").write_text(
        "parameters:\n  mysql_password: {type: string, secret: true, required: true}\nactions: {install: 03.mysql.yml}\n"
    )
    (folder / "03.mysql.yml").write_text(play("debug:"))

    plan = site.plan(install=["mysql"])

    with pytest.raises(installkit.PlanningError, match="mysql_password"):
        site.start(plan, checks=False)
    assert () == site.runs()
    site.secrets.set("mysql_password", "treasure")
    run = site.start(plan, checks=False).wait(30)
    assert RunStatus.SUCCEEDED is run.status
    assert () == run.plan.warnings
    assert run.id == site.start(plan).id


@pytest.mark.long
def test_a_forged_event_is_shown_as_text(site, folder):
    """A managed host prints what looks like our plugin's own marks; it stays text."""
    forged = "m = '\\x1b[K' + '0123456789abcdef' * 2; print(m + '<forged' + m + '>')"
    (folder / "03.mysql.yml").write_text(
        play(
            f'shell: |\n        {sys.executable} -c "{forged}"\n      register: out',
            "fail: {msg: '{{ out.stdout }}'}\n      ignore_errors: true",
        )
    )
    run = finish(site, install=["mysql"])

    assert RunStatus.SUCCEEDED is run.status
    assert "0123456789abcdef<forged" in run.log_text("mysql")
    assert ["task_started", "task_result"] * 2 == [event.kind for event in run.events() if event.task]


def test_a_run_outlives_its_starter(tmp_path, folder, inventory):
    """Kill -9 in the middle of a task: the run ends well by itself, and everything is there once."""
    gate = tmp_path / "gate"
    (folder / "03.mysql.yml").write_text(
        play("debug: {msg: before}", f"wait_for: {{path: {gate}, timeout: 20, sleep: 1}}", "debug: {msg: after}")
    )
    script = (
        "import installkit, sys, time\n"
        f"site = installkit.Installer({str(tmp_path / 'data')!r}).site('acme', inventory={str(inventory)!r}, catalog={str(folder)!r})\n"
        "site.start(site.plan(install=['mysql']), checks=False); print('started', flush=True); time.sleep(60)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert starter.stdout is not None
    starter.stdout.readline()
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    gate.touch()
    with installkit.Installer(tmp_path / "data") as installer:
        run = installer.run("last").wait(30)

        assert RunStatus.SUCCEEDED is run.status
        assert 1 == run.log("mysql").count(b"before")
        assert 1 == run.log("mysql").count(b"after")
        assert run.log("mysql") == b"".join(run.follow_log("mysql"))


@pytest.mark.long
@pytest.mark.parametrize("victim", ["supervisor", "step", "ansible-playbook"])
def test_a_killed_part_takes_the_tree_below_it_along(site, folder, tmp_path, victim):
    """Nothing runs on without its supervisor; the run becomes interrupted or failed, as is true, never succeeded."""
    nap = f"sleep 9753{len(victim)}"  # other tests run at the same time
    (folder / "03.mysql.yml").write_text(play(f"command: {nap}"))
    run = site.start(site.plan(install=["mysql"]), checks=False)
    until(lambda: processes_with(nap))
    engine = [
        pid for pid in processes_with(run.id) if b"installkit.engine" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    parents = {pid: int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) for pid in engine}
    supervisor = next(pid for pid in engine if parents[pid] not in engine)
    step = next(pid for pid in engine if parents[pid] == supervisor)
    ansible = next(
        pid for pid in processes_with("ansible-playbook") if run.id in Path(f"/proc/{pid}/cmdline").read_text()
    )
    os.kill({"supervisor": supervisor, "step": step, "ansible-playbook": ansible}[victim], signal.SIGKILL)
    run.wait(20)

    assert (RunStatus.FAILED if victim == "ansible-playbook" else RunStatus.INTERRUPTED) is run.status
    until(lambda: not processes_with(nap), 3.0)
    until(lambda: not processes_with(run.id), 3.0)
    assert {InstallationStatus.UNKNOWN} == {row.status for row in site.installed()}
    assert not scratch_path(tmp_path / "data" / "runs" / run.id).exists()


def test_cancel_lets_the_running_step_end(site, folder, tmp_path):
    gate = tmp_path / "gate"
    (folder / "03.mysql.yml").write_text(play(f"wait_for: {{path: {gate}, timeout: 20, sleep: 1}}"))
    (folder / "08.zk.yml").write_text(play("debug:"))
    run = site.start(site.plan(all=True), checks=False)
    until(lambda: component_steps(run.steps)[0].status is StepStatus.RUNNING)
    run.cancel(by="ann")
    until(lambda: run.snapshot().cancel_requested_at is not None)
    gate.touch()
    run.wait(30)

    assert RunStatus.CANCELED is run.status
    assert ["succeeded", "skipped"] == [step.status for step in component_steps(run.steps)]
    assert "ann" in (run.snapshot().reason or "")


@pytest.mark.long
def test_cancel_now_ends_what_runs_and_keeps_what_was_installed(site, folder, tmp_path):
    """What the unfinished task started goes; a service that a finished one left running is the product and stays."""
    (folder / "03.mysql.yml").write_text(play("shell: 'setsid sleep 86421 > /dev/null 2>&1 &'", "command: sleep 97532"))
    run = site.start(site.plan(install=["mysql"]), checks=False)
    until(lambda: processes_with("sleep 97532"))
    run.cancel(now=True)
    run.wait(20)
    service = processes_with("sleep 86421")
    for pid in service:
        os.kill(pid, signal.SIGKILL)

    assert RunStatus.CANCELED is run.status
    assert [] == processes_with("sleep 97532")
    assert 1 == len(service)


def test_a_step_that_takes_too_long_is_timed_out(site, folder):
    (folder / "mysql.component.yml").write_text("actions: {install: {playbook: 03.mysql.yml, timeout: 2s}}\n")
    (folder / "03.mysql.yml").write_text(play("command: sleep 97533"))
    run = finish(site, install=["mysql"])

    assert RunStatus.TIMED_OUT is run.status
    assert [] == processes_with("sleep 97533")


@pytest.mark.long
def test_components_without_a_host_in_common_run_side_by_side(site, folder, three_hosts, tmp_path):
    """Each waits for the other's sign, so that one after the other could never end."""
    for name, host, other in (("a", "h1", "b"), ("b", "h2", "a")):
        own = folder / name
        own.mkdir()
        (own / "component.yml").write_text(f"hosts: {host}\nactions: {{install: install.yml}}\n")
        sign, wanted = tmp_path / name, tmp_path / other
        (own / "install.yml").write_text(
            play(
                f"file: {{path: {sign}, state: touch}}",
                f"wait_for: {{path: {wanted}, timeout: 20, sleep: 1}}",
                head=f"hosts: {host}\n  gather_facts: false",
            )
        )
    run = finish(site, all=True)

    assert RunStatus.SUCCEEDED is run.status


@pytest.mark.long
def test_a_limited_step_still_sees_the_facts_of_other_hosts(site, folder, three_hosts):
    """A limit would hide the facts of the hosts outside it: whose playbook reads them says `facts: all`."""
    (folder / "mysql.component.yml").write_text("actions: {install: {playbook: 03.mysql.yml, facts: all}}\n")
    message = "{{ hostvars['h1'].ansible_facts.system }} {{ groups['all'] | length }}"
    (folder / "03.mysql.yml").write_text(play(f'debug: {{msg: "{message}"}}', head="hosts: all"))
    run = finish(site, install=["mysql"], limit="h2")

    assert ("h2",) == component_steps(run.steps)[0].hosts
    assert "Linux 3" in run.log_text("mysql")
    told = [event.message for event in run.events() if event.kind is EventKind.OUTPUT and event.message]
    assert ["first gathering facts on all hosts: the playbook may read them"] == told


@pytest.mark.long
def test_settings_of_the_folder_win_over_ours(site, folder, inventory):
    """With an ansible.cfg of its own, a folder runs exactly as by hand."""
    (folder / "ansible.cfg").write_text("[defaults]\ngathering = implicit\nstdout_callback = minimal\nforks = 2\n")
    (folder / "03.mysql.yml").write_text(SAY.format(name="mysql"))
    (folder / "08.zk.yml").write_text(SAY.format(name="zk"))
    run = finish(site, all=True)

    assert bare(folder / "08.zk.yml", inventory) == run.log("zk")


@pytest.mark.long
def test_a_database_that_is_gone_comes_back_by_itself(tmp_path, folder, inventory):
    """The last backup has what people entered, the journals have the rest: nobody need know of either."""
    (folder / "03.mysql.yml").write_text(play("debug:"))
    (folder / "08.zk.yml").write_text(play("fail:"))
    with installkit.Installer(tmp_path / "data") as installer:
        site = installer.site("acme", inventory=inventory, catalog=folder)
        finish(site, install=["mysql"])
        site.parameters.set({"answer": 42})
        finish(site, install=["zk"])
        before = [run.snapshot() for run in installer.runs()], site.installed()
    (tmp_path / "data" / "installkit.db").unlink()
    with installkit.Installer(tmp_path / "data") as installer:
        site = installer.site("acme")

        assert {"answer": 42} == site.parameters.values().site
        assert before == ([run.snapshot() for run in installer.runs()], site.installed())
        assert inventory == site.snapshot().inventory.path
