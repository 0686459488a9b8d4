"""Catalogs: folders of numbered playbooks, with and without manifests."""

import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installkit.catalog import load_catalog
from installkit.errors import DefinitionError, UnknownNameError
from installkit.model import Action, ActionDefinition, OnChange, Origin, OriginLevel, Parameter, Requirement

PLAY = "- hosts: all\n  tasks: []\n"
ASKING = "- hosts: all\n  vars_prompt: [{name: user}, {name: pin, prompt: PIN}]\n  tasks: []\n"

MYSQL = """\
name: mysql
title: MySQL-compatible database (MariaDB)
versions: ["10.11.18", "10.11.19"]
hosts: db
requires: [common, {name: java, version: ">=17"}]
exclusive: false
parameters:
  mysql_port: {type: port, default: 3306, on_change: restart}
  mysql_root_password: {type: string, secret: true, required: true}
actions:
  install: 03.mysql.yml
  upgrade: {playbook: 03.mysql.yml, batch: 1, timeout: 30m, from: ">=10.11.17", approve: first_batch}
  verify: verify.yml
  uninstall: {playbook: uninstall.yml, destructive: true}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A catalog's folder, called `playbooks` by who stands beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "playbooks").mkdir()
    return Path("playbooks")


def write(folder: Path, **files: str) -> None:
    """Write *files* below *folder*."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def plays(folder: Path, *names: str) -> None:
    write(folder, **dict.fromkeys(names, PLAY))


def issues(folder: Path) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        load_catalog(folder)
    return [str(issue) for issue in caught.value.issues]


def manifest_issues(folder: Path, text: str) -> list[str]:
    """Return what is said of *text* as the manifest of `app`, without the file's name."""
    plays(folder, "05.app.yml", "06.web.yml")
    write(folder, **{"app.component.yml": text})
    return [issue.removeprefix("playbooks/app.component.yml:") for issue in issues(folder)]


def test_numbered_playbooks_are_components(folder):
    """The number gives the order, the rest the name; what follows the name may be an action."""
    plays(folder, "08-zk.yaml", "08-zk.verify.yml", "3_MySQL.yml", "10.mysql-8.0.yml")

    catalog = load_catalog(folder)

    assert [("MySQL", 3), ("zk", 8), ("mysql-8.0", 10)] == [(one.name, one.order) for one in catalog]
    assert {Action.INSTALL: "08-zk.yaml", Action.VERIFY: "08-zk.verify.yml"} == {
        spec.action: spec.playbook for spec in catalog["zk"].actions
    }
    assert folder.absolute() == catalog.folder == catalog["zk"].folder
    assert catalog["zk"] == catalog["8"] == catalog["08-zk.yaml"]
    assert () == catalog.warnings


def test_the_name_of_installkits_own_checks_is_no_components(folder):
    """`host.disk` must not mean two things: a numbered playbook goes by its stem, a manifest is refused."""
    plays(folder, "01.host.yml", "01.host.verify.yml")

    (found,) = load_catalog(folder)
    assert ("01.host", 2) == (found.name, len(found.actions))
    write(folder, **{"host.component.yml": "name: host\n"})
    assert "'host' cannot be a component's name: installkit's own checks are called host." in issues(folder)[0]


def test_other_playbooks_are_listed(folder):
    """Files that hold plays but no number are others; variables, tasks and hidden files are not."""
    plays(folder, "01.a.yml", "site.yml", ".hidden.yml", "roles/r/tasks/main.yml")
    write(folder, **{"vars.yml": "a: 1\n", "tasks.yml": "- debug:\n", "template.yml": "{{ x }}: {% if %}\n"})

    assert ("site.yml",) == load_catalog(folder).others


def test_a_name_found_twice_becomes_the_stem(folder):
    """Each keeps its own actions."""
    plays(folder, "03.mysql.yml", "03.mysql.verify.yml", "07.mysql.yml", "08.zk.yml")

    catalog = load_catalog(folder)

    assert ["03.mysql", "07.mysql", "zk"] == [one.name for one in catalog]
    assert [Action.INSTALL, Action.VERIFY] == sorted(spec.action for spec in catalog["03.mysql"].actions)


def test_two_files_of_one_stem(folder):
    """Nobody can say which is meant."""
    plays(folder, "03.mysql.yml", "03.mysql.yaml")

    assert ["03.mysql.yaml and 03.mysql.yml are both the install of '03.mysql'"] == [
        part for issue in issues(folder) for part in [issue.split(": ", 1)[1].split(";")[0]]
    ]


