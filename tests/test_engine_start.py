"""Starting a run, killed between any two of its steps: it never started and says so, or exactly one runs."""

import os
import signal
import subprocess
import sys

import pytest

import installkit
from installkit import RunStatus

SOAK = os.environ.get("INSTALLKIT_SOAK") == "1"

STARTER = """
import os, sys, installkit
WRITES = os.O_WRONLY | os.O_RDWR
STEPS = {"os.rename", "os.mkdir", "os.chmod", "os.remove", "fcntl.flock", "subprocess.Popen", "os.fork"}
data, kill_at = sys.argv[1], int(sys.argv[2])
seen, watching = [], False

def watch(name, args):
    if watching and (name in STEPS or (name == "open" and isinstance(args[2], int) and args[2] & WRITES)):
        seen.append(name)
        if len(seen) == kill_at:
            os.kill(os.getpid(), 9)

sys.addaudithook(watch)
installer = installkit.Installer(data)
site = installer.site("acme")
plan = site.plan(install=["mysql"], force=["mysql"])
print(plan.id, flush=True)
watching = True
site.start(plan, checks=False)
watching = False
print(len(seen), flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "playbooks"
    folder.mkdir()
    (folder / "03.mysql.yml").write_text(
        f"- hosts: all\n  gather_facts: false\n  tasks:\n    - shell: echo once >> {tmp_path / 'ran'}\n"
    )
    (tmp_path / "hosts.ini").write_text(
        f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n"
    )
    return folder


@pytest.fixture
def site(tmp_path, folder):
    with installkit.Installer(tmp_path / "data") as installer:
        yield installer.site("acme", inventory=tmp_path / "hosts.ini", catalog=folder)


def start_and_be_killed(tmp_path, kill_at):
    """Return what the starter printed: the plan's id and, if it came to the end, how many steps it took."""
    done = subprocess.run(
        [sys.executable, "-c", STARTER, str(tmp_path / "data"), str(kill_at)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.stdout.split()


def times_run(tmp_path):
    path = tmp_path / "ran"
    return len(path.read_text().splitlines()) if path.exists() else 0


@pytest.mark.long
def test_a_starter_killed_at_any_step_leaves_one_run_or_none(site, tmp_path):
    _, steps = start_and_be_killed(tmp_path, 0)
    site.runs()[0].wait(30)
    places = range(1, int(steps) + 1, 1 if SOAK else 4)
    ended = set()
    for place in places:
        before = times_run(tmp_path)
        (plan, *_) = start_and_be_killed(tmp_path, place)
        known = [run for run in site.runs() if run.id == plan]
        ended |= {run.wait(30).status for run in known}
        happened = times_run(tmp_path) - before

        assert len(known) <= 1
        assert happened == sum(run.status is RunStatus.SUCCEEDED for run in known)
        assert all("before the first step started" in run.snapshot().reason for run in known if happened == 0)
        assert [] == list((tmp_path / "data" / "runs").glob("*/scratch"))

    assert ended <= {RunStatus.SUCCEEDED, RunStatus.INTERRUPTED}
    assert (
        RunStatus.SUCCEEDED is site.start(site.plan(install=["mysql"], force=["mysql"]), checks=False).wait(30).status
    )
