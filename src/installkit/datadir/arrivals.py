"""Reads the events of all runs in the order in which they arrive."""

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import cast

from installkit.datadir.runs import KnownRuns
from installkit.errors import JournalError, RunNotFoundError
from installkit.journal import JournalEvent, is_pruned
from installkit.model import FROM_NOW, Arrival, ArrivalFilter, Cursor, refuse_unknown_filters, words_of
from installkit.store import IndexedArrival, Store

BATCH = 500
"""Events read at once."""

_TIMES = ("since", "until")

RECOVER_EVERY = 1.0
"""Seconds between two looks whether the supervisor of a run has died."""


class ArrivalReader:
    """
    Reads the events of all runs as they arrive, a part at each call: for a program with a loop of its own.

    `read` until nothing comes, watch `folders` and read once more, then wait for a change, at most about a second.

    Attributes:
        ended: Whether there will be no more: never.
    """

    ended = False

    def __init__(
        self, store: Store, runs: KnownRuns, after: str | None, last: int | None, wanted: ArrivalFilter
    ) -> None:
        self._store = store
        self._runs = runs
        refuse_unknown_filters(wanted, ArrivalFilter)
        for name in _TIMES:
            if (time_given := wanted.get(name)) is not None and time_given.tzinfo is None:  # type: ignore[attr-defined] # a time
                raise ValueError(f"{name} is a time with its zone, unlike {time_given}: as datetime.now(UTC)")
        lists = {name: value if name in _TIMES else words_of(value) for name, value in wanted.items()}  # type: ignore[arg-type] # words
        self._wanted = cast("ArrivalFilter", lists)  # words that can be read again and again
        self._recovered_at = time.monotonic()
        self._search = store.arrivals.search(self._wanted)
        self._cursor = self._begin(after, last)
        self._search.after(self._cursor, 0)  # a cursor that has expired is told at once

    @property
    def cursor(self) -> str:
        """The place up to which it has read: what it left out is before it, too."""
        return str(self._cursor)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where something changes when there may be more: the folder of the runs, and those of runs that have not ended."""
        return tuple(self._runs.folders_to_watch())

    def read(self, limit: int = BATCH) -> tuple[Arrival, ...]:
        """
        Return the next events, at most *limit*; none where none have arrived yet.

        Raises:
            CursorExpiredError: If the index was rebuilt meanwhile.
        """
        if self._refresh() == self._cursor:
            return ()
        while True:
            cursor, rows = self._search.after(self._cursor, limit)
            arrivals = tuple(self._loaded(cursor.generation, rows))
            self._cursor = cursor
            if arrivals or len(rows) < limit:
                return arrivals

    def skip(self) -> None:
        """Leave out what has arrived until now; that is also a way on after the cursor has expired."""
        self._cursor = self._refresh()

    def _begin(self, after: str | None, last: int | None) -> Cursor:
        if after is not None and last is not None:
            raise TypeError("after and last are two ways to say where to begin: give one of them")
        if after not in (None, FROM_NOW):
            return Cursor.parse(after or "")
        now = self._refresh()
        if last is not None:
            return self._search.before_last(last)
        return now if after == FROM_NOW else Cursor(now.generation, 0)

    def _refresh(self) -> Cursor:
        """Index what is new, and return the place after the last event."""
        now = time.monotonic()
        if now - self._recovered_at >= RECOVER_EVERY:
            self._recovered_at = now
            self._runs.recover()
        return self._runs.refresh()

    def _loaded(self, generation: str, rows: Iterable[IndexedArrival]) -> Iterator[Arrival]:
        """Yield the events of *rows* from their journals, but for runs that cannot be read or were pruned meanwhile."""
        since, until = self._wanted.get("since"), self._wanted.get("until")
        for group in _consecutive(rows):
            for row, entry in zip(group, self._entries(group), strict=False):
                if (since is None or entry.event.time >= since) and (until is None or entry.event.time < until):
                    cursor = str(Cursor(generation, row.arrival))
                    yield Arrival(cursor=cursor, site=row.site, component=row.component, event=entry.event)

    def _entries(self, group: Sequence[IndexedArrival]) -> list[JournalEvent]:
        """Return the events of *group*, with a warning where some cannot be read."""
        first = group[0]
        try:
            journal = self._runs.journal(first.run)
            entries = journal.read_events(first.offset, limit=len(group))
        except RunNotFoundError:  # its folder was removed
            return []
        except JournalError as exc:
            self._runs.warn(first.run, exc)
            return []
        if len(entries) < len(group) and not is_pruned(journal.path):
            lost = JournalError(f"{journal.path} lost events", remedy="restore it from a backup, or move it away")
            self._runs.warn(first.run, lost)
        return entries


def _consecutive(rows: Iterable[IndexedArrival]) -> Iterator[list[IndexedArrival]]:
    """Yield *rows* in groups of events that follow each other in one journal."""
    group: list[IndexedArrival] = []
    for row in rows:
        if group and (row.run, row.seq) != (group[-1].run, group[-1].seq + 1):
            yield group
            group = []
        group.append(row)
    if group:
        yield group
