"""The hosts of a site: read from any inventory, and edited in one that installkit holds."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from installkit.ansible.ask import NO_PASSWORDS, Asking
from installkit.datadir.directory import DataDirectory
from installkit.errors import DefinitionError, Issue, PlanningError, UnknownNameError
from installkit.inventory import HeldInventory, held_path, write_held
from installkit.model import Host, Inventory, InventoryKind, variable_problem
from installkit.sites.survey import SiteSources


class SiteInventory:
    """The inventory of a site."""

    def __init__(self, sources: SiteSources) -> None:
        self._sources = sources

    def read(self) -> Inventory:
        """
        Read the inventory as Ansible does: hosts and groups, without variables.

        Raises:
            DefinitionError: If Ansible cannot read it.
        """
        return self._sources.inventory(self._sources.snapshot().catalog, self._sources.vault({}))

    def hosts(self) -> tuple[Host, ...]:
        """
        Return the hosts, in the inventory's order.

        If the store holds the inventory, each has its variables and the groups that name it directly; otherwise each
        has no variables, and all groups that it is in.

        Raises:
            DefinitionError: If Ansible cannot read the inventory.
        """
        site = self._sources.snapshot()
        if site.inventory.kind is InventoryKind.STORE:
            return self._inventory().hosts()
        return self.read().hosts

    def set_host(self, name: str, *, groups: Sequence[str] = (), vars: Mapping[str, Any] | None = None) -> None:  # noqa: A002 - Ansible's word
        """
        Add or change a host of an inventory that the store holds.

        Args:
            name: Its name in the inventory.
            groups: All the groups that name it; new ones are created.
            vars: All its variables.

        Raises:
            PlanningError: If the inventory is a file.
            DefinitionError: If Ansible cannot use the inventory with this host.
        """
        inventory, variables = self._inventory(), vars or {}
        before = next((host.vars for host in inventory.hosts() if host.name == name), {})
        new = {variable: variable_problem(variable) for variable in variables if variable not in before}
        if issues := [
            Issue("inventory", f"variable {variable!r} {problem}") for variable, problem in new.items() if problem
        ]:
            raise DefinitionError(issues, remedy="give it another name")
        self._save(inventory.with_host(name, groups, variables))

    def remove_host(self, name: str) -> None:
        """
        Remove a host from an inventory that the store holds; its rows in the record stay.

        Raises:
            UnknownNameError: If there is no such host.
            PlanningError: If the inventory is a file.
            DefinitionError: If it is the last host.
        """
        inventory = self._inventory()
        if name not in {host.name for host in inventory.hosts()}:
            raise UnknownNameError(f"site {self._sources.name!r} has no host {name!r}")
        self._save(inventory.without_host(name))

    def export(self) -> str:
        """
        Return the inventory that the store holds, in Ansible's YAML.

        Raises:
            PlanningError: If the inventory is a file.
        """
        return self._inventory().text

    def replace(self, inventory: str | Mapping[str, Any]) -> None:
        """
        Replace the inventory that the store holds; *inventory* is given as for `Installer.create_site`.

        Raises:
            PlanningError: If the inventory is a file.
            DefinitionError: If Ansible cannot use it.
        """
        self._inventory()
        self._save(HeldInventory.parse(inventory))

    def _inventory(self) -> HeldInventory:
        source = self._sources.snapshot().inventory
        text = self._sources.directory.store.sites.inventory(self._sources.name)
        if source.kind is not InventoryKind.STORE or text is None:
            raise PlanningError(
                f"the inventory of site {self._sources.name!r} is the file {source.path}",
                remedy="edit it where it lies",
            )
        return HeldInventory.parse(text)

    def _save(self, changed: HeldInventory) -> None:
        inventory = HeldInventory.parse(changed.text)  # makes sure that the stored text can be read again
        check_held(self._sources.directory, inventory)
        self._sources.directory.store.sites.save_inventory(self._sources.name, inventory.text)
        write_held(held_path(self._sources.directory.folders.inventories, self._sources.name), inventory.text)


def check_held(directory: DataDirectory, held: HeldInventory) -> None:
    """Raise a `DefinitionError` with Ansible's message if Ansible cannot use *held*, or loses a host of it."""
    with tempfile.TemporaryDirectory(prefix="installkit-inventory-") as folder:
        path = Path(folder) / "inventory.yml"
        write_held(path, held.text)
        try:
            inventory = directory.ansible.read_inventory([path], folder=None, asking=Asking(), vault=NO_PASSWORDS)
            names = {host.name for host in inventory.hosts}
        except DefinitionError as exc:
            issues = [Issue("inventory", issue.message.replace(str(path), "inventory")) for issue in exc.issues]
            raise DefinitionError(issues, remedy=exc.remedy) from exc
    lost = [
        host.name for host in held.hosts() if host.name not in names and ":" not in host.name
    ]  # Ansible drops a port
    if lost:
        why = "a group has its name, or it is in one whose name is Ansible's own"
        issues = [Issue("inventory", f"host {name!r} is lost to Ansible: {why}") for name in lost]
        raise DefinitionError(issues, remedy="give the host or the group another name")
