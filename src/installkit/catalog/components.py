"""Makes components from manifests and numbered playbooks."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from installkit.catalog.action_words import caution_about
from installkit.catalog.fields import suggestion
from installkit.catalog.manifest import Manifest
from installkit.catalog.names import component_name_problem
from installkit.catalog.playbooks import Library, Playbook, any_gathers, number_of
from installkit.model import OWN_CHECKS, Action, ActionDefinition, Component, Origin, OriginLevel, Parameter

_BY_INSTALL = frozenset({Action.UPGRADE, Action.CONFIGURE})
"""Actions that the install playbook carries out if they name no playbook."""


def declared_component(manifest: Manifest, library: Library, taken: frozenset[Path]) -> Component:
    """
    Return the component of *manifest*; actions without a playbook get the numbered playbooks of the component's name.

    Args:
        manifest: Gets an issue for each playbook that is missing.
        library: The catalog's playbooks.
        taken: Playbooks that manifests name; no other component gets them.
    """
    _check_actions(manifest, library)
    values = manifest.values
    actions = tuple(_actions(manifest, _adopted(manifest, library, taken)))
    parameters = []
    for name, parts in values.get("parameters", {}).items():
        options = {key: value for key, value in parts.items() if key != "default"}
        origin = Origin(OriginLevel.DEFAULT, manifest.name) if "default" in parts else None
        value = parts.get("default")
        parameters.append(Parameter(name=name, component=manifest.name, value=value, origin=origin, **options))
    install = next((spec.playbook for spec in actions if spec.action is Action.INSTALL), None)
    if install is None and not manifest.document.issues:
        manifest.report(("actions",), f"component {manifest.name!r} has no install playbook: name one under actions")
    return Component(
        name=manifest.name,
        title=values.get("title", manifest.name),
        folder=manifest.folder,
        versions=values.get("versions", ()),
        order=number_of(install) if install else None,
        hosts=values.get("hosts"),
        requires=values.get("requires", ()),
        exclusive=values.get("exclusive", True),
        parameters=tuple(parameters),
        actions=actions,
        manifest=manifest.file,
    )


def numbered_components(playbooks: Iterable[Playbook], taken_names: frozenset[str]) -> list[Component]:
    """
    Return the components of numbered *playbooks* that have no manifest.

    The component's name becomes the whole stem where the short name is found twice, is among *taken_names*, or is that
    of installkit's own checks. Playbooks of an action without an install playbook, or without a valid name, are left
    out.
    """
    by_name: dict[str, list[Playbook]] = defaultdict(list)
    for playbook in playbooks:
        by_name[playbook.component or ""].append(playbook)
    groups: dict[str, list[Playbook]] = {}
    for name, group in by_name.items():
        if name not in taken_names | {OWN_CHECKS} and len(group) == len({playbook.action for playbook in group}):
            groups[name] = group
        else:
            for stem in sorted({playbook.stem for playbook in group}):
                groups[stem] = [playbook for playbook in group if playbook.stem == stem]
    components = []
    for name, group in groups.items():
        install = next((playbook for playbook in group if playbook.action is Action.INSTALL), None)
        if install is not None and component_name_problem(name) is None:
            component = Component(
                name=name,
                title=name,
                folder=install.path.parent,
                order=install.number,
                caution=caution_about(install.component or name, install.path.name, install.number),
                actions=tuple(
                    ActionDefinition(action=playbook.action, playbook=playbook.path.name) for playbook in group
                ),
            )
            components.append(component)
    return components


def with_files(component: Component, shared: Mapping[str, str], library: Library) -> tuple[Component, list[str]]:
    """
    Return *component* with digests of all files that its playbooks may read, and with the prompts of these playbooks.

    Also return a warning for each import that cannot be followed.

    Args:
        component: A component without digests and prompts.
        shared: Digests of the files beside the playbooks in the catalog's folder itself.
        library: The catalog's playbooks.
    """
    contents = library.contents
    named = {Path(os.path.normpath(component.playbook_path(spec))) for spec in component.actions}
    imported, warnings = library.imported(sorted(named))
    paths = named | imported
    if component.manifest:
        paths.add(component.manifest)
    if component.folder != contents.folder:
        paths.update(contents.below(component.folder))
    files = {contents.name(path): contents.digest(path) for path in paths}
    if component.folder == contents.folder:
        files.update(shared)
    actions = []
    for spec in component.actions:
        own = Path(os.path.normpath(component.playbook_path(spec)))
        playbooks = [library.playbook(path) for path in (own, *sorted(library.imported([own])[0]))]
        prompts = tuple(dict.fromkeys(name for playbook in playbooks for name in playbook.prompts))
        gathers = any_gathers(playbook.gathers for playbook in playbooks)
        actions.append(attrs.evolve(spec, prompts=prompts, gathers=gathers))
    return attrs.evolve(component, files=dict(sorted(files.items())), actions=tuple(actions)), warnings


def _check_actions(manifest: Manifest, library: Library) -> None:
    """Report playbooks that cannot be used, and versions in `from` that the component does not have."""
    for action, path in manifest.playbooks().items():
        name = os.path.relpath(path, manifest.folder)
        message = None
        if not library.contents.holds(path):
            message = f"{name!r} leads out of the catalog; copy the playbook into it"
        elif not path.is_file():
            names = tuple(playbook.path.name for playbook in library.playbooks_in(manifest.folder))
            message = f"there is no playbook {name!r}; {suggestion(name, names)}"
        elif not library.playbook(Path(os.path.normpath(path))).plays:
            message = f"{name!r} holds no plays"
        if message:
            manifest.report(("actions", action, "playbook"), message)
    versions = manifest.values.get("versions", ())
    for action, parts in manifest.values.get("actions", {}).items():
        origins = parts.get("from", {})
        for version in origins if isinstance(origins, Mapping) else ():
            if version not in versions:
                message = f"{version!r} is not among its versions; {suggestion(version, versions)}"
                manifest.document.report(("actions", action, "from", version), message, key=True)


def _adopted(manifest: Manifest, library: Library, taken: frozenset[Path]) -> dict[Action, str]:
    """Return by action the numbered playbook with the component's name; report actions for which there are several."""
    candidates: dict[Action, list[str]] = defaultdict(list)
    for playbook in library.playbooks_in(manifest.folder):
        if playbook.component == manifest.name and playbook.path not in taken:
            candidates[playbook.action].append(playbook.path.name)
    for action, names in candidates.items():
        if len(names) > 1 and action.value not in manifest.playbooks():
            manifest.report(
                ("actions",), f"several playbooks could be its {action.value}: {', '.join(names)}; name one of them"
            )
    return {action: names[0] for action, names in candidates.items()}


def _actions(manifest: Manifest, adopted: Mapping[Action, str]) -> Iterator[ActionDefinition]:
    declared: Mapping[str, dict[str, Any]] = manifest.values.get("actions", {})
    install = declared.get(Action.INSTALL.value, {}).get("playbook") or adopted.get(Action.INSTALL)
    for name, parts in declared.items():
        if name not in set(Action):
            continue  # already an issue
        action = Action(name)
        fallback = adopted.get(action) or (install if action in _BY_INSTALL else None)
        playbook = parts.get("playbook") or fallback
        if playbook:
            options = {key: value for key, value in parts.items() if key not in {"playbook", "from"}}
            yield ActionDefinition(action=action, playbook=playbook, from_version=parts.get("from"), **options)
        elif not manifest.document.issues:
            manifest.report(("actions", name), f"the action {name!r} names no playbook")
    for action, playbook in adopted.items():
        if action.value not in declared:
            yield ActionDefinition(action=action, playbook=playbook)
