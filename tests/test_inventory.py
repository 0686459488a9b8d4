"""Inventories and targets, asked of the real Ansible."""

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import attrs
import pytest

from installkit.ansible.ask import Asking
from installkit.ansible.programs import find_program, find_python
from installkit.errors import DefinitionError, EngineError, PlanningError
from installkit.inventory import read_inventory, read_targets
from installkit.model import Action, Host, Inventory, Play, PlaybookUse

TOO_SHORT = 0.001
"""Seconds in which Ansible cannot answer: what comes all the same was remembered."""

INI = """\
[db]
db1 ansible_connection=local ansible_become_password=canary
db2

[web]
web[1:3]

[product:children]
web
db
"""

COUNTING = """\
#!/bin/sh
echo call >> {calls}
echo '{{"_meta": {{"hostvars": {{}}}}, "all": {{"hosts": ["h1"]}}}}'
"""

VAULTED = """\
$ANSIBLE_VAULT;1.1;AES256
61626364
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "site" / "hosts.ini"
    path.parent.mkdir()
    path.write_text(INI)
    return path


@pytest.fixture
def inventory(source):
    """The inventory of *source*, without the second that asking for it takes."""
    names = ("web1", "web2", "web3", "db1", "db2")
    return Inventory(sources=(source,), hosts=tuple(Host(name=name) for name in names))


@pytest.fixture
def catalog(tmp_path):
    folder = tmp_path / "playbooks"
    folder.mkdir()
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def uses(*playbooks: Path) -> list[PlaybookUse]:
    """Return *playbooks* as they are carried out without a variable."""
    return [PlaybookUse(playbook) for playbook in playbooks]


def script(path: Path, text: str) -> Path:
    write(path, text).chmod(0o755)
    return path


def test_hosts_and_groups_of_an_ini_file(source):
    """Hosts stand in Ansible's own order, with every group they belong to, through others too."""
    inventory = read_inventory([source])

    assert ("web1", "web2", "web3", "db1", "db2") == inventory.names
    assert Host(name="db1", groups=("db", "product")) == inventory.hosts[3]
    assert (source,) == inventory.sources
    assert inventory.static


@pytest.mark.long
def test_groups_stand_as_ansible_lets_their_values_win(tmp_path):
    """A child over its parents, whatever their names, by its longest way from the top; else the later name."""
    groups = {"zone": {"children": {"db": {}, "middle": {"children": {"db": {"hosts": {"h1": None}}}}}}}
    groups |= {name: {"hosts": {"h1": None}} for name in ("alpha", "yard")}
    source = write(tmp_path / "hosts.yml", json.dumps({"all": {"children": groups}}))

    order = read_inventory([source]).groups

    assert ("all", "alpha", "yard", "zone", "middle", "db") == order
    for end in range(1, len(order)):
        for name in order:
            (source.parent / "group_vars" / f"{name}.yml").unlink(missing_ok=True)
        for name in order[:end]:
            write(source.parent / "group_vars" / f"{name}.yml", f"winner: {name}\n")
        command = [find_program("ansible-inventory"), "-i", source, "--host", "h1"]
        said = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        assert order[end - 1] == said["winner"]


def test_no_variable_is_kept(source, tmp_path):
    """What the inventory says of hosts beside their groups is in no value and in no remembered answer."""
    inventory = read_inventory([source], asking=Asking(cache=tmp_path / "cache"))

    assert "canary" not in repr(inventory)
    assert [] == [path for path in (tmp_path / "cache").iterdir() if "canary" in path.read_text()]


def test_vaulted_variables_need_no_password(source, catalog):
    """Neither hosts nor targets depend on what is vaulted, so nobody is asked for its password."""
    write(source.parent / "group_vars" / "db.yml", VAULTED)
    playbook = write(catalog / "01.db.yml", "- hosts: db\n")

    inventory = read_inventory([source])
    targets = read_targets(inventory, uses(playbook))

    assert ("db1", "db2") == targets.hosts_of(PlaybookUse(playbook))


def test_files_are_the_sources_and_the_vars_beside_them(source):
    """A changed group_vars file is a changed inventory, however deep it lies."""
    deep = write(source.parent / "group_vars" / "db" / "more" / "a.yml", "x: 1\n")
    write(source.parent / "notes.txt", "not part of it\n")

    files = read_inventory([source]).files

    assert {str(source), str(deep)} == set(files)
    assert {64} == {len(digest) for digest in files.values()}


