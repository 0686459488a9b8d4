"""What a step's reports prove: recorded runs of real playbooks, and reports made up for what those do not show."""

import json
from pathlib import Path

import pytest

from installkit.engine.evidence import Evidence
from installkit.engine.outcome import About, broke_off, judge, not_started
from installkit.model import Action, FailureCode, HostStatus, Play, Step, StepStatus

EVENTS = Path(__file__).parent / "data" / "events"
CASES = ["results", "serial", "fatal", "max_fail", "cleared", "free"]
ALL = ("h1", "h2", "h3")
RECAP = "playbook_on_stats"


def recorded(case):
    return [json.loads(line) for line in (EVENTS / f"{case}.jsonl").read_text().splitlines()]


def about(*hosts):
    step = Step(id="mysql", seq=1, component="mysql", action=Action.INSTALL, hosts=hosts, playbook="03.mysql.yml")
    return About("7f3c00000001", step)


def proved(reports, *plays):
    hosts = tuple(dict.fromkeys(host for hosts in plays for host in hosts))
    planned = [Play(name="", pattern="all", hosts=play) for play in plays]
    evidence = Evidence(hosts, planned, "/catalog")
    for report in reports:
        if "proof" in report:
            evidence.observe_proof(report)
        else:
            evidence.observe(report, report.get("text", ""))
    return evidence, about(*hosts)


def verdict(reports, *plays, rc=0, stopped=False):
    evidence, step = proved(reports, *plays)
    return judge(step, evidence, rc, stopped=stopped)


def result(name, host, task="t1", **more):
    data = {"host": host, "task": task, "task_uuid": task, "play_uuid": "p1", "task_action": "command", **more}
    return {"event": f"runner_on_{name}", "event_data": data}


def state(**more):
    """What Ansible knows of a host that came to its end, but for *more*."""
    whole = {"run": "COMPLETE", "fail": 0, "block": 5, "blocks": 5, "unreachable": False, "calls": []}
    return {**whole, **more}


def batch(tasks=1, *, tagged=False, **hosts):
    """What the plugin reports of one batch, whose hosts ended in these states."""
    began = {"proof": "began", "hosts": list(hosts), "tasks": tasks, "tagged": tagged}
    return [began, {"proof": "ended", "hosts": hosts, "end_play": False, "not_reached": False}]


def play(*batches, of=None):
    """What the plugin reports of a play: the hosts that its batches should have, and then those."""
    expected = of or [each[0]["hosts"] for each in batches]
    return [{"proof": "play", "batches": expected}, *(report for each in batches for report in each)]


def recap(**hosts):
    """Count for each host as `ok=1` writes it."""
    words = {"ok", "changed", "dark", "failures", "skipped", "rescued", "ignored"}
    counts = {word: {host: row[word] for host, row in hosts.items() if word in row} for word in words}
    return {"event": RECAP, "event_data": counts}


def test_every_kind_of_result_is_weighed():
    """Rescued and ignored failures are none; each lost host is told with its task, its place and what was said."""
    outcome = verdict(recorded("results"), ("h1", "h2", "gone"), (), rc=2)
    failed = {failure.hosts: (failure.code, failure.task, failure.location) for failure in outcome.failures}

    assert StepStatus.FAILED is outcome.status
    assert {"h1": "changed", "h2": "failed", "gone": "unreachable"} == outcome.host_statuses
    assert (FailureCode.TASK_FAILED, "Fail", "results.yml:47") == failed["h2",]
    assert (FailureCode.HOST_UNREACHABLE, "Ping", "results.yml:5") == failed["gone",]
    assert {"ok": 14, "changed": 6, "unreachable": 0, "failed": 0, "skipped": 2, "rescued": 1, "ignored": 1} == (
        outcome.recap["h1"]
    )


def test_a_batch_that_never_began_is_unfinished():
    """What stands behind the failed batch ran nowhere; nor did the play behind it, so that nobody of it is done."""
    outcome = verdict(recorded("serial"), ALL, ("h1",), rc=2)

    assert {"h1": "unfinished", "h2": "failed", "h3": "unfinished"} == outcome.host_statuses
    assert {"h1": "changed", "h2": "failed", "h3": "unfinished"} == verdict(recorded("serial"), ALL, rc=2).host_statuses
    assert [FailureCode.TASK_FAILED, FailureCode.HOST_UNFINISHED] == [failure.code for failure in outcome.failures]


