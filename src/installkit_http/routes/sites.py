from pathlib import Path
from typing import Any

import attrs
import yaml
from starlette.responses import Response

import installkit
from installkit_http.operations import Operation
from installkit_http.problems import Mistake, ProblemError, invalid
from installkit_http.responses import Paging, answer, entered, holds, nothing, page, tagged
from installkit_http.service import Call, Service

VOLATILE = ("lock", "last_run")
"""What changes of a site without anybody changing the site; no part of its entity tag."""

STAYS: Any = object()
"""Stands for what a patch does not name, where null says something else."""


@attrs.frozen(kw_only=True)
class NewSite:
    """
    A site to be made.

    Attributes:
        title: For people; the name if None.
        inventory: An Ansible inventory in YAML, as text or as an object.
        catalog: The name of a catalog of the service; None for its only one.
    """

    name: str
    inventory: str | dict[str, Any]
    catalog: str | None = None
    title: str | None = None


@attrs.frozen(kw_only=True)
class SitePatch:
    """
    What changes of a site; what is not named stays.

    Attributes:
        title: For people; empty or null goes back to the name.
        catalog: The name of a catalog of the service.
    """

    title: str | None = STAYS
    catalog: str | None = None


@attrs.frozen(kw_only=True)
class SitesQuery(Paging):
    """
    Which sites are wanted.

    Attributes:
        title: A part of the title or the name, in any case.
    """

    title: str | None = None


def list_sites(call: Call) -> Response:
    """Answer with every site."""
    call.installer.refresh()
    every = [site.snapshot() for site in call.installer.sites()]
    found = [site for site in every if holds(site.title, call.query.title) or holds(site.name, call.query.title)]
    return page(call, found, lambda site: site.name)


def create_site(call: Call) -> Response:
    """Make a site whose inventory is held by installkit."""
    wanted = call.body
    text = wanted.inventory if isinstance(wanted.inventory, str) else yaml.safe_dump(wanted.inventory, sort_keys=False)
    if any(site.name == wanted.name for site in call.installer.sites()):
        raise ProblemError(409, "site_exists", f"there is a site {wanted.name!r} already")
    folder = _folder(call.service, wanted.catalog)
    site = call.installer.create_site(wanted.name, inventory=text, catalog=folder, title=wanted.title)
    return answer(site.snapshot(), 201, {"location": call.address(f"/sites/{site.name}")})


def show_site(call: Call) -> Response:
    """Answer with a site, who changes it, and its last run."""
    return tagged(call, call.site().snapshot(), without=VOLATILE)


def change_site(call: Call) -> Response:
    """Give a site another title or catalog."""
    site, wanted = call.site(), call.body
    _check_match(call, site)
    folder = None if wanted.catalog is None else _folder(call.service, wanted.catalog)
    title = None if wanted.title is STAYS else wanted.title or ""
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
    """Return the folder of the catalog called *name*; of the only one there is, if None."""
    known = service.catalogs
    if name is None and len(known) == 1:
        return next(iter(known.values()))
    if name is None or name not in known:
        names = ", ".join(sorted(known)) or "none: start the service with -c DIR"
        what = "say which catalog" if name is None else f"no catalog is named {name!r}"
        raise invalid([Mistake("/catalog", f"{what}; known are: {names}")])
    return known[name]


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
        summary="Make a site",
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