def test_folder_of_sources(tmp_path):
    """A folder is read as Ansible reads it; its group_vars are no sources."""
    folder = tmp_path / "site"
    write(folder / "a.yml", "all: {hosts: {b1: }}\n")
    write(folder / "b", "[g]\nb2\n")
    write(folder / "group_vars" / "g.yml", "plugin: nothing\n")

    inventory = read_inventory([folder])

    assert {"b1", "b2"} == set(inventory.names)
    assert 3 == len(inventory.files)
    assert inventory.static


def test_script_is_not_static(tmp_path):
    """Nobody knows what a script answers next time."""
    source = script(tmp_path / "hosts.sh", """#!/bin/sh\necho '{"g": {"hosts": ["s1"]}}'\n""")

    inventory = read_inventory([source], asking=Asking(cache=tmp_path / "cache"))

    assert (Host(name="s1", groups=("g",)),) == inventory.hosts
    assert not inventory.static
    assert not (tmp_path / "cache").exists()


def test_plugin_configuration_is_not_static(source, tmp_path):
    """A plugin computes hosts or groups from what its configuration does not hold."""
    plugin = write(
        source.parent / "x.constructed.yml", "plugin: constructed\ngroups: {first: inventory_hostname == 'db1'}\n"
    )

    inventory = read_inventory([source, plugin])

    assert {"db1": ("db", "first", "product")} == {
        host.name: host.groups for host in inventory.hosts if host.name == "db1"
    }
    assert not inventory.static


def test_missing_sources_are_named_together(tmp_path):
    """Every missing source is an issue; a list of hosts is not a source."""
    with pytest.raises(DefinitionError) as caught:
        read_inventory([tmp_path / "nope.ini", Path("db1,db2,")])

    assert [str(tmp_path / "nope.ini"), str(Path("db1,db2,").absolute())] == [
        issue.path for issue in caught.value.issues
    ]
    assert "list of hosts" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        pytest.param("hosts.yml", "all:\n  hosts:\n    a: {\n", 4, "flow node", id="broken YAML"),
        pytest.param("hosts.yml", "- hosts: db\n", None, "should be a dictionary", id="a playbook"),
        pytest.param("hosts.ini", "[db]\na b c\n", None, "Expected key=value", id="broken INI"),
        pytest.param("x.yml", "plugin: no.such.plugin\n", None, "unknown plugin", id="unknown plugin"),
    ],
)
def test_source_that_ansible_cannot_read(tmp_path, name, text, line, message):
    """Of the reasons that Ansible's plugins give, the one is told that fits the file."""
    source = write(tmp_path / name, text)

    with pytest.raises(DefinitionError, match=message) as caught:
        read_inventory([source])

    assert [(str(source), line)] == [(issue.path, issue.line) for issue in caught.value.issues]
    assert "\n" not in caught.value.issues[0].message


def test_failing_script(tmp_path):
    """A script that fails is told by its exit code, not by what an INI parser thinks of its text."""
    source = script(tmp_path / "hosts.sh", "#!/bin/sh\nexit 3\n")

    with pytest.raises(DefinitionError, match="exit code 3"):
        read_inventory([source])


def test_one_bad_file_in_a_folder_is_an_error(tmp_path):
    """An inventory is not quietly smaller because one of its files is broken."""
    write(tmp_path / "site" / "good", "a\n")
    bad = write(tmp_path / "site" / "bad.yml", "all: {\n")

    with pytest.raises(DefinitionError) as caught:
        read_inventory([tmp_path / "site"])

    assert str(bad) == caught.value.issues[0].path


def test_empty_inventory_tells_what_ansible_passed_over(tmp_path):
    """A misspelt key leaves no hosts, and Ansible only warns of it."""
    source = write(tmp_path / "hosts.yml", "all: {hots: {a: }}\n")

    with pytest.raises(DefinitionError, match="has no host") as caught:
        read_inventory([source])

    assert any("hots" in issue.message for issue in caught.value.issues)
    assert "add hosts" in caught.value.remedy


