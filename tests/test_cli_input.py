"""The command line without Ansible: what it is told, what it refuses, and what it costs to ask it."""

import ast
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import installkit
from installkit.cli.app import COMMANDS, app
from installkit.sites.typed_values import read_variables
from installkit.support.doctor import judge_place

MANIFEST = """\
name: mysql
title: MySQL
versions: ["10.11.18", "10.11.19"]
parameters:
  mysql_port: {type: port, default: 3306}
  mysql_flags: {type: list}
  mysql_data_dir: {type: path}
  mysql_root_password: {type: string, secret: true, required: true}
actions:
  install: 03.mysql.yml
"""


@pytest.fixture
def place(tmp_path):
    """A folder with a catalog, an inventory and no data yet."""
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "03.mysql.yml").write_text("- hosts: db\n  tasks: []\n")
    (tmp_path / "playbooks" / "mysql.component.yml").write_text(MANIFEST)
    (tmp_path / "hosts.ini").write_text("[db]\ndb1\n")
    return tmp_path


def cli(place, *arguments, **options):
    """Run the command line in this process, on the data directory of *place*."""
    return CliRunner().invoke(app, ["--data-dir", str(place / "data"), *arguments], **options)


def catalog(place):
    return installkit.load_catalog(place / "playbooks")


def read(place, *given):
    values = read_variables(given, catalog(place))
    return {**values.open}, {**values.secrets}


@pytest.mark.parametrize("command", ["", *COMMANDS, "site set", "site secret", "site host set", "catalog list"])
def test_every_command_explains_itself_with_an_example(place, command):
    """`--help` ends with 0, and shows a command line to copy."""
    said = cli(place, *command.split(), "--help")

    assert 0 == said.exit_code
    assert f"installkit {command}".strip() in said.stdout.replace("Usage: installkit", "")


def test_the_overview_imports_no_command():
    """`installkit --help` is there at once: neither rich nor YAML nor the database is loaded."""
    script = (
        "import sys; sys.argv = ['installkit', '--help']\n"
        "from installkit.cli import main\n"
        "try: main()\n"
        "except SystemExit: print(*sorted({'rich', 'yaml', 'peewee', 'ansible_runner', 'cattrs'} & set(sys.modules)))\n"
    )

    said = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)

    assert "Plan and apply" in said.stdout
    assert "" == said.stdout.splitlines()[-1]


def test_the_command_line_uses_public_names_alone():
    """What it needs of installkit comes from the root package, the demo's and the wording's."""
    folder = Path(installkit.__file__).parent / "cli"
    modules = {
        node.module
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("installkit")
    }

    assert {"installkit.demo", "installkit.text"} == {
        module for module in modules if not module.startswith("installkit.cli")
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param("bogus", "No such command 'bogus'", id="unknown command"),
        pytest.param("plan --nope", "No such option '--nope'", id="unknown option"),
        pytest.param("plan", "nothing is asked for; for example: installkit plan", id="empty request"),
        pytest.param("plan --install mysql", "there is no site yet in {p}/data: name", id="no site"),
        pytest.param("plan --site acme --install mysql", "no site is named 'acme'", id="unknown site"),
        pytest.param(
            "plan --site ../x -c {p}/playbooks -i {p}/hosts.ini --all", "'../x' is not a name", id="site's name"
        ),
        pytest.param("plan -i {p}/nope.ini --all", "does not exist", id="no inventory"),
        pytest.param("plan -i {p}/hosts.ini -c {p} --all", "neither a numbered playbook", id="no catalog"),
        pytest.param("plan -i {p}/hosts.ini -c {p}/playbooks --install mysql --batch 0", "0", id="batch"),
        pytest.param("plan -i {p}/hosts.ini -c {p}/playbooks --install nope", "is named 'nope'", id="first plan"),
        pytest.param("record nope --site new -i {p}/hosts.ini -c {p}/playbooks", "is named 'nope'", id="first record"),
        pytest.param("apply mysql", "for a component: --install mysql", id="component as plan"),
        pytest.param("apply {p}/hosts.ini", "is not a plan", id="file that is not a plan"),
        pytest.param("apply {p}/hosts.ini --all", "is a plan already", id="plan and request"),
        pytest.param("apply --all --timeout soon", "'soon' is not a time", id="timeout"),
        pytest.param(f"apply --all --note {'x' * 501}", "has 501 characters, more than 500", id="long note"),
        pytest.param("apply --all --note \x1b[2J", "without control characters as '\\x1b'", id="control characters"),
        pytest.param("apply --all --jobs 0", "it is a whole number from 1 on, not 0", id="jobs"),
        pytest.param("apply --all -vvvvvvv", "it is a whole number from 0 to 6, not 7", id="verbosity"),
        pytest.param(f"apply --all --timeout {'9' * 400}", "it is a number of seconds above 0, not inf", id="for ever"),
        pytest.param("show ../../etc", "no run has an id that begins with '../../etc'", id="run's id"),
        pytest.param("watch last", "there is no run yet", id="no run"),
        pytest.param("runs --status great", "'great'", id="status"),
        pytest.param("runs --site nope", "no site is named 'nope'", id="runs of no site"),
        pytest.param("prune", "say which runs", id="prune everything"),
        pytest.param("catalog show {p}/playbooks nope", "no component is named 'nope'", id="component"),
    ],
)
def test_bad_input_is_told_in_one_line_and_ends_with_2(place, arguments, message):
    """What was wrong, with the value; never a traceback, nothing on stdout, and no site that no plan was made for."""
    said = cli(place, *arguments.format(p=place).split())

    assert 2 == said.exit_code, said.output
    assert message.replace("{p}", str(place)) in next(
        line for line in said.stderr.splitlines() if line.startswith("error: ")
    )
    assert "" == said.stdout
    assert [] == json.loads(cli(place, "site", "list", "--json").stdout)


