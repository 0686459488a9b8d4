"""The versions through which an upgrade goes."""

import functools
from collections.abc import Sequence

from installkit.model import Action, Component
from installkit.planning.coverage import spec_of
from installkit.planning.versions import fits, is_newer


def find_route(component: Component, old: str | None, new: str | None) -> tuple[str, ...] | None:
    """
    Return the versions in between through which an upgrade of *component* goes from *old* to *new*.

    They are as few as its upgrade's `from` allows, and of several ways the one with the later versions.

    Args:
        component: Only its own versions come in between.
        old: None if unknown.
        new: None where versions are unknown.

    Returns:
        Empty if *new* can be reached at once; None if it cannot be reached at all.
    """
    if old is None or new is None:
        return () if fits(spec_of(component, Action.UPGRADE).origins(new), old) else None
    levels = [[new]]  # by how many upgrades are left to the end
    left = [version for version in component.versions if version != new]
    while levels[-1] and not _within_reach(component, old, levels[-1]):
        levels.append([version for version in left if _within_reach(component, version, levels[-1])])
        left = [version for version in left if version not in levels[-1]]
    return _follow(component, old, levels) if levels[-1] else None


def reachable_versions(component: Component, old: str | None) -> tuple[str, ...]:
    """Return the versions of *component* to which an upgrade from *old* can go, in the manifest's order."""
    others = (version for version in component.versions if version != old)
    return tuple(version for version in others if find_route(component, old, version) is not None)


def _follow(component: Component, old: str, levels: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return where the way from *old* stops: once in each of *levels*, from the last one up to the end."""

    def _compare(one: str, other: str) -> int:
        return 1 if is_newer(component, one, other) else -1

    stops = [old]
    for level in reversed(levels[1:]):
        stops.append(max(_within_reach(component, stops[-1], level), key=functools.cmp_to_key(_compare)))
    return tuple(stops[1:])


def _within_reach(component: Component, old: str, versions: Sequence[str]) -> list[str]:
    """Return those of *versions* to which one upgrade leads from *old*."""
    spec = spec_of(component, Action.UPGRADE)
    return [
        version for version in versions if fits(spec.origins(version), old) and not is_newer(component, old, version)
    ]
