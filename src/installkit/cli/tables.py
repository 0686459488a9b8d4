"""Tables as wide as there is room: on one line, then with wrapped cells, then as a block of lines for each row."""

import re
from collections.abc import Iterable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

GAP = 2
"""Columns of the terminal between two cells."""

UNBROKEN = 16
"""A cell up to this width stays on one line: a word, a duration, a time."""


class Sheet:
    """
    Rows under columns, drawn as the room allows; columns that are empty in every row are skipped.

    No word is broken, except a path that takes more than half of the room. If the words do not fit side by side, each
    row becomes a block of lines.
    """

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[str]], styles: Mapping[str, str]) -> None:
        cells = [list(row) for row in rows]
        used = [index for index in range(len(columns)) if not cells or any(row[index] for row in cells)]
        self._columns = [columns[index] for index in used]
        self._rows = [[row[index] for index in used] for row in cells]
        self._styles = styles

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = self._widths(options.max_width)
        if widths is not None:
            table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
            for name, width in zip(self._columns, widths, strict=True):
                table.add_column(name, width=width, overflow="fold")
            for row in self._rows:
                table.add_row(*map(self._text, row))
            yield table
            return
        for number, row in enumerate(self._rows):
            block = Table.grid(padding=(0, GAP, 0, 0))
            block.add_column(no_wrap=True, style="bold")
            block.add_column(overflow="fold")
            for name, cell in zip(self._columns, row, strict=True):
                if cell:
                    block.add_row(name, self._text(cell))
            if number:
                yield ""
            yield block

    def _widths(self, room: int) -> list[int] | None:
        """Return the width of each column if the table has *room* columns of the terminal; None if words do not fit."""
        room -= GAP * (len(self._columns) - 1)
        columns = [[name, *(row[index] for row in self._rows)] for index, name in enumerate(self._columns)]
        unwrapped = [max(_width(line) for cell in column for line in cell.split("\n")) for column in columns]
        widths = [max(_least(cell, room // 2) for cell in column) for column in columns]
        if sum(widths) > room:
            return None
        for _ in range(min(room, sum(unwrapped)) - sum(widths)):
            narrowest = max(range(len(widths)), key=lambda index: unwrapped[index] / widths[index])
            widths[narrowest] += 1
        return widths

    def _text(self, cell: str) -> Text:
        return Text(cell, self._styles.get(cell, ""))


def _least(cell: str, most: int) -> int:
    """Return the smallest width for *cell* that breaks no word; a longer path may be broken after *most* columns."""
    if _width(cell) <= UNBROKEN:
        return max(1, _width(cell))
    return max(min(most, _width(word)) if "/" in word else _width(word) for word in re.split(r"\s+", cell))


def _width(text: str) -> int:
    return Text(text).cell_len
