"""Amounts of time and of bytes, as people write them."""

import re
from typing import Any

import click

from installkit.cli.session import Session
from installkit.text import parse_duration


class Duration(click.ParamType[float]):
    """Seconds, from `90`, `90s`, `1h30m` or `30d`."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return *value* in seconds, more than 0."""
        seconds = parse_duration(str(value))
        if seconds is None:
            self.fail(f"{value!r} is not a time; write it as 90s, 30m, 2h or 30d", param, ctx)
        return seconds


DURATION = Duration()


class Size(click.ParamType[int]):
    """Bytes, from `4096`, `500M` or `2G`; a kilobyte has 1000."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return *value* in bytes, more than 0."""
        match = re.fullmatch(r"(\d+)([KMGT]?)", str(value))
        size = int(match[1]) * 1000 ** " KMGT".index(match[2] or " ") if match else 0
        if size <= 0:
            self.fail(f"{value!r} is not a size; write it as 4096, 500M or 2G", param, ctx)
        return size


SIZE = Size()


class CatalogPlace(click.Path):
    """A folder of playbooks; with a service, the name of one of its catalogs."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return *value*, a folder that there is, or any name."""
        session = ctx.find_object(Session) if ctx else None
        return value if session is not None and session.service else super().convert(value, param, ctx)


CATALOG = CatalogPlace(exists=True, file_okay=False)
