"""
A plan as a graph.

Its text is a flowchart in Mermaid's language, with a box for each step:

    flowchart TD
      s1["1. install mysql<br/>db1"]
      s2["2. install portal<br/>web1, web2"]
      s1 --> s2
"""

import re

import attrs

_PLAIN = re.compile(r"[^\w .,:/+@→()…-]")


@attrs.frozen(kw_only=True)
class GraphNode:
    """
    One step.

    Attributes:
        id: The step's id.
        seq: Position in the plan, from 1; 0 for installkit's own checks.
        title: The action, as `upgrade mysql 10.11.18 → 10.11.19 (batch 2)`.
        hosts: The hosts in words, as `db1, db2`.
    """

    id: str
    seq: int
    title: str
    hosts: str


@attrs.frozen(kw_only=True)
class GraphEdge:
    """
    A need of a step: another step that must come first.

    Attributes:
        start: The id of the node that comes first.
        end: The id of the node that needs it.
        approval: Whether the second node also waits for an approval.
    """

    start: str
    end: str
    approval: bool


@attrs.frozen(kw_only=True)
class PlanGraph:
    """
    The steps of a plan, with an edge from each to those that need it: a picture in a notebook, Mermaid as text.

    Attributes:
        summary: The plan's summary.
        nodes: In the order of the plan: each node after those that it needs.
        edges: In the order of the nodes that they lead to.
    """

    summary: str
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]

    def __str__(self) -> str:
        first = self.nodes[0].seq if self.nodes else 0  # not the nodes' own numbers: several checks may have number 0
        names = {node.id: f"s{number}" for number, node in enumerate(self.nodes, start=first)}
        boxes = [
            f'  {names[node.id]}["{node.seq}. {_escaped(node.title)}<br/>{_escaped(node.hosts)}"]'
            for node in self.nodes
        ] or [f'  none["{_escaped(self.summary)}"]']
        arrows = (
            f"  {names[edge.start]} {'-- approval ' if edge.approval else ''}--> {names[edge.end]}"
            for edge in self.edges
        )
        return "\n".join(["flowchart TD", *boxes, *arrows])


def _escaped(text: str) -> str:
    """Return *text* with Mermaid's codes for all characters that could be markup for Mermaid or a browser."""
    return _PLAIN.sub(lambda match: f"#{ord(match[0])};", text)
