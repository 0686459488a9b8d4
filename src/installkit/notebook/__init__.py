"""
How plans, runs, sites and catalogs look in a notebook.

`IPython`, `pandas` and `rich` are imported where they are used.
"""

from installkit.notebook.comparison import RunComparison, compare_runs
from installkit.notebook.frames import to_frame
from installkit.notebook.graph import PlanGraph
from installkit.notebook.pages import mimebundle
from installkit.notebook.timeline import Timeline, read_timeline
from installkit.notebook.watching import watch

__all__ = [
    "PlanGraph",
    "RunComparison",
    "Timeline",
    "compare_runs",
    "mimebundle",
    "read_timeline",
    "to_frame",
    "watch",
]
