"""The parts of a site of a service: its parameters, secrets and hosts."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from installkit.errors import PlanningError, UnknownNameError
from installkit.model import Catalog, Component, Host, Inventory, Plan, SiteParameters, SiteSnapshot, from_wire
from installkit.planning import missing_secrets
from installkit.remote.machine import missing
from installkit.remote.service import Service, part


def inventory_text(inventory: object) -> str:
    """
    Return *inventory*, Ansible's YAML as text or as an object, as text.

    Raises:
        PlanningError: If it is a path of this machine, or neither text nor an object of values as in JSON.
    """
    if isinstance(inventory, Path) or (
        isinstance(inventory, str) and "\n" not in inventory and Path(inventory).exists()
    ):
        raise PlanningError(
            f"the inventory {inventory} is a file of this machine, and the service reads its own",
            remedy="give what is in it: Path(…).read_text()",
        )
    if isinstance(inventory, str):
        return inventory
    try:
        return json.dumps(inventory if isinstance(inventory, dict) else dict(inventory), ensure_ascii=False)  # type: ignore[call-overload]  # it may be anything
    except (TypeError, ValueError, RecursionError) as exc:
        raise PlanningError(
            f"an inventory is text in YAML, or an object of groups with values as in JSON: {exc}",
            remedy="give it as {'all': {'hosts': {'db1': {'ansible_host': '10.0.0.1'}}}}",
        ) from exc


class RemoteParameters:
    """The values that were entered for a site of a service."""

    def __init__(self, service: Service, site: str) -> None:
        self._service = service
        self._path = f"/sites/{part(site)}/parameters"

    if not TYPE_CHECKING:  # a checker would take any name for one that there is

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name)

    def values(self) -> SiteParameters:
        """Return the values by level, and the names of the secrets that the site keeps."""
        return from_wire(SiteParameters, self._service.get(self._path))

    def set(self, values: Mapping[str, Any], *, group: str | None = None, host: str | None = None) -> None:
        """
        Enter parameter values for the site, or for one of its groups or hosts; None removes a value.

        Raises:
            PlanningError: With a line for each value that no playbook could get, as `Parameters.set`.
        """
        self.enter(SiteParameters.at_one_level(values, group=group, host=host))

    def enter(self, entered: SiteParameters) -> None:
        """
        Add parameter values at several levels to those that are there; if one of them is wrong, none is entered.

        Args:
            entered: None removes a value. Its secrets are ignored.

        Raises:
            PlanningError: As `set`.
        """
        body = {"site": entered.site, "groups": entered.groups, "hosts": entered.hosts}
        self._service.call("PATCH", self._path, body=body)


class RemoteSecrets:
    """The secrets that a site of a service keeps, encrypted."""

    def __init__(self, service: Service, site: str) -> None:
        self._service = service
        self._path = f"/sites/{part(site)}/secrets"
        self._site = site

    def names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the site keeps, sorted."""
        return tuple(sorted(self.revisions()))

    def set(self, name: str, value: str | None) -> None:
        """
        Keep the value of a secret, encrypted; None removes it. The arguments are those of `Secrets.set`.

        Raises:
            UnknownNameError: If no component declares such a secret, or there is none to remove.
            PlanningError: If the value is empty or not text, or Ansible could not use it as a password.
        """
        if value is None:
            self._service.call("DELETE", f"{self._path}/{part(name)}")
        else:
            self._service.call("PUT", f"{self._path}/{part(name)}", body={"value": value})

    def revisions(self) -> dict[str, str]:
        """Return a word for each secret that changes whenever the secret is set; it reveals nothing about the value."""
        return {row["name"]: row["etag"] for row in self._service.items(self._path)}

    def missing(self, plan: Plan) -> tuple[str, ...]:
        """Return the names of the secrets that *plan* or its components require and the site does not keep, sorted."""
        return missing_secrets(plan, read_catalog(self._service, self._site), self.names())


class RemoteInventory:
    """The inventory of a site of a service."""

    def __init__(self, service: Service, site: str) -> None:
        self._service = service
        self._site = site
        self._path = f"/sites/{part(site)}"

    def read(self) -> Inventory:
        """
        Return the inventory as Ansible reads it: hosts and groups, without variables.

        Raises:
            DefinitionError: If Ansible cannot read it.
        """
        return from_wire(Inventory, self._service.get(f"{self._path}/inventory/list"))

    def hosts(self) -> tuple[Host, ...]:
        """Return the hosts, in the inventory's order; see `SiteInventory.hosts`."""
        return tuple(from_wire(Host, row) for row in self._service.items(f"{self._path}/hosts"))

    def set_host(self, name: str, *, groups: Sequence[str] = (), vars: Mapping[str, Any] | None = None) -> None:  # noqa: A002 - Ansible's word
        """
        Add or change a host of an inventory that the service holds; the arguments are those of `SiteInventory.set_host`.

        Raises:
            PlanningError: If the inventory is a file, or Ansible cannot use it with this host.
        """
        values = dict(vars or {})
        try:
            address = f"{self._path}/hosts/{part(name)}"
            before = from_wire(Host, self._service.get(address))
        except UnknownNameError:
            self._service.call(
                "POST", f"{self._path}/hosts", body={"name": name, "groups": list(groups), "vars": values}
            )
            return
        if nulls := [variable for variable, value in values.items() if value is None]:
            raise PlanningError(
                f"null is not a value that a request can set, for {', '.join(nulls)} of host {name}",
                remedy="leave it out, or replace the whole inventory",
            )
        changed = {**dict.fromkeys(before.vars), **values}  # a request merges: null takes away
        self._service.call("PATCH", address, body={"groups": list(groups), "vars": changed})

    def remove_host(self, name: str) -> None:
        """
        Remove a host from an inventory that the service holds; its rows in the record stay.

        Raises:
            UnknownNameError: If there is no such host.
            PlanningError: If the inventory is a file.
            DefinitionError: If it is the last host.
        """
        self._service.call("DELETE", f"{self._path}/hosts/{part(name)}")

    def export(self) -> str:
        """
        Return the inventory that the service holds, in Ansible's YAML.

        Raises:
            PlanningError: If the inventory is a file.
        """
        return str(self._service.get(f"{self._path}/inventory")["inventory"])

    def replace(self, inventory: str | Mapping[str, Any]) -> None:
        """
        Replace the inventory that the service holds; *inventory* is given as for `RemoteInstaller.create_site`.

        Raises:
            PlanningError: If the inventory is a file.
            DefinitionError: If Ansible cannot use it.
        """
        self._service.call("PUT", f"{self._path}/inventory", body={"inventory": inventory_text(inventory)})


def read_catalog(service: Service, site: str) -> Catalog:
    """Return the catalog of *site*: its folder and its components."""
    path = f"/sites/{part(site)}"
    components = tuple(from_wire(Component, row) for row in service.items(f"{path}/components"))
    return Catalog(folder=from_wire(SiteSnapshot, service.get(path)).catalog, components=components)
