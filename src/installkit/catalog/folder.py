"""A folder of playbooks as a catalog."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import attrs

from installkit.catalog.advice import catalog_warnings
from installkit.catalog.components import declared_component, numbered_components, with_files
from installkit.catalog.contents import Contents
from installkit.catalog.debuggers import debugger_places
from installkit.catalog.dropped import dropped_playbooks
from installkit.catalog.manifest import Manifest, read_manifest
from installkit.catalog.playbooks import Library, Playbook, manifest_name, number_of, yaml_files
from installkit.catalog.relations import check_parameters, check_requirements
from installkit.catalog.rights import files_asking_for_rights
from installkit.errors import DefinitionError, Issue
from installkit.model import Catalog, Component


def load_catalog(folder: str | Path) -> Catalog:
    """
    Return the components in *folder*: its numbered playbooks, and what manifests declare.

    `NN.NAME.yml` is component NAME, `NN.NAME.ACTION.yml` an action of it; `NAME.component.yml` beside the playbooks,
    or `component.yml` in a folder of the component's own, says more. Nothing in the folder is run.

    Args:
        folder: Relative to the current directory, or absolute.

    Raises:
        DefinitionError: If the folder cannot be read, or a manifest or playbook in it is wrong; with every mistake.
    """
    contents = Contents(Path(os.path.abspath(folder)), Path(folder))  # noqa: PTH100 - resolve() would follow symlinks
    if not contents.folder.is_dir():
        what = "is not a folder" if contents.folder.exists() else "does not exist"
        raise DefinitionError([Issue(str(folder), f"the catalog {what}")], remedy="give a folder of playbooks")
    try:
        return _load(Library(contents))
    except OSError as exc:
        issue = Issue(str(exc.filename or folder), f"cannot be read: {exc.strerror}")
        raise DefinitionError([issue], remedy="let the user who runs installkit read all of the catalog") from exc


def _load(library: Library) -> Catalog:
    root = library.contents.folder
    files = list(_manifest_files(root))
    folders = [root, *(file.parent for file in files if file.parent != root)]
    links = list(_link_issues(folders, library.contents))
    manifests = [
        read_manifest(file, library.contents) for file in files if file.is_file() and library.contents.holds(file)
    ]
    components = _components(manifests, library)
    _check(manifests, components, [*links, *_twice(components, library)])

    finished, lost = _with_files(components, folders, library)
    used = {path for component in finished for path in _playbook_paths(component)}
    found = [playbook for folder in folders for playbook in library.playbooks_in(folder)]
    others = [playbook for playbook in found if playbook.path not in used]
    imported, _ = library.imported(used)
    needed = [playbook for playbook in found if playbook.path in used or playbook.path in imported]
    dropped = dropped_playbooks(found, needed, library)
    unreadable = tuple(_unreadable(used, found, library))
    names = {name for component in finished for name in component.files}
    asking = files_asking_for_rights(names, library.contents)
    return Catalog(
        folder=root,
        components=tuple(attrs.evolve(each, becomes=not asking.isdisjoint(each.files)) for each in finished),
        others=tuple(sorted(library.contents.name(playbook.path) for playbook in others)),
        unreadable=unreadable,
        dropped=dropped,
        debuggers=debugger_places(names, library.contents),
        warnings=(
            *catalog_warnings(manifests, found, others, unreadable, library),
            *_dropped_warnings(dropped, unreadable, library.contents),
            *(component.caution for component in finished if component.caution),
            *lost,
        ),
    )


def _manifest_files(root: Path) -> Iterator[Path]:
    yield from (file for file in yaml_files(root) if manifest_name(file) is not None)
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and not folder.name.startswith("."):
            yield from (file for file in yaml_files(folder) if file.stem == "component")


def _components(manifests: Sequence[Manifest], library: Library) -> list[Component]:
    taken = frozenset(path for manifest in manifests for path in manifest.playbooks().values())
    declared = [declared_component(manifest, library, taken) for manifest in manifests]
    used = {path for component in declared for path in _playbook_paths(component)}
    playbooks = library.playbooks_in(library.contents.folder)
    free = [playbook for playbook in playbooks if playbook.component and playbook.path not in used]
    return [*declared, *numbered_components(free, frozenset(component.name for component in declared))]


def _playbook_paths(component: Component) -> Iterator[Path]:
    yield from (Path(os.path.normpath(component.playbook_path(spec))) for spec in component.actions)


def _check(manifests: Sequence[Manifest], components: Iterable[Component], issues: Sequence[Issue]) -> None:
    by_name = {component.name: component for component in components}
    check_requirements(manifests, by_name)
    check_parameters(manifests, by_name)
    every = {issue: None for manifest in manifests for issue in manifest.document.issues} | dict.fromkeys(issues)
    if every:
        raise DefinitionError(sorted(every, key=lambda issue: (issue.path, issue.line or 0, issue.column or 0)))


def _unreadable(used: set[Path], found: Iterable[Playbook], library: Library) -> Iterator[Issue]:
    imported, _ = library.imported(used)
    for path in sorted({*used, *imported, *(playbook.path for playbook in found)}):
        if problem := library.playbook(path).problem:
            yield problem


def _dropped_warnings(dropped: Mapping[str, str], unreadable: Iterable[Issue], contents: Contents) -> Iterator[str]:
    told = {issue.path for issue in unreadable}
    shown = {str(contents.shown / name): reason for name, reason in dropped.items()}
    return (f"{path}: {reason}" for path, reason in shown.items() if path not in told)


def _link_issues(folders: Iterable[Path], contents: Contents) -> Iterator[Issue]:
    for folder in folders:
        for file in yaml_files(folder):
            means_something = number_of(file.name) is not None or manifest_name(file) is not None
            if means_something and not (file.is_file() and contents.holds(file)):
                message = (
                    f"is a link to {str(file.readlink())!r}, which is not a file of the catalog; copy the file into it"
                )
                yield Issue(contents.shown_name(file), message)


def _twice(components: Iterable[Component], library: Library) -> Iterator[Issue]:
    first: dict[str, str] = {}
    for component in components:
        where = library.contents.shown_name(component.manifest or next(_playbook_paths(component)))
        if component.name in first:
            yield Issue(where, f"component {component.name!r} is defined twice, first in {first[component.name]}")
        first.setdefault(component.name, where)
        for action, count in Counter(spec.action for spec in component.actions).items():
            if count > 1:
                names = [spec.playbook for spec in component.actions if spec.action is action]
                yield Issue(
                    where, f"{' and '.join(names)} are both the {action.value} of {component.name!r}; rename one"
                )


def _with_files(
    components: Iterable[Component], folders: Sequence[Path], library: Library
) -> tuple[tuple[Component, ...], list[str]]:
    contents, root = library.contents, library.contents.folder
    apart = {*folders[1:], *(file for file in yaml_files(root) if _stands_alone(file, library))}
    shared = {contents.name(path): contents.digest(path) for path in contents.below(root, apart)}
    finished, warnings = [], []
    for component in sorted(components, key=lambda one: (one.order is None, one.order or 0, one.name)):
        with_digests, lost = with_files(component, shared, library)
        finished.append(with_digests)
        warnings += lost
    return tuple(finished), list(dict.fromkeys(warnings))


def _stands_alone(file: Path, library: Library) -> bool:
    """Return whether *file* is a manifest or a playbook, and so no part of every component."""
    if manifest_name(file) is not None:
        return True
    inside = file.is_file() and library.contents.holds(file)
    return inside and library.playbook(file).usable
