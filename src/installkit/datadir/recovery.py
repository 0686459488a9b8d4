"""Sets a damaged database aside, and restores the backup that was made before the last run."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from installkit.datadir.folders import Folders
from installkit.store import set_aside


def recover_database(data: Path) -> Path:
    """
    Set a damaged database aside, and return where it is now; nothing is deleted.

    The backup made before the last run replaces it; without one, the next `Installer` makes a new database. Reindex then.
    """
    folders = Folders(data.absolute())
    aside = set_aside(folders.database)
    restore_backup(folders)
    return aside


def restore_backup(folders: Folders) -> None:
    """Put a copy of the last backup, if there is one, in the place of the database, unless another process was faster."""
    if not folders.backup.exists():
        return
    with tempfile.TemporaryDirectory(dir=folders.data) as folder:
        copy = Path(folder, folders.database.name)
        shutil.copy(folders.backup, copy)
        for suffix in ("-wal", "-shm"):  # SQLite would apply files of the lost database to the new one
            folders.database.with_name(folders.database.name + suffix).unlink(missing_ok=True)
        with suppress(FileExistsError):
            os.link(copy, folders.database)