def test_a_folder_without_numbers(folder):
    """What to do is said with one of its playbooks, and it works."""
    plays(folder, "reset.yml", "site.yml")
    (warning,) = load_catalog(folder).warnings
    (folder / "10.site.yml").symlink_to("site.yml")
    catalog = load_catalog(folder)

    assert warning.endswith("nor a manifest; to make one of reset.yml: ln -s reset.yml 10.reset.yml")
    assert [("site", 10)] == [(one.name, one.order) for one in catalog]
    assert () == catalog.warnings


def test_an_action_knows_what_its_playbook_asks_for(folder):
    """Also through what it imports, as Ansible asks then too."""
    write(folder, **{"05.app.yml": "- import_playbook: asking.yml\n", "asking.yml": ASKING})
    plays(folder, "05.app.stop.yml")

    assert [(), ("user", "pin")] == sorted(spec.prompts for spec in load_catalog(folder)["app"].actions)


@pytest.mark.parametrize(
    ("name", "text", "warning"),
    [
        pytest.param("05.my app.yml", PLAY, "'my app' cannot be a component's name", id="name"),
        pytest.param("05.06.yml", PLAY, "'06' cannot be a component's name", id="name of digits"),
        pytest.param("05.app.verify.yml", PLAY, "'app' has no install playbook", id="no install"),
        pytest.param("05.app.yml", "a: 1\n", "numbered, but holds no plays", id="no plays"),
        pytest.param("05.app.yml", "- hosts: [\n", "05.app.yml:2:1: ", id="no YAML"),
        pytest.param("05.数据库.yml", PLAY, "'数据库' cannot be a component's name", id="name of other letters"),
        pytest.param("05.yml", PLAY, "its number must be followed by '.', '-' or '_' and a name", id="no name"),
        pytest.param("05app.yml", PLAY, "its number must be followed by", id="no dot"),
        pytest.param("05 app.yml", PLAY, "its number must be followed by", id="a blank"),
        pytest.param("\N{FULLWIDTH DIGIT FIVE}.app.yml", PLAY, "its number must be followed by", id="wide digits"),
        pytest.param("05app.yml", "- hosts: [\n", "cannot be read at 2:1: ", id="no dot and no YAML"),
        pytest.param("05.app.yml", "", "numbered, but holds no plays", id="empty"),
        pytest.param("05.app.yml", ASKING, "05.app.yml: asks for user, pin (vars_prompt)", id="questions"),
    ],
)
def test_numbered_files_worth_a_look(folder, name, text, warning):
    """What a number promises and the file does not keep is a warning: Ansible may still run the others."""
    plays(folder, "01.good.yml")
    write(folder, **{name: text})

    catalog = load_catalog(folder)

    assert "good" in catalog
    assert [True] == [warning in found for found in catalog.warnings]


@pytest.mark.parametrize(
    ("name", "word", "rename"),
    [
        ("92.stop.yml", "stop", "92.COMPONENT.stop.yml"),
        ("93.STOP_ALL.yml", "stop", "93.COMPONENT.stop.yml"),
        ("99.clean.yml", "clean", "99.COMPONENT.uninstall.yml"),
        ("99-tear-down.yaml", "teardown", "99.COMPONENT.uninstall.yml"),
        ("96.reset-services.yml", "reset", "96.COMPONENT.uninstall.yml"),
        ("97.uninstall-mysql.yml", "uninstall", "97.COMPONENT.uninstall.yml"),
        ("3.mysql.clean.yml", "clean", "03.COMPONENT.uninstall.yml"),
        ("03.mysql-restart.yml", "restart", "03.COMPONENT.restart.yml"),
        ("90.start.yml", "start", "90.COMPONENT.start.yml"),
        ("90.backup.yml", "backup", "90.COMPONENT.backup.yml"),
        ("91.restore.yml", "restore", "91.COMPONENT.rollback.yml"),
        ("95.update.yml", "update", "95.COMPONENT.upgrade.yml"),
    ],
)
def test_a_name_that_says_another_action_is_said(folder, name, word, rename):
    """It is a component all the same: a number is all that it takes."""
    plays(folder, name)

    (found,) = load_catalog(folder)

    assert found.caution.startswith(f"{name}: its name says {word!r}, ")
    assert rename in found.caution
    assert (found.caution,) == load_catalog(folder).warnings


