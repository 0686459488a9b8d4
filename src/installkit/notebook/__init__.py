"""
How plans, runs, sites and catalogs look in a notebook, and `watch`, which shows a run as it goes on.

This is an extension of IPython; the classes that it draws do not depend on it. `import installkit` loads the extension
if IPython runs already; otherwise `%load_ext installkit.notebook` does. Loading registers the names of the classes; the
code that draws them is imported when the first value is shown.
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
    ("installkit.runs.profile", "RunProfile"),
    ("installkit.runs.run", "Run"),
    ("installkit.runs.timeline", "Timeline"),
    ("installkit.sites.site", "Site"),
)
"""The module and the name of each class that a notebook can show."""

_ELSEWHERE = {"mimebundle": "installkit.notebook.bundles", "watch": "installkit.notebook.watching"}


def load_ipython_extension(shell: Any) -> None:
    """Register in IPython's *shell* how values are shown; its `%load_ext` calls this."""
    for module, name in SHOWN:
        shell.display_formatter.mimebundle_formatter.for_type_by_name(module, name, _bundle)


def _bundle(value: Any) -> dict[str, Any]:
    load("markupsafe")  # IPython may be there without the extra `notebook`: this error says how to install it
    from installkit.notebook.bundles import mimebundle  # noqa: PLC0415 - it imports all that can be shown

    return mimebundle(value)


def __getattr__(name: str) -> Any:
    """Import `mimebundle` and `watch` when they are first used: they take time to import."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module 'installkit.notebook' has no attribute {name!r}")
    return getattr(import_module(_ELSEWHERE[name]), name)
