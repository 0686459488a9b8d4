"""What may go of a run that has ended: all but what it was and how it ended."""

import shutil
from pathlib import Path

from installkit.journal.files import EVENTS, LOCK, RESULT, SPEC
from installkit.journal.locks import take_lock

KEPT = frozenset({SPEC, RESULT})


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


def is_pruned(run: Path) -> bool:
    """Return whether the folder *run* kept no events."""
    return (run / RESULT).exists() and not (run / EVENTS).exists()
