"""What a manifest may say: a table of readers for each kind of map in it."""

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from installkit.catalog.fields import (
    Field,
    Reader,
    anything,
    boolean,
    described,
    each,
    named,
    one_of,
    one_or_each,
    record,
    suggestion,
    text,
)
from installkit.catalog.names import (
    component_name_problem,
    parameter_name_problem,
    pattern_problem,
    variable_name_problem,
)
from installkit.model import ON_CHANGE, PARAMETER_TYPES, Action, Requirement

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_~:-]{0,63}")
_PERCENTAGE = re.compile(r"(100|[1-9][0-9]?)%")
_DURATION = re.compile(r"(?=\d)(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")
_TAG = re.compile(r"[^\s,-][^\s,]*")
_ACTIONS = tuple(action.value for action in Action)
_LARGEST_PORT = 65_535


def _named_text(problem: Callable[[str], str | None]) -> Reader[str]:
    def read(field: Field) -> str:
        name = text(field)
        message = problem(name)
        return field.wrong(message) if message else name

    return read


def _version_problem(version: str) -> str | None:
    if _VERSION.fullmatch(version):
        return None
    return f"{version!r} is no version: a letter or digit, then letters, digits and . + _ ~ : -"


def _versions(field: Field) -> tuple[str, ...]:
    versions = each(_named_text(_version_problem))(field)
    twice = sorted({version for version in versions if versions.count(version) > 1})
    if twice:
        field.wrong(f"listed more than once: {', '.join(twice)}")
    return versions


def _specifier(field: Field) -> str:
    specifier = text(field)
    try:
        SpecifierSet(specifier)
    except InvalidSpecifier:
        field.wrong(f"{specifier!r} is no version specifier; write it as '>=17,<18'")
    return specifier


def _origins(field: Field) -> str | dict[str, str]:
    if isinstance(field.value, dict):
        return named(_version_problem, _specifier)(field)
    return _specifier(field)


def _requirement(field: Field) -> Requirement:
    if isinstance(field.value, str):
        return Requirement(_component_name(field))
    parts = record({"name": _component_name, "version": _specifier})(field)
    if "name" not in parts:
        named_field = field.item("name") if "name" in field.value else field
        named_field.wrong("a requirement needs a name: write NAME or {name: NAME, version: '>=1'}")
    return Requirement(**parts)


def _duration(field: Field) -> float:
    seconds: float = 0.0
    if isinstance(field.value, (int, float)) and not isinstance(field.value, bool):
        seconds = float(field.value)
    elif isinstance(field.value, str) and (found := _DURATION.fullmatch(field.value)):
        hours, minutes, rest = (int(part or 0) for part in found.groups())
        seconds = float(hours * 3600 + minutes * 60 + rest)
    if seconds <= 0:
        field.wanted("a duration above 0, such as 90s, 30m, 1h30m or a number of seconds,")
    return seconds


def _batch(field: Field) -> int | str:
    size = field.value
    count = type(size) is int and size > 0
    percentage = isinstance(size, str) and _PERCENTAGE.fullmatch(size)
    if not count and not percentage:
        field.wanted("a number of hosts from 1, or a percentage such as '30%',")
    return cast("int | str", size)


def _batches(field: Field) -> tuple[int | str, ...]:
    batches = one_or_each(_batch)(field)
    if field.value == []:
        field.wrong("the list is empty; leave batch out for all hosts at once")
    return batches


def _tag(field: Field) -> str:
    tag = text(field)
    if not _TAG.fullmatch(tag):
        field.wrong(f"{tag!r} is no tag: it holds no space and no comma, and does not begin with '-'")
    return tag


def _playbook(field: Field) -> str:
    playbook = text(field)
    if playbook.startswith(("/", "-", "~")) or not playbook.endswith((".yml", ".yaml")):
        field.wrong(f"{playbook!r} is no playbook of the catalog: a relative path that ends in .yml or .yaml is wanted")
    return playbook


_FITS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "string": (lambda value: isinstance(value, str), "text (quoted)"),
    "integer": (lambda value: type(value) is int, "an integer"),
    "number": (lambda value: type(value) in {int, float}, "a number"),
    "boolean": (lambda value: isinstance(value, bool), "true or false"),
    "port": (lambda value: type(value) is int and 1 <= value <= _LARGEST_PORT, "a port from 1 to 65535"),
    "path": (lambda value: isinstance(value, str) and value.startswith("/"), "an absolute path"),
    "host": (lambda value: isinstance(value, str) and bool(re.fullmatch(r"\w[\w.:-]*", value)), "a host"),
    "list": (lambda value: isinstance(value, list), "a list"),
    "map": (lambda value: isinstance(value, dict), "a map"),
}
"""By parameter type: whether a value is of it, and how the type is called in a message."""


def _parameter(field: Field) -> dict[str, Any]:
    parts = record(PARAMETER)(field)
    if parts.get("secret") and "default" in parts:
        field.report("a secret has no default: whoever reads the catalog would know it", "default", key=True)
    fits, what = _FITS[parts.get("type", "string")]
    if "default" in parts and not fits(parts["default"]):
        field.report(f"the default must be {what}, not {described(parts['default'])}", "default")
    return parts


def _action(field: Field) -> dict[str, Any]:
    if isinstance(field.value, str):
        return {"playbook": _playbook(field)}
    parts = record(ACTION)(field)
    if parts.get("soft_timeout", 0.0) >= parts.get("timeout", float("inf")):
        field.report("soft_timeout must be shorter than timeout", "soft_timeout")
    return parts


def _action_name_problem(name: str) -> str | None:
    return None if name in _ACTIONS else f"unknown action {name!r}; {suggestion(name, _ACTIONS)}"


_component_name = _named_text(component_name_problem)

PARAMETER: Mapping[str, Reader[Any]] = {
    "type": one_of(PARAMETER_TYPES),
    "default": anything,
    "secret": boolean,
    "required": boolean,
    "on_change": one_of(ON_CHANGE),
}

ACTION: Mapping[str, Reader[Any]] = {
    "playbook": _playbook,
    "tags": one_or_each(_tag),
    "skip_tags": one_or_each(_tag),
    "vars": named(variable_name_problem, anything),
    "batch": _batches,
    "timeout": _duration,
    "soft_timeout": _duration,
    "from": _origins,
    "approve": one_of(("first_batch", "every_batch")),
    "destructive": boolean,
    "facts": one_of(("fresh", "cached")),
}

MANIFEST: Mapping[str, Reader[Any]] = {
    "name": _component_name,
    "title": text,
    "versions": _versions,
    "hosts": _named_text(pattern_problem),
    "requires": each(_requirement),
    "exclusive": boolean,
    "parameters": named(parameter_name_problem, _parameter),
    "actions": named(_action_name_problem, _action),
}
