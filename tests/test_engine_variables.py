"""Values that reach a playbook stay data: Ansible itself is asked what it makes of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from installkit.ansible.programs import find_program, question_environment
from installkit.ansible.variables import write_variables
from installkit.errors import EngineError
from installkit.model import StepSpec

SHOW = """
- hosts: h1
  gather_facts: false
  tasks:
    - ansible.builtin.copy:
        content: "{{ {'requested': requested, 'entered': entered, 'declared': declared, 'deep': deep} | to_json }}"
        dest: "{{ out }}"
"""


def spec_with(folder, **fields):
    return StepSpec(step="mysql", folder=folder, playbook=folder / "show.yml", sources=(), **fields)


HOSTILE = {
    "template": "{{ lookup('pipe', 'touch CANARY') }}",
    "statement": "{% set x = lookup('pipe', 'touch CANARY') %}{{ x }}",
    "inner": {"beside": ["!unsafe {{ 2 }}", "!vault |", "&a *a", "@file", "$ANSIBLE_VAULT;1.1;AES256\n6162"]},
    "{{ 4 }}": "key",
    "text": "nul \x00, tab \t, line\r\nend, \x7f \x85 \u2028 ünï 😀 '\"\\",
    "looks like": [
        "1",
        "true",
        "null",
        "~",
        "1e3",
        "0x10",
        "1.0",
        "12:30:45",
        "2026-11-22",
        "",
        " ",
        "- a",
        "a: b",
        "#",
    ],
    "plain": [1, -1.5, 1e300, True, False, None, [], {}, 2**70],
}


def as_ansible_sees_them(folder, **fields):
    """Return the variables of *SHOW* as a playbook sees those that a step is given."""
    spec = spec_with(folder, **fields)
    spec.playbook.write_text(SHOW)
    (folder / "hosts.ini").write_text(f"h1 ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    files = write_variables(folder, spec, {})
    inventory = [part for path in (files.defaults, folder / "hosts.ini", files.host_variables) for part in ("-i", path)]
    own = ["-e", f"@{files.extra}", "-e", f"out={folder / 'out'}"]
    done = subprocess.run(
        [find_program("ansible-playbook"), *inventory, *own, "show.yml"],
        cwd=folder,
        env=question_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    return json.loads((folder / "out").read_text())


def test_nothing_in_a_value_is_interpreted_at_any_level(tmp_path):
    """Neither in what is requested, nor in what was entered for a host, nor in a default; nor how deep it is."""
    hostile = json.loads(json.dumps(HOSTILE).replace("CANARY", str(tmp_path / "canary")))
    deep = "bottom"
    for _ in range(80):
        deep = [{"down": deep}]
    seen = as_ansible_sees_them(
        tmp_path,
        variables={"requested": hostile, "deep": deep},
        host_variables={"h1": {"entered": hostile}},
        defaults={"declared": hostile},
    )

    assert {"requested": hostile, "entered": hostile, "declared": hostile, "deep": deep} == seen
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("key", ["__ansible_unsafe", "__ansible_vault", "__ansible_type"])
@pytest.mark.parametrize("level", ["variables", "defaults"])
def test_a_key_that_means_something_to_ansibles_json_is_refused_by_name(tmp_path, level, key):
    """It could be taken for a vault, or make Ansible read the file as YAML, whose strings are templates."""
    hostile = {"deep": [{key: "{{ lookup('pipe', 'touch canary') }}"}]}

    with pytest.raises(EngineError, match=key):
        write_variables(tmp_path, spec_with(tmp_path, **{level: {"value": hostile}}), {})


def test_only_what_there_is_gets_a_file(tmp_path):
    files = write_variables(tmp_path, spec_with(tmp_path, host_variables={"h1": {}}), {})

    assert (None, None) == (files.defaults, files.host_variables)
    assert [files.extra] == list(tmp_path.iterdir())


def test_only_the_secrets_that_the_step_names_are_written_and_for_the_owner_alone(tmp_path):
    spec = spec_with(tmp_path, variables={"port": 1}, defaults={"a": 1}, secrets=("wanted",))
    files = write_variables(tmp_path, spec, {"wanted": "canary-1", "other": "canary-2"})

    assert "canary-1" in files.extra.read_text()
    assert not [path for path in tmp_path.iterdir() if "canary-2" in path.read_text()]
    assert {0o600} == {Path(path).stat().st_mode & 0o777 for path in tmp_path.iterdir()}


def test_a_file_that_is_there_already_is_not_written_to(tmp_path):
    (tmp_path / "extra.json").touch()

    with pytest.raises(FileExistsError):
        write_variables(tmp_path, spec_with(tmp_path), {})
