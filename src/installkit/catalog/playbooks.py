"""Playbooks: which files are some, and what a numbered one's name says."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import attrs
import yaml

from installkit.catalog.contents import Contents
from installkit.catalog.document import YamlError, compose
from installkit.errors import Issue
from installkit.model import Action

_NUMBERED = re.compile(r"(?P<number>[0-9]{1,9})[._-](?P<name>.+)")
_ACTIONS = frozenset(action.value for action in Action)
_SUFFIXES = frozenset({".yml", ".yaml"})
_IMPORTS = frozenset({"import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook"})
_NO = frozenset({"false", "no", "off", "n", "f", "0"})
_PLAY_KEYS = _IMPORTS | {"hosts"}


@attrs.frozen
class Playbook:
    """
    A YAML file that is a playbook, or may be one.

    Attributes:
        path: Absolute.
        number: What its name begins with; None for a name without.
        component: The component that its name says; None for a name without a number.
        action: The action that its name says.
        plays: Whether it is a list of plays; taken for granted where it cannot be read, since Ansible will say more.
        imports: The playbooks that it imports, as written.
        prompts: The variables that its own plays ask for (`vars_prompt`).
        gathers: Whether one of its own plays gathers facts; None if one leaves that to Ansible's setting, and none says so.
        problem: Why it cannot be read; None if it can.
    """

    path: Path
    number: int | None
    component: str | None
    action: Action
    plays: bool = True
    imports: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    gathers: bool | None = None
    problem: Issue | None = None

    @property
    def usable(self) -> bool:
        """Whether it counts as a playbook: it has plays, or cannot be read but has the name of one."""
        return self.plays if self.problem is None else self.component is not None

    @property
    def stem(self) -> str:
        """The component's name where several have the short one: the file's name without suffix and action."""
        ending = f".{self.action.value}"
        return self.path.stem.removesuffix(ending) if self.component else self.path.stem


def read_playbook(path: Path, contents: Contents) -> Playbook:
    """Return what *path* is, by its name and its content."""
    found = _NUMBERED.fullmatch(path.stem)
    name, action = _name_and_action(found["name"]) if found else (None, Action.INSTALL)
    known = Playbook(path, number=int(found["number"]) if found else None, component=name, action=action)
    try:
        root = compose(contents.read(path))
    except YamlError as exc:
        return attrs.evolve(known, problem=exc.issue(contents.shown_name(path)))
    return attrs.evolve(
        known,
        plays=_is_playbook(root),
        imports=_imports(root),
        prompts=_prompts(root),
        gathers=any_gathers(map(_gathers, filter(_names_hosts, _plays(root)))),
    )


def any_gathers(plays: Iterable[bool | None]) -> bool | None:
    """Return whether one of *plays* gathers facts; None if that is left to Ansible's setting."""
    found = set(plays)
    return True if True in found else None if None in found else False


def number_of(playbook: str) -> int | None:
    """Return the number that the file name of *playbook* begins with; None if it has none."""
    found = _NUMBERED.fullmatch(Path(playbook).stem)
    return int(found["number"]) if found else None


def yaml_files(folder: Path) -> list[Path]:
    """Return the YAML files in *folder* itself, in alphabetical order; hidden ones are skipped."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and (path.is_symlink() or path.is_file())
    )


def _name_and_action(text: str) -> tuple[str, Action]:
    name, _, action = text.rpartition(".")
    return (name, Action(action)) if name and action in _ACTIONS else (text, Action.INSTALL)


def _plays(root: yaml.Node | None) -> list[yaml.Node]:
    return list(root.value) if isinstance(root, yaml.SequenceNode) else []


def _is_playbook(root: yaml.Node | None) -> bool:
    plays = _plays(root)
    keys = {key.value for play in plays if isinstance(play, yaml.MappingNode) for key, _ in play.value if _scalar(key)}
    return all(isinstance(play, yaml.MappingNode) for play in plays) and not _PLAY_KEYS.isdisjoint(keys)


def _imports(root: yaml.Node | None) -> tuple[str, ...]:
    pairs = [pair for play in _plays(root) for pair in _pairs(play)]
    return tuple(value.value for key, value in pairs if _scalar(key) and _scalar(value) and key.value in _IMPORTS)


def _prompts(root: yaml.Node | None) -> tuple[str, ...]:
    asked = [value for play in _plays(root) for key, value in _pairs(play) if key.value == "vars_prompt"]
    entries = [entry for value in asked if isinstance(value, yaml.SequenceNode) for entry in value.value]
    return tuple(
        value.value for entry in entries for key, value in _pairs(entry) if _scalar(value) and key.value == "name"
    )


def _names_hosts(play: yaml.Node) -> bool:
    return any(key.value == "hosts" for key, _ in _pairs(play))


def _gathers(play: yaml.Node) -> bool | None:
    """Return whether *play* gathers facts, as far as it says; a template may say yes."""
    said = next((value for key, value in _pairs(play) if key.value == "gather_facts"), None)
    return None if said is None else str(said.value).lower() not in _NO


def _pairs(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _scalar(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode)


@attrs.frozen
class Library:
    """The playbooks of a catalog's folder, each read once."""

    contents: Contents
    _known: dict[Path, Playbook] = attrs.field(factory=dict, init=False, repr=False)
    _folders: dict[Path, list[Playbook]] = attrs.field(factory=dict, init=False, repr=False)

    def playbook(self, path: Path) -> Playbook:
        """Return what *path* is."""
        if path not in self._known:
            self._known[path] = read_playbook(path, self.contents)
        return self._known[path]

    def playbooks_in(self, folder: Path) -> list[Playbook]:
        """Return the playbooks in *folder* itself, in alphabetical order; unreadable ones only if they are numbered."""
        if folder not in self._folders:
            files = [path for path in yaml_files(folder) if manifest_name(path) is None]
            found = [self.playbook(path) for path in files if path.is_file() and self.contents.holds(path)]
            self._folders[folder] = [playbook for playbook in found if playbook.usable]
        return self._folders[folder]

    def imported(self, playbooks: Iterable[Path]) -> tuple[set[Path], list[str]]:
        """Return every playbook that *playbooks* import, through others too, and a warning for each lost sight of."""
        found: set[Path] = set()
        warnings: list[str] = []
        waiting = list(playbooks)
        while waiting:
            importer = waiting.pop()
            for name in self.playbook(importer).imports:
                path = Path(os.path.normpath(importer.parent / name))
                if not (path.is_file() and self.contents.holds(path)):
                    where = self.contents.shown_name(importer)
                    warnings.append(f"{where}: the import of {name!r} cannot be followed; edits of it go unnoticed")
                elif path not in found:
                    found.add(path)
                    waiting.append(path)
        return found, warnings


def manifest_name(path: Path) -> str | None:
    """Return the name that a manifest's file says: `mysql` of `mysql.component.yml`, its folder's; None for others."""
    if path.stem == "component":
        return path.parent.name
    return path.stem.removesuffix(".component") if path.stem.endswith(".component") else None
