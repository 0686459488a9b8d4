"""Events of all runs, in the order in which they arrived in a data directory."""

import re
from typing import Self

import attrs

from installkit.model.event import Event

FROM_NOW = "now"
"""As a cursor: what has arrived until now is left out."""

_CURSOR = re.compile(r"([0-9a-f]{8})-(\d{1,18})", re.ASCII)


@attrs.frozen
class Cursor:
    """
    A place among the events of all runs: after the event with this number.

    Attributes:
        generation: Which numbering it is of; a rebuilt index numbers its events anew.
        number: From 1, growing; 0 is before the first event.
    """

    generation: str
    number: int

    def __str__(self) -> str:
        return f"{self.generation}-{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Return the cursor that `str` made *text* of.

        Raises:
            ValueError: If it is none.
        """
        match = _CURSOR.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a cursor; one is taken from an event that arrived, as 9f3c21ab-1042")
        return cls(match[1], int(match[2]))


@attrs.frozen(kw_only=True)
class Arrival:
    """
    An event of some run, as it arrived in the data directory.

    Attributes:
        cursor: Its place; `Installer.events` goes on after it. It is good until the index is rebuilt.
        site: The site of its run.
        component: The component of its step; None for an event of the run itself.
        event: What happened.
    """

    cursor: str
    site: str
    component: str | None
    event: Event
