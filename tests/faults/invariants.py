"""What holds after every fault, whatever it was."""

import itertools
import os
from pathlib import Path

from installkit import RunStatus, StepStatus
from installkit.ansible.scratch import scratch_path
from processes_seen import gone_within, processes_of

TREE_GONE = 5.0
"""Seconds after its result in which the last process of a run ends."""


def check_installer(installer):
    """Check all that a data directory holds; its runs have ended."""
    for run in installer.runs():
        check_run(run)
    indexed = {run.id: run.status for run in installer.list_runs()}

    assert indexed == {run.id: run.status for run in installer.runs()}
    assert "ok" == installer.check_database()
    assert [] == [path for path in descriptors() if path.startswith(str(installer.folders.runs))]


def check_run(run):
    """Check that a run has ended, truly and wholly, and that nothing of it runs on."""
    now, events = run.snapshot(), list(run.events())

    assert now.status.final
    assert (run._journal.path / "result.json").exists()
    assert list(range(1, now.last_seq + 1)) == [event.seq for event in events]
    assert events == list(run.events(follow=True))
    for step in now.steps:
        check_log(run, step, [event.log for event in events if event.log and event.step == step.id])
        check_verdict(run, step)
    wanted = {each.step for each in run.spec().steps if not each.skipped}
    assert now.status is not RunStatus.SUCCEEDED or {"succeeded"} == {s.status for s in now.steps if s.id in wanted}
    assert gone_within(TREE_GONE, run.id), processes_of(run.id)
    assert not scratch_path(run._journal.path).exists()


def check_log(run, step, spans):
    """Check that what is served is what was written, and that the events cover it without gap or overlap."""
    log = (run._journal.path / "logs" / f"{step.id}.log").read_bytes() if step.started_at else b""

    assert log == run.log(step.id) == b"".join(run.follow_log(step.id))
    assert len(log) == step.log_size
    assert all(before.end == after.start for before, after in itertools.pairwise(spans))
    covered = spans[-1].end if spans else 0
    if step.status is StepStatus.INTERRUPTED:  # killed between the log and its event
        assert covered <= len(log)
    else:
        assert covered == len(log)


def check_verdict(run, step):
    """Check that nothing succeeded but what Ansible ended, and reported, well on every host."""
    if step.status is StepStatus.SUCCEEDED:
        assert 0 == step.rc
        assert all(status.good for status in step.host_statuses.values())
        assert b"PLAY RECAP" in run.log(step.id)


def descriptors():
    """Return what the descriptors of this process stand for, sorted."""
    found = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            found.append(os.readlink(path))  # noqa: PTH115 - what it names is not a path of its own for a pipe
        except FileNotFoundError:  # the one that lists them
            continue
    return sorted(found)
