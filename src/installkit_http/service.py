"""What all requests share, and one request with what it brought."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from starlette.requests import Request

import installkit
from installkit_http.parsing import etag_of
from installkit_http.problems import ProblemError, or_not_found
from installkit_http.startup import Preparations
from installkit_http.streaming.feeds import Feeds

PREFIX = "/api/v1"

ID = re.compile(r"[0-9a-f]{1,12}|last")
"""A run's or plan's id, or its beginning; no other text is looked for."""


@attrs.frozen(kw_only=True)
class Service:
    """
    One running service.

    Attributes:
        catalogs: Folders by the names that sites are created with.
        allow_origin: Origins of pages that may use the service from elsewhere.
        edit_lock: Held from reading what is edited to the end of the edit: none is lost, and `If-Match` holds.
    """

    installer: installkit.Installer
    catalogs: Mapping[str, Path]
    allow_origin: tuple[str, ...]
    feeds: Feeds
    preparations: Preparations
    edit_lock: asyncio.Lock = attrs.field(factory=asyncio.Lock)


@attrs.frozen(kw_only=True)
class Call:
    """
    One request, checked.

    Attributes:
        token: Who asks; None where nobody needs to say.
        query: What the operation's query class made of the address.
        body: What the operation's body class made of the body.
    """

    service: Service
    request: Request
    token: installkit.Token | None = None
    query: Any = None
    body: Any = None

    @property
    def installer(self) -> installkit.Installer:
        """The data directory that is served."""
        return self.service.installer

    @property
    def who(self) -> str:
        """Who asks, for the record."""
        return "nobody" if self.token is None else f"{self.token.name} ({self.token.id})"

    def record(self, what: str) -> None:
        """Record in the audit what was done to the address of the request."""
        target = self.request.url.path.removeprefix(self.request.scope.get("root_path", ""))
        self.installer.access.record_audit(self.who, what, target)

    def address(self, path: str) -> str:
        """Return *path*, of the interface, as this client reaches it: the app may be mounted below another."""
        return f"{self.request.scope.get('root_path', '')}{PREFIX}{path}"

    def path(self, name: str) -> str:
        """Return the part of the address called *name*."""
        return str(self.request.path_params[name])

    def site(self) -> installkit.Site:
        """Return the site that the address names; 404 if there is none."""
        with or_not_found():
            return self.installer.site(self.path("site"))

    def plan(self) -> installkit.Plan:
        """Return the plan that the address names; 404 if there is none."""
        self._check_id("plan")
        with or_not_found():
            return self.installer.plan(self.path("plan"))

    def run(self) -> installkit.Run:
        """Return the run that the address names; 404 if there is none."""
        self._check_id("run")
        return self.installer.run(self.path("run"))

    def step(self, run: installkit.Run) -> str:
        """Return the id of the step of *run* that the address names: its id, or its component; 404 if there is none."""
        with or_not_found():
            found = run.find_steps(self.path("step"))
        if len(found) > 1:
            raise ProblemError(404, "not_found", f"{self.path('step')!r} means several steps: {', '.join(found)}")
        return found[0]

    def check_match(self, current: Any) -> None:
        """
        Raise a 412 if the request is meant for another state of a thing than *current*, its JSON value.

        None is the state of what is not there: `If-None-Match: *` wants that, and `If-Match: *` any other.
        """
        now = None if current is None else etag_of(current)
        if self.request.headers.get("if-none-match") == "*" and now is not None:
            raise ProblemError(412, "changed_meanwhile", "it is there already", remedy="read it first", etag=now)
        wanted = self.request.headers.get("if-match")
        if wanted is not None and (now is None or now not in _tags(wanted, now)):
            raise ProblemError(
                412,
                "changed_meanwhile",
                f"it was changed since you read it: {'it is gone' if now is None else f'it is {now} now'}",
                remedy="read it again",
                etag=now,
            )

    def _check_id(self, name: str) -> None:
        if not ID.fullmatch(self.path(name)):
            raise ProblemError(
                404,
                "not_found",
                f"{self.path(name)!r} is not an id of a {name}",
                remedy="an id has 12 hexadecimal digits",
            )


def _tags(header: str, now: str) -> list[str]:
    """Return the entity tags that an `If-Match` header wants; `*` wants whatever is there *now*."""
    return [now if each.strip() == "*" else each.strip() for each in header.split(",")]
