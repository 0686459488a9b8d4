"""The command line over real runs of Ansible on this machine."""

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import attrs
import click
import pytest
from click.testing import CliRunner

import installkit
from installkit.cli.app import app
from waiting_runs import start_waiting

NOTE = f"first {'words ' * 12}last"

PROGRAM = [sys.executable, "-c", "from installkit.cli import main; main()"]

PLAYBOOKS = {
    "01.mysql.yml": """\
- hosts: db
  gather_facts: false
  tasks:
    - name: Install the server
      ansible.builtin.command: echo {{ flavour | default("plain") }}
""",
    "02.zk.yml": """\
- hosts: web
  gather_facts: false
  tasks:
    - name: Copy the config
      ansible.builtin.fail:
        msg: No space left on device
      when: broken | default("no") == "indeed"
    - name: Done
      ansible.builtin.command: echo done
""",
    "03.slow.yml": """\
- hosts: db
  gather_facts: false
  tasks:
    - name: Wait for the file
      ansible.builtin.wait_for:
        path: "{{ inventory_dir }}/release"
        sleep: 1
        timeout: 60
""",
    "04.vault.yml": """\
- hosts: db
  gather_facts: false
  tasks:
    - name: Show its length
      ansible.builtin.debug:
        msg: "{{ vault_password | length }}"
""",
    "05.gone.yml": "- hosts: db\n  gather_facts: false\n  tasks: [{ansible.builtin.command: echo install}]\n",
    "05.gone.uninstall.yml": "- hosts: db\n  gather_facts: false\n  tasks: [{ansible.builtin.command: echo bye}]\n",
    "gone.component.yml": """\
name: gone
actions:
  install: 05.gone.yml
  uninstall: {playbook: 05.gone.uninstall.yml, destructive: true}
""",
    "vault.component.yml": """\
name: vault
parameters:
  vault_password: {type: string, secret: true, required: true}
  vault_port: {type: port, default: 8200}
actions:
  install: 04.vault.yml
""",
}


@attrs.frozen
class World:
    """A folder with playbooks, an inventory and a data directory."""

    root: Path

    @property
    def data(self):
        """Its data directory."""
        return self.root / "data"

    @property
    def arguments(self):
        """What says so on the command line."""
        return ["--data-dir", str(self.data)]

    @property
    def place(self):
        """The options that name its catalog and its inventory."""
        return ["-c", str(self.root / "playbooks"), "-i", str(self.root / "acme" / "hosts.ini")]

    def cli(self, *arguments, **options):
        """Run the command line in this process; the checks before a run have tests of their own."""
        skipping = ["--skip-checks"] if arguments[0] in {"apply", "resume", "rollback"} else []
        return CliRunner().invoke(app, [*self.arguments, *arguments, *skipping], **options)

    def release(self):
        """Let the slow component go on."""
        (self.root / "acme" / "release").touch()

    def runs(self):
        """Return what `runs --json` lists."""
        return json.loads(self.cli("runs", "--json").stdout)


def make_world(root):
    (root / "playbooks").mkdir()
    (root / "acme").mkdir()
    for name, text in PLAYBOOKS.items():
        (root / "playbooks" / name).write_text(text)
    hosts = "[db]\ndb1\n[web]\nweb1\nweb2\n[all:vars]\nansible_connection=local\n"
    (root / "acme" / "hosts.ini").write_text(f"{hosts}ansible_python_interpreter={sys.executable}\n")
    return World(root)


