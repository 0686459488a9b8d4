"""One service, as its client sees it: requests that are sent again where that is safe, pages, and errors."""

import secrets
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from installkit.errors import InstallkitError, ServiceError, UnknownNameError
from installkit.extras import load
from installkit.model import to_wire
from installkit.remote.problems import (
    NO_ROUTE,
    no_service,
    no_such_request,
    not_reached,
    problem_error,
    refused,
)

if TYPE_CHECKING:
    import httpx2

API = "/api/v1"

TIMEOUT = 300.0
"""Seconds that the answer to a call may take."""

CONNECT_WITHIN = 10.0
"""Seconds for a connection."""

PATIENCE = 300.0
"""Seconds for which what follows a run tries to get through again."""

AGAIN = (0.1, 0.5, 2.0)
"""Seconds before each further attempt at a call: long enough for a service that is started anew."""

PAGE = 1000
"""Items on a page: as many as a service gives."""

BUSY = frozenset({429, 502, 503, 504})
"""Statuses of a service, or of a proxy before it, that may be another one in a moment."""


class Service:
    """
    The service at one address.

    Attributes:
        address: Without a slash at its end.
        version: Of installkit there; None until it has said so.
        patience: As `connect` takes it.
    """

    def __init__(self, url: str, token: str, *, ca_file: str | Path | None, timeout: float, patience: float) -> None:
        self._httpx = load("httpx2", extra="remote")
        self.address = _checked_address(url)
        self.version: str | None = None
        self.patience = patience
        self._timeout = timeout
        self._settings: dict[str, Any] = {
            "base_url": self.address + API,
            "headers": {"authorization": f"Bearer {_checked_token(token)}", "user-agent": _user_agent()},
            "timeout": self.timeout(timeout),
        }
        if ca_file is not None:
            self._settings["verify"] = _context(ca_file)
        self.client: httpx2.Client = self._httpx.Client(**self._settings)

    def async_client(self) -> "httpx2.AsyncClient":
        """Return another client with the same settings, for an event loop."""
        client: httpx2.AsyncClient = self._httpx.AsyncClient(**self._settings)
        return client

    def close(self) -> None:
        """Close the connections; again does nothing."""
        self.client.close()

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return what the service answers with at *path*, below its version, as from JSON."""
        return self.call("GET", path, query=query)

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        attempts: int = len(AGAIN) + 1,
        keyed: bool = True,
    ) -> Any:
        """
        Carry out a request and return its answer, as from JSON; None if it has none.

        If the connection breaks, it is sent again: a service carries out a POST with the same key only once.

        Args:
            method: GET, POST, ….
            path: Below the version.
            query: What is None is left out.
            body: A JSON value.
            attempts: How often it is sent at most.
            keyed: Whether a POST needs a key; False for one that by itself is carried out only once.

        Raises:
            InstallkitError: As the library would for the same call; `ServiceError` for what only a service can do.
        """
        response, repeated = self._send(method, path, query, body=body, attempts=attempts, keyed=keyed)
        if repeated and method == "DELETE" and response.status_code == 404:  # noqa: PLR2004 - it was deleted before
            return None
        if response.is_success:
            return self._json(response) if response.content else None
        raise self.error_of(response)

    def content(
        self, path: str, query: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """Return the bytes at *path*; none where they begin after the end of what is there."""
        response, _ = self._send("GET", path, query, headers=headers)
        if response.status_code == 416:  # noqa: PLR2004 - Range Not Satisfiable
            return b""
        if not response.is_success:
            raise self.error_of(response)
        return bytes(response.content)

    def is_gone(self, path: str, query: Mapping[str, Any]) -> bool:
        """Return whether what is at *path* was deleted, and will not come back."""
        response, _ = self._send("GET", path, query)
        if response.status_code == 410:  # noqa: PLR2004 - Gone
            return True
        if not response.is_success:
            raise self.error_of(response)
        return False

    def readiness(self) -> list[dict[str, Any]]:
        """Return how each preparation of the service ended, also where one failed."""
        response, _ = self._send("GET", f"{self.address}/readyz", None)
        rows: list[dict[str, Any]] = (self._json(response) or {}).get("checks") or []
        return rows

    def items(
        self, path: str, query: Mapping[str, Any] | None = None, *, limit: int | None = None, after: str | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield the items of the list at *path*, page by page; at most *limit*, after the one with the cursor *after*."""
        left, cursor = limit, after
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            page = self.get(path, {**(query or {}), "limit": size, "cursor": cursor})
            yield from page["items"]
            cursor, left = page["next"], None if left is None else left - len(page["items"])
            if cursor is None:
                return

    @property
    def network_error(self) -> type[Exception]:
        """The class of the errors of a network."""
        kind: type[Exception] = self._httpx.TransportError
        return kind

    def timeout(self, read: float) -> Any:
        """Return the times for a request that may be silent for *read* seconds."""
        return self._httpx.Timeout(read, connect=CONNECT_WITHIN, pool=None)

    def broken_off(self) -> ServiceError:
        """Return the error for streams whose connections end before they do."""
        return ServiceError(
            f"the service at {self.address}, or a proxy before it, ends each connection before the run has ended",
            remedy="look at the times that the proxy gives a connection",
        )

    def unreachable(self, error: Exception) -> ServiceError:
        """Return the error for *error*, one of the network."""
        return not_reached(error, self.address, self._timeout)

    def error_of(self, response: "httpx2.Response") -> InstallkitError:
        """Return the error for *response*, which is not a success and whose content was read."""
        path = response.request.url.path.partition(API)[2]
        status, problem = response.status_code, _problem(response)
        if problem is None:
            where = response.headers.get("location") if response.is_redirect else None
            return no_service(status, self.address, where and where.partition(API)[0])
        if status in {401, 403} and problem.get("code") in {"unauthorized", "forbidden"}:
            return refused(status, problem, self.address)
        if problem.get("detail") in NO_ROUTE:
            if not self.version:  # its first answer: nothing of installkit's is at this address
                return no_service(status, self.address, None)
            return no_such_request(response.request.method, path, self.address, (self.version, version("installkit")))
        return problem_error(status, problem, path=path)

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        *,
        body: Any = None,
        attempts: int = len(AGAIN) + 1,
        headers: Mapping[str, str] | None = None,
        keyed: bool = True,
    ) -> tuple["httpx2.Response", bool]:
        """Return the answer, and whether the request was sent more than once."""
        key = {"idempotency-key": secrets.token_hex(16)} if method == "POST" and keyed else {}
        request = self.client.build_request(
            method, path, params=parameters(query), json=body, headers={**key, **(headers or {})}
        )
        waits = iter(AGAIN[: attempts - 1])
        repeated = False
        while True:
            try:
                response = self.client.send(request)
            except self._httpx.TransportError as exc:
                timed_out = isinstance(exc, self._httpx.ReadTimeout)  # sent again it would take as long
                wait = None if timed_out else next(waits, None)
                if wait is None:
                    raise self.unreachable(exc) from exc
            else:
                wait = next(waits, None) if _is_passing(response) else None
                if wait is None:
                    return response, repeated
            repeated = True
            time.sleep(wait)

    def _json(self, response: "httpx2.Response") -> Any:
        try:
            return response.json()
        except ValueError as exc:
            raise no_service(response.status_code, self.address) from exc


