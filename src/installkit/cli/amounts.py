"""Amounts of time and of bytes, as people write them."""

import re
from typing import Any

import click

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PARTS = re.compile(r"(?:\d+(?:\.\d+)?[smhdw])+")


class Duration(click.ParamType[float]):
    """Seconds, from `90`, `90s`, `1h30m` or `30d`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return *value* in seconds; more than nothing."""
        text = f"{value}s" if re.fullmatch(r"\d+(\.\d+)?", str(value)) else str(value)
        seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smhdw])", text))
        if not _PARTS.fullmatch(text) or seconds <= 0:
            self.fail(f"{value!r} is no time; write it as 90s, 30m, 2h or 30d", param, ctx)
        return seconds


DURATION = Duration()


class Size(click.ParamType[int]):
    """Bytes, from `4096`, `500M` or `2G`; a kilobyte has 1000."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return *value* in bytes; more than nothing."""
        found = re.fullmatch(r"(\d+)([KMGT]?)", str(value))
        size = int(found[1]) * 1000 ** " KMGT".index(found[2] or " ") if found else 0
        if size <= 0:
            self.fail(f"{value!r} is no size; write it as 4096, 500M or 2G", param, ctx)
        return size


SIZE = Size()
