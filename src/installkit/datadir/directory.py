import math
import os
from collections.abc import Callable
from pathlib import Path

from installkit.ansible.ask import TIMEOUT, Asking
from installkit.datadir.ansible import Ansible, AnsiblePrograms
from installkit.datadir.folders import Folders
from installkit.datadir.recovery import restore_backup
from installkit.datadir.replica import Replica, find_obstacle
from installkit.datadir.runs import KnownRuns
from installkit.errors import PlanningError
from installkit.journal import list_journals
from installkit.store import Store
from installkit.text import parse_duration


class DataDirectory:
    """
    What installer, sites and runs share: one data directory, open.

    Opening it ends the runs whose supervisor died here. A database that is gone comes back from its last backup and the
    journals. Where nothing can be written, all can be read.

    Attributes:
        folders: Where it keeps what.
        obstacle: Why nothing could be written when it was opened; None if it could.
        store: What people entered, and an index of the runs.
        runs: The runs in it.
        ansible: Whom questions go to, and who carries runs out.
        asking: How Ansible is asked, and what it answered.

    Args:
        data: The data directory; created if it is not there.
        key_file: Holds the key that stored secrets are encrypted with; by default `secret.key` in the data directory.
        inventory_timeout: As `Installer` takes it.
        on_inventory_wait: The same.
        ansible: The same; None for Ansible itself.

    Raises:
        StoreError: If the directory or the database in it cannot be used.
        PlanningError: If `INSTALLKIT_INVENTORY_TIMEOUT` is not a time.
        ValueError: If *inventory_timeout* is not above 0.
    """

    def __init__(
        self,
        data: Path,
        *,
        key_file: Path | None = None,
        inventory_timeout: float | None = None,
        on_inventory_wait: Callable[[float | None], None] | None = None,
        ansible: Ansible | None = None,
    ) -> None:
        self.folders = Folders(data)
        self.ansible: Ansible = AnsiblePrograms() if ansible is None else ansible
        timeout = _inventory_timeout(inventory_timeout)
        self.asking = Asking(timeout=timeout, cache=self.folders.cache, on_wait=on_inventory_wait)
        self.obstacle = find_obstacle(self.folders)
        if self.obstacle is None:
            self.folders.make()
        lost = not self.folders.database.exists() and any(list_journals(self.folders.runs))
        if lost and self.obstacle is None:
            restore_backup(self.folders)
        self.store = (Store if self.obstacle is None else Replica)(self.folders.database, key_file=key_file)
        self.runs = KnownRuns(self.folders, self.store, self.obstacle)
        if lost:
            self.runs.reindex()
        if self.obstacle is not None:
            self.store.refuse(self.obstacle)
        self.runs.recover()

    def close(self) -> None:
        """Close the store; again does nothing. Runs go on, unless a fake carries them out."""
        self.ansible.close(self.folders.runs)
        self.store.close()


def _inventory_timeout(given: float | None) -> float:
    """Return *given*, else what the environment says, else the default, in seconds."""
    if given is not None:
        if not 0 < given < math.inf:
            raise ValueError(f"inventory_timeout is a number of seconds above 0, not {given!r}")
        return given
    text = os.environ.get("INSTALLKIT_INVENTORY_TIMEOUT")
    if not text:
        return TIMEOUT
    if (seconds := parse_duration(text)) is None:
        raise PlanningError(f"INSTALLKIT_INVENTORY_TIMEOUT is {text!r}, not a time", remedy="write it as 90s, 5m or 1h")
    return seconds