@pytest.mark.parametrize(
    "name",
    ["01.base.yml", "02.os-update.yml", "03.mysql-backup.yml", "04.startpage.yml", "05.stopwatch.yml", "06.all.yml"],
)
def test_a_name_with_an_action_in_it_may_well_be_a_component(folder, name):
    """Whoever is warned of everything reads nothing."""
    plays(folder, name)

    assert [None] == [one.caution for one in load_catalog(folder)]


def test_a_manifest_confirms_a_name_that_says_another_action(folder):
    """Somebody has said that it is a component."""
    plays(folder, "92.stop.yml")
    write(folder, **{"stop.component.yml": "title: A stop-watch\n"})

    catalog = load_catalog(folder)

    assert (None, ()) == (catalog["stop"].caution, catalog.warnings)


def test_what_plans_drop_is_said_with_what_to_do(folder):
    """By the path in the catalog; what a component uses is not dropped, whatever its name."""
    plays(folder, "01.good.yml", "02.my db.yml", "07_数据库.yml", "10imported.yml", "site.yml")
    write(
        folder,
        **{"05.app.yml": "- hosts: [\n", "06.vars.yml": "a: 1\n", "08.all.yml": "- import_playbook: 10imported.yml\n"},
    )
    write(folder, **{"db.component.yml": "actions: {install: 07_数据库.yml}\n", "20vars.yml": "a: 1\n"})

    dropped = load_catalog(folder).dropped

    assert ["02.my db.yml", "05.app.yml", "06.vars.yml"] == list(dropped)
    assert dropped["02.my db.yml"].endswith("; rename it, or name it in a manifest (NAME.component.yml)")
    assert dropped["05.app.yml"].startswith("cannot be read at 2:1: ")


def test_numbers_name_components_however_they_are_written(folder):
    """The zeros before a number say nothing."""
    plays(folder, "01.base.yml", "12.app.YML", "002.web.yml")

    catalog = load_catalog(folder)

    assert {"base"} == {catalog[number].name for number in ("1", "01", "001", "0000000001")}
    assert ("app", "web") == (catalog["012"].name, catalog["2"].name)


def test_a_dropped_playbook_asked_for_says_why(folder):
    """By its number or its path: it is there, and whoever names it sees it."""
    plays(folder, "01.base.yml", "02.my db.yml")
    catalog = load_catalog(folder)

    for name in ("2", "002", "02.my db.yml"):
        with pytest.raises(UnknownNameError, match=r"^02\.my db\.yml: not a component: 'my db' cannot be"):
            catalog[name]


def test_a_broken_playbook_stays_a_component(folder):
    """It is there to be planned, and Ansible says what is wrong with it; each is an issue, whoever names or imports it."""
    broken = "- hosts: [\n"
    manifest = "name: db\nactions: {install: 06.db.yml, verify: verify.yml}\n"
    write(folder, **{"05.app.yml": broken, "verify.yml": broken, "leaf.yml": broken, "notes.yml": broken})
    write(folder, **{"db.component.yml": manifest, "06.db.yml": "- import_playbook: leaf.yml\n"})

    catalog = load_catalog(folder)

    places = ["playbooks/05.app.yml:2:1", "playbooks/leaf.yml:2:1", "playbooks/verify.yml:2:1"]
    assert ["app", "db"] == [component.name for component in catalog]
    assert places == [str(issue).partition(": ")[0] for issue in catalog.unreadable]
    assert places == [warning.partition(": ")[0] for warning in catalog.warnings]


def test_an_empty_folder(folder):
    """Nothing found is not an error, but is said."""
    catalog = load_catalog(folder)

    assert 0 == len(catalog)
    assert [True] == ["no component" in warning for warning in catalog.warnings]


@pytest.mark.parametrize(("name", "what"), [("nope", "does not exist"), ("file", "is not a folder")])
def test_no_folder(folder, name, what):
    """The folder is told as it was given."""
    write(folder, file="")

    assert [f"playbooks/{name}: the catalog {what}"] == issues(folder / name)


