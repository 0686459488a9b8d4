"""Removes the files of a run that has ended, except for its spec and its result."""

import shutil
import time
from contextlib import suppress
from pathlib import Path

from installkit.journal.files import EVENTS, LOCK, NEW, RESULT, SPEC
from installkit.journal.locks import lock_is_held, take_lock

KEPT = frozenset({SPEC, RESULT})
UNNAMED_FOR = 3600.0
"""Seconds after which the starter of a run's folder without its name must be dead: it needs well below one second."""


def prunable_size(run: Path) -> int:
    """Return how many bytes `prune_journal` would free in the folder *run*; 0 if its run has not ended."""
    if not (run / RESULT).exists():
        return 0
    return sum(path.lstat().st_size for path in run.rglob("*") if path.name not in KEPT and not path.is_dir())


def prune_journal(run: Path) -> int:
    """
    Remove events and logs from the folder *run*, and return how many bytes that freed.

    Spec and result stay. Nothing is removed from a run that has not ended, or that somebody still works on.
    """
    size = prunable_size(run)
    lock = take_lock(run / LOCK) if size else None
    if lock is None:
        return 0
    with lock:
        for path in run.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name not in KEPT:
                path.unlink()
    return size


def remove_unnamed(runs: Path) -> None:
    """Remove folders below *runs* whose starters were killed, long ago, before the run had its name."""
    for folder in runs.glob(f"{NEW}*"):
        with suppress(FileNotFoundError):  # it has just got its name
            if time.time() - folder.lstat().st_mtime > UNNAMED_FOR and not lock_is_held(folder / LOCK):
                # it may be another user's, or another process may just remove it
                shutil.rmtree(folder, ignore_errors=True)


def is_pruned(run: Path) -> bool:
    """Return whether the run in the folder *run* has ended and its events were removed."""
    return (run / RESULT).exists() and not (run / EVENTS).exists()
