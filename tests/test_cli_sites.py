"""Sites on the command line: the inventory that installkit keeps, and the end of a site."""

import json
import sys

import pytest
from click.testing import CliRunner

import installkit
from installkit.cli.app import app

HOSTS = """\
# the database comes first
all:
  hosts: {db1: {ansible_connection: local, rack: 7}}
  children: {db: {hosts: {db1: null}}}
"""
SLOW = """\
- hosts: db
  gather_facts: false
  tasks: [{raw: "while ! test -e {{ playbook_dir }}/release; do sleep 0.05; done"}]
"""


def make_place(folder):
    """Make a catalog, an inventory, and a site `acme` whose inventory installkit keeps."""
    (folder / "playbooks").mkdir()
    (folder / "playbooks" / "03.mysql.yml").write_text(SLOW)
    (folder / "hosts.yml").write_text(HOSTS)
    made = cli(folder, "site", "create", "acme", "--import", f"{folder}/hosts.yml", "-c", f"{folder}/playbooks")
    assert 0 == made.exit_code, made.output
    return folder


@pytest.fixture
def place(tmp_path):
    """A place of the test's own."""
    return make_place(tmp_path)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    """A place that every test leaves as it is."""
    return make_place(tmp_path_factory.mktemp("lasting"))


def cli(place, *arguments, **options):
    """Run the command line in this process, on the data directory of *place*."""
    return CliRunner().invoke(app, ["--data-dir", str(place / "data"), *arguments], **options)


def hosts(place):
    """Return the groups and variables of each host of the site."""
    listed = json.loads(cli(place, "site", "host", "list", "acme", "--json").stdout)
    return {host["name"]: (host["groups"], host["vars"]) for host in listed}


def test_a_host_is_entered_changed_and_removed(place):
    """What is not named stays as it is; a variable is taken away by its name."""
    words = ["site", "host", "set", "acme", "db2"]

    entered = cli(place, *words, "--group", "db", "--group", "new", "-e", "rack=8 ansible_host=10.0.0.2")
    changed = cli(place, *words, "-e", '{"rack": 9}', "--unset", "ansible_host")
    after = hosts(place)
    removed = cli(place, "site", "host", "remove", "acme", "db1")

    assert [0, 0, 0] == [said.exit_code for said in (entered, changed, removed)]
    assert (["db", "new"], {"rack": 9}) == after["db2"]
    assert (["db"], {"ansible_connection": "local", "rack": 7}) == after["db1"]
    assert ["db2"] == list(hosts(place))
    assert "db2" in cli(place, "site", "host", "list", "acme").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param("host set acme -oProxyCommand=x", "No such option", id="an option for a host"),
        pytest.param("host set acme db[1:3]", "write each host out", id="a range for a host"),
        pytest.param("host set acme db1 --unset nope", "has no variable nope", id="unknown variable"),
        pytest.param("host remove acme db1 db8 db9", "has no host db8, db9", id="unknown hosts"),
        pytest.param("host remove acme db1", "has no host", id="the last host"),
        pytest.param("host list nope", "no site is named 'nope'", id="unknown site"),
        pytest.param("import acme {p}/nope.yml", "nope.yml", id="no file to import"),
        pytest.param("import acme {p}/playbooks/03.mysql.yml", "an inventory is an object of groups", id="a playbook"),
        pytest.param("create new -c {p}/playbooks", "-i or with --import", id="no inventory"),
        pytest.param("delete nope --yes", "no site is named 'nope'", id="deleting no site"),
    ],
)
def test_what_cannot_be_entered_leaves_the_site_as_it_is(lasting, arguments, message):
    """What was wrong is said, and ends with 2."""
    before = hosts(lasting)

    said = cli(lasting, "site", *arguments.format(p=lasting).split())

    assert 2 == said.exit_code, said.output
    assert message in said.stderr
    assert before == hosts(lasting)


def test_an_inventory_goes_out_and_in_again(place):
    """To a file or stdout, from a file or stdin; what was exported can be imported."""
    exported = cli(place, "site", "export", "acme").stdout
    cli(place, "site", "export", "acme", str(place / "out.yml"))
    cli(place, "site", "import", "acme", "-", input="web: {hosts: {web1: {}}}\n")
    between = hosts(place)
    back = cli(place, "site", "import", "acme", str(place / "out.yml"))

    assert exported == (place / "out.yml").read_text()
    assert {"web1": (["web"], {})} == between
    assert "site acme has 1 host now" in back.stderr
    assert ["db1"] == list(hosts(place))


def test_an_inventory_that_is_a_file_is_edited_where_it_lies(place):
    """The error names the file."""
    cli(place, "site", "create", "plain", "-i", str(place / "hosts.yml"), "-c", str(place / "playbooks"))

    refused = [
        cli(place, "site", *words)
        for words in (["host", "set", "plain", "db2"], ["export", "plain"], ["import", "plain", f"{place}/hosts.yml"])
    ]

    assert [2, 2, 2] == [said.exit_code for said in refused]
    assert all(f"is the file {place / 'hosts.yml'}" in said.stderr for said in refused)
    assert ["db1"] == [
        each["name"] for each in json.loads(cli(place, "site", "host", "list", "plain", "--json").stdout)
    ]


def test_a_site_keeps_its_catalog_unless_a_plan_is_made_from_the_other(place):
    (place / "other").mkdir()
    (place / "other" / "08.zk.yml").write_text(SLOW)

    refused = cli(place, "plan", "-c", f"{place}/other", "--install", "mysql")
    kept = json.loads(cli(place, "site", "show", "acme", "--json").stdout)["catalog"]
    planned = cli(place, "plan", "-c", f"{place}/other", "--install", "zk")
    taken = json.loads(cli(place, "site", "show", "acme", "--json").stdout)["catalog"]

    assert (2, 0) == (refused.exit_code, planned.exit_code), planned.output
    assert (f"{place}/playbooks", f"{place}/other") == (kept, taken)


def test_a_site_is_forgotten_when_that_is_confirmed(place):
    """Without a terminal it takes `--yes`; nothing of what was entered is left on the disk."""
    refused = cli(place, "site", "delete", "acme")
    deleted = cli(place, "site", "delete", "acme", "--yes")

    assert (3, 0) == (refused.exit_code, deleted.exit_code)
    assert "Forget site acme, with its parameters, secrets and plans? Nobody can be asked: " in refused.stderr
    assert "→ to go ahead, add --yes" in refused.stderr
    assert [] == json.loads(cli(place, "site", "list", "--json").stdout)
    assert [] == list((place / "data").rglob("hosts.yml"))


@pytest.mark.long
@pytest.mark.parametrize("check", [["--skip-checks"], ["--check"]], ids=["changing", "looking"])
def test_a_site_with_a_run_under_way_is_not_forgotten(place, check):
    """Also where the run only looks; once it has ended, the site goes and the run stays."""
    python = f"ansible_python_interpreter={sys.executable}"
    cli(place, "site", "host", "set", "acme", "db1", "-e", python)
    started = cli(place, "apply", "--site", "acme", "--install", "mysql", "--yes", "--detach", *check)
    refused = cli(place, "site", "delete", "acme", "--yes")
    (place / "playbooks" / "release").touch()
    cli(place, "watch", started.stdout.strip())
    deleted = cli(place, "site", "delete", "acme", "--yes")

    assert (2 if "--check" in check else 3, 0) == (refused.exit_code, deleted.exit_code), refused.output
    assert started.stdout.strip() in refused.stderr
    with installkit.Installer(place / "data") as installer:
        assert 1 == len(installer.runs())
