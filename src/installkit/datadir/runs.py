"""The runs of a data directory: found, indexed, listed and pruned; one that cannot be read stands in nobody's way."""

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Unpack

import attrs

from installkit.ansible.ask import Asking
from installkit.datadir.folders import Folders
from installkit.engine import adopt, settle
from installkit.errors import DiskFullError, JournalError, PlanningError, RunNotFoundError, StoreError
from installkit.journal import (
    Journal,
    carried_elsewhere,
    in_order,
    is_carried_here,
    is_run_id,
    list_journals,
    prunable_size,
    prune_journal,
    remove_unnamed,
    write_errors,
)
from installkit.model import RunFilter, RunResult, RunSnapshot, RunStatus
from installkit.runs.run import Run, user_name
from installkit.sites.site import LOCK_PATIENCE, Site
from installkit.store import Store

_log = logging.getLogger("installkit")


class KnownRuns:
    """
    The part of a data directory that is its runs.

    Attributes:
        folders: Where it keeps what.
        store: Has the index of the runs.
        obstacle: Why nothing can be written; None if it can.
    """

    folders: Folders
    store: Store
    obstacle: StoreError | None
    _asking: Asking
    _left_out: set[str]
    """Runs that were warned of: they cannot be read."""

    def runs(
        self, *, site: str | None = None, status: str | RunStatus | None = None, limit: int | None = None
    ) -> tuple[Run, ...]:
        """Return the runs, newest first, of one site or all, with one status or any, at most *limit*."""
        self.refresh()
        wanted = None if status is None else RunStatus(status)
        found = self.store.runs(site=site, status=wanted, limit=limit)
        return tuple(self._readable(snapshot.id for snapshot in found))

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
        self.refresh()
        now = datetime.now(UTC)
        found = self.store.runs(limit=limit, before=before, **wanted)
        return tuple(self._standing(run).at(now) for run in found if run.id not in self._left_out)

    def _standing(self, run: RunSnapshot) -> RunSnapshot:
        """Return *run*, as the index has it, with what only its folder tells of one that has not ended."""
        path = self.folders.runs / run.id
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

    def prune_run(self, run: str) -> int:
        """
        Take events and logs from the run with the id *run*; return the bytes freed.

        Raises:
            RunNotFoundError: If there is none.
            PlanningError: If it has not ended, or somebody still works on it.
        """
        found = self.run(run)
        if not found.status.final:
            raise PlanningError(
                f"run {found.id} has not ended", remedy=f"cancel it first: installkit cancel {found.id}"
            )
        deadline = time.monotonic() + LOCK_PATIENCE
        with write_errors(self.folders.runs / found.id):
            while not (size := prune_journal(self.folders.runs / found.id)) and not found.pruned:
                if time.monotonic() > deadline:
                    raise PlanningError(f"somebody still works on run {found.id}", remedy="try again in a moment")
                time.sleep(0.05)
        self.store.forget_events([found.id])
        return size

    def run(self, run: str) -> Run:
        """
        Return the run whose id is, or begins with, *run*; `last` is the newest.

        Raises:
            RunNotFoundError: If there is none, or several begin so.
            JournalError: If its files cannot be read.
        """
        self.refresh()
        known = is_run_id(run) and (self.folders.runs / run).is_dir()  # it may wait for space to be indexed
        return self._run(run if known else self.store.find_run(run))

    def refresh(self) -> None:
        """
        Index what the journals hold beyond the index; their files stay as they are.

        On a full disk that waits for space; a run's own journal is read meanwhile.
        """
        for journal in self._unfinished():
            self._refresh_run(journal)

    def recover(self) -> None:
        """
        End the runs that were carried out here and whose supervisor died: they become `interrupted`.

        It is done when a data directory is opened, and before a plan is made. Where nothing can be written, they wait.
        """
        if self.obstacle is None:
            for journal in self._unfinished():
                self._settled(journal)

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
        self.store.check_writable()
        found, who = self.run(run), by or user_name()
        adopt(self.folders.runs / found.id, who)
        self.store.add_audit(datetime.now(UTC), who, "adopt", f"/runs/{found.id}")
        self.refresh()
        return found

    def _unfinished(self) -> Iterator[Journal]:
        """Yield the journals of the runs whose end is not indexed."""
        finished = self.store.finished()
        yield from in_order(journal for journal in list_journals(self.folders.runs) if journal.id not in finished)

    def _refresh_run(self, journal: Journal) -> None:
        try:
            with suppress(DiskFullError):
                self.store.ingest(journal)
            self._left_out.discard(journal.id)
        except JournalError as exc:
            self._leave_out(journal.id, exc)

    def _readable(self, runs: Iterable[str]) -> Iterator[Run]:
        for run in runs:
            try:
                found = self._run(run)
                found.snapshot(settle=False)
            except (JournalError, RunNotFoundError) as exc:  # also where somebody has just taken its folder away
                self._leave_out(run, exc)
            else:
                yield found

    def _leave_out(self, run: str, error: StoreError) -> None:
        """Warn, once, that *run* is not among the others, and say what to do about it."""
        if run not in self._left_out:
            self._left_out.add(run)
            _log.warning("run %s is left out: %s%s", run, error, f" → {error.remedy}" if error.remedy else "")

    def reindex(self) -> int:
        """
        Rebuild the index of runs, events and installations from the journals; return how many runs are in it.

        What people entered (sites, parameters, secrets, plans) stays; sites that are missing come back from the runs.
        A run whose files cannot be read is left out, with a warning in the log.
        """
        journals = list_journals(self.folders.runs)
        if self.obstacle is None:
            for journal in journals:
                self._settled(journal)
        problems = self.store.reindex(journals)
        for run, error in problems.items():
            self._leave_out(run, error)
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
            return tuple((run, size) for run in old if (size := prunable_size(self.folders.runs / run)))
        with write_errors(self.folders.runs):
            remove_unnamed(self.folders.runs)
            freed = tuple((run, size) for run in old if (size := prune_journal(self.folders.runs / run)))
        with suppress(DiskFullError):  # the next time: they take no harm, and this made space first
            self.store.forget_events(old)
        return freed

    def _ended_runs(self, older_than: float, keep: int) -> list[str]:
        """Return the runs that ended *older_than* seconds ago, newest first, without the newest *keep*, by their journals."""
        results = [self._result(journal) for journal in list_journals(self.folders.runs)]
        ended = sorted((each.run for each in results if each), key=lambda run: (run.created_at, run.id), reverse=True)
        limit = datetime.now(UTC) - timedelta(seconds=older_than)
        return [run.id for run in ended[keep:] if run.finished_at is not None and run.finished_at <= limit]

    def _settled(self, journal: Journal) -> None:
        try:
            settle(journal.path)
        except JournalError as exc:
            self._leave_out(journal.id, exc)

    def _result(self, journal: Journal) -> RunResult | None:
        try:
            return journal.result()
        except JournalError as exc:
            self._leave_out(journal.id, exc)
            return None

    def _run(self, run: str) -> Run:
        path = self.folders.runs / run
        if not path.is_dir():
            raise RunNotFoundError(f"the journal of run {run} is gone", remedy="installkit reindex")
        journal = Journal(path)
        return Run(journal, self.store, self._site(journal.spec().site).follow_up)

    def _site(self, name: str) -> Site:
        return Site(self.folders, self.store, name, self.refresh, recover=self.recover, asking=self._asking)