def test_an_empty_data_directory_is_named(place):
    """Perhaps another was meant."""
    said = [cli(place, *command.split()) for command in ("status", "site list", "runs")]

    assert [0, 0, 0] == [each.exit_code for each in said]
    assert [f" yet in {place}/data"] * 3 == [re.search(r" yet in [^;\n]*", each.stderr)[0] for each in said]


@pytest.mark.parametrize("below", ["", "/deeper/down"])
def test_a_file_is_no_data_directory(place, below):
    said = CliRunner().invoke(app, ["--data-dir", f"{place}/hosts.ini{below}", "status"])

    assert 1 == said.exit_code
    assert f"the data directory {place}/hosts.ini{below} cannot be used: {place}/hosts.ini is a file" in said.stderr


def test_a_site_that_was_taken_back_can_be_made_first(place):
    """The command that is said makes it, to enter for it what the plan needs."""
    said = cli(place, "plan", "-i", str(place / "hosts.ini"), "-c", str(place / "playbooks"), "--install", "nope")
    command = said.stderr.partition("to make it first: ")[2].splitlines()[0]
    made = CliRunner().invoke(app, shlex.split(command)[1:])

    assert 0 == made.exit_code, made.output
    assert 1 == len(json.loads(cli(place, "site", "list", "--json").stdout))


def test_all_mistakes_of_a_catalog_are_told_at_once(place):
    """With file, line and column; and no site is made of it."""
    (place / "playbooks" / "mysql.component.yml").write_text("name: mysql\nbogus: 1\nversions: 3\n")

    validated = cli(place, "catalog", "validate", str(place / "playbooks"))
    planned = cli(place, "plan", "-c", str(place / "playbooks"), "-i", str(place / "hosts.ini"), "--all")

    assert 2 == validated.exit_code
    assert "mysql.component.yml:2:1" in validated.stderr
    assert "mysql.component.yml:3:" in validated.stderr
    assert 2 == planned.exit_code
    assert [] == json.loads(cli(place, "site", "list", "--json").stdout)


