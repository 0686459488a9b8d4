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
"""Pixels that a line of text has."""

# VS Code puts the picture into its page, so that its own ink can be had; elsewhere a grey that both grounds bear.
_INK = "fill:var(--vscode-foreground,#76808f)"


@attrs.frozen(kw_only=True)
class Bar:
    """
    One bar.

    Attributes:
        row: What the row that it is in is called.
        start: Where it begins, in the same unit as `end`.
        told: What is said of it where the pointer rests on it.
    """

    row: str
    start: float
    end: float
    colour: str
    told: str


@attrs.frozen(kw_only=True)
class Chart:
    """
    Bars in rows, which are in the order of the bars.

    Attributes:
        first: What stands below the earliest start.
        last: What stands below the latest end.
        row_height: Pixels; rows lower than a line leave out some of their names.
    """

    title: str
    bars: Sequence[Bar]
    first: str
    last: str
    row_height: float

    @cached_property
    def rows(self) -> dict[str, float]:
        """The upper edge of each row, by its name, in pixels below that of the first."""
        names = dict.fromkeys(bar.row for bar in self.bars)
        return {name: index * self.row_height for index, name in enumerate(names)}

    @property
    def height(self) -> float:
        """Pixels, with the title, what stands below, and the space to the next."""
        return len(self.rows) * self.row_height + 3 * LINE


def charts_svg(charts: Sequence[Chart], colours: Mapping[str, str]) -> Markup:
    """Return *charts* one below the other as SVG, and above them what the *colours* mean."""
    names = max((len(shortened(name, LONGEST)) for chart in charts for name in chart.rows), default=0) * CHARACTER
    parts, top = [_legend(colours)], float(LINE)
    for chart in charts:
        parts.append(Markup('<g transform="translate({:.0f} {:.0f})">{}</g>').format(names, top, _drawn(chart)))
        top += chart.height
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="12" role="img" aria-label="{}"'
        ' style="{}" viewBox="0 0 {:.0f} {:.0f}" width="{:.0f}">{}</svg>'
    ).format(charts[0].title, _INK, names + WIDTH + 20, top, names + WIDTH + 20, joined(parts))


def _legend(colours: Mapping[str, str]) -> Markup:
    parts, x = [], 0.0
    for name, colour in colours.items():
        parts.append(
            Markup('<rect x="{:.0f}" y="2" width="10" height="10" fill="{}"/><text x="{:.0f}" y="11">{}</text>').format(
                x, colour, x + 15, name
            )
        )
        x += len(name) * CHARACTER + 35
    return joined(parts)


def _drawn(chart: Chart) -> Markup:
    """Return *chart* with its rows at the right of the origin, their names at the left."""
    below = LINE * 2.3 + len(chart.rows) * chart.row_height
    return Markup(
        '<text x="10" y="{}" font-weight="600">{}</text><g transform="translate(10 {})">{}{}</g>'
        '<g font-size="11"><text x="10" y="{:.0f}">{}</text><text x="{}" y="{:.0f}" text-anchor="end">{}</text></g>'
    ).format(
        LINE, chart.title, LINE * 1.5, _names(chart), _bars(chart), below, chart.first, WIDTH + 10, below, chart.last
    )


def _names(chart: Chart) -> Markup:
    """Return the names of the rows; where they are too low for text, those of some."""
    every = max(1, round(LINE / chart.row_height))
    middle = chart.row_height / 2 + 4
    shown = list(chart.rows.items())[::every]
    texts = (Markup('<text y="{:.1f}">{}</text>').format(top + middle, shortened(name, LONGEST)) for name, top in shown)
    return Markup('<g transform="translate(-5 0)" text-anchor="end">{}</g>').format(joined(texts))


def _bars(chart: Chart) -> Markup:
    begun = min((bar.start for bar in chart.bars), default=0.0)
    scale = WIDTH / (max((bar.end - begun for bar in chart.bars), default=0.0) or 1.0)
    return joined(
        Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"><title>{}</title></rect>').format(
            (bar.start - begun) * scale,
            chart.rows[bar.row],
            max(1.0, (bar.end - bar.start) * scale),
            chart.row_height * 0.85,
            bar.colour,
            bar.told,
        )
        for bar in chart.bars
    )
