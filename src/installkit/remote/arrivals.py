"""The events of all runs of a service: first those that there are, then those to come."""

from collections.abc import Mapping
from typing import Any, Unpack

from installkit.model import (
    Arrival,
    ArrivalFilter,
    EventKind,
    EventStatus,
    from_wire,
    known_words,
    refuse_unknown_filters,
    words_of,
)
from installkit.remote.service import PAGE, Service
from installkit.remote.streams import ArrivalStream, Follower

_TIMES = frozenset({"since", "until"})


class RemoteArrivalReader:
    """
    Reads the events of all runs of a service, a part at each call, up to those that there are; then `follower` goes on.

    Attributes:
        cursor: The place up to which it has read; None before the first read from the beginning.
    """

    def __init__(self, service: Service, after: str | None, last: int | None, **wanted: Unpack[ArrivalFilter]) -> None:
        refuse_unknown_filters(wanted, ArrivalFilter)
        known_words("kind of event", wanted.get("kind"), EventKind)
        known_words("status", wanted.get("status"), EventStatus)
        given: Mapping[str, Any] = wanted
        self._query = {
            name: value if name in _TIMES else list(words_of(value)) for name, value in given.items() if value
        }
        self._service = service
        self._last = last
        self.cursor = after

    def read(self) -> tuple[Arrival, ...]:
        """
        Return the next events; none where there are none yet.

        Raises:
            CursorExpiredError: If the cursor is of an index that was rebuilt since.
        """
        query = {**self._query, "after": self.cursor, "last": self._last, "limit": PAGE}
        page = self._service.get("/events", query)
        self._last, self.cursor = None, str(page["next"])
        return tuple(from_wire(Arrival, item) for item in page["items"])

    def follower(self) -> Follower[Arrival]:
        """Return what follows those to come."""
        return Follower(self._service, ArrivalStream({**self._query, "after": self.cursor}))
