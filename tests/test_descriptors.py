"""Few file descriptors: none is left open, and where they run out that is said."""

import itertools
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import installkit

RECORDED = Path(__file__).parent / "data" / "journals" / "1" / "024ea32e2dec"
PROGRAM = [sys.executable, "-c", "from installkit.cli import main; main()"]
TIMES = 200


def apply_with(descriptors, data, folder, inventory):
    """Apply the catalog in *folder*, on the command line, where a process may have so many *descriptors*."""

    def _limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

    what = ["-c", folder, "-i", inventory, "--all"]
    command = [*PROGRAM, "--data-dir", data, "apply", *what, "--yes", "--skip-checks", "--json"]
    return subprocess.run(
        command, preexec_fn=_limit, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def folder(folder):
    (folder / "03.mysql.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks:\n    - command: echo done\n")
    return folder


@pytest.mark.long
def test_sixty_four_descriptors_are_enough_for_a_run(tmp_path, folder, inventory):
    done = apply_with(64, tmp_path / "data", folder, inventory)

    assert 0 == done.returncode, done.stderr
    assert '"status": "succeeded"' in done.stdout


@pytest.mark.long
def test_too_few_descriptors_are_told_and_falsify_nothing(tmp_path, folder, inventory):
    done = apply_with(16, tmp_path / "data", folder, inventory)
    with installkit.Installer(tmp_path / "data") as installer:
        statuses = {run.status for run in installer.runs()}

    assert 1 == done.returncode
    assert "Too many open files" in done.stderr
    assert "Traceback" not in done.stderr
    assert statuses <= {installkit.RunStatus.INTERRUPTED}


def test_reading_leaves_no_descriptor_open(tmp_path):
    """Neither a snapshot, nor a log, nor events, whether they are read to their end or broken off."""
    shutil.copytree(RECORDED, tmp_path / "runs" / RECORDED.name)
    with installkit.Installer(tmp_path) as installer:
        installer.run("last")
        before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count, before anything else is opened
        kept = []
        for _ in range(TIMES):
            run = installer.run("last")
            streams = run.events(), run.events(follow=True), run.follow_log("mysql")
            kept += [run, run.snapshot(), run.log("zk"), run.spec(), *streams, *(next(each) for each in streams)]
            kept += itertools.islice(run.events(follow=True), 3)

        assert before == len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as above
    assert TIMES < len(kept)
