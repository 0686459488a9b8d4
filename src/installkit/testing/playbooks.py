"""The plays of a playbook as they are written: enough to show them being carried out, without carrying anything out."""

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

from installkit.errors import DefinitionError, Issue

IMPORTS = ("import_playbook", "ansible.builtin.import_playbook")
_LINE = "__line__"
_KEYWORDS = frozenset(
    [
        "action",
        "always",
        "any_errors_fatal",
        "args",
        "async",
        "become",
        "become_exe",
        "become_flags",
        "become_method",
        "become_user",
        "block",
        "changed_when",
        "check_mode",
        "collections",
        "connection",
        "debugger",
        "delay",
        "delegate_facts",
        "delegate_to",
        "diff",
        "environment",
        "failed_when",
        "ignore_errors",
        "ignore_unreachable",
        "local_action",
        "loop",
        "loop_control",
        "module_defaults",
        "name",
        "no_log",
        "notify",
        "poll",
        "port",
        "register",
        "remote_user",
        "rescue",
        "retries",
        "run_once",
        "tags",
        "throttle",
        "timeout",
        "until",
        "vars",
        "when",
        "listen",
    ]
)
"""The keys of a task that are not its module."""


@attrs.frozen
class Task:
    """
    A task as it is written.

    Attributes:
        name: The module's, if it has none of its own.
        place: `FILE:LINE`; of a task that Ansible adds, the play's.
        role: The role that it is of, if any.
    """

    name: str
    module: str
    place: str
    role: str | None = None


@attrs.frozen
class WrittenPlay:
    """
    A play as it is written.

    Attributes:
        name: Empty if it has none.
        pattern: Its `hosts`, those of a list with commas between them.
        place: `FILE:LINE`.
        gathers: Whether it gathers facts, unless it says `gather_facts: false`.
        tasks: Those in the playbook and in its roles, also in blocks, but not those that they include, and no handlers.
    """

    name: str
    pattern: str
    place: str
    gathers: bool
    tasks: tuple[Task, ...]


class _Loader(yaml.SafeLoader):
    """Adds the line of each mapping; what only Ansible can read (`!vault`) is None."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    return {**loader.construct_mapping(node, deep=True), _LINE: node.start_mark.line + 1}


def _unknown(_loader: _Loader, _suffix: str, _node: yaml.Node) -> None:
    return None


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_multi_constructor("!", _unknown)


def read_plays(playbook: Path) -> tuple[WrittenPlay, ...]:
    """
    Return the plays of *playbook*, and of those that it imports.

    Raises:
        DefinitionError: If it is not YAML, not a list of plays, or imports what is not there.
    """
    return tuple(_plays(playbook))


def _plays(playbook: Path) -> Iterator[WrittenPlay]:
    for play in _entries(playbook):
        imported = next((play[word] for word in IMPORTS if word in play), None)
        if imported is not None:
            yield from _plays(playbook.parent / str(imported))
        elif "hosts" in play:
            hosts = play["hosts"]
            sections = [_tasks(play.get(section), playbook) for section in ("pre_tasks", "tasks", "post_tasks")]
            sections.insert(1, _role_tasks(play.get("roles"), playbook))
            yield WrittenPlay(
                name=" ".join(str(play.get("name") or "").split()),
                pattern=",".join(map(str, hosts)) if isinstance(hosts, list) else str(hosts),
                place=f"{playbook}:{play[_LINE]}",
                gathers=play.get("gather_facts") is not False,
                tasks=tuple(task for section in sections for task in section),
            )
        else:
            raise DefinitionError([Issue(str(playbook), "a play has no hosts", play[_LINE])])


def _entries(path: Path) -> list[Mapping[str, Any]]:
    try:
        document = _parsed(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as exc:
        line = None if exc.problem_mark is None else exc.problem_mark.line + 1
        raise DefinitionError([Issue(str(path), exc.problem or str(exc), line)]) from exc
    except (OSError, ValueError, yaml.YAMLError) as exc:
        raise DefinitionError([Issue(str(path), f"cannot be read: {exc}")]) from exc
    entries = document or []
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DefinitionError([Issue(str(path), "is not a list of plays or tasks")])
    return entries


@functools.lru_cache(maxsize=256)  # a plan and its start read each playbook several times
def _parsed(text: str) -> Any:
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader


def _tasks(entries: Any, path: Path, role: str | None = None) -> Iterator[Task]:
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict):
            continue
        if "block" in entry:
            yield from _tasks(entry["block"], path, role)
            continue
        keys = (key for key in entry if isinstance(key, str) and key != _LINE)
        module = next((key for key in keys if key not in _KEYWORDS and not key.startswith("with_")), "")
        if module.rpartition(".")[2] != "meta":  # which has no result
            yield Task(str(entry.get("name") or module), module, f"{path}:{entry[_LINE]}", role)


def _role_tasks(roles: Any, playbook: Path) -> Iterator[Task]:
    for entry in roles if isinstance(roles, list) else ():
        name = str(entry.get("role") or entry.get("name")) if isinstance(entry, dict) else str(entry)
        places = [parent / "roles" / name / "tasks" for parent in playbook.parents[:2]]
        files = (place / f"main.{suffix}" for place in places for suffix in ("yml", "yaml"))
        if path := next((file for file in files if file.is_file()), None):
            yield from _tasks(_entries(path), path, name)
