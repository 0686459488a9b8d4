"""
Waiting until the files of runs change.

inotify wakes a reader at each write, and nobody in between. Where it is not to be had (another system than Linux, no
watch left for this user) and where it tells nothing (a network file system that another machine writes to), a reader has
to look again every `POLL` seconds.

A reader watches first, then reads, then waits: what is written after the read wakes it.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

POLL = 0.05
"""Seconds between two looks where nothing tells of a change."""

LOOK = 1.0
"""Seconds after which a reader looks all the same: a run whose supervisor died changes nothing any more."""

GAP = 0.01
"""Seconds between two wakes of a reader: what is written in quick succession is read together."""

_MOUNTS = Path("/proc/self/mountinfo")
_REMOTE = frozenset({"9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "nfs", "nfs4", "smb3"})


class Watch:
    """
    Tells of changes in folders; to be closed, and for one thread.

    Args:
        folders: What to watch.
        gap: Seconds between two wakes at least: what changes in quick succession is told together.
    """

    def __init__(self, *folders: Path, gap: float = GAP) -> None:
        self._gap = gap
        self._inotify = _open_inotify()
        self._numbers: dict[Path, int | None] = {}
        self._woken_at = 0.0
        for folder in folders:
            self.add(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def polls(self) -> bool:
        """Whether one of the folders cannot be watched."""
        return self._inotify is None or None in self._numbers.values()

    def add(self, folder: Path) -> int | None:
        """Watch *folder*, too; return the number of its watch, or None where it has to be polled."""
        self._numbers[folder] = number = self._watched(folder)
        return number

    def keep(self, folders: Iterable[Path]) -> bool:
        """Watch *folders* and no others; return whether one of them is new: what changed there so far is not told."""
        wanted = set(folders)
        for folder in self._numbers.keys() - wanted:
            number = self._numbers.pop(folder)
            if number is not None:
                self._forget(number)
        new = wanted - self._numbers.keys()
        for folder in new:
            self.add(folder)
        return bool(new)

    def _watched(self, folder: Path) -> int | None:
        if self._inotify is not None and not _is_remote(folder):
            from inotify_simple import flags  # noqa: PLC0415 - loads ctypes, which few commands need

            with contextlib.suppress(OSError):  # no watch left, or the folder is gone
                mask = flags.MODIFY | flags.CREATE | flags.MOVED_TO | flags.DELETE_SELF
                number: int = self._inotify.add_watch(folder, mask)
                return number
        return None

    def remove(self, number: int) -> None:
        """Forget the folder whose watch has this *number*."""
        self._numbers = {folder: each for folder, each in self._numbers.items() if each != number}
        self._forget(number)

    def _forget(self, number: int) -> None:
        if self._inotify is not None:
            with contextlib.suppress(OSError):  # the folder is gone, and its watch with it
                self._inotify.rm_watch(number)

    def wait(self, most: float = LOOK) -> None:
        """Wait until something changes, at most *most* seconds."""
        if (pause := self._woken_at + self._gap - time.monotonic()) > 0:
            time.sleep(pause)
        if self._inotify is None or None in self._numbers.values():
            time.sleep(min(POLL, most))
        else:
            self._inotify.read(timeout=max(0, int(most * 1000)))
        self._woken_at = time.monotonic()

    def changed(self) -> set[int]:
        """Return the numbers of the watches that have something new, without waiting."""
        return set() if self._inotify is None else {event.wd for event in self._inotify.read(timeout=0)}

    def fileno(self) -> int | None:
        """Return the descriptor that is readable when something changed; None where all has to be polled."""
        return None if self._inotify is None else int(self._inotify.fileno())

    def close(self) -> None:
        """Give up the watches; again does nothing."""
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None


def _open_inotify() -> Any:
    try:
        from inotify_simple import INotify  # noqa: PLC0415 - as above

        return INotify(nonblocking=True)
    except (ImportError, OSError, AttributeError):  # another system, or no instance left for this user
        return None


def _is_remote(folder: Path) -> bool:
    """Return whether *folder* is on a file system that others may write to; one that nobody can tell of is not."""
    try:
        device = folder.stat().st_dev
        lines = _MOUNTS.read_text().splitlines()
    except OSError:
        return False
    return any(kind in _REMOTE or kind.startswith("fuse") for kind in _kinds_of(device, lines))


def _kinds_of(device: int, lines: Iterable[str]) -> Iterator[str]:
    """Yield the kinds of the file systems with the number *device*, of lines as proc(5) describes mountinfo."""
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in lines:
        before, _, after = line.partition(" - ")
        if before.split()[2:3] == [number]:
            yield after.split()[0]
