import itertools
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, Unpack

import attrs

from installkit.access import Access
from installkit.ansible.sources import absolute_source, check_present, same_file, same_inventory
from installkit.callbacks import Callbacks, Subscription
from installkit.catalog import load_catalog
from installkit.datadir.ansible import Ansible
from installkit.datadir.arrivals import ArrivalReader
from installkit.datadir.directory import DataDirectory
from installkit.datadir.folders import SITE_NAME, check_site_name, default_data_directory
from installkit.errors import PlanningError, Remedy, SiteLockedError, UnknownNameError
from installkit.inventory import HeldInventory, held_path
from installkit.journal import follow as follow_reader
from installkit.model import (
    FROM_NOW,
    Arrival,
    ArrivalFilter,
    CallbackFilter,
    EventKind,
    InventoryKind,
    InventorySource,
    Plan,
    PlanFilter,
    RunFilter,
    RunSnapshot,
    RunStatus,
    SiteSnapshot,
)
from installkit.notifications import NOTICED, Courier, Notice, Notifier, load_notifier, make_notice
from installkit.runs.run import Run, open_runs
from installkit.sites.hosts import check_held
from installkit.sites.site import Site
from installkit.support.doctor import Finding, examine

LAST_WORDS = 5.0
"""Seconds that a notifier gets for what it was not told yet, when its installer is closed."""

_log = logging.getLogger("installkit")