def test_warnings_are_kept(tmp_path):
    """What Ansible warned of is in the inventory, remembered or not."""
    source = write(tmp_path / "hosts.yml", "all: {hosts: {a: }, hots: {b: }}\n")

    first = read_inventory([source], asking=Asking(cache=tmp_path / "cache"))
    second = read_inventory([source], asking=Asking(cache=tmp_path / "cache"))

    assert ["hots" in warning for warning in first.warnings] == [True]
    assert first == second


def test_host_names_that_are_refused(tmp_path):
    """Names that an option, a path or a pattern could be taken for never get further; all are told at once."""
    names = ["-x", "--become", "../up", "a b", "a,b", "a:b", "@file", "web*", "a\tb", "~a", "!a"]
    source = write(tmp_path / "hosts.json", json.dumps({"all": {"hosts": dict.fromkeys([*names, "good"])}}, indent=1))

    with pytest.raises(DefinitionError) as caught:
        read_inventory([source])

    assert [True] * len(names) == [
        repr(name) in issue.message for name, issue in zip(names, caught.value.issues, strict=True)
    ]
    assert "ansible_host" in caught.value.remedy


def test_refused_host_is_told_with_its_line(tmp_path):
    """The place is that of the name in its source."""
    source = write(tmp_path / "hosts", "good\n-x\n")

    with pytest.raises(DefinitionError) as caught:
        read_inventory([source])

    assert [(str(source), 2, 1)] == [(issue.path, issue.line, issue.column) for issue in caught.value.issues]


def test_ipv6_addresses_are_hosts(tmp_path):
    """A colon is allowed where it belongs to an address."""
    source = write(tmp_path / "hosts.yml", "all: {hosts: {'fe80::1': , 2001:db8::1: }}\n")

    assert ("fe80::1", "2001:db8::1") == read_inventory([source]).names


@pytest.mark.long
def test_slow_script_is_ended_with_all_it_started(tmp_path):
    """An answer that does not come in time is an error, and nothing of it is left running."""
    source = script(tmp_path / "hosts.sh", f"#!/bin/sh\nsleep 60 & echo $! > {tmp_path}/pid\nwait\n")

    with pytest.raises(EngineError, match="no answer in 5 seconds"):
        read_inventory([source], asking=Asking(timeout=5.0))

    pid, patience = int((tmp_path / "pid").read_text()), time.monotonic() + 10
    while running(pid) and time.monotonic() < patience:
        time.sleep(0.01)  # a busy machine takes a moment to carry out a kill

    assert not running(pid)


def running(pid: int) -> bool:
    try:
        return "(sleep) Z" not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_a_folder_that_is_gone(source, tmp_path):
    """Where Ansible cannot even be started, that is said."""
    with pytest.raises(EngineError, match="could not be started in"):
        read_inventory([source], folder=tmp_path / "gone")


def test_no_source_is_a_wrong_call():
    with pytest.raises(ValueError, match="at least one source"):
        read_inventory([])


def test_a_remembered_inventory_needs_no_ansible(source, tmp_path):
    """The second answer comes from a file that only its owner may read, and is the same."""
    cache = tmp_path / "cache"

    first = read_inventory([source], asking=Asking(cache=cache))
    second = read_inventory([source], asking=Asking(cache=cache, timeout=TOO_SHORT))

    assert first == second
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in cache.iterdir()}


def test_a_changed_source_is_asked_again(source, tmp_path):
    """A remembered answer counts only for the files that it was given for."""
    read_inventory([source], asking=Asking(cache=tmp_path / "cache"))
    source.write_text("[new]\nn1\n")

    assert ("n1",) == read_inventory([source], asking=Asking(cache=tmp_path / "cache")).names


def test_a_changed_configuration_is_asked_again(source, catalog, tmp_path):
    """A remembered answer counts only for the ansible.cfg that it was given under, that of the folder named."""
    read_inventory([source], folder=catalog, asking=Asking(cache=tmp_path / "cache"))
    write(catalog / "ansible.cfg", "[inventory]\nenable_plugins = yaml\n")

    with pytest.raises(DefinitionError):
        read_inventory([source], folder=catalog, asking=Asking(cache=tmp_path / "cache"))


def test_a_spoilt_memory_is_asked_again(source, tmp_path, caplog):
    """A file that is not an answer costs the time of asking, and is said in the log."""
    first = read_inventory([source], asking=Asking(cache=tmp_path / "cache"))
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_text("{")

    assert first == read_inventory([source], asking=Asking(cache=tmp_path / "cache"))
    assert "cannot be read" in caplog.text


