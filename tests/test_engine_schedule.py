"""Which step may start next."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from installkit.engine.schedule import doomed_steps, jobs_of, ready_steps
from installkit.model import Action, Plan, Request, RunOptions, RunSpec, Step, StepSpec, StepStatus

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def step(name, *, hosts=("h1",), needs=(), component=None, action=Action.INSTALL):
    return Step(
        id=name,
        seq=1,
        component=component or name,
        action=action,
        hosts=hosts,
        needs=needs,
        playbook=f"{name}.yml",
    )


def a_run(*steps, jobs=None, shared=(), unwanted=()):
    plan = Plan(
        id="7f3c00000001", site="acme", revision=None, digest="", created_at=NOW, request=Request(), steps=steps
    )
    return RunSpec(
        run=plan.id,
        site="acme",
        catalog=Path("/catalog"),
        plan=plan,
        options=RunOptions(jobs=jobs),
        steps=tuple(
            StepSpec(
                step=each.id,
                folder=Path("/catalog"),
                playbook=Path("/catalog", each.playbook),
                sources=(),
                exclusive=each.id not in shared,
                skipped="not wanted" if each.id in unwanted else None,
            )
            for each in steps
        ),
        created_at=NOW,
    )


def ready(spec, **known):
    statuses = {each.id: StepStatus(known.get(each.id, "pending")) for each in spec.plan.steps}
    return [each.id for each in ready_steps(spec, statuses)]


def doomed(spec, **known):
    statuses = {each.id: StepStatus(known.get(each.id, "pending")) for each in spec.plan.steps}
    return [each.id for each in doomed_steps(spec, statuses)]


@pytest.mark.parametrize(
    ("before", "starts"),
    [
        ("pending", ["a"]),
        ("running", []),
        ("waiting", []),
        ("succeeded", ["b"]),
        ("failed", []),
        ("skipped", []),
    ],
)
def test_a_step_starts_when_what_it_needs_has_succeeded(before, starts):
    spec = a_run(step("a"), step("b", hosts=("h2",), needs=("a",)))

    assert starts == ready(spec, a=before)


def test_steps_without_a_host_in_common_start_together():
    spec = a_run(step("a"), step("b"), step("c", hosts=("h2", "h3")))

    assert ["a", "c"] == ready(spec)
    assert ["c"] == ready(spec, a="running")


def test_components_share_a_host_only_if_both_allow_it():
    steps = (step("a"), step("b"), step("c"))

    assert ["a", "b"] == ready(a_run(*steps, shared=("a", "b")))
    assert ["a"] == ready(a_run(*steps, shared=("b",)))


def test_batches_of_one_component_never_run_side_by_side():
    spec = a_run(step("a-1", component="a"), step("a-2", component="a", hosts=("h2",)))

    assert ["a-1"] == ready(spec)


@pytest.mark.parametrize(
    ("action", "asked", "jobs"),
    [
        (Action.INSTALL, None, 4),
        (Action.RESTART, None, 4),
        (Action.UPGRADE, None, 1),
        (Action.ROLLBACK, None, 1),
        (Action.UNINSTALL, None, 1),
        (Action.UPGRADE, 3, 3),
    ],
)
def test_what_takes_something_down_goes_one_at_a_time_unless_asked_otherwise(action, asked, jobs):
    steps = [step(f"s{number}", hosts=(f"h{number}",), action=action) for number in range(6)]
    spec = a_run(*steps, jobs=asked)

    assert jobs == jobs_of(spec)
    assert jobs == len(ready(spec))


def test_what_waits_for_an_approval_still_counts():
    spec = a_run(step("a"), step("b", hosts=("h2",)), jobs=1)

    assert [] == ready(spec, a="waiting")


def test_what_needs_a_lost_step_is_lost_too_however_far_behind():
    spec = a_run(step("a"), step("b", needs=("a",)), step("c", needs=("b",)), step("d"))

    assert ["b", "c"] == doomed(spec, a="failed")
    assert ["c"] == doomed(spec, a="failed", b="skipped")
    assert [] == doomed(spec, a="succeeded")


def test_what_needs_a_step_that_is_not_wanted_goes_on():
    """It is skipped as a lost one is, but stands for no failure."""
    spec = a_run(step("a"), step("b", needs=("a",)), step("c", needs=("b",)), unwanted=("a",))

    assert ["b"] == ready(spec, a="skipped")
    assert [] == doomed(spec, a="skipped")
    assert ["c"] == doomed(spec, a="skipped", b="failed")


@pytest.mark.parametrize(("asked", "at_once"), [(None, 4), (2, 2)])
def test_checks_go_side_by_side_also_before_what_takes_something_down(asked, at_once):
    """They change nothing: only a number that is asked for limits them more than ever."""
    checks = [step(f"c{number}", hosts=(f"h{number}",), action=Action.CHECK) for number in range(6)]
    upgrades = [step(f"u{number}", hosts=(f"h{number}",), action=Action.UPGRADE) for number in range(2)]
    spec = a_run(*checks, *upgrades, jobs=asked)
    done = {each.id: "succeeded" for each in checks}

    assert [f"c{number}" for number in range(at_once)] == ready(spec)
    assert ["u0", "u1"][: asked or 1] == ready(spec, **done)
