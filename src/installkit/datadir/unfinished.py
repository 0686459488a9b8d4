"""
The runs whose end is not indexed yet, and which of them changed.

However many runs there are, whether there is a new one is one look at the folder of the runs. Of a run that has not ended
four files are looked at, and only what changed is read.
"""

import time
from collections.abc import Iterable
from pathlib import Path

from installkit.journal import Journal, in_order, is_run_id

SETTLED = 2.0
"""Seconds after which a folder's time of change tells of every change: two at about the same time may share it."""

Stamp = tuple[object, ...]
"""What changes with the files of a run."""


class Unfinished:
    """
    Finds them; for one thread at a time.

    Args:
        runs: The folder of the runs.
    """

    def __init__(self, runs: Path) -> None:
        self._runs = runs
        self._ended: set[str] = set()
        self._journals: dict[str, Journal] = {}
        self._indexed: dict[str, Stamp] = {}
        self._listed: object = None
        """How the folder of the runs was when it was listed; None if that may have missed a change."""

    def begin(self, ended: Iterable[str]) -> None:
        """Begin anew, with *ended*, the runs that are indexed to their end."""
        self._ended = set(ended)
        self._journals.clear()
        self._indexed.clear()
        self._listed = None

    def journals(self) -> list[Journal]:
        """Return the journals of all of them."""
        self._list()
        return list(self._journals.values())

    def folders(self) -> list[Path]:
        """Return the folders where something changes when there is more to index."""
        return [self._runs, *(journal.path for journal in self._journals.values())]

    def changed(self) -> list[tuple[Journal, Stamp]]:
        """Return those that changed since they were `indexed`, in the order of indexing, and how they are now."""
        stamps = {journal.id: _stamp(journal.path) for journal in self.journals()}
        changed = [self._journals[run] for run, stamp in stamps.items() if self._indexed.get(run) != stamp]
        return [(journal, stamps[journal.id]) for journal in in_order(changed)]

    def indexed(self, journal: Journal, stamp: Stamp, *, ended: bool) -> None:
        """Remember that all that *journal* had at its *stamp* was indexed, as far as it can be read."""
        self._indexed[journal.id] = stamp
        if ended:
            self._ended.add(journal.id)
            del self._journals[journal.id], self._indexed[journal.id]

    def unreadable(self, journal: Journal, stamp: Stamp) -> None:
        """Remember that *journal* could not be read as it was at its *stamp*."""
        self._journals[journal.id] = Journal(journal.path)  # without what it has read
        self._indexed[journal.id] = stamp

    def _list(self) -> None:
        """Find the runs that are new, and let go of those whose folder is gone."""
        now = _place_of(self._runs)
        if now is not None and now == self._listed:
            return
        names = {path.name for path in self._runs.iterdir() if is_run_id(path.name)} if now else set()
        self._listed = now if now and time.time() - now[1] / 1e9 > SETTLED else None
        for run in self._journals.keys() - names:
            del self._journals[run]
            self._indexed.pop(run, None)
        for run in sorted(names - self._ended - self._journals.keys()):
            self._journals[run] = Journal(self._runs / run)


def _stamp(run: Path) -> Stamp:
    return tuple(_place_of(run / name) for name in ("", "spec.json", "events.jsonl", "result.json"))


def _place_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with the file or folder at *path*; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_ctime_ns, status.st_size
