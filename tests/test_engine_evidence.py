"""What a step's events prove: recorded runs of real playbooks, and events taken out of them."""

import json
from pathlib import Path

import pytest

from installkit.engine.evidence import Evidence
from installkit.engine.outcome import About, broke_off, judge, not_started
from installkit.engine.translation import event_text
from installkit.model import Action, FailureCode, HostStatus, Play, Step, StepStatus

EVENTS = Path(__file__).parent / "data" / "events"
ALL = ("h1", "h2", "h3")
RECAP = "playbook_on_stats"


def recorded(case):
    return [json.loads(line) for line in (EVENTS / f"{case}.jsonl").read_text().splitlines()]


def about(*hosts):
    step = Step(id="mysql", seq=1, component="mysql", action=Action.INSTALL, hosts=hosts, playbook="03.mysql.yml")
    return About("7f3c00000001", step)


def proved(events, *plays, **may):
    hosts = tuple(dict.fromkeys(host for hosts in plays for host in hosts))
    planned = [Play(name="", pattern="all", hosts=play) for play in plays]
    evidence = Evidence(hosts, planned, "/catalog", **may)
    for event in events:
        evidence.observe(event, event_text(event))
    return evidence, about(*hosts)


def verdict(events, *plays, rc=0, stopped=False, **may):
    evidence, step = proved(events, *plays, **may)
    return judge(step, evidence, rc, stopped=stopped)


def result(name, host, task="t1", play="p1", **more):
    data = {"host": host, "task": task, "task_uuid": task, "play_uuid": play, "task_action": "command", **more}
    return {"event": f"runner_on_{name}", "event_data": data}


def start(play="p1"):
    return {"event": "playbook_on_play_start", "event_data": {"play_uuid": play}}


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
    assert () == outcome.unproved


def test_a_batch_that_never_began_is_unfinished():
    """All batches of a play are one play; what stood behind the failed batch ran nowhere, so that nobody is done."""
    outcome = verdict(recorded("serial"), ALL, ("h1",), rc=2)

    assert {"h1": "changed", "h2": "failed", "h3": "unfinished"} == outcome.host_statuses
    assert [FailureCode.TASK_FAILED, FailureCode.HOST_UNFINISHED] == [failure.code for failure in outcome.failures]
    assert ("h1",) == outcome.unproved


def test_a_batch_of_one_that_is_lost_leaves_the_next_unfinished():
    """With `serial: 1` no task runs on several hosts; Ansible stops without a word on those that it never came to."""
    first = [start(), result("ok", "h1"), result("failed", "h2", task="t2")]
    gone = [result("unreachable", "h2")]

    for events in (first, [start(), result("ok", "h1"), *gone]):
        outcome = verdict([*events, recap(h1={"ok": 1}, h2={"failures": 1})], ALL, rc=2)
        assert {"h1": "ok", "h2": "failed", "h3": "unfinished"} == outcome.host_statuses


def test_a_run_once_play_before_one_that_loses_a_host_is_well():
    """The host is lost elsewhere: of the first play nothing more can be asked than without."""
    later = [start("p2"), result("ok", "h1", play="p2"), result("failed", "h2", play="p2")]
    events = [start(), result("ok", "h2"), *later, recap(h1={"ok": 1}, h2={"ok": 1, "failures": 1})]

    assert {"h1": "ok", "h2": "failed", "h3": "ok"} == verdict(events, ALL, ("h1", "h2"), rc=2).host_statuses


@pytest.mark.parametrize(("case", "fatal"), [("fatal", True), ("max_fail", False)])
def test_a_play_that_was_given_up_for_all_proves_nobody_done(case, fatal):
    """The good hosts never saw the play's last task. Of `any_errors_fatal` no event tells."""
    outcome = verdict(recorded(case), ALL, rc=2, fatal=fatal)

    assert {"h1": "changed", "h2": "failed", "h3": "changed"} == outcome.host_statuses
    assert ("h1", "h3") == outcome.unproved


def test_a_failure_on_one_host_leaves_the_others_proved():
    events = [start(), result("ok", "h1"), result("failed", "h2"), recap(h1={"ok": 1}, h2={"failures": 1})]

    assert () == verdict(events, ("h1", "h2"), rc=2).unproved


def test_a_failure_that_the_playbook_took_back_is_none():
    """`meta: clear_host_errors`, and later tasks went well there: Ansible exits with 0, and so do we."""
    outcome = verdict(recorded("cleared"), ("h1", "gone"))

    assert StepStatus.SUCCEEDED is outcome.status
    assert {"h1": "ok", "gone": "ok"} == outcome.host_statuses


def test_what_runs_always_after_a_failure_does_not_take_it_back():
    outcome = verdict(recorded("cleared"), ("h1", "gone"), rc=4)

    assert StepStatus.FAILED is outcome.status
    assert HostStatus.UNREACHABLE is outcome.host_statuses["gone"]


def test_a_host_that_ended_early_and_a_run_once_play_are_well():
    """`end_host` under the free strategy; and of a play whose tasks ran on one host only, nothing can be asked."""
    outcome = verdict(recorded("free"), ("h1", "h2"), ALL)

    assert StepStatus.SUCCEEDED is outcome.status
    assert {"h1": "changed", "h2": "ok", "h3": "ok"} == outcome.host_statuses


@pytest.mark.parametrize("case", ["results", "serial", "fatal", "max_fail", "cleared", "free"])
def test_after_the_last_event_no_task_is_under_way(case):
    """Else a service that a finished task started would be taken for a leftover."""
    assert proved(recorded(case), ALL)[0].idle


