"""Playbooks: which files are playbooks, and what the names of numbered ones mean."""

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
        number: The number that its name begins with; None for a name without one.
        component: The component in its name; None for a name without a number.
        action: The action in its name.
        plays: Whether it is a list of plays; True if it cannot be read, since Ansible will report that.
        imports: The playbooks that it imports, as written.
        prompts: The variables that its own plays ask for (`vars_prompt`).
        gathers: Whether one of its own plays gathers facts; None if that depends on Ansible's setting.
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
        """The component's name if several have the same short name: the file's name without suffix and action."""
        ending = f".{self.action.value}"
        return self.path.stem.removesuffix(ending) if self.component else self.path.stem


def read_playbook(path: Path, contents: Contents) -> Playbook:
    """Return the playbook *path* with what its name and its content say."""
    number, component, action = None, None, Action.INSTALL
    if match := _NUMBERED.fullmatch(path.stem):
        number, component = int(match["number"]), match["name"]
        name, _, ending = component.rpartition(".")
        if name and ending in _ACTIONS:
            component, action = name, Action(ending)
    playbook = Playbook(path, number=number, component=component, action=action)
    try:
        root = compose(contents.read(path))
    except YamlError as exc:
        return attrs.evolve(playbook, problem=exc.issue(contents.shown_name(path)))
    plays = list(root.value) if isinstance(root, yaml.SequenceNode) else []
    pairs = [(key, value) for play in plays for key, value in _pairs(play)]
    keys = {key.value for key, _ in pairs if _scalar(key)}
    prompts = [
        entry
        for key, value in pairs
        if key.value == "vars_prompt" and isinstance(value, yaml.SequenceNode)
        for entry in value.value
    ]
    gather_facts = [
        next((value for key, value in _pairs(play) if key.value == "gather_facts"), None)
        for play in plays
        if any(key.value == "hosts" for key, _ in _pairs(play))
    ]
    return attrs.evolve(
        playbook,
        plays=all(isinstance(play, yaml.MappingNode) for play in plays) and not _PLAY_KEYS.isdisjoint(keys),
        imports=tuple(value.value for key, value in pairs if _scalar(key) and _scalar(value) and key.value in _IMPORTS),
        prompts=tuple(
            value.value for entry in prompts for key, value in _pairs(entry) if _scalar(value) and key.value == "name"
        ),
        gathers=any_gathers(  # a template may mean yes, so it counts as yes
            None if setting is None else str(setting.value).lower() not in _NO for setting in gather_facts
        ),
    )


def any_gathers(plays: Iterable[bool | None]) -> bool | None:
    """Return whether one of *plays* gathers facts; None if that depends on Ansible's setting."""
    answers = set(plays)
    return True if True in answers else None if None in answers else False


def number_of(playbook: str) -> int | None:
    """Return the number that the file name of *playbook* begins with; None if it has none."""
    match = _NUMBERED.fullmatch(Path(playbook).stem)
    return int(match["number"]) if match else None


def yaml_files(folder: Path) -> list[Path]:
    """Return the YAML files in *folder* itself, in alphabetical order; hidden ones are skipped."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and (path.is_symlink() or path.is_file())
    )


def _pairs(node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _scalar(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode)


@attrs.frozen
class Library:
    """The playbooks of a catalog's folder, each read once."""

    contents: Contents
    _playbooks: dict[Path, Playbook] = attrs.field(factory=dict, init=False, repr=False)
    _folders: dict[Path, list[Playbook]] = attrs.field(factory=dict, init=False, repr=False)

    def playbook(self, path: Path) -> Playbook:
        """Return the file *path* as a playbook."""
        if path not in self._playbooks:
            self._playbooks[path] = read_playbook(path, self.contents)
        return self._playbooks[path]

    def playbooks_in(self, folder: Path) -> list[Playbook]:
        """Return the playbooks in *folder* itself, in alphabetical order; unreadable ones only if they are numbered."""
        if folder not in self._folders:
            files = [path for path in yaml_files(folder) if manifest_name(path) is None]
            playbooks = [self.playbook(path) for path in files if path.is_file() and self.contents.holds(path)]
            self._folders[folder] = [playbook for playbook in playbooks if playbook.usable]
        return self._folders[folder]

    def imported(self, playbooks: Iterable[Path]) -> tuple[set[Path], list[str]]:
        """Return all playbooks that *playbooks* import, directly or not, and a warning for each missing one."""
        imported: set[Path] = set()
        warnings: list[str] = []
        waiting = list(playbooks)
        while waiting:
            importer = waiting.pop()
            for name in self.playbook(importer).imports:
                path = Path(os.path.normpath(importer.parent / name))
                if not (path.is_file() and self.contents.holds(path)):
                    where = self.contents.shown_name(importer)
                    warnings.append(f"{where}: the import of {name!r} cannot be followed; edits of it go unnoticed")
                elif path not in imported:
                    imported.add(path)
                    waiting.append(path)
        return imported, warnings


def manifest_name(path: Path) -> str | None:
    """Return the component's name that *path* stands for; None if it is not a manifest's name.

    It is `mysql` for `mysql.component.yml`, and the folder's name for `component.yml`.
    """
    if path.stem == "component":
        return path.parent.name
    return path.stem.removesuffix(".component") if path.stem.endswith(".component") else None
