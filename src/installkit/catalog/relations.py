"""Checks between components: their requirements, and parameters with the same name."""

import graphlib
from collections.abc import Iterable, Mapping

import attrs
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from installkit.catalog.document import Place
from installkit.catalog.fields import suggestion
from installkit.catalog.manifest import Manifest
from installkit.model import Component, Parameter


def check_requirements(manifests: Iterable[Manifest], components: Mapping[str, Component]) -> None:
    """Report every requirement that no component of the catalog meets, and every cycle."""
    graph: dict[str, list[str]] = {name: [] for name in components}
    by_name = {manifest.name: manifest for manifest in manifests}
    for manifest in by_name.values():
        for requirement in manifest.values.get("requires", ()):
            name, specifier = requirement.name, requirement.version
            required = components.get(name)
            if required is None:
                message = f"no component is named {name!r}; {suggestion(name, tuple(components))}"
            elif (
                specifier
                and required.versions
                and not any(_accepts(specifier, version) for version in required.versions)
            ):
                message = f"{name!r} offers {', '.join(required.versions)}, none of which is {specifier}"
            else:
                graph[manifest.name].append(name)
                continue
            manifest.report(_place(manifest, name), message)
    while cycle := _cycle(graph):
        requirer, name = cycle[0], cycle[1]
        message = f"components require each other: {' → '.join(cycle)}; drop one of these requirements"
        by_name[requirer].report(_place(by_name[requirer], name), message)
        graph[requirer].remove(name)


def check_parameters(manifests: Iterable[Manifest], components: Mapping[str, Component]) -> None:
    """Report parameters that a component declares differently from an earlier one, or sets in the vars of an action."""
    first: dict[str, tuple[Parameter, str]] = {}
    for manifest in manifests:
        for parameter in components[manifest.name].parameters:
            place = ("parameters", parameter.name)
            earlier, position = first.setdefault(parameter.name, (parameter, manifest.document.position(place)))
            if _declaration(earlier) != _declaration(parameter):
                message = f"{parameter.name!r} is declared otherwise by {earlier.component!r} in {position}"
                manifest.document.report(place, message, key=True)
        parameters = manifest.values.get("parameters", {})
        for action, parts in manifest.values.get("actions", {}).items():
            for name in sorted(parts.get("vars", {}).keys() & parameters.keys()):
                message = f"{name!r} is a parameter: a variable of an action needs another name"
                manifest.document.report(("actions", action, "vars", name), message)


def _place(manifest: Manifest, required: str) -> Place:
    for index, entry in enumerate(manifest.document.value["requires"]):
        if isinstance(entry, dict) and entry.get("name") == required:
            return ("requires", index, "name")
        if entry == required:
            return ("requires", index)
    return ("requires",)


def _accepts(specifier: str, version: str) -> bool:
    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def _cycle(graph: Mapping[str, list[str]]) -> list[str]:
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as exc:
        # graphlib lists the required before the requirer
        return list(reversed(exc.args[1]))
    return []


def _declaration(parameter: Parameter) -> Parameter:
    return attrs.evolve(parameter, component="", origin=None)
