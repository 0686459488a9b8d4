"""The hosts of a site: read from wherever its inventory lies, edited where installkit holds it."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from installkit.errors import DefinitionError, Issue, PlanningError, UnknownNameError
from installkit.inventory import HeldInventory, held_path, read_inventory, write_held
from installkit.model import Host, Inventory, variable_problem
from installkit.sites.survey import SiteSources


class SiteInventory:
    """The inventory of a site."""

    def __init__(self, sources: SiteSources) -> None:
        self._sources = sources

    def read(self) -> Inventory:
        """
        Read it as Ansible does: hosts and groups, and no variable.

        Raises:
            DefinitionError: If Ansible cannot read it.
        """
        return self._sources.inventory(self._sources.snapshot().catalog, self._sources.vault({}))

    def hosts(self) -> tuple[Host, ...]:
        """
        Return the hosts, in the inventory's order.

        Where the store holds the inventory they have their variables, and the groups that name them; else no
        variables, and all their groups.

        Raises:
            DefinitionError: If Ansible cannot read the inventory.
        """
        site = self._sources.snapshot()
        if site.inventory.kind == "store":
            return self._held().hosts()
        return self.read().hosts

    def set_host(self, name: str, *, groups: Sequence[str] = (), vars: Mapping[str, Any] | None = None) -> None:  # noqa: A002 - Ansible's word
        """
        Enter a host, new or known, of an inventory that the store holds.

        Args:
            name: Its name in the inventory.
            groups: All the groups that name it; new ones are made.
            vars: All its variables.

        Raises:
            PlanningError: If the inventory is a file.
            DefinitionError: If Ansible cannot use it so.
        """
        held, given = self._held(), vars or {}
        before = next((host.vars for host in held.hosts() if host.name == name), {})
        new = {variable: variable_problem(variable) for variable in given if variable not in before}
        if issues := [Issue("inventory", f"variable {each!r} {problem}") for each, problem in new.items() if problem]:
            raise DefinitionError(issues, remedy="give it another name")
        self._hold(held.with_host(name, groups, given))

    def remove_host(self, name: str) -> None:
        """
        Take a host out of an inventory that the store holds; what is recorded of it stays.

        Raises:
            UnknownNameError: If there is no such host.
            PlanningError: If the inventory is a file.
            DefinitionError: If it is the last one.
        """
        held = self._held()
        if name not in {host.name for host in held.hosts()}:
            raise UnknownNameError(f"site {self._sources.name!r} has no host {name!r}")
        self._hold(held.without_host(name))

    def export(self) -> str:
        """
        Return the inventory that the store holds, in Ansible's YAML.

        Raises:
            PlanningError: If the inventory is a file.
        """
        return self._held().text

    def replace(self, text: str) -> None:
        """
        Replace the inventory that the store holds by *text*, in Ansible's YAML; its comments are not kept.

        Raises:
            PlanningError: If the inventory is a file.
            DefinitionError: If Ansible cannot use it.
        """
        self._held()
        self._hold(HeldInventory.parse(text))

    def _held(self) -> HeldInventory:
        source = self._sources.snapshot().inventory
        text = self._sources.directory.store.sites.inventory(self._sources.name)
        if source.kind != "store" or text is None:
            raise PlanningError(
                f"the inventory of site {self._sources.name!r} is the file {source.path}",
                remedy="edit it where it lies",
            )
        return HeldInventory.parse(text)

    def _hold(self, changed: HeldInventory) -> None:
        held = HeldInventory.parse(changed.text)  # what is kept can be read again
        check_held(held)
        self._sources.directory.store.sites.save_inventory(self._sources.name, held.text)
        write_held(held_path(self._sources.directory.folders.inventories, self._sources.name), held.text)


def check_held(held: HeldInventory) -> None:
    """Raise a `DefinitionError` if Ansible cannot use *held*, with its own words."""
    with tempfile.TemporaryDirectory(prefix="installkit-inventory-") as folder:
        path = Path(folder) / "inventory.yml"
        write_held(path, held.text)
        try:
            known = {host.name for host in read_inventory([path]).hosts}
        except DefinitionError as exc:
            issues = [Issue("inventory", issue.message.replace(str(path), "inventory")) for issue in exc.issues]
            raise DefinitionError(issues, remedy=exc.remedy) from exc
    lost = [host.name for host in held.hosts() if host.name not in known and ":" not in host.name]  # a port goes away
    if lost:
        why = "a group has its name, or it is in one whose name is Ansible's own"
        issues = [Issue("inventory", f"host {name!r} is lost to Ansible: {why}") for name in lost]
        raise DefinitionError(issues, remedy="give the host or the group another name")
