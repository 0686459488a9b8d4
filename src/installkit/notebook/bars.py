"""Bars in rows as a picture, for notebooks that cannot draw Vega-Lite."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import attrs
from markupsafe import Markup

from installkit.notebook.graph import CHARACTER, shortened
from installkit.notebook.markup import joined

WIDTH = 430
"""Pixels from the earliest start to the latest end."""

LONGEST = 56
"""Characters of a row's name: with these and the bars the picture fits into a window of 900 pixels."""

LINE = 17
"""The height of a line of text in pixels."""

# VS Code puts the picture into its page, so its own text colour works there; elsewhere a grey that is readable on
# light and on dark.
_INK = "fill:var(--vscode-foreground,#76808f)"


@attrs.frozen(kw_only=True)
class Bar:
    """
    One bar.

    Attributes:
        row: The name of the row that it is in.
        start: Where it begins, in the same unit as `end`.
        tooltip: The text that is shown when the pointer rests on it.
    """

    row: str
    start: float
    end: float
    colour: str
    tooltip: str


@attrs.frozen(kw_only=True)
class Chart:
    """
    Bars in rows, which are in the order of the bars.

    Attributes:
        first: The label below the earliest start.
        last: The label below the latest end.
        row_height: Pixels; where rows are lower than a line of text, only some of them show their names.
    """

    title: str
    bars: Sequence[Bar]
    first: str
    last: str
    row_height: float

    @cached_property
    def rows(self) -> dict[str, float]:
        """The upper edge of each row, by its name, in pixels below the first row's."""
        names = dict.fromkeys(bar.row for bar in self.bars)
        return {name: index * self.row_height for index, name in enumerate(names)}

    @property
    def height(self) -> float:
        """Pixels, including the title, the labels below, and the space before the next chart."""
        return len(self.rows) * self.row_height + 3 * LINE


def charts_svg(charts: Sequence[Chart], colours: Mapping[str, str]) -> Markup:
    """Return *charts* one below the other as SVG, with a legend of the *colours* above them."""
    parts, x = [], 0.0
    for name, colour in colours.items():
        parts.append(
            Markup('<rect x="{:.0f}" y="2" width="10" height="10" fill="{}"/><text x="{:.0f}" y="11">{}</text>').format(
                x, colour, x + 15, name
            )
        )
        x += len(name) * CHARACTER + 35
    names = max((len(shortened(name, LONGEST)) for chart in charts for name in chart.rows), default=0) * CHARACTER
    top = float(LINE)
    for chart in charts:
        parts.append(Markup('<g transform="translate({:.0f} {:.0f})">{}</g>').format(names, top, _chart_svg(chart)))
        top += chart.height
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="12" role="img" aria-label="{}"'
        ' style="{}" viewBox="0 0 {:.0f} {:.0f}" width="{:.0f}">{}</svg>'
    ).format(charts[0].title, _INK, names + WIDTH + 20, top, names + WIDTH + 20, joined(parts))


def _chart_svg(chart: Chart) -> Markup:
    """Return *chart* with its bars to the right of the origin, and the names of the rows to the left."""
    every = max(1, round(LINE / chart.row_height))  # where rows are too low for text, only some show their names
    middle = chart.row_height / 2 + 4
    names = joined(
        Markup('<text y="{:.1f}">{}</text>').format(top + middle, shortened(name, LONGEST))
        for name, top in list(chart.rows.items())[::every]
    )
    earliest = min((bar.start for bar in chart.bars), default=0.0)
    scale = WIDTH / (max((bar.end - earliest for bar in chart.bars), default=0.0) or 1.0)
    bars = joined(
        Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"><title>{}</title></rect>').format(
            (bar.start - earliest) * scale,
            chart.rows[bar.row],
            max(1.0, (bar.end - bar.start) * scale),
            chart.row_height * 0.85,
            bar.colour,
            bar.tooltip,
        )
        for bar in chart.bars
    )
    below = LINE * 2.3 + len(chart.rows) * chart.row_height
    return Markup(
        '<text x="10" y="{}" font-weight="600">{}</text><g transform="translate(10 {})">'
        '<g transform="translate(-5 0)" text-anchor="end">{}</g>{}</g>'
        '<g font-size="11"><text x="10" y="{:.0f}">{}</text><text x="{}" y="{:.0f}" text-anchor="end">{}</text></g>'
    ).format(LINE, chart.title, LINE * 1.5, names, bars, below, chart.first, WIDTH + 10, below, chart.last)
