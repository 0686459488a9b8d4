"""What components must agree on with each other."""

import graphlib
from collections.abc import Iterable, Mapping

import attrs
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from installkit.catalog.document import Place
from installkit.catalog.fields import suggestion
from installkit.catalog.manifest import Manifest
from installkit.model import Component, Parameter, Requirement


def check_requirements(manifests: Iterable[Manifest], components: Mapping[str, Component]) -> None:
    """Report every requirement that nothing in the catalog meets, and every cycle."""
    graph: dict[str, list[str]] = {name: [] for name in components}
    by_name = {manifest.name: manifest for manifest in manifests}
    for manifest in by_name.values():
        for requirement in manifest.values.get("requires", ()):
            message = _requirement_problem(requirement, components)
            if message:
                manifest.report(_place(manifest, requirement.name), message)
            elif requirement.name in components:
                graph[manifest.name].append(requirement.name)
    _check_cycles(by_name, graph)


def check_parameters(manifests: Iterable[Manifest], components: Mapping[str, Component]) -> None:
    """Report every parameter that a component declares otherwise than one before it, or sets in an action's vars."""
    first: dict[str, tuple[Parameter, str]] = {}
    for manifest in manifests:
        for parameter in components[manifest.name].parameters:
            place = ("parameters", parameter.name)
            known, where = first.setdefault(parameter.name, (parameter, manifest.document.position(place)))
            if _declaration(known) != _declaration(parameter):
                manifest.document.report(
                    place, f"{parameter.name!r} is declared otherwise by {known.component!r} in {where}", key=True
                )
        _check_variables(manifest)


def _place(manifest: Manifest, required: str) -> Place:
    for index, entry in enumerate(manifest.document.value["requires"]):
        if isinstance(entry, dict) and entry.get("name") == required:
            return ("requires", index, "name")
        if entry == required:
            return ("requires", index)
    return ("requires",)


def _requirement_problem(requirement: Requirement, components: Mapping[str, Component]) -> str | None:
    required = components.get(requirement.name)
    if required is None:
        return f"no component is named {requirement.name!r}; {suggestion(requirement.name, tuple(components))}"
    if requirement.version and required.versions and not _any_version_in(requirement.version, required.versions):
        return f"{requirement.name!r} offers {', '.join(required.versions)}, none of which is {requirement.version}"
    return None


def _any_version_in(specifier: str, versions: Iterable[str]) -> bool:
    return any(_version_in(specifier, version) for version in versions)


def _version_in(specifier: str, version: str) -> bool:
    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def _check_cycles(manifests: Mapping[str, Manifest], graph: dict[str, list[str]]) -> None:
    while cycle := _cycle(graph):
        requirer, required = cycle[0], cycle[1]
        message = f"components require each other: {' → '.join(cycle)}; drop one of these requirements"
        manifests[requirer].report(_place(manifests[requirer], required), message)
        graph[requirer].remove(required)


def _cycle(graph: Mapping[str, list[str]]) -> list[str]:
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as exc:
        # graphlib lists the required before the requirer
        return list(reversed(exc.args[1]))
    return []


def _declaration(parameter: Parameter) -> Parameter:
    return attrs.evolve(parameter, component="", origin=None)


def _check_variables(manifest: Manifest) -> None:
    parameters = manifest.values.get("parameters", {})
    for action, parts in manifest.values.get("actions", {}).items():
        for name in sorted(parts.get("vars", {}).keys() & parameters.keys()):
            manifest.document.report(
                ("actions", action, "vars", name),
                f"{name!r} is a parameter: a variable of an action needs another name",
            )
