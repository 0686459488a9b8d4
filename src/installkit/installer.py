import logging
import math
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

import attrs

from installkit.access import Access
from installkit.ansible.ask import TIMEOUT, Asking
from installkit.ansible.sources import absolute_source, check_present, same_file, same_inventory
from installkit.catalog import load_catalog
from installkit.datadir.folders import SITE_NAME, Folders, check_site_name, default_data_directory
from installkit.datadir.replica import Replica, find_obstacle
from installkit.datadir.runs import KnownRuns
from installkit.errors import PlanningError, SiteLockedError, UnknownNameError
from installkit.inventory import HeldInventory, held_path
from installkit.journal import list_journals
from installkit.model import InventorySource, Plan, PlanFilter, SiteSnapshot
from installkit.sites.hosts import check_held
from installkit.sites.site import Site
from installkit.store import Store, set_aside
from installkit.text import parse_duration

_log = logging.getLogger("installkit")


class Installer(KnownRuns):
    """
    A data directory: the sites, plans and runs in it.

    Any number of programs may use one data directory at once. Use it as a context manager, or close it; Python's end
    closes it too. Opening it ends the runs whose supervisor died here. A database that is gone comes back from its last
    backup and the runs' journals. Where nothing can be
    written (a full disk, a read-only one, no permission) all can be read, runs can be canceled and pruned, and anything
    else that changes something is refused. A run whose files cannot be read is left out, with a warning in the log.

    Attributes:
        access: The tokens of the HTTP service, and the record of what was done with them.
        folders: Where it keeps what; `folders.data` is the data directory.
        obstacle: Why nothing could be written when it was opened; None if it could.

    Args:
        data: The data directory; created if it is not there. None: `INSTALLKIT_DATA_DIR`, else `/var/lib/installkit`
            where that may be written, else the platform's state directory.
        key_file: Holds the key that stored secrets are encrypted with; by default `secret.key` in the data directory.
        inventory_timeout: Seconds that Ansible may take to read an inventory, each time that it is asked. None:
            `INSTALLKIT_INVENTORY_TIMEOUT`, else 60.
        on_inventory_wait: Called about once a second while Ansible reads an inventory, with the seconds so far, and with
            None when that is over.

    Raises:
        StoreError: If the directory or the database in it cannot be used.
        PlanningError: If `INSTALLKIT_INVENTORY_TIMEOUT` is not a time.
        ValueError: If *inventory_timeout* is not above 0.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        *,
        key_file: str | Path | None = None,
        inventory_timeout: float | None = None,
        on_inventory_wait: Callable[[float | None], None] | None = None,
    ) -> None:
        folder = default_data_directory() if data is None else Path(data)
        self.folders = Folders(folder.expanduser().absolute())
        self._asking = Asking(
            timeout=_inventory_timeout(inventory_timeout), cache=self.folders.cache, on_wait=on_inventory_wait
        )
        self.obstacle = find_obstacle(self.folders)
        if self.obstacle is None:
            self.folders.make()
        lost = not self.folders.database.exists() and any(list_journals(self.folders.runs))
        if lost and self.obstacle is None:
            _restore_backup(self.folders)
        key = None if key_file is None else Path(key_file)
        self.store = (Store if self.obstacle is None else Replica)(self.folders.database, key_file=key)
        self._left_out = set()
        if lost:
            self.reindex()
        if self.obstacle is not None:
            self.store.refuse(self.obstacle)
        self.recover()
        self.access = Access(self.store)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Installer {self.folders.data}>"

    def close(self) -> None:
        """Close the store; again does nothing. Runs go on."""
        self.store.close()

    def site(
        self,
        name: str,
        *,
        inventory: str | Path | None = None,
        catalog: str | Path | None = None,
        title: str | None = None,
    ) -> Site:
        """
        Return the site called *name*; it is created if both *inventory* and *catalog* are given and it is new.

        A site remembers its inventory and its catalog. A known site takes a new catalog, but never another inventory:
        those would be other hosts. The same inventory by another path is no other one. A new site whose inventory
        another site has too is made with a warning in the log: neither knows what the other does to their hosts.

        Args:
            name: Letters, digits, `-`, `_` and `.`.
            inventory: What `ansible-inventory -i` takes: a file, a folder or a script.
            catalog: The folder of its playbooks.
            title: For people; empty for the name, None for what a known site has.

        Raises:
            UnknownNameError: If there is no such site, and not enough is given to create it.
            PlanningError: If the site is known with another inventory, or the data directory lies in *catalog*.
            DefinitionError: If the inventory of a new site does not exist.
        """
        check_site_name(name)
        known = {site.name: site for site in self.store.sites()}.get(name)
        if known is None and (inventory is None or catalog is None):
            self.store.site(name)  # raises, naming the sites there are
        if known is not None and inventory is not None and not same_inventory(known.inventory.path, Path(inventory)):
            raise PlanningError(
                f"site {name!r} has the inventory {known.inventory.path}, not {absolute_source(inventory)}",
                remedy="give the other hosts a site of their own, under another name",
            )
        if known is None and inventory is not None:
            check_present([absolute_source(inventory)])  # it stays the site's: a mistyped one could not be corrected
            self._warn_of_others(name, absolute_source(inventory))
        folder = None if catalog is None else _catalog_folder(catalog, self.folders.data)
        snapshot = _described(name, known, inventory, folder, title)
        if snapshot != known:
            self.store.save_site(snapshot)
        return self._site(name)

    def create_site(self, name: str, *, inventory: str, catalog: str | Path, title: str | None = None) -> Site:
        """
        Make a site whose inventory the store holds, to be edited through `Site.set_host` and `Site.import_inventory`.

        Args:
            name: New; letters, digits, `-`, `_` and `.`.
            inventory: In Ansible's YAML; its comments are not kept.
            catalog: The folder of its playbooks.
            title: For people; the name if None.

        Raises:
            PlanningError: If there is such a site already, or the data directory lies in *catalog*.
            DefinitionError: If the inventory or the catalog is wrong.
        """
        check_site_name(name)
        if any(site.name == name for site in self.store.sites()):
            raise PlanningError(f"there is a site {name!r} already", remedy="take another name")
        folder = _catalog_folder(catalog, self.folders.data)
        load_catalog(catalog)
        held = HeldInventory.parse(inventory)
        check_held(held)
        source = InventorySource(kind="store", path=held_path(self.folders.inventories, name))
        self.store.save_inventory(name, held.text)
        self.store.save_site(SiteSnapshot(name=name, title=title or name, inventory=source, catalog=folder))
        return self.site(name)

    def sites(self) -> tuple[Site, ...]:
        """Return every site, by name."""
        return tuple(self._site(site.name) for site in self.store.sites())

    def site_of_inventory(self, inventory: str | Path) -> Site | None:
        """
        Return the site whose inventory is *inventory*, by whatever path it is named; None if there is none.

        Raises:
            PlanningError: If several sites have it.
        """
        path = Path(inventory)
        known = [site.name for site in self.store.sites() if same_inventory(site.inventory.path, path)]
        if len(known) > 1:
            raise PlanningError(
                f"the inventory {absolute_source(path)} is that of the sites {' and '.join(known)}",
                remedy="say which one is meant, with its name (--site)",
            )
        return self.site(known[0]) if known else None

    def _warn_of_others(self, name: str, inventory: Path) -> None:
        others = [site.name for site in self.store.sites() if same_file(site.inventory.path, inventory)]
        if others:
            _log.warning(
                "site %s has the inventory file of site %s: neither knows what the other does to its hosts",
                name,
                " and ".join(others),
            )

    def delete_site(self, name: str) -> None:
        """
        Forget what was entered for the site *name*, and its plans; its runs and their record stay.

        Raises:
            UnknownNameError: If there is none.
            SiteLockedError: If a run changes it.
            PlanningError: If a run only looks at it.
        """
        lock = self.site(name).snapshot().lock
        if lock is not None:
            raise SiteLockedError(name, attrs.asdict(lock))
        self.recover()
        if live := [run.id for run in self.list_runs(site=name) if not run.status.final]:
            raise PlanningError(
                f"run {live[0]} of site {name!r} has not ended", remedy=f"wait for it: installkit watch {live[0]}"
            )
        self.store.delete_site(name)
        held_path(self.folders.inventories, name).unlink(missing_ok=True)

    def plans(
        self, site: str, *, limit: int | None = None, before: str | None = None, **wanted: Unpack[PlanFilter]
    ) -> tuple[Plan, ...]:
        """
        Return the plans made for *site*, newest first.

        Args:
            site: A name.
            limit: At most so many.
            before: A plan's id; only those older than it, as for the next page.
            **wanted: Only those: `component`, `continues`, and `since` and `until`, aware times.

        Raises:
            UnknownNameError: If there is no plan *before*.
        """
        return self.store.plans(site, limit=limit, before=before, **wanted)

    def delete_plan(self, plan: str) -> None:
        """
        Forget the plan with the id *plan*; a run that applied it stays.

        Raises:
            UnknownNameError: If there is none.
        """
        self.store.delete_plan(plan)

    def plan(self, plan: str) -> Plan:
        """
        Return the plan with the id *plan*.

        Raises:
            UnknownNameError: If there is none.
        """
        return self.store.plan(plan)

    def check_database(self) -> str:
        """Return what SQLite's integrity check finds: `ok`, or a line for each damage."""
        return self.store.check()

    def check_secrets(self) -> int:
        """
        Decrypt the stored secrets of all sites, and return how many there are.

        Raises:
            StoreError: If their key is missing, or another than that which they were encrypted with.
        """
        return self.store.check_secrets()


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


