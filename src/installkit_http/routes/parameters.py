from collections.abc import Mapping
from typing import Any

import attrs
from starlette.responses import Response

import installkit
from installkit_http.answers import Paging, nothing, page, tagged
from installkit_http.operations import Operation
from installkit_http.problems import Mistake, invalid, or_not_found
from installkit_http.service import Call
from installkit_http.wire import etag_of

Level = Mapping[str, Mapping[str, Any]]


@attrs.frozen(kw_only=True)
class ParametersPatch:
    """
    Values to be entered, by level; null takes a value away.

    Attributes:
        site: By parameter.
        groups: By group, then by parameter.
        hosts: By host, then by parameter.
    """

    site: Mapping[str, Any] = attrs.field(factory=dict)
    groups: Mapping[str, dict[str, Any]] = attrs.field(factory=dict)
    hosts: Mapping[str, dict[str, Any]] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class SecretValue:
    """The value of a secret parameter, or of a password that Ansible takes."""

    value: str = attrs.field(repr=False)


def show_parameters(call: Call) -> Response:
    """Answer with the values entered for a site, by level, and the names of its secrets."""
    return tagged(call, call.site().parameters())


def change_parameters(call: Call) -> Response:
    """Enter values; all of them, or, if one is wrong, none."""
    site = call.site()
    call.check_match(installkit.to_wire(site.parameters()))
    _check(site, call.body)
    site.set_parameters(call.body.site)
    for group, values in call.body.groups.items():
        site.set_parameters(values, group=group)
    for host, values in call.body.hosts.items():
        site.set_parameters(values, host=host)
    return tagged(call, site.parameters())


def _check(site: installkit.Site, patch: ParametersPatch) -> None:
    declared = {parameter.name: parameter for component in site.catalog() for parameter in component.parameters}
    hosts = site.inventory().hosts
    groups = {"all", *(name for host in hosts for name in host.groups)}
    mistakes = [Mistake(f"/groups/{name}", "the site has no such group") for name in _given(patch.groups) - groups]
    names = {host.name for host in hosts}
    mistakes += [Mistake(f"/hosts/{name}", "the site has no such host") for name in _given(patch.hosts) - names]
    levels = {"/site": patch.site, **_levels("groups", patch.groups), **_levels("hosts", patch.hosts)}
    for pointer, values in levels.items():
        mistakes += [
            Mistake(f"{pointer}/{name}", reason)
            for name, value in values.items()
            if (reason := _refusal(declared.get(name), value))
        ]
    if mistakes:
        raise invalid(mistakes)


def _given(entered: Level) -> set[str]:
    """Return the names that get a value; what is only taken away may be of a host or group that is gone."""
    return {
        name for name, values in entered.items() if not values or any(value is not None for value in values.values())
    }


def _levels(kind: str, entered: Level) -> dict[str, Mapping[str, Any]]:
    return {f"/{kind}/{name}": values for name, values in entered.items()}


def _refusal(parameter: installkit.Parameter | None, value: Any) -> str | None:
    if value is None:  # taken away, even where the catalog declares it no more
        return None
    if parameter is None:
        return "no component declares it"
    if parameter.secret:
        return "is a secret: PUT it to …/secrets/NAME"
    return installkit.value_problem(parameter, value)


@attrs.frozen(kw_only=True)
class Secret:
    """
    A secret that is set.

    Attributes:
        etag: For `If-Match`; another one each time it is set, and nothing of its value.
    """

    name: str
    etag: str


def list_secrets(call: Call) -> Response:
    """Answer with the names of the secrets that are set; their values never come back."""
    revisions = call.site().secret_revisions()
    found = [Secret(name=name, etag=etag_of(revision)) for name, revision in revisions.items()]
    return page(call, found, lambda each: each.name)


def set_secret(call: Call) -> Response:
    """Keep the value of a secret, encrypted; the entity tag says which one."""
    response = _set_secret(call, call.body.value)
    response.headers["etag"] = etag_of(call.site().secret_revisions()[call.path("name")])
    return response


def unset_secret(call: Call) -> Response:
    """Forget a secret."""
    return _set_secret(call, None)


def _set_secret(call: Call, value: str | None) -> Response:
    site = call.site()
    call.check_match(site.secret_revisions().get(call.path("name")))
    with or_not_found():
        site.set_secret(call.path("name"), value)
    return nothing()


READ, OPERATE = installkit.Scope.READ, installkit.Scope.OPERATE

OPERATIONS = (
    Operation(
        method="GET",
        path="/sites/{site}/parameters",
        scope=READ,
        handle=show_parameters,
        summary="Show the values entered for a site",
        answer=installkit.SiteParameters,
    ),
    Operation(
        method="PATCH",
        path="/sites/{site}/parameters",
        scope=OPERATE,
        handle=change_parameters,
        summary="Enter parameter values; null takes one away",
        body=ParametersPatch,
        guarded=True,
        answer=installkit.SiteParameters,
    ),
    Operation(
        method="GET",
        path="/sites/{site}/secrets",
        scope=READ,
        handle=list_secrets,
        summary="List the names of the secrets that are set",
        query=Paging,
        answer=Secret,
        many=True,
    ),
    Operation(
        method="PUT",
        path="/sites/{site}/secrets/{name}",
        scope=OPERATE,
        handle=set_secret,
        summary="Keep the value of a secret, encrypted",
        body=SecretValue,
        guarded=True,
        status=204,
    ),
    Operation(
        method="DELETE",
        path="/sites/{site}/secrets/{name}",
        scope=OPERATE,
        handle=unset_secret,
        summary="Forget a secret",
        guarded=True,
        status=204,
    ),
)
