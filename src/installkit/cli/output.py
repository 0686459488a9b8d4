"""JSON and tables on stdout, and the consoles they are written to."""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console

import installkit
from installkit.cli.tables import Sheet

PIPE_WIDTH = 10_000
"""The width if there is no terminal: more columns than any line has, so that nothing is wrapped."""

FALLBACK_WIDTH = 80
"""The width of a terminal that does not report its own."""

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
"""The style of each status and risk; those without one are plain."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def console(*, err: bool = False) -> Console:
    """Return the console of stdout, or of stderr: as wide as its terminal; if there is none, `PIPE_WIDTH` wide."""
    stream = sys.stderr if err else sys.stdout
    columns = os.environ.get("COLUMNS", "")
    width = None  # leaves it to rich, which looks at COLUMNS and at the terminal
    if not columns.isdecimal() or int(columns) == 0:
        if not stream.isatty():
            width = PIPE_WIDTH
        elif columns.isdecimal():  # COLUMNS is 0, and rich would take that for the width
            width = os.get_terminal_size(stream.fileno()).columns or FALLBACK_WIDTH
    return Console(stderr=err, width=width, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """Print *value*, a value of the model or a collection of them, as JSON."""
    click.echo(json.dumps(installkit.to_wire(value), indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, err: bool = False) -> None:
    """Print *rows* under *columns*; on a narrow terminal cells are wrapped or put below each other, never cut."""
    console(err=err).print(make_table(columns, rows))


def make_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Sheet:
    """Return *rows* under *columns*; columns that are empty in every row are skipped."""
    return Sheet(columns, (["" if cell is None else plain(str(cell)) for cell in row] for row in rows), STYLES)


def plain(text: str) -> str:
    """Return *text* without control characters: text from a managed host must not control this terminal."""
    return _CONTROL.sub("", click.unstyle(text))
