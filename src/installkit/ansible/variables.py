"""Passes values to a playbook: as data, never as templates, options or paths."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from installkit.ansible.scratch import write_private
from installkit.ansible.unsafe import unsafe_json
from installkit.model import StepSpec


@attrs.frozen
class VariableFiles:
    """
    The files with a step's variables, lowest precedence first.

    Attributes:
        defaults: An inventory source for the place before the site's own; None if there are no defaults.
        host_variables: An inventory source for the place after them; None if there are no host variables.
        extra: For `-e @`; it contains the secrets, and must be removed once Ansible has read it.
    """

    defaults: Path | None
    host_variables: Path | None
    extra: Path


def write_variables(folder: Path, spec: StepSpec, secrets: Mapping[str, str]) -> VariableFiles:
    """Write the variables of *spec* and the *secrets* that it names into *folder*, which is private to its owner."""
    hosts = {host: dict(values) for host, values in spec.host_variables.items() if values}
    extra = {**spec.variables, **{name: secrets[name] for name in spec.secrets}}
    return VariableFiles(
        defaults=_write(folder / "defaults.json", {"all": {"vars": spec.defaults}}) if spec.defaults else None,
        host_variables=_write(folder / "parameters.json", {"all": {"hosts": hosts}}) if hosts else None,
        extra=_write(folder / "extra.json", extra),
    )


def _write(path: Path, value: Any) -> Path:
    return write_private(path, unsafe_json(value))