@pytest.fixture
def world(tmp_path):
    """A new world, in which nothing has happened; nothing is left running in it."""
    world = make_world(tmp_path)
    yield world
    world.release()
    with installkit.Installer(world.data) as installer:
        for run in installer.runs():
            run.cancel(now=True)
            run.wait(timeout=60)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A world in which mysql and zk are installed, by a first run; its answer is `done.first`."""
    world = make_world(tmp_path_factory.mktemp("done"))
    applied = world.cli("apply", *world.place, "--install", "mysql", "--install", "zk", "--yes", "--note", NOTE)
    assert 0 == applied.exit_code, applied.output
    return world, applied


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    """A world in which zk failed on both of its hosts."""
    world = make_world(tmp_path_factory.mktemp("failed"))
    return world, world.cli("apply", *world.place, "--install", "zk", "-e", "broken=indeed", "--yes")


def test_a_new_site_is_named_after_the_inventorys_folder(done):
    """What is made without being named is said aloud."""
    world, applied = done

    assert "site acme is new" in applied.stderr
    assert ["acme"] == [site["name"] for site in json.loads(world.cli("site", "list", "--json").stdout)]


def test_apply_says_how_it_went_in_lines_and_at_the_end(done):
    """Without a terminal progress is a line for each start and end on stderr; the result is on stdout."""
    _, applied = done

    assert re.search(r"^\d\d:\d\d:\d\d 01-mysql-install  running: install mysql on db1$", applied.stderr, re.MULTILINE)
    assert re.search(r"^\d\d:\d\d:\d\d 02-zk-install  succeeded after", applied.stderr, re.MULTILINE)
    assert re.search(r"^✓ run \w{6} succeeded in .* s: 2 steps, 3 hosts", applied.stdout)


def test_the_same_request_again_starts_nothing(done):
    """What is installed is known."""
    world, _ = done

    again = world.cli("apply", "--install", "mysql", "--install", "zk", "--yes")

    assert 0 == again.exit_code
    assert "nothing to change" in again.stderr
    assert "is under way" not in again.stderr
    assert "site acme: the only one" in again.stderr
    assert 1 == len(world.runs())


def test_status_shows_what_is_installed_where(done):
    """A row for each component and host."""
    world, _ = done

    rows = json.loads(world.cli("status", "--json").stdout)

    assert [("mysql", "db1"), ("zk", "web1"), ("zk", "web2")] == [(row["component"], row["host"]) for row in rows]
    assert {"installed"} == {row["status"] for row in rows}


@pytest.mark.parametrize("command", ["status", "runs", "site list"])
def test_lists_are_tables_that_no_pipe_cuts(done, command):
    """Without a terminal a table is as wide as it needs to be."""
    world, _ = done

    said = world.cli(*command.split())

    assert 0 == said.exit_code
    assert "…" not in said.stdout
    assert "acme" in world.cli("runs").stdout


def test_logs_are_the_bytes_that_were_printed(done):
    """Colours and all, also into a pipe; headings are no part of them."""
    world, _ = done
    with installkit.Installer(world.data) as installer:
        run = installer.run("last")
        expected = run.log("01-mysql-install") + run.log("02-zk-install")

    said = subprocess.run([*PROGRAM, *world.arguments, "logs", "last"], check=True, capture_output=True, timeout=60)
    followed = world.cli("logs", "last", "-f")

    assert b"\x1b[" in expected
    assert expected == said.stdout
    assert expected == followed.stdout_bytes
    assert b"01-mysql-install" in said.stderr


def test_logs_without_colours_are_else_the_same(done):
    """`--no-color` and NO_COLOR take escape sequences out, and nothing else."""
    world, _ = done
    with installkit.Installer(world.data) as installer:
        expected = installer.run("last").log_text("mysql", color=False)

    assert expected == world.cli("logs", "last", "mysql", "--no-color").stdout
    assert expected == world.cli("logs", "last", "mysql", env={"NO_COLOR": "please"}).stdout


def test_logs_of_one_host_and_the_last_lines(done):
    """`--host` prints what was printed about it, `--tail` the last lines of a step."""
    world, _ = done

    of_host = world.cli("logs", "last", "zk", "--host", "web1", "--no-color").stdout
    tail = world.cli("logs", "last", "zk", "--tail", "3", "--no-color").stdout

    assert "skipping: [web1]\nchanged: [web1]\n" == of_host
    assert ["web1", "web2", ""] == [line.partition(" ")[0] for line in tail.splitlines()]


def test_a_reader_that_goes_away_is_no_error(done):
    """A closed pipe ends `logs` without a word."""
    world, _ = done
    logs = subprocess.Popen(
        [*PROGRAM, *world.arguments, "logs", "last", "mysql"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    logs.stdout.close()

    said = logs.stderr.read()
    logs.stderr.close()
    logs.wait(60)

    assert b"" == said


def test_events_are_gapless_and_one_a_line_when_followed(done):
    """`--json` is an array, with `-f` a value a line: the same events."""
    world, _ = done

    array = json.loads(world.cli("events", "last", "--json").stdout)
    lines = [json.loads(line) for line in world.cli("events", "last", "-f", "--json").stdout.splitlines()]

    assert list(range(1, len(array) + 1)) == [event["seq"] for event in array]
    assert array == lines
    assert "run_finished" in world.cli("events", "last").stdout


def test_events_stay_readable_on_a_narrow_terminal(done):
    """A line for each, below the name of its step; what is too long for one goes on below itself."""
    world, _ = done
    narrow, wide = (world.cli("events", "last", env={"COLUMNS": str(width)}).stdout for width in (60, 200))
    lines = [line.rstrip() for line in narrow.splitlines()]
    first, last = lines.index("── 01-mysql-install ──"), lines.index("── 02-zk-install ──")

    assert max(map(len, lines)) <= 60
    assert "── run ──" == lines[0]
    assert [True] == [
        line.endswith("task_result  db1  changed  Install the server") for line in lines[first:last] if "db1" in line
    ]
    assert re.search(r"01-mysql-install  task_result  +db1 +changed  +Install the server", wide)


def test_show_has_the_steps_and_their_hosts(done):
    """One run, as a table and as JSON; runs in a list have no steps."""
    world, _ = done
    run = world.runs()[0]

    assert "changed: web1, web2" in world.cli("show", run["id"][:4]).stdout
    assert ["mysql", "zk"] == [
        step["component"] for step in json.loads(world.cli("show", "last", "--json").stdout)["steps"] if step["seq"]
    ]
    assert "steps" not in run
    assert NOTE == run["note"]


def test_a_long_note_is_whole_in_the_list_and_in_show(done):
    world, _ = done
    listed, shown = (" ".join(world.cli(*command).stdout.split()) for command in (["runs"], ["show", "last"]))

    assert (True, True) == (NOTE in listed, NOTE in shown)


def test_watching_a_run_that_has_ended_shows_it_all_once_more(done):
    """Live is replay."""
    world, applied = done

    watched = world.cli("watch", "last")

    assert 0 == watched.exit_code
    assert applied.stdout == watched.stdout
    assert [line for line in applied.stderr.splitlines() if re.match(r"\d\d:", line)] == watched.stderr.splitlines()


def test_a_failure_is_told_once_for_all_its_hosts(failed):
    """What, where, on which hosts, what Ansible said, what to do, and the exact commands; the exit code is 1."""
    world, applied = failed
    run = world.runs()[0]["id"][:6]

    assert 1 == applied.exit_code
    for expected in (
        f"✗ run {run} failed after",
        "task 'Copy the config' failed on web1, web2",
        "02.zk.yml:4",
        "hosts  web1, web2",
        "No space left on device",
        "→ free space on the host",
        f"installkit --data-dir {world.data} logs {run} 01-zk-install",
        f"installkit --data-dir {world.data} resume {run}",
    ):
        assert expected in applied.stdout
    assert 1 == applied.stdout.count("→ free space")
    assert 1 == world.cli("watch", "last").exit_code
    assert "No space left on device" in world.cli("show", "last").stdout


def test_colours_can_be_had_in_a_pipe(failed):
    """FORCE_COLOR colours what is printed; nothing is drawn over and over where there is no terminal."""
    world, _ = failed
    plain = world.cli("watch", "last")
    forced = world.cli("watch", "last", env={"FORCE_COLOR": "1"}, color=True)

    assert "\x1b[1;31m" in forced.stdout
    assert plain.stdout == click.unstyle(forced.stdout)
    assert plain.stderr == forced.stderr


def test_a_pruned_run_says_so_and_offers_no_log(failed, tmp_path):
    """Its log is gone; what else may follow is offered as before."""
    world, _ = failed
    copy = World(shutil.copytree(world.root, tmp_path / "copy"))
    pruned = copy.cli("prune", "--older-than", "0.001s")
    shown, watched = copy.cli("show", "last"), copy.cli("watch", "last")

    assert 0 == pruned.exit_code, pruned.output
    for said in (shown, watched):
        assert "its events and logs were pruned; how it ended is kept" in said.stdout
        assert f"installkit --data-dir {copy.data} logs" not in said.output
        assert f"installkit --data-dir {copy.data} resume" in said.output


def test_a_dry_run_says_that_it_was_one(world):
    """Nothing is offered as installed, but the plan, which it does not use up."""
    dry = world.cli("record", "mysql", *world.place, "--yes", "--check")
    shown = world.cli("show", "last")
    plan = world.runs()[0]["plan"]

    assert 0 == dry.exit_code, dry.output
    for said in (dry, shown):
        assert "a dry run (--check): nothing was changed" in said.stdout
    assert "installed now" not in dry.stdout
    assert dry.stdout.endswith(f"to carry it out   installkit --data-dir {world.data} apply {plan}\n")
    assert [] == json.loads(world.cli("status", "--json").stdout)
    assert 0 == world.cli("apply", plan, "--yes").exit_code
    assert ["mysql"] == [row["component"] for row in json.loads(world.cli("status", "--json").stdout)]


def test_a_plan_says_what_it_does_not_take_and_what_may_not_be_meant(world):
    """Of a numbered set nothing vanishes unsaid; what is excluded is not spoken of."""
    for name in ("06.my db.yml", "92.stop.yml"):
        (world.root / "playbooks" / name).write_text(PLAYBOOKS["03.slow.yml"])

    everything = world.cli("plan", *world.place, "--all", "--json", "-e", "vault_password=x")
    some = world.cli("plan", *world.place, "--install", "001-3", "--install", "90-99", "--exclude", "92", "--json")
    refused = world.cli("plan", *world.place, "--all", "--exclude", "nope")

    plan = json.loads(everything.stdout)
    assert ["92.stop.yml: its name says 'stop'", "06.my db.yml: not a component"] == [
        warning.partition(",")[0].partition(": 'my")[0]
        for warning in plan["warnings"]
        if not warning.startswith("secret")
    ]
    assert (2, True) == (refused.exit_code, "no component is named 'nope'" in refused.stderr)
    assert ["mysql", "zk", "slow"] == list(dict.fromkeys(c["component"] for c in json.loads(some.stdout)["changes"]))


def test_a_saved_plan_is_applied_once_and_refused_when_stale(world):
    """A playbook edited since refuses a plan's file before a host is connected to; its own run answers it."""
    file, playbook = world.root / "plan.json", world.root / "playbooks" / "01.mysql.yml"
    planned = world.cli("plan", *world.place, "--install", "mysql", "-o", str(file))
    original = playbook.read_text()

    playbook.write_text(f"{original}    - ansible.builtin.command: echo more\n")
    stale = [world.cli(*words, str(file)) for words in (["check"], ["apply", "--yes"])]
    started = world.runs()
    playbook.write_text(original)
    first = world.cli("apply", str(file), "--yes", "--json")
    second = world.cli("apply", str(file), "--yes", "--json")

    assert 0 == planned.exit_code
    assert [3, 3] == [said.exit_code for said in stale]
    assert all("the plan is stale" in said.stderr for said in stale)
    assert [] == started
    assert "succeeded" == json.loads(first.stdout)["status"]
    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert "was applied before" in second.stderr


