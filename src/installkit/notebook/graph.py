"""
The steps of a plan as a picture: boxes in layers.

They are drawn here because no maintained library does it without another program.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import attrs
from markupsafe import Markup

from installkit import GraphNode, PlanGraph
from installkit.notebook.markup import joined

BOX_HEIGHT = 42
GAP = 18
LAYER_GAP = 44
CHARACTER = 7.3
"""Pixels that a character of text in a picture usually takes at most."""

BOLD_CHARACTER = 8.2

LONGEST = 44
"""At most so many characters are on a line of a box."""

_HEAD = Markup(
    '<defs><marker id="ik-head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0L8 4L0 8z" fill="#7a8699"/></marker></defs>'
)


@attrs.frozen
class _Box:
    node: GraphNode
    lines: tuple[str, str]
    width: float
    x: float = 0.0
    y: float = 0.0


def graph_svg(graph: PlanGraph) -> Markup:
    """Return *graph* as a picture whose colours can be read on a light and on a dark page."""
    boxes = _placed(graph)
    arrows, drawn_boxes = [], []
    for edge in graph.edges:
        start, end = boxes[edge.start], boxes[edge.end]
        x1, y1, x2, y2 = _middle(start), start.y + BOX_HEIGHT, _middle(end), end.y
        bend = (y2 - y1) / 2
        arrows.append(
            Markup(
                '<path fill="none" stroke="#7a8699" marker-end="url(#ik-head)"'
                ' d="M{:.0f} {:.0f}C{:.0f} {:.0f} {:.0f} {:.0f} {:.0f} {:.0f}"/>'
            ).format(x1, y1, x1, y1 + bend, x2, y2 - bend, x2, y2)
        )
    for box in boxes.values():
        picture = Markup(
            '<g><title>{}</title><rect x="{:.0f}" y="{:.0f}" width="{:.0f}" height="{}" rx="6" fill="#eef2f8" stroke="#5b6b85"/>'
            '<g fill="#1a1f29"><text x="{:.0f}" y="{:.0f}" font-weight="600">{}</text>'
            '<text x="{:.0f}" y="{:.0f}">{}</text></g></g>'
        ).format(
            f"{box.node.title} on {box.node.hosts}", box.x, box.y, box.width, BOX_HEIGHT,
            box.x + 10, box.y + 17, box.lines[0], box.x + 10, box.y + 34, box.lines[1],
        )  # fmt: skip
        drawn_boxes.append(picture)
    width = max((box.x + box.width for box in boxes.values()), default=0) + 1
    height = max((box.y for box in boxes.values()), default=0) + BOX_HEIGHT + 1
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="12" role="img" aria-label="{}"'
        ' viewBox="-1 -1 {:.0f} {:.0f}" width="{:.0f}">{}{}{}</svg>'
    ).format(graph.summary, width + 1, height + 1, width + 1, _HEAD, joined(arrows), joined(drawn_boxes))


def _placed(graph: PlanGraph) -> Mapping[str, _Box]:
    """Return the box of each node by its id: in the layer below all nodes that it needs, near the middle of them."""
    needs: defaultdict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        needs[edge.end].append(edge.start)
    depths: dict[str, int] = {}
    layers: defaultdict[int, list[_Box]] = defaultdict(list)
    for node in graph.nodes:  # what a node needs comes before it
        depths[node.id] = max((depths[need] + 1 for need in needs[node.id]), default=0)
        lines = shortened(f"{node.seq}. {node.title}"), shortened(node.hosts)
        width = max(len(lines[0]) * BOLD_CHARACTER, len(lines[1]) * CHARACTER) + 20
        layers[depths[node.id]].append(_Box(node, lines, width))
    widest = max(map(_row_width, layers.values()), default=0.0)
    boxes: dict[str, _Box] = {}
    for depth, layer in sorted(layers.items()):
        row = sorted(
            layer,
            key=lambda box: sum(_middle(boxes[need]) for need in needs[box.node.id]) / max(1, len(needs[box.node.id])),
        )
        x = (widest - _row_width(row)) / 2
        for box in row:
            boxes[box.node.id] = attrs.evolve(box, x=x, y=depth * (BOX_HEIGHT + LAYER_GAP))
            x += box.width + GAP
    return boxes


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return *text* with at most *longest* characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _row_width(row: Sequence[_Box]) -> float:
    return sum(box.width for box in row) + GAP * (len(row) - 1)


def _middle(box: _Box) -> float:
    return box.x + box.width / 2
