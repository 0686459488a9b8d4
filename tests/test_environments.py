"""Environments that Ansible minds: each is handled, or said before the run, and none proves or breaks an installation."""

import subprocess
import sys

import attrs
import pytest

import installkit
from installkit.ansible.programs import usable_home, usable_locale

PROGRAM = [sys.executable, "-P", "-c", "from installkit.cli import main; main()"]
"""As the installed script: without the current folder, which may be gone, in the path of imports (3.13.0 fails there)."""

PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - block:
        - ansible.builtin.fail: {msg: where a debugger would stop}
      rescue:
        - name: Say the tags
          ansible.builtin.debug: {msg: "run {{ ansible_run_tags }} skip {{ ansible_skip_tags }}"}
    - name: Install
      ansible.builtin.file: {path: "{{ inventory_dir }}/installed", state: touch, mode: "0600"}
      tags: [slow]
    - name: Never by itself
      ansible.builtin.fail: {msg: a tag asked for it}
      tags: [never, odd]
"""
UNWRITABLE = "/dev/null/home"


@pytest.fixture
def site(installer, folder, inventory):
    (folder / "01.app.yml").write_text(PLAYBOOK)
    return installer.site("acme", inventory=inventory, catalog=folder)


def warnings_of(run):
    """Return what the run itself warns of, not Ansible."""
    return [event.message for event in run.events() if event.kind == "warning" and event.step is None]


@attrs.frozen
class Odd:
    """An odd environment: variables, an ansible.cfg, how what is said of it begins, and the tags that a play sees."""

    variables: dict
    said: tuple
    config: str = ""
    tags: str = "run ['all'] skip []"


PARTIAL = {
    "ANSIBLE_RUN_TAGS": "odd",
    "ANSIBLE_SKIP_TAGS": "slow",
    "ANSIBLE_ENABLE_TASK_DEBUGGER": "yes",
    "ANSIBLE_STRATEGY": "debug",
}
PARTIAL_CONFIG = """\
[defaults]
enable_task_debugger = True
strategy = ansible.builtin.debug
[tags]
run = odd
skip = slow, x
"""


@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(
            Odd(PARTIAL, tuple(f"{name}={value} is ignored: " for name, value in PARTIAL.items())), id="variables"
        ),
        pytest.param(
            Odd(
                {},
                (
                    "[tags] run = odd in {cfg} is ignored: ",
                    "[tags] skip = slow, x in {cfg} is ignored: ",
                    "[defaults] enable_task_debugger = True in {cfg} is ignored: ",
                    "[defaults] strategy = ansible.builtin.debug in {cfg} is ignored: ",
                ),
                PARTIAL_CONFIG,
                "run ['all'] skip ['']",
            ),
            id="ansible.cfg",
        ),
        pytest.param(
            Odd(
                {"LC_ALL": "de_DE.ISO-8859-1", "HOME": UNWRITABLE},
                ("Ansible gets LC_ALL=C.UTF-8: ", "Ansible's temporary files go to /"),
            ),
            id="locale and home",
        ),
        pytest.param(Odd({"LC_ALL": "C"}, ()), id="locale of no language"),
    ],
)
def test_a_run_in_an_odd_environment(site, folder, inventory, monkeypatch, odd):
    """It does what its playbook says, with a word of what it does without, before the run and in it."""
    for name, value in odd.variables.items():
        monkeypatch.setenv(name, value)
    if odd.config:
        (folder / "ansible.cfg").write_text(odd.config)

    plan = site.plan(all=True)
    run = site.start(plan, checks=False).wait(120)

    begins = [line.format(cfg=folder / "ansible.cfg") for line in odd.said]
    ours = [line for line in plan.warnings if not line.startswith("Failed to create the directory")]  # is Ansible's
    assert "succeeded" == run.status
    assert (inventory.parent / "installed").exists()
    assert odd.tags in run.log_text("app")
    assert begins == [line[: len(begin)] for line, begin in zip(ours, begins, strict=True)]
    assert ours == warnings_of(run)


def test_the_tags_of_a_manifest_are_its_steps_alone(site, folder, inventory):
    """Ansible would add those of its command line to those of its ansible.cfg."""
    (folder / "app.component.yml").write_text(
        "actions: {install: {playbook: 01.app.yml, tags: [slow], skip_tags: [odd]}}\n"
    )
    (folder / "ansible.cfg").write_text("[tags]\nrun = odd\nskip = slow\n")

    run = site.start(site.plan(all=True), checks=False).wait(120)

    assert "succeeded" == run.status
    assert (inventory.parent / "installed").exists()
    assert "Say the tags" not in run.log_text("app")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"LANG": "C.UTF-8"}, {}),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, {}),
        ({}, {"LC_ALL": "C.UTF-8"}),
        ({"LC_ALL": "", "LANG": "POSIX"}, {"LC_ALL": "C.UTF-8"}),
        ({"LC_ALL": "C", "LANG": "C.UTF-8"}, {"LC_ALL": "C.UTF-8"}),
        ({"LANG": "zh_CN.GB2312"}, {"LC_ALL": "C.UTF-8"}),
        ({"LANG": "C.UTF-8", "LC_TIME": "xx_YY.UTF-8"}, {"LC_ALL": "C.UTF-8"}),
    ],
)
def test_ansible_gets_a_locale_that_it_takes(environment, expected):
    """One that is UTF-8 and there, in every category; a good one stays."""
    assert expected == usable_locale(environment)


def test_ansible_gets_a_folder_for_temporary_files(tmp_path):
    """Its own where it can be written, and one that somebody chose."""
    assert {} == usable_home({"HOME": str(tmp_path)})
    assert {"ANSIBLE_LOCAL_TEMP"} == usable_home({"HOME": UNWRITABLE}).keys()
    assert {"ANSIBLE_LOCAL_TEMP"} == usable_home({"HOME": str(tmp_path), "ANSIBLE_HOME": UNWRITABLE}).keys()
    assert {} == usable_home({"HOME": UNWRITABLE, "ANSIBLE_LOCAL_TEMP": str(tmp_path)})


def test_where_ansible_cannot_start_the_environment_is_blamed(site, monkeypatch):
    """And no playbook: each would be refused alike."""
    monkeypatch.setenv("ANSIBLE_LOCAL_TEMP", UNWRITABLE)

    with pytest.raises(
        installkit.EngineError, match=r"^Ansible cannot start in this environment: Unable to create"
    ) as no:
        site.plan(all=True)

    assert "ANSIBLE_LOCAL_TEMP" in no.value.remedy


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        (
            "01.app.yml",
            "- hosts: all\n  debugger: on_failed\n  tasks: []\n",
            "01.app.yml:2: 'debugger: on_failed' asks",
        ),
        ("01.app.yml", "- {hosts: all, strategy: debug, tasks: []}\n", "01.app.yml:1: 'strategy: debug' asks"),
        (
            "roles/r/tasks/main.yml",
            "- ping:\n  debugger: 'always'\n",
            """roles/r/tasks/main.yml:2: "debugger: 'always'" asks""",
        ),
        ("01.app.yml", "- hosts: all\n  debugger: never\n  strategy: free\n  tasks: []\n  # debugger: always\n", None),
    ],
)
def test_a_playbook_that_asks_for_the_debugger_is_warned_of(site, folder, name, text, place):
    """Nothing turns it off, and nobody answers it."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)

    warnings = site.plan(all=True).warnings

    assert [place] * (place is not None) == [warning[: len(place or "")] for warning in warnings]


