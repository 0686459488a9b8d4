"""
The events of all runs in the order in which they arrived, which is that of their numbers.

    unit A   take 1, 2, 3; insert; COMMIT
    unit B                                  take 4, 5; insert; COMMIT
    reader                rows after 0: 1, 2, 3          rows after 3: 4, 5

SQLite lets one connection write at a time, so units follow each other, whatever process they are of. Who has read up to
a number has therefore missed none before it, and goes on after it.
"""

import secrets
from collections.abc import Iterator

import attrs
from peewee import JOIN

from installkit.errors import CursorExpiredError
from installkit.model import (
    ArrivalFilter,
    Cursor,
    EventKind,
    EventStatus,
    known_words,
    refuse_unknown_filters,
    time_to_wire,
    words_of,
)
from installkit.store.database import StoreDatabase
from installkit.store.filters import Condition, narrow
from installkit.store.tables import EventRow, FeedRow, RunRow


@attrs.frozen
class IndexedArrival:
    """
    The place of an event among all that arrived, and in the journal of its run.

    Attributes:
        offset: The first byte of the event in the journal's events.
    """

    arrival: int
    site: str
    run: str
    seq: int
    offset: int
    component: str | None


_FIELDS = attrs.fields(IndexedArrival)


class ArrivalRows:
    """The indexed events of all runs."""

    def __init__(self, db: StoreDatabase) -> None:
        self._db = db

    def last(self) -> Cursor:
        """Return the place after the last event that arrived."""
        return self._db.read(lambda: _last(self._db))

    def search(self, wanted: ArrivalFilter) -> "ArrivalSearch":
        """
        Return a search for the events that *wanted* lets through; its words must not be iterators.

        `since` and `until` only leave out runs that were over before, or not there yet: the index has no times of events.

        Raises:
            UnknownNameError: If there is no such kind or status.
        """
        return ArrivalSearch(self._db, wanted)


class ArrivalSearch:
    """A query that is written once and asked often: each follower has one."""

    def __init__(self, db: StoreDatabase, wanted: ArrivalFilter) -> None:
        self._db = db
        columns = (getattr(RunRow if field.name == "site" else EventRow, field.name) for field in _FIELDS)
        query = EventRow.select(*columns).join(RunRow, JOIN.CROSS)  # in this order: from the cursor on, and no further
        query = narrow(query.where((RunRow.id == EventRow.run) & (EventRow.arrival > 0)), _conditions(wanted)).limit(0)
        self._forwards, (_, *self._words, _) = query.order_by(EventRow.arrival).sql()
        self._backwards, _ = query.order_by(EventRow.arrival.desc()).sql()

    def after(self, cursor: Cursor, limit: int) -> tuple[Cursor, tuple[IndexedArrival, ...]]:
        """
        Return the first events after *cursor*, at most *limit*, and the place up to which there are no others.

        Raises:
            CursorExpiredError: If events are numbered anew since *cursor* was given.
        """

        def _load() -> tuple[Cursor, tuple[IndexedArrival, ...]]:
            last = _last(self._db)
            if last.generation != cursor.generation or last.number < cursor.number:
                raise CursorExpiredError(str(cursor))
            return last, self._rows(self._forwards, cursor.number, limit)

        last, rows = self._db.read(_load)
        if len(rows) < limit:
            return last, rows
        return attrs.evolve(cursor, number=rows[-1].arrival) if rows else cursor, rows

    def before_last(self, count: int) -> Cursor:
        """Return the place before the last *count* events."""

        def _load() -> Cursor:
            rows = self._rows(self._backwards, 0, count)
            last = _last(self._db)
            return attrs.evolve(last, number=rows[-1].arrival - 1) if rows else last

        return self._db.read(_load)

    def _rows(self, sql: str, after: int, limit: int) -> tuple[IndexedArrival, ...]:
        return tuple(IndexedArrival(*row) for row in self._db.execute_sql(sql, (after, *self._words, limit)))


def last_number(db: StoreDatabase, *, taken: int) -> int:
    """Return the last number after *taken* more are taken; in a unit that stores the events that have them."""
    FeedRow.update(last=FeedRow.last + taken).execute(db)
    return _last(db).number


def number_anew(db: StoreDatabase) -> None:
    """Begin another generation, in a unit: no cursor of the one before is good any more."""
    FeedRow.update(generation=secrets.token_hex(4)).execute(db)


def _last(db: StoreDatabase) -> Cursor:
    ((generation, last),) = db.execute_sql("SELECT generation, last FROM feed")
    return Cursor(generation, last)


def _conditions(wanted: ArrivalFilter) -> Iterator[Condition]:
    refuse_unknown_filters(wanted, ArrivalFilter)
    accepted = (
        (EventRow.kind, known_words("kind of event", wanted.get("kind"), EventKind)),
        (EventRow.status, known_words("status", wanted.get("status"), EventStatus)),
        (EventRow.run, words_of(wanted.get("run"))),
        (RunRow.site, words_of(wanted.get("site"))),
        (EventRow.component, words_of(wanted.get("component"))),
        (EventRow.host, words_of(wanted.get("host"))),
        (EventRow.step, words_of(wanted.get("step"))),
    )
    for column, words in accepted:
        if words:
            yield column.in_(words)
    if (since := wanted.get("since")) is not None:
        yield RunRow.finished_at.is_null() | (RunRow.finished_at >= time_to_wire(since))
    if (until := wanted.get("until")) is not None:
        yield RunRow.created_at < time_to_wire(until)
