"""How the passwords that Ansible itself takes reach it: by files, so that no command line shows them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from installkit.ansible.scratch import write_private
from installkit.model import BECOME_PASSWORD, CONNECTION_PASSWORD, vault_passwords

_OPTIONS = {CONNECTION_PASSWORD: "--connection-password-file", BECOME_PASSWORD: "--become-password-file"}


@attrs.frozen
class PasswordFiles:
    """
    The files that carry passwords.

    Attributes:
        options: What tells ansible-playbook of them.
        paths: To be removed once Ansible has read them, which it does before its first event.
    """

    options: tuple[str, ...]
    paths: tuple[Path, ...]


def write_passwords(folder: Path, secrets: Mapping[str, str]) -> PasswordFiles:
    """Write those of *secrets* that Ansible itself takes into *folder*, which is its owner's alone."""
    written = list(_written(folder, secrets))
    return PasswordFiles(tuple(option for option, _ in written), tuple(path for _, path in written))


def _written(folder: Path, secrets: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    for name, option in _OPTIONS.items():
        if name in secrets:
            path = write_private(folder / name, secrets[name])
            yield f"{option}={path}", path
    for label, password in vault_passwords(secrets).items():
        path = write_private(folder / f"vault-{label}", password)
        yield f"--vault-id={label}@{path}", path
