from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import attrs
from starlette.responses import Response

import installkit
from installkit_http.operations import Operation
from installkit_http.problems import Mistake, ProblemError, invalid
from installkit_http.responses import Paging, answer, entered, holds, nothing, page, tagged
from installkit_http.service import Call

VOLATILE = ("installed",)
"""Members that change although nobody edits the host; they do not count for its entity tag."""


@attrs.frozen(kw_only=True)
class NewHost:
    """
    A new host.

    Attributes:
        vars: Ansible variables, as `ansible_host`.
    """

    name: str
    groups: tuple[str, ...] = ()
    vars: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class HostPatch:
    """
    Changes of a host; members that are missing stay as they are.

    Attributes:
        vars: Variables to set; null removes a variable.
    """

    groups: tuple[str, ...] | None = None
    vars: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class InventoryText:
    """
    A whole inventory.

    Attributes:
        inventory: In Ansible's YAML.
    """

    inventory: str


@attrs.frozen(kw_only=True)
class HostsQuery(Paging):
    """
    Filters of the hosts.

    Attributes:
        name: A part of the name, in upper or lower case.
        group: A group that names the host.
        component: A component that is recorded on the host.
    """

    name: str | None = None
    group: str | None = None
    component: str | None = None

    def wants(self, host: Mapping[str, Any]) -> bool:
        """Return whether *host*, as a JSON value of the answer, passes the filters."""
        recorded = {row["component"] for row in host["installed"]}
        in_group = self.group is None or self.group in host["groups"]
        return in_group and holds(host["name"], self.name) and (self.component is None or self.component in recorded)


def list_hosts(call: Call) -> Response:
    """Answer with the hosts of a site, in the inventory's order."""
    site = call.site()
    installed: defaultdict[str, list[installkit.Installation]] = defaultdict(list)
    for row in site.installed():
        installed[row.host].append(row)
    hosts = [_wire(host, installed[host.name]) for host in site.inventory.hosts()]
    return page(call, filter(call.query.wants, hosts), lambda host: str(host["name"]))


def add_host(call: Call) -> Response:
    """Add a host to an inventory that installkit holds."""
    site, body = call.site(), call.body
    if any(host.name == body.name for host in site.inventory.hosts()):
        raise ProblemError(409, "host_exists", f"site {site.name!r} has a host {body.name!r} already")
    _check_held(site)
    _set_host(site, body.name, body.groups, body.vars)
    location = call.address(f"/sites/{site.name}/hosts/{quote(body.name, safe='')}")
    return answer(_host(site, body.name), 201, {"location": location})


def show_host(call: Call) -> Response:
    """Answer with a host, its groups, and what is installed on it."""
    return tagged(call, _host(call.site(), call.path("host")), without=VOLATILE)


def change_host(call: Call) -> Response:
    """Change the groups or variables of a host."""
    site, name = call.site(), call.path("host")
    now = _host(site, name)
    call.check_match(entered(now, VOLATILE))
    _check_held(site)
    values = {key: value for key, value in {**now["vars"], **call.body.vars}.items() if value is not None}
    _set_host(site, name, now["groups"] if call.body.groups is None else call.body.groups, values)
    return tagged(call, _host(site, name), without=VOLATILE)


def remove_host(call: Call) -> Response:
    """Remove a host from the inventory; its rows in the record stay."""
    site, name = call.site(), call.path("host")
    call.check_match(entered(_host(site, name), VOLATILE))
    _check_held(site)
    site.inventory.remove_host(name)
    return nothing()


def list_inventory(call: Call) -> Response:
    """Answer with the hosts and groups of a site as Ansible lists them, without variables."""
    return answer(call.site().inventory.read())


def show_inventory(call: Call) -> Response:
    """Answer with an inventory that installkit holds, in Ansible's YAML."""
    site = call.site()
    _check_held(site)
    return tagged(call, {"inventory": site.inventory.export()})


