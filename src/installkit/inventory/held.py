"""An inventory that installkit itself keeps: a document in Ansible's YAML, edited host by host."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import NoneType
from typing import Any

import attrs
import yaml

from installkit.errors import DefinitionError, Issue
from installkit.model import Host

TAGS = ("!vault", "!unsafe")
"""Ansible's own tags; texts with them are kept as they are."""

EVERYWHERE = ("all", "ungrouped")
"""The groups that Ansible puts hosts in by itself."""

_REMEDY = "give groups as in `all: {hosts: {db1: {ansible_host: 10.0.0.1}}, children: {db: {hosts: {db1: null}}}}`"


@attrs.frozen
class HeldInventory:
    """
    The groups of an inventory.

    Attributes:
        document: The `hosts`, `vars` and `children` of each group, by its name.
    """

    document: Mapping[str, Any]

    @classmethod
    def parse(cls, inventory: str | Mapping[str, Any]) -> "HeldInventory":
        """
        Return *inventory*, as text in YAML or as the object that such a text describes.

        Raises:
            DefinitionError: If it is not YAML, names a key twice, or is not a tree of groups.
        """
        if isinstance(inventory, (Path, bytes)):
            raise DefinitionError(
                [Issue("inventory", f"is text or an object of groups, not a {type(inventory).__name__}")],
                remedy="give what is in the file (Path.read_text()), or make a site of the file where it lies"
                " (Installer.site)",
            )
        try:
            text = inventory if isinstance(inventory, str) else json.dumps(dict(inventory), ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as exc:
            raise _wrong(f"is not an object of groups with values as in JSON: {exc}") from exc
        try:
            if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
                raise _wrong("aliases (`*name`) are not taken: write each value out")
            document = yaml.load(text, _Loader)  # noqa: S506 - a safe loader that also knows Ansible's tags
        except yaml.MarkedYAMLError as exc:
            mark = exc.problem_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
            raise DefinitionError([Issue("inventory", exc.problem or str(exc), line, column)]) from exc
        except RecursionError as exc:
            raise _wrong("values nest too deep") from exc
        except (yaml.YAMLError, ValueError) as exc:
            raise _wrong(f"is not YAML: {exc}") from exc
        if not isinstance(document, dict) or not document:
            raise _wrong("an inventory is an object of groups")
        if "plugin" in document:
            raise _wrong("the configuration of an inventory plugin is not taken: name hosts")
        problems = [problem for name, group in document.items() for problem in _group_problems(name, group)]
        if problems:
            raise DefinitionError([Issue("inventory", problem) for problem in problems], remedy=_REMEDY)
        return cls(document)

    @property
    def text(self) -> str:
        """The inventory in YAML."""
        return yaml.dump(dict(self.document), Dumper=_Dumper, sort_keys=False, allow_unicode=True)

    def hosts(self) -> tuple[Host, ...]:
        """Return the hosts, in the order of their first mention, with the groups that name them."""
        groups: dict[str, set[str]] = {}
        variables: dict[str, dict[str, Any]] = {}
        for name, group in _groups(self.document):
            for host, values in (group.get("hosts") or {}).items():
                groups.setdefault(host, set()).add(name)
                variables.setdefault(host, {}).update(values or {})
        return tuple(
            Host(name=host, groups=tuple(sorted(names.difference(EVERYWHERE))), vars=_readable(variables[host]))
            for host, names in groups.items()
        )

    def with_host(self, name: str, groups: Sequence[str], variables: Mapping[str, Any]) -> "HeldInventory":
        """
        Return the inventory in which the host *name*, a new or an existing one, is in *groups* and has *variables*.

        Raises:
            DefinitionError: If a group is one that Ansible fills by itself.
        """
        if own := [group for group in groups if group in EVERYWHERE]:
            issues = [Issue("inventory", f"group {group!r}: Ansible itself puts hosts there") for group in own]
            raise DefinitionError(issues, remedy="leave it out")
        # texts with one of Ansible's tags, which JSON has no word for: they stay unless their text changed
        present = [(group.get("hosts") or {}).get(name) or {} for _, group in _groups(self.document)]
        tagged = {key: value for part in present for key, value in part.items() if isinstance(value, _Tagged)}
        kept = {key: value for key, value in tagged.items() if variables.get(key) == str(value)}
        document = _without(self.document, name, keep=frozenset(groups))
        top = document.setdefault("all", {}) or {}
        document["all"] = top
        top["hosts"] = {**(top.get("hosts") or {}), name: {**variables, **kept} or None}
        present_groups = dict(_groups(document))
        for group in groups:
            if group not in present_groups:
                top["children"] = {**(top.get("children") or {}), group: {"hosts": {name: None}}}
            elif group != "all":
                members = present_groups[group]
                members["hosts"] = {**(members.get("hosts") or {}), name: None}
        return HeldInventory(document)

    def without_host(self, name: str) -> "HeldInventory":
        """Return the inventory without the host *name*."""
        return HeldInventory(_without(self.document, name))


@attrs.frozen
class _Tagged:
    """A text with one of Ansible's tags."""

    tag: str
    text: str

    def __str__(self) -> str:
        return self.text


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - yaml's
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                mark = node.value[position][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", mark)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - yaml's
        return True


def _construct(loader: _Loader, node: yaml.ScalarNode) -> _Tagged:
    return _Tagged(node.tag, str(loader.construct_scalar(node)))


def _represent(dumper: _Dumper, value: _Tagged) -> yaml.Node:
    return dumper.represent_scalar(value.tag, value.text, style="|" if "\n" in value.text else None)


for _tag in TAGS:
    _Loader.add_constructor(_tag, _construct)
_Dumper.add_representer(_Tagged, _represent)


def held_path(folder: Path, site: str) -> Path:
    """Return the path of the file below *folder* with the inventory of *site* for Ansible."""
    return folder / site / "hosts.yml"


def write_held(path: Path, text: str) -> None:
    """Write *text* to *path*, with the access of the folders above, unless it is there already; never only a part."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    folder = path.parent
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o2770 if _is_shared(folder.parent) else 0o700)  # whatever the umask
    temporary = path.with_name(f".{path.name}.part")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    if _is_shared(folder):
        temporary.chmod(0o660)
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _is_shared(folder: Path) -> bool:
    return bool(folder.stat().st_mode & 0o020)


def _wrong(message: str) -> DefinitionError:
    return DefinitionError([Issue("inventory", message)], remedy=_REMEDY)


def _group_problems(name: Any, group: Any) -> Iterator[str]:
    if not isinstance(name, str):
        yield f"a group's name is text, not {name!r}"
        return
    if group is not None and not isinstance(group, dict):
        yield f"group {name}: an object is wanted, not {group!r}"
        return
    for key, value in (group or {}).items():
        if key not in {"hosts", "vars", "children"}:
            yield f"group {name}: {key!r} is none of hosts, vars, children"
        elif value is not None and not isinstance(value, dict):
            yield f"group {name}: {key} is an object, not {value!r}"
        elif key == "hosts":
            yield from _host_problems(name, value or {})
        elif key == "children":
            for child, subgroup in (value or {}).items():
                yield from _group_problems(child, subgroup)


def _host_problems(name: str, hosts: Mapping[Any, Any]) -> Iterator[str]:
    for host, variables in hosts.items():
        if not isinstance(host, str) or "[" in host:
            yield f"group {name}: write each host out, as text, not {host!r}"
        elif host in EVERYWHERE:
            yield f"host {host!r} has the name of a group that Ansible itself makes: choose another"
        if variables is not None and not isinstance(variables, dict):
            yield f"host {host}: its variables are an object, not {variables!r}"
        else:
            for variable, value in (variables or {}).items():
                yield from (f"host {host}: {variable} has {part!r}: write it as text" for part in _not_json(value))


def _not_json(value: Any) -> Iterator[Any]:
    """Yield the parts of *value* that JSON, in which answers are written, cannot express: a date, a set or `.nan`."""
    if isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _not_json(part)
    elif not (math.isfinite(value) if isinstance(value, float) else isinstance(value, (str, int, _Tagged, NoneType))):
        yield value


def _groups(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each group with its name, outer ones first."""
    for name, group in document.items():
        if group:
            yield name, group
            yield from _groups(group.get("children") or {})


def _without(document: Mapping[str, Any], host: str, keep: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return a copy of *document* in which only the groups *keep* name *host*, without variables."""
    groups: dict[str, Any] = {}
    for name, group in document.items():
        part = dict(group or {})
        if host in (part.get("hosts") or {}):
            rest = {other: variables for other, variables in part["hosts"].items() if other != host}
            part["hosts"] = {**rest, host: None} if name in keep else rest
        if part.get("children"):
            part["children"] = _without(part["children"], host, keep)
        groups[name] = part
    return groups


def _readable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _readable(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_readable(part) for part in value]
    return str(value) if isinstance(value, _Tagged) else value