@pytest.mark.parametrize("case", ["fatal", "max_fail"])
def test_a_play_that_was_given_up_for_all_proves_nobody_done(case):
    """The good hosts never saw the play's last task, and Ansible counts them as failed, too."""
    outcome = verdict(recorded(case), ALL, rc=2)

    assert {"h1": "failed", "h2": "failed", "h3": "failed"} == outcome.host_statuses
    assert [("h2",), ("h1", "h3")] == [failure.hosts for failure in outcome.failures]
    assert f"a failure on another one: 'Break' on h2 ({case}.yml:8): " in outcome.failures[1].message


def test_a_failure_that_was_taken_back_proves_nothing():
    """`meta: clear_host_errors`: the task that failed is not done, though Ansible exits with 0."""
    outcome = verdict(recorded("cleared"), ("h1", "gone"))

    assert StepStatus.FAILED is outcome.status
    assert {"h1": "ok", "gone": "unreachable"} == outcome.host_statuses


def test_a_host_that_ended_early_and_a_run_once_play_are_well():
    """`end_host` under the free strategy is the playbook's own word; a `run_once` play covers all its hosts."""
    outcome = verdict(recorded("free"), ("h1", "h2"), ALL)

    assert StepStatus.SUCCEEDED is outcome.status
    assert {"h1": "changed", "h2": "ok", "h3": "ok"} == outcome.host_statuses


@pytest.mark.parametrize("case", CASES)
def test_after_the_last_event_no_task_is_under_way(case):
    """Else a service that a finished task started would be taken for a leftover."""
    assert proved(recorded(case), ALL)[0].idle


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rc", [0, 2, None])
def test_no_beginning_of_a_run_is_a_success(case, rc):
    """Wherever the reports are cut off, nothing is proved without the recap."""
    reports = recorded(case)
    whole = next(place for place, report in enumerate(reports) if report.get("event") == RECAP)
    verdicts = {verdict(reports[:end], ALL, rc=rc).status for end in range(whole + 1)}

    assert {StepStatus.FAILED} == verdicts


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        pytest.param(state(), "ok", id="came to its end"),
        pytest.param(state(fail=2, block=2), "failed", id="failed"),
        pytest.param(state(fail=32, block=2), "failed", id="failed in a way that newer versions know"),
        pytest.param(state(unreachable=True, run="TASKS", block=2), "unreachable", id="lost without a fail state"),
        pytest.param(state(run="TASKS", block=2), "unfinished", id="an exception ended the play"),
        pytest.param(state(block=2), "unfinished", id="complete before the last block, and nobody says why"),
        pytest.param(state(block=2, calls=[["end_host", [["TASKS", 0, 0]], False]]), "ok", id="let go"),
        pytest.param(
            state(block=2, calls=[["end_host", [["TASKS", 0, 0], ["RESCUE", 2, 1]], False]]),
            "ok",
            id="let go by a rescue",
        ),
        pytest.param(
            state(block=2, calls=[["end_host", [["ALWAYS", 2, 0]], False]]), "unfinished", id="let go after a failure"
        ),
        pytest.param(
            state(calls=[["clear_host_errors", [["COMPLETE", 2, 0]], False]]),
            "unfinished",
            id="its failure was cleared",
        ),
        pytest.param(
            state(calls=[["clear_host_errors", [["TASKS", 0, 0]], True]]), "unfinished", id="its loss was cleared"
        ),
        pytest.param(
            state(calls=[["clear_host_errors", [["SETUP", 1, 0]], False]]), "ok", id="cleared before this play began"
        ),
        pytest.param(state(calls=[["clear_host_errors", [["TASKS", 0, 0]], False]]), "ok", id="nothing to clear"),
        pytest.param(None, "unfinished", id="no state"),
    ],
)
def test_a_hosts_state_decides(ended, status):
    """The table at the head of the module, line by line; another host is lost, so that the exit status is explained."""
    hosts = {"h1": ended, "h2": state(fail=2)} if ended else {"h2": state(fail=2)}
    reports = [*play(batch(**hosts), of=[["h1", "h2"]]), recap(h1={"ok": 1}, h2={"failures": 1})]

    assert status == verdict(reports, ("h1", "h2"), rc=2).host_statuses["h1"]