def parameters(query: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the parameters of an address for *query*: those that are None are left out."""
    wire = to_wire(query or {})
    return {
        name: ("true" if value else "false") if isinstance(value, bool) else value
        for name, value in wire.items()
        if value is not None
    }


def part(name: str) -> str:
    """
    Return *name* as a part of an address.

    Raises:
        UnknownNameError: If it would be several parts, or another one: nothing has such a name.
    """
    if name in {"", ".", ".."} or "/" in name:
        raise UnknownNameError(f"{name!r} is not a name, and not an id")
    return quote(name, safe="")


def _is_passing(response: "httpx2.Response") -> bool:
    """Return whether the same request may get another answer in a moment."""
    in_progress = (_problem(response) or {}).get("code") == "idempotency_in_progress"
    return in_progress or response.status_code in {502, 504}  # a proxy's, before a service that is started anew


def _problem(response: "httpx2.Response") -> dict[str, Any] | None:
    """Return the problem details in *response*; None if it has none, and so is not of an installkit."""
    if "json" not in response.headers.get("content-type", ""):
        return None
    try:
        problem = response.json()
    except ValueError:
        return None
    return problem if isinstance(problem, dict) and {"code", "detail"} <= problem.keys() else None


def _checked_address(url: str) -> str:
    """Return *url* without a slash at its end, and without what follows the path."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if valid and "@" in parts.netloc:
        raise ServiceError(
            f"the address of the service at {parts.hostname} holds a user or a password",
            remedy="leave them out: who you are is said by the token",
        )
    if not valid:
        raise ServiceError(
            f"{url!r} is not the address of a service", remedy="give it as http://HOST:PORT or https://HOST"
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix(API).rstrip('/')}"


def _checked_token(token: str) -> str:
    text = token.strip() if isinstance(token, str) else ""  # None is what a missing variable of the environment gives
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise ServiceError(
            "the token is empty, or is not the text of an access token",
            remedy="give the text that `installkit token create` printed",
        )
    return text


def _user_agent() -> str:
    return f"installkit/{version('installkit')}"


def _context(ca_file: str | Path) -> Any:
    import ssl  # noqa: PLC0415 - only who names certificates needs it

    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as exc:
        raise ServiceError(f"the certificates {ca_file} cannot be used: {exc}", remedy="give a file in PEM") from exc
