"""What Ansible writes while a run is under way: it is not an input, and holds no secret."""

import pytest

from installkit import EventKind
from installkit.model import FailureCode
from installkit.support.doctor import check_ansible_log

SECRET = "Canary'7\"f3\\\\e9 $x %é"
COMPONENT = """
name: app
actions: {install: app.yml, verify: verify.yml}
parameters: {db_password: {type: string, secret: true}}
"""
CALLBACK = """
from ansible.plugins.callback import CallbackBase
class CallbackModule(CallbackBase):
    CALLBACK_TYPE, CALLBACK_NAME, CALLBACK_NEEDS_ENABLED = "notification", "told", True
    def v2_runner_on_ok(self, result):
        open("callback.out", "a").write(str(getattr(result, "result", None) or result._result))
"""


def play(task):
    return f"- hosts: all\n  gather_facts: false\n  tasks:\n    - {task}\n"


@pytest.fixture
def site(installer, folder, inventory):
    (folder / "app.component.yml").write_text(COMPONENT)
    (folder / "app.yml").write_text(play("debug: {msg: installed}"))
    (folder / "verify.yml").write_text(play("debug: {msg: verified}"))
    return installer.site("acme", inventory=inventory, catalog=folder)


@pytest.mark.parametrize(
    "task",
    [
        pytest.param(
            """debug: {msg: "{{ lookup('password', 'keys/' + inventory_hostname) }}"}""", id="password lookup"
        ),
        pytest.param(
            """debug: {msg: "{{ lookup('password', 'pw/{{ inventory_hostname }}.txt length=9') }}"}""", id="template"
        ),
        pytest.param("set_fact: {a: 1, cacheable: true}", id="fact cache"),
    ],
)
def test_what_runs_write_makes_no_plan_stale(site, folder, task):
    """The verify after the install starts although the folder holds new files, and nothing is edited afterwards."""
    (folder / "ansible.cfg").write_text(
        "[defaults]\nlog_path = ./logs/ansible.log\nfact_caching = jsonfile\nfact_caching_connection = facts\n"
    )
    (folder / "logs").mkdir()
    (folder / "app.yml").write_text(play(task))
    before = {path for path in folder.rglob("*") if path.is_file()}
    run = site.start(site.plan(install=["app"]), checks=False)
    run.wait(110).raise_for_status()
    again = site.plan(install=["app"])

    assert before < {path for path in folder.rglob("*") if path.is_file()}
    assert again.empty
    assert () == again.warnings


def test_another_file_that_changes_in_the_run_is_named_with_the_way_out(site, folder):
    (folder / "app.yml").write_text(play("copy: {content: x, dest: '{{ playbook_dir }}/made.txt'}"))
    (folder / "made.txt").write_text("before")
    run = site.start(site.plan(install=["app"]), checks=False)
    run.wait(110)

    (failure,) = run.failures
    assert FailureCode.PLAYBOOK_CHANGED is failure.code
    assert f"{folder}/made.txt was edited at" in failure.message
    assert "let it write outside the catalog" in failure.message


def test_where_a_step_has_secrets_ansible_writes_no_log_and_no_callback_file(site, folder, monkeypatch):
    (folder / "ansible.cfg").write_text(
        "[defaults]\nlog_path = a.log\ncallbacks_enabled = told\ncallback_plugins = told\n"
    )
    (folder / "told").mkdir()
    (folder / "told" / "told.py").write_text(CALLBACK)
    (folder / "app.yml").write_text(play('debug: {msg: "{{ db_password }}"}'))
    run = site.start(site.plan(install=["app"]), secrets={"db_password": SECRET}, checks=False)
    run.wait(110).raise_for_status()
    warnings = [event.message for event in run.events() if event.kind is EventKind.WARNING]

    assert not (folder / "a.log").exists()
    assert not (folder / "callback.out").exists()
    assert any("log a.log is off, since 01-app-install has secrets" in line for line in warnings)
    assert any("callback told is off" in line for line in warnings)


def test_the_doctor_tells_what_is_off_where_a_step_has_secrets(site, folder):
    (folder / "ansible.cfg").write_text("[defaults]\nlog_path = a.log\n")
    found = check_ansible_log(lambda: [folder])

    assert ("warn", f"where a step has secrets: {folder}: Ansible's log a.log is off") == (found.status, found.message)
    (folder / "ansible.cfg").unlink()
    assert "ok" == check_ansible_log(lambda: [folder]).status


def test_where_a_step_has_none_they_work_as_by_hand(site, folder):
    (folder / "ansible.cfg").write_text(
        "[defaults]\nlog_path = a.log\ncallbacks_enabled = told\ncallback_plugins = told\n"
    )
    (folder / "told").mkdir()
    (folder / "told" / "told.py").write_text(CALLBACK)
    run = site.start(site.plan(install=["app"]), checks=False)
    run.wait(110).raise_for_status()

    assert "installed" in (folder / "a.log").read_text()
    assert "installed" in (folder / "callback.out").read_text()
    assert [] == [event for event in run.events() if event.kind is EventKind.WARNING]
