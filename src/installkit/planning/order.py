"""The order of components: what is required comes first, then lower numbers."""

import heapq
import itertools
import math
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter

import attrs

from installkit.errors import DependencyCycleError
from installkit.model import Component
from installkit.planning.requests import find_required

_Graph = dict[str, list[str]]


@attrs.frozen
class Order:
    """
    Components in order.

    Attributes:
        names: The planned components and all that they require, in order.
        before: By name, the components directly before it; what is before these is before it too.
    """

    names: tuple[str, ...] = ()
    before: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)

    def reversed(self) -> "Order":
        """Return the order for taking components away: what requires another one goes before it."""
        after: _Graph = {name: [] for name in reversed(self.names)}
        for name in reversed(self.names):
            for earlier in self.before[name]:
                after[earlier].append(name)
        return Order(tuple(after), {name: tuple(names) for name, names in after.items()})


def order_components(planned: Iterable[Component], catalog: Mapping[str, Component]) -> Order:
    """
    Return the order of the *planned* components and of all they require.

    What is required comes first, always. A number gives order only: of two planned components, where either has no
    manifest, the higher number waits for the lower. Ties are broken by number, then by name.

    Raises:
        UnknownNameError: If a required component is not in *catalog*.
        DependencyCycleError: If components require each other.
    """
    planned = list(planned)
    graph: _Graph = {}
    waiting = list(planned)
    while waiting:
        component = waiting.pop()
        if component.name not in graph:
            required = [find_required(requirement.name, component, catalog) for requirement in component.requires]
            graph[component.name] = [other.name for other in required]
            waiting += required
    places = _places(graph, catalog)
    numbered = [component for component in planned if component.order is not None]
    for name, earlier in _numbered_before(numbered, places).items():
        graph[name] += earlier
    before = {name: tuple(dict.fromkeys(earlier)) for name, earlier in graph.items()}

    names: list[str] = []
    sorter = TopologicalSorter(before)
    sorter.prepare()
    ready: list[tuple[float, str]] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            number = catalog[name].order
            heapq.heappush(ready, (math.inf if number is None else number, name))
        _, name = heapq.heappop(ready)
        sorter.done(name)
        names.append(name)
    return Order(tuple(names), before)


def _places(requires: _Graph, catalog: Mapping[str, Component]) -> dict[str, float]:
    """
    Return each component's number, or the highest number among what it requires if that is higher.

    So a number never contradicts a requirement: edges go from a place to the same or a higher one.
    """
    places: dict[str, float] = {}
    try:
        for name in TopologicalSorter(requires).static_order():
            number = catalog[name].order
            own = -math.inf if number is None else number
            places[name] = max([own, *(places[required] for required in requires[name])])
    except CycleError as exc:
        raise DependencyCycleError(exc.args[1][::-1]) from exc
    return places


def _numbered_before(components: Iterable[Component], places: Mapping[str, float]) -> _Graph:
    """Return by name the components that it waits for because of its number, without edges that follow from others."""
    before: _Graph = {}
    barrier: list[str] = []
    since: list[str] = []
    ordered = sorted(components, key=lambda component: (places[component.name], component.name))
    for _, group in itertools.groupby(ordered, key=lambda component: places[component.name]):
        same = list(group)
        plain = [component.name for component in same if component.manifest is None]
        described = [component.name for component in same if component.manifest is not None]
        before |= dict.fromkeys(described, barrier)
        before |= dict.fromkeys(plain, barrier + since)
        barrier, since = (plain, described) if plain else (barrier, since + described)
    return before
