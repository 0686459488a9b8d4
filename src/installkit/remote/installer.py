import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

from installkit.errors import PlanningError
from installkit.model import (
    Arrival,
    ArrivalFilter,
    FindingStatus,
    Plan,
    PlanFilter,
    RunFilter,
    RunSnapshot,
    RunStatus,
    Token,
    from_wire,
    to_wire,
)
from installkit.remote.arrivals import RemoteArrivalReader
from installkit.remote.machine import missing
from installkit.remote.parts import inventory_text
from installkit.remote.run import RemoteRun
from installkit.remote.service import Service, part
from installkit.remote.site import RemoteSite
from installkit.support.doctor import Finding

_STATUSES = {"pass": FindingStatus.OK, "fail": FindingStatus.FAIL}
"""The doctor's words for how a preparation of a service ended; all others are a warning, as `pending`."""


class RemoteInstaller:
    """
    An `Installer` behind a service, made by `connect`: its sites, plans and runs. Threads may share it.

    What only the machine of the service can do is not here: `prune`, `adopt`, `reindex`, `folders`, tokens.

    Attributes:
        address: Of the service.
        version: Of installkit there.
        token: The token that this client has, without its text.
    """

    def __init__(self, service: Service) -> None:
        info = service.call("GET", "/info", attempts=1)
        service.version = str(info.get("installkit"))
        self._service = service
        self.address = service.address
        self.version = service.version
        self.token = from_wire(Token, info["token"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    if not TYPE_CHECKING:  # a checker would take any name for one that there is

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name)

    def __repr__(self) -> str:
        return f"<RemoteInstaller {self.address}>"

    def close(self) -> None:
        """Close the connections; again does nothing. Runs go on."""
        self._service.close()

    def catalogs(self) -> tuple[str, ...]:
        """Return the names of the catalogs that the service was started with: sites are made with them."""
        return tuple(str(row["name"]) for row in self._service.items("/catalogs"))

    def site(
        self,
        name: str,
        *,
        inventory: str | Path | None = None,
        catalog: str | None = None,
        title: str | None = None,
    ) -> RemoteSite:
        """
        Return the site called *name*.

        Args:
            name: Of a site that there is; `create_site` makes one.
            inventory: Refused: it would be a file of this machine.
            catalog: Another catalog for it, by a name of `catalogs`.
            title: For people; empty for the name, None for what the site has.

        Raises:
            UnknownNameError: If there is no such site.
            PlanningError: If the service has no such catalog, or *inventory* is given.
        """
        if inventory is not None:
            raise PlanningError(
                f"the inventory {inventory} is a file of this machine, and the service reads its own",
                remedy="make a site that keeps it: installer.create_site(NAME, inventory=TEXT)",
            )
        found = RemoteSite(self._service, name)
        found.snapshot()
        patch = {"catalog": None if catalog is None else _catalog_name(catalog), "title": title}
        if changes := {key: value for key, value in patch.items() if value is not None}:
            self._service.call("PATCH", f"/sites/{part(name)}", body=changes)
        return found

    def create_site(
        self, name: str, *, inventory: str | Mapping[str, Any], catalog: str | None = None, title: str | None = None
    ) -> RemoteSite:
        """
        Make a site whose inventory the service holds.

        Args:
            name: New; letters, digits, `-`, `_` and `.`.
            inventory: In Ansible's YAML, as text or as an object: no path of this machine.
            catalog: By a name of `catalogs`; None if the service has only one.
            title: For people; the name if None.

        Raises:
            PlanningError: If there is such a site already, or the service has no such catalog.
            DefinitionError: If the inventory or the catalog is wrong.
        """
        body = {
            "name": name,
            "inventory": inventory_text(inventory),
            "catalog": None if catalog is None else _catalog_name(catalog),
            "title": title,
        }
        self._service.call("POST", "/sites", body={key: value for key, value in body.items() if value is not None})
        return RemoteSite(self._service, name)

    def sites(self) -> tuple[RemoteSite, ...]:
        """Return every site, by name."""
        return tuple(RemoteSite(self._service, row["name"]) for row in self._service.items("/sites"))

    def delete_site(self, name: str) -> None:
        """
        Forget what was entered for the site *name*, and its plans; its runs and their record stay.

        Raises:
            UnknownNameError: If there is none.
            SiteLockedError: If a run changes it.
            PlanningError: If a run only looks at it.
        """
        self._service.call("DELETE", f"/sites/{part(name)}")

    def plans(
        self,
        site: str | None = None,
        *,
        limit: int | None = None,
        before: str | None = None,
        **wanted: Unpack[PlanFilter],
    ) -> tuple[Plan, ...]:
        """Return the plans made for *site*, or for all sites, newest first; the arguments are those of `Installer.plans`."""
        sites = [each.name for each in self.sites()] if site is None else [site]
        rows = [row for name in sites for row in self._service.items(f"/sites/{part(name)}/plans", {**wanted})]
        rows.sort(key=lambda row: str(row["created_at"]), reverse=True)
        if before is not None:
            made = to_wire(self.plan(before).created_at)
            rows = [row for row in rows if row["created_at"] < made]
        return tuple(self.plan(row["id"]) for row in rows[:limit])  # a list leaves out what grows with the hosts

    def plan(self, plan: str) -> Plan:
        """
        Return the plan with the id *plan*.

        Raises:
            UnknownNameError: If there is none.
        """
        return from_wire(Plan, self._service.get(f"/plans/{part(plan)}"))

    def delete_plan(self, plan: str) -> None:
        """
        Forget the plan with the id *plan*.

        Raises:
            UnknownNameError: If there is none.
            PlanUsedError: If a run applied it.
        """
        self._service.call("DELETE", f"/plans/{part(plan)}")

    def run(self, run: str) -> RemoteRun:
        """
        Return the run whose id is, or begins with, *run*; `last` is the newest.

        Raises:
            RunNotFoundError: If there is none, or several begin so.
        """
        return RemoteRun(self._service, str(self._service.get(f"/runs/{part(run)}")["id"]))

    def runs(
        self, *, site: str | None = None, status: str | RunStatus | None = None, limit: int | None = None
    ) -> tuple[RemoteRun, ...]:
        """Return the runs, newest first, of one site or all, with one status or any, at most *limit*."""
        return tuple(RemoteRun(self._service, run.id) for run in self.list_runs(site=site, status=status, limit=limit))

    def list_runs(
        self, *, limit: int | None = None, before: str | None = None, **wanted: Unpack[RunFilter]
    ) -> tuple[RunSnapshot, ...]:
        """
        Return runs as snapshots without `steps` and `failures`; the arguments are those of `Installer.list_runs`.

        Raises:
            RunNotFoundError: If there is no run *before*.
            ValueError: If there is no such status.
        """
        status = wanted.get("status")
        several = (status,) if isinstance(status, str) else tuple(status or ())
        query = {**wanted, "status": [RunStatus(word) for word in several] or None}
        cursor = None if before is None else self.run(before).id
        rows = self._service.items("/runs", query, limit=limit, after=cursor)
        return tuple(from_wire(RunSnapshot, row) for row in rows)

    def events(
        self,
        *,
        follow: bool = False,
        after: str | None = None,
        last: int | None = None,
        limit: int | None = None,
        **wanted: Unpack[ArrivalFilter],
    ) -> Iterator[Arrival]:
        """
        Yield the events of all runs in the order in which they arrived; the arguments are those of `Installer.events`.

        With *follow* it goes on by itself after a broken connection, as `RemoteRun.events` does; there is no end.

        Raises:
            CursorExpiredError: If the cursor is of an index that was rebuilt since; it may also come while following.
            UnknownNameError: If there is no such kind or status.
            PlanningError: If *after* is not a cursor.
        """
        reader = self.arrival_reader(after=after, last=last, **wanted)
        return itertools.islice(_read_on(reader, follow=follow), limit)

    def arrival_reader(
        self, *, after: str | None = None, last: int | None = None, **wanted: Unpack[ArrivalFilter]
    ) -> RemoteArrivalReader:
        """Return a reader of the same events, for a program that waits in a loop of its own; see `events`."""
        return RemoteArrivalReader(self._service, after, last, **wanted)

    def prune_run(self, run: str) -> None:
        """
        Take events and logs from the run with the id *run*.

        Raises:
            RunNotFoundError: If there is none.
            PlanningError: If it has not ended.
        """
        self._service.call("DELETE", f"/runs/{part(run)}")

    def doctor(self, *, only: Collection[str] | None = None) -> tuple[Finding, ...]:
        """
        Return what the service said of its own preparations and its machine, finding by finding.

        Args:
            only: Names of the findings to return; None for all.
        """
        rows: Iterable[Mapping[str, Any]] = self._service.readiness()
        return tuple(
            Finding(row["name"], _STATUSES.get(row["status"], FindingStatus.WARN), row["message"], row["remedy"] or "")
            for row in rows
            if only is None or row["name"] in only
        )


def _read_on(reader: RemoteArrivalReader, *, follow: bool) -> Iterator[Arrival]:
    yield from itertools.chain.from_iterable(iter(reader.read, ()))
    if follow:
        yield from reader.follower().follow()


def _catalog_name(catalog: object) -> str:
    """Return *catalog*, a name; refuse a folder of this machine."""
    if isinstance(catalog, Path) or "/" in str(catalog):
        raise PlanningError(
            f"the catalog {catalog} is a folder of this machine, and the service reads its own",
            remedy="name one of those that it was started with: installer.catalogs()",
        )
    return str(catalog)
