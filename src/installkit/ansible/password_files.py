"""Passes the passwords that Ansible itself takes in files, so that no command line shows them."""

from collections.abc import Mapping
from pathlib import Path

import attrs

from installkit.ansible.scratch import write_private
from installkit.model import BECOME_PASSWORD, CONNECTION_PASSWORD, vault_passwords

_OPTIONS = {CONNECTION_PASSWORD: "--connection-password-file", BECOME_PASSWORD: "--become-password-file"}


@attrs.frozen
class PasswordFiles:
    """
    Files with passwords.

    Attributes:
        options: The options of ansible-playbook that name them.
        paths: To be removed once Ansible has read them, which it does before its first event.
    """

    options: tuple[str, ...]
    paths: tuple[Path, ...]


def write_passwords(folder: Path, secrets: Mapping[str, str]) -> PasswordFiles:
    """Write the passwords among *secrets* that Ansible itself takes into *folder*, which is private to its owner."""
    texts = {f"{option}=": (name, secrets[name]) for name, option in _OPTIONS.items() if name in secrets}
    texts |= {f"--vault-id={label}@": (f"vault-{label}", text) for label, text in vault_passwords(secrets).items()}
    paths = tuple(write_private(folder / name, text) for name, text in texts.values())
    return PasswordFiles(tuple(f"{option}{path}" for option, path in zip(texts, paths, strict=True)), paths)