def test_a_catalog_with_a_broken_playbook_is_not_valid(place):
    """The place is told; what else is in the catalog can be listed and planned meanwhile."""
    folder, hosts = place / "playbooks", place / "hosts.ini"
    (folder / "04.bad.yml").write_text("- hosts: db\n  tasks: [}\n")

    validated = cli(place, "catalog", "validate", str(folder))
    listed = cli(place, "catalog", "list", str(folder))
    planned = cli(place, "plan", "-c", str(folder), "-i", str(hosts), "--install", "mysql")

    assert (2, "") == (validated.exit_code, validated.stdout)
    assert f"error: {folder}/04.bad.yml:2:11: " in validated.stderr
    assert 0 == listed.exit_code
    assert "bad" in listed.stdout
    assert "04.bad.yml:2:11" in listed.stderr
    assert 0 == planned.exit_code, planned.output


def test_a_site_keeps_its_inventory(place):
    """A known site with another inventory is refused: those would be other hosts."""
    (place / "other.ini").write_text("[db]\ndb9\n")
    cli(place, "site", "create", "acme", "-c", str(place / "playbooks"), "-i", str(place / "hosts.ini"))

    said = cli(place, "plan", "--site", "acme", "-i", str(place / "other.ini"), "--all")

    assert 2 == said.exit_code
    assert "has the inventory" in said.stderr


def test_a_second_inventory_of_a_folder_gets_a_name_that_is_offered(place):
    """Sites are named after the folder of their inventory; what is said goes on as it stands."""
    (place / "staging.ini").write_text("[db]\ndb9\n")
    wanted = ("--all", "-c", str(place / "playbooks"), "-i")
    first = cli(place, "plan", *wanted, str(place / "hosts.ini"))
    second = cli(place, "plan", *wanted, str(place / "staging.ini"))
    (name,) = re.findall(r"as --site (\S+)$", second.stderr, re.MULTILINE)
    third = cli(place, "plan", *wanted, str(place / "staging.ini"), "--site", name)

    assert [0, 2, 0] == [first.exit_code, second.exit_code, third.exit_code], third.output
    assert "there is one with another inventory" in second.stderr
    assert name.endswith("-staging")


def test_a_catalog_that_holds_the_data_directory_is_refused(place):
    """Each run would change the catalog, and make its own plan stale."""
    said = cli(place, "site", "create", "acme", "-c", str(place), "-i", str(place / "hosts.ini"))

    assert 2 == said.exit_code
    assert f"lies in the catalog {place}" in said.stderr


def test_catalogs_are_listed_and_shown(place):
    """As tables, and as JSON."""
    folder = str(place / "playbooks")

    listed = json.loads(cli(place, "catalog", "list", folder, "--json").stdout)

    assert ["mysql"] == [component["name"] for component in listed]
    assert "10.11.18, 10.11.19" in cli(place, "catalog", "list", folder).stdout
    assert "mysql_port" in cli(place, "catalog", "show", folder, "3").stdout
    assert "a catalog of 1 component" in cli(place, "catalog", "validate", folder).stdout


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(["a=1 b='two words'"], {"a": "1", "b": "two words"}, id="text, as Ansible's"),
        pytest.param(
            ["mysql_port=3307", "mysql_flags='[a, b]'"], {"mysql_port": 3307, "mysql_flags": ["a", "b"]}, id="typed"
        ),
        pytest.param(["mysql_data_dir=/srv/1"], {"mysql_data_dir": "/srv/1"}, id="path"),
        pytest.param(['{"a": 1, "b": [true]}'], {"a": 1, "b": [True]}, id="JSON"),
        pytest.param(["a=1", "a=2"], {"a": "2"}, id="the later wins"),
        pytest.param(["a="], {"a": ""}, id="empty"),
        pytest.param(["a=b=c"], {"a": "b=c"}, id="equals in the value"),
        pytest.param(["a={{ 7*7 }} b=1"], {"a": "{{ 7*7 }}", "b": "1"}, id="braces"),
        pytest.param(
            ["a=x{{ b['c d'] }}y{% if e %} f='g h'"], {"a": "x{{ b['c d'] }}y{% if e %}", "f": "g h"}, id="mixed"
        ),
        pytest.param(["a='{{' b='}} c'"], {"a": "{{", "b": "}} c"}, id="quoted braces"),
    ],
)
def test_extra_variables_are_read_as_ansibles(place, given, expected):
    """`NAME=VALUE` is text unless the catalog declares a type; a map has the types that it is written in."""
    assert (expected, {}) == read(place, *given)


