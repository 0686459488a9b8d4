"""Plans as text: a table, and a graph in Mermaid's language."""

from installkit.model import Plan
from installkit.text import join_names

_HEADER = ("COMPONENT", "HOSTS", "CHANGE", "WHY", "RISK")


def plan_table(plan: Plan) -> str:
    """Return *plan* as plain text: a table of its changes, the summary, where it waits for approvals, and warnings."""
    lines = []
    if rows := plan_rows(plan):
        rows.insert(0, _HEADER)
        widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        lines.append("")
    return "\n".join([*lines, plan.summary, *plan.waits, *(f"warning: {warning}" for warning in plan.warnings)])


def plan_rows(plan: Plan) -> list[tuple[str, ...]]:
    """
    Return the changes of *plan* in rows of component, hosts, change, reason, and risk.

    Hosts of a component share a row if the same happens to them.
    """
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for change in plan.changes:
        reason = "" if change.action is None else change.reason
        risk = ", ".join(word for word in ("disruptive", "destructive") if getattr(change, word))
        rows.setdefault((change.component, change.text, reason, risk), []).append(change.host)
    return [(key[0], join_names(hosts), *key[1:]) for key, hosts in rows.items()]


def plan_graph(plan: Plan) -> str:
    """
    Return *plan*'s steps as a Mermaid flowchart, with an arrow from each step to those that need it.

    The label of an arrow says where the plan waits for an approval.
    """
    return str(plan.graph())
