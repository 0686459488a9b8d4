from pathlib import Path
from typing import Any

import attrs
from starlette.responses import Response

import installkit
from installkit_http.operations import Operation
from installkit_http.problems import Mistake, ProblemError, invalid
from installkit_http.responses import Paging, answer, entered, holds, nothing, page, tagged
from installkit_http.service import Call, Service

VOLATILE = ("lock", "last_run")
"""Members that change although nobody edits the site; they do not count for its entity tag."""

STAYS: Any = object()
"""The value of a member that a patch does not have, if null has another meaning."""


@attrs.frozen(kw_only=True)
class NewSite:
    """
    A new site.

    Attributes:
        title: For people; the name if None.
        inventory: An Ansible inventory in YAML, as text or as an object.
        catalog: The name of a catalog of the service; None if it has only one.
    """

    name: str
    inventory: str | dict[str, Any]
    catalog: str | None = None
    title: str | None = None


@attrs.frozen(kw_only=True)
class SitePatch:
    """
    Changes of a site; members that are missing stay as they are.

    Attributes:
        title: For people; empty or null means the name.
        catalog: The name of a catalog of the service.
    """

    title: str | None = STAYS
    catalog: str | None = None


@attrs.frozen(kw_only=True)
class SitesQuery(Paging):
    """
    Filters of the sites.

    Attributes:
        title: A part of the title or the name, in upper or lower case.
    """

    title: str | None = None


def list_sites(call: Call) -> Response:
    """Answer with the sites."""
    call.installer.refresh()
    part = call.query.title
    snapshots = [site.snapshot() for site in call.installer.sites()]
    sites = [site for site in snapshots if holds(site.title, part) or holds(site.name, part)]
    return page(call, sites, lambda site: site.name)


def create_site(call: Call) -> Response:
    """Create a site with an inventory that installkit holds."""
    body = call.body
    if any(site.name == body.name for site in call.installer.sites()):
        raise ProblemError(409, "site_exists", f"there is a site {body.name!r} already")
    folder = _folder(call.service, body.catalog)
    site = call.installer.create_site(body.name, inventory=body.inventory, catalog=folder, title=body.title)
    return answer(site.snapshot(), 201, {"location": call.address(f"/sites/{site.name}")})


def show_site(call: Call) -> Response:
    """Answer with a site, the run that changes it, and its last run."""
    return tagged(call, call.site().snapshot(), without=VOLATILE)


def change_site(call: Call) -> Response:
    """Give a site another title or catalog."""
    site, body = call.site(), call.body
    _check_match(call, site)
    folder = None if body.catalog is None else _folder(call.service, body.catalog)
    title = None if body.title is STAYS else body.title or ""
    call.installer.site(site.name, title=title, catalog=folder)
    return show_site(call)


def delete_site(call: Call) -> Response:
    """Forget a site and its plans; its runs and their record stay."""
    site = call.site()
    _check_match(call, site)
    call.installer.delete_site(site.name)
    return nothing()


def _check_match(call: Call, site: installkit.Site) -> None:
    call.check_match(entered(installkit.to_wire(site.snapshot()), VOLATILE))


def _folder(service: Service, name: str | None) -> Path:
    """Return the folder of the catalog *name*; None means the only catalog."""
    catalogs = service.catalogs
    if name is None and len(catalogs) == 1:
        return next(iter(catalogs.values()))
    if name is None or name not in catalogs:
        names = ", ".join(sorted(catalogs)) or "none: start the service with -c DIR"
        what = "say which catalog" if name is None else f"no catalog is named {name!r}"
        raise invalid([Mistake("/catalog", f"{what}; known are: {names}")])
    return catalogs[name]


READ, ADMIN = installkit.Scope.READ, installkit.Scope.ADMIN

OPERATIONS = (
    Operation(
        method="GET",
        path="/sites",
        scope=READ,
        handle=list_sites,
        summary="List the sites",
        query=SitesQuery,
        answer=installkit.SiteSnapshot,
        many=True,
    ),
    Operation(
        method="POST",
        path="/sites",
        scope=ADMIN,
        handle=create_site,
        summary="Create a site",
        body=NewSite,
        answer=installkit.SiteSnapshot,
        status=201,
    ),
    Operation(
        method="GET",
        path="/sites/{site}",
        scope=READ,
        handle=show_site,
        summary="Show a site",
        answer=installkit.SiteSnapshot,
    ),
    Operation(
        method="PATCH",
        path="/sites/{site}",
        scope=ADMIN,
        handle=change_site,
        summary="Change a site's title or catalog",
        guarded=True,
        body=SitePatch,
        answer=installkit.SiteSnapshot,
    ),
    Operation(
        method="DELETE",
        path="/sites/{site}",
        scope=ADMIN,
        handle=delete_site,
        summary="Forget a site",
        guarded=True,
        status=204,
    ),
)