def test_a_manifest_in_a_folder_of_its_own(folder):
    """Every key of a manifest arrives in the component."""
    plays(folder, "01.common.yml", "02.java.yml", "mysql/03.mysql.yml", "mysql/verify.yml", "mysql/uninstall.yml")
    plays(folder, "mysql/extra.yml")
    write(folder, **{"mysql/component.yml": MYSQL})

    catalog = load_catalog(folder)

    mysql = catalog["mysql"]
    assert ["common", "java", "mysql"] == [one.name for one in catalog]
    assert ("MySQL-compatible database (MariaDB)", 3, "db", False) == (
        mysql.title,
        mysql.order,
        mysql.hosts,
        mysql.exclusive,
    )
    assert "10.11.19" == mysql.default_version
    assert (Requirement("common"), Requirement("java", ">=17")) == mysql.requires
    assert (
        Parameter(
            name="mysql_port",
            component="mysql",
            type="port",
            value=3306,
            origin=Origin(OriginLevel.DEFAULT, "mysql"),
            on_change=OnChange.RESTART,
        ),
        Parameter(name="mysql_root_password", component="mysql", secret=True, required=True),
    ) == mysql.parameters
    assert (
        ActionDefinition(action=Action.INSTALL, playbook="03.mysql.yml"),
        ActionDefinition(
            action=Action.UPGRADE,
            playbook="03.mysql.yml",
            batch=(1,),
            timeout=1800.0,
            from_version=">=10.11.17",
            approve="first_batch",
        ),
        ActionDefinition(action=Action.VERIFY, playbook="verify.yml"),
        ActionDefinition(action=Action.UNINSTALL, playbook="uninstall.yml", destructive=True),
    ) == mysql.actions
    assert folder.absolute() / "mysql" / "component.yml" == mysql.manifest
    assert ("mysql/extra.yml",) == catalog.others


def test_a_manifest_adopts_the_playbooks_of_its_name(folder):
    """Actions that name no playbook get the numbered one; upgrade falls back to install's."""
    plays(folder, "03.mysql.yml", "03.mysql.verify.yml", "checks.yml")
    write(folder, **{"mysql.component.yml": "actions: {check: checks.yml, upgrade: {batch: 30%}}\n"})

    catalog = load_catalog(folder)

    assert {
        Action.CHECK: "checks.yml",
        Action.UPGRADE: "03.mysql.yml",
        Action.INSTALL: "03.mysql.yml",
        Action.VERIFY: "03.mysql.verify.yml",
    } == {spec.action: spec.playbook for spec in catalog["mysql"].actions}
    assert (3, 1, ()) == (catalog["mysql"].order, len(catalog), catalog.others)


def test_playbooks_beside_a_manifest_that_names_another(folder):
    """A numbered playbook that no manifest takes is a component of its own, under its stem."""
    plays(folder, "03.mysql.yml", "setup.yml")
    write(folder, **{"mysql.component.yml": "actions: {install: setup.yml}\n"})

    assert ["03.mysql", "mysql"] == [one.name for one in load_catalog(folder)]


def test_several_playbooks_could_be_adopted(folder):
    """The manifest says which."""
    plays(folder, "03.app.yml", "07.app.yml")
    write(folder, **{"app.component.yml": "title: App\n"})

    assert [True] == ["several playbooks could be its install: 03.app.yml, 07.app.yml" in one for one in issues(folder)]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90.0), ("1.5", 1.5), ("90s", 90.0), ("30m", 1800.0), ("1h30m", 5400.0)]
)
def test_durations(folder, text, seconds):
    """Durations are seconds, or hours, minutes and seconds."""
    plays(folder, "05.app.yml")
    write(folder, **{"app.component.yml": f"actions: {{install: {{timeout: {text}}}}}\n"})

    assert seconds == load_catalog(folder)["app"].actions[0].timeout


@pytest.mark.parametrize(("text", "batch"), [("2", (2,)), ("30%", ("30%",)), ("[1, 5, 100%]", (1, 5, "100%"))])
def test_batches(folder, text, batch):
    """Batches are Ansible's serial: a count, a percentage, or a list of them."""
    plays(folder, "05.app.yml")
    write(folder, **{"app.component.yml": f"actions: {{install: {{batch: {text}}}}}\n"})

    assert batch == load_catalog(folder)["app"].actions[0].batch


def test_every_mistake_at_once(folder):
    """Each has its line and column, in every file of the catalog."""
    plays(folder, "05.app.yml", "06.web.yml")
    write(
        folder,
        **{
            "app.component.yml": "titel: App\nversions: [1.20]\nactions:\n  instal: 05.app.yml\n  verify: nope.yml\n",
            "web.component.yml": "exclusive: no\nrequires: [ap]\n",
        },
    )

    assert [
        "playbooks/app.component.yml:1:1: unknown key 'titel'; did you mean 'title'?",
        "playbooks/app.component.yml:2:12: text is wanted, not 1.2: quote it",
        "playbooks/app.component.yml:4:3: unknown action 'instal'; did you mean 'install'?",
        "playbooks/app.component.yml:5:11: there is no playbook 'nope.yml'; known are: 05.app.yml, 06.web.yml",
        "playbooks/web.component.yml:1:12: 'no' is ambiguous in YAML: quote it if it is text, else write true or false",
        "playbooks/web.component.yml:2:12: no component is named 'ap'; did you mean 'app'?",
    ] == issues(folder)


