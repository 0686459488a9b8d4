"""Where the time of a run went, and what would make it faster."""

from datetime import UTC, datetime, timedelta

import pytest

import installkit
from installkit import TimeUse
from installkit.notebook import mimebundle
from installkit.runs.profile import make_profile

BEGAN = datetime(2026, 11, 30, 12, tzinfo=UTC)
SETUP = "ansible.builtin.setup"


def step(name="01-app-install", component="app", batch=None):
    return installkit.Step(
        id=name, seq=1, component=component, action="install", hosts=("h1", "h2"), playbook="01.app.yml", batch=batch
    )


def events(*rows):
    """Return events of (seconds, kind, fields), those of a step by default."""
    return [
        installkit.Event(
            seq=seq,
            time=BEGAN + timedelta(seconds=at),
            kind=installkit.EventKind(kind),
            run="0123456789ab",
            **{"step": None if kind.startswith("run") else "01-app-install", **fields},
        )
        for seq, (at, kind, fields) in enumerate(rows, 1)
    ]


def task(at, host, duration, name="Copy", module="ansible.builtin.copy", **fields):
    return at, "task_result", {"task": name, "host": host, "duration": duration, "module": module, **fields}


def profile(rows, steps=None):
    now = installkit.RunSnapshot(
        id="0123456789ab",
        site="acme",
        plan="0123456789ab",
        status="succeeded",
        requested_by="ann",
        created_at=BEGAN,
    )
    return make_profile(now, steps or [step()], events(*rows))


def seconds(made):
    return {share.use: round(share.duration, 3) for share in made.shares}


RUN = (
    (1, "run_started", {}),
    (2, "step_started", {}),
    (4, "play_started", {}),
    (4, "task_started", {"task": "Gathering Facts"}),
    task(7, "h1", 3, "Gathering Facts", SETUP),
    task(6, "h2", 2, "Gathering Facts", SETUP),
    (7.5, "task_started", {"task": "Copy"}),
    task(8.5, "h1", 1),
    task(17.5, "h2", 10),
    (18, "step_finished", {"status": "succeeded"}),
    (20, "run_finished", {"status": "succeeded"}),
)


def test_each_moment_counts_once_and_all_of_them_are_the_whole():
    made = profile(RUN)
    expected = {
        TimeUse.TASKS: 10,  # from 7.5 to 17.5, on one host or two
        TimeUse.FACTS: 3,
        TimeUse.ANSIBLE_START: 2,
        TimeUse.BETWEEN_TASKS: 1,  # from 7 to 7.5, and from 17.5 to 18
        TimeUse.INSTALLKIT: 4,  # up to 2, and from 18 on
    }

    assert expected == seconds(made)
    assert 20 == made.duration
    assert 1 == pytest.approx(sum(share.share for share in made.shares))


def test_the_host_that_others_waited_for_is_named():
    """It alone was at a task from 8.5 on; that it gathered facts longer than another counts, too."""
    made = profile(RUN)

    assert [("h2", 12, 9), ("h1", 4, 1)] == [(host.host, host.busy, host.waited_for) for host in made.hosts]
    assert any("waited 9.0 s for h2" in line for line in made.advice)
    assert any("gather_facts: false" in line for line in made.advice)


def test_a_loop_over_packages_is_advised_against():
    rows = [(0, "step_started", {}), (1, "play_started", {}), (1, "task_started", {"task": "Install"})]
    rows += [(each, "item_result", {"task": "Install", "host": "h1"}) for each in (3, 5, 7)]
    rows += [task(7, "h1", 6, "Install", "ansible.builtin.apt"), (8, "step_finished", {})]
    (line,) = profile(rows).advice

    assert "'Install' of app installs 3 packages one by one in 6.0 s: give the list to `name`" in line


def test_checks_and_approvals_have_their_own_share():
    """The tasks of installkit's checks are in none of the lists: nobody can change them."""
    own = {"step": "00-checks"}
    rows = [
        (0, "step_started", own),
        (1, "play_started", own),
        task(4, "h1", 3, "Look at the host", **own),
        (5, "step_finished", own),
        (5, "approval_requested", {}),
        (65, "approved", {}),
        (65, "step_started", {}),
        (66, "step_finished", {}),
    ]
    made = profile(rows, [step("00-checks", "host"), step()])

    assert {TimeUse.CHECKS: 5, TimeUse.APPROVAL: 60, TimeUse.BETWEEN_TASKS: 1} == seconds(made)
    assert () == made.tasks
    assert any("until somebody approved" in line for line in made.advice)


def test_steps_side_by_side_count_once():
    other = {"step": "02-web-install"}
    rows = [
        (0, "step_started", {}),
        (0, "step_started", other),
        (1, "play_started", {}),
        (2, "play_started", other),
        task(6, "h1", 4),
        task(8, "h2", 5, "Render", **other),
        (9, "step_finished", {}),
        (9, "step_finished", other),
    ]

    assert {TimeUse.TASKS: 6, TimeUse.ANSIBLE_START: 2, TimeUse.BETWEEN_TASKS: 1} == seconds(
        profile(rows, [step(), step("02-web-install", "web")])
    )


def test_a_run_under_way_or_without_events_can_be_asked():
    """A step that goes on lasts until the last event."""
    begun = profile([(1, "run_started", {}), (2, "step_started", {}), (3, "play_started", {}), task(9, "h1", 5)])

    assert {TimeUse.TASKS: 5, TimeUse.INSTALLKIT: 2, TimeUse.ANSIBLE_START: 1, TimeUse.BETWEEN_TASKS: 1} == seconds(
        begun
    )
    assert () == profile([]).shares


def test_the_profile_of_a_real_run_is_shown_everywhere(installer, folder, inventory):
    """The same in a notebook, as text, as JSON; its shares are the run's duration."""
    play = "- hosts: all\n  gather_facts: false\n  tasks: [{name: Rest, command: sleep 1}]\n"
    (folder / "01.app.yml").write_text(play)
    run = installer.site("acme", inventory=inventory, catalog=folder).apply(install=["app"], checks=False).wait(60)
    made = run.profile()
    bundle = mimebundle(made)

    assert made == installkit.from_wire(installkit.RunProfile, installkit.to_wire(made))
    assert made.duration == pytest.approx(sum(share.duration for share in made.shares))
    assert 0.9 < seconds(made)[TimeUse.TASKS] < made.duration
    assert seconds(made)[TimeUse.ANSIBLE_START] > 0.1
    assert "Rest" in bundle["text/html"]
    assert "starting Ansible" in bundle["text/plain"]
