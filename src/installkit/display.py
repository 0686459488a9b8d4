"""How public values show themselves: `installkit.notebook` draws them, and is imported only then."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from installkit.notebook import PlanGraph


class Shown:
    """Shows itself as HTML in a notebook, and as text where there is none."""

    __slots__ = ()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from installkit.notebook import mimebundle  # noqa: PLC0415 - no program but a notebook should pay for it

        return mimebundle(self)


class Drawn:
    """Draws its steps, as a plan does."""

    __slots__ = ()

    def graph(self) -> "PlanGraph":
        """Return its steps as a picture for a notebook, each with arrows to those that need it; `str` gives Mermaid."""
        from installkit.notebook import PlanGraph  # noqa: PLC0415 - as above

        plan: Any = self
        return PlanGraph(plan)