def test_a_batch_that_was_never_left_proves_nothing():
    """A signal or a crash: the plugin had no time to say anything."""
    reports = [*play(batch(h1=state())[:1]), recap(h1={"ok": 1})]

    assert "unfinished" == verdict(reports, ("h1",)).host_statuses["h1"]


def test_a_stub_of_another_batch_is_passed_over():
    stub = state(fail=1, block=0, blocks=0)
    reports = [*play(batch(h1=state(), h2=stub), batch(h2=state())), recap(h1={"ok": 1}, h2={"ok": 1})]

    assert {"h1": "ok", "h2": "ok"} == verdict(reports, ("h1", "h2")).host_statuses


@pytest.mark.parametrize(("end_play", "status"), [(True, "ok"), (False, "unfinished")])
def test_batches_behind_the_one_that_ended_the_play_follow_its_word(end_play, status):
    """`meta: end_play` lets all its hosts go; without it Ansible stopped for another reason."""
    first = batch(h1=state())
    first[1]["end_play"] = end_play
    reports = [*play(first, of=[["h1"], ["h2"]]), recap(h1={"ok": 1})]

    assert {"h1": "ok", "h2": status} == verdict(reports, ("h1", "h2")).host_statuses


def test_a_task_to_start_at_that_was_never_reached_proves_nothing():
    never = batch(h1=state())
    never[1]["not_reached"] = True

    assert "unfinished" == verdict([*play(never), recap()], ("h1",)).host_statuses["h1"]


def test_a_planned_host_that_no_play_held_is_unfinished():
    outcome = verdict([*play(batch(h1=state())), recap(h1={"ok": 1})], ("h1", "h2"))

    assert {"h1": "ok", "h2": "unfinished"} == outcome.host_statuses
    assert [("h2",)] == [failure.hosts for failure in outcome.failures if "no play held" in failure.message]


def test_a_play_that_held_fewer_hosts_than_planned_proves_nothing_of_them():
    """The inventory, or a value, answers differently than when the plan was made."""
    reports = [*play(batch(h1=state(), h2=state())), *play(batch(h1=state())), recap(h1={"ok": 2}, h2={"ok": 1})]

    assert {"h1": "ok", "h2": "unfinished"} == verdict(reports, ("h1", "h2"), ("h1", "h2")).host_statuses


def test_a_playbook_may_move_its_hosts_itself():
    """`group_by` and a play on those that are not in the new group."""
    made = {"proof": "made", "hosts": []}
    reports = [*play(batch(h1=state(), h2=state())), made, *play(batch(h1=state())), recap(h1={"ok": 2}, h2={"ok": 1})]

    assert {"h1": "ok", "h2": "ok"} == verdict(reports, ("h1", "h2"), ("h1", "h2")).host_statuses


def test_a_play_that_was_planned_and_never_begun_proves_none_of_its_hosts():
    reports = [*play(batch(h1=state(fail=2), h2=state())), recap(h1={"failures": 1}, h2={"ok": 1})]

    assert {"h1": "failed", "h2": "unfinished"} == verdict(reports, ("h1", "h2"), ("h2",), rc=2).host_statuses


def test_tags_that_leave_nothing_to_do_fail_the_step():
    outcome = verdict([*play(batch(0, tagged=True, h1=state())), recap(h1={})], ("h1",))

    assert [FailureCode.NOTHING_RAN] == [failure.code for failure in outcome.failures]
    assert StepStatus.SUCCEEDED is verdict([*play(batch(0, h1=state())), recap(h1={})], ("h1",)).status


def test_a_play_beyond_the_plan_is_named():
    reports = [*play(of=[["h9"]]), {"proof": "unplanned", "hosts": ["h9"]}]
    (failure,) = verdict(reports, ("h1",), rc=1).failures

    assert (FailureCode.HOST_UNPLANNED, ("h9",)) == (failure.code, failure.hosts)


def test_exit_status_zero_without_any_planned_host_is_no_success():
    outcome = verdict([*play(of=[]), recap()], ("h1",))

    assert StepStatus.FAILED is outcome.status
    assert [FailureCode.NO_HOST_MATCHED] == [failure.code for failure in outcome.failures]