def say(*arguments, cwd=None, within=(), **variables):
    """Return how the command line ended and what it said, with *variables* as its whole environment."""
    command = [*within, *PROGRAM, *map(str, arguments)]
    done = subprocess.run(
        command, check=False, capture_output=True, encoding="utf-8", cwd=cwd, env=variables, timeout=120
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "variables",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"PATH": "/usr/bin:/bin", "TERM": "dumb", "COLUMNS": "20"}, id="narrow"),
        pytest.param({"TERM": "", "COLUMNS": "0"}, id="no columns"),
        pytest.param({"HOME": UNWRITABLE, "LC_ALL": "C"}, id="no home and no language"),
    ],
)
def test_a_plan_in_an_environment_of_next_to_nothing(tmp_path, folder, inventory, variables):
    """As from cron, from a unit of systemd, or in a container."""
    (folder / "01.app.yml").write_text(PLAYBOOK)

    status, said = say("--data-dir", tmp_path / "data", "plan", "-c", folder, "-i", inventory, "--all", **variables)

    assert (0, True) == (status, "1 to install; 1 step" in said)
    assert "app" in said.partition("1 to install")[0]


def test_what_a_run_does_without_is_said_where_the_plan_did_not(tmp_path, folder, inventory):
    """A plan may be made in one environment and applied in another."""
    (folder / "01.app.yml").write_text(PLAYBOOK)
    data, odd = ["--data-dir", tmp_path / "data"], {"ANSIBLE_SKIP_TAGS": "slow"}
    apply = [*data, "apply", tmp_path / "plan.json", "--yes", "--skip-checks"]

    planned = say(*data, "plan", "-c", folder, "-i", inventory, "--all", "-o", tmp_path / "plan.json")
    applied = say(*apply, **odd)

    warning = "warning: ANSIBLE_SKIP_TAGS=slow is ignored"
    assert [(0, False), (0, True)] == [(status, warning in said) for status, said in (planned, applied)]


@pytest.fixture
def gone(tmp_path):
    """How a program is started in a folder that is deleted before it begins."""
    folder = tmp_path / "gone"
    folder.mkdir()
    return ["/bin/sh", "-c", f'cd {folder} && rmdir {folder} && exec "$@"', "sh"]


@pytest.mark.parametrize("arguments", [["--data-dir", "data", "runs"], ["plan", "-c", ".", "-i", "/dev/null", "--all"]])
def test_a_folder_that_was_deleted_is_named_as_the_cause(tmp_path, gone, arguments):
    """Where something in it is asked for; all else works from there, too."""
    data = {"INSTALLKIT_DATA_DIR": str(tmp_path / "data")}

    assert (1, True) == (
        (told := say(*arguments, within=gone, **data))[0],
        "the current directory is no longer" in told[1],
    )


def test_a_folder_that_was_deleted_is_in_nobodys_way(tmp_path, gone):
    """What names nothing in it works from there."""
    status, said = say("doctor", within=gone, INSTALLKIT_DATA_DIR=str(tmp_path / "data"))

    assert "ok    ansible-core" in said, status


def test_a_user_without_a_home(tmp_path, folder, inventory):
    """As one that only a container's number names."""
    within = ["unshare", "--user", "--map-user=12345", "--map-group=12345"]
    if subprocess.run([*within, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no user namespace can be had here")
    (folder / "01.app.yml").write_text(PLAYBOOK)
    arguments = ["plan", "-c", folder, "-i", inventory, "--all"]

    nowhere = say(*arguments, within=within)
    somewhere = say("--data-dir", tmp_path / "data", *arguments, within=within, cwd=tmp_path)

    assert (1, True) == (nowhere[0], "HOME is not set, and this user has no home folder" in nowhere[1])
    assert (0, True) == (somewhere[0], "1 to install; 1 step" in somewhere[1])
    assert not list(tmp_path.rglob("~"))
