"""What is allowed in a catalog but worth a look."""

from collections.abc import Iterable, Iterator, Sequence

from installkit.catalog.manifest import Manifest
from installkit.catalog.names import component_name_problem
from installkit.catalog.playbooks import Library, Playbook, manifest_name, yaml_files
from installkit.errors import Issue
from installkit.model import Action


def catalog_warnings(
    manifests: Iterable[Manifest],
    playbooks: Sequence[Playbook],
    others: Sequence[Playbook],
    unreadable: Iterable[Issue],
    library: Library,
) -> Iterator[str]:
    """Yield a sentence for each thing in a catalog that may not be what was meant."""
    shown = library.contents.shown_name
    for manifest in manifests:
        if manifest.own_folder and manifest.name != manifest_name(manifest.file):
            yield f"{shown(manifest.file)}: component {manifest.name!r} lies in a folder of another name"
    for issue in unreadable:
        yield f"{issue}; Ansible will not read it either"
    for playbook in playbooks:
        if playbook.prompts and playbook not in others:
            names = ", ".join(playbook.prompts)
            yield f"{shown(playbook.path)}: asks for {names} (vars_prompt), and nobody answers: give each with -e"
    for playbook in others:
        if playbook.component is not None:
            yield f"{shown(playbook.path)}: {_left_over(playbook)}"
    yield from _without_plays(library)
    if len(others) == len(playbooks):
        yield f"{library.contents.shown}: no component: {_nothing_found(others)}"


def _nothing_found(others: Sequence[Playbook]) -> str:
    found = "neither a numbered playbook (03.mysql.yml) nor a manifest"
    names = [playbook.path.name for playbook in others if playbook.component is None]
    return f"{found}; to make one of {names[0]}: ln -s {names[0]} 10.{names[0]}" if names else found


def _left_over(playbook: Playbook) -> str:
    problem = component_name_problem(playbook.component or "")
    if problem:
        return f"not a component: {problem}"
    if playbook.action is Action.INSTALL:
        return "not a component's: no manifest names it"
    return f"not a component's: {playbook.component!r} has no install playbook with that name"


def _without_plays(library: Library) -> Iterator[str]:
    for file in yaml_files(library.contents.folder):
        if manifest_name(file) is None:
            playbook = library.playbook(file)
            if playbook.component is not None and not playbook.plays:
                yield f"{library.contents.shown_name(file)}: numbered, but holds no plays"
