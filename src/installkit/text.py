"""Numbers, times, sizes and lists of names as people read and write them, the same everywhere in installkit."""

import re
from collections.abc import Sequence
from datetime import datetime

_COLOURS = re.compile(rb"\x1b\[[0-9;]*m")

LONGEST_SHOWN = 60
"""How many characters of a value a message shows."""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PARTS = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")


def counted(number: int, noun: str) -> str:
    """Return *number* and *noun*, in the plural if necessary: `1 step`, `2 steps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def duration_text(seconds: float | None) -> str:
    """Return *seconds* for people, as `4.9 s`, `3 min 5 s` or `1 h 2 min`; empty for None."""
    if seconds is None:
        return ""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def join_names(names: Sequence[str], *, most: int = 6) -> str:
    """Return *names* in one line: all of them, or the first ones and the number of others beyond *most*."""
    if len(names) <= most:
        return ", ".join(names)
    shown = most - 1
    return f"{', '.join(names[:shown])} and {len(names) - shown} more"


def size_text(size: float) -> str:
    """Return *size*, in bytes, for people."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - the next unit
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def time_text(time: datetime | None) -> str:
    """Return *time* on the clock of this machine, as `2026-11-22 08:01`; empty for None."""
    return "" if time is None else f"{time.astimezone():%Y-%m-%d %H:%M}"


def shown(value: object) -> str:
    """Return *value* for a message: what fits in a line, or its type if it is neither text nor a number."""
    return shorten(repr(value) if isinstance(value, (str, int, float)) else type(value).__name__)


def shorten(text: str) -> str:
    """Return the part of *text* that fits in a line, with `...` at the end if there is more."""
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def parse_duration(text: str) -> float | None:
    """
    Return the duration *text* in seconds; None if it is not a duration, or 0.

    >>> parse_duration("1h30m"), parse_duration("90"), parse_duration("soon")
    (5400.0, 90.0, None)
    """
    whole = f"{text}s" if _NUMBER.fullmatch(text) else text
    if not _PARTS.fullmatch(whole):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smhdw])", whole)) or None


def strip_colours(text: bytes) -> bytes:
    """Return *text* without the escape sequences that set colours."""
    return _COLOURS.sub(b"", text)
