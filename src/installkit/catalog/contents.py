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
"""A folder with more files is probably not a folder of playbooks, but a whole disk."""

_SKIPPED_FOLDERS = frozenset(
    [
        *("__pycache__", ".git", ".hg", ".svn", ".ansible", ".cache", ".molecule", ".mypy_cache", ".nox"),
        *(".pytest_cache", ".ruff_cache", ".tox", ".vagrant", ".venv"),
    ]
)
"""Folders that tools create beside playbooks; no playbook reads them."""
_SKIPPED_SUFFIXES = (".retry", ".pyc", ".swp", ".ansible_lockfile", "~")
_PASSWORD_FILE = re.compile(
    r"""(?:(?:lookup|query|q)\(\s*|with_)["']?(?:ansible\.builtin\.)?password["']?\s*[,:]\s*["']([^"'\n]+)["']?\s*([~+])?"""
)
_TEXTS = frozenset({".yml", ".yaml", ".j2", ".json"})
_TEMPLATE = re.compile(r"\{\{.*?\}\}")
_LONGEST_PASSWORD = 1000
"""The most bytes that a file written by lookup('password', …) has: it is one line."""
_REMEMBERED_FROM = 1_048_576
"""Digests of files with at least so many bytes are cached by size and times, as of packages beside the playbooks."""


@attrs.frozen
class Contents:
    """
    The files below a folder.

    Attributes:
        folder: Absolute.
        shown: The folder as the user wrote it.
    """

    folder: Path
    shown: Path
    _digests: dict[Path, str] = attrs.field(factory=dict, init=False, repr=False)

    def name(self, path: Path) -> str:
        """Return *path* relative to the folder."""
        return path.relative_to(self.folder).as_posix()

    def shown_name(self, path: Path) -> str:
        """Return *path* below the folder as the user wrote it."""
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
            status = path.stat()
            if status.st_size < _REMEMBERED_FROM:
                self._digests[path] = hashlib.sha256(path.read_bytes()).hexdigest()
            else:
                identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                self._digests[path] = _large_digest(path, identity)
        return self._digests[path]

    def below(self, folder: Path, without: Collection[Path] = ()) -> list[Path]:
        """
        Return the regular files below *folder*, symlinks followed, except those in *without* and those that runs write.

        Runs write Ansible's log, its caches, and generated passwords.

        Raises:
            DefinitionError: If there are more than `MOST_FILES`.
        """
        entered: set[str] = set()
        regular_files: list[Path] = []
        for parent, folders, files in os.walk(folder, followlinks=True):
            real = os.path.realpath(parent)
            subfolders = [] if real in entered else sorted(folders)
            entered.add(real)
            folders[:] = [
                name for name in subfolders if name not in _SKIPPED_FOLDERS and Path(parent, name) not in without
            ]
            paths = (Path(parent, name) for name in sorted(files) if not name.endswith(_SKIPPED_SUFFIXES))
            regular_files += (path for path in paths if path not in without and path.is_file())
            if len(regular_files) > MOST_FILES:
                message = f"more than {MOST_FILES} files lie below it, by {parent}: is it the folder of playbooks?"
                raise DefinitionError([Issue(str(folder), message)])
        written = written_paths(folder, os.environ)
        logs = tuple(f"{path}{sign}" for path in written for sign in ".-")  # rotated ones
        passwords = _password_files([*regular_files, *(path for path in without if path.is_file())])
        return [
            path
            for path in regular_files
            if written.isdisjoint([path, *path.parents])
            and not str(path).startswith(logs)
            and not _is_generated(path, passwords)
        ]


def _password_files(files: Iterable[Path]) -> re.Pattern[str] | None:
    """Return a pattern for the ends of the paths that `lookup('password', …)` in *files* writes; None without such."""
    texts = (path.read_bytes() for path in files if path.suffix in _TEXTS and path.stat().st_size < _REMEMBERED_FROM)
    terms = {
        match.groups()
        for text in texts
        if b"password" in text
        for match in _PASSWORD_FILE.finditer(text.decode(errors="replace"))
    }
    patterns = set()
    for term, sign in terms:  # a template in a term, and what is added to it with a sign, may become any text
        words = _TEMPLATE.sub("\0", term).split()
        path = re.sub(r"^(?:\.{0,2}/)+", "", words[0]) if words else ""
        patterns.add("[^/]*".join(map(re.escape, path.split("\0"))) + ("[^/]*" if sign is not None else ""))
    patterns.discard("")
    return re.compile(f"/(?:{'|'.join(sorted(patterns))})$") if patterns else None


def _is_generated(path: Path, passwords: re.Pattern[str] | None) -> bool:
    if passwords is None or not passwords.search(str(path)) or path.stat().st_size > _LONGEST_PASSWORD:
        return False
    return path.read_bytes().count(b"\n") <= 1


@functools.lru_cache(maxsize=4096)
def _large_digest(path: Path, identity: tuple[int, ...]) -> str:  # noqa: ARG001 - the file's identity is half of the key
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
