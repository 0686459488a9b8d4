"""Plans as text: a table, and a graph in Mermaid's language."""

import re
from collections.abc import Iterable

from installkit.model import Change, Plan, Step
from installkit.text import join_names

_HEADER = ("COMPONENT", "HOSTS", "CHANGE", "WHY", "RISK")
_PLAIN = re.compile(r"[^\w .,:/+@→()…-]")


def plan_table(plan: Plan) -> str:
    """Return *plan* as a table in plain text: what changes where and why, the summary, where it waits, and warnings."""
    cells = plan_rows(plan)
    lines = [*_aligned([_HEADER, *cells]), "", plan.summary] if cells else [plan.summary]
    return "\n".join([*lines, *plan.waits, *(f"warning: {warning}" for warning in plan.warnings)])


def plan_rows(plan: Plan) -> list[tuple[str, ...]]:
    """
    Return what *plan* changes, in rows of component, hosts, change, why, and risk.

    A component's hosts stand in one row where the same happens to them.
    """
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for change in plan.changes:
        rows.setdefault((change.component, change.text, _why(change), _risk(change)), []).append(change.host)
    return [(key[0], join_names(hosts), *key[1:]) for key, hosts in rows.items()]


def plan_graph(plan: Plan) -> str:
    """
    Return *plan*'s steps as a Mermaid flowchart, with an arrow from each step to those that need it.

    An arrow says where an approval is waited for.
    """
    nodes = [f'  s{step.seq}["{_label(step)}"]' for step in plan.steps] or [f'  none["{_escaped(plan.summary)}"]']
    seqs = {step.id: step.seq for step in plan.steps}
    arrows = [
        f"  s{seqs[need]} {'-- approval ' if step.approve else ''}--> s{step.seq}"
        for step in plan.steps
        for need in step.needs
    ]
    return "\n".join(["flowchart TD", *nodes, *arrows])


def _why(change: Change) -> str:
    return "" if change.action is None else change.reason


def _risk(change: Change) -> str:
    return ", ".join(word for word in ("disruptive", "destructive") if getattr(change, word))


def _aligned(rows: list[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _label(step: Step) -> str:
    """Return what the box of *step* says; the line break is Mermaid's own."""
    title, _, hosts = step.text.rpartition(" on ")
    batch = "" if step.batch is None else f" (batch {step.batch})"
    return f"{step.seq}. {_escaped(title)}{batch}<br/>{_escaped(hosts)}"


def _escaped(text: str) -> str:
    """Return *text* with all that Mermaid or a browser could take for markup as Mermaid's character codes."""
    return _PLAIN.sub(lambda match: f"#{ord(match[0])};", text)
