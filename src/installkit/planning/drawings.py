"""Plans as text: a table, and a graph in Mermaid's language."""

from collections.abc import Iterable

from installkit.model import Change, Plan
from installkit.text import join_names

_HEADER = ("COMPONENT", "HOSTS", "CHANGE", "WHY", "RISK")


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
    return str(plan.graph())


def _why(change: Change) -> str:
    return "" if change.action is None else change.reason


def _risk(change: Change) -> str:
    return ", ".join(word for word in ("disruptive", "destructive") if getattr(change, word))


def _aligned(rows: list[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
