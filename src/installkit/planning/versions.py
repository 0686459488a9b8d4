"""Which of two versions is newer, and which ones a specifier takes."""

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from installkit.errors import PlanningError
from installkit.model import Component


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
    """Return whether *component* can install *version*; where its versions are unknown, any known one."""
    return version is not None and (not component.versions or version in component.versions)


def is_newer(component: Component, version: str, than: str) -> bool | None:
    """
    Return whether *version* is newer than *than*, by its number or else by the manifest's order; None if unknown.

    What follows a `+` orders nothing by number: in `1.22.1-9+deb12u11` it is a word to Python, below `deb12u9`.
    """
    order = {known: place for place, known in enumerate(component.versions)}
    listed = order[version] > order[than] if version in order and than in order else None
    try:
        number, other = Version(version), Version(than)
    except InvalidVersion:
        return listed
    return listed if number.public == other.public and listed is not None else number > other


def fits(specifier: str | None, version: str | None) -> bool:
    """Return whether *specifier* takes *version*; an unknown version, or one without a number, fits None alone."""
    if specifier is None:
        return True
    try:
        return version is not None and SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False
