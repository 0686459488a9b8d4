"""How values reach a playbook: as data, never as templates, options or paths."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from installkit.engine.scratch import write_private
from installkit.errors import EngineError
from installkit.model import StepSpec, to_wire

_TEXT = "__ansible_unsafe"  # Source: ansible's JSON profile; a string under this key is never a template
_RESERVED = "__ansible_"


@attrs.frozen
class VariableFiles:
    """
    The files that carry a step's variables, lowest precedence first.

    Attributes:
        defaults: An inventory source to be given before the site's own; None if there are none.
        host_variables: An inventory source to be given after them; None if there are none.
        extra: For `-e @`; it holds the secrets, and is to be removed once Ansible has read it.
    """

    defaults: Path | None
    host_variables: Path | None
    extra: Path


def write_variables(folder: Path, spec: StepSpec, secrets: Mapping[str, str]) -> VariableFiles:
    """Write the variables of *spec* and those of *secrets* that it names into *folder*, which is its owner's alone."""
    hosts = {host: dict(values) for host, values in spec.host_variables.items() if values}
    extra = {**spec.variables, **{name: secrets[name] for name in spec.secrets}}
    return VariableFiles(
        defaults=_write(folder / "defaults.json", {"all": {"vars": spec.defaults}}) if spec.defaults else None,
        host_variables=_write(folder / "parameters.json", {"all": {"hosts": hosts}}) if hosts else None,
        extra=_write(folder / "extra.json", extra),
    )


def unsafe_json(value: Any) -> str:
    """
    Return *value*, made of mappings, lists and scalars, as JSON in which every string is text to Ansible.

    (YAML's `!unsafe` would not do: Ansible takes the quoted string "1.0" after it for a number.)

    Raises:
        EngineError: If a mapping has a key that is a word of Ansible's JSON itself: it would not be taken for text.
    """
    return json.dumps(_unsafe(to_wire(value)))


def _unsafe(value: Any) -> Any:
    if isinstance(value, str):
        return {_TEXT: value}
    if isinstance(value, Mapping):
        if odd := [key for key in value if key.startswith(_RESERVED)]:
            raise EngineError(f"a value has the key {odd[0]!r}, which means something to Ansible", remedy="rename it")
        return {key: _unsafe(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unsafe(item) for item in value]
    return value


def _write(path: Path, value: Any) -> Path:
    return write_private(path, unsafe_json(value))
