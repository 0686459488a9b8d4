"""The service that all requests share, and a single request with its values."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from starlette.requests import Request

import installkit
from installkit_http.notifier import Notifiers
from installkit_http.parsing import etag_of
from installkit_http.problems import Mistake, ProblemError, invalid, or_not_found
from installkit_http.startup import Preparations
from installkit_http.streaming.feeds import Feeds

PREFIX = "/api/v1"

ID = re.compile(r"[0-9a-f]{1,12}|last")
"""An id of a run or plan, or the beginning of one; other texts are not looked up."""


@attrs.frozen(kw_only=True)
class Service:
    """
    One running service.

    Attributes:
        catalogs: Folders by the names that sites are created with.
        allow_origin: Other origins whose pages may use the service.
        notifiers: Who is told what becomes of runs while the service runs.
        edit_lock: Taken for a whole edit, from reading to writing, so that no edit is lost and `If-Match` is reliable.
    """

    installer: installkit.Installer
    catalogs: Mapping[str, Path]
    allow_origin: tuple[str, ...]
    feeds: Feeds
    preparations: Preparations
    notifiers: Notifiers
    edit_lock: asyncio.Lock = attrs.field(factory=asyncio.Lock)


@attrs.frozen(kw_only=True)
class Call:
    """
    One request, checked.

    Attributes:
        token: The token of the request; None if the operation needs none.
        query: The query, as an object of the operation's query class.
        body: The body, as an object of the operation's body class.
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
        """The name and id of the token, for the audit."""
        return "nobody" if self.token is None else f"{self.token.name} ({self.token.id})"

    def record(self, what: str) -> None:
        """Record in the audit that the request did *what* to its address."""
        target = self.request.url.path.removeprefix(self.request.scope.get("root_path", ""))
        self.installer.access.record_audit(self.who, what, target)

    def address(self, path: str) -> str:
        """Return the *path* of the interface as this client must write it: the app may be mounted below another one."""
        return f"{self.request.scope.get('root_path', '')}{PREFIX}{path}"

    def path(self, name: str) -> str:
        """Return the part *name* of the address."""
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

    def kept_run(self) -> installkit.Run:
        """Return the run that the address names; 410 if its events and logs are gone."""
        return self.kept(self.run())

    def kept(self, run: installkit.Run) -> installkit.Run:
        """Return *run*; 410 if its events and logs are gone."""
        if run.pruned:
            raise ProblemError(
                410,
                "pruned",
                f"the events and logs of run {run.id} were pruned",
                remedy=f"how it ended is kept: GET {self.address(f'/runs/{run.id}')}",
            )
        return run

    def check_filters(self, run: installkit.Run) -> None:
        """Answer 422 if the query's `step` or `host` names what *run* does not have; all of them are named."""
        mistakes = []
        wanted: tuple[installkit.EventFilter, ...] = ({"step": self.query.step}, {"host": self.query.host})
        for each in wanted:
            try:
                run.event_filter(**each)
            except installkit.UnknownNameError as exc:
                mistakes += [Mistake(f"/query/{name}", f"{exc}; {exc.remedy}") for name in each]
        if mistakes:
            raise invalid(mistakes)

    def step(self, run: installkit.Run) -> str:
        """Return the id of the step of *run* that the address names by id or component; 404 if there is none."""
        with or_not_found():
            ids = run.find_steps(self.path("step"))
        if len(ids) > 1:
            raise ProblemError(404, "not_found", f"{self.path('step')!r} means several steps: {', '.join(ids)}")
        return ids[0]

    def check_match(self, current: Any) -> None:
        """
        Answer 412 if the request requires another state of an object than *current*, its JSON value.

        None means that there is no such object: `If-None-Match: *` requires that, and `If-Match: *` any object.
        """
        now = None if current is None else etag_of(current)
        if self.request.headers.get("if-none-match") == "*" and now is not None:
            raise ProblemError(412, "changed_meanwhile", "it is there already", remedy="read it first", etag=now)
        header = self.request.headers.get("if-match")
        if header is not None and (now is None or {now, "*"}.isdisjoint(tag.strip() for tag in header.split(","))):
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
