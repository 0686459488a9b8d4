"""What a manifest may contain: a table of readers for each kind of map in it."""

import re
from collections.abc import Mapping
from typing import Any, cast

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from installkit.catalog.fields import (
    Field,
    Reader,
    Schema,
    anything,
    boolean,
    described,
    each,
    named,
    one_of,
    one_or_each,
    record,
    suggestion,
    takes,
    text,
    text_of,
    told,
    word_of,
)
from installkit.catalog.names import COMPONENT_NAME, HOST_PATTERN, PARAMETER_NAME, VARIABLE_NAME, NameRule
from installkit.model import TYPES, Action, OnChange, Requirement

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_~:-]{0,63}")
_PERCENTAGE = re.compile(r"(100|[1-9][0-9]?)%")
_DURATION = re.compile(r"(?=.*[1-9])(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,6})s)?")
_TAG = re.compile(r"[^\s,-][^\s,]*")
_PLAYBOOK = re.compile(r"(?![/~-]).*\.ya?ml")
_ACTIONS = tuple(action.value for action in Action)


def _matches(pattern: re.Pattern[str]) -> Schema:
    return {"type": "string", "pattern": f"^(?:{pattern.pattern})$"}


def _version_problem(version: str) -> str | None:
    if _VERSION.fullmatch(version):
        return None
    return f"{version!r} is not a version: a letter or digit, then letters, digits and . + _ ~ : -"


_VERSIONS = NameRule(_version_problem, _matches(_VERSION))
_listed_versions = each(text_of(_VERSIONS))


@takes({**_listed_versions.schema, "uniqueItems": True})
def _versions(field: Field) -> tuple[str, ...]:
    versions = _listed_versions(field)
    repeated = sorted({version for version in versions if versions.count(version) > 1})
    if repeated:
        field.wrong(f"listed more than once: {', '.join(repeated)}")
    return versions


@takes({"type": "string", "pattern": r"^[\s,]*(~=|==|!=|[<>])"})
def _specifier(field: Field) -> str:
    specifier = text(field)
    try:
        SpecifierSet(specifier)
    except InvalidSpecifier:
        field.wrong(f"{specifier!r} is not a version specifier; write it as '>=17,<18'")
    return specifier


_by_version = named(_VERSIONS, _specifier)


@takes({"anyOf": [_specifier.schema, _by_version.schema]})
def _origins(field: Field) -> str | dict[str, str]:
    return _by_version(field) if isinstance(field.value, dict) else _specifier(field)


_component_name = text_of(COMPONENT_NAME)
_named_requirement = record({"name": _component_name, "version": _specifier})


@takes({"anyOf": [_component_name.schema, {**_named_requirement.schema, "required": ["name"]}]})
def _requirement(field: Field) -> Requirement:
    if isinstance(field.value, str):
        return Requirement(_component_name(field))
    parts = _named_requirement(field)
    if "name" not in parts:
        named_field = field.item("name") if "name" in field.value else field
        named_field.wrong("a requirement needs a name: write NAME or {name: NAME, version: '>=1'}")
    return Requirement(**parts)


@takes({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, _matches(_DURATION)]})
def _duration(field: Field) -> float:
    seconds: float = 0.0
    if isinstance(field.value, (int, float)) and not isinstance(field.value, bool):
        seconds = float(field.value)
    elif isinstance(field.value, str) and (match := _DURATION.fullmatch(field.value)):
        hours, minutes, rest = (int(part or 0) for part in match.groups())
        seconds = float(hours * 3600 + minutes * 60 + rest)
    if seconds <= 0:
        field.wanted("a duration above 0, such as 90s, 30m, 1h30m or a number of seconds,")
    return seconds


@takes({"anyOf": [{"type": "integer", "minimum": 1}, _matches(_PERCENTAGE)]})
def _batch(field: Field) -> int | str:
    size = field.value
    count = type(size) is int and size > 0
    percentage = isinstance(size, str) and _PERCENTAGE.fullmatch(size)
    if not count and not percentage:
        field.wanted("a number of hosts from 1, or a percentage such as '30%',")
    return cast("int | str", size)


@takes({"anyOf": [_batch.schema, {**each(_batch).schema, "minItems": 1}]})
def _batches(field: Field) -> tuple[int | str, ...]:
    batches = one_or_each(_batch)(field)
    if field.value == []:
        field.wrong("the list is empty; leave batch out for all hosts at once")
    return batches


@takes(_matches(_TAG))
def _tag(field: Field) -> str:
    tag = text(field)
    if not _TAG.fullmatch(tag):
        field.wrong(f"{tag!r} is not a tag: it holds no space and no comma, and does not begin with '-'")
    return tag


