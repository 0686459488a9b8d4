"""The support archive of a run: what others need to understand it, without secrets."""

import json
import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

import attrs

from installkit.engine import MASK, Redactor
from installkit.journal import Journal
from installkit.model import RunSnapshot, StepStatus, to_wire
from installkit.planning import plan_table
from installkit.support.doctor import Finding
from installkit.support.files import write_new

MOST_BYTES = 32_000_000
"""At most so many bytes of all files of a run, before they are compressed."""

MOST_OF_FILE = 8_000_000
"""At most so many bytes of one file; of a longer file only the end is taken."""

_WRONG = {StepStatus.FAILED, StepStatus.TIMED_OUT, StepStatus.INTERRUPTED, StepStatus.CANCELED}
_SOUNDS_SECRET = re.compile(r"pass(word|wd|phrase)|secret|token|private_?key|credential", re.IGNORECASE)
_UNSAFE = re.compile(r"[^A-Za-z0-9_./-]+")

_README = """\
A run of installkit, for people who help: how it was planned, what it printed, how it ended.

plan.txt, run.json    what was planned, and where the run stood when this was written
doctor.json           what the checks of the machine found
versions.json         of the programs
journal/              the run's own files: spec.json, events.jsonl, logs, result.json; without the facts of hosts

Secrets were taken out when the run wrote its files, and again now. Host names, addresses and paths are in it.
"""


@attrs.frozen(kw_only=True)
class Report:
    """
    The content of an archive.

    Attributes:
        now: The state of the run.
        secrets: Values that must not be in the archive.
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

        At a path, a new file that only its owner can read replaces an existing file or link.

        Raises:
            StoreError: If it cannot be written, or the path is something other than a file.
        """
        write_new(target, self._write)

    def _write(self, target: IO[bytes]) -> None:
        redactor = Redactor(self.secrets)
        top = f"installkit-report-{self.now.id}"
        with ZipFile(target, "w", ZIP_DEFLATED) as archive:
            names = ("installkit", "ansible-core", "ansible-runner")
            versions = {name: version(name) for name in names}
            versions |= {"python": platform.python_version(), "on": platform.platform()}
            texts = {
                "plan.txt": f"{plan_table(self.journal.spec().plan)}\n",
                "run.json": _json(to_wire(self.now)),
                "doctor.json": _json(to_wire(self.findings)),
                "versions.json": _json(versions),
            }
            for name, text in texts.items():
                archive.writestr(f"{top}/{name}", redactor.text(text))
            notes, left = [*self.notes], MOST_BYTES
            # Logs of steps that did not go wrong come last: they are cut short first.
            wrong = {step.id for step in self.now.steps if step.status in _WRONG}
            files = self.journal.files().items()
            for name, path in sorted(files, key=lambda file: file[1].suffix == ".log" and file[1].stem not in wrong):
                whole = path.stat().st_size
                size = whole if path.suffix == ".json" else min(whole, MOST_OF_FILE, left)
                left = max(0, left - size)
                if size < whole:
                    notes.append(f"journal/{name}: the last {size} of {whole} bytes")
                if size:
                    archive.writestr(f"{top}/journal/{_UNSAFE.sub('_', name)}", redactor.text(_text(path, size)))
            lines = "".join(f"\n{redactor.text(note)}" for note in notes)
            archive.writestr(f"{top}/README.txt", f"{_README}{lines}\n")


def _text(path: Path, size: int) -> str:
    """Return the last *size* bytes of *path* as text that begins with a whole line."""
    with path.open("rb") as file:
        cut = file.seek(0, 2) > size
        file.seek(-size, 2)
        content = file.read(size)
    if cut:
        content = content[content.find(b"\n") + 1 :]
    text = content.decode(errors="replace")
    return _json(_masked(json.loads(text))) if path.suffix == ".json" else text


def _masked(value: Any, *, hidden: bool = False) -> Any:
    """Return *value* with a mask for all texts and numbers anywhere below a key that looks like a secret's."""
    if isinstance(value, list):
        return [_masked(item, hidden=hidden) for item in value]
    if isinstance(value, Mapping):
        return {key: _masked(item, hidden=hidden or bool(_SOUNDS_SECRET.search(key))) for key, item in value.items()}
    return MASK if hidden and value is not None and not isinstance(value, bool) else value


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