@pytest.mark.parametrize(
    ("text", "issue"),
    [
        ("- a\n", "1:1: a map is wanted, not a list"),
        ("", " a map is wanted, not nothing"),
        ("title: A\ntitle: B\n", "2:1: 'title' stands twice, first in line 1"),
        ("title: A\n---\ntitle: B\n", "2:1: expected a single document in the stream, but found another document"),
        ("title: *a\n", "1:8: found undefined alias"),
        ("title: [A\n", "2:1: while parsing a flow sequence, did not find expected ',' or ']'"),
        ("title: !vault A\n", "1:8: 'A' has the tag !vault, which means nothing here"),
        ("1: A\n", "1:1: the key 1 is not text: quote it"),
        ("title: é\x07\n", "1:9: the character '\\x07' is not allowed in YAML"),
        ("title:\n", "1:7: text is wanted, not nothing"),
        ("title: ' '\n", "1:8: a line of text is wanted, not ' '"),
        ("exclusive: 1\n", "1:12: true or false is wanted, not 1"),
        ("parameters: {a: {default: ~}}\n", "1:27: a value is wanted, not nothing"),
        ("parameters: {a: {type: 1}}\n", "1:24: one of string, "),
        ("parameters: {a: }\n", "1:17: a map is wanted, not nothing"),
        ("actions: {install: {tags: 'a b'}}\n", "1:27: 'a b' is not a tag"),
        ("title: 12:30\n", "1:8: '12:30' is ambiguous in YAML: quote it if it is text, else write a decimal number"),
        ("title: 2026-01-01\n", "1:8: '2026-01-01' is ambiguous in YAML: quote it"),
        ("name: other\n", "1:7: the name is 'other', but the file's name says 'app'"),
        ("name: -x\n", "1:7: '-x' cannot be a component's name"),
        ("versions: ['1', '2', '1']\n", "1:11: listed more than once: 1"),
        ("versions: ['1 2']\n", "1:12: '1 2' is not a version"),
        ("hosts: '@file'\n", "1:8: '@file' is not a host pattern"),
        ("hosts: '{{ x }}'\n", "1:8: '{{ x }}' is not a host pattern"),
        ("requires: app\n", "1:11: a list is wanted, not 'app'"),
        ("requires: [{version: '>1'}]\n", "1:12: a requirement needs a name"),
        ("requires: [{name: no}]\n", "1:19: 'no' is ambiguous"),
        ("requires: [{name: web, version: latest}]\n", "1:33: 'latest' is not a version specifier"),
        ("parameters: {port: {}}\n", "1:14: 'port' is reserved by Ansible"),
        ("parameters: {ansible_user: {}}\n", "1:14: 'ansible_user' is reserved"),
        ("parameters: {component_x: {}}\n", "1:14: 'component_x' is reserved"),
        ("parameters: {a-b: {}}\n", "1:14: 'a-b' is not an Ansible variable name"),
        ("parameters: {class: {}}\n", "1:14: 'class' is not an Ansible variable name"),
        ("parameters: {a: {type: text}}\n", "1:24: 'text' is not known; known are: string"),
        ("parameters: {a: {type: integer, default: '1'}}\n", "1:42: the default must be a whole number, not '1'"),
        ("parameters: {a: {type: port, default: 70000}}\n", "1:39: the default must be a port from 1 to 65535"),
        ("parameters: {a: {type: path, default: etc}}\n", "1:39: the default must be an absolute path"),
        ("parameters: {a: {default: 010}}\n", "1:27: '010' is ambiguous"),
        ("parameters: {a: {secret: true, default: x}}\n", "1:32: a secret has no default"),
        ("parameters: {a: {on_change: reload}}\n", "1:29: 'reload' is not known; known are: configure"),
        ("actions: {install: {playbook: 05.app.yml, from: x}}\n", "1:49: 'x' is not a version specifier"),
        ("actions: {install: {batch: 0}}\n", "1:28: a number of hosts from 1, or a percentage such as '30%'"),
        ("actions: {install: {batch: []}}\n", "1:28: the list is empty"),
        ("actions: {install: {timeout: 30 minutes}}\n", "1:30: a duration above 0"),
        ("actions: {install: {timeout: 0}}\n", "1:30: a duration above 0"),
        ("actions: {install: {timeout: 1m, soft_timeout: 2m}}\n", "1:48: soft_timeout must be shorter"),
        ("actions: {install: {tags: [-t]}}\n", "1:28: '-t' is not a tag"),
        ("actions: {install: {vars: {hosts: x}}}\n", "1:28: 'hosts' is reserved by Ansible"),
        ("actions: {install: {from: {'1.0': x}}}\n", "1:35: 'x' is not a version specifier"),
        ("actions: {install: {from: {1.0: '>=0.9'}}}\n", "1:28: the key 1.0 is not text: quote it"),
        ("actions: {install: {from: {'1.0': '>=0.9'}}}\n", "1:28: '1.0' is not among its versions; known are: none"),
        (
            "versions: ['1.0', '2.0']\nactions: {install: {from: {'2.0': '>=1', '2.00': '>=1'}}}\n",
            "2:42: '2.00' is not among its versions; did you mean '2.0'?",
        ),
        ("actions: {install: {approve: always}}\n", "1:30: 'always' is not known"),
        ("actions: {backup: {batch: 1}}\n", "1:19: the action 'backup' names no playbook"),
        ("actions: {install: /etc/05.app.yml}\n", "1:20: '/etc/05.app.yml' is not a playbook of the catalog"),
        ("actions: {install: ../05.app.yml}\n", "1:20: '../05.app.yml' leads out of the catalog"),
        ("actions: {install: app.component.yml}\n", "1:20: 'app.component.yml' holds no plays"),
        ("parameters: {a: {}}\nactions: {install: {vars: {a: 1}}}\n", "2:31: 'a' is a parameter"),
    ],
)
def test_mistakes_in_a_manifest(folder, text, issue):
    """One mistake is one issue, where it stands."""
    assert [True] == [found.startswith(issue) for found in manifest_issues(folder, text)]


