"""Static inventories, read without Ansible: YAML and INI, with ranges of hosts, but no variables."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from installkit.ansible.sources import Sources
from installkit.errors import DefinitionError, Issue

_RANGE = re.compile(r"(?P<before>.*?)\[(?P<first>\w+):(?P<last>\w+)(?::(?P<step>\d+))?\](?P<after>.*)")
_SECTION = re.compile(r"\[(?P<group>[^:\]]+)(?::(?P<kind>\w+))?\]")
_PORT = re.compile(r"(?P<host>[^:]+):\d+")
_YAML = frozenset({".yml", ".yaml", ".json"})


def read_groups(sources: Sources) -> Mapping[str, Mapping[str, Sequence[str]]]:
    """
    Return the hosts and children of each group in *sources*, as `ansible-inventory --list` has them.

    Raises:
        DefinitionError: If one is a program or a plugin's configuration, or cannot be read.
    """
    if not sources.static:
        raise DefinitionError(
            [
                Issue(str(path), "FakeAnsible runs neither programs nor plugins as inventories")
                for path in sources.paths
            ],
            remedy="give the test a YAML or INI file, or Installer.create_site its hosts",
        )
    tree = _Tree()
    for name in sources.own:
        path = Path(name)
        text = path.read_text(encoding="utf-8")
        if path.suffix in _YAML or (not path.suffix and _is_mapping(text)):
            tree.add_yaml(path, text)
        else:
            tree.add_ini(path, text)
    return tree.groups()


def _is_mapping(text: str) -> bool:
    try:
        return isinstance(yaml.load(text, _Loader), dict)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        return False


class _Loader(yaml.SafeLoader):
    """Takes what only Ansible can read (`!vault`) as None: variables do not matter."""


_Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)


def _mapping(value: Any, path: Path) -> Mapping[Any, Any]:
    if value is not None and not isinstance(value, dict):
        raise DefinitionError([Issue(str(path), f"{value!r} is not a mapping of groups, hosts or children")])
    return value or {}


class _Tree:
    """The groups of an inventory as they are read."""

    def __init__(self) -> None:
        self._hosts: dict[str, dict[str, None]] = {"all": {}, "ungrouped": {}}
        self._children: dict[str, dict[str, None]] = {"all": {}, "ungrouped": {}}

    def groups(self) -> dict[str, dict[str, list[str]]]:
        below = {child for name, children in self._children.items() if name != "all" for child in children}
        plain = {"all", "ungrouped"}
        top = [name for name in self._hosts if name not in below | plain]
        grouped = {host for name in self._hosts.keys() - plain for host in self._hosts[name]}
        # a host of `all` alone that is called as a group is lost to Ansible
        of_all = {host: None for host in self._hosts["all"] if host not in self._hosts}
        alone = [host for host in {**of_all, **self._hosts["ungrouped"]} if host not in grouped]
        groups = {
            name: {"hosts": list(self._hosts[name]), "children": list(self._children[name])}
            for name in self._hosts.keys() - plain
        }
        return {
            "all": {"hosts": [], "children": ["ungrouped", *top]},
            "ungrouped": {"hosts": alone, "children": []},
            **{name: groups[name] for name in self._hosts if name in groups},
        }

    def add_yaml(self, path: Path, text: str) -> None:
        try:
            document = yaml.load(text, _Loader)  # noqa: S506 - a safe loader
        except yaml.MarkedYAMLError as exc:
            line = None if exc.problem_mark is None else exc.problem_mark.line + 1
            raise DefinitionError([Issue(str(path), exc.problem or str(exc), line)]) from exc
        except (yaml.YAMLError, ValueError, RecursionError) as exc:
            raise DefinitionError([Issue(str(path), f"cannot be read: {exc}")]) from exc
        for name, group in _mapping(document, path).items():
            self._add_group(str(name), _mapping(group, path), path)

    def _add_group(self, name: str, group: Mapping[Any, Any], path: Path) -> None:
        self._make(name)
        for host in _mapping(group.get("hosts"), path):
            self._hosts[name].update(dict.fromkeys(_expanded(str(host))))
        for child, members in _mapping(group.get("children"), path).items():
            self._add_group(str(child), _mapping(members, path), path)
            self._children[name][str(child)] = None

    def add_ini(self, path: Path, text: str) -> None:
        group, kind = "ungrouped", "hosts"
        for number, line in enumerate(text.splitlines(), start=1):
            words = line.split("#")[0].split()
            if not words or words[0].startswith(";"):
                continue
            if words[0].startswith("["):
                section = _SECTION.fullmatch(" ".join(words))
                if section is None or section["kind"] not in {None, "children", "vars"}:
                    raise DefinitionError([Issue(str(path), f"{line.strip()!r} is not a section", number)])
                group, kind = section["group"], section["kind"] or "hosts"
                self._make(group)
            elif kind == "hosts":
                port = _PORT.fullmatch(words[0])
                self._hosts[group].update(dict.fromkeys(_expanded(port["host"] if port else words[0])))
            elif kind == "children":
                self._make(words[0])
                self._children[group][words[0]] = None

    def _make(self, name: str) -> None:
        self._hosts.setdefault(name, {})
        self._children.setdefault(name, {})


def _expanded(pattern: str) -> Iterator[str]:
    """Yield the hosts of *pattern*, as `db[01:03]`."""
    match = _RANGE.fullmatch(pattern)
    if match is None:
        yield pattern
        return
    first, last, step = match["first"], match["last"], int(match["step"] or 1)
    if first.isdigit() and last.isdigit():
        middles = [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1, step)]
    else:
        middles = [chr(number) for number in range(ord(first[0]), ord(last[0]) + 1, step)]
    for middle in middles:
        yield from _expanded(f"{match['before']}{middle}{match['after']}")
