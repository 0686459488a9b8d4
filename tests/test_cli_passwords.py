"""Ansible's options for passwords, as the command line reads them."""

import io
import sys

import click
import pytest

from installkit.cli.passwords import take_passwords


@pytest.fixture
def type_in(monkeypatch):
    """Put lines on stdin, which is not a terminal."""
    return lambda *lines: monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


@pytest.fixture
def key(tmp_path):
    """A file with a vault password."""
    path = tmp_path / "key"
    path.write_text("  in a file \n")
    return path


def script(folder, name, text):
    """Write a script that may be run."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_passwords_are_asked_for_in_ansibles_order(type_in):
    """The connection's, the become password, the vaults'; an empty become password is the connection's."""
    type_in("ssh", "", "vault", "prod's")

    found = take_passwords(
        {"ask_pass": True, "ask_become_pass": True, "ask_vault_password": True, "vault_id": ("prod@prompt",)}
    )

    assert {
        "ansible_password": "ssh",
        "ansible_become_password": "ssh",
        "ansible_vault_password": "vault",
        "ansible_vault_password:prod": "prod's",
    } == found


def test_vault_passwords_come_from_files_and_scripts(key, tmp_path):
    """As with Ansible: a file that may be run is run, and told the label where its name ends with -client."""
    plain, client = script(tmp_path, "ask", 'echo "got $#"'), script(tmp_path, "keys-client.sh", 'echo "$1 $2"')
    options = {"vault_password_file": (str(key),), "vault_id": (f"a@{key}", f"b@{plain}", f"c@{client}"), "other": 1}

    found = take_passwords(options)

    assert {"other": 1} == options
    assert ["in a file", "in a file", "got 0", "--vault-id c"] == list(found.values())
    assert ["", ":a", ":b", ":c"] == [name.removeprefix("ansible_vault_password") for name in found]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"ask_pass": True}, "SSH password: the value is empty", id="nothing typed"),
        pytest.param({"vault_password_file": ("/nowhere",)}, "/nowhere: No such file", id="no file"),
        pytest.param({"vault_id": ("prod@{p}/bad",)}, "bad: the script ended with status 3", id="script that fails"),
        pytest.param({"vault_id": ("prod@{p}/binary",)}, "binary: it is not text", id="no text"),
        pytest.param({"vault_id": ("a b@{p}/key",)}, "'a b' is not a label", id="label"),
        pytest.param({"vault_id": ("{p}/key", "default@{p}/key")}, "given twice", id="one label twice"),
    ],
)
def test_a_password_that_cannot_be_had_is_told(type_in, key, tmp_path, options, message):
    """It is never guessed, and never empty."""
    type_in()
    script(tmp_path, "bad", "exit 3")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    given = {
        name: tuple(each.format(p=tmp_path) for each in value) if isinstance(value, tuple) else value
        for name, value in options.items()
    }

    with pytest.raises(click.UsageError, match=message):
        take_passwords(given)