def test_a_manifest_without_install(folder):
    """Install is the one action that a component needs."""
    plays(folder, "verify.yml")
    write(folder, **{"app.component.yml": "actions: {verify: verify.yml}\n"})

    assert [True] == ["component 'app' has no install playbook" in issue for issue in issues(folder)]


def test_bytes_that_are_not_utf8(folder):
    """The place of the first is told."""
    (folder / "app.component.yml").write_bytes(b"title: A\nhosts: \xff\n")

    assert ["playbooks/app.component.yml:2:8: the byte 0xff is not UTF-8"] == issues(folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("a: &a [*a]\n", "repeated by aliases", id="endless"),
        pytest.param(
            "a: &a [x, x]\n"
            + "".join(
                f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefghijklmnopqrs", "bcdefghijklmnopqrst", strict=True)
            ),
            "repeated by aliases",
            id="bomb",
        ),
        pytest.param("a: " + "x" * 2_000_000, "more than the", id="huge"),
    ],
)
def test_manifests_that_blow_up(folder, text, message):
    """What would take all memory, or the process, is an issue of its file."""
    assert [True] == [message in issue for issue in manifest_issues(folder, text)]


DEEP = [
    pytest.param("a: " + "[" * 100_000, "1:67", id="lists without end"),
    pytest.param("a: " + "[" * 1_500 + "]" * 1_500, "1:67", id="lists that end"),
    pytest.param("a:\n- " + "[" * 65 + "]" * 65, "2:65", id="one too many"),
    pytest.param("a: " + "{b: " * 5_000, "1:256", id="maps in a line"),
    pytest.param("a:\n  " + "- " * 5_000 + "x", "2:129", id="lists in a line"),
    pytest.param("\n".join(" " * depth + "b:" for depth in range(1_400)), "65:65", id="maps, line by line"),
    pytest.param("a: é\nb: " + "[" * 2_000, "2:67", id="behind a letter of two bytes"),
]


@pytest.mark.parametrize(("text", "place"), DEEP)
def test_a_manifest_that_nests_too_deep(folder, text, place):
    """It is told in our words and with the place, also where the reader of YAML has a limit of its own."""
    assert [f"{place}: values nest deeper than 64"] == manifest_issues(folder, text)


@pytest.mark.parametrize(("text", "place"), DEEP)
def test_a_numbered_playbook_that_nests_too_deep(folder, text, place):
    """Reading a playbook is bounded too."""
    write(folder, **{"05.app.yml": text})

    told = f"playbooks/05.app.yml:{place}: values nest deeper than 64"
    assert [True] == [told in warning for warning in load_catalog(folder).warnings]


