"""Whose settings win: the environment's, the ansible.cfg's that Ansible would find, then ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from installkit.ansible.configuration import find_config
from installkit.ansible.environment import MOST_FORKS, caller_environment, run_settings, silence
from installkit.ansible.programs import NO_QUESTIONS, find_program

OURS = {
    "ANSIBLE_FORCE_COLOR": "1",
    "ANSIBLE_PIPELINING": "True",
    "ANSIBLE_FORKS": "5",
    "ANSIBLE_GATHERING": "smart",
    "ANSIBLE_CACHE_PLUGIN": "jsonfile",
    "ANSIBLE_CACHE_PLUGIN_CONNECTION": "/facts",
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def folder(tmp_path, home):
    folder = tmp_path / "playbooks"
    folder.mkdir(mode=0o755)
    return folder


def settings(folder, environment=None, *, hosts=1, facts=Path("/facts")):
    return run_settings(folder, environment or {}, hosts=hosts, facts=facts)


def test_where_nobody_chose_ours_hold(folder):
    assert OURS == settings(folder)


@pytest.mark.parametrize(("hosts", "forks"), [(0, "5"), (6, "6"), (1000, str(MOST_FORKS))])
def test_forks_follow_the_hosts_within_bounds(folder, hosts, forks):
    assert forks == settings(folder, hosts=hosts)["ANSIBLE_FORKS"]


def test_fresh_facts_set_no_cache(folder):
    assert {"ANSIBLE_FORCE_COLOR", "ANSIBLE_PIPELINING", "ANSIBLE_FORKS"} == set(settings(folder, facts=None))


@pytest.mark.parametrize(
    ("name", "left_alone"),
    [
        ("ANSIBLE_FORKS", {"ANSIBLE_FORKS"}),
        ("ANSIBLE_PIPELINING", {"ANSIBLE_PIPELINING"}),
        ("ANSIBLE_SSH_PIPELINING", {"ANSIBLE_PIPELINING"}),
        ("ANSIBLE_GATHERING", {"ANSIBLE_GATHERING"}),
        (
            "ANSIBLE_CACHE_PLUGIN",
            {"ANSIBLE_GATHERING", "ANSIBLE_CACHE_PLUGIN", "ANSIBLE_CACHE_PLUGIN_CONNECTION"},
        ),
        (
            "ANSIBLE_CACHE_PLUGIN_CONNECTION",
            {"ANSIBLE_GATHERING", "ANSIBLE_CACHE_PLUGIN", "ANSIBLE_CACHE_PLUGIN_CONNECTION"},
        ),
    ],
)
def test_the_environment_wins_over_ours(folder, name, left_alone):
    assert OURS.keys() - left_alone == settings(folder, {name: "theirs"}).keys()


@pytest.mark.parametrize(
    ("text", "left_alone"),
    [
        ("[defaults]\nforks = 2\n", {"ANSIBLE_FORKS"}),
        ("[defaults]\nFORKS: 2 ; few\n", {"ANSIBLE_FORKS"}),
        ("[ssh_connection]\npipelining = no\n", {"ANSIBLE_PIPELINING"}),
        ("[connection]\npipelining = no\n", {"ANSIBLE_PIPELINING"}),
        ("[defaults]\ngathering = explicit\n", {"ANSIBLE_GATHERING"}),
        ("[defaults]\n# forks = 2\n", set()),
        ("", set()),
    ],
)
def test_ansible_cfg_wins_over_ours(folder, text, left_alone):
    (folder / "ansible.cfg").write_text(text)

    assert OURS.keys() - left_alone == settings(folder).keys()


def test_folders_of_callbacks_that_ansible_cfg_names_become_a_variable(folder):
    """Our own variable would hide what the file says."""
    (folder / "ansible.cfg").write_text("[defaults]\nstdout_callback = minimal\ncallback_plugins = plugins:/else\n")
    found = settings(folder)

    assert "ANSIBLE_STDOUT_CALLBACK" not in found
    assert f"{folder / 'plugins'}:/else" == found["ANSIBLE_CALLBACK_PLUGINS"]


def write_config(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("[defaults]\nforks = 7\n")
    return path


def found_by_ansible(folder, environment):
    done = subprocess.run(
        [find_program("ansible"), "--version"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    named = done.stdout.split("config file = ")[1].splitlines()[0]
    return None if named == "None" else Path(named)


@pytest.mark.parametrize(
    ("written", "mode", "named"),
    [
        pytest.param("playbooks/ansible.cfg", 0o755, None, id="beside the playbooks"),
        pytest.param("playbooks/ansible.cfg", 0o777, None, id="in a folder that everybody may write"),
        pytest.param("home/.ansible.cfg", 0o755, None, id="at home"),
        pytest.param("else/ansible.cfg", 0o755, "else", id="ANSIBLE_CONFIG names a folder"),
        pytest.param("else/own.cfg", 0o755, "else/own.cfg", id="ANSIBLE_CONFIG names a file"),
        pytest.param("home/own.cfg", 0o755, "~/own.cfg", id="ANSIBLE_CONFIG begins at home"),
        pytest.param("home/own.cfg", 0o755, "$HOME/own.cfg", id="ANSIBLE_CONFIG has a variable"),
        pytest.param("playbooks/ansible.cfg", 0o755, "missing", id="ANSIBLE_CONFIG names nothing"),
        pytest.param("playbooks/ansible.cfg", 0o777, "playbooks", id="ANSIBLE_CONFIG names the open folder"),
    ],
)
def test_the_ansible_cfg_is_the_one_that_ansible_finds(folder, tmp_path, written, mode, named):
    write_config(tmp_path / written)
    folder.chmod(mode)
    expected = [] if named is None else [named if named[0] in "~$" else str(tmp_path / named)]
    environment = dict(zip(["ANSIBLE_CONFIG"], expected, strict=False))

    assert found_by_ansible(folder, environment) == find_config(folder, environment).path


def test_an_ansible_cfg_that_cannot_be_parsed_is_ansibles_to_complain_about(folder):
    (folder / "ansible.cfg").write_text("forks = 2\n")

    assert OURS == settings(folder)


def test_the_callers_environment_goes_on_without_what_would_change_the_log():
    given = {
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "ANSIBLE_NOCOLOR": "1",
        "RUNNER_OMIT_EVENTS": "True",
        "MAX_EVENT_RES": "1",
        "PATH": "/bin",
    }
    beside = str(Path(sys.executable).parent)

    assert {"LANG": "C.UTF-8", "PATH": f"{beside}:/bin", **NO_QUESTIONS} == caller_environment(given)
    assert f"/bin:{beside}" == caller_environment({"PATH": f"/bin:{beside}"})["PATH"]


def test_sockets_of_ssh_go_elsewhere_where_ansibles_home_cannot_be_written(folder, home):
    """Unless somebody chose their folder; without one every connection would fail."""

    def chosen(**variables):
        given = run_settings(folder, variables, hosts=1, facts=None, sockets=Path("/scratch/ssh"))
        return given.get("ANSIBLE_SSH_CONTROL_PATH_DIR")

    assert chosen(HOME=str(home)) is None
    assert "/scratch/ssh" == chosen(HOME="/dev/null")
    assert chosen(HOME="/dev/null", ANSIBLE_SSH_CONTROL_PATH_DIR="/chosen") is None
    (folder / "ansible.cfg").write_text("[ssh_connection]\ncontrol_path_dir = /chosen\n")
    assert chosen(HOME="/dev/null") is None


@pytest.mark.parametrize(
    ("config", "variables", "told"),
    [
        pytest.param("", {}, [], id="nothing is written"),
        pytest.param(
            "[defaults]\nlog_path = ./a.log\n",
            {"ANSIBLE_LOG_PATH": "/dev/null"},
            ["Ansible's log ./a.log is off"],
            id="log",
        ),
        pytest.param(
            "[defaults]\ncallbacks_enabled = ansible.posix.profile_tasks, junit, my.own.mail\n",
            {"ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks"},
            ["callback junit, my.own.mail is off"],
            id="one of several callbacks stays",
        ),
        pytest.param(
            "[defaults]\ncallback_whitelist = tree\n",
            {"ANSIBLE_CALLBACKS_ENABLED": "minimal"},
            ["callback tree is off"],
            id="old name",
        ),
    ],
)
def test_what_would_write_secrets_beside_the_run_is_switched_off(folder, config, variables, told):
    (folder / "ansible.cfg").write_text(config)

    assert (variables, told) == silence(folder, {})


def test_the_environment_switches_on_and_is_switched_off_alike(folder):
    given = {"ANSIBLE_LOG_PATH": "a.log", "ANSIBLE_CALLBACKS_ENABLED": "log_plays"}

    assert {"ANSIBLE_LOG_PATH": "/dev/null", "ANSIBLE_CALLBACKS_ENABLED": "minimal"} == silence(folder, given)[0]


def test_a_callback_that_nobody_enabled_is_told(folder):
    (folder / "callback_plugins").mkdir()
    (folder / "callback_plugins" / "mine.py").write_text("class CallbackModule: pass\n")
    (folder / "callback_plugins" / "asked.py").write_text("class CallbackModule:\n    CALLBACK_NEEDS_ENABLED = True\n")

    variables, told = silence(folder, {})

    assert {} == variables
    assert [f"callback {folder}/callback_plugins/mine.py cannot be switched off and may write secrets"] == told
