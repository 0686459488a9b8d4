"""
The types of parameters, and the valid names of variables: one table for catalog, planning and command line.

    type     a value in a manifest or request     typed on a command line
    port     3306                                 mysql_port=3306     read as YAML, so a number
    string   "10"                                 note=10             text as it is
"""

import hashlib
import json
import keyword
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from installkit.model.component import Parameter
from installkit.model.passwords import is_password
from installkit.text import shown

HIGHEST_PORT = 65535

_HOST = re.compile(r"\w[\w.:-]*")

VARIABLE_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,127}"
"""A regular expression for the names that Ansible accepts for variables."""


@attrs.frozen
class ParameterType:
    """
    A type of values.

    Attributes:
        what: The type in a message, as `a port from 1 to 65535`.
        fits: Returns whether a value has the type.
        schema: The type as JSON Schema.
        is_text: Whether a command line's text is the value itself; otherwise the text is read as YAML.
    """

    what: str
    fits: Callable[[Any], bool]
    schema: Mapping[str, Any]
    is_text: bool = False


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


TYPES: Mapping[str, ParameterType] = {
    "string": ParameterType("text", _is_text, {"type": "string"}, is_text=True),
    "integer": ParameterType("a whole number", _is_whole, {"type": "integer"}),
    "number": ParameterType("a number", lambda value: _is_whole(value) or isinstance(value, float), {"type": "number"}),
    "boolean": ParameterType("true or false", lambda value: isinstance(value, bool), {"type": "boolean"}),
    "port": ParameterType(
        f"a port from 1 to {HIGHEST_PORT}",
        lambda value: _is_whole(value) and 1 <= value <= HIGHEST_PORT,
        {"type": "integer", "minimum": 1, "maximum": HIGHEST_PORT},
    ),
    "path": ParameterType(
        "an absolute path",
        lambda value: _is_text(value) and value.startswith("/"),
        {"type": "string", "pattern": "^/"},
        is_text=True,
    ),
    "host": ParameterType(
        "a host name",
        lambda value: _is_text(value) and _HOST.fullmatch(value) is not None,
        {"type": "string", "pattern": f"^{_HOST.pattern}$"},
        is_text=True,
    ),
    "list": ParameterType("a list", lambda value: isinstance(value, (list, tuple)), {"type": "array"}),
    "map": ParameterType("a map", lambda value: isinstance(value, Mapping), {"type": "object"}),
}

SPECIAL_VARIABLES = frozenset(
    [
        *("environment", "group_names", "groups", "hostvars", "inventory_dir", "inventory_file", "inventory_hostname"),
        *("inventory_hostname_short", "item", "lookup", "omit", "play_hosts", "playbook_dir", "query", "role_name"),
        *("role_names", "role_path", "vars"),
    ]
)
"""Variables that Ansible sets itself, and that no value may replace. Source: docs.ansible.com, "Special Variables"."""


def type_problem(kind: str, value: Any) -> str | None:
    """
    Return why *value* is not of the type *kind*; None if it is.

    >>> type_problem("port", 70000)
    '70000 is not a port from 1 to 65535'
    """
    return None if TYPES[kind].fits(value) else f"{shown(value)} is not {TYPES[kind].what}"


def is_variable_name(name: str) -> bool:
    """Return whether Ansible accepts *name* as the name of a variable."""
    return re.fullmatch(VARIABLE_NAME, name) is not None and not keyword.iskeyword(name)


def name_problem(name: str) -> str | None:
    """Return why no value can be given to a variable called *name*; None if one can."""
    if not is_variable_name(name):
        return "is not an Ansible variable name"
    if is_password(name):
        return "is a password: give it with Ansible's option (as -K), or keep it as a secret of the site"
    if name.startswith(("ansible_", "component_", "__")) or name in SPECIAL_VARIABLES:
        return "is reserved for Ansible and installkit"
    return None


def variable_problem(name: str) -> str | None:
    """Return why *name* cannot be a variable of a host; None if it can. Ansible's own variables are allowed there."""
    return None if name.startswith("ansible_") and is_variable_name(name) else name_problem(name)


def parameter_problem(name: str, value: Any, parameter: Parameter | None) -> str | None:
    """Return why *name* cannot get *value*; None if it can. *parameter* is its declaration, if there is one."""
    if parameter is None:
        return name_problem(name) or json_problem(value)
    if parameter.secret:
        return "is a secret: keep it among the site's secrets, or hand it over at start"
    return type_problem(parameter.type, value) or json_problem(value)


def json_problem(value: Any) -> str | None:
    """Return why *value* cannot be handed to Ansible as JSON; None if it can."""
    try:
        digest(value)
    except (TypeError, ValueError, RecursionError) as exc:
        return f"{shown(value)} cannot be handed over: {exc}"
    reserved = next(_reserved_keys(value), None)
    return None if reserved is None else f"the key {reserved!r} means something to Ansible; rename it"


def digest(value: Any) -> str:
    """Return the sha256, in hex, of *value* as JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _reserved_keys(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (str(key) for key in value if str(key).startswith("__ansible_"))
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _reserved_keys(item)