def test_a_mistake_before_values_that_nest_too_deep(folder):
    """The first mistake is the one that is told."""
    (issue,) = manifest_issues(folder, 'a: "x" y\nb: ' + "[" * 2_000)

    assert issue.startswith("1:8: ")


@pytest.mark.parametrize("name", ["05.app.yml", "app.component.yml"])
@pytest.mark.parametrize("target", ["../outside.yml", "nowhere.yml"])
def test_links_out_of_the_catalog(folder, name, target):
    """A playbook or manifest is a file of the catalog, not one that lies elsewhere."""
    plays(folder.parent, "outside.yml")
    (folder / name).symlink_to(target)

    assert [f"playbooks/{name}: is a link to '{target}'"] == [issue.split(",")[0] for issue in issues(folder)]


def test_a_named_playbook_that_links_out(folder):
    """Naming the link in a manifest changes nothing."""
    plays(folder.parent, "outside.yml")
    (folder / "setup.yml").symlink_to("../outside.yml")

    assert ["1:20: 'setup.yml' leads out of the catalog; copy the playbook into it"] == manifest_issues(
        folder, "actions: {install: setup.yml}\n"
    )


def test_links_inside_the_catalog(folder):
    """A link to a playbook of the same catalog is one."""
    plays(folder, "shared/app.yml")
    (folder / "05.app.yml").symlink_to("shared/app.yml")

    assert "app" in load_catalog(folder)


def test_required_versions(folder):
    """A requirement is held against the versions that the catalog offers; without any, it cannot be."""
    plays(folder, "01.java.yml", "02.free.yml", "05.app.yml")
    write(folder, **{"java.component.yml": "versions: ['11', '17.0.1-rc1', custom]\n"})
    requires = "requires: [{name: java, version: '>=11'}, {name: free, version: '>=1'}]\n"

    write(folder, **{"app.component.yml": requires})
    accepted = load_catalog(folder)
    refused = manifest_issues(folder, "requires: [{name: java, version: '>=18'}]\n")

    assert "app" in accepted
    assert ["1:19: 'java' offers 11, 17.0.1-rc1, custom, none of which is >=18"] == refused


def test_cycles(folder):
    """Every cycle is told, with the names along it, where it can be cut."""
    plays(folder, "1.a.yml", "2.b.yml", "3.c.yml", "4.d.yml")
    write(
        folder,
        **{
            "a.component.yml": "requires: [b]\n",
            "b.component.yml": "requires: [c]\n",
            "c.component.yml": "requires: [a]\n",
            "d.component.yml": "requires: [d]\n",
        },
    )

    found = issues(folder)

    assert 2 == len(found)
    assert [True, True] == ["components require each other" in issue for issue in found]
    assert "d → d" in found[1]
    assert any(cycle in found[0] for cycle in ("a → b → c → a", "b → c → a → b", "c → a → b → c"))


def test_one_parameter_of_two_components(folder):
    """The same declaration is shared; another one is a mistake that names the first."""
    plays(folder, "01.a.yml", "02.b.yml", "03.c.yml")
    write(
        folder,
        **{
            "a.component.yml": "parameters:\n  base_dir: {type: path}\n",
            "b.component.yml": "parameters:\n  base_dir: {type: path}\n",
            "c.component.yml": "parameters:\n  base_dir: {type: path, default: /opt}\n",
        },
    )

    assert [
        "playbooks/c.component.yml:2:3: 'base_dir' is declared otherwise by 'a' in playbooks/a.component.yml:2"
    ] == issues(folder)


def test_two_manifests_of_one_name(folder):
    """Both are named."""
    plays(folder, "05.app.yml", "app/install.yml")
    write(folder, **{"app.component.yml": "", "app/component.yml": "actions: {install: install.yml}\n"})
    write(folder, **{"app.component.yml": "title: A\n"})

    assert [
        "playbooks/app/component.yml: component 'app' is defined twice, first in playbooks/app.component.yml"
    ] == issues(folder)


def test_a_file_name_that_is_no_component_name(folder):
    """Without a name of its own, a manifest's component is called as its file."""
    plays(folder, "install.yml")
    write(folder, **{"my app.component.yml": "actions: {install: install.yml}\n"})

    assert [True] == ["'my app' cannot be a component's name" in issue for issue in issues(folder)]


def test_a_numbered_playbook_that_the_folders_manifest_leaves_out(folder):
    """In a component's own folder all playbooks are the component's, or nobody's."""
    plays(folder, "app/01.app.yml", "app/02.more.yml")
    write(folder, **{"app/component.yml": "title: App\n"})

    catalog = load_catalog(folder)

    assert ("app/02.more.yml",) == catalog.others
    assert ["playbooks/app/02.more.yml: not a component's: no manifest names it"] == list(catalog.warnings)


