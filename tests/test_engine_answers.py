"""Whatever a managed host answers: what is made of its result is an event, a proof and a finding, and nothing breaks."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from installkit.engine.evidence import Evidence
from installkit.engine.findings import Findings
from installkit.engine.translation import draft_from_runner
from installkit.journal import encode_event
from installkit.model import CheckStatus, Play

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
    findings = Findings("app", "/c", {})
    for item in items:
        findings.observe(event("runner_item_on_failed", item))
    findings.observe(event(name, res))
    (check,) = findings.checks(["bad"], whole=True)

    assert ("app.probe", ("bad",)) == (check.name, check.hosts)
    assert isinstance(check.message, str)
    assert name == "runner_on_failed" or check.status is CheckStatus.PASS
    assert name == "runner_on_ok" or check.status is not CheckStatus.PASS