def test_an_unusable_cache_costs_only_the_memory(source, tmp_path, caplog):
    """An answer that cannot be kept is still the answer."""
    cache = write(tmp_path / "cache", "a file, not a folder")

    assert 5 == len(read_inventory([source], asking=Asking(cache=cache / "below")).hosts)
    assert "cannot be kept" in caplog.text


def test_the_oldest_answers_are_forgotten(source, tmp_path):
    """The memory stays small."""
    cache = tmp_path / "cache"
    cache.mkdir()
    for number in range(70):
        os.utime(write(cache / f"{number:02}.json", "{}"), (number, number))

    read_inventory([source], asking=Asking(cache=cache))

    names = {path.name for path in cache.iterdir()}
    assert 64 == len(names)
    assert {"06.json", "07.json"} & names == {"07.json"}


def test_plays_of_playbooks(inventory, catalog):
    """Each play keeps its name and pattern; its hosts stand in the inventory's order."""
    first = write(
        catalog / "01.a.yml", '- {name: "A: (x)\\tTAGS: [y]", hosts: "db:web1", tags: [t]}\n- hosts: [web, db1]\n'
    )
    second = write(
        catalog / "02.b.yml", "- import_playbook: 01.a.yml\n- name: |\n    two\n    lines\n  hosts: nothing\n"
    )

    targets = read_targets(inventory, uses(first, second))

    plays = (
        Play("A: (x) TAGS: [y]", "db:web1", ("web1", "db1", "db2")),
        Play("", "web,db1", ("web1", "web2", "web3", "db1")),
    )
    assert {str(first): plays, str(second): (*plays, Play("two lines", "nothing", ()))} == targets.plays
    assert {} == targets.problems


def test_patterns(inventory):
    """Patterns are Ansible's; one that matches nothing means no hosts."""
    write(inventory.sources[0].parent / "ansible.cfg", "[inventory]\nhost_pattern_mismatch = error\n")
    asked = ["web:!web2", "db1", "product:&db", "~web[13]", "nothing", "all"]

    patterns = read_targets(inventory, [], asked).patterns

    assert {
        "web:!web2": ("web1", "web3"),
        "db1": ("db1",),
        "product:&db": ("db1", "db2"),
        "~web[13]": ("web1", "web3"),
        "nothing": (),
        "all": ("web1", "web2", "web3", "db1", "db2"),
    } == patterns


@pytest.mark.parametrize(
    "pattern",
    ["", "-x", "@/etc/passwd", "web:@file", "web,@file", "a\nb", "{{ lookup('pipe', 'id') }}", "{% if x %}", "a\0b"],
)
def test_patterns_that_are_refused(inventory, pattern):
    """Neither an option, a file, nor a template is a pattern; Ansible is not even asked."""
    with pytest.raises(PlanningError) as caught:
        read_targets(inventory, [], ["web", pattern])

    assert repr(pattern) in str(caught.value)


def test_pattern_that_ansible_refuses(inventory, catalog):
    """Ansible's own words say what is wrong with it."""
    playbook = write(catalog / "01.a.yml", "- hosts: db\n")

    with pytest.raises(PlanningError, match=r"subscripted pattern 'web\[7\]'"):
        read_targets(inventory, uses(playbook), ["web[7]"])


@pytest.mark.long
def test_bad_playbooks_are_found_among_good_ones(inventory, catalog):
    """Each bad one has Ansible's reason with its place; the others, and the patterns, are answered."""
    good = [write(catalog / f"0{number}.good.yml", "- hosts: db\n") for number in range(3)]
    role = write(catalog / "04.role.yml", "- hosts: db\n  roles: [nope]\n")
    key = write(catalog / "05.key.yml", "- hosts: db\n  hots: 1\n")
    gone = catalog / "06.gone.yml"

    targets = read_targets(inventory, uses(*good, role, key, gone), ["db"])

    assert [("db1", "db2")] * 3 == [targets.hosts_of(PlaybookUse(path)) for path in good]
    assert {"db": ("db1", "db2")} == targets.patterns
    assert {str(role), str(key), str(gone)} == set(targets.problems)
    assert targets.problems[str(role)].lower().startswith(f"{role}:2:11: the role 'nope' was not found")
    assert targets.problems[str(key)].startswith(f"{key}:2:3: 'hots' is not a valid attribute")
    assert "does not exist" in targets.problems[str(gone)]


