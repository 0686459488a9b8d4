"""The catalog in playbooks/, as far as can be told without hosts; tests/test_stack.py carries it out."""

import subprocess
from pathlib import Path

import pytest

from installkit import Action, load_catalog
from installkit.ansible.programs import find_program, question_environment

PLAYBOOKS = Path(__file__).parent.parent / "playbooks"
NAMES = ("common", "java", "mysql", "redis", "nginx", "nats", "zk", "portal")
ACTIONS = {Action.INSTALL, Action.CHECK, Action.VERIFY, Action.ROLLBACK, Action.UNINSTALL}
GROUPS = ("db", "cache", "web", "app", "broker", "zk")


def run(*command):
    return subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=PLAYBOOKS, env=question_environment()
    )


def test_the_catalog_has_nothing_to_complain_about():
    catalog = load_catalog(PLAYBOOKS)

    assert () == catalog.warnings
    assert () == catalog.others
    assert NAMES == tuple(component.name for component in catalog)


@pytest.mark.parametrize("name", NAMES)
def test_every_component_goes_the_whole_way(name):
    """It is checked, installed, verified, rolled back and uninstalled; its files are those of its name and number."""
    component = load_catalog(PLAYBOOKS)[name]

    assert ACTIONS <= {spec.action for spec in component.actions}
    assert {f"{component.order:02d}.{name}"} == {".".join(spec.playbook.split(".")[:2]) for spec in component.actions}


@pytest.mark.parametrize("name", ["mysql", "redis", "nginx", "nats", "zk", "portal"])
def test_every_service_has_an_address_to_listen_on(name):
    """So that a host with several networks shows it to one of them only."""
    parameters = {parameter.name: parameter for parameter in load_catalog(PLAYBOOKS)[name].parameters}

    assert "host" == parameters[f"{name}_bind_address"].type


def test_ansible_can_read_every_playbook(tmp_path):
    inventory = tmp_path / "hosts.ini"
    inventory.write_text("".join(f"[{group}]\nhost1\n" for group in GROUPS))
    playbooks = sorted(path.name for path in PLAYBOOKS.glob("[0-9]*.yml"))

    said = run(find_program("ansible-playbook"), "--syntax-check", "-i", inventory, *playbooks)

    assert (0, "") == (said.returncode, said.stderr)
    assert len(playbooks) == said.stdout.count("playbook: ")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_ansible_lint_has_nothing_to_say():
    """It reads every playbook and role on its own, which takes its time."""
    playbooks = sorted(path.name for path in PLAYBOOKS.glob("[0-9]*.yml"))

    said = run(find_program("ansible-lint"), "--offline", "--nocolor", "-q", *playbooks)

    assert (0, "") == (said.returncode, said.stdout)
