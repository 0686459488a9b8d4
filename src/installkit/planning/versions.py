"""Which of two versions is newer, and which versions a specifier accepts."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from installkit.errors import PlanningError
from installkit.model import Action, Component
from installkit.planning.coverage import spec_of


def check_known(component: Component, version: str | None) -> None:
    """
    Refuse a *version* that *component* cannot install; where its versions are unknown, any will do.

    Raises:
        PlanningError: If the manifest does not list it.
    """
    if version is not None and component.versions and version not in component.versions:
        raise PlanningError(
            f"{component.name} has no version {version!r}", remedy=f"choose one of: {', '.join(component.versions)}"
        )


def is_offered(component: Component, version: str | None) -> bool:
    """Return whether *component* can install *version*; if its versions are unknown, it can install any but None."""
    return version is not None and (not component.versions or version in component.versions)


def is_newer(component: Component, version: str, than: str) -> bool | None:
    """
    Return whether *version* is newer than *than*, by its number or else by the manifest's order; None if unknown.

    The part after a `+` is not compared by number: Python would compare it as text, with `deb12u11` below `deb12u9`.
    """
    order = {listed_version: place for place, listed_version in enumerate(component.versions)}
    listed = order[version] > order[than] if version in order and than in order else None
    try:
        number, other = Version(version), Version(than)
    except InvalidVersion:
        return listed
    return listed if number.public == other.public and listed is not None else number > other


def fits(specifier: str | None, version: str | None) -> bool:
    """Return whether *specifier* accepts *version*; None accepts all, others no unknown version and no non-number."""
    if specifier is None:
        return True
    try:
        return version is not None and SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def find_route(component: Component, old: str | None, new: str | None) -> tuple[str, ...] | None:
    """
    Return the versions in between through which an upgrade of *component* goes from *old* to *new*.

    It is the shortest route that the upgrade's `from` allows; of several, the one with the newer versions.

    Args:
        component: Only its own versions are part of a route.
        old: None if unknown.
        new: None if versions are unknown.

    Returns:
        Empty if one upgrade leads to *new*; None if no route does.
    """
    if old is None or new is None:
        return () if fits(spec_of(component, Action.UPGRADE).origins(new), old) else None
    levels = [[new]]  # by how many upgrades are left to the end
    left = [version for version in component.versions if version != new]
    while levels[-1] and not _within_reach(component, old, levels[-1]):
        levels.append([version for version in left if _within_reach(component, version, levels[-1])])
        left = [version for version in left if version not in levels[-1]]
    if not levels[-1]:
        return None
    stops = [old]
    newest: Callable[[str], Any] = functools.cmp_to_key(lambda one, other: 1 if is_newer(component, one, other) else -1)
    for level in reversed(levels[1:]):
        stops.append(max(_within_reach(component, stops[-1], level), key=newest))
    return tuple(stops[1:])


def reachable_versions(component: Component, old: str | None) -> tuple[str, ...]:
    """Return the versions of *component* to which an upgrade from *old* can go, in the manifest's order."""
    others = (version for version in component.versions if version != old)
    return tuple(version for version in others if find_route(component, old, version) is not None)


def _within_reach(component: Component, old: str, versions: Sequence[str]) -> list[str]:
    """Return the *versions* to which one upgrade leads from *old*."""
    spec = spec_of(component, Action.UPGRADE)
    return [
        version for version in versions if fits(spec.origins(version), old) and not is_newer(component, old, version)
    ]