@pytest.mark.parametrize("name", ["values.yml", "values.json"])
def test_extra_variables_come_from_files_too(place, name):
    """`@FILE` is YAML, and so JSON."""
    (place / name).write_text('{"a": 1, "mysql_root_password": "canary"}')

    assert ({"a": 1}, {"mysql_root_password": "canary"}) == read(place, f"@{place / name}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: [1\n", r"values\.yml:2:1: ", id="syntax"),
        pytest.param("- a\n", "a map of names and values is wanted", id="list"),
        pytest.param("a: &x [1]\nb: *x\n", r"values\.yml:2:4: aliases", id="alias"),
        pytest.param("a: !!python/object/apply:os.getcwd []\n", r"values\.yml:1:4: ", id="code"),
        pytest.param("[" * 5000, r"values\.yml: values nest too deep", id="deep"),
    ],
)
def test_a_wrong_file_of_variables_is_told_by_its_place(place, text, message):
    """File, line and column; nothing in it is carried out or multiplied."""
    (place / "values.yml").write_text(text)

    with pytest.raises(installkit.DefinitionError, match=message):
        read(place, f"@{place / 'values.yml'}")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("lonely", "'lonely' has no value\n→ write NAME=VALUE"),
        ("a=1 lonely", "'lonely' has no value\n→ write NAME=VALUE"),
        ("=1", "'=1' has no name\n→ write NAME=VALUE"),
        ("a='1", '"a=\'1" cannot be read: No closing quotation'),
        ("{a", "'{a' is not a map: "),
        ("@/nowhere.yml", "@/nowhere.yml cannot be read: No such file or directory"),
    ],
)
def test_what_is_no_variable_is_refused(place, given, message):
    """It is never guessed; what is said fits `-e` and `site set`, which has no `-e`."""
    with pytest.raises(installkit.PlanningError, match=f"^{re.escape(message)}"):
        read(place, given)


def test_parameters_and_secrets_are_entered_for_a_site(place):
    """By level; a secret comes from stdin, never from the command line, and never comes back."""
    cli(place, "site", "create", "acme", "-c", str(place / "playbooks"), "-i", str(place / "hosts.ini"))

    entered = cli(place, "site", "set", "acme", "mysql_port=3307", "--group", "db")
    refused = cli(place, "site", "set", "acme", "mysql_root_password=canary")
    unknown = cli(place, "site", "set", "acme", "mysql_port=1", "--host", "nope")
    wrong = cli(place, "site", "set", "acme", "mysql_port=abc")
    kept = cli(place, "site", "secret", "acme", "mysql_root_password", input="canary\n")
    shown = cli(place, "site", "show", "acme")
    cli(place, "site", "unset", "acme", "mysql_port", "--group", "db")

    assert [0, 2, 2, 2, 0] == [said.exit_code for said in (entered, refused, unknown, wrong, kept)]
    assert "site secret acme mysql_root_password" in refused.stderr
    assert "choose one of: db1" in unknown.stderr
    assert "'abc' is not a port" in wrong.stderr
    assert "group db" in shown.stdout
    assert "3307" in shown.stdout
    assert "canary" not in shown.output
    assert "3307" not in cli(place, "site", "show", "acme").stdout


def test_null_is_no_value_of_a_parameter(place):
    """What takes one away is named; nothing that was entered beside it is."""
    cli(place, "site", "create", "acme", "-c", str(place / "playbooks"), "-i", str(place / "hosts.ini"))
    cli(place, "site", "set", "acme", "mysql_port=3307", "--group", "db")
    refused = cli(place, "site", "set", "acme", "mysql_data_dir=/srv", "mysql_port=null", "--group", "db")
    entered = json.loads(cli(place, "site", "show", "acme", "--json").stdout)
    command = refused.stderr.partition("to take a value away: ")[2].splitlines()[0]
    unset = CliRunner().invoke(app, shlex.split(command)[1:])

    assert 2 == refused.exit_code
    assert "null is not a value, for mysql_port" in refused.stderr
    assert "/srv" not in json.dumps(entered)
    assert 0 == unset.exit_code, unset.output
    assert "3307" not in cli(place, "site", "show", "acme").stdout


