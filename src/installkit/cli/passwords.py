"""Ansible's options for passwords: a password is asked for, or read from a file or a script, and stored nowhere."""

import os
import subprocess
import sys
from collections.abc import Callable
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
    Remove the options for passwords from *options*, and return the passwords, as the secrets of `Site.start`.

    Raises:
        click.UsageError: If a password cannot be read, or two are given for one label.
    """
    names = ("ask_pass", "ask_become_pass", "ask_vault_password", "vault_password_file", "vault_id")
    ask_pass, ask_become_pass, ask_vault_password, vault_files, vault_ids = [options.pop(name, None) for name in names]
    passwords: dict[str, str] = {}
    if ask_pass:
        passwords[installkit.CONNECTION_PASSWORD] = ask_secret("SSH password")
    if ask_become_pass:
        connection = passwords.get(installkit.CONNECTION_PASSWORD, "")
        prompt = "BECOME password [as the SSH password]" if connection else "BECOME password"
        passwords[installkit.BECOME_PASSWORD] = ask_secret(prompt, default=connection)
    vaults = [("", _PROMPT)] if ask_vault_password else []
    vaults += [("", file) for file in vault_files or ()]
    for vault_id in vault_ids or ():
        label, at, source = vault_id.partition("@")
        vaults.append((label, source) if at else ("", vault_id))
    for label, source in vaults:
        name, password = _vault_password(label, source)
        if name in passwords:
            raise click.UsageError(f"{name} is given twice: give one password for each label (--vault-id LABEL@…)")
        passwords[name] = password
    return passwords


def _vault_password(label: str, source: str) -> tuple[str, str]:
    """Return the name of a vault's secret and its password, which is typed, in a file, or printed by a script."""
    name = installkit.vault_password_name(label or "default")
    if not installkit.is_password(name):
        raise click.UsageError(f"--vault-id: {label!r} is not a label: use letters, digits, '.', '_' and '-'")
    if source == _PROMPT:
        return name, ask_secret(f"Vault password ({label})" if label else "Vault password")
    path = Path(source).expanduser().absolute()
    try:
        if path.is_file() and os.access(path, os.X_OK):
            # As with Ansible, a script with a name that ends with `-client` gets the label.
            arguments = ["--vault-id", label] if label and path.stem.endswith("-client") else []
            text = subprocess.run([path, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
        else:
            text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError, subprocess.CalledProcessError) as exc:
        problem = "it is not text in UTF-8"
        if isinstance(exc, OSError):
            problem = exc.strerror or str(exc)
        elif isinstance(exc, subprocess.CalledProcessError):
            problem = f"the script ended with status {exc.returncode}"
        raise click.UsageError(f"no vault password can be read from {path}: {problem}") from exc
    return name, text.strip()


def ask_secret(prompt: str, *, default: str = "", confirm: bool = False) -> str:
    """
    Return a secret that is typed without echo; if there is no terminal, the next line of stdin.

    Args:
        prompt: The name of the secret, for the person who types it.
        default: The value for an empty answer.
        confirm: Whether it must be typed twice.

    Raises:
        click.UsageError: If the secret is empty.
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