class Installer:
    """
    A data directory: the sites, plans and runs in it.

    Any number of programs may use one data directory at once. Use it as a context manager, or close it; Python's end
    closes it too. Opening it ends the runs whose supervisor died here. A database that is gone comes back from its last
    backup and the runs' journals. Where nothing can be
    written (a full disk, a read-only one, no permission) all can be read, runs can be canceled and pruned, and anything
    else that changes something is refused. A run whose files cannot be read is skipped, with a warning in the log.

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
        ansible: An `installkit.testing.FakeAnsible`, for tests of your own program; None for Ansible itself.

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
        ansible: Ansible | None = None,
    ) -> None:
        folder = default_data_directory() if data is None else Path(data)
        self._directory = DataDirectory(
            folder.expanduser().absolute(),
            key_file=None if key_file is None else Path(key_file),
            inventory_timeout=inventory_timeout,
            on_inventory_wait=on_inventory_wait,
            ansible=ansible,
        )
        self.folders = self._directory.folders
        self.obstacle = self._directory.obstacle
        self.access = Access(self._directory.store)
        self._callbacks = Callbacks()
        self._couriers: list[Courier[Notice]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Installer {self.folders.data}>"

    def close(self) -> None:
        """
        End what `on` and `notify` began, with what has arrived by now, and close the store; again does nothing.

        Runs go on; those of a `FakeAnsible` end first.
        """
        self._callbacks.close()
        for courier in self._couriers:
            courier.close(patience=LAST_WORDS)
        self._couriers.clear()
        self._directory.close()

    def site(
        self,
        name: str,
        *,
        inventory: str | Path | None = None,
        catalog: str | Path | None = None,
        title: str | None = None,
        keep: bool = True,
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
            keep: Store what is new of it at once; False stores it with the first plan that is made of it.

        Raises:
            UnknownNameError: If there is no such site, and not enough is given to create it.
            PlanningError: If the site is known with another inventory, or the data directory lies in *catalog*.
            DefinitionError: If the inventory of a new site does not exist.
        """
        check_site_name(name)
        known = self._directory.store.sites.find(name)
        if known is None and (inventory is None or catalog is None):
            self._directory.store.sites.get(name)  # raises, naming the sites there are
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
        if snapshot == known:
            return Site(self._directory, name)
        if not keep:
            return Site(self._directory, name, snapshot)
        self._directory.store.sites.save(snapshot)
        return Site(self._directory, name)

    def create_site(
        self, name: str, *, inventory: str | Mapping[str, Any], catalog: str | Path, title: str | None = None
    ) -> Site:
        """
        Make a site whose inventory the store holds, to be edited through `SiteInventory.set_host` and `SiteInventory.replace`.

        Args:
            name: New; letters, digits, `-`, `_` and `.`.
            inventory: In Ansible's YAML, whose comments are not kept; or the same as an object:
                `{"db": {"hosts": {"db1": {"ansible_host": "10.0.0.1"}}}}`.
            catalog: The folder of its playbooks.
            title: For people; the name if None.

        Raises:
            PlanningError: If there is such a site already, or the data directory lies in *catalog*.
            DefinitionError: If the inventory or the catalog is wrong.
        """
        check_site_name(name)
        if self._directory.store.sites.find(name) is not None:
            raise PlanningError(f"there is a site {name!r} already", remedy="take another name")
        folder = _catalog_folder(catalog, self.folders.data)
        load_catalog(catalog)
        held = HeldInventory.parse(inventory)
        check_held(self._directory, held)
        source = InventorySource(kind=InventoryKind.STORE, path=held_path(self.folders.inventories, name))
        self._directory.store.sites.save_inventory(name, held.text)
        self._directory.store.sites.save(SiteSnapshot(name=name, title=title or name, inventory=source, catalog=folder))
        return self.site(name)

    def sites(self) -> tuple[Site, ...]:
        """Return every site, by name."""
        return tuple(Site(self._directory, name) for name in self._directory.store.sites.names())

    def site_of_inventory(self, inventory: str | Path) -> Site | None:
        """
        Return the site whose inventory is *inventory*, by whatever path it is named; None if there is none.

        Raises:
            PlanningError: If several sites have it.
        """
        path = Path(inventory)
        known = [site.name for site in self._directory.store.sites.list() if same_inventory(site.inventory.path, path)]
        if len(known) > 1:
            raise PlanningError(
                f"the inventory {absolute_source(path)} is that of the sites {' and '.join(known)}",
                remedy="say which one is meant, with its name (--site)",
            )
        return self.site(known[0]) if known else None

    def _warn_of_others(self, name: str, inventory: Path) -> None:
        others = [site.name for site in self._directory.store.sites.list() if same_file(site.inventory.path, inventory)]
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
        self._directory.runs.recover()
        if live := [run.id for run in self.list_runs(site=name) if not run.status.final]:
            raise PlanningError(
                f"run {live[0]} of site {name!r} has not ended", remedy=Remedy("wait for it", ("watch", live[0]))
            )
        self._directory.store.sites.delete(name)
        held_path(self.folders.inventories, name).unlink(missing_ok=True)

    def plans(
        self,
        site: str | None = None,
        *,
        limit: int | None = None,
        before: str | None = None,
        **wanted: Unpack[PlanFilter],
    ) -> tuple[Plan, ...]:
        """
        Return the plans made for *site*, newest first.

        Args:
            site: A name; None for the plans of all sites.
            limit: At most so many.
            before: A plan's id; only those older than it, as for the next page.
            **wanted: Only those: `component`, `continues`, and `since` and `until`, aware times.

        Raises:
            UnknownNameError: If there is no plan *before*.
        """
        return self._directory.store.plans.list(site, limit=limit, before=before, **wanted)

    def delete_plan(self, plan: str) -> None:
        """
        Forget the plan with the id *plan*; a run that applied it stays.

        Raises:
            UnknownNameError: If there is none.
        """
        self._directory.store.plans.delete(plan)

    def plan(self, plan: str) -> Plan:
        """
        Return the plan with the id *plan*.

        Raises:
            UnknownNameError: If there is none.
        """
        return self._directory.store.plans.get(plan)

    def runs(
        self, *, site: str | None = None, status: str | RunStatus | None = None, limit: int | None = None
    ) -> tuple[Run, ...]:
        """Return the runs, newest first, of one site or all, with one status or any, at most *limit*."""
        return tuple(open_runs(self._directory, self._directory.runs.ids(site=site, status=status, limit=limit)))

    def list_runs(
        self,
        *,
        limit: int | None = None,
        before: str | None = None,
        **wanted: Unpack[RunFilter],
    ) -> tuple[RunSnapshot, ...]:
        """
        Return runs as `runs` does, but as snapshots without `steps` and `failures`: quick, however many there are.

        Args:
            limit: At most so many.
            before: A run's id; only those older than it, as for the next page.
            **wanted: Only those: `site`, `status` (one or several), `plan`, `component`, a part of `requested_by` or
                `note`, and `since` and `until`, aware times.

        Raises:
            RunNotFoundError: If there is no run *before*.
            ValueError: If there is no such status.
        """
        return self._directory.runs.snapshots(limit=limit, before=before, **wanted)

    def run(self, run: str) -> Run:
        """
        Return the run whose id is, or begins with, *run*; `last` is the newest.

        Raises:
            RunNotFoundError: If there is none, or several begin so.
            JournalError: If its files cannot be read.
        """
        return Run(self._directory, self._directory.runs.find(run).id)

    def events(
        self,
        *,
        follow: bool = False,
        after: str | None = None,
        last: int | None = None,
        limit: int | None = None,
        **wanted: Unpack[ArrivalFilter],
    ) -> Iterator[Arrival]:
        """
        Yield the events of all runs in the order in which they arrived; with *follow*, go on as they come.

        Each has a cursor: passed as *after*, it goes on there, without a gap, also in another process or after a restart.
        A cursor is good until the index is rebuilt (`reindex`, a lost database), which numbers all events anew. Events that
        were pruned are left out, and so are runs that cannot be read, with a warning in the log. Where nothing can be
        written (`obstacle`), cursors are good only for this installer.

        Args:
            follow: Wait for those to come; there is no end.
            after: The cursor of an event; `now` for what is still to come, None for all from the beginning.
            last: Instead of *after*: begin with so many of the newest that there are.
            limit: At most so many; None for all.
            **wanted: Only those of a `run`, `site`, `component`, `host`, `step`, `kind` or `status`, each one word or
                several; and `since` and `until`, aware times.

        Raises:
            CursorExpiredError: If the cursor is of an index that was rebuilt since; it may also come while following.
            UnknownNameError: If there is no such kind or status.
            ValueError: If *after* is not a cursor.
        """
        reader = self.arrival_reader(after=after, last=last, **wanted)
        arrivals = itertools.chain.from_iterable(follow_reader(reader) if follow else iter(reader.read, ()))
        return itertools.islice(arrivals, limit)

    def arrival_reader(
        self, *, after: str | None = None, last: int | None = None, **wanted: Unpack[ArrivalFilter]
    ) -> ArrivalReader:
        """Return a reader of the same events, for a program that waits in a loop of its own; see `events`."""
        return ArrivalReader(self._directory.store, self._directory.runs, after, last, wanted)

    def on(
        self,
        kind: str | EventKind | Iterable[str | EventKind],
        fn: Callable[[Arrival], object],
        **wanted: Unpack[CallbackFilter],
    ) -> Subscription:
        """
        Call *fn* with each event of a *kind* that arrives from now on, until the subscription or this installer is closed.

        One thread of this installer's own makes all calls, one after the other: a slow function delays the others. An event
        is passed to *fn* once, in the order of arrival. What *fn* raises is logged, and stops nothing.

        Args:
            kind: What happened: one word or several.
            fn: Takes an `Arrival`.
            **wanted: As for `events`.

        Raises:
            UnknownNameError: If there is no such kind or status.
        """
        if not isinstance(kind, str) and not (kind := tuple(kind)):
            raise PlanningError("no kind of event is given: nothing would be told", remedy=f"as of {NOTICED[0]}")
        subscription = Subscription(fn, self.arrival_reader(after=FROM_NOW, kind=kind, **wanted))
        self._callbacks.add(subscription)
        return subscription

    def notify(
        self,
        notifier: str | Notifier,
        *,
        kinds: str | EventKind | Iterable[str | EventKind] = NOTICED,
        settings: Mapping[str, Any] | None = None,
        name: str | None = None,
        address: str | None = None,
        **wanted: Unpack[CallbackFilter],
    ) -> Subscription:
        """
        Tell *notifier* what becomes of runs from now on, until the subscription or this installer is closed.

        Each notifier has a thread of its own. What it cannot tell is tried again twice, a second and five seconds later,
        then a warning in the log says so.

        Args:
            notifier: The name of one that an installed package offers, or a function that takes a `Notice`.
            kinds: What it is told of: one kind of event or several.
            settings: What the factory of a named one takes.
            name: What the log calls it; None for its own name.
            address: Where people reach the console of the service, for `Notice.link`.
            **wanted: As for `events`: `site="acme"`, ….

        Raises:
            UnknownNameError: If there is no such notifier, kind or status.
            PlanningError: If the notifier does not take these settings.
        """
        tell = load_notifier(notifier, settings) if isinstance(notifier, str) else notifier
        called = name or (notifier if isinstance(notifier, str) else getattr(notifier, "__name__", repr(notifier)))
        courier = Courier(f"notifier {called!r}", tell)
        self._couriers.append(courier)

        def _hand_over(arrival: Arrival) -> None:
            courier.tell(make_notice(arrival, Run(self._directory, arrival.event.run), address))

        return self.on(kinds, _hand_over, **wanted)

    def prune_run(self, run: str) -> int:
        """
        Take events and logs from the run with the id *run*; return the bytes freed.

        Raises:
            RunNotFoundError: If there is none.
            PlanningError: If it has not ended, or somebody still works on it.
        """
        return self._directory.runs.prune_run(run)

    def prune(
        self, *, older_than: float | None = None, keep: int = 0, dry_run: bool = False
    ) -> tuple[tuple[str, int], ...]:
        """
        Take events and logs from runs that ended long ago; what each was and how it ended stays.

        Args:
            older_than: Seconds since its end; None for any.
            keep: So many of the newest ended runs stay whole.
            dry_run: Only say what would be freed.

        Returns:
            Run and bytes freed, newest first, without the runs that had nothing to free.
        """
        return self._directory.runs.prune(older_than=older_than, keep=keep, dry_run=dry_run)

    def adopt(self, run: str, *, by: str | None = None) -> Run:
        """
        Take over a run whose journal was copied or restored here, and return it.

        Without a result it becomes `interrupted`, by your word that nobody carries it out any more; one that has ended
        stays as it is. From then on its folder is where it belongs. Nothing on a host is changed or looked at.

        Args:
            run: Its id, or the beginning of it.
            by: Whose word it is, for the record; the user of this process if None.

        Raises:
            RunNotFoundError: If there is none, or several begin so.
            PlanningError: If somebody carries it out in this folder.
            JournalError: If its files cannot be read.
            StoreError: If the data directory cannot be written.
        """
        return Run(self._directory, self._directory.runs.adopt(run, by=by))

    def refresh(self) -> None:
        """
        Index what the journals hold beyond the index; their files stay as they are.

        On a full disk that waits for space; a run's own journal is read meanwhile.
        """
        self._directory.runs.refresh()

    def recover(self) -> None:
        """
        End the runs that were carried out here and whose supervisor died: they become `interrupted`.

        It is done when a data directory is opened, and before a plan is made. Where nothing can be written, they wait.
        """
        self._directory.runs.recover()

    def reindex(self) -> int:
        """
        Rebuild the index of runs, events and installations from the journals; return how many runs are in it.

        What people entered (sites, parameters, secrets, plans) stays; sites that are missing come back from the runs.
        A run whose files cannot be read is skipped, with a warning in the log.
        """
        return self._directory.runs.reindex()

    def doctor(self, *, only: Collection[str] | None = None) -> tuple[Finding, ...]:
        """
        Return what may be wrong with this machine and the data directory, finding by finding; nothing is raised.

        Args:
            only: Names of the findings to make; None for all.
        """
        return examine(
            self.folders.data,
            self.check_database,
            self.check_secrets,
            lambda: [site.snapshot().catalog for site in self.sites()],
            only=only,
        )

    def check_database(self) -> str:
        """Return what SQLite's integrity check finds: `ok`, or a line for each damage."""
        return self._directory.store.check()

    def check_secrets(self) -> int:
        """
        Decrypt the stored secrets of all sites, and return how many there are.

        Raises:
            StoreError: If their key is missing, or another than that which they were encrypted with.
        """
        return self._directory.store.secrets.check()


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
        source, folder = InventorySource(kind=InventoryKind.FILE, path=absolute_source(inventory)), catalog
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
