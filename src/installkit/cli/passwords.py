"""Ansible's options for passwords: they are asked for, or read from where an option says, and kept nowhere."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

import installkit

Function = TypeVar("Function", bound=Callable[..., Any])

_PROMPT = "prompt"
_VAULT = (
    click.option("-J", "--ask-vault-password", "--ask-vault-pass", is_flag=True, help="Ask for the vault password."),
    click.option(
        "--vault-password-file",
        "--vault-pass-file",
        metavar="FILE",
        multiple=True,
        help="Read the vault password from a file or a script.",
    ),
    click.option("--vault-id", metavar="[LABEL@]FILE|prompt", multiple=True, help="The same for vaults with a label."),
)
_CONNECTION = (
    click.option("-k", "--ask-pass", is_flag=True, help="Ask for the password to connect, as Ansible's -k."),
    click.option("-K", "--ask-become-pass", is_flag=True, help="Ask for the become password, as Ansible's -K."),
)


def vault_options(command: Function) -> Function:
    """Give *command* Ansible's options for vault passwords, for `take_passwords`."""
    for option in reversed(_VAULT):
        command = option(command)
    return command


def password_options(command: Function) -> Function:
    """Give *command* all of Ansible's options for passwords, for `take_passwords`."""
    command = vault_options(command)
    for option in reversed(_CONNECTION):
        command = option(command)
    return command


def take_passwords(options: dict[str, Any]) -> dict[str, str]:
    """
    Take the options for passwords out of *options*, and return what they say, as the secrets of `Site.start`.

    Raises:
        click.UsageError: If a password cannot be read, or two are given for one label.
    """
    found: dict[str, str] = {}
    for name, password in _passwords({name: options.pop(name, None) for name in _names()}, found):
        if name in found:
            raise click.UsageError(f"{name} is given twice: give one password for each label (--vault-id LABEL@…)")
        found[name] = password
    return found


def _names() -> Iterator[str]:
    yield from ("ask_pass", "ask_become_pass", "ask_vault_password", "vault_password_file", "vault_id")


def _passwords(options: dict[str, Any], found: dict[str, str]) -> Iterator[tuple[str, str]]:
    connection = installkit.CONNECTION_PASSWORD
    if options["ask_pass"]:
        yield connection, ask_secret("SSH password")
    if options["ask_become_pass"]:
        yield installkit.BECOME_PASSWORD, _ask_become(found.get(connection))
    for source in [*[_PROMPT] * bool(options["ask_vault_password"]), *(options["vault_password_file"] or ())]:
        yield _vault_password("", source)
    for source in options["vault_id"] or ():
        label, at, place = source.partition("@")
        yield _vault_password(label, place) if at else _vault_password("", source)


def _ask_become(connection: str | None) -> str:
    if connection is None:
        return ask_secret("BECOME password")
    return ask_secret("BECOME password [as the SSH password]", default=connection)


def _vault_password(label: str, source: str) -> tuple[str, str]:
    """Return the name of the secret, and the password that is asked for, in a file, or printed by a script."""
    name = installkit.vault_password_name(label or "default")
    if not installkit.is_password(name):
        raise click.UsageError(f"--vault-id: {label!r} is not a label: use letters, digits, '.', '_' and '-'")
    if source == _PROMPT:
        return name, ask_secret(f"Vault password ({label})" if label else "Vault password")
    path = Path(source).expanduser().absolute()
    try:
        text = _printed(path, label) if path.is_file() and os.access(path, os.X_OK) else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError, subprocess.CalledProcessError) as exc:
        raise click.UsageError(f"no vault password can be read from {path}: {_said(exc)}") from exc
    return name, text.strip()


def _printed(script: Path, label: str) -> str:
    """Return what *script* prints; as with Ansible, one whose name ends with `-client` is told the label."""
    told = ["--vault-id", label] if label and script.stem.endswith("-client") else []
    return subprocess.run([script, *told], check=True, stdout=subprocess.PIPE, text=True).stdout


def _said(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, subprocess.CalledProcessError):
        return f"the script ended with status {error.returncode}"
    return "it is not text in UTF-8"


def ask_secret(prompt: str, *, default: str = "", confirm: bool = False) -> str:
    """
    Return a secret that is typed without echo; without a terminal, the next line of stdin.

    Args:
        prompt: Says what is asked for.
        default: What an empty answer means.
        confirm: Whether it is typed twice.

    Raises:
        click.UsageError: If it is empty.
    """
    if sys.stdin.isatty():
        value: str = click.prompt(
            prompt, hide_input=True, err=True, default=default, show_default=False, confirmation_prompt=confirm
        )
    else:
        value = sys.stdin.readline().rstrip("\n") or default
    if not value:
        raise click.UsageError(f"{prompt}: the value is empty")
    return value
