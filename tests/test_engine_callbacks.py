"""What prints beside or in place of Ansible's default callback: the same bytes as by hand, and all events."""

import sys

import pytest

from bare_ansible import bare, timeless
from installkit import EventKind, RunStatus
from plan_steps import component_steps

PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Say
      debug: {msg: "said, ünï €"}
    - name: Change
      command: "true"
    - name: Loop
      debug: {msg: "{{ item }}"}
      loop: [a, b]
    - name: Break
      command: "false"
      ignore_errors: true
    - name: Leave
      debug:
      when: false
"""
OWN = """\
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "stdout", "own"

    def v2_runner_on_ok(self, result):
        self._display.display("own: " + result._host.get_name())

    def v2_on_any(self, *args, **kwargs):
        print("any", flush=True)
"""
BESIDE = """\
import os
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "notification", "beside"

    def v2_playbook_on_task_start(self, task, is_conditional):
        self._display.warning("about to " + task.get_name())

    def v2_playbook_on_stats(self, stats):
        os.write(1, b"cut in a character: \\xe4\\xb8")
"""
RAISES = """\
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "notification", "raises"

    def v2_runner_on_ok(self, result):
        raise ValueError("not today")
"""


def events(run, kind):
    return [event for event in run.events() if event.kind is kind]


@pytest.fixture
def site(installer, inventory, folder):
    (folder / "03.mysql.yml").write_text(PLAYBOOK)
    return installer.site("acme", inventory=inventory, catalog=folder)


def configure(folder, *lines, **plugins):
    (folder / "ansible.cfg").write_text("\n".join(["[defaults]", "callback_plugins = callbacks", *lines, ""]))
    (folder / "callbacks").mkdir()
    for name, text in plugins.items():
        (folder / "callbacks" / f"{name}.py").write_text(text)


@pytest.mark.parametrize(
    ("lines", "plugins"),
    [
        pytest.param(["stdout_callback = oneline"], {}, id="oneline"),
        pytest.param(["stdout_callback = minimal"], {}, id="minimal"),
        pytest.param(["stdout_callback = own"], {"own": OWN}, id="one's own, without options"),
        pytest.param(["show_per_host_start = true"], {}, id="starts of hosts", marks=pytest.mark.long),
        pytest.param(["display_failed_stderr = true"], {}, id="failures on stderr", marks=pytest.mark.long),
        pytest.param([], {"beside": BESIDE}, id="one that writes beside, and ends within a character"),
        pytest.param([], {"raises": RAISES}, id="one that raises", marks=pytest.mark.long),
    ],
)
def test_whatever_prints_the_log_is_what_ansible_prints(site, folder, inventory, lines, plugins):
    configure(folder, *lines, **plugins)
    run = site.start(site.plan(install=["mysql"]), checks=False).wait(100)
    results = [event.task for event in events(run, EventKind.TASK_RESULT)]

    assert RunStatus.SUCCEEDED is run.status
    assert timeless(bare(folder / "03.mysql.yml", inventory)) == timeless(run.log("mysql"))
    assert ["Say", "Change", "Loop", "Break", "Leave"] == results


def test_an_event_has_the_log_that_it_printed(site, folder):
    """With a callback of one's own, too: what it prints of an event is that event's."""
    configure(folder, "stdout_callback = own", own=OWN)
    run = site.start(site.plan(install=["mysql"]), checks=False).wait(100)
    log = run.log("mysql")
    (said,) = [event for event in events(run, EventKind.TASK_RESULT) if event.task == "Say"]

    assert b"own: localhost\nany\n" == log[said.log.start : said.log.end]


def test_a_playbook_that_runs_ansible_playbook_does_not_report_twice(site, folder, tmp_path):
    """The inner one knows nothing of the outer one's file: its events would be taken for the outer one's."""
    inner = tmp_path / "inner.yml"
    inner.write_text("- hosts: localhost\n  gather_facts: false\n  tasks: [{name: Inner, debug: }]\n")
    task = f"{{name: Outer, command: 'ansible-playbook -i localhost, {inner}'}}"
    (folder / "03.mysql.yml").write_text(f"- hosts: all\n  gather_facts: false\n  tasks: [{task}]\n")
    run = site.start(site.plan(install=["mysql"]), checks=False).wait(100)

    assert RunStatus.SUCCEEDED is run.status
    assert ["Outer"] == [event.task for event in events(run, EventKind.TASK_RESULT)]
    assert "INSTALLKIT" not in run.log_text("mysql")


EVIL = """\
#!{python}
import json, sys
sys.stdin.close()
mark = "\\x1b[K" + "0123456789abcdef" * 2
print(json.dumps({{"failed": True, "msg": mark + "<forged" + mark + ">", "changed": "x", "results": [1, None], "rc": {{}}}}))
"""


def test_a_host_that_answers_with_marks_ends_nobodys_run(installer, folder, tmp_path, inventory):
    """Its text is in the log as Ansible prints it, and the others are recorded as installed."""
    evil = tmp_path / "evil-python"
    evil.write_text(EVIL.format(python=sys.executable))
    evil.chmod(0o755)
    local = inventory.read_text().partition(" ")[2]
    inventory.write_text(f"good {local}bad ansible_connection=local ansible_python_interpreter={evil}\n")
    (folder / "03.mysql.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks: [{ping: }, {ping: }]\n")
    site = installer.site("acme", inventory=inventory, catalog=folder)
    run = site.start(site.plan(install=["mysql"]), checks=False).wait(100)

    assert {"good": "ok", "bad": "failed"} == component_steps(run.steps)[0].host_statuses
    assert {"good": "installed", "bad": "failed"} == {row.host: row.status.value for row in site.installed()}
    assert bare(folder / "03.mysql.yml", inventory) == run.log("mysql")


def test_hosts_that_the_playbook_adds_are_said_and_not_recorded(site, folder, inventory):
    local = (
        " ".join(inventory.read_text().split()[1:]).replace("=", ": ").replace(" ansible_python", ", ansible_python")
    )
    (folder / "03.mysql.yml").write_text(f"""\
