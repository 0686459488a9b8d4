"""`check`, and the checks before `apply`."""

import json
import sys

import pexpect
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


PROGRAM = [sys.executable, "-c", "from installkit.cli import main; main()"]


@pytest.fixture
def command_line(tmp_path, folder):
    """Return the arguments of a command on two hosts, one of which has too little space for component *a*."""
    inventory = tmp_path / "hosts.ini"
    line = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    inventory.write_text(f"h1 {line}\nh2 {line}\n")
    (folder / "03.a.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks: [{debug: {msg: hi}}]\n")
    (folder / "03.a.check.yml").write_text(CHECK)

    def _arguments(command, *arguments):
        place = ["-c", str(folder), "-i", str(inventory)] if "--install" in arguments else []
        return ["--data-dir", str(tmp_path / "data"), command, *place, *arguments]

    return _arguments


@pytest.fixture
def cli(command_line):
    """Run a command."""
    return lambda *arguments: CliRunner().invoke(app, command_line(*arguments))


@pytest.fixture
def at_terminal(command_line):
    """Run a command at a terminal, and return what that showed and the exit code."""

    def _run(*arguments, answer=None):
        program, *options = [*PROGRAM, *command_line(*arguments)]
        terminal = pexpect.spawn(program, options, encoding="utf-8", timeout=100, dimensions=(40, 200))
        shown = ""
        if answer:
            terminal.expect_exact("Apply? [y/N]")
            shown = terminal.before + terminal.after
            terminal.sendline(answer)
        terminal.expect(pexpect.EOF)
        terminal.wait()
        return shown + terminal.before, terminal.exitstatus

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
def test_a_run_that_fails_at_its_checks_is_told_with_the_way_on(cli):
    """Nothing is changed, and its plan is used up; ignored for a reason it goes on, and that is shown ever after."""
    failed = cli("apply", "--install", "a", "--yes")
    run = json.loads(cli("runs", "--json").stdout)[0]
    used = cli("apply", run["plan"], "--yes")
    resumed = cli("resume", "last", "--yes", "--ignore-check", "a.disk-space=soon")
    shown = cli("show", "last")
    again = cli("apply", "--install", "a", "--yes")

    assert 3 == failed.exit_code
    assert "check a.disk-space failed on h1: only 10 GB are free" in failed.stdout
    assert f"resume {run['id'][:6]} --ignore-check a.disk-space=WHY" in failed.stdout
    assert "host.time" not in failed.output
    assert 3 == used.exit_code
    assert f"resume {run['id']} --ignore-check a.disk-space=WHY" in used.stderr
    assert 0 == resumed.exit_code, resumed.output
    assert "soon (" in resumed.stdout
    assert "soon (" in shown.stdout
    assert "nothing to change" in again.stderr


@pytest.mark.long
def test_without_installkits_own_checks_those_of_components_are_made(cli):
    failed = cli("apply", "--install", "a", "--yes", "--skip-checks")
    resumed = cli("resume", "last", "--yes", "--skip-checks", "--ignore-check", "a.disk-space=soon")
    steps = json.loads(cli("show", "last", "--json").stdout)["steps"]

    assert 3 == failed.exit_code
    assert "check a.disk-space failed on h1" in failed.stdout
    assert 0 == resumed.exit_code, resumed.output
    assert "2 steps, 2 hosts" in resumed.stdout
    assert ["skipped", "succeeded", "succeeded"] == [step["status"] for step in steps]


@pytest.mark.long
def test_apply_at_a_terminal_checks_first_and_then_asks(cli, at_terminal):
    """Nothing is asked while a check fails; the run that is agreed to takes the checks that were shown."""
    refused, code = at_terminal("apply", "--install", "a")
    begun = json.loads(cli("runs", "--json").stdout)
    applied, done = at_terminal("apply", "--install", "a", "--ignore-check", "a.disk-space=soon", answer="y")
    run = json.loads(cli("show", "last", "--json").stdout)

    assert (3, 0) == (code, done), refused + applied
    assert "1 check failed: a.disk-space; nothing was changed" in refused
    assert "--ignore-check a.disk-space=WHY" in refused
    assert "7 checks passed" in refused
    assert "host.time" not in refused
    assert "Apply?" not in refused
    assert ["checks"] == [each["note"] for each in begun]
    assert applied.index("checks passed") < applied.index("Apply?")
    assert ["skipped", "skipped", "succeeded"] == [step["status"] for step in run["steps"]]


@pytest.mark.long
def test_a_run_that_checked_is_named_as_every_other(cli, tmp_path):
    """By the beginning of its id; one that does not exist is refused."""
    file = str(tmp_path / "plan.json")
    ignored = ["--ignore-check", "a.disk-space=soon"]
    cli("plan", "--install", "a", "-o", file)
    told = cli("check", file, *ignored).stderr
    checked = json.loads(cli("runs", "--json").stdout)[0]["id"][:6]
    both = cli("apply", file, "--yes", "--checked", checked, "--skip-checks")
    unknown = cli("apply", file, "--yes", "--checked", "ffffff")
    applied = cli("apply", file, "--yes", "--checked", checked, *ignored)
    steps = json.loads(cli("show", "last", "--json").stdout)["steps"]

    assert (2, 2, 0) == (both.exit_code, unknown.exit_code, applied.exit_code), applied.output
    assert f" apply {file} --checked {checked} --ignore-check a.disk-space=soon" in told
    assert "give one of them" in both.stderr
    assert "no run has an id that begins with 'ffffff'" in unknown.stderr
    assert ["skipped", "skipped", "succeeded"] == [step["status"] for step in steps]


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
