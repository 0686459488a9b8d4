"""Remembered answers of Ansible, so that the same question is asked once."""

import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import attrs

from installkit.ansible.ask import Asking
from installkit.ansible.configuration import find_config
from installkit.ansible.programs import find_program
from installkit.ansible.sources import Sources

_FORMAT = 2
_KEPT = 64
_log = logging.getLogger("installkit")


@attrs.define
class Memory:
    """
    The remembered answer to one question.

    Attributes:
        asking: Says where answers are remembered.
        lasting: Whether the answer may be kept in a file, as it depends on nothing but its key.
        key: Returns the question's key, which covers everything that its answer depends on at that moment.
    """

    asking: Asking
    lasting: bool
    key: Callable[[], str]
    _key: str | None = attrs.field(default=None, init=False)

    def recall(self) -> Any:
        """Return the answer; None if there is none, or if it cannot be read."""
        if self._folder is None and self.asking.answers is None:
            return None
        self._key = self.key()
        if self.asking.answers is not None and self._key in self.asking.answers:
            return self.asking.answers[self._key]
        if self._folder is None:
            return None
        try:
            return json.loads(self._file(self._folder).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            _log.warning("asking Ansible again: what it answered cannot be read: %s", exc)
            return None

    def remember(self, answer: Any, *, whole: bool = True) -> None:
        """
        Keep *answer*, a value for `json.dumps`, unless a file changed since `recall`: it may be about either version.

        On a full disk the answer is not remembered, which is no error.

        Args:
            answer: The value that `recall` will return.
            whole: Whether Ansible answered the whole question; else the answer is not kept in a file.
        """
        if self._key is None or self.key() != self._key:
            return
        if self.asking.answers is not None:
            self.asking.answers[self._key] = answer
        if self._folder is None or not whole:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._file(self._folder), json.dumps(answer))
            answers = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
            for path in answers[:-_KEPT]:
                path.unlink(missing_ok=True)
        except OSError as exc:
            _log.warning("Ansible will be asked again: its answer cannot be kept: %s", exc)

    @property
    def _folder(self) -> Path | None:
        return self.asking.cache if self.lasting else None

    def _file(self, folder: Path) -> Path:
        return folder / f"{self._key}.json"


def question_key(program: str, folders: Iterable[Path], sources: Sources, **parts: Any) -> str:
    """
    Return the sha256 of everything that the answer of *program* in *folders* to static *sources* depends on.

    Of vaults only the labels are in *parts*, so that nobody without a password gets an answer that needed it.

    Args:
        program: Such as `ansible-inventory`.
        folders: Its current directories.
        sources: The inventory's.
        **parts: Everything else that the answer depends on, as JSON values.
    """
    path = find_program(program)
    status = path.stat()
    configurations = {str(folder): find_config(folder, os.environ).path for folder in folders}
    question = {
        "format": _FORMAT,
        "program": [str(path), status.st_ino, status.st_size, status.st_mtime_ns],
        "settings": {name: os.environ[name] for name in os.environ if name.startswith("ANSIBLE_") or name == "HOME"},
        "configuration": {
            folder: hashlib.sha256(file.read_bytes()).hexdigest() if file else None
            for folder, file in configurations.items()
        },
        "sources": sources.options,
        "files": dict(sources.files),
        **parts,
    }
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


def _write(path: Path, text: str) -> None:
    # mkstemp makes the file 0600
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
