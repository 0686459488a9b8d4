"""Manifests: files in which a component describes itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from installkit.catalog.contents import Contents
from installkit.catalog.document import Document, Place, parse_document
from installkit.catalog.fields import Field, attempt, record
from installkit.catalog.names import component_name_problem
from installkit.catalog.playbooks import manifest_name
from installkit.catalog.schema import MANIFEST


@attrs.frozen
class Manifest:
    """
    One manifest as read.

    Attributes:
        file: Absolute.
        name: The component's name.
        values: The valid values, by key; actions and parameters are dictionaries themselves.
        document: The place of each value, and the mistakes found.
    """

    file: Path
    name: str
    values: Mapping[str, Any]
    document: Document

    @property
    def folder(self) -> Path:
        """The folder of the component's playbooks."""
        return self.file.parent

    @property
    def own_folder(self) -> bool:
        """Whether everything in its folder belongs to the component."""
        return self.file.stem == "component"

    def playbooks(self) -> dict[str, Path]:
        """Return the absolute paths of the playbooks that the manifest names, by action."""
        actions = self.values.get("actions", {})
        return {name: self.folder / parts["playbook"] for name, parts in actions.items() if "playbook" in parts}

    def report(self, place: Place, message: str) -> None:
        """Add a mistake at *place*."""
        self.document.report(place, message)


def read_manifest(file: Path, contents: Contents) -> Manifest:
    """Return the manifest *file*, with its mistakes as issues of its document."""
    document = parse_document(contents.read(file), contents.shown_name(file))
    broken = document.value is None and document.issues
    readings = [] if broken else attempt(Field(document, (), document.value), record(MANIFEST))
    values = readings[0] if readings else {}
    expected = manifest_name(file) or ""
    manifest = Manifest(file, values.get("name", expected), values, document)
    if problem := component_name_problem(manifest.name):
        manifest.report((), f"{problem}; it comes from the file's name")
    elif manifest.name != expected and not manifest.own_folder:
        manifest.report(("name",), f"the name is {manifest.name!r}, but the file's name says {expected!r}")
    return manifest