@takes(_matches(_PLAYBOOK))
def _playbook(field: Field) -> str:
    playbook = text(field)
    if not _PLAYBOOK.fullmatch(playbook):
        field.wrong(
            f"{playbook!r} is not a playbook of the catalog: a relative path that ends in .yml or .yaml is wanted"
        )
    return playbook


PARAMETER: Mapping[str, Reader[Any]] = {
    "type": told("The type of values; string by default.", one_of(tuple(TYPES))),
    "default": told("The value if none is given; the customer's own variables replace it.", anything),
    "secret": told("Kept encrypted, and replaced by ******** wherever it is printed.", boolean),
    "required": told("Refuse to plan without a value.", boolean),
    "on_change": told(
        "The action for a changed value; fixed: changes are refused after the first install.", word_of(OnChange)
    ),
}

_declaration = record(PARAMETER)


_BY_TYPE: list[tuple[Schema, str]] = [
    ({"not": {"required": ["type"]}}, "string"),
    *(({"required": ["type"], "properties": {"type": {"const": kind}}}, kind) for kind in TYPES),
]
_DEFAULTS = [{"if": where, "then": {"properties": {"default": TYPES[kind].schema}}} for where, kind in _BY_TYPE]
_NO_SECRET_DEFAULT = {"not": {"required": ["secret", "default"], "properties": {"secret": {"const": True}}}}


@takes({**_declaration.schema, **_NO_SECRET_DEFAULT, "allOf": _DEFAULTS})
def _parameter(field: Field) -> dict[str, Any]:
    parts = _declaration(field)
    if parts.get("secret") and "default" in parts:
        field.report("a secret has no default: whoever reads the catalog would know it", "default", key=True)
    kind = TYPES[parts.get("type", "string")]
    if "default" in parts and not kind.fits(parts["default"]):
        expected = f"{kind.what} (quoted)" if kind.is_text else kind.what
        field.report(f"the default must be {expected}, not {described(parts['default'])}", "default")
    return parts


ACTION: Mapping[str, Reader[Any]] = {
    "playbook": told("Relative to the component's folder.", _playbook),
    "tags": told("Ansible's --tags.", one_or_each(_tag)),
    "skip_tags": told("Ansible's --skip-tags.", one_or_each(_tag)),
    "vars": told("More variables for the playbook.", named(VARIABLE_NAME, anything)),
    "batch": told("How many hosts at a time, as Ansible's serial: 1, 30%, or a list of them.", _batches),
    "timeout": told("The step is stopped after this time: 90s, 30m or 1h30m.", _duration),
    "soft_timeout": told("Like timeout, but there is only a warning.", _duration),
    "from": told("Versions that it can start from, or a map of them by the version that it leads to.", _origins),
    "approve": told(
        "Wait for an approval after the first batch, or after each.", one_of(("first_batch", "every_batch"))
    ),
    "destructive": told("Needs --allow-destructive.", boolean),
    "facts": told(
        "fresh: gather facts for this step; all: first gather the facts of every host of the inventory; cached: share"
        " the facts with other steps.",
        one_of(("fresh", "cached", "all")),
    ),
}

_full_action = record(ACTION)


@takes({"anyOf": [_playbook.schema, _full_action.schema]})
def _action(field: Field) -> dict[str, Any]:
    if isinstance(field.value, str):
        return {"playbook": _playbook(field)}
    parts = _full_action(field)
    if parts.get("soft_timeout", 0.0) >= parts.get("timeout", float("inf")):
        field.report("soft_timeout must be shorter than timeout", "soft_timeout")
    return parts


def _action_name_problem(name: str) -> str | None:
    return None if name in _ACTIONS else f"unknown action {name!r}; {suggestion(name, _ACTIONS)}"


_ACTION_NAMES = NameRule(_action_name_problem, {"enum": list(_ACTIONS)})

MANIFEST: Mapping[str, Reader[Any]] = {
    "name": told("The name in requests; the file's name contains it too.", _component_name),
    "title": told("For people.", text),
    "versions": told("What it can install, oldest first; the last is the default.", _versions),
    "hosts": told("Group or pattern; by default the hosts that its plays name.", text_of(HOST_PATTERN)),
    "requires": told("Components that must be installed first: NAME, or {name, version}.", each(_requirement)),
    "exclusive": told("Whether no other component may run on its hosts at the same time; true by default.", boolean),
    "parameters": told("Values that can be set, by Ansible variable.", named(PARAMETER_NAME, _parameter)),
    "actions": told("By action: its playbook, or {playbook, …}.", named(_ACTION_NAMES, _action)),
}


def manifest_schema() -> dict[str, Any]:
    """
    Return the JSON Schema (draft 7) of manifests, for editors.

    It accepts every manifest that `load_catalog` accepts. `load_catalog` also finds missing playbooks and cycles.
    """
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Manifest of an installkit component"}
    return {**head, **record(MANIFEST).schema}