@pytest.mark.long
def test_nothing_starts_unconfirmed(world):
    """Without a terminal `--yes` is needed, and for what destroys data `--allow-destructive` too."""
    asked = world.cli("apply", *world.place, "--install", "gone")
    with installkit.Installer(world.data) as installer:
        site = installer.site("acme")
        site.start(site.plan(install=["gone"]), checks=False).wait(60).raise_for_status()

    destructive = world.cli("apply", "--uninstall", "gone", "--yes")
    allowed = world.cli("apply", "--uninstall", "gone", "--yes", "--allow-destructive")

    assert 3 == asked.exit_code
    assert "--yes" in asked.stderr
    assert 3 == destructive.exit_code
    assert "--allow-destructive" in destructive.stderr
    assert 0 == allowed.exit_code, allowed.output
    assert [] == json.loads(world.cli("status", "--json").stdout)


@pytest.mark.long
def test_a_detached_run_locks_its_site_and_can_be_watched_to_its_end(world):
    """`--detach` prints the id alone; meanwhile a plan says so, a change is refused with the holder; the end is seen."""
    detached = world.cli("apply", *world.place, "--install", "slow", "--yes", "--detach")
    run = detached.stdout.strip()
    planned = world.cli("plan", "--install", "slow")
    locked = world.cli("apply", "--install", "mysql", "--yes")
    world.release()
    watched = world.cli("watch", "last")

    assert 0 == detached.exit_code
    assert re.fullmatch(r"[0-9a-f]{12}", run)
    assert f"run {run[:6]} is under way" in planned.stderr
    assert f"at its end: installkit --data-dir {world.data} watch {run[:6]}" in planned.stderr
    assert 3 == locked.exit_code
    assert f"locked by run {run}" in locked.stderr
    assert f": installkit --data-dir {world.data} watch {run}\n" in locked.stderr
    assert 0 == watched.exit_code
    assert f"run {run[:6]} succeeded" in watched.stdout


