"""What the command line says of itself, and what the shell completes."""

import os
import shlex
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import click
import pexpect
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner

import installkit
from installkit.cli.app import COMMANDS, app
from installkit.cli.commands import examples
from installkit.cli.topics import TOPICS

RECORDED = Path(__file__).parent / "data" / "journals" / "1" / "024ea32e2dec"
MANIFEST = """\
name: mysql
title: MySQL
versions: ["10.11.18", "10.11.19"]
parameters:
  mysql_port: {type: port, default: 3306}
  mysql_root_password: {secret: true}
actions: {install: 03.mysql.yml}
"""


def cli(*arguments):
    return CliRunner().invoke(app, arguments, prog_name="installkit")


def all_commands(command=app, name=""):
    """Yield the name of every command and the command, those of groups too."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for each in command.list_commands(context):
            yield from all_commands(command.get_command(context, each), f"{name} {each}".strip())


@pytest.mark.parametrize("name", [name for name, _ in all_commands()])
def test_every_help_ends_with_examples_that_can_be_typed(name):
    """Two to four of the command itself, whose options are there."""
    said = cli(*name.split(), "--help").stdout
    shown = examples(dict(all_commands())[name])

    assert said.endswith("\nExamples:\n" + "".join(f"  {line}\n" for line in shown))
    assert 2 <= len(shown) <= 4
    for line in shown:
        words = shlex.split(line.replace("$(", "").replace(")", ""))
        own = words[words.index("installkit") + 1 :] if "installkit" in words else shlex.split(words[1])[1:]
        end = next((number for number, word in enumerate(own) if word in {"|", ">", "&&"}), len(own))
        used = cli(*own[:end], "--help")
        assert 0 == used.exit_code, (line, used.output)
        assert f"Usage: installkit {name}".strip() in used.stdout


def test_the_overview_has_short_lines_that_stay_on_one():
    """What it says of a command is no more than fits beside its name on 80 columns."""
    shown = cli("--help").stdout.splitlines()

    assert [] == [name for name, entry in COMMANDS.items() if f"  {name.ljust(10)}  {entry.summary}" not in shown]


def test_every_topic_is_listed_and_fits_a_terminal():
    """A page each, and no page without its line in the list."""
    listed = cli("help").stdout
    pages = {topic: cli("help", topic).stdout for topic in TOPICS}

    assert {f"{topic}.txt" for topic in TOPICS} == {
        file.name for file in files("installkit.cli").joinpath("topics").iterdir()
    }
    for topic, page in pages.items():
        assert f"{topic:<12}  {page.splitlines()[0]}" in listed
        assert max(map(len, page.splitlines())) < 80
        assert len(page.splitlines()) < 40
    assert 2 == cli("help", "nope").exit_code


def test_commands_in_topics_can_be_typed():
    """Each line that begins with the program's name has a command and options that are there."""
    lines = [line for topic in TOPICS for line in cli("help", topic).stdout.splitlines()]
    commands = [line.strip().partition("     ")[0] for line in lines if line.startswith("  installkit ")]

    assert commands
    for command in commands:
        words = shlex.split(command.replace("[", "").replace("]", ""))[1:]
        end = next((number for number, word in enumerate(words) if word in {"|", "||"}), len(words))
        assert 0 == cli(*words[:end], "--help").exit_code, command


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A data directory with one recorded run and a site with a catalog."""
    root = tmp_path_factory.mktemp("place")
    (root / "playbooks").mkdir()
    (root / "playbooks" / "03.mysql.yml").write_text("- hosts: db\n  tasks: []\n")
    (root / "playbooks" / "08.zk.yml").write_text("- hosts: db\n  tasks: []\n")
    (root / "playbooks" / "mysql.component.yml").write_text(MANIFEST)
    (root / "hosts.ini").write_text("[db]\ndb1\n")
    shutil.copytree(RECORDED, root / "data" / "runs" / RECORDED.name)
    with installkit.Installer(root / "data") as installer:
        installer.reindex()
        installer.site("other", inventory=root / "hosts.ini", catalog=root / "playbooks", title="Other").parameters.set(
            {"mysql_port": 3307}
        )
    return root


def completed(place, line, typed=""):
    """Return what the words of *line* and the beginning *typed* complete to, with what is said of each."""
    words = ["--data-dir", str(place / "data"), *line.format(p=place).split()]
    found = ShellComplete(app, {}, "installkit", "_INSTALLKIT_COMPLETE").get_completions(words, typed)
    return {item.value: item.help for item in found}


@pytest.mark.parametrize(
    ("line", "typed", "expected"),
    [
        pytest.param("", "wa", {"watch"}, id="command"),
        pytest.param("show", "", {"last", "024ea3"}, id="run"),
        pytest.param("show", "024ea32e", {"024ea32e"}, id="run, longer"),
        pytest.param("cancel", "", set(), id="run that goes on"),
        pytest.param("logs last", "01-", {"01-mysql-install"}, id="step"),
        pytest.param("logs last", "z", {"zk"}, id="step by component"),
        pytest.param("runs --site", "", {"acme", "other"}, id="site of an option"),
        pytest.param("site show", "o", {"other"}, id="site"),
        pytest.param("runs --status", "f", {"failed"}, id="status"),
        pytest.param("plan --site other --install", "", {"mysql", "zk"}, id="component of a site"),
        pytest.param("plan -c {p}/playbooks --install", "m", {"mysql"}, id="component of a folder"),
        pytest.param("plan -i {p}/hosts.ini --upgrade", "mysql=", {"mysql=10.11.18", "mysql=10.11.19"}, id="version"),
        pytest.param("plan --install", "", set(), id="component of which site?"),
        pytest.param("catalog show {p}/playbooks", "", {"mysql", "zk"}, id="component of the catalog"),
        pytest.param("apply --site other -e", "mysql_p", {"mysql_port="}, id="parameter"),
        pytest.param("site secret other", "", {"mysql_root_password"}, id="secret"),
        pytest.param("site unset other", "", {"mysql_port"}, id="entered parameter"),
        pytest.param("help", "ch", {"checks"}, id="topic"),
    ],
)
def test_names_are_completed(place, line, typed, expected):
    """Commands, options and what the data directory and the catalog hold; where that is not clear, nothing."""
    assert expected == set(completed(place, line, typed))


def test_what_is_completed_is_explained(place):
    assert completed(place, "show")["last"].startswith("failed · ")
    assert "Other" == completed(place, "site show")["other"]
    assert "MySQL" == completed(place, "plan --site other --install")["mysql"]


@pytest.mark.parametrize("damage", ["absent", "no database"])
def test_completion_never_fails_and_makes_nothing(tmp_path, damage):
    """A tab key is not a moment for a traceback, nor for a new data directory."""
    if damage == "no database":
        (tmp_path / "data" / "runs").mkdir(parents=True)
        (tmp_path / "data" / "installkit.db").write_bytes(b"no database" * 1000)
    before = sorted(tmp_path.rglob("*"))

    assert {} == completed(tmp_path, "show")
    assert {} == completed(tmp_path, "plan -c /nowhere --install")
    if damage == "absent":
        assert before == sorted(tmp_path.rglob("*"))


SHELLS = {
    "bash": (
        ["--norc", "--noprofile", "-i"],
        r"""dump() { printf '<%s>' "$READLINE_LINE"; READLINE_LINE=; }; bind -x '"\C-xd": dump'""",
    ),
    "zsh": (
        ["-f", "-i"],
        """autoload -U compinit; compinit -u -D; bindkey -e; bindkey '^Xd' dump; zle -N dump
        dump() { print -rn -- "<$BUFFER>"; BUFFER= }""",
    ),
}
"""What starts each, and what makes Ctrl-X D print the line that is being typed, and clear it."""

TYPED = {
    "installkit sh": "installkit show ",
    "installkit show 02": "installkit show 024ea3 ",
    "installkit plan --site other --install=z": "installkit plan --site other --install=zk ",
    "installkit plan --site other --upgrade mysql=": "installkit plan --site other --upgrade mysql=10.11.1",
    "installkit apply --site other -e mysql_p": "installkit apply --site other -e mysql_port=",
    "installkit plan --inventory=hos": "installkit plan --inventory=hosts.ini ",
}


def find_shell(name):
    """Return the path of a shell; skip where there is none."""
    if found := shutil.which(name):
        return found
    pytest.skip(f"{name} is not installed")


@pytest.fixture
def shell_environment(place, tmp_path):
    """A shell finds installkit, and that the data directory of *place*."""
    program = tmp_path / "installkit"
    program.write_text(f"#!{sys.executable}\nfrom installkit.cli import main\nmain()\n")
    program.chmod(0o700)
    return {
        **os.environ,
        "HOME": str(tmp_path),
        "INSTALLKIT_DATA_DIR": str(place / "data"),
        "LC_ALL": "C.UTF-8",
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "TERM": "dumb",
    }


@pytest.mark.long
@pytest.mark.parametrize("shell", list(SHELLS))
def test_a_shell_fills_in_what_is_found(shell, place, shell_environment):
    """The tab key on a terminal: a command, a run, a component, a version, a parameter, a file."""
    options, prepared = SHELLS[shell]
    terminal = pexpect.spawn(
        find_shell(shell),
        options,
        env=shell_environment,
        cwd=place,
        encoding="utf-8",
        timeout=120,
        dimensions=(24, 200),
    )
    terminal.sendline(f"{prepared}\neval \"$(installkit completion {shell})\"; echo rea''dy")
    terminal.expect("ready\r\n")
    found = {}
    for line in TYPED:
        terminal.send(f"{line}\t\x18d")
        terminal.expect("<([^<>]*)>")
        found[line] = terminal.match[1]
    terminal.close(force=True)

    assert TYPED == found


@pytest.mark.long
def test_fish_lists_what_is_found(place, shell_environment):
    """Each with what is said of it, whole; the value of an option stands behind its =."""
    script = "installkit completion fish | source; for line in $argv; complete -C $line; end"
    lines = ["installkit sh", "installkit plan --site other --install=", "installkit plan --inventory=hos"]
    command = [find_shell("fish"), "--no-config", "-c", script, *lines]

    said = subprocess.run(command, check=True, capture_output=True, text=True, env=shell_environment, cwd=place)

    assert [
        "show\tShow one run: steps, hosts, failures.",
        "--install=mysql\tMySQL",
        "--install=zk",
        "--inventory=hosts.ini",
    ] == said.stdout.splitlines()
    assert "" == said.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_scripts_say_where_to_keep_them(shell):
    """Among their first lines."""
    assert f"# to keep it: installkit completion {shell} > " in cli("completion", shell).stdout