def site_name_for(inventory: str | Path) -> str:
    """
    Return the name of a site whose inventory is *inventory*: its folder's, else the file's own without its ending.

    Raises:
        UnknownNameError: If neither can be a site's name.
    """
    path = absolute_source(inventory)
    folder = path if path.is_dir() else path.parent
    name = folder.name if SITE_NAME.fullmatch(folder.name) else path.stem
    check_site_name(name)
    return name


def recover_database(data: Path) -> Path:
    """
    Set a damaged database aside, and return where it is now; nothing is deleted.

    The backup made before the last run takes its place, else the next `Installer` makes a new one. Reindex it then.
    """
    folders = Folders(data.absolute())
    aside = set_aside(folders.database)
    _restore_backup(folders)
    return aside


def _restore_backup(folders: Folders) -> None:
    """Put a copy of the last backup, if there is one, in the place of the database, unless another was quicker."""
    if not folders.backup.exists():
        return
    with tempfile.TemporaryDirectory(dir=folders.data) as folder:
        copy = Path(folder, folders.database.name)
        shutil.copy(folders.backup, copy)
        for suffix in ("-wal", "-shm"):  # what is left of the lost one would be played into its successor
            folders.database.with_name(folders.database.name + suffix).unlink(missing_ok=True)
        with suppress(FileExistsError):
            os.link(copy, folders.database)


def _catalog_folder(catalog: str | Path, data: Path) -> Path:
    """Return the absolute folder of *catalog*, which the data directory does not lie in."""
    folder = absolute_source(catalog)
    if data.resolve().is_relative_to(folder.resolve()):
        raise PlanningError(
            f"the data directory {data} lies in the catalog {folder}, which every run would change",
            remedy="keep the playbooks in a folder of their own, or the data elsewhere (--data-dir)",
        )
    return folder


def _described(
    name: str,
    known: SiteSnapshot | None,
    inventory: str | Path | None,
    catalog: Path | None,
    title: str | None,
) -> SiteSnapshot:
    if known is not None:
        source, folder = known.inventory, catalog or known.catalog
    elif inventory is not None and catalog is not None:
        source, folder = InventorySource(kind="file", path=absolute_source(inventory)), catalog
    else:
        raise UnknownNameError(f"no site is named {name!r}", remedy="give its inventory and its catalog to create it")
    return SiteSnapshot(
        name=name,
        title=known.title if known and title is None else title or name,
        inventory=source,
        catalog=folder,
        revision=known.revision if known else None,
        lock=known.lock if known else None,
        last_run=known.last_run if known else None,
    )
