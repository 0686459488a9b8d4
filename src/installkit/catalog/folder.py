"""Reads a folder of playbooks as a catalog."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import attrs

from installkit.catalog.advice import catalog_warnings
from installkit.catalog.components import declared_component, numbered_components, with_files
from installkit.catalog.contents import Contents
from installkit.catalog.debuggers import debugger_places
from installkit.catalog.dropped import dropped_playbooks
from installkit.catalog.manifest import Manifest, read_manifest
from installkit.catalog.playbooks import Library, manifest_name, number_of, yaml_files
from installkit.catalog.relations import check_parameters, check_requirements
from installkit.catalog.rights import files_asking_for_rights
from installkit.errors import DefinitionError, Issue
from installkit.model import Catalog, Component


def load_catalog(folder: str | Path) -> Catalog:
    """
    Return the components in *folder*: its numbered playbooks, and what manifests declare.

    `NN.NAME.yml` is component NAME, `NN.NAME.ACTION.yml` an action of it. A manifest adds to these:
    `NAME.component.yml` beside the playbooks, or `component.yml` in a folder of the component's own. Nothing in the
    folder is run.

    Args:
        folder: Relative to the current directory, or absolute.

    Raises:
        DefinitionError: If the folder cannot be read, or with every mistake in its manifests and playbooks.
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
    contents, root = library.contents, library.contents.folder
    files = [file for file in yaml_files(root) if manifest_name(file) is not None]
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and not folder.name.startswith("."):
            files += [file for file in yaml_files(folder) if file.stem == "component"]
    folders = [root, *(file.parent for file in files if file.parent != root)]
    manifests, components = _read(files, folders, library)

    # A change to a shared file concerns every component; one to a manifest or playbook concerns its own alone.
    apart = set(folders[1:])
    for file in yaml_files(root):
        is_manifest = manifest_name(file) is not None
        if is_manifest or (file.is_file() and contents.holds(file) and library.playbook(file).usable):
            apart.add(file)
    shared = {contents.name(path): contents.digest(path) for path in contents.below(root, apart)}
    complete, import_warnings = [], []
    for component in sorted(components, key=lambda one: (one.order is None, one.order or 0, one.name)):
        with_digests, warnings = with_files(component, shared, library)
        complete.append(with_digests)
        import_warnings += warnings

    used = {path for component in complete for path in _playbook_paths(component)}
    imported, _ = library.imported(used)
    playbooks = [playbook for folder in folders for playbook in library.playbooks_in(folder)]
    others = [playbook for playbook in playbooks if playbook.path not in used]
    needed = [playbook for playbook in playbooks if playbook.path in used or playbook.path in imported]
    dropped = dropped_playbooks(playbooks, needed, library)
    paths = sorted({*used, *imported, *(playbook.path for playbook in playbooks)})
    unreadable = tuple(problem for path in paths if (problem := library.playbook(path).problem))
    unreadable_paths = {issue.path for issue in unreadable}
    dropped_shown = {str(contents.shown / name): reason for name, reason in dropped.items()}
    names = {name for component in complete for name in component.files}
    asking = files_asking_for_rights(names, contents)
    return Catalog(
        folder=root,
        components=tuple(
            attrs.evolve(component, becomes=not asking.isdisjoint(component.files)) for component in complete
        ),
        others=tuple(sorted(contents.name(playbook.path) for playbook in others)),
        unreadable=unreadable,
        dropped=dropped,
        debuggers=debugger_places(names, contents),
        warnings=(
            *catalog_warnings(manifests, playbooks, others, unreadable, library),
            *(f"{path}: {reason}" for path, reason in dropped_shown.items() if path not in unreadable_paths),
            *(component.caution for component in complete if component.caution),
            *dict.fromkeys(import_warnings),
        ),
    )


def _read(files: Sequence[Path], folders: Sequence[Path], library: Library) -> tuple[list[Manifest], list[Component]]:
    """Return the manifests in *files*, and all components; raise `DefinitionError` with every mistake in them."""
    contents = library.contents
    issues = list(_link_issues(folders, contents))
    manifests = [read_manifest(file, contents) for file in files if file.is_file() and contents.holds(file)]
    taken = frozenset(path for manifest in manifests for path in manifest.playbooks().values())
    declared = [declared_component(manifest, library, taken) for manifest in manifests]
    used = {path for component in declared for path in _playbook_paths(component)}
    playbooks = library.playbooks_in(contents.folder)
    free = [playbook for playbook in playbooks if playbook.component and playbook.path not in used]
    components = [*declared, *numbered_components(free, frozenset(component.name for component in declared))]

    issues += _duplicates(components, library)
    by_name = {component.name: component for component in components}
    check_requirements(manifests, by_name)
    check_parameters(manifests, by_name)
    distinct = dict.fromkeys((*(issue for manifest in manifests for issue in manifest.document.issues), *issues))
    if distinct:
        raise DefinitionError(sorted(distinct, key=lambda issue: (issue.path, issue.line or 0, issue.column or 0)))
    return manifests, components


def _playbook_paths(component: Component) -> Iterator[Path]:
    yield from (Path(os.path.normpath(component.playbook_path(spec))) for spec in component.actions)


def _link_issues(folders: Iterable[Path], contents: Contents) -> Iterator[Issue]:
    """Yield an issue for each manifest and numbered playbook that is a link to something outside the catalog."""
    for folder in folders:
        for file in yaml_files(folder):
            matters = number_of(file.name) is not None or manifest_name(file) is not None
            if matters and not (file.is_file() and contents.holds(file)):
                message = (
                    f"is a link to {str(file.readlink())!r}, which is not a file of the catalog; copy the file into it"
                )
                yield Issue(contents.shown_name(file), message)


def _duplicates(components: Iterable[Component], library: Library) -> Iterator[Issue]:
    """Yield an issue for each component that is defined twice, and each action that has several playbooks."""
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
