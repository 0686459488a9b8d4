"""The files that an inventory is read from."""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs

from installkit.errors import DefinitionError, Issue

_VARS_FOLDERS = ("group_vars", "host_vars")
_NEVER_SOURCES = frozenset({*_VARS_FOLDERS, "vars_plugins"})
"""Folders in a directory source that Ansible does not take for sources."""

_PLUGIN_KEY = re.compile(rb"(?:^|[{,])[ \t]*[\"']?plugin[\"']?[ \t]*:", re.MULTILINE)


@attrs.frozen
class Sources:
    """
    The sources of an inventory.

    Attributes:
        paths: Absolute, in the order given to Ansible.
        files: Digest (sha256, hex) by absolute path, of every file of theirs and of the vars folders beside them.
        own: The files among them that hosts are read from.
        static: Whether none of these is a program or the configuration of a plugin.
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
    Return *path* as Ansible takes it: absolute and without `..`, with the links in it.

    Not resolved: `group_vars` lie beside the link that was given, not beside the file that it leads to.
    """
    return Path(os.path.abspath(path))  # noqa: PTH100 - pathlib either keeps `..` or follows links


def same_inventory(one: Path, other: Path) -> bool:
    """
    Return whether Ansible reads the same hosts and variables at two paths, however each is written.

    Links, `..`, mounts and hard links lead to one file or folder. Two names of one file are two inventories all the same
    where Ansible reads more than the file: `group_vars` or `host_vars` beside one name and not the other, or a program,
    which may answer by the name that it is called by.
    """
    first, second = absolute_source(one), absolute_source(other)
    if first == second or not same_file(first, second):
        return first == second
    if first.is_dir():
        return True
    beside = same_file(first.parent, second.parent)
    if os.access(first, os.X_OK):
        return beside and first.name == second.name
    return beside or all(_same_or_missing(first.parent / name, second.parent / name) for name in _VARS_FOLDERS)


def same_file(one: Path, other: Path) -> bool:
    """Return whether two paths lead to one file or folder; of what is not there, whether they would."""
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def _same_or_missing(one: Path, other: Path) -> bool:
    return same_file(one, other) or not (one.exists() or other.exists())


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
        every = list(dict.fromkeys(file for path in absolute for file in (*_files(path), *_vars_files(path))))
        files = {str(file): _digest(file) for file in every}
        own = [file for file in every if _holds_hosts(file, absolute)]
        static = not any(_is_dynamic(file) for file in own)
    except OSError as exc:
        raise DefinitionError([Issue(str(exc.filename), f"cannot be read: {exc.strerror}")]) from exc
    return Sources(absolute, files, tuple(str(file) for file in own), static)


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


def _vars_files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        for name in _VARS_FOLDERS:
            if (folder := path.parent / name).is_dir():
                yield from _files(folder)


def _holds_hosts(file: Path, sources: Sequence[Path]) -> bool:
    inside = [file.relative_to(source).parts for source in sources if file.is_relative_to(source)]
    return any(_NEVER_SOURCES.isdisjoint(parts) for parts in inside)


def names_plugin(file: Path) -> bool:
    """Return whether *file* is the configuration of an inventory plugin."""
    return bool(_PLUGIN_KEY.search(file.read_bytes()))


def _is_dynamic(file: Path) -> bool:
    return os.access(file, os.X_OK) or file.read_bytes().startswith(b"#!") or names_plugin(file)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
