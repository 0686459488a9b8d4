"""What a run printed about one host, and only the last lines of what it printed."""

from collections.abc import Callable
from pathlib import Path

from installkit.journal import EventReader, Journal
from installkit.model import Event


class HostLogReader:
    """
    Reads what was printed about a host, in the order of the events, a part at each call.

    Attributes:
        folders: As in `EventReader`.
        ended: The same.
    """

    def __init__(
        self, journal: Journal, events: EventReader, passes: Callable[[Event], bool], tail: int | None = None
    ) -> None:
        """
        Read the text of those of *events* for which *passes* is true.

        Args:
            journal: The run's.
            events: All that is to come.
            passes: Tells whether an event is about the host.
            tail: Begin with so many last lines of what there is at the first call; None for all.
        """
        self.folders: tuple[Path, ...] = events.folders
        self.ended = False
        self._journal = journal
        self._events = events
        self._passes = passes
        self._tail = tail

    def read(self) -> bytes:
        """Return the next bytes; none where none are printed yet, or ever will be."""
        if self._tail is not None:
            tail, self._tail = self._tail, None
            if text := last_lines(b"".join(iter(self.read, b"")), tail):
                return text
        while events := self._events.read():
            if text := b"".join(self._printed(event) for event in events if self._passes(event)):
                return text
        self.ended = self._events.ended
        return b""

    def _printed(self, event: Event) -> bytes:
        if event.step is None or event.log is None:
            return b""
        return self._journal.read_log(event.step, event.log.start, event.log.end - event.log.start)


def last_lines(log: bytes, lines: int) -> bytes:
    r"""
    Return the last *lines* lines of *log*; a last line without a newline counts too.

    >>> last_lines(b"one\ntwo\nthree", 2)
    b'two\nthree'
    """
    offset = len(log)
    if lines and log.endswith(b"\n"):
        offset -= 1
    for _ in range(lines):
        offset = log.rfind(b"\n", 0, offset)
        if offset < 0:
            return log
    return log[offset + 1 if lines else offset :]
