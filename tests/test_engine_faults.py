"""Faults below a run: a full disk, a killed step, a supervisor that died at its very end."""

import os
import secrets
import shutil
import signal
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import installkit
from disks import fill
from installkit import EventKind, InstallationStatus, RunStatus
from installkit.ansible.scratch import make_scratch, remove_scratch, scratch_path
from installkit.engine import adopt, settle
from installkit.engine.recorder import DISK_WAS_FULL, Recorder
from installkit.errors import EngineError, StoreError
from installkit.journal import Journal, LogWriter, create_journal
from installkit.model import Action, HostStatus, Outcome, Plan, Request, RunOptions, RunSpec, Step, StepSpec, StepStatus
from plan_steps import component_steps
from site_runs import until

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
HEAD = "- hosts: all\n  gather_facts: false\n  tasks:\n"


def has_begun(run):
    return any(event.kind is EventKind.TASK_STARTED for event in run.events())


def is_stuck(run):
    """Return whether the log of the run's only step ends where a page of the full file system does."""
    return len(run.log("mysql")) % os.sysconf("SC_PAGE_SIZE") == 0


@pytest.mark.long
def test_a_full_disk_makes_a_run_wait_and_costs_it_nothing(small_disk, folder, inventory, tmp_path):
    """Log, events and result are whole after there is space again; that it waited is told."""
    (folder / "03.mysql.yml").write_text(
        f"{HEAD}    - wait_for: {{path: {tmp_path / 'gate'}, timeout: 30, sleep: 1}}\n"
        "    - debug: {msg: \"{{ 'x' * 30000 }}\"}\n    - debug: {msg: after}\n"
    )
    with installkit.Installer(small_disk / "data") as installer:
        site = installer.site("acme", inventory=inventory, catalog=folder)
        run = site.start(site.plan(install=["mysql"]), checks=False)
        until(lambda: has_begun(run))
        filler = fill(small_disk)
        (tmp_path / "gate").touch()
        until(lambda: is_stuck(run))
        waiting = (small_disk / "data" / "runs" / run.id / "result.json").exists()
        filler.unlink()
        run.wait(100)
        log = run.log("mysql")
        spans = [event.log for event in run.events() if event.log]

        assert not waiting
        assert RunStatus.SUCCEEDED is run.status
        assert b"x" * 30_000 in log
        assert b"after" in log
        assert log == b"".join(log[span.start : span.end] for span in spans)
        assert DISK_WAS_FULL in {event.message for event in run.events() if event.kind is EventKind.WARNING}


@pytest.mark.long
def test_a_full_disk_keeps_no_run_from_being_stopped(small_disk, folder, inventory, tmp_path):
    """Asked to stop now, or out of time: what runs is ended at once, and told once there is space again."""
    (folder / "03.mysql.yml").write_text(
        f"{HEAD}    - wait_for: {{path: {tmp_path / 'gate'}, timeout: 30, sleep: 1}}\n"
        "    - debug: {msg: \"{{ 'x' * 300000 }}\"}\n    - command: sleep 64\n"
    )
    with installkit.Installer(small_disk / "data") as installer:
        names = ("canceled", "timed_out")
        sites = [installer.site(name, inventory=inventory, catalog=folder) for name in names]
        plans = [site.plan(install=["mysql"]) for site in sites]
        began = time.monotonic()
        canceled = sites[0].start(plans[0], checks=False)
        until(lambda: has_begun(canceled))
        late = sites[1].start(plans[1], timeout=max(5.0, 3 * (time.monotonic() - began)), checks=False)
        until(lambda: has_begun(late))
        filler = fill(small_disk)
        (tmp_path / "gate").touch()
        until(lambda: all(is_stuck(run) for run in (canceled, late)))
        canceled.cancel(now=True)
        until(lambda: not playbooks_of(canceled.id) and not playbooks_of(late.id), timeout=90.0)
        ended = [run.status.final for run in (canceled, late)]
        filler.unlink()
        for run, name in zip((canceled, late), names, strict=True):
            run.wait(100)
            log = run.log("mysql")

            assert name == run.status
            assert {"localhost": "unfinished"} == component_steps(run.steps)[0].host_statuses
            assert len(log) == component_steps(run.steps)[0].log_size
            assert [] == [event for event in run.events() if event.log and event.log.end > len(log)]

    assert [False, False] == ended


