"""The support archive of a run: what helps others to understand it, without a secret."""

import errno
import json
import platform
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

import attrs

from installkit.engine import MASK, Redactor
from installkit.errors import StoreError
from installkit.journal import Journal
from installkit.model import RunSnapshot, StepStatus, to_wire
from installkit.planning import plan_table
from installkit.support.doctor import Finding

MOST_BYTES = 32_000_000
"""Of a run's files together, before they are compressed."""

MOST_OF_FILE = 8_000_000
"""Of one file; of a longer one its end is taken."""

_WRONG = {StepStatus.FAILED, StepStatus.TIMED_OUT, StepStatus.INTERRUPTED, StepStatus.CANCELED}
_SOUNDS_SECRET = re.compile(r"pass(word|wd|phrase)|secret|token|private_?key|credential", re.IGNORECASE)
_UNSAFE = re.compile(r"[^A-Za-z0-9_./-]+")

_README = """\
A run of installkit, for those who help: how it was planned, what it printed, how it ended.

plan.txt, run.json    what was planned, and where the run stood when this was written
doctor.json           how fit the machine was that it ran on
versions.json         of the programs
journal/              the run's own files: spec.json, events.jsonl, logs, result.json

Secrets were taken out when the run wrote its files, and again now. Host names, addresses and paths are in it.
"""


@attrs.frozen(kw_only=True)
class Report:
    """
    What an archive is made of.

    Attributes:
        now: Where the run stands.
        secrets: Values that must not be in it.
        notes: Lines for its README.
    """

    journal: Journal
    now: RunSnapshot
    findings: tuple[Finding, ...]
    secrets: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def write(self, target: str | Path | IO[bytes]) -> None:
        """
        Write the archive, a zip file, to *target*: a path, or a file open for bytes.

        At a path it becomes a new file, its owner's alone, which takes the place of the file or link that lies there.

        Raises:
            StoreError: If it cannot be written, or something other than a file lies there.
        """
        if not isinstance(target, (str, Path)):
            self._write(target)
            return
        path = Path(target)
        try:
            _check_replaceable(path)
            with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name[:100]}.", delete=False) as file:
                try:
                    self._write(file)
                    Path(file.name).replace(path)
                except BaseException:
                    Path(file.name).unlink()
                    raise
        except OSError as exc:
            raise StoreError(
                f"the report {path} cannot be written: {exc.strerror}", remedy="name another file with -o"
            ) from exc

    def _write(self, target: IO[bytes]) -> None:
        redactor = Redactor(self.secrets)
        top = f"installkit-report-{self.now.id}"
        with ZipFile(target, "w", ZIP_DEFLATED) as archive:
            notes = [*self.notes]
            for name, text in self._described():
                archive.writestr(f"{top}/{name}", redactor.text(text))
            for name, path, size in _within_bounds(self._ordered()):
                whole = path.stat().st_size
                if size < whole:
                    notes.append(f"journal/{name}: the last {size} of {whole} bytes")
                if size:
                    archive.writestr(f"{top}/journal/{_UNSAFE.sub('_', name)}", redactor.text(_text(path, size)))
            lines = "".join(f"\n{redactor.text(note)}" for note in notes)
            archive.writestr(f"{top}/README.txt", f"{_README}{lines}\n")

    def _described(self) -> Iterator[tuple[str, str]]:
        yield "plan.txt", f"{plan_table(self.journal.spec().plan)}\n"
        yield "run.json", _json(to_wire(self.now))
        yield "doctor.json", _json(to_wire(self.findings))
        yield "versions.json", _json(_versions())

    def _ordered(self) -> Iterable[tuple[str, Path]]:
        """Return the journal's files, those first that must not be cut short: logs of what went wrong go before others."""
        wrong = {step.id for step in self.now.steps if step.status in _WRONG}
        files = self.journal.files().items()
        return sorted(files, key=lambda file: file[1].suffix == ".log" and file[1].stem not in wrong)


def _check_replaceable(path: Path) -> None:
    """Raise an `OSError` if anything but a file, or a link to one, has the name *path*."""
    terminal = path.is_symlink() and path.readlink().is_relative_to("/proc")  # as /dev/stdout, which must stay
    if terminal or (path.exists() and not stat.S_ISREG(path.stat().st_mode)):
        raise FileExistsError(errno.EEXIST, "what lies there is no file")


def _within_bounds(files: Iterable[tuple[str, Path]]) -> Iterator[tuple[str, Path, int]]:
    """Yield each of *files* with how many of its last bytes are taken."""
    left = MOST_BYTES
    for name, path in files:
        size = path.stat().st_size
        taken = size if path.suffix == ".json" else min(size, MOST_OF_FILE, left)
        left = max(0, left - taken)
        yield name, path, taken


def _text(path: Path, size: int) -> str:
    """Return the last *size* bytes of *path* as text, from the beginning of a line on."""
    with path.open("rb") as file:
        cut = file.seek(0, 2) > size
        file.seek(-size, 2)
        content = file.read(size)
    if cut:
        content = content[content.find(b"\n") + 1 :]
    text = content.decode(errors="replace")
    return _json(_masked(json.loads(text))) if path.suffix == ".json" else text


def _masked(value: Any, *, hidden: bool = False) -> Any:
    """Return *value* without the texts and numbers that stand anywhere under a name like a secret's."""
    if isinstance(value, list):
        return [_masked(item, hidden=hidden) for item in value]
    if isinstance(value, Mapping):
        return {key: _masked(item, hidden=hidden or bool(_SOUNDS_SECRET.search(key))) for key, item in value.items()}
    return MASK if hidden and value is not None and not isinstance(value, bool) else value


def _versions() -> dict[str, str]:
    names = ("installkit", "ansible-core", "ansible-runner")
    return {**{name: version(name) for name in names}, "python": platform.python_version(), "on": platform.platform()}


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