@pytest.mark.parametrize("case", ["results", "serial", "fatal", "max_fail", "cleared", "free"])
@pytest.mark.parametrize("rc", [0, 2, None])
def test_no_beginning_of_a_run_is_a_success(case, rc):
    """Wherever the stream of events is cut off, nothing is proved without the recap."""
    events = recorded(case)
    whole = next(place for place, event in enumerate(events) if event["event"] == RECAP)
    verdicts = {verdict(events[:end], ALL, rc=rc).status for end in range(whole + 1)}

    assert {StepStatus.FAILED} == verdicts


def test_a_planned_host_without_a_result_is_unfinished():
    events = [start(), result("ok", "h1"), result("ok", "h2"), recap(h1={"ok": 1}, h2={"ok": 1})]
    outcome = verdict(events, ALL)

    assert StepStatus.FAILED is outcome.status
    assert [(FailureCode.HOST_UNFINISHED, ("h3",))] == [(each.code, each.hosts) for each in outcome.failures]


def test_a_host_that_its_playbook_let_go_is_well():
    """`meta: end_host` before a host's first task: no event tells it, so Ansible's exit status decides."""
    events = [start(), result("ok", "h1"), result("ok", "h2"), recap(h1={"ok": 1}, h2={"ok": 1})]

    assert StepStatus.SUCCEEDED is verdict(events, ALL, leaving=True).status
    assert HostStatus.UNFINISHED is verdict(events, ALL, rc=2, leaving=True).host_statuses["h3"]


@pytest.mark.parametrize("module", ["setup", "ansible.builtin.gather_facts"])
def test_facts_from_the_cache_leave_no_host_unfinished(module):
    """Only hosts whose facts are not known yet are gathered; that says nothing of the others."""
    gathered = [result("ok", host, task_action=module) for host in ("h1", "h2")]
    events = [start(), *gathered, result("ok", "h1", "t2"), recap(h1={"ok": 2}, h2={"ok": 1})]

    assert StepStatus.SUCCEEDED is verdict(events, ALL).status


def test_exit_status_zero_without_any_result_is_no_success():
    outcome = verdict([start(), recap()], ("h1",))

    assert StepStatus.FAILED is outcome.status
    assert [FailureCode.NO_HOST_MATCHED] == [failure.code for failure in outcome.failures]


def test_good_hosts_and_a_bad_exit_status_are_no_success():
    outcome = verdict([start(), result("ok", "h1"), recap(h1={"ok": 1})], ("h1",), rc=250)

    assert [FailureCode.ANSIBLE_BROKE_OFF] == [failure.code for failure in outcome.failures]
    assert "exited with 250 although no host failed" in outcome.failures[0].message


def test_what_ansible_said_before_any_play_is_the_message_without_colours():
    said = {
        "event": "verbose",
        "stdout": "\x1b[0;31m[ERROR]: no such \udcff file\x1b[0m",
        "start_line": 0,
        "end_line": 1,
    }
    evidence, step = proved([], ("h1",))
    evidence.observe(said, "\x1b[0;31m[ERROR]: no such file\x1b[0m\n")
    (failure,) = judge(step, evidence, 1, stopped=False).failures

    assert (FailureCode.PLAYBOOK_INVALID, "[ERROR]: no such file") == (failure.code, failure.message)


def test_the_item_that_failed_is_the_message_of_its_loop():
    item = result("failed", "h1", res={"msg": "no space"})
    item["event"] = "runner_item_on_failed"
    events = [start(), item, result("failed", "h1", res={"msg": "One or more items failed"}), recap(h1={"failures": 1})]

    assert ["no space"] == [failure.message for failure in verdict(events, ("h1",), rc=2).failures]


def test_a_stop_that_came_too_late_does_not_matter():
    events = [start(), result("ok", "h1"), recap(h1={"ok": 1})]

    assert StepStatus.SUCCEEDED is verdict(events, ("h1",), stopped=True).status
    assert StepStatus.CANCELED is verdict(events[:2], ("h1",), rc=None, stopped=True).status


def test_an_engine_that_broke_off_proves_only_what_failed():
    events = [start(), result("failed", "h1", res={"msg": "bad"}), result("ok", "h2")]
    evidence, step = proved(events, ("h1", "h2"))
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
    never = verdict([start(), lost, recap(h1={"ok": 1, "ignored": 1})], ("h1",))
    once = verdict([start(), result("ok", "h1", task="t0"), lost, recap(h1={"ok": 2, "ignored": 1})], ("h1",))

    assert (StepStatus.FAILED, {"h1": HostStatus.UNREACHABLE}) == (never.status, never.host_statuses)
    assert [FailureCode.HOST_UNREACHABLE] == [failure.code for failure in never.failures]
    assert (StepStatus.SUCCEEDED, {"h1": HostStatus.OK}) == (once.status, once.host_statuses)


def test_batches_behind_the_one_that_ended_the_play_are_unfinished():
    """No event tells `meta: end_play`; where a playbook may end a play between batches, a host needs a result."""
    events = [start("p1_1"), result("ok", "h1", play="p1_1"), start("p1_2"), recap(h1={"ok": 1})]

    assert {"h1": "ok", "h2": "unfinished", "h3": "unfinished"} == verdict(events, ALL, cutting=True).host_statuses
    assert {"h1": "ok", "h2": "ok", "h3": "ok"} == verdict(events, ALL).host_statuses
