"""Where a run stands, folded from events that a real playbook made."""

import json
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from installkit.ansible.events import draft_from_runner
from installkit.model import (
    Action,
    Event,
    EventKind,
    Plan,
    Progress,
    Request,
    RunOptions,
    RunProgress,
    RunSpec,
    Step,
    StepSpec,
    StepStatus,
)

RECORDED = Path(__file__).parent / "data" / "events" / "results.jsonl"
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def make_spec(*, unwanted=()):
    """Return a run of one step, behind others that are not wanted."""
    hosts = ("h1", "h2", "gone")
    step = Step(id="s", seq=1, component="a", action=Action.INSTALL, hosts=hosts, playbook="results.yml")
    steps = (*(attrs.evolve(step, id=name) for name in unwanted), step)
    plan = Plan(id="7f3c", site="acme", revision=None, digest="d", created_at=NOW, request=Request(), steps=steps)
    return RunSpec(
        run="7f3c",
        site="acme",
        catalog=RECORDED.parent,
        plan=plan,
        options=RunOptions(),
        steps=tuple(
            StepSpec(
                step=each.id,
                folder=RECORDED.parent,
                playbook=None,
                sources=(),
                skipped="not wanted" if each.id in unwanted else None,
            )
            for each in steps
        ),
        created_at=NOW,
    )


def statuses_after(task, host):
    """Return how the hosts stand right after the last result of *task* on *host*."""
    raws = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    drafts = [{"kind": EventKind.STEP_STARTED}, *(draft for raw in raws if (draft := draft_from_runner(raw)))]
    ends = [n for n, draft in enumerate(drafts) if (draft["kind"], draft.get("task")) == ("task_result", task)]
    end = max(n for n in ends if drafts[n]["host"] == host)
    progress = RunProgress(make_spec())
    for seq, draft in enumerate(drafts[: end + 1], start=1):
        progress.feed(Event(seq=seq, time=NOW, run="7f3c", step="s", **{**draft, "kind": EventKind(draft["kind"])}))
    return progress.step("s").host_statuses


@pytest.mark.parametrize(
    ("task", "host", "status"),
    [
        pytest.param("Ping", "gone", "unreachable", id="unreachable"),
        pytest.param("Ignore", "h1", "changed", id="ignored"),
        pytest.param("Break", "h1", "failed", id="failed"),
        pytest.param("Save", "h1", "running", id="rescued"),
        pytest.param("Fail", "h2", "failed", id="failed for good"),
    ],
)
def test_a_host_that_goes_on_after_a_failure_is_not_lost(task, host, status):
    """Nothing tells a failure that will be rescued; the next result on the host does."""
    assert status == statuses_after(task, host)[host]


def test_what_is_not_wanted_is_no_step_to_wait_for():
    """A run that did all else has come to its end, whatever is counted."""
    progress = RunProgress(make_spec(unwanted=("checks",)))
    progress.feed(Event(seq=1, time=NOW, run="7f3c", step="checks", kind=EventKind.STEP_FINISHED, status="skipped"))
    before = progress.snapshot()
    progress.feed(Event(seq=2, time=NOW, run="7f3c", step="s", kind=EventKind.STEP_FINISHED, status="succeeded"))
    after = progress.snapshot()

    assert [StepStatus.SKIPPED, StepStatus.SUCCEEDED] == [step.status for step in after.steps]
    assert (Progress(done=0, total=1), Progress(done=1, total=1)) == (before.progress, after.progress)
    assert after == RunProgress(make_spec(unwanted=("checks",)), since=after).snapshot()