def test_values_decide_the_hosts_of_a_play(inventory, catalog):
    """Each use of a playbook gets its own extra variables; where all uses mean the same, one answer stands for them."""
    playbook = write(catalog / "01.a.yml", "- hosts: \"{{ target | default('web1') }}\"\n")
    strict = write(catalog / "02.b.yml", '- hosts: "{{ target }}"\n')
    plain = write(catalog / "03.c.yml", "- hosts: db\n")
    to_db = PlaybookUse(playbook, "a", Action.INSTALL, {"target": "db"})
    to_web = PlaybookUse(playbook, "a", Action.VERIFY, {"target": ["web2", "web3"]})
    bare = PlaybookUse(playbook, "a", Action.CHECK, {"other": 1})
    same = [PlaybookUse(plain, "c", action, {"n": action.value}) for action in (Action.INSTALL, Action.CHECK)]

    targets = read_targets(inventory, [to_db, to_web, bare, PlaybookUse(strict), *same])

    assert ("db1", "db2") == targets.hosts_of(to_db)
    assert ("web2", "web3") == targets.hosts_of(to_web)
    assert ("web1",) == targets.hosts_of(bare)
    assert ("db1", "db2") == targets.hosts_of(same[0])
    assert str(plain) in targets.plays
    assert [True, False] == [play.templated for use in (to_db, same[0]) for play in targets.plays_of(use)]
    assert [str(strict)] == list(targets.problems)
    assert targets.problem_of(PlaybookUse(strict)).endswith("'target' is undefined")


def test_values_are_text_and_no_templates(inventory, catalog):
    """As in the run: what somebody enters is never evaluated."""
    playbook = write(
        catalog / "01.a.yml", "- hosts: \"{{ target }}\"\n- hosts: \"{{ 'db' if target == '{{ 6 }}' }}\"\n"
    )
    use = PlaybookUse(playbook, variables={"target": "{{ 6 }}"})

    targets = read_targets(inventory, [use])

    assert [(), ("db1", "db2")] == [play.hosts for play in targets.plays_of(use)]


def test_imports_by_a_value_can_be_read(inventory, catalog):
    """Ansible resolves static imports before it lists hosts: they need the same values."""
    write(catalog / "tasks" / "install.yml", "- debug:\n")
    playbook = write(
        catalog / "01.a.yml", '- hosts: db\n  tasks: [{import_tasks: "tasks/{{ component_action }}.yml"}]\n'
    )
    installs = PlaybookUse(playbook, "a", Action.INSTALL, {"component_action": "install"})
    verifies = PlaybookUse(playbook, "a", Action.VERIFY, {"component_action": "verify"})

    targets = read_targets(inventory, [installs, verifies])

    assert ("db1", "db2") == targets.hosts_of(installs)
    assert targets.problem_of(installs) is None
    assert "verify.yml" in targets.problem_of(verifies)


def test_a_playbook_that_ends_ansible_costs_no_other_its_answer(inventory, catalog):
    """Whatever a playbook does to the process that reads it is that playbook's problem; so is an error said twice."""
    good = [write(catalog / f"0{number}.good.yml", "- hosts: db\n") for number in (1, 5)]
    deadly = write(catalog / "02.deadly.yml", "- hosts: \"{{ lookup('pipe', 'kill -9 $PPID') }}\"\n")
    write(catalog / "base.yml", "- hosts: db\n  hots: 1\n")
    alike = [write(catalog / f"0{number}.alike.yml", "- import_playbook: base.yml\n") for number in (3, 4)]

    targets = read_targets(inventory, uses(good[0], deadly, *alike, good[1]), ["web1"])

    assert [("db1", "db2")] * 2 == [targets.hosts_of(PlaybookUse(path)) for path in good]
    assert {"web1": ("web1",)} == targets.patterns
    assert "status -9" in targets.problems[str(deadly)]
    assert ["'hots' is not a valid attribute for a Play"] * 2 == [
        targets.problems[str(path)].partition(": ")[2] for path in alike
    ]