def test_the_doctor_finds_this_machine_fit(place):
    """Every check has its row; the exit code is 0 where nothing is broken."""
    said = cli(place, "doctor", "--json")
    found = {row["name"]: row for row in json.loads(said.stdout)}

    assert 0 == said.exit_code
    assert {"python", "ansible-core", "ansible-runner", "ssh", "pty", "data directory", "database"} <= found.keys()
    assert all(row["remedy"] for row in found.values() if row["status"] != "ok")


@pytest.mark.parametrize(
    ("cgroup", "mode", "in_container", "status", "said"),
    [
        ("0::/user.slice/user-1.slice/session-3.scope\n", "", False, "ok", "no service's stop"),
        ("0::/user.slice/user-1.slice/user@1.service\n", "", False, "ok", "no service's stop"),
        ("0::/system.slice/installkit.service\n", "control-group", False, "warn", "inside installkit.service"),
        ("0::/system.slice/installkit.service\n", "mixed", False, "warn", "may take runs along"),
        ("0::/system.slice/installkit.service\n", "", False, "warn", "may take runs along"),
        ("0::/system.slice/installkit.service\n", "process", False, "ok", "leaves runs alone"),
        ("1:cpu:/\n0::/system.slice/docker-1.scope\n", "", True, "warn", "inside a container"),
        ("0::/\n", "process", True, "warn", "inside a container"),
    ],
)
def test_the_doctor_warns_where_something_elses_end_takes_runs_along(cgroup, mode, in_container, status, said):
    """A unit whose stop kills only its main process is as good as none."""
    finding = judge_place(cgroup, lambda *_: mode, in_container=in_container)

    assert (status, True) == (finding.status, said in finding.message)
    assert ("ok" == status) == (not finding.remedy)


def test_the_doctor_says_that_the_key_of_the_secrets_is_gone(place):
    """A backup without it looks whole until a run needs a secret."""
    cli(place, "site", "create", "acme", "-c", str(place / "playbooks"), "-i", str(place / "hosts.ini"))
    cli(place, "site", "secret", "acme", "mysql_root_password", input="canary\n")
    before = {row["name"]: row for row in json.loads(cli(place, "doctor", "--json").stdout)}
    (place / "data" / "secret.key").unlink()
    said = cli(place, "doctor", "--json")
    after = {row["name"]: row for row in json.loads(said.stdout)}

    assert ("ok", "1 stored secret can be read") == (before["secrets"]["status"], before["secrets"]["message"])
    assert (1, "fail") == (said.exit_code, after["secrets"]["status"])
    assert "secret.key is not there" in after["secrets"]["message"]
    assert "put the key file back" in after["secrets"]["remedy"]


def test_the_doctor_works_where_ansible_is_missing(place, tmp_path):
    """That is its job: a copy of this Python without Ansible beside it says what to install."""
    script = "import sys; sys.executable = '/nowhere/python'; from installkit.cli import main; main()"
    environment = {"PATH": str(tmp_path), "LC_ALL": "C.UTF-8"}
    arguments = [sys.executable, "-c", script, "--data-dir", str(place / "data"), "doctor", "--json"]

    said = subprocess.run(arguments, check=False, capture_output=True, text=True, env=environment, timeout=60)
    found = {row["name"]: row for row in json.loads(said.stdout)}

    assert 1 == said.returncode
    assert "fail" == found["ansible-core"]["status"]
    assert "pip install ansible-core" in found["ansible-core"]["remedy"]


def test_prune_takes_nought_for_a_number(place):
    said = cli(place, "prune", "--keep", "0")

    assert 0 == said.exit_code


def test_output_that_cannot_be_written_is_an_error_in_words(place):
    arguments = [sys.executable, "-c", "from installkit.cli import main; main()", "--data-dir", str(place), "doctor"]
    with Path("/dev/full").open("w") as full:
        said = subprocess.run(arguments, check=False, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)

    assert "Traceback" not in said.stderr
    assert "No space left" in said.stderr