def test_a_run_is_not_started_on_a_full_disk(small_disk):
    (small_disk / "runs").mkdir()
    filler = fill(small_disk)

    with pytest.raises(StoreError, match="cannot be written: No space left on device") as caught:
        create_journal(small_disk / "runs", a_spec())
    assert "free space there" == caught.value.remedy
    assert [] == list((small_disk / "runs").iterdir())
    filler.unlink()


def test_a_log_goes_on_where_the_full_disk_stopped_it(small_disk):
    (small_disk / "logs").mkdir()
    log = LogWriter(small_disk, "mysql")
    filler = fill(small_disk)
    threading.Timer(0.5, filler.unlink).start()
    log.append(b"0123456789" * 100_000)
    log.close()

    assert log.waited
    assert b"0123456789" * 100_000 == (small_disk / "logs" / "mysql.log").read_bytes()


def engine_of(run):
    """Return the process ids of the run's supervisor and its step process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"installkit.engine" in words and any(word.endswith(run.encode()) for word in words):
            found[int(path.name)] = parent
    supervisor = next(pid for pid, parent in found.items() if parent not in found)
    return supervisor, next((pid for pid, parent in found.items() if parent == supervisor), None)


def playbooks_of(run):
    """Return the process ids of the run's ansible-playbook and its workers."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes()
        except OSError:
            continue
        if b"ansible-playbook" in command and f"installkit-{run}".encode() in command:
            found.append(int(path.name))
    return found


@pytest.mark.long
def test_what_an_earlier_step_left_running_outlives_a_later_steps_death(folder, inventory, tmp_path):
    """It is the product: only what the dead step's unfinished tasks started is swept away."""
    service = tmp_path / "service"
    (folder / "03.mysql.yml").write_text(
        f"{HEAD}    - shell: 'setsid sleep 61 > /dev/null 2>&1 & echo $! > {service}'\n"
    )
    (folder / "08.zk.yml").write_text(f"{HEAD}    - command: sleep 62\n")
    with installkit.Installer(tmp_path / "data") as installer:
        site = installer.site("acme", inventory=inventory, catalog=folder)
        run = site.start(site.plan(all=True), checks=False)
        until(lambda: component_steps(run.steps)[1].status is StepStatus.RUNNING)
        until(lambda: any(event.task == "command" for event in run.events()))
        os.kill(engine_of(run.id)[1], signal.SIGKILL)
        run.wait(100)
        pid = int(service.read_text())
        alive = Path(f"/proc/{pid}").exists()
        os.kill(pid, signal.SIGKILL)

        assert alive
        assert ["succeeded", "interrupted"] == [step.status for step in component_steps(run.steps)]
        installed = {row.component: row.status for row in site.installed()}
        assert {"mysql": InstallationStatus.INSTALLED, "zk": InstallationStatus.UNKNOWN} == installed


def a_spec(*steps):
    plan = Plan(
        id=secrets.token_hex(6), site="acme", revision=None, digest="", created_at=NOW, request=Request(), steps=steps
    )
    specs = tuple(
        StepSpec(step=each.id, folder=Path("/catalog"), playbook=Path("/catalog/p.yml"), sources=()) for each in steps
    )
    return RunSpec(
        run=plan.id,
        site="acme",
        catalog=Path("/catalog"),
        plan=plan,
        options=RunOptions(),
        steps=specs,
        created_at=NOW,
    )


def a_step(name, *hosts):
    return Step(id=name, seq=1, component=name, action=Action.INSTALL, hosts=hosts, playbook="p.yml")


