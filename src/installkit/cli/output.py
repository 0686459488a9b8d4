"""JSON and tables on stdout, and the consoles they are written to."""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

import installkit

PIPE_WIDTH = 240
"""Columns of a table that no terminal cuts."""

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
    wide = None if stream.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH
    return Console(stderr=err, width=wide, highlight=False, markup=False, emoji=False)


def print_json(value: Any) -> None:
    """Print *value*, of the model or a collection of such, as one JSON value."""
    click.echo(json.dumps(installkit.to_wire(value), indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, err: bool = False) -> None:
    """Print *rows* under *columns*; cells are wrapped, never cut, where the terminal is narrow."""
    console(err=err).print(make_table(columns, rows))


def make_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """Return *rows* under *columns* as a table; columns that are empty in every row are left out."""
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    used = [index for index in range(len(columns)) if not cells or any(row[index] for row in cells)]
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for index in used:
        table.add_column(columns[index], overflow="fold")
    for row in cells:
        table.add_row(*(Text(plain(row[index]), STYLES.get(row[index], "")) for index in used))
    return table


def plain(text: str) -> str:
    """Return *text* without control characters: what a managed host said must not steer this terminal."""
    return _CONTROL.sub("", click.unstyle(text))
