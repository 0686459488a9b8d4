"""Kill -9 of whoever watches, and of each process that carries a run out."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import installkit
from bare_ansible import bare
from http_client import Server, start
from installkit import InstallationStatus, RunStatus, StepStatus
from installkit.ansible.scratch import scratch_path
from invariants import check_run
from plan_steps import component_steps
from plays import noting, play, read_diary
from processes_seen import gone_within, parts_of, processes_of
from site_runs import until
from trials import run_trials

WORDS = ("one", "two", "three", "four")

SCRIPT = """
import installkit, sys
site = installkit.Installer(sys.argv[1]).site(sys.argv[2])
for event in site.start(site.plan(install=["mysql"], force=["mysql"]), checks=False).events(follow=True):
    print(event.message, flush=True)
"""


def start_script(site, data):
    return subprocess.Popen([sys.executable, "-c", SCRIPT, data, site.name], stdout=subprocess.DEVNULL)


def start_command(site, data):
    options = ["--site", site.name, "--install", "mysql", "--force", "mysql", "--yes", "--skip-checks"]
    command = [Path(sys.executable).parent / "installkit", "--data-dir", data, "apply", *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def start_service(site, data):
    server = Server(Path(data))
    with server.client() as client:
        start(client, f"/api/v1/sites/{site.name}", install=["mysql"], force=["mysql"])
    server.process.stdout.close()
    server.errors.close()
    return server.process


@pytest.fixture
def two_sites(make_site, tmp_path):
    """Two sites whose playbooks note what they did in `NAME.diary`."""
    return [make_site(name, {"03.mysql": noting(tmp_path / f"{name}.diary", *WORDS)}) for name in ("a", "b")]


@pytest.mark.parametrize("begin", [start_script, start_command, start_service])
def test_a_run_does_not_notice_that_its_client_was_killed(two_sites, tmp_path, times, seed, begin):
    """R1: every play ends as it would have, and its log and its events are whole after reopening."""
    data = str(tmp_path / "data")
    expected = bare(tmp_path / "a" / "03.mysql.yml", tmp_path / "a.ini")
    read_diary(tmp_path / "a.diary")

    def _kill(site, random):
        known = {run.id for run in site.runs()}
        client = begin(site, data)
        (run,) = until(lambda: [run for run in site.runs() if run.id not in known])
        time.sleep(random.uniform(0.0, 2.5))
        client.kill()
        client.wait()
        time.sleep(random.uniform(0.0, 0.5))
        with installkit.Installer(data) as reopened:
            again = reopened.run(run.id).wait(100)
            assert RunStatus.SUCCEEDED is again.status
            assert expected == again.log("mysql")
            assert list(WORDS) == read_diary(tmp_path / f"{site.name}.diary")
            check_run(again)

    run_trials(times(1, 17), seed, _kill, two_sites)


def killed(run, random, victim):
    """Kill a part of *run* at some moment after its first step began; return whether it was still there."""
    until(lambda: component_steps(run.steps)[0].status is not StepStatus.PENDING)
    time.sleep(random.uniform(0.0, 2.0))
    pid = parts_of(run.id).get(victim)
    if pid is None:
        return False
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("victim", ["supervisor", "step", "ansible-playbook"])
def test_a_part_killed_at_any_moment_ends_the_run_truly_and_resume_finishes_it(
    make_site, tmp_path, times, seed, victim
):
    """R4: the tree is gone within two seconds, nothing succeeded that did not, and the rest can be done."""
    sites = [
        make_site(
            name, {"03.mysql": noting(tmp_path / f"{name}1", *"abc"), "08.zk": noting(tmp_path / f"{name}2", "d")}
        )
        for name in ("a", "b")
    ]

    def _kill(site, random):
        diaries = {"mysql": tmp_path / f"{site.name}1", "zk": tmp_path / f"{site.name}2"}
        run = site.start(site.plan(install=["mysql", "zk"], force=["mysql", "zk"]), checks=False)
        hit = killed(run, random, victim)
        if hit and victim == "supervisor":
            assert gone_within(2.0, run.id), processes_of(run.id)
        run.wait(100)
        check_run(run)
        done = {name: read_diary(diary) for name, diary in diaries.items()}
        assert all(done[step.component] for step in run.steps if step.status is StepStatus.SUCCEEDED)
        if RunStatus.SUCCEEDED is not run.status:
            assert hit
            assert (RunStatus.FAILED if victim == "ansible-playbook" else RunStatus.INTERRUPTED) is run.status
            finish_the_rest(site, run)

    run_trials(times(1, 20), seed, _kill, sites)


def finish_the_rest(site, run):
    """Resume *run* and see that only what is not proved is done."""
    proved = {step.component for step in run.steps if step.status is StepStatus.SUCCEEDED}
    resumed = site.resume(run, checks=False).wait(100)

    assert RunStatus.SUCCEEDED is resumed.status
    assert {"mysql", "zk"} - proved == {step.component for step in component_steps(resumed.steps)}
    assert {InstallationStatus.INSTALLED} == {row.status for row in site.installed()}


def reborn(pid):
    """Start a stranger whose process id is *pid*; needs root."""
    last = Path("/proc/sys/kernel/ns_last_pid")
    if not os.access(last, os.W_OK):
        pytest.skip("giving out a process id needs root")
    until(lambda: not Path(f"/proc/{pid}").exists(), 60)  # until init has taken note of its death
    while True:
        last.write_text(str(pid - 1))
        stranger = subprocess.Popen(["/bin/sleep", "60"])
        if stranger.pid == pid:
            return stranger
        stranger.kill()  # another process was quicker
        stranger.wait()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_after_a_power_cut_no_process_id_is_trusted(installer, make_site, times):
    """R5: all died at once and memory is gone; a stranger that got the supervisor's number is never signalled."""
    site = make_site("acme", {"03.mysql": play("raw: sleep 60")})
    for _ in range(times(1, 10)):
        run = site.start(site.plan(install=["mysql"], force=["mysql"]), checks=False)
        parts = until(lambda run=run: len(found := parts_of(run.id)) == 3 and found)
        for each in processes_of(run.id):
            os.kill(each.pid, signal.SIGKILL)
        shutil.rmtree(scratch_path(installer.folders.runs / run.id))
        until(lambda run=run: not processes_of(run.id))
        with reborn(parts["supervisor"]) as stranger:
            run.cancel(now=True)
            run.wait(100)
            lives = stranger.poll() is None
            stranger.kill()

        assert lives
        assert RunStatus.INTERRUPTED is run.status
        assert {InstallationStatus.UNKNOWN} == {row.status for row in site.installed()}