def test_all_questions_take_one_look_at_the_inventory(catalog, tmp_path):
    """However many playbooks, values and mistakes: what is slow is asked once."""
    source = script(tmp_path / "inventory.sh", COUNTING.format(calls=tmp_path / "calls"))
    good = write(catalog / "01.a.yml", '- hosts: "{{ target }}"\n')
    bad = [write(catalog / f"0{number}.b.yml", "- hosts: db\n  hots: 1\n") for number in range(2, 5)]
    inventory = Inventory(sources=(source,), hosts=(Host(name="h1"),), static=False)
    wanted = {Action.INSTALL: "all", Action.CHECK: "h1", Action.VERIFY: "h2"}
    different = [PlaybookUse(good, "a", action, {"target": name}) for action, name in wanted.items()]

    targets = read_targets(inventory, [*different, *uses(*bad)], ["all", "h1"])

    assert 1 == len((tmp_path / "calls").read_text().splitlines())
    assert [("h1",), ("h1",), ()] == [targets.hosts_of(use) for use in different]
    assert {str(path) for path in bad} == set(targets.problems)


@pytest.mark.long
def test_folders_with_a_configuration_of_their_own(inventory, catalog):
    """The ansible.cfg beside a playbook counts for it and for no other."""
    write(catalog / "own" / "library" / "r" / "tasks" / "main.yml", "[]\n")
    write(catalog / "own" / "ansible.cfg", "[defaults]\nroles_path = library\n")
    own = write(catalog / "own" / "install.yml", "- hosts: db\n  roles: [r]\n")
    other = write(catalog / "01.other.yml", "- hosts: web\n  roles: [r]\n")

    targets = read_targets(inventory, uses(own, other))

    assert ("db1", "db2") == targets.hosts_of(PlaybookUse(own))
    assert {str(other)} == set(targets.problems)


def test_broken_configuration_is_nobodys_playbook(inventory, catalog):
    """Where Ansible cannot even start, no playbook is blamed."""
    write(catalog / "ansible.cfg", "[defaults]\nno key\n")
    playbook = write(catalog / "01.a.yml", "- hosts: db\n")

    with pytest.raises(EngineError, match=r"Error reading config file \(.*ansible.cfg\)"):
        read_targets(inventory, uses(playbook))


def test_remembered_targets(inventory, catalog, tmp_path):
    """The second answer is the same, and a changed playbook is asked again."""
    cache = tmp_path / "cache"
    playbook = write(catalog / "01.a.yml", "- hosts: db\n")

    first = read_targets(inventory, uses(playbook), ["web"], asking=Asking(cache=cache))
    second = read_targets(inventory, uses(playbook), ["web"], asking=Asking(cache=cache, timeout=TOO_SHORT))
    playbook.write_text("- hosts: web1\n")
    third = read_targets(inventory, uses(playbook), ["web"], asking=Asking(cache=cache))

    assert first == second
    assert ("web1",) == third.hosts_of(PlaybookUse(playbook))


def test_what_is_remembered_is_of_its_values_and_files(inventory, catalog, tmp_path):
    """Other values, another action, or another file that a playbook may read ask again."""
    cache = tmp_path / "cache"
    playbook = write(catalog / "01.a.yml", "- hosts: db\n")
    use = PlaybookUse(playbook, "a", Action.INSTALL, {"n": 1})
    known = {"uses": [use], "files": {"roles/r/tasks/main.yml": "aa"}}
    others = [
        {**known, "uses": [attrs.evolve(use, variables={"n": 2})]},
        {**known, "uses": [attrs.evolve(use, action=Action.CHECK)]},
        {**known, "files": {"roles/r/tasks/main.yml": "bb"}},
    ]

    read_targets(inventory, **known, asking=Asking(cache=cache))

    hurried = Asking(cache=cache, timeout=TOO_SHORT)
    assert ("db1", "db2") == read_targets(inventory, **known, asking=hurried).hosts_of(use)
    for other in others:
        with pytest.raises(EngineError, match="gave no answer"):
            read_targets(inventory, **other, asking=hurried)


