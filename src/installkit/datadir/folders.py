"""The files and folders of a data directory."""

import os
import re
import stat
from pathlib import Path

import attrs
import platformdirs

from installkit.errors import StoreError, UnknownNameError

SHARED = Path("/var/lib/installkit")
"""The data directory of a machine, used if it exists and may be written."""

SITE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def default_data_directory() -> Path:
    """
    Return `INSTALLKIT_DATA_DIR`, else `/var/lib/installkit` if it may be written, else the user's state directory.

    Raises:
        StoreError: If it would be in the user's home, and the user has none.
    """
    if named := os.environ.get("INSTALLKIT_DATA_DIR"):
        return Path(named)
    if SHARED.is_dir() and os.access(SHARED, os.W_OK | os.X_OK):
        return SHARED
    try:
        return Path(platformdirs.user_state_dir("installkit", appauthor=False))
    except RuntimeError as exc:
        raise StoreError(
            "there is no data directory: HOME is not set, and this user has no home folder",
            remedy="name one with --data-dir or INSTALLKIT_DATA_DIR",
        ) from exc


@attrs.frozen
class Folders:
    """
    The files and folders below one data directory.

    Attributes:
        data: Absolute.
    """

    data: Path

    @property
    def runs(self) -> Path:
        """A folder for each run: its journal."""
        return self.data / "runs"

    @property
    def cache(self) -> Path:
        """Remembered answers of Ansible; it can be asked again."""
        return self.data / "cache"

    @property
    def inventories(self) -> Path:
        """A folder for each site whose inventory the store keeps: the inventory as a file for Ansible."""
        return self.data / "inventories"

    @property
    def database(self) -> Path:
        """The store."""
        return self.data / "installkit.db"

    @property
    def backup(self) -> Path:
        """A copy of the store, made before each run that changes a site."""
        return self.data / "installkit.backup.db"

    def site_lock(self, site: str) -> Path:
        """Return the lock of *site*; the file also names the holder, or the last one."""
        check_site_name(site)
        return self.data / "sites" / f"{site}.lock"

    def make(self) -> None:
        """
        Create missing folders, for the owner alone, or also for the group that shares the data directory.

        The umask does not matter. Existing folders keep their access, except that other users lose theirs.

        Raises:
            StoreError: If it cannot be created or written.
        """
        try:
            if not self.data.is_dir():
                self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
                self.data.chmod(0o700)
            mode = 0o2770 if self.data.stat().st_mode & 0o020 else 0o700
            for folder in (self.runs, self.cache, self.inventories, self.data / "sites"):
                if not folder.is_dir():
                    folder.mkdir(mode=0o700, exist_ok=True)
                    folder.chmod(mode)
                elif (now := folder.stat()).st_mode & 0o007 and now.st_uid == os.geteuid():
                    folder.chmod(stat.S_IMODE(now.st_mode) & ~0o007)
        except OSError as exc:
            path = Path(exc.filename)
            file = next((part for part in (path, *path.parents) if part.is_file()), None)
            reason = f"{file} is a file" if file else exc.strerror
            raise StoreError(
                f"the data directory {self.data} cannot be used: {reason}",
                remedy="name another with --data-dir or INSTALLKIT_DATA_DIR",
            ) from exc


def check_site_name(name: str) -> None:
    """Raise `UnknownNameError` if *name* cannot name a site: it becomes part of a path."""
    if not SITE_NAME.fullmatch(name):
        raise UnknownNameError(
            f"{name!r} is not a name for a site",
            remedy="use letters, digits, '-', '_' and '.', at most 64, a letter first",
        )
