"""Answers of Ansible's that are remembered, so that the same question is asked once."""

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
    What is remembered of one question.

    Attributes:
        asking: Says where answers are remembered.
        lasting: Whether the answer may be kept in a file: nothing but what is in its key decides it.
        key: Returns the question's key, with all that its answer depends on at that moment.
    """

    asking: Asking
    lasting: bool
    key: Callable[[], str]
    _asked: str | None = attrs.field(default=None, init=False)

    def recall(self) -> Any:
        """Return the answer, None if there is none; an answer that cannot be read is none."""
        if self._folder is None and self.asking.answers is None:
            return None
        self._asked = self.key()
        if self.asking.answers is not None and self._asked in self.asking.answers:
            return self.asking.answers[self._asked]
        return None if self._folder is None else self._read(self._folder)

    def _read(self, folder: Path) -> Any:
        try:
            return json.loads(self._file(folder).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            _log.warning("asking Ansible again: what it answered cannot be read: %s", exc)
            return None

    def remember(self, answer: Any, *, whole: bool = True) -> None:
        """
        Keep *answer*, what `json.dumps` takes, unless a file changed since `recall`: nobody knows which it is about.

        A full disk costs the memory, not the answer.

        Args:
            answer: What `recall` will return.
            whole: Whether Ansible answered all that was asked; else no file keeps it.
        """
        if self._asked is None or self.key() != self._asked:
            return
        if self.asking.answers is not None:
            self.asking.answers[self._asked] = answer
        if self._folder is None or not whole:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(self._file(self._folder), json.dumps(answer))
            _forget_oldest(self._folder)
        except OSError as exc:
            _log.warning("Ansible will be asked again: its answer cannot be kept: %s", exc)

    @property
    def _folder(self) -> Path | None:
        return self.asking.cache if self.lasting else None

    def _file(self, folder: Path) -> Path:
        return folder / f"{self._asked}.json"


def question_key(program: str, folders: Iterable[Path], sources: Sources, **parts: Any) -> str:
    """
    Return the sha256 over all that decides what *program* answers in *folders* on static *sources*.

    Of vaults their labels alone count: who has no password for one gets no answer that was had with it.

    Args:
        program: As `ansible-inventory`.
        folders: Its current directories.
        sources: The inventory's.
        **parts: What else decides, JSON values.
    """
    question = {
        "format": _FORMAT,
        "program": _identity(find_program(program)),
        "settings": {name: os.environ[name] for name in os.environ if name.startswith("ANSIBLE_") or name == "HOME"},
        "configuration": {str(folder): _configuration(folder) for folder in folders},
        "sources": sources.options,
        "files": dict(sources.files),
        **parts,
    }
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()


def _identity(program: Path) -> list[Any]:
    status = program.stat()
    return [str(program), status.st_ino, status.st_size, status.st_mtime_ns]


def _configuration(folder: Path) -> str | None:
    path = find_config(folder, os.environ).path
    return hashlib.sha256(path.read_bytes()).hexdigest() if path else None


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


def _forget_oldest(folder: Path) -> None:
    answers = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    for path in answers[:-_KEPT]:
        path.unlink(missing_ok=True)
