"""The runs of a data directory: found, indexed, listed and pruned; one that cannot be read is skipped with a warning."""

import logging
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Unpack

import attrs

from installkit.datadir.folders import Folders
from installkit.datadir.unfinished import Stamp, Unfinished
from installkit.engine import adopt, settle
from installkit.errors import DiskFullError, JournalError, PlanningError, Remedy, RunNotFoundError, StoreError
from installkit.journal import (
    Journal,
    carried_elsewhere,
    is_carried_here,
    is_pruned,
    is_run_id,
    list_journals,
    prunable_size,
    prune_journal,
    remove_unnamed,
    write_errors,
)
from installkit.model import Cursor, RunFilter, RunResult, RunSnapshot, RunStatus
from installkit.processes import user_name
from installkit.store import Store

_log = logging.getLogger("installkit")


LOCK_PATIENCE = 5.0
"""Seconds to wait for the lock of a run that has ended: its processes are on their way out."""


class KnownRuns:
    """
    The runs of a data directory: their journals, and the index of them.

    Args:
        folders: Where it keeps what.
        store: Has the index of the runs.
        obstacle: Why nothing can be written; None if it can.
    """

    def __init__(self, folders: Folders, store: Store, obstacle: StoreError | None) -> None:
        self._folders = folders
        self._store = store
        self._obstacle = obstacle
        self._skipped: set[str] = set()
        """Runs that cannot be read."""
        self._warned: set[str] = set()
        self._unfinished = Unfinished(folders.runs)
        self._generation = ""
        self._lock = threading.RLock()
        """Of the two above: a second thread that refreshes finds the work done."""

    def ids(
        self, *, site: str | None = None, status: str | RunStatus | None = None, limit: int | None = None
    ) -> tuple[str, ...]:
        """Return the ids of the runs, newest first, of one site or all, with one status or any, at most *limit*."""
        self.refresh()
        wanted = None if status is None else RunStatus(status)
        return tuple(run.id for run in self._store.runs.list(site=site, status=wanted, limit=limit))

    def snapshots(
        self,
        *,
        limit: int | None = None,
        before: str | None = None,
        **wanted: Unpack[RunFilter],
    ) -> tuple[RunSnapshot, ...]:
        """
        Return runs, newest first, without `steps` and `failures`: quick, however many there are.

        Args:
            limit: At most so many.
            before: A run's id; only those older than it, as for the next page.
            **wanted: The fields of `RunFilter`.

        Raises:
            RunNotFoundError: If there is no run *before*.
            ValueError: If there is no such status.
        """
        self.refresh()
        now = datetime.now(UTC)
        found = self._store.runs.list(limit=limit, before=before, **wanted)
        return tuple(self._standing(run).at(now) for run in found if run.id not in self._skipped)

    def _standing(self, run: RunSnapshot) -> RunSnapshot:
        """Return *run*, as the index has it, with what only its folder tells of one that has not ended."""
        path = self._folders.runs / run.id
        if run.status.final:
            return run
        if where := carried_elsewhere(path):
            return attrs.evolve(run, carried_elsewhere=where)
        try:
            if not is_carried_here(path) or Journal(path).is_carried_out():
                return run
            result = Journal(path).result()
        except (JournalError, OSError):
            return run
        if result is not None:  # it has just ended
            return attrs.evolve(result.run, steps=(), failures=())
        return attrs.evolve(run, status=RunStatus.INTERRUPTED, reason="nobody carries it out any more")

    def find(self, run: str) -> Journal:
        """
        Return the journal of the run whose id is, or begins with, *run*; `last` is the newest.

        Raises:
            RunNotFoundError: If there is none, or several begin so.
            JournalError: If its files cannot be read.
        """
        self.refresh()
        found = self.journal(
            run if self.has(run) else self._store.runs.find(run)
        )  # it may wait for space to be indexed
        found.spec()
        return found

    def has(self, run: str) -> bool:
        """Return whether there is a run with the id *run*, indexed or not."""
        return is_run_id(run) and (self._folders.runs / run).is_dir()

    def journal(self, run: str) -> Journal:
        """
        Return the journal of the run with the id *run*.

        Raises:
            RunNotFoundError: If its folder is gone.
        """
        path = self._folders.runs / run
        if not path.is_dir():
            raise RunNotFoundError(
                f"the journal of run {run} is gone", remedy=Remedy("index what is there", ("reindex",))
            )
        return Journal(path)

    def prune_run(self, run: str) -> int:
        """
        Take events and logs from the run with the id *run*; return the bytes freed.

        Raises:
            RunNotFoundError: If there is none.
            PlanningError: If it has not ended, or somebody still works on it.
        """
        found = self.find(run)
        self._settle(found)
        if found.result() is None:
            raise PlanningError(f"run {found.id} has not ended", remedy=Remedy("cancel it first", ("cancel", found.id)))
        deadline = time.monotonic() + LOCK_PATIENCE
        with write_errors(found.path):
            while not (size := prune_journal(found.path)) and not is_pruned(found.path):
                if time.monotonic() > deadline:
                    raise PlanningError(f"somebody still works on run {found.id}", remedy="try again in a moment")
                time.sleep(0.05)
        self._store.runs.forget_events([found.id])
        return size

    def refresh(self) -> Cursor:
        """
        Index what the journals hold beyond the index, and return the place after the last event; their files stay as they are.

        On a full disk that waits for space; a run's own journal is read meanwhile.
        """
        with self._lock:
            now = self._keep_up()
            changed = self._unfinished.changed()
            for journal, stamp in changed:
                self._refresh_run(journal, stamp)
            return self._store.arrivals.last() if changed else now

    def folders_to_watch(self) -> list[Path]:
        """Return the folders where something changes when `refresh` has more to index."""
        with self._lock:
            return self._unfinished.folders()

    def recover(self) -> None:
        """
        End the runs that were carried out here and whose supervisor died: they become `interrupted`.

        It is done when a data directory is opened, and before a plan is made. Where nothing can be written, they wait.
        """
        if self._obstacle is None:
            with self._lock:
                self._keep_up()
                for journal in self._unfinished.journals():
                    self._settle(journal)

    def adopt(self, run: str, *, by: str | None = None) -> str:
        """
        Take over a run whose journal was copied or restored here, and return its id.

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
        self._store.check_writable()
        found, who = self.find(run), by or user_name()
        adopt(found.path, who)
        self._store.access.add_audit(datetime.now(UTC), who, "adopt", f"/runs/{found.id}")
        self.refresh()
        return found.id

    def _keep_up(self) -> Cursor:
        """Begin anew if the index was rebuilt, by whatever process; return the place after the last event."""
        last = self._store.arrivals.last()
        if last.generation != self._generation:
            self._unfinished.begin(self._store.runs.finished())
            self._generation = last.generation
        return last

    def _refresh_run(self, journal: Journal, stamp: Stamp) -> None:
        try:
            with suppress(DiskFullError):
                run = self._store.runs.ingest(journal)
                self._unfinished.indexed(journal, stamp, ended=run.status.final)
            self._skipped.discard(journal.id)
            self._warned.discard(journal.id)
        except JournalError as exc:
            self._unfinished.unreadable(journal, stamp)
            self.skip(journal.id, exc)

    def skip(self, run: str, error: StoreError) -> None:
        """Leave *run*, which cannot be read, out of lists, and warn of it."""
        self._skipped.add(run)
        self.warn(run, error)

    def warn(self, run: str, error: StoreError) -> None:
        """Warn, once, that *run* cannot be read and is skipped, and say what to do about it."""
        if run not in self._warned:
            self._warned.add(run)
            _log.warning("run %s is skipped: %s%s", run, error, f" → {error.remedy}" if error.remedy else "")

    def reindex(self) -> int:
        """
        Rebuild the index of runs, events and installations from the journals; return how many runs are in it.

        What people entered (sites, parameters, secrets, plans) stays; sites that are missing come back from the runs.
        A run whose files cannot be read is skipped, with a warning in the log.
        """
        journals = list_journals(self._folders.runs)
        if self._obstacle is None:
            for journal in journals:
                self._settle(journal)
        problems = self._store.reindex(journals)
        for run, error in problems.items():
            self.skip(run, error)
        return len(journals) - len(problems)

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
        old = self._ended_runs(older_than or 0.0, keep)
        if dry_run:
            return tuple((run, size) for run in old if (size := prunable_size(self._folders.runs / run)))
        with write_errors(self._folders.runs):
            remove_unnamed(self._folders.runs)
            freed = tuple((run, size) for run in old if (size := prune_journal(self._folders.runs / run)))
        with suppress(DiskFullError):  # the next time: they take no harm, and this made space first
            self._store.runs.forget_events(old)
        return freed

    def _ended_runs(self, older_than: float, keep: int) -> list[str]:
        """Return the runs that ended *older_than* seconds ago, newest first, without the newest *keep*, by their journals."""
        results = [self._result(journal) for journal in list_journals(self._folders.runs)]
        ended = sorted((each.run for each in results if each), key=lambda run: (run.created_at, run.id), reverse=True)
        limit = datetime.now(UTC) - timedelta(seconds=older_than)
        return [run.id for run in ended[keep:] if run.finished_at is not None and run.finished_at <= limit]

    def _settle(self, journal: Journal) -> None:
        try:
            settle(journal.path)
        except JournalError as exc:
            self.skip(journal.id, exc)

    def _result(self, journal: Journal) -> RunResult | None:
        try:
            return journal.result()
        except JournalError as exc:
            self.skip(journal.id, exc)
            return None
