from collections.abc import Mapping
from typing import Any

import attrs
from starlette.responses import Response

import installkit
from installkit_http.operations import Operation
from installkit_http.parsing import etag_of
from installkit_http.problems import Mistake, invalid, or_not_found
from installkit_http.responses import Paging, nothing, page, tagged
from installkit_http.service import Call


@attrs.frozen(kw_only=True)
class ParametersPatch:
    """
    Values to enter, by level; null removes a value.

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
    """The value of a secret parameter, or of a password for Ansible."""

    value: str = attrs.field(repr=False)


def show_parameters(call: Call) -> Response:
    """Answer with the values entered for a site, by level, and the names of its secrets."""
    return tagged(call, call.site().parameters.values())


def change_parameters(call: Call) -> Response:
    """Enter values; if one is wrong, none is entered."""
    site, body = call.site(), call.body
    call.check_match(installkit.to_wire(site.parameters.values()))
    entered = installkit.SiteParameters(site=body.site, groups=body.groups, hosts=body.hosts)
    if problems := site.parameters.problems(entered):
        raise invalid([Mistake(f"/{'/'.join(place)}", problem) for place, problem in problems.items()])
    site.parameters.enter(entered)
    return tagged(call, site.parameters.values())


@attrs.frozen(kw_only=True)
class Secret:
    """
    A secret that is set.

    Attributes:
        etag: For `If-Match`; it changes each time the secret is set, and does not depend on the value.
    """

    name: str
    etag: str


def list_secrets(call: Call) -> Response:
    """Answer with the names of the secrets that are set, without their values."""
    revisions = call.site().secrets.revisions()
    secrets = [Secret(name=name, etag=etag_of(revision)) for name, revision in revisions.items()]
    return page(call, secrets, lambda secret: secret.name)


def set_secret(call: Call) -> Response:
    """Keep the value of a secret, encrypted; the answer has its new entity tag."""
    response = _set_secret(call, call.body.value)
    response.headers["etag"] = etag_of(call.site().secrets.revisions()[call.path("name")])
    return response


def unset_secret(call: Call) -> Response:
    """Forget a secret."""
    return _set_secret(call, None)


def _set_secret(call: Call, value: str | None) -> Response:
    site = call.site()
    call.check_match(site.secrets.revisions().get(call.path("name")))
    with or_not_found():
        site.secrets.set(call.path("name"), value)
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
        summary="Enter parameter values; null removes a value",
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