- hosts: all
  gather_facts: false
  tasks:
    - add_host: {{name: made, groups: new, {local}}}
- hosts: new
  gather_facts: false
  tasks:
    - command: "true"
""")
    run = site.start(site.plan(install=["mysql"]), checks=False).wait(100)
    warnings = [event.message for event in events(run, EventKind.WARNING)]

    assert RunStatus.SUCCEEDED is run.status
    assert ["the playbook added made to its hosts: what it does there is not recorded"] == warnings
    assert ["localhost"] == [row.host for row in site.installed()]


def test_a_play_that_would_hold_a_host_beyond_the_plan_is_stopped_before_its_first_task(
    installer, folder, tmp_path, inventory
):
    """A dynamic inventory, or a value, answers differently than when the plan was made."""
    local = inventory.read_text().partition(" ")[2].strip()
    inventory.write_text(f"h1 {local}\nh2 {local}\n")
    sign = tmp_path / "grown"
    (folder / "03.mysql.yml").write_text(f"""\
- hosts: h1
  gather_facts: false
  tasks:
    - file: {{path: {sign}, state: touch}}
- hosts: "{{{{ 'all' if '{sign}' is exists else 'h1' }}}}"
  gather_facts: false
  tasks:
    - file: {{path: "{tmp_path}/done-{{{{ inventory_hostname }}}}", state: touch}}
""")
    site = installer.site("acme", inventory=inventory, catalog=folder)
    plan = site.plan(install=["mysql"])
    run = site.start(plan, checks=False).wait(100)

    assert ("h1",) == component_steps(plan.steps)[0].hosts
    assert [("host_unplanned", ("h2",))] == [(failure.code.value, failure.hosts) for failure in run.failures]
    assert [] == list(tmp_path.glob("done-*"))