@pytest.mark.long
def test_a_canceled_run_is_told_as_such(world):
    """`cancel --now` stops it; watching it ends with 1."""
    world.cli("apply", *world.place, "--install", "slow", "--yes", "--detach")

    canceled = world.cli("cancel", "last", "--now")
    watched = world.cli("watch", "last")

    assert 0 == canceled.exit_code
    assert 1 == watched.exit_code
    assert "canceled" in watched.stdout
    assert "has ended already: canceled" in world.cli("cancel", "last").stderr


def test_ctrl_c_leaves_the_run_alone(world):
    """On a real terminal: the live view is drawn, Ctrl-C says how to come back, and the run goes on to its end."""
    arguments = [*PROGRAM, *world.arguments, "apply", *world.place, "--install", "slow", "--skip-checks"]
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # what a shell starts in the background ignores it
        os.execv(arguments[0], arguments)  # noqa: S606 - the child of a pty.fork
    read_until(terminal, b"Apply? [y/N]")
    os.write(terminal, b"y\n")
    read_until(terminal, b"TASK [Wait for the file]")
    os.write(terminal, b"\x03")
    said = read_until(terminal, b"to cancel it").decode() + read_rest(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    world.release()
    run = world.runs()[0]["id"][:6]

    assert 130 == code
    assert "▶" in said
    assert f"installkit --data-dir {world.data} cancel {run}" in said
    assert 0 == world.cli("watch", run).exit_code


def test_a_run_that_waits_says_so_everywhere_and_goes_on_once_it_is_approved(world):
    """Whoever watches it on a terminal sees the command to give, and then how it goes on."""
    with installkit.Installer(world.data) as installer:
        run = start_waiting(installer).id[:6]
    arguments = [*PROGRAM, *world.arguments, "watch", run]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(arguments[0], arguments)  # noqa: S606 - the child of a pty.fork
    read_until(terminal, b"waiting for approval: installkit")
    listed, shown = world.cli("runs", "--status", "waiting"), world.cli("show", run)
    approved = world.cli("approve", run)
    rest = read_rest(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    again = world.cli("approve", run)
    told = world.cli("watch", run)

    command = f"waiting for approval: installkit --data-dir {world.data} approve {run}"
    assert run in listed.stdout
    assert [True, True] == [command in each.stderr for each in (listed, shown)]
    assert f"run {run} goes on: record app on h2" in approved.stderr
    assert 0 == code
    assert f"run {run} succeeded" in rest
    assert 2 == again.exit_code
    assert "nothing waits for an approval" in again.stderr
    assert "02-app-record-2  done: record app on h1; once approved: record app on h2" in told.stderr
    assert command in told.stderr
    assert re.search(r"02-app-record-2  approved by \w+", told.stderr)


def read_until(terminal, wanted):
    """Return what *terminal* said, up to *wanted*."""
    said = b""
    deadline = time.monotonic() + 60
    while wanted not in said:
        assert time.monotonic() < deadline, said.decode(errors="replace")
        if select.select([terminal], [], [], 0.1)[0]:
            said += os.read(terminal, 65536)
    return said


def read_rest(terminal):
    """Return what *terminal* says until its program has ended."""
    said = b""
    with contextlib.suppress(OSError):
        while chunk := os.read(terminal, 65536):
            said += chunk
    os.close(terminal)
    return said.decode(errors="replace")


def test_secrets_are_in_no_plan_and_asked_for_by_name(world):
    """A secret given with -e reaches Ansible, but not the plan; without a value and a terminal it is named."""
    wanted = [*world.place, "--install", "vault", "-e", "vault_port=8300"]

    missing = world.cli("apply", *wanted, "--yes")
    planned = world.cli("plan", *wanted, "-e", "vault_password=canary-7f3c", "--json")
    applied = world.cli("apply", *wanted, "-e", "vault_password=canary-7f3c", "--yes")

    assert 2 == missing.exit_code
    assert "vault_password" in missing.stderr
    assert "canary" not in planned.output
    assert {"vault_port": 8300} == json.loads(planned.stdout)["request"]["parameters"]
    assert 0 == applied.exit_code, applied.output
    assert "11" in world.cli("logs", "last").stdout


@pytest.mark.long
def test_pruning_keeps_how_a_run_ended(world):
    """Logs go, the record stays; a run that goes on is not touched; a rebuilt index says the same."""
    world.cli("apply", *world.place, "--install", "mysql", "--yes")
    old = world.runs()[0]
    live = world.cli("apply", "--install", "slow", "--yes", "--detach").stdout.strip()

    dry = json.loads(world.cli("prune", "--older-than", "0.001s", "--dry-run", "--json").stdout)
    assert 0 == world.cli("logs", old["id"]).exit_code
    pruned = json.loads(world.cli("prune", "--older-than", "0.001s", "--json").stdout)
    world.release()
    world.cli("watch", live)
    assert 0 == world.cli("reindex").exit_code

    assert [old["id"]] == [each["run"] for each in pruned]
    assert dry == pruned
    assert 2 == len(world.runs())
    assert old == world.runs()[1]
    assert {"spec.json", "result.json"} == {path.name for path in (world.data / "runs" / old["id"]).iterdir()}
    assert "were pruned" in world.cli("logs", old["id"]).stderr
    assert "succeeded" in world.cli("watch", old["id"]).stdout
    assert "installed" in world.cli("status").stdout


@pytest.mark.long
def test_a_damaged_database_is_set_aside_and_rebuilt(world):
    """The doctor says so, and reindexing brings back runs, record and what was entered before the last run."""
    world.cli("site", "create", "acme", *world.place)
    world.cli("site", "set", "acme", "flavour=sweet")
    world.cli("apply", "--install", "mysql", "--yes")
    before = world.runs(), world.cli("status", "--json").stdout
    (world.data / "installkit.db").write_bytes(b"no database" * 1000)
    for part in ("-wal", "-shm"):
        (world.data / f"installkit.db{part}").unlink(missing_ok=True)

    doctor = world.cli("doctor", "--json")
    reindexed = world.cli("reindex")

    assert 1 == doctor.exit_code
    assert ["database"] == [each["name"] for each in json.loads(doctor.stdout) if each["status"] == "fail"]
    assert 0 == reindexed.exit_code, reindexed.output
    assert "set aside" in reindexed.stderr
    assert before == (world.runs(), world.cli("status", "--json").stdout)
    assert "sweet" in world.cli("site", "show", "acme").stdout


def test_a_run_is_resumed_and_rolled_back_by_its_name(failed):
    """Each shows its own plan first, then is applied like any other."""
    world, _ = failed
    resumed = world.cli("resume", "last", "-e", "broken=", "--yes")
    limited = world.cli("rollback", "last", "-l", "nobody", "--yes")
    rolled_back = world.cli("rollback", "last", "--yes")

    assert 0 == resumed.exit_code
    assert "repair" in resumed.stderr
    assert (2, 0) == (limited.exit_code, rolled_back.exit_code)
    assert "no host matches limit 'nobody'" in limited.stderr
    assert "no uninstall is declared" in rolled_back.stderr


def test_what_is_there_is_recorded_and_forgotten(world):
    recorded = world.cli("record", "mysql", *world.place, "--yes")
    listed = world.cli("status", "--json")
    forgotten = world.cli("forget", "mysql", "--yes")

    assert [0, 0] == [recorded.exit_code, forgotten.exit_code]
    assert {"mysql"} == {row["component"] for row in json.loads(listed.stdout)}
    assert [] == json.loads(world.cli("status", "--json").stdout)