def test_answers_that_a_caller_keeps(catalog, tmp_path):
    """What no file may hold, as of a script, can be kept by whoever asks; a script that changed is asked again."""
    source = script(tmp_path / "inventory.sh", COUNTING.format(calls=tmp_path / "calls"))
    playbook = write(catalog / "01.a.yml", "- hosts: all\n  roles: [nope]\n")
    asking = Asking(answers={})

    first = [read_inventory([source], asking=asking) for _ in range(2)]
    targets = [read_targets(first[0], uses(playbook), asking=asking) for _ in range(2)]

    assert first[0] == first[1]
    assert targets[0] == targets[1]
    assert [str(playbook)] == list(targets[1].problems)
    assert 2 == len((tmp_path / "calls").read_text().splitlines())

    source.write_text(source.read_text().replace("h1", "h2"))

    assert ("h2",) == read_inventory([source], asking=asking).names


def test_whoever_waits_is_told(tmp_path):
    """Once a second how long it takes, and at last that it is over, whether an answer came or not."""
    source = script(tmp_path / "inventory.sh", "#!/bin/sh\nsleep 30\n")
    told = []

    with pytest.raises(EngineError, match=r"gave no answer in 2\.5 seconds") as caught:
        read_inventory([source], asking=Asking(timeout=2.5, on_wait=told.append))

    *waited, last = told
    assert last is None
    assert sorted(waited) == waited
    assert waited
    assert waited[0] == pytest.approx(1.0, abs=0.9)
    assert "--inventory-timeout" in caught.value.remedy
    assert "INSTALLKIT_INVENTORY_TIMEOUT" in caught.value.remedy


@pytest.mark.parametrize(
    ("head", "command"),
    [
        pytest.param("#!{python}\nimport re\n", ["{python}"], id="a virtual environment"),
        pytest.param("#!/usr/bin/env python3.12\n", ["/usr/bin/env", "python3.12"], id="env"),
        pytest.param("#!/usr/bin/python3 -s\n", ["/usr/bin/python3", "-s"], id="an option"),
        pytest.param(
            "#!/bin/sh\n'''exec' \"/a long/python3\" \"$0\" \"$@\"\n' '''\n", ["/a long/python3"], id="long path"
        ),
        pytest.param("#!/bin/sh 'odd\n", ["{python}"], id="no command line"),
        pytest.param("#!/bin/sh\nexec docker run ansible\n", ["{python}"], id="a wrapper"),
        pytest.param("\x7fELF\0", ["{python}"], id="no script"),
    ],
)
def test_the_python_of_ansible(tmp_path, monkeypatch, head, command):
    """A program of Ansible's says itself which Python it is for; what does not is for the one that installkit runs in."""
    program = tmp_path / "bin" / "ansible-somewhat"
    script(program, head.format(python=sys.executable))
    monkeypatch.setenv("PATH", str(program.parent))

    assert [word.format(python=sys.executable) for word in command] == find_python("ansible-somewhat")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("- import_playbook: b.yml\n", id="imports"),
        pytest.param("- hosts: \"{{ lookup('env', 'HOME') and 'db' }}\"\n", id="template"),
        pytest.param("- hosts:\n    - db\n    - \"{{ 'web' }}\"\n", id="template in a list"),
        pytest.param("- hosts: db\n  roles: [nope]\n", id="refused"),
    ],
)
def test_targets_that_are_not_remembered(inventory, catalog, tmp_path, text):
    """What depends on more than the playbook's own text is asked every time; so is what Ansible refused."""
    write(catalog / "b.yml", "- hosts: db\n")
    playbook = write(catalog / "01.a.yml", text)

    read_targets(inventory, uses(playbook), asking=Asking(cache=tmp_path / "cache"))

    assert [] == list((tmp_path / "cache").glob("*"))


def test_no_site_is_made_of_an_inventory_that_is_not_there(installer, source, catalog):
    """A site keeps its inventory: a mistyped path could not be corrected."""
    for mistyped in (source.with_name("hsots.ini"), "db1,db2"):
        with pytest.raises(DefinitionError, match="the inventory source does not exist"):
            installer.site("acme", inventory=mistyped, catalog=catalog)

    assert source == installer.site("acme", inventory=source, catalog=catalog).snapshot().inventory.path


def test_import_loads_neither_cattrs_nor_peewee():
    """Importing the package costs only what asking needs."""
    code = "import installkit.inventory, sys; print([m for m in ('cattrs', 'peewee', 'ansible') if m in sys.modules])"

    assert (
        "[]" == subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
    )