def test_good_hosts_and_a_bad_exit_status_are_no_success():
    """Nobody can say what Ansible complains of, so nothing is proved."""
    outcome = verdict([*play(batch(h1=state())), recap(h1={"ok": 1})], ("h1",), rc=250)

    assert {"h1": "unfinished"} == outcome.host_statuses
    assert [FailureCode.ANSIBLE_BROKE_OFF] == [failure.code for failure in outcome.failures]
    assert "exited with 250 although no host failed" in outcome.failures[0].message


def test_what_ansible_said_before_any_play_is_the_message_without_colours():
    said = {"event": "verbose", "text": "\x1b[0;31m[ERROR]: no such file\x1b[0m\n"}
    (failure,) = verdict([said], ("h1",), rc=1).failures

    assert (FailureCode.PLAYBOOK_INVALID, "[ERROR]: no such file") == (failure.code, failure.message)


def test_the_item_that_failed_is_the_message_of_its_loop():
    item = result("failed", "h1", res={"msg": "no space"})
    item["event"] = "runner_item_on_failed"
    failed = result("failed", "h1", res={"msg": "One or more items failed"})
    reports = [*play(batch(h1=state(fail=2))), item, failed, recap(h1={"failures": 1})]

    assert ["no space"] == [failure.message for failure in verdict(reports, ("h1",), rc=2).failures]


def failures_of(*results):
    reports = [*play(batch(h1=state(fail=2))), *results, recap(h1={"failures": 1})]
    return [(failure.task, failure.message) for failure in verdict(reports, ("h1",), rc=2).failures]


def test_the_cause_comes_before_what_followed_from_it():
    """A rescue that gives up says so, and is not what went wrong."""
    cause = result("failed", "h1", "Unpack", res={"msg": "no space"}, after_failure=False)
    then = result("failed", "h1", "Give up", res={"msg": "see above"}, after_failure=True)

    assert [("Unpack", "no space"), ("Give up", "see above")] == failures_of(cause, then)


def test_what_was_rescued_is_named_beside_what_ended_the_host():
    rescued = result("failed", "h1", "Unpack", res={"msg": "no space"}, after_failure=False)
    later = result("failed", "h1", "Start", res={"msg": "no binary"}, after_failure=False)

    assert [("Start", "no binary\nbefore that 'Unpack' failed and was rescued: no space")] == failures_of(
        rescued, later
    )


def test_a_stop_that_came_too_late_does_not_matter():
    reports = [*play(batch(h1=state())), recap(h1={"ok": 1})]

    assert StepStatus.SUCCEEDED is verdict(reports, ("h1",), stopped=True).status
    assert StepStatus.CANCELED is verdict(reports[:2], ("h1",), rc=None, stopped=True).status


def test_an_engine_that_broke_off_proves_only_what_failed():
    reports = [*play(batch(h1=state(), h2=state())[:1]), result("failed", "h1", res={"msg": "bad"}), result("ok", "h2")]
    evidence, step = proved(reports, ("h1", "h2"))
    outcome = broke_off(step, evidence, FailureCode.ANSIBLE_BROKE_OFF, "gone", stopped=False)

    assert StepStatus.FAILED is outcome.status
    assert {"h1": "failed", "h2": "unfinished"} == outcome.host_statuses
    assert ["gone", "bad"] == [failure.message for failure in outcome.failures]


def test_a_step_that_never_started_leaves_its_hosts_unfinished():
    outcome = not_started(about("h1"), FailureCode.SECRET_MISSING, "no value was given for p")

    assert (StepStatus.FAILED, {"h1": "unfinished"}) == (outcome.status, outcome.host_statuses)


def test_a_host_that_was_never_reached_is_not_well_though_the_playbook_ignores_it():
    """With `ignore_unreachable` Ansible counts it as `ok` and exits with 0; one that was reached at some task is well."""
    lost = result("unreachable", "h1", res={"msg": "Connection refused"})
    whole = [*play(batch(h1=state())), recap(h1={"ok": 1, "ignored": 1})]
    never = verdict([lost, *whole], ("h1",))
    once = verdict([result("ok", "h1", task="t0"), lost, *whole], ("h1",))

    assert (StepStatus.FAILED, {"h1": HostStatus.UNREACHABLE}) == (never.status, never.host_statuses)
    assert [FailureCode.HOST_UNREACHABLE] == [failure.code for failure in never.failures]
    assert (StepStatus.SUCCEEDED, {"h1": HostStatus.OK}) == (once.status, once.host_statuses)
