"""Reading a data directory that cannot be written: on a full or read-only disk, or another user's."""

import errno
import os
import tempfile
from pathlib import Path

from installkit.datadir.folders import Folders
from installkit.errors import Remedy, StoreError
from installkit.store import KEY_NAME, Store, copy_unwritable

PROBE = 65_536
"""Bytes that must be free on the disk before the database is opened in its own place."""

_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it is new and its owner's alone
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def find_obstacle(folders: Folders) -> StoreError | None:
    """Return why a data directory cannot be written; None if it can, or if it does not exist yet."""
    try:
        with tempfile.TemporaryFile(dir=folders.data, buffering=0) as file:
            file.write(bytes(PROBE))
    except OSError as exc:
        if exc.errno in _FULL | _FORBIDDEN:
            full = exc.errno in _FULL
            return StoreError(
                f"the data directory {folders.data} is open for reading only, it cannot be written: {exc.strerror}",
                remedy=Remedy("make space", ("prune", "--older-than", "30d"))
                if full
                else "give your user write access, or copy it",
            )
    return None


class Replica(Store):
    """
    The store of a data directory that cannot be written: a copy of its database, in memory if possible.

    Its index follows the journals; closing it removes the copy. The numbers that it gives to events are its own, and so
    are cursors.
    """

    def __init__(self, database: Path, *, key_file: Path | None) -> None:
        memory = _MEMORY if _MEMORY.is_mount() and os.access(_MEMORY, os.W_OK | os.X_OK) else None
        self._folder = tempfile.TemporaryDirectory(prefix="installkit-", dir=memory)
        path = Path(self._folder.name, database.name)
        try:
            if database.exists():
                copy_unwritable(database, path)
            super().__init__(path, key_file=key_file or database.with_name(KEY_NAME))
            self.number_anew()
        except OSError as exc:
            self._folder.cleanup()
            raise StoreError(f"{database} cannot be copied to {path.parent}: {exc.strerror}") from exc
        except StoreError:
            self._folder.cleanup()
            raise

    def close(self) -> None:
        """Close the copy and remove it; a second call does nothing."""
        super().close()
        self._folder.cleanup()
