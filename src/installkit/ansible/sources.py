"""The files of an inventory."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from installkit.errors import DefinitionError, Issue

_VARS_FOLDERS = ("group_vars", "host_vars")
_NEVER_SOURCES = frozenset({*_VARS_FOLDERS, "vars_plugins"})
"""Folders in a directory source that Ansible does not read as sources."""

_PLUGIN_KEY = re.compile(rb"(?:^|[{,])[ \t]*[\"']?plugin[\"']?[ \t]*:", re.MULTILINE)


@attrs.frozen
class Sources:
    """
    The sources of an inventory.

    Attributes:
        paths: Absolute, in the order given to Ansible.
        files: Digest (sha256, hex) by absolute path, of all their files, also of the vars folders beside them.
        own: The files among these from which Ansible reads hosts.
        static: Whether none of *own* is a program or the configuration of a plugin.
    """

    paths: tuple[Path, ...]
    files: dict[str, str] = attrs.field(repr=False)
    own: tuple[str, ...]
    static: bool

    @property
    def options(self) -> list[str]:
        """The sources as options of Ansible's programs."""
        return [option for path in self.paths for option in ("-i", str(path))]


def absolute_source(path: str | Path) -> Path:
    """
    Return *path* as Ansible uses it: absolute and without `..`.

    Links are not resolved: `group_vars` are beside the given link, not beside the file that it leads to.
    """
    return Path(os.path.abspath(path))  # noqa: PTH100 - pathlib either keeps `..` or follows links


def same_inventory(one: Path, other: Path) -> bool:
    """
    Return whether Ansible reads the same hosts and variables at two paths, in whatever way they are written.

    Links, `..`, mounts and hard links may lead to one file or folder. But two names of one file are two inventories if
    Ansible reads more than the file: `group_vars` or `host_vars` beside only one of the names, or a program, whose answer
    may depend on the name by which it is called.
    """
    first, second = absolute_source(one), absolute_source(other)
    if first == second or not same_file(first, second):
        return first == second
    if first.is_dir():
        return True
    beside = same_file(first.parent, second.parent)
    if os.access(first, os.X_OK):
        return beside and first.name == second.name
    pairs = [(first.parent / name, second.parent / name) for name in _VARS_FOLDERS]
    return beside or all(same_file(*pair) or not any(path.exists() for path in pair) for pair in pairs)


def same_file(one: Path, other: Path) -> bool:
    """Return whether two paths lead to one file or folder, or would if it existed."""
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def find_sources(paths: Iterable[Path]) -> Sources:
    """
    Return the sources *paths*, with the digests of their files.

    Raises:
        DefinitionError: If some do not exist or cannot be read.
        ValueError: If there are none.
    """
    absolute = tuple(absolute_source(path) for path in paths)
    if not absolute:
        raise ValueError("an inventory has at least one source")
    check_present(absolute)
    try:
        places: list[Path] = []
        for path in absolute:
            beside = () if path.is_dir() else (path.parent / name for name in _VARS_FOLDERS)
            places += [path, *(folder for folder in beside if folder.is_dir())]
        every = list(dict.fromkeys(file for place in places for file in _files(place)))
        digests = {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in every}
        parts = [
            (file, file.relative_to(path).parts) for path in absolute for file in every if file.is_relative_to(path)
        ]
        with_hosts = {file for file, names in parts if _NEVER_SOURCES.isdisjoint(names)}
        own = [file for file in every if file in with_hosts]
        static = not any(
            os.access(file, os.X_OK) or file.read_bytes().startswith(b"#!") or names_plugin(file) for file in own
        )
    except OSError as exc:
        raise DefinitionError([Issue(str(exc.filename), f"cannot be read: {exc.strerror}")]) from exc
    return Sources(absolute, digests, tuple(str(file) for file in own), static)


def check_present(paths: Iterable[Path]) -> None:
    """Raise a `DefinitionError` if some of *paths*, the sources of an inventory, do not exist."""
    missing = [Issue(str(path), "the inventory source does not exist") for path in paths if not path.exists()]
    if missing:
        raise DefinitionError(missing, remedy="give the path of an inventory file or folder; a list of hosts is none")


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    entered: set[str] = set()
    for parent, folders, files in os.walk(path, followlinks=True):
        real = os.path.realpath(parent)
        folders[:] = [] if real in entered else sorted(name for name in folders if not name.startswith("."))
        entered.add(real)
        visible = (Path(parent, name) for name in sorted(files) if not name.startswith("."))
        yield from (file for file in visible if file.is_file())


def names_plugin(file: Path) -> bool:
    """Return whether *file* is the configuration of an inventory plugin."""
    return bool(_PLUGIN_KEY.search(file.read_bytes()))
