"""The files of a catalog's folder, each read once."""

import functools
import hashlib
import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

import attrs

from installkit.ansible.configuration import written_paths
from installkit.errors import DefinitionError, Issue

MOST_FILES = 20_000
"""More is not a folder of playbooks, but somebody's whole disk."""

_SKIPPED_FOLDERS = frozenset(
    [
        *("__pycache__", ".git", ".hg", ".svn", ".ansible", ".cache", ".molecule", ".mypy_cache", ".nox"),
        *(".pytest_cache", ".ruff_cache", ".tox", ".vagrant", ".venv"),
    ]
)
"""What tools leave beside playbooks; no playbook reads it."""
_SKIPPED_SUFFIXES = (".retry", ".pyc", ".swp", ".ansible_lockfile", "~")
_PASSWORD_FILE = re.compile(
    r"""(?:(?:lookup|query|q)\(\s*|with_)["']?(?:ansible\.builtin\.)?password["']?\s*[,:]\s*["']([^"'\n]+)["']?\s*([~+])?"""
)
_TEXTS = frozenset({".yml", ".yaml", ".j2", ".json"})
_TEMPLATE = re.compile(r"\{\{.*?\}\}")
_LONGEST_PASSWORD = 1000
"""Bytes of a file that lookup('password', …) writes: one line."""
_REMEMBERED_FROM = 1_048_576
"""Bytes from which a digest is remembered by size and times: packages that lie beside the playbooks are large."""


@attrs.frozen
class Contents:
    """
    The files below a folder.

    Attributes:
        folder: Absolute.
        shown: The folder as the reader knows it.
    """

    folder: Path
    shown: Path
    _digests: dict[Path, str] = attrs.field(factory=dict, init=False, repr=False)

    def name(self, path: Path) -> str:
        """Return *path* relative to the folder."""
        return path.relative_to(self.folder).as_posix()

    def shown_name(self, path: Path) -> str:
        """Return *path* as the reader knows it."""
        return str(self.shown / path.relative_to(self.folder))

    def holds(self, path: Path) -> bool:
        """Return whether *path*, once its symlinks are followed, lies below the folder."""
        return path.resolve().is_relative_to(self.folder.resolve())

    def read(self, path: Path) -> bytes:
        """Return the bytes of *path*."""
        data = path.read_bytes()
        self._digests[path] = hashlib.sha256(data).hexdigest()
        return data

    def bytes_of(self, name: str) -> bytes:
        """Return the bytes of the file *name*, relative to the folder."""
        return (self.folder / name).read_bytes()

    def digest(self, path: Path) -> str:
        """Return the sha256 of *path*, in hex."""
        if path not in self._digests:
            self._digests[path] = _digest(path)
        return self._digests[path]

    def below(self, folder: Path, without: Collection[Path] = ()) -> list[Path]:
        """
        Return every regular file below *folder*, symlinks followed, but for what is in *without*.

        Raises:
            DefinitionError: If there are more than `MOST_FILES`.
        """
        entered: set[str] = set()
        found: list[Path] = []
        for parent, folders, files in os.walk(folder, followlinks=True):
            real = os.path.realpath(parent)
            wanted = [] if real in entered else sorted(folders)
            entered.add(real)
            folders[:] = [name for name in wanted if name not in _SKIPPED_FOLDERS and Path(parent, name) not in without]
            paths = (Path(parent, name) for name in sorted(files) if not name.endswith(_SKIPPED_SUFFIXES))
            found += (path for path in paths if path not in without and path.is_file())
            if len(found) > MOST_FILES:
                message = f"more than {MOST_FILES} files lie below it, by {parent}: is it the folder of playbooks?"
                raise DefinitionError([Issue(str(folder), message)])
        return self._inputs(folder, found, without)

    def _inputs(self, folder: Path, files: list[Path], others: Iterable[Path]) -> list[Path]:
        """Return those of *files* that no run writes: not Ansible's log, its caches, and generated passwords."""
        written = written_paths(folder, os.environ)
        logs = tuple(f"{path}{sign}" for path in written for sign in ".-")  # what is rotated
        passwords = _password_files([*files, *(path for path in others if path.is_file())])
        return [
            path
            for path in files
            if written.isdisjoint([path, *path.parents])
            and not str(path).startswith(logs)
            and not _is_generated(path, passwords)
        ]


def _password_files(files: Iterable[Path]) -> re.Pattern[str] | None:
    """Return what finds the ends of the paths that `lookup('password', …)` in some of *files* writes; None if none does."""
    texts = (path.read_bytes() for path in files if path.suffix in _TEXTS and path.stat().st_size < _REMEMBERED_FROM)
    found = {
        match.groups()
        for text in texts
        if b"password" in text
        for match in _PASSWORD_FILE.finditer(text.decode(errors="replace"))
    }
    patterns = sorted({_path_pattern(term, open_ended=sign is not None) for term, sign in found} - {""})
    return re.compile(f"/(?:{'|'.join(patterns)})$") if patterns else None


def _path_pattern(term: str, *, open_ended: bool) -> str:
    """Return the pattern of the paths that *term*, an argument of the lookup, means: what is templated may be any text."""
    words = _TEMPLATE.sub("\0", term).split()
    path = re.sub(r"^(?:\.{0,2}/)+", "", words[0]) if words else ""
    return "[^/]*".join(map(re.escape, path.split("\0"))) + ("[^/]*" if open_ended else "")


def _is_generated(path: Path, passwords: re.Pattern[str] | None) -> bool:
    if passwords is None or not passwords.search(str(path)) or path.stat().st_size > _LONGEST_PASSWORD:
        return False
    return path.read_bytes().count(b"\n") <= 1


def _digest(path: Path) -> str:
    status = path.stat()
    if status.st_size < _REMEMBERED_FROM:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return _large_digest(path, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))


@functools.lru_cache(maxsize=4096)
def _large_digest(path: Path, identity: tuple[int, ...]) -> str:  # noqa: ARG001 - the file's identity is half of the key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
