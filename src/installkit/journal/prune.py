"""What may go of a run that has ended: all but what it was and how it ended."""

import shutil
import time
from pathlib import Path

from installkit.journal.files import EVENTS, LOCK, NEW, RESULT, SPEC
from installkit.journal.locks import lock_is_held, take_lock

KEPT = frozenset({SPEC, RESULT})
UNNAMED_FOR = 3600.0
"""Seconds after which a run's folder that has not got its name is nobody's: a starter takes well below one."""


def prunable_size(run: Path) -> int:
    """Return how many bytes `prune_journal` would free in the folder *run*; 0 if its run has not ended."""
    if not (run / RESULT).exists():
        return 0
    return sum(path.lstat().st_size for path in run.rglob("*") if path.name not in KEPT and not path.is_dir())


def prune_journal(run: Path) -> int:
    """
    Take events and logs out of the folder *run*, and return how many bytes that freed.

    Spec and result stay. Nothing is taken from a run that has not ended, or that somebody still works on.
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
    """Remove what starters left below *runs* that were killed, long ago, before their run had its name."""
    for folder in runs.glob(f"{NEW}*"):
        if _age(folder) > UNNAMED_FOR and not lock_is_held(folder / LOCK):
            shutil.rmtree(folder, ignore_errors=True)  # it may be another user's, or be removed by another just now


def _age(folder: Path) -> float:
    try:
        return time.time() - folder.lstat().st_mtime
    except FileNotFoundError:  # it has just got its name
        return 0.0


def is_pruned(run: Path) -> bool:
    """Return whether the folder *run* kept no events."""
    return (run / RESULT).exists() and not (run / EVENTS).exists()
