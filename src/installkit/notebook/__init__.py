"""
How plans, runs, sites and catalogs show themselves in a notebook, and `watch`, which shows a run as it goes on.

No value knows of this package. It is an extension of IPython's: `import installkit` has IPython load it where that runs
already, and `%load_ext installkit.notebook` does the same where IPython came later. Loading tells IPython the names of
the classes; what draws them is imported when the first of them is shown.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from installkit.extras import load

if TYPE_CHECKING:
    from installkit.notebook.bundles import mimebundle
    from installkit.notebook.watching import watch

__all__ = ["load_ipython_extension", "mimebundle", "watch"]

SHOWN = (
    ("installkit.model.component", "Catalog"),
    ("installkit.model.graph", "PlanGraph"),
    ("installkit.model.plan", "Plan"),
    ("installkit.runs.comparison", "RunComparison"),
    ("installkit.runs.run", "Run"),
    ("installkit.runs.timeline", "Timeline"),
    ("installkit.sites.site", "Site"),
)
"""The module and the name of each class whose values show themselves."""

_ELSEWHERE = {"mimebundle": "installkit.notebook.bundles", "watch": "installkit.notebook.watching"}


def load_ipython_extension(shell: Any) -> None:
    """Tell IPython's *shell* how values show themselves; its `%load_ext` calls this."""
    for module, name in SHOWN:
        shell.display_formatter.mimebundle_formatter.for_type_by_name(module, name, _bundle)


def _bundle(value: Any) -> dict[str, Any]:
    load("markupsafe")  # better missed here, with a remedy: IPython may be there without the extra `notebook`
    from installkit.notebook.bundles import mimebundle  # noqa: PLC0415 - it imports all that can be shown

    return mimebundle(value)


def __getattr__(name: str) -> Any:
    """Import on first use what takes time to import."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module 'installkit.notebook' has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE[name]), name)