def replace_inventory(call: Call) -> Response:
    """Replace an inventory that installkit holds."""
    site = call.site()
    _check_held(site)
    call.check_match({"inventory": site.inventory.export()})
    site.inventory.replace(call.body.inventory)
    return tagged(call, {"inventory": site.inventory.export()})


def _set_host(site: installkit.Site, name: str, groups: Sequence[str], values: Mapping[str, Any]) -> None:
    """Add or change a host; a mistake in the answer names the field of the request that Ansible cannot use."""
    try:
        site.inventory.set_host(name, groups=groups, vars=values)
    except installkit.DefinitionError as exc:
        places = {f"host {name!r}": "/name"} | {f"group {group!r}": f"/groups/{at}" for at, group in enumerate(groups)}
        places |= {f"variable {variable!r}": f"/vars/{variable}" for variable in values}
        issues = [(issue.message, next(filter(issue.message.startswith, places), "")) for issue in exc.issues]
        raise invalid([Mistake(places.get(place, ""), message) for message, place in issues]) from exc


def _check_held(site: installkit.Site) -> None:
    source = site.snapshot().inventory
    if source.kind is not installkit.InventoryKind.STORE:
        raise ProblemError(
            409,
            "inventory_is_a_file",
            f"the inventory of site {site.name!r} is the file {source.path}",
            remedy="edit it where it lies; the next plan reads it",
        )


def _host(site: installkit.Site, name: str) -> dict[str, Any]:
    host = next((host for host in site.inventory.hosts() if host.name == name), None)
    if host is None:
        raise ProblemError(404, "not_found", f"site {site.name!r} has no host {name!r}")
    return _wire(host, [row for row in site.installed() if row.host == name])


def _wire(host: installkit.Host, installed: Sequence[installkit.Installation]) -> dict[str, Any]:
    return {**installkit.to_wire(host), "installed": installkit.to_wire(installed)}


READ, ADMIN = installkit.Scope.READ, installkit.Scope.ADMIN

OPERATIONS = (
    Operation(
        method="GET",
        path="/sites/{site}/hosts",
        scope=READ,
        handle=list_hosts,
        summary="List the hosts of a site",
        query=HostsQuery,
        answer=installkit.Host,
        many=True,
    ),
    Operation(
        method="POST",
        path="/sites/{site}/hosts",
        scope=ADMIN,
        handle=add_host,
        summary="Add a host",
        body=NewHost,
        guarded=True,
        answer=installkit.Host,
        status=201,
    ),
    Operation(
        method="GET",
        path="/sites/{site}/hosts/{host}",
        scope=READ,
        handle=show_host,
        summary="Show a host",
        answer=installkit.Host,
    ),
    Operation(
        method="PATCH",
        path="/sites/{site}/hosts/{host}",
        scope=ADMIN,
        handle=change_host,
        summary="Change the groups or variables of a host",
        body=HostPatch,
        guarded=True,
        answer=installkit.Host,
    ),
    Operation(
        method="DELETE",
        path="/sites/{site}/hosts/{host}",
        scope=ADMIN,
        handle=remove_host,
        summary="Remove a host from the inventory",
        guarded=True,
        status=204,
    ),
    Operation(
        method="GET",
        path="/sites/{site}/inventory/list",
        scope=READ,
        handle=list_inventory,
        summary="Hosts and groups, as Ansible lists them",
        answer=installkit.Inventory,
    ),
    Operation(
        method="GET",
        path="/sites/{site}/inventory",
        scope=ADMIN,
        handle=show_inventory,
        summary="Export the inventory",
        answer=InventoryText,
    ),
    Operation(
        method="PUT",
        path="/sites/{site}/inventory",
        scope=ADMIN,
        handle=replace_inventory,
        summary="Replace the inventory",
        body=InventoryText,
        guarded=True,
        answer=InventoryText,
    ),
)