@pytest.fixture
def dead_run(tmp_path):
    """Return a run of two steps that nobody carries out, and its recorder as its supervisor left it."""
    spec = a_spec(a_step("a", "h1", "h2"), a_step("b", "h1"))
    lock = create_journal(tmp_path, spec)
    run = tmp_path / spec.run
    recorder = Recorder(run, spec)
    lock.release()
    yield run, recorder, spec
    remove_scratch(scratch_path(run))


def statuses(result):
    return [step.status for step in result.run.steps]


def test_a_run_that_never_began_is_interrupted_and_says_so(dead_run):
    run, *_ = dead_run
    result = settle(run)

    assert RunStatus.INTERRUPTED is result.run.status
    assert "before the first step started" in result.run.reason
    assert ["skipped", "skipped"] == statuses(result)
    assert result == settle(run)


def test_a_step_whose_end_nobody_saw_keeps_what_was_seen(dead_run):
    run, recorder, spec = dead_run
    recorder.run_started()
    recorder.step_started(spec.plan.steps[0])
    time_text = "2026-11-22T08:00:00.000000Z"
    event = f'{{"time":"{time_text}","kind":"task_result","run":"{spec.run}","step":"a","host":"h2","status":"failed"}}'
    recorder.append(event.encode())
    log = LogWriter(run, "a")
    log.append(b"printed\n")
    log.close()
    result = settle(run)

    assert ["interrupted", "skipped"] == statuses(result)
    assert {"h1": "unfinished", "h2": "failed"} == result.run.steps[0].host_statuses
    assert 8 == result.run.steps[0].log_size
    assert {"h1": "unknown", "h2": "failed"} == {row.host: row.status for row in result.installed}


def test_a_run_whose_last_event_is_written_ends_as_that_says(dead_run):
    """Killed between its last event and its result: it is not ended twice, nor otherwise than it did."""
    run, recorder, spec = dead_run
    recorder.run_started()
    for step in spec.plan.steps:
        recorder.step_started(step)
        recorder.step_finished(
            step, Outcome(status=StepStatus.SUCCEEDED, host_statuses=dict.fromkeys(step.hosts, HostStatus.OK))
        )
    recorder.finish(RunStatus.SUCCEEDED, None)
    written = (run / "result.json").read_bytes()
    (run / "result.json").unlink()
    result = settle(run)

    assert RunStatus.SUCCEEDED is result.run.status
    assert written == (run / "result.json").read_bytes()
    assert 1 == sum(entry.event.kind is EventKind.RUN_FINISHED for entry in Journal(run).read_events())


def test_whoever_settles_a_dead_run_removes_its_secrets(dead_run):
    run, *_ = dead_run
    (make_scratch(run) / "extra.json").write_text("canary")
    settle(run)

    assert not scratch_path(run).exists()


def test_whoever_settles_a_copy_leaves_the_original_alone(dead_run, tmp_path):
    """A backup of a run under way looks dead; what it needs is not the copy's to remove, nor does the copy end."""
    run, *_ = dead_run
    scratch = make_scratch(run)
    copy = shutil.copytree(run, tmp_path / "copy" / run.name)

    assert settle(copy) is None
    assert scratch.is_dir()
    assert RunStatus.INTERRUPTED is adopt(copy, "ann").run.status
    assert scratch.is_dir()


def test_a_scratch_folder_is_its_owners_alone_and_new(dead_run):
    run, *_ = dead_run
    path = make_scratch(run)

    assert {0o700} == {folder.stat().st_mode & 0o777 for folder in (path, path / "facts")}
    with pytest.raises(EngineError, match="is there already"):
        make_scratch(run)


def test_a_scratch_folder_that_is_a_link_is_not_followed(dead_run, tmp_path):
    """Somebody else may have put it there."""
    run, *_ = dead_run
    (tmp_path / "kept").mkdir()
    scratch_path(run).symlink_to(tmp_path / "kept")
    remove_scratch(scratch_path(run))
    left = (tmp_path / "kept").is_dir()
    scratch_path(run).unlink()

    assert left
