"""A supervisor that waits for approvals."""

import os
import signal
import time

import pytest

from installkit import EventKind, RunStatus
from installkit.errors import PlanningError
from site_runs import processes_with, until
from waiting_runs import start_waiting


def messages(run, kind):
    return [event.message for event in run.events() if event.kind is kind]


def statuses(run):
    return [step.status.value for step in run.steps]


def waits(run):
    return run.status is RunStatus.WAITING


def test_the_time_in_which_people_are_waited_for_is_not_the_runs(installer):
    run = start_waiting(installer, timeout=1.0)
    until(lambda: waits(run))
    time.sleep(2.5)

    assert waits(run)
    run.approve()
    assert RunStatus.SUCCEEDED is run.wait(20).status


def test_each_approval_is_for_one_wait_and_says_whose_it_is(installer):
    """Whoever asked first is told; nothing is approved ahead, and nothing where nothing waits."""
    run = start_waiting(installer, hosts=("h1", "h2", "h3"))
    until(lambda: waits(run))
    run.approve(by="ann")
    until(lambda: len(messages(run, EventKind.APPROVAL_REQUESTED)) == 2)
    time.sleep(1.5)
    again = statuses(run)
    run.approve(by="bob")
    run.wait(20)

    assert ["succeeded", "succeeded", "waiting"] == again
    assert ["approved by ann", "approved by bob"] == messages(run, EventKind.APPROVED)
    with pytest.raises(PlanningError, match=f"nothing waits for an approval in run {run.id}: its status is succeeded"):
        run.approve()


def test_a_run_that_waits_can_be_canceled(installer):
    run = start_waiting(installer)
    until(lambda: waits(run))
    run.cancel(by="ann")
    run.wait(20)

    assert (RunStatus.CANCELED, "by ann") == (run.status, run.snapshot().reason)
    assert ["succeeded", "skipped"] == statuses(run)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        pytest.param(signal.SIGKILL, "its supervisor died", id="killed"),
        pytest.param(signal.SIGTERM, "nobody can vouch for the end of the run", id="asked to end"),
    ],
)
def test_a_supervisor_that_ends_while_it_waits_leaves_what_was_done(installer, number, reason):
    """What waited has not begun: it is skipped, and in no record."""
    run = start_waiting(installer)
    until(lambda: waits(run))
    for pid in processes_with(f"installkit.engine {run._journal.path}"):
        os.kill(pid, number)
    run.wait(20)

    assert (RunStatus.INTERRUPTED, reason) == (run.status, run.snapshot().reason)
    assert ["succeeded", "skipped"] == statuses(run)
    assert ["h1"] == [row.host for row in run.result().installed]


def test_an_approval_that_cannot_be_read_starts_nothing_and_is_told(installer):
    run = start_waiting(installer)
    until(lambda: waits(run))
    (run._journal.path / f"approve-{run.steps[1].id}.json").write_text('{"format": 99, "approve": {}}')
    until(lambda: messages(run, EventKind.WARNING))
    still = run.status
    run.approve()

    assert RunStatus.WAITING is still
    assert RunStatus.SUCCEEDED is run.wait(20).status
    assert ["a request to approve is passed over"] == [
        message.partition(":")[0] for message in messages(run, EventKind.WARNING)
    ]


def test_a_dry_run_waits_for_nobody(installer):
    """It leaves nothing that could be approved of."""
    assert RunStatus.SUCCEEDED is start_waiting(installer, check_mode=True).wait(20).status
