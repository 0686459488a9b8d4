"""Warnings about things in a catalog that are allowed, but may be mistakes."""

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
    """Yield a sentence for each thing in a catalog that may be a mistake."""
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
        name = next((playbook.path.name for playbook in others if playbook.component is None), None)
        advice = f"; to make one of {name}: ln -s {name} 10.{name}" if name else ""
        yield (
            f"{library.contents.shown}: no component: neither a numbered playbook (03.mysql.yml) nor a manifest{advice}"
        )
