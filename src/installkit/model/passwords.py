"""The passwords for Ansible itself, as secrets of a site or of a run."""

import re
from collections.abc import Mapping

CONNECTION_PASSWORD = "ansible_password"  # noqa: S105 - a name
"""The secret that Ansible connects with, as with `--ask-pass`."""

BECOME_PASSWORD = "ansible_become_password"  # noqa: S105 - a name
"""The secret that Ansible becomes another user with, as with `--ask-become-pass`."""

VAULT_PASSWORD = "ansible_vault_password"  # noqa: S105 - a name

DEFAULT_VAULT_ID = "default"
"""Ansible's name for the vault whose password has no label."""

LONGEST = 4096
"""In characters; a pipe holds so many at once."""

_VAULT = re.compile(rf"{VAULT_PASSWORD}(?::(?P<label>(?!{DEFAULT_VAULT_ID}$)[A-Za-z0-9][A-Za-z0-9_.-]{{0,63}}))?")


def is_password(name: str) -> bool:
    """
    Return whether the secret *name* is a password for Ansible itself, not a parameter.

    They are `ansible_password` (`--ask-pass`), `ansible_become_password` (`--ask-become-pass`),
    `ansible_vault_password` (`--ask-vault-pass`) and `ansible_vault_password:LABEL` (`--vault-id LABEL@…`).
    """
    return name in {CONNECTION_PASSWORD, BECOME_PASSWORD} or is_vault_password(name)


def is_vault_password(name: str) -> bool:
    """Return whether the secret *name* opens a vault."""
    return _VAULT.fullmatch(name) is not None


def vault_password_name(label: str) -> str:
    """Return the name of the secret for vaults with the label *label*; not every label is valid: see `is_password`."""
    return VAULT_PASSWORD if label == DEFAULT_VAULT_ID else f"{VAULT_PASSWORD}:{label}"


def vault_passwords(secrets: Mapping[str, str]) -> dict[str, str]:
    """Return the vault passwords among *secrets*, by label."""
    matches = ((_VAULT.fullmatch(name), value) for name, value in secrets.items())
    return {match["label"] or DEFAULT_VAULT_ID: value for match, value in matches if match}


def password_problem(value: str) -> str | None:
    """Return why Ansible could not use the password *value* as it is, without the value; None if it can."""
    if not value.strip():
        return "is empty"
    if value.strip() != value:
        return "begins or ends with white space, which Ansible takes away"
    return f"is longer than {LONGEST} characters" if len(value) > LONGEST else None
