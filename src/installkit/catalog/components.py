"""Components: made of manifests and numbered playbooks."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from installkit.catalog.action_words import caution_about
from installkit.catalog.fields import suggestion
from installkit.catalog.manifest import Manifest
from installkit.catalog.names import component_name_problem
from installkit.catalog.playbooks import Library, Playbook, any_gathers, number_of
from installkit.model import OWN_CHECKS, Action, ActionDefinition, Component, Origin, Parameter

_BY_INSTALL = frozenset({Action.UPGRADE, Action.CONFIGURE})
"""Actions that the install playbook carries out where they name none."""


def declared_component(manifest: Manifest, library: Library, taken: frozenset[Path]) -> Component:
    """
    Return the component of *manifest*, with the numbered playbooks of its name as the actions that name none.

    Args:
        manifest: Gets an issue for each playbook that is missing.
        library: Where playbooks are looked up.
        taken: Playbooks that manifests name; they are nobody else's.
    """
    _check_playbooks(manifest, library)
    _check_routes(manifest)
    values = manifest.values
    actions = tuple(_actions(manifest, _adopted(manifest, library, taken)))
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
        parameters=tuple(_parameters(manifest)),
        actions=actions,
        manifest=manifest.file,
    )


def numbered_components(playbooks: Iterable[Playbook], taken_names: frozenset[str]) -> list[Component]:
    """
    Return the components that numbered *playbooks* are without a manifest.

    A name found twice, among *taken_names*, or kept for installkit's checks, becomes the whole stem. Playbooks of an
    action without an install playbook, or whose name no component can have, are left over.
    """
    by_name: dict[str, list[Playbook]] = defaultdict(list)
    for playbook in playbooks:
        by_name[playbook.component or ""].append(playbook)
    named = dict(_distinct(by_name, taken_names | {OWN_CHECKS}))
    return [
        _numbered_component(name, group)
        for name, group in named.items()
        if component_name_problem(name) is None and any(playbook.action is Action.INSTALL for playbook in group)
    ]


def with_files(component: Component, shared: Mapping[str, str], library: Library) -> tuple[Component, list[str]]:
    """
    Return *component* with what is in its files: digests of all that its playbooks may read, what these ask for.

    With it comes a warning for what is lost sight of.

    Args:
        component: Without either.
        shared: Digests of what lies beside playbooks in the catalog's folder itself.
        library: Where files and playbooks are looked up.
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
    actions = tuple(_with_plays(spec, _whole(component, spec, library)) for spec in component.actions)
    return attrs.evolve(component, files=dict(sorted(files.items())), actions=actions), warnings


def _whole(component: Component, spec: ActionDefinition, library: Library) -> list[Playbook]:
    """Return the playbook of *spec* and all that it imports."""
    own = Path(os.path.normpath(component.playbook_path(spec)))
    imported, _ = library.imported([own])
    return [library.playbook(path) for path in (own, *sorted(imported))]


def _with_plays(spec: ActionDefinition, playbooks: Sequence[Playbook]) -> ActionDefinition:
    """Return *spec* with what the plays of its *playbooks* say."""
    prompts = tuple(dict.fromkeys(name for playbook in playbooks for name in playbook.prompts))
    return attrs.evolve(spec, prompts=prompts, gathers=any_gathers(playbook.gathers for playbook in playbooks))


def _check_playbooks(manifest: Manifest, library: Library) -> None:
    for action, path in manifest.playbooks().items():
        message = _playbook_problem(path, manifest, library)
        if message:
            manifest.report(("actions", action, "playbook"), message)


def _check_routes(manifest: Manifest) -> None:
    """Report every version that an action leads to, but that is none of the component's."""
    versions = manifest.values.get("versions", ())
    for action, parts in manifest.values.get("actions", {}).items():
        origins = parts.get("from", {})
        for version in origins if isinstance(origins, Mapping) else ():
            if version not in versions:
                message = f"{version!r} is not among its versions; {suggestion(version, versions)}"
                manifest.document.report(("actions", action, "from", version), message, key=True)


def _playbook_problem(path: Path, manifest: Manifest, library: Library) -> str | None:
    name = os.path.relpath(path, manifest.folder)
    if not library.contents.holds(path):
        return f"{name!r} leads out of the catalog; copy the playbook into it"
    if not path.is_file():
        known = tuple(playbook.path.name for playbook in library.playbooks_in(manifest.folder))
        return f"there is no playbook {name!r}; {suggestion(name, known)}"
    return None if library.playbook(Path(os.path.normpath(path))).plays else f"{name!r} holds no plays"


def _adopted(manifest: Manifest, library: Library, taken: frozenset[Path]) -> dict[Action, str]:
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
            yield _spec(action, playbook, parts)
        elif not manifest.document.issues:
            manifest.report(("actions", name), f"the action {name!r} names no playbook")
    for action, playbook in adopted.items():
        if action.value not in declared:
            yield ActionDefinition(action=action, playbook=playbook)


def _spec(action: Action, playbook: str, parts: Mapping[str, Any]) -> ActionDefinition:
    options = {"from_version" if key == "from" else key: value for key, value in parts.items() if key != "playbook"}
    return ActionDefinition(action=action, playbook=playbook, **options)


def _parameters(manifest: Manifest) -> Iterator[Parameter]:
    for name, parts in manifest.values.get("parameters", {}).items():
        options = {key: value for key, value in parts.items() if key != "default"}
        origin = Origin("default", manifest.name) if "default" in parts else None
        yield Parameter(name=name, component=manifest.name, value=parts.get("default"), origin=origin, **options)


def _distinct(
    by_name: Mapping[str, Sequence[Playbook]], taken_names: frozenset[str]
) -> Iterator[tuple[str, list[Playbook]]]:
    for name, group in by_name.items():
        actions = [playbook.action for playbook in group]
        if name not in taken_names and len(actions) == len(set(actions)):
            yield name, list(group)
            continue
        for stem in sorted({playbook.stem for playbook in group}):
            yield stem, [playbook for playbook in group if playbook.stem == stem]


def _numbered_component(name: str, playbooks: Sequence[Playbook]) -> Component:
    install = next(playbook for playbook in playbooks if playbook.action is Action.INSTALL)
    return Component(
        name=name,
        title=name,
        folder=install.path.parent,
        order=install.number,
        caution=caution_about(install.component or name, install.path.name, install.number),
        actions=tuple(ActionDefinition(action=playbook.action, playbook=playbook.path.name) for playbook in playbooks),
    )
