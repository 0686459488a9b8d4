from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from installkit.errors import JournalError, StoreError
from installkit.journal import Journal, in_order
from installkit.model import InventoryKind, InventorySource, RunSpec, SiteSnapshot
from installkit.store.access import AccessRows
from installkit.store.arrivals import ArrivalRows, number_anew
from installkit.store.cipher import Cipher
from installkit.store.copies import back_up, check_integrity
from installkit.store.database import StoreDatabase
from installkit.store.migrations import migrate
from installkit.store.plans import PlanRows
from installkit.store.runs import RunRows
from installkit.store.secrets import SecretRows
from installkit.store.sites import SiteRows

KEY_NAME = "secret.key"


class Store:
    """
    The database of a data directory: what people entered, and an index of the runs' journals.

    Any number of threads may use one store, and any number of processes one database; a forked child opens its own.
    A write is stored when its call returns (though a power cut may lose the last ones), and waits for other processes
    that write. Every call may raise a `StoreError`: the store is closed, or its file is damaged, gone, full or locked for
    long.

    Attributes:
        path: The database.
        sites: Sites with their parameters and inventories.
        secrets: Their secrets.
        plans: The plans made for them.
        runs: The index of the journals.
        arrivals: The events in it, in the order in which they arrived.
        access: Tokens, webhooks, audit and kept answers of the HTTP service.

    Args:
        path: The database; made if it is not there, brought up to date if it is old.
        key_file: The file of the key that encrypts secrets; by default `secret.key` beside the database.
    """

    def __init__(self, path: Path, *, key_file: Path | None = None) -> None:
        self.path = path
        cipher = Cipher(key_file or path.with_name(KEY_NAME))
        migrate(path)
        self._db = StoreDatabase(path)
        self.sites = SiteRows(self._db)
        self.secrets = SecretRows(self._db, cipher)
        self.plans = PlanRows(self._db)
        self.runs = RunRows(self._db)
        self.arrivals = ArrivalRows(self._db)
        self.access = AccessRows(self._db)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def refuse(self, reason: StoreError) -> None:
        """From now on raise *reason* if anything is entered; the index may still change."""
        self._db.refuse(reason)

    @property
    def refuses(self) -> bool:
        """Whether nothing may be entered, as in a copy of what cannot be written."""
        return self._db.refuses

    def check_writable(self) -> None:
        """
        Check that something may be entered.

        Raises:
            StoreError: If not; it says why.
        """
        self._db.check_writable()

    def close(self) -> None:
        """Write what is queued and close the database; a second call does nothing. Also done when Python exits."""
        self._db.close()

    def reindex(self, journals: Iterable[Journal]) -> dict[str, JournalError]:
        """
        Rebuild the index of runs, events and installations from *journals*, and the sites that are missing.

        A missing site gets the inventory and the catalog of its newest run. Until it is done, the index has gaps.

        Returns:
            The errors of the journals that cannot be read, by run; all others are indexed.
        """
        self.runs.clear()
        newest: dict[str, RunSpec] = {}
        problems: dict[str, JournalError] = {}
        for journal in in_order(journals):
            try:
                self.runs.ingest(journal)
            except JournalError as exc:
                problems[journal.id] = exc
                continue
            spec = journal.spec()
            newest[spec.site] = max(newest.get(spec.site, spec), spec, key=lambda spec: spec.created_at)
        present = set(self.sites.names())
        for spec in newest.values():
            sources = [source for step in spec.steps for source in step.sources]
            if spec.site not in present and sources:
                source = InventorySource(kind=InventoryKind.FILE, path=sources[0])
                self.sites.save(SiteSnapshot(name=spec.site, title=spec.site, inventory=source, catalog=spec.catalog))
        return problems

    def number_anew(self) -> None:
        """Let no cursor of events be good any more that was given until now."""
        self._db.index(lambda: number_anew(self._db))

    def backup(self, path: Path) -> None:
        """
        Write a copy of the database, as it is at one moment, to *path*; a file there is replaced once it is complete.

        Secrets stay encrypted in the copy, and their key is not in it.
        """
        self._db.read(lambda: back_up(self.path, path))

    def check(self) -> str:
        """Return the result of SQLite's integrity check: `ok`, or a line for each damage."""
        return self._db.read(lambda: check_integrity(self.path))
