"""`check`, and the checks before `apply`."""

import json
import sys

import pytest
from click.testing import CliRunner

from installkit.cli.app import app

CHECK = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Disk space
      assert:
        that: inventory_hostname != 'h1'
        fail_msg: |-
          only 10 GB are free
          Remedy: add a disk
        success_msg: there is space
"""


@pytest.fixture
def cli(tmp_path, folder):
    """Run a command line on two hosts, one of which has too little space for component *a*."""
    inventory = tmp_path / "hosts.ini"
    line = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    inventory.write_text(f"h1 {line}\nh2 {line}\n")
    (folder / "03.a.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks: [{debug: {msg: hi}}]\n")
    (folder / "03.a.check.yml").write_text(CHECK)

    def _run(command, *arguments):
        place = ["-c", str(folder), "-i", str(inventory)] if command in {"check", "apply"} else []
        return CliRunner().invoke(app, ["--data-dir", str(tmp_path / "data"), command, *place, *arguments])

    return _run


def test_check_tells_what_it_found_and_by_its_code(cli):
    """The table stands on stdout, also in JSON; 1 says that something fails which is not ignored."""
    table = cli("check", "--install", "a")
    ignored = cli("check", "--install", "a", "--ignore-check", "a.disk-space=soon", "--json")
    rows = {(row["name"], *row["hosts"]): row for row in json.loads(ignored.stdout)}

    assert 1 == table.exit_code
    assert ["fail", "a.disk-space", "h1", "only"] == next(
        line for line in table.stdout.splitlines() if "fail" in line
    ).split()[:4]
    assert "add a disk" in table.stdout
    assert "host.time" in table.stdout
    assert 0 == ignored.exit_code, ignored.output
    assert "soon" == rows["a.disk-space", "h1"]["ignored"]["reason"]
    assert "pass" == rows["a.disk-space", "h2"]["status"]
    assert "pass" == rows["host.connection", "h1", "h2"]["status"]


@pytest.mark.long
def test_apply_checks_first_and_says_what_to_add(cli):
    """Nothing is started while a check fails; ignored for a reason it is, and that is shown ever after."""
    refused = cli("apply", "--install", "a", "--yes")
    begun = json.loads(cli("runs", "--json").stdout)
    applied = cli("apply", "--install", "a", "--yes", "--ignore-check", "a.disk-space=soon")
    shown = cli("show", "last")
    again = cli("apply", "--install", "a", "--yes")

    assert 3 == refused.exit_code
    assert "1 check failed: a.disk-space; nothing was changed" in refused.stderr
    assert "--ignore-check a.disk-space=WHY" in refused.stderr
    assert "host.time" not in refused.output
    assert "7 checks passed" in refused.stderr
    assert ["checks"] == [run["note"] for run in begun]
    assert 0 == applied.exit_code, applied.output
    assert "soon (" in applied.stdout
    assert "soon (" in shown.stdout
    assert "nothing to change" in again.stderr


@pytest.mark.long
def test_a_check_that_failed_in_a_run_is_told_with_the_way_on(cli):
    """Without the checks before, those of the plan still keep it from changing anything."""
    failed = cli("apply", "--install", "a", "--yes", "--skip-checks")
    run = json.loads(cli("runs", "--json").stdout)[0]
    resumed = cli("resume", "last", "--yes", "--skip-checks", "--ignore-check", "a.disk-space=soon")

    assert 1 == failed.exit_code
    assert "check a.disk-space failed on h1: only 10 GB are free" in failed.stdout
    assert f"resume {run['id'][:6]} --ignore-check a.disk-space=WHY" in failed.stdout
    assert 0 == resumed.exit_code, resumed.output


@pytest.mark.parametrize("text", ["a.disk-space", "a.disk-space=", "=soon"])
def test_a_check_is_not_ignored_without_a_reason(cli, text):
    answer = cli("apply", "--install", "a", "--yes", "--ignore-check", text)

    assert 2 == answer.exit_code
    assert f"--ignore-check takes NAME=WHY, not '{text}'" in answer.stderr


@pytest.mark.long
def test_what_changes_no_host_is_not_checked(cli):
    """Nobody waits for checks of what only changes the record."""
    cli("apply", "--install", "a", "--yes", "--skip-checks", "--ignore-check", "a.disk-space=soon")
    forgotten = cli("forget", "a", "--yes")

    assert 0 == forgotten.exit_code, forgotten.output
    assert "checking" not in forgotten.output
