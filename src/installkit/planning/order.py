"""What comes before what."""

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
        names: Those planned and all they require; what comes first stands first.
        before: By name, the ones directly before it; the ones before these are before it too.
    """

    names: tuple[str, ...] = ()
    before: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)

    def reversed(self) -> "Order":
        """Return the order of taking away: what stands on something goes before it."""
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
    requires = _requirements(planned, catalog)
    places = _places(requires, catalog)
    graph = {name: list(required) for name, required in requires.items()}
    for name, earlier in _numbered_before([c for c in planned if c.order is not None], places).items():
        graph[name] += earlier
    before = {name: tuple(dict.fromkeys(earlier)) for name, earlier in graph.items()}
    return Order(tuple(_sorted(before, catalog)), before)


def _requirements(planned: Iterable[Component], catalog: Mapping[str, Component]) -> _Graph:
    graph: _Graph = {}
    waiting = list(planned)
    while waiting:
        component = waiting.pop()
        if component.name not in graph:
            required = [find_required(needed.name, component, catalog) for needed in component.requires]
            graph[component.name] = [needed.name for needed in required]
            waiting += required
    return graph


def _places(requires: _Graph, catalog: Mapping[str, Component]) -> dict[str, float]:
    """
    Return each component's number, or the highest number among what it requires if that is higher.

    So a number never speaks against a requirement: edges go from a place to the same or a higher one.
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
    """Return by name what its number makes it wait for; edges that follow from others are skipped."""
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


def _sorted(before: Mapping[str, Iterable[str]], catalog: Mapping[str, Component]) -> Iterable[str]:
    sorter = TopologicalSorter(before)
    sorter.prepare()
    ready: list[tuple[float, str]] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            number = catalog[name].order
            heapq.heappush(ready, (math.inf if number is None else number, name))
        _, name = heapq.heappop(ready)
        sorter.done(name)
        yield name
