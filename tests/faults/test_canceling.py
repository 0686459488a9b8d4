"""Wishes to stop, at any moment, and in any form."""

import json
import time

import pytest

from installkit import EventKind, RunStatus, StepStatus
from invariants import check_run
from plan_steps import component_steps
from plays import noting, play, read_diary
from site_runs import until
from trials import run_trials

LATEST = 15.0
"""Seconds that a run may take to end after it was asked to."""


def cancel_somehow(run, random):
    """Ask *run* to stop, once or twice, mildly or not, at some moment from its first to its last."""
    moment = random.choice(["at once", "under way", "at the end"])
    if moment == "under way":
        time.sleep(random.uniform(0.0, 1.5))
    elif moment == "at the end":
        until(lambda: run.status.final or b"PLAY RECAP" in run.log("mysql"))
        time.sleep(random.uniform(0.0, 0.1))
    for now in random.choice([[True], [False], [False, True], [True, True], [True, False]]):
        run.cancel(now=now)
        time.sleep(random.choice([0.0, 0.0, random.uniform(0.0, 0.3)]))


def test_a_run_canceled_at_any_moment_ends_truly_and_leaves_nothing(make_site, tmp_path, times, seed):
    """R13: in every state, twice, at the moment of the end: a true status, no process left, within 15 seconds."""
    sites = [make_site(name, {"03.mysql": noting(tmp_path / f"{name}.diary", "done")}) for name in ("a", "b", "c")]
    ends = set()

    def _cancel(site, random):
        run = site.start(site.plan(install=["mysql"], force=["mysql"]), checks=False)
        cancel_somehow(run, random)
        asked = time.monotonic()
        run.wait(100)
        took = time.monotonic() - asked
        check_run(run)
        requests = [event for event in run.events() if event.kind is EventKind.CANCEL_REQUESTED]
        done = read_diary(tmp_path / f"{site.name}.diary")
        ends.add(run.status)

        assert took < LATEST
        assert run.status in {RunStatus.CANCELED, RunStatus.SUCCEEDED}
        assert requests or run.status is RunStatus.SUCCEEDED
        assert ["done"] == done or run.status is RunStatus.CANCELED

    run_trials(times(12, 1000), seed, _cancel, sites)

    assert RunStatus.CANCELED in ends


UNREADABLE = (
    '{"format": 99, "cancel": {"when": "soon"}}',  # of a newer installkit
    '{"format": 1, "cancel": {"at": 3}}',
    '{"format": 1, "can',
)


def test_a_request_that_cannot_be_read_stops_nothing_and_is_told(make_site, tmp_path):
    """R13: the run goes on with a warning for each, and a request that can be read still stops it."""
    gate = tmp_path / "gate"
    wait = f"raw: while ! test -e {gate}; do sleep 0.1; done"
    site = make_site("acme", {"03.mysql": play(wait), "08.zk": play("debug:")})
    run = site.start(site.plan(all=True), checks=False)

    def _warnings():
        return [event.message for event in run.events() if event.kind is EventKind.WARNING]

    for number, content in enumerate(UNREADABLE, 1):
        (run._journal.path / "cancel.json").write_text(content)
        until(lambda number=number: len(_warnings()) == number)
    time.sleep(0.5)
    status = run.status
    run.cancel(by="ann")
    until(lambda: run.snapshot().cancel_requested_at)
    gate.touch()
    run.wait(100)

    assert RunStatus.RUNNING is status
    assert len(UNREADABLE) == len(_warnings())
    assert all("a request to cancel is passed over" in message and "cancel.json" in message for message in _warnings())
    assert [StepStatus.SUCCEEDED, StepStatus.SKIPPED] == [step.status for step in component_steps(run.steps)]
    assert RunStatus.CANCELED is run.status
    assert "ann" == json.loads((run._journal.path / "cancel.json").read_text())["cancel"]["by"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(play("pause: {prompt: 'Go on?'}"), id="pause"),
        pytest.param(play("raw: 'read answer < /dev/tty || sleep 60'"), id="a program that asks"),
    ],
)
def test_a_question_that_nobody_answers_ends_at_the_runs_timeout(make_site, text):
    """R14: what nobody is there to answer does not hold the site for ever; the end says what it was."""
    site = make_site("acme", {"03.mysql": text})
    run = site.start(site.plan(install=["mysql"]), timeout=3.0, checks=False).wait(100)

    assert RunStatus.TIMED_OUT is run.status
    assert "mysql" in run.snapshot().reason
