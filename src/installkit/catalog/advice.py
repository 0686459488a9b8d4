"""What is allowed in a catalog but worth a look."""

from collections.abc import Iterable, Iterator, Sequence

from installkit.catalog.manifest import Manifest
from installkit.catalog.playbooks import Library, Playbook, manifest_name
from installkit.errors import Issue


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
    if len(others) == len(playbooks):
        yield f"{library.contents.shown}: no component: {_nothing_found(others)}"


def _nothing_found(others: Sequence[Playbook]) -> str:
    found = "neither a numbered playbook (03.mysql.yml) nor a manifest"
    names = [playbook.path.name for playbook in others if playbook.component is None]
    return f"{found}; to make one of {names[0]}: ln -s {names[0]} 10.{names[0]}" if names else found
