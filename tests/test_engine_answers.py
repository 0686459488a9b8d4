"""Whatever a managed host answers: what is made of its result is an event, a proof and a finding, and nothing breaks."""

import base64
import json
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import installkit
from bare_ansible import bare, timeless
from installkit import EventKind, InstallationStatus
from installkit.ansible.events import draft_from_runner
from installkit.engine.check_results import CheckResults
from installkit.engine.evidence import Evidence
from installkit.journal import encode_event
from installkit.model import CheckStatus, Play

MARK = "0123456789abcdef" * 2
OLD = base64.b64encode(json.dumps({"uuid": "x", "event": "verbose", "created": "no time"}).encode()).decode()
FORGED = {
    "runner": f"\x1b[K{OLD}\x1b[{len(OLD)}D\x1b[K",
    "opened": f"\x1b[K{MARK}<",
    "closed": f"\x1b[K{MARK}>",
    "announced": json.dumps({"mark": MARK, "event": "playbook_on_stats", "created": "no time"}) + f"\n\x1b[K{MARK}<",
}
KEYS = [
    *(
        "msg",
        "results",
        "changed",
        "failed",
        "warnings",
        "deprecations",
        "ansible_facts",
        "exception",
        "invocation",
        "rc",
    ),
    *(
        "stdout",
        "stderr",
        "stdout_lines",
        "diff",
        "skipped",
        "skip_reason",
        "unreachable",
        "item",
        "censored",
        "reason",
    ),
    *("module_stderr", "module_stdout", "_ansible_no_log", "_ansible_item_label", "_ansible_delegated_vars"),
    *("ansible_loop_var", "_ansible_ignore_errors", "ansible_job_id"),
]
EVENTS = [
    *("runner_on_ok", "runner_on_failed", "runner_on_unreachable", "runner_on_skipped"),
    *("runner_item_on_ok", "runner_item_on_failed", "runner_item_on_skipped"),
]
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=3)
    ),
)
results = st.dictionaries(st.sampled_from(KEYS), scalars, max_size=2) | st.dictionaries(
    st.sampled_from(KEYS), anything, max_size=6
)


def event(name, res, **more):
    data = {"host": "bad", "task": "Probe", "task_uuid": "t1", "task_action": "command", "task_path": "/c/app.yml:3"}
    return {"event": name, "text": b"", "event_data": {**data, "res": res, **more}}


@given(st.sampled_from(EVENTS), results)
@example("runner_on_ok", {"_ansible_delegated_vars": "h2"})
def test_any_result_is_an_event(name, res):
    """It tells its host and its task, and can be written."""
    draft = draft_from_runner(event(name, res), "/c")

    assert ("bad", "Probe") == (draft["host"], draft["task"])
    assert draft == json.loads(encode_event(draft)) or "NaN" not in encode_event(draft).decode()


@given(st.lists(st.tuples(st.sampled_from(EVENTS), results), max_size=5))
def test_any_result_is_weighed(answers):
    """A failure is told of the host that failed, whatever it said; another host's proof does not change."""
    evidence = Evidence(("bad", "good"), [Play(name="p", pattern="all", hosts=("bad", "good"))], "/c")
    for name, res in answers:
        evidence.observe(event(name, res), "")
    told = evidence.failed_tasks(2)

    assert {"bad"} >= {failed.host for failed in told}
    assert bool(told) == any(name in {"runner_on_failed", "runner_on_unreachable"} for name, _ in answers)
    assert all(isinstance(failed.message, str) and failed.message for failed in told)


@given(st.sampled_from(["runner_on_ok", "runner_on_failed"]), results, st.lists(results, max_size=2))
@example("runner_on_ok", {"results": [None]}, [])
@example("runner_on_ok", {"results": {"msg": 1}}, [])
def test_any_result_is_a_finding(name, res, items):
    """A check that failed says so, even if nothing can be made of what was said."""
    findings = CheckResults("app", "/c", {})
    for item in items:
        findings.observe(event("runner_item_on_failed", item))
    findings.observe(event(name, res))
    (check,) = findings.checks(["bad"], whole=True)

    assert ("app.probe", ("bad",)) == (check.name, check.hosts)
    assert isinstance(check.message, str)
    assert name == "runner_on_failed" or check.status is CheckStatus.PASS
    assert name == "runner_on_ok" or check.status is not CheckStatus.PASS


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_mark_in_an_answer_is_text(tmp_path, folder, forged):
    """A host whose Python was replaced fails; the other one ends well, and its results are told as ever."""
    answer = tmp_path / "python"
    answer.write_text(f"#!{sys.executable}\nprint({json.dumps({'failed': True, 'msg': FORGED[forged]})!r})\n")
    answer.chmod(0o700)
    hosts = tmp_path / "hosts.ini"
    hosts.write_text(
        f"bad ansible_python_interpreter={answer}\ngood ansible_python_interpreter={sys.executable}\n"
        "[all:vars]\nansible_connection=local\n"
    )
    (folder / "01.app.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks: [{ping: {}}, {command: echo done}]\n"
    )
    with installkit.Installer(tmp_path / "data") as installer:
        site = installer.site("acme", inventory=hosts, catalog=folder)
        run = site.start(site.plan(install=["app"]), checks=False).wait(100)
        results = [(each.host, each.status) for each in run.events() if each.kind is EventKind.TASK_RESULT]
        record = {row.host: row.status for row in site.installed()}
        (failure,) = run.failures

    assert {"bad": InstallationStatus.FAILED, "good": InstallationStatus.INSTALLED} == record
    assert [("bad", "failed"), ("good", "changed"), ("good", "ok")] == sorted(results)
    assert FORGED[forged] in failure.message


@pytest.mark.long
@pytest.mark.timeout(300)
def test_an_answer_may_nest_as_deep_as_without_us(folder, tmp_path, installer, monkeypatch):
    """Where Ansible itself begins to stumble, the log beside it is still the same: our own frames cost it nothing."""
    monkeypatch.setenv("ANSIBLE_PIPELINING", "True")
    host = tmp_path / "python"
    host.write_text("#!/bin/sh\nexec cat $0.answer\n")
    host.chmod(0o700)
    inventory = tmp_path / "deep.ini"
    inventory.write_text(f"h1 ansible_connection=local ansible_python_interpreter={host}\n")
    playbook = folder / "01.app.yml"
    playbook.write_text("- hosts: all\n  gather_facts: false\n  ignore_errors: true\n  tasks:\n    - ping:\n")

    def theirs(depth):
        host.with_name("python.answer").write_text(f'{{"failed": true, "a": {"[" * depth}{"]" * depth}}}\n')
        return timeless(bare(playbook, inventory))

    well, stumbles = 100, 400
    assert b"recursion" not in theirs(well)
    assert b"recursion" in theirs(stumbles)
    while stumbles - well > 1:
        middle = (well + stumbles) // 2
        well, stumbles = (well, middle) if b"recursion" in theirs(middle) else (middle, stumbles)

    site = installer.site("deep", inventory=inventory, catalog=folder)
    for depth in (well - 1, well, stumbles, stumbles + 1):
        expected = theirs(depth)
        run = site.start(site.plan(install=["app"], force=["app"]), checks=False).wait(60)

        assert expected == timeless(run.log("app")), depth
