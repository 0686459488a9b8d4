"""The sources of a site, and all that planning needs from them, gathered once for each call."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

from installkit.catalog import load_catalog
from installkit.datadir.directory import DataDirectory
from installkit.inventory import write_held
from installkit.journal import read_holder
from installkit.model import (
    Catalog,
    Component,
    Installation,
    Inventory,
    Request,
    SiteParameters,
    SiteSnapshot,
    Targets,
    is_vault_password,
    vault_passwords,
)
from installkit.planning import UndoneRun, parse_wanted, questions, rollback_questions


@attrs.frozen
class Survey:
    """
    What a plan is made from, apart from its request.

    Attributes:
        undone: What the run to be rolled back did; None for any other request.
    """

    catalog: Catalog
    inventory: Inventory
    targets: Targets
    installed: tuple[Installation, ...]
    parameters: SiteParameters
    undone: UndoneRun | None


class SiteSources:
    """
    The sources of a site: the store, its catalog, its inventory, and Ansible's answers.

    Attributes:
        directory: The data directory that the site is in.
        name: The site's name.
    """

    def __init__(self, directory: DataDirectory, name: str, pending: SiteSnapshot | None = None) -> None:
        """
        Read a site.

        Args:
            directory: The data directory that it is in.
            name: The site's name.
            pending: Used instead of the stored site, and stored once a plan is made.
        """
        self.directory = directory
        self.name = name
        self._pending = pending
        self._catalogs: list[Catalog] | None = None  # within `asked_once`: the catalog once it is read
        self._asking = directory.asking

    @contextlib.contextmanager
    def asked_once(self) -> Iterator[None]:
        """Ask Ansible each question only once until the `with` block ends; read the catalog once, except for starts."""
        before = self._asking, self._catalogs
        self._asking = attrs.evolve(self._asking, answers={} if self._asking.answers is None else self._asking.answers)
        self._catalogs = [] if self._catalogs is None else self._catalogs
        try:
            yield
        finally:
            self._asking, self._catalogs = before

    def snapshot(self) -> SiteSnapshot:
        """Return the pending or stored site; `revision` and `last_run` are from indexed runs only, `lock` is None."""
        return self._pending or self.directory.store.sites.get(self.name)

    def keep(self) -> None:
        """Store the pending site, if there is one."""
        if self._pending is not None:
            self.directory.store.sites.save(self._pending)
            self._pending = None

    @property
    def _new(self) -> bool:
        """Whether the site is not stored yet."""
        return self._pending is not None and self.directory.store.sites.find(self.name) is None

    def revision(self) -> str | None:
        """Return the last run that may have changed the site, and did not fail at checks; None before the first."""
        run = read_holder(self.directory.folders.site_lock(self.name)).get("run")
        while isinstance(run, str) and self.directory.runs.has(run):
            journal = self.directory.runs.journal(run)
            result = journal.result()
            if result is None or not result.run.failed_checks:
                break
            run = journal.spec().plan.revision
        return run if isinstance(run, str) else None

    def catalog(self, *, anew: bool = False) -> Catalog:
        """
        Return the site's catalog; within `asked_once` it is read only once, unless *anew* is true.

        Raises:
            DefinitionError: If a manifest is wrong; it lists every mistake.
        """
        if self._catalogs and not anew:
            return self._catalogs[0]
        catalog = load_catalog(self.snapshot().catalog)
        if self._catalogs is not None:
            self._catalogs[:] = [catalog]
        return catalog

    def parameters(self) -> SiteParameters:
        """Return the entered values by level."""
        return SiteParameters() if self._new else self.directory.store.sites.parameters(self.name)

    def installed(self) -> tuple[Installation, ...]:
        """Return what is installed: a row for each component and host."""
        self.directory.runs.refresh()
        return self.directory.store.runs.installed(self.name)

    def inventory_source(self) -> Path:
        """Return the path of the inventory; if the store holds it, write a missing or old file first."""
        text = self.directory.store.sites.inventory(self.name)
        path = self.snapshot().inventory.path
        if text is not None:
            write_held(path, text)
        return path

    def inventory(self, folder: Path, vault: Mapping[str, str]) -> Inventory:
        """
        Read the inventory as Ansible does in *folder*, with the *vault* passwords by label.

        Raises:
            DefinitionError: If Ansible cannot read it.
        """
        source, ansible = self.inventory_source(), self.directory.ansible
        return ansible.read_inventory([source], folder=folder, asking=self._asking, vault=vault)

    def vault(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """Return the vault passwords by label; those among *secrets* replace those that the site keeps."""
        kept = any(is_vault_password(name) for name in self.parameters().secrets)
        return vault_passwords({**(self.directory.store.secrets.of_site(self.name) if kept else {}), **secrets})

    def survey(
        self, request: Request, secrets: Mapping[str, str], *, catalog: Catalog, undone: UndoneRun | None
    ) -> Survey:
        """
        Return all that planning *request* needs: the catalog, the record, and Ansible's answers.

        Args:
            request: What somebody asks for.
            secrets: The secrets given with the request, also vault passwords.
            catalog: The site's catalog.
            undone: What the run to be rolled back did; None for any other request.
        """
        installed = self.installed()
        # A component to forget may be only in the record: then the catalog gets a component with this name.
        names = {parse_wanted(text).name for text in request.forget}
        gone = sorted({row.component for row in installed if row.component in names and row.component not in catalog})
        forgotten = (Component(name=name, title=name, folder=catalog.folder) for name in gone)
        catalog = attrs.evolve(catalog, components=(*catalog.components, *forgotten))
        asked = rollback_questions(request, undone, catalog) if undone else questions(request, catalog, installed)
        vault = self.vault(secrets)
        inventory = self.inventory(catalog.folder, vault)
        ansible = self.directory.ansible
        ansible.refuse_unknown(self.name, catalog, inventory)
        files = {
            str(catalog.folder / path): digest for component in catalog for path, digest in component.files.items()
        }
        targets = ansible.read_targets(
            inventory, asked.uses, asked.patterns, files=files, asking=self._asking, vault=vault
        )
        return Survey(catalog, inventory, targets, installed, self.parameters(), undone)