def test_a_component_in_a_folder_of_another_name(folder):
    """It is allowed, and said."""
    plays(folder, "db/install.yml")
    write(folder, **{"db/component.yml": "name: mysql\nactions: {install: install.yml}\n"})

    catalog = load_catalog(folder)

    assert ["playbooks/db/component.yml: component 'mysql' lies in a folder of another name"] == list(catalog.warnings)


def test_files_that_playbooks_may_read(folder):
    """Beside its own playbooks a component has what all share; nobody else's playbooks, manifests and folders."""
    plays(folder, "01.a.yml", "02.b.yml", "site.yml", "own/install.yml")
    write(
        folder,
        **{
            "a.component.yml": "title: A\n",
            "roles/r/tasks/main.yml": "[]\n",
            "group_vars/all.yml": "x: 1\n",
            "ansible.cfg": "[defaults]\n",
            "a.retry": "",
            ".git/HEAD": "",
            "filter_plugins/__pycache__/x.pyc": "",
            "own/component.yml": "actions: {install: install.yml}\n",
            "own/templates/x.j2": "x",
        },
    )
    shared = {"roles/r/tasks/main.yml", "group_vars/all.yml", "ansible.cfg"}

    catalog = load_catalog(folder)

    assert {"01.a.yml", "a.component.yml", *shared} == set(catalog["a"].files)
    assert {"02.b.yml", *shared} == set(catalog["b"].files)
    assert {"own/install.yml", "own/component.yml", "own/templates/x.j2"} == set(catalog["own"].files)
    assert hashlib.sha256(PLAY.encode()).hexdigest() == catalog["b"].files["02.b.yml"]


def test_imported_playbooks_are_files_too(folder):
    """An edit of an imported playbook is an edit of who imports it; an import that cannot be followed is said."""
    plays(folder, "leaf.yml")
    write(
        folder,
        **{
            "middle.yml": "- ansible.builtin.import_playbook: leaf.yml\n- import_playbook: middle.yml\n",
            "01.a.yml": "- import_playbook: middle.yml\n- import_playbook: '{{ x }}.yml'\n",
        },
    )

    catalog = load_catalog(folder)

    assert {"01.a.yml", "middle.yml", "leaf.yml"} == set(catalog["a"].files)
    assert ["playbooks/01.a.yml: the import of '{{ x }}.yml' cannot be followed; edits of it go unnoticed"] == list(
        catalog.warnings
    )


def test_linked_folders(folder):
    """Roles are often linked from elsewhere; a link back up is entered once."""
    plays(folder, "01.a.yml")
    write(folder.parent, **{"common/roles/r/main.yml": "[]\n"})
    (folder / "roles").symlink_to("../common/roles")
    (folder / "loop").symlink_to(".")

    assert "roles/r/main.yml" in load_catalog(folder)["a"].files


def test_a_large_file_that_changed(folder):
    """Digests of large files are remembered only as long as the file is the same."""
    plays(folder, "01.a.yml")
    write(folder, **{"files/package": "a" * 2_000_000})
    before = load_catalog(folder)["a"].files["files/package"]
    write(folder, **{"files/package": "b" * 2_000_000})

    after = load_catalog(folder)["a"].files["files/package"]

    assert hashlib.sha256(b"a" * 2_000_000).hexdigest() == before
    assert hashlib.sha256(b"b" * 2_000_000).hexdigest() == after


@given(text=st.one_of(st.text(), st.text(alphabet="a:-[]{}&*!|> \n'\"#0.")))
@settings(max_examples=150, deadline=None)
def test_any_text_as_a_manifest(text):
    """Whatever stands in a manifest, the catalog loads or says what is wrong."""
    with tempfile.TemporaryDirectory() as name:
        plays(Path(name), "05.app.yml")
        Path(name, "app.component.yml").write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            loaded = "app" in load_catalog(name)
        except DefinitionError as error:
            loaded = all(issue.path.endswith("app.component.yml") for issue in error.issues)

    assert loaded


def test_a_link_to_a_whole_disk_is_told_before_anything_is_read(tmp_path):
    folder = tmp_path / "playbooks"
    folder.mkdir()
    (folder / "01.a.yml").write_text("- hosts: all\n  tasks: []\n")
    (folder / "disk").symlink_to("/usr")

    with pytest.raises(DefinitionError, match="is it the folder of playbooks"):
        load_catalog(folder)
