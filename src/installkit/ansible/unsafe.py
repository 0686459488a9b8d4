"""Values as data for Ansible, in which no text is a template."""

import json
from collections.abc import Mapping
from typing import Any

from installkit.errors import EngineError
from installkit.model import to_wire

_TEXT = "__ansible_unsafe"  # Source: ansible's JSON profile; a string under this key is never a template
_RESERVED = "__ansible_"


def unsafe_json(value: Any) -> str:
    """
    Return *value*, made of mappings, lists and scalars, as JSON in which every string is plain text for Ansible.

    (YAML's `!unsafe` does not work: Ansible reads the quoted string "1.0" after it as a number.)

    Raises:
        EngineError: If a mapping has a key that means something in Ansible's JSON.
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
