"""JSON and tables on stdout, and the consoles they are written to."""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import click
from rich.console import Console

import installkit
from installkit.cli.tables import Sheet

PIPE_WIDTH = 10_000
"""Columns where there is no terminal: more than any line has, so that nothing is wrapped."""

FALLBACK_WIDTH = 80
"""Columns of a terminal that does not say how many it has."""

STYLES = {
    "succeeded": "green",
    "installed": "green",
    "ok": "green",
    "changed": "yellow",
    "running": "cyan",
    "changing": "cyan",
    "waiting": "magenta",
    "failed": "bold red",
    "fail": "bold red",
    "unreachable": "bold red",
    "unfinished": "red",
    "interrupted": "red",
    "unknown": "red",
    "timed_out": "red",
    "canceled": "yellow",
    "warn": "yellow",
    "destructive": "bold red",
    "disruptive": "yellow",
}
"""How the stored words look; those without a style are plain."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def console(*, err: bool = False) -> Console:
    """Return the console of stdout, or of stderr: as wide as its terminal, wide enough for any table without one."""
    stream = sys.stderr if err else sys.stdout
    return Console(stderr=err, width=_width(stream), highlight=False, markup=False, emoji=False)


def _width(stream: TextIO) -> int | None:
    """Return how wide the console of *stream* is; None leaves it to rich, which looks at COLUMNS and at the terminal."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return None
    if not stream.isatty():
        return PIPE_WIDTH
    return os.get_terminal_size(stream.fileno()).columns or FALLBACK_WIDTH if columns.isdecimal() else None


def print_json(value: Any) -> None:
    """Print *value*, of the model or a collection of such, as one JSON value."""
    click.echo(json.dumps(installkit.to_wire(value), indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, err: bool = False) -> None:
    """Print *rows* under *columns*; on a narrow terminal cells are wrapped or stand below each other, never cut."""
    console(err=err).print(make_table(columns, rows))


def make_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Sheet:
    """Return *rows* under *columns*; columns that are empty in every row are skipped."""
    return Sheet(columns, (["" if cell is None else plain(str(cell)) for cell in row] for row in rows), STYLES)


def plain(text: str) -> str:
    """Return *text* without control characters: what a managed host said must not steer this terminal."""
    return _CONTROL.sub("", click.unstyle(text))
