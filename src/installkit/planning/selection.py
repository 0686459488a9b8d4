"""The components that an entry of a request means: `mysql`, `mysql=10.11.19`, `03`, `03.mysql.yml`, or `3-7`."""

import re
from collections.abc import Collection, Iterable, Iterator

import attrs

from installkit.errors import PlanningError, UnknownNameError
from installkit.model import Catalog, Component

_RANGE = re.compile(r"(?P<first>0*[0-9]{1,9})-(?P<last>0*[0-9]{1,9})")
_WANTED = re.compile(r"(?P<name>[^\s=]+)(?:=(?P<version>[^\s=]+))?")


@attrs.frozen
class NamedVersion:
    """One entry of a request: the component as the user wrote it, and the version; None means any version."""

    name: str
    version: str | None = None


@attrs.frozen(kw_only=True)
class Selected:
    """
    One component that an entry of a request means.

    Attributes:
        text: The entry; for a range the component's own name, so that it means this component alone.
        by_range: Whether the entry is a range.
    """

    text: str
    component: Component
    version: str | None = None
    by_range: bool = False


def parse_wanted(text: str) -> NamedVersion:
    """
    Return what *text* asks for: `NAME` or `NAME=VERSION`.

    Raises:
        PlanningError: If it is neither.

    >>> parse_wanted("mysql=10.11.19")
    NamedVersion(name='mysql', version='10.11.19')
    """
    match = _WANTED.fullmatch(text)
    if match is None:
        raise PlanningError(f"{text!r} asks for no component", remedy="write NAME or NAME=VERSION")
    return NamedVersion(**match.groupdict())


def select(texts: Iterable[str], catalog: Catalog, excluded: Collection[str]) -> Iterator[Selected]:
    """
    Yield each component that the entries *texts* mean; of a range all but those with a name in *excluded*.

    Raises:
        UnknownNameError: If there is none.
        PlanningError: If an entry asks for no component, or gives a range a version.
    """
    for text in texts:
        entry = parse_wanted(text)
        if not _RANGE.fullmatch(entry.name):
            yield Selected(text=text, component=catalog[entry.name], version=entry.version)
            continue
        if entry.version is not None:
            raise PlanningError(f"{text!r} gives one version to a range", remedy="name each component with its version")
        components = _in_range(entry.name, catalog)
        if not components:
            numbers = dict.fromkeys(f"{component.order:02d}" for component in catalog if component.order is not None)
            dropped = [f"{path}: {catalog.dropped[path]}" for path in dropped_by(entry.name, catalog)]
            raise UnknownNameError(
                "\n".join([f"no component of {catalog.folder} has a number in the range {entry.name}", *dropped]),
                remedy=f"choose from these numbers: {', '.join(numbers)}"
                if numbers
                else "name a component: none has a number",
            )
        for component in components:
            if component.name not in excluded:
                yield Selected(text=component.name, component=component, by_range=True)


def excluded_names(exclude: Iterable[str], catalog: Catalog) -> frozenset[str]:
    """
    Return the names of the components that the entries *exclude* mean; an entry may also mean only a dropped playbook.

    Raises:
        UnknownNameError: If one means neither.
        PlanningError: If a range goes the wrong way.
    """
    names: set[str] = set()
    for name in exclude:
        components = _in_range(name, catalog) if _RANGE.fullmatch(name) else catalog.called(name)
        if components or not dropped_by(name, catalog):
            selected = tuple(select([name], catalog, ()))  # raises for a number of several, too
            if any(entry.version for entry in selected):
                raise PlanningError(f"exclude takes no version, but {name!r} has one", remedy="leave it out")
            names.update(entry.component.name for entry in selected)
    return frozenset(names)


def dropped_by(name: str, catalog: Catalog) -> tuple[str, ...]:
    """Return the paths of the dropped playbooks that *name* means: a path, a number or a range."""
    return catalog.dropped_between(*_ends(name)) if _RANGE.fullmatch(name) else catalog.dropped_as(name)


def _ends(text: str) -> tuple[int, int]:
    first, last = (int(number) for number in text.split("-"))
    if first > last:
        raise PlanningError(f"range {text!r} goes from a higher number to a lower one", remedy=f"write {last}-{first}")
    return first, last


def _in_range(text: str, catalog: Catalog) -> tuple[Component, ...]:
    first, last = _ends(text)
    return tuple(component for component in catalog if component.order is not None and first <= component.order <= last)
