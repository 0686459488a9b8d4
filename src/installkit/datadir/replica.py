"""Reading where nothing can be written: on a full disk, on a read-only one, in another user's data directory."""

import errno
import os
import tempfile
from pathlib import Path

from installkit.datadir.folders import Folders
from installkit.errors import Remedy, StoreError
from installkit.store import KEY_NAME, Store, copy_unwritable

PROBE = 65_536
"""Bytes that must find room for the database to be opened where it lies."""

_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it is new and its owner's alone
_FULL = {errno.ENOSPC, errno.EDQUOT}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def find_obstacle(folders: Folders) -> StoreError | None:
    """Return why nothing can be written in a data directory; None if it can, or if there is none yet."""
    try:
        with tempfile.TemporaryFile(dir=folders.data, buffering=0) as file:
            file.write(bytes(PROBE))
    except OSError as exc:
        if exc.errno in _FULL | _FORBIDDEN:
            return _obstacle(folders, exc)
    return None


def _obstacle(folders: Folders, error: OSError) -> StoreError:
    full = error.errno in _FULL
    return StoreError(
        f"the data directory {folders.data} is open for reading only, it cannot be written: {error.strerror}",
        remedy=Remedy("make space", ("prune", "--older-than", "30d"))
        if full
        else "give your user write access, or copy it",
    )


class Replica(Store):
    """
    The store of a data directory that cannot be written: a copy of its database in memory, where there is some.

    Its index goes on with the journals; the copy is gone when it is closed.
    """

    def __init__(self, database: Path, *, key_file: Path | None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="installkit-", dir=_memory())
        path = Path(self._folder.name, database.name)
        try:
            if database.exists():
                copy_unwritable(database, path)
            super().__init__(path, key_file=key_file or database.with_name(KEY_NAME))
        except OSError as exc:
            self._folder.cleanup()
            raise StoreError(f"{database} cannot be copied to {path.parent}: {exc.strerror}") from exc
        except StoreError:
            self._folder.cleanup()
            raise

    def close(self) -> None:
        """Close the copy and remove it; again does nothing."""
        super().close()
        self._folder.cleanup()


def _memory() -> Path | None:
    return _MEMORY if _MEMORY.is_mount() and os.access(_MEMORY, os.W_OK | os.X_OK) else None
