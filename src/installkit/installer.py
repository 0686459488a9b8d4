from pathlib import Path
from types import TracebackType
from typing import Self

from installkit.engine import settle
from installkit.errors import PlanningError, RunNotFoundError, UnknownNameError
from installkit.folders import Folders, check_site_name, default_data_directory
from installkit.journal import Journal, list_journals
from installkit.model import InventorySource, Plan, RunStatus, SiteSnapshot
from installkit.run import Run
from installkit.site import Site
from installkit.store import Store, set_aside


class Installer:
    """
    A data directory: the sites, plans and runs in it.

    Any number of programs may use one data directory at once. Use it as a context manager, or close it; Python's end
    closes it too.

    Args:
        data: The data directory; created if it is not there. None: `INSTALLKIT_DATA_DIR`, else `/var/lib/installkit`
            where that may be written, else the platform's state directory.
        key_file: Holds the key that stored secrets are encrypted with; by default `secret.key` in the data directory.

    Raises:
        StoreError: If the directory or the database in it cannot be used.
    """

    def __init__(self, data: str | Path | None = None, *, key_file: str | Path | None = None) -> None:
        folder = default_data_directory() if data is None else Path(data)
        self.folders = Folders(folder.expanduser().absolute())
        self.folders.make()
        self.store = Store(self.folders.database, key_file=None if key_file is None else Path(key_file))

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
        those would be other hosts.

        Args:
            name: Letters, digits, `-`, `_` and `.`.
            inventory: What `ansible-inventory -i` takes: a file, a folder or a script.
            catalog: The folder of its playbooks.
            title: For people; the name if None.

        Raises:
            UnknownNameError: If there is no such site, and not enough is given to create it.
            PlanningError: If the site is known with another inventory.
        """
        check_site_name(name)
        known = {site.name: site for site in self.store.sites()}.get(name)
        if known is None and (inventory is None or catalog is None):
            self.store.site(name)  # raises, naming the sites there are
        if known is not None and inventory is not None and known.inventory.path != Path(inventory).absolute():
            raise PlanningError(
                f"site {name!r} has the inventory {known.inventory.path}, not {Path(inventory).absolute()}",
                remedy="give the other hosts a site of their own, under another name",
            )
        snapshot = _described(name, known, inventory, catalog, title)
        if snapshot != known:
            self.store.save_site(snapshot)
        return Site(self.folders, self.store, name, self.refresh)

    def sites(self) -> tuple[Site, ...]:
        """Return every site, by name."""
        return tuple(Site(self.folders, self.store, site.name, self.refresh) for site in self.store.sites())

    def site_of_inventory(self, inventory: str | Path) -> Site | None:
        """Return the site whose inventory lies at *inventory*; None if there is none."""
        path = Path(inventory).absolute()
        return next((site for site in self.sites() if site.snapshot().inventory.path == path), None)

    def plan(self, plan: str) -> Plan:
        """
        Return the plan with the id *plan*.

        Raises:
            UnknownNameError: If there is none.
        """
        return self.store.plan(plan)

    def runs(
        self, *, site: str | None = None, status: str | RunStatus | None = None, limit: int | None = None
    ) -> tuple[Run, ...]:
        """Return the runs, newest first, of one site or all, with one status or any, at most *limit*."""
        self.refresh()
        wanted = None if status is None else RunStatus(status)
        found = self.store.runs(site=site, status=wanted, limit=limit)
        return tuple(self._run(snapshot.id) for snapshot in found)

    def run(self, run: str) -> Run:
        """
        Return the run whose id is, or begins with, *run*; `last` is the newest.

        Raises:
            RunNotFoundError: If there is none, or several begin so.
        """
        self.refresh()
        return self._run(self.store.find_run(run))

    def refresh(self) -> None:
        """Index what the journals hold beyond the index, and settle runs that nobody carries out any more."""
        finished = self.store.finished()
        for journal in list_journals(self.folders.runs):
            if journal.id not in finished:
                settle(journal.path)
                self.store.ingest(journal)

    def reindex(self) -> int:
        """
        Rebuild the index of runs, events and installations from the journals; return how many runs there are.

        What people entered (sites, parameters, secrets, plans) stays; sites that are missing come back from the runs.
        """
        journals = list_journals(self.folders.runs)
        for journal in journals:
            settle(journal.path)
        self.store.reindex(journals)
        return len(journals)

    def _run(self, run: str) -> Run:
        path = self.folders.runs / run
        if not path.is_dir():
            raise RunNotFoundError(f"the journal of run {run} is gone", remedy="installkit reindex")
        return Run(Journal(path), self.store)


def recover_database(data: Path) -> Path:
    """Set a damaged database aside, and return where it is now; the next `Installer` makes a new one to reindex."""
    return set_aside(Folders(data.absolute()).database)


def _described(
    name: str,
    known: SiteSnapshot | None,
    inventory: str | Path | None,
    catalog: str | Path | None,
    title: str | None,
) -> SiteSnapshot:
    if known is not None:
        source, folder = known.inventory, known.catalog if catalog is None else Path(catalog).absolute()
    elif inventory is not None and catalog is not None:
        source, folder = InventorySource(kind="file", path=Path(inventory).absolute()), Path(catalog).absolute()
    else:
        raise UnknownNameError(f"no site is named {name!r}", remedy="give its inventory and its catalog to create it")
    return SiteSnapshot(
        name=name,
        title=title or (known.title if known else name),
        inventory=source,
        catalog=folder,
        revision=known.revision if known else None,
        lock=known.lock if known else None,
        last_run=known.last_run if known else None,
    )
