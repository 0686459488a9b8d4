"""
installkit for asyncio: `AsyncInstaller`, `AsyncSite` and `AsyncRun` have the names of `Installer`, `Site` and `Run`, awaited.

    async with installkit.AsyncInstaller() as installer:
        site = await installer.site("acme", inventory="hosts.yml", catalog="playbooks")
        run = await site.apply(install=["mysql"])
        async for event in run.events(follow=True):
            print(event.message)

    async with installkit.AsyncInstaller.connect("https://ops.example.com", token=text) as installer: ...

There is one copy of the code: a call is the synchronous one, in threads of installkit's own, so that it waits for none of
the loop's and takes none from others. Following takes no thread between two changes: one watcher for the loop wakes all
followers, and whoever stops one is rid of it at once. A run of a service is followed by a connection of the loop. A run is nobody's: an awaited start that is canceled may have
started it, and what follows a run has no power over it.
"""

import asyncio
import contextlib
import functools
import itertools
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, Self, TypeVar, Unpack

from installkit.datadir.ansible import Ansible
from installkit.datadir.arrivals import ArrivalReader
from installkit.either import AnyInstaller, AnyRun, AnySite
from installkit.installer import Installer
from installkit.journal import Bells, Reader
from installkit.model import Arrival, ArrivalFilter, Event, EventFilter
from installkit.remote import RemoteInventory, RemoteParameters, RemoteRun, RemoteSecrets, connect
from installkit.remote.arrivals import RemoteArrivalReader
from installkit.remote.service import PATIENCE, TIMEOUT
from installkit.remote.streams import Follower
from installkit.runs.comparison import RunComparison
from installkit.runs.readings import not_ended
from installkit.runs.run import Run
from installkit.sites.hosts import SiteInventory
from installkit.sites.parameters import Parameters
from installkit.sites.secrets import Secrets
from installkit.sites.site import Site

if TYPE_CHECKING:
    import httpx2

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

CALLS = 16
"""Calls that are under way at once; more wait for their turn."""

READS = 2
"""Threads that read for followers: a read takes less than a millisecond."""

EVENTS = 1000
"""Events of a service that are read in one go."""


class _Loop:
    """What all objects of one `AsyncInstaller` share: threads, what wakes followers in their event loop, connections."""

    def __init__(self) -> None:
        self.calls = ThreadPoolExecutor(CALLS, "installkit")
        self.reads = ThreadPoolExecutor(READS, "installkit-read")
        self.bells = Bells()
        self.client: httpx2.AsyncClient | None = None

    async def call(self, pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, functools.partial(function, *args, **kwargs))

    async def follow(self, reader: Reader[T], *, wait: bool) -> AsyncGenerator[T, None]:
        """Yield what *reader* reads; where it is to *wait*, until it has ended, else what there is."""
        with self.bells.bell() as bell:
            while True:
                while part := await self.call(self.reads, reader.read):
                    yield part
                if reader.ended or not wait:
                    return
                if not bell.keep(reader.folders):
                    await bell.wait()

    async def followed(self, follower: Follower[T]) -> AsyncGenerator[T, None]:
        """Yield what *follower*, of a service, follows."""
        if self.client is None:
            self.client = follower.async_client()
        async with contextlib.aclosing(follower.afollow(self.client)) as pieces:
            async for piece in pieces:
                yield piece

    async def close(self) -> None:
        if self.client is not None:
            await self.client.aclose()
        self.bells.close()
        for pool in (self.calls, self.reads):
            pool.shutdown(wait=False, cancel_futures=True)


class _Async(Generic[T]):
    """
    An object of installkit whose calls are awaited.

    Attributes:
        sync: The object itself, for programs that have threads of their own.
    """

    def __init__(self, loop: _Loop, sync: T) -> None:
        self.sync = sync
        self._loop = loop

    def __repr__(self) -> str:
        return f"<Async{repr(self.sync).removeprefix('<')}"


def _bound(sync: object, name: str) -> Callable[..., Any]:
    """Return the call *name* of *sync*, which may be an object of a service."""
    found: Callable[..., Any] = getattr(sync, name)
    return found


def _awaited(call: Callable[Concatenate[Any, P], T]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """Return the method that awaits the synchronous *call*."""

    @functools.wraps(call)
    async def method(self: _Async[Any], /, *args: P.args, **kwargs: P.kwargs) -> T:
        done: T = await self._loop.call(self._loop.calls, _bound(self.sync, call.__name__), *args, **kwargs)
        return done

    return method


def _awaited_as(
    made: Callable[[_Loop, T], R], call: Callable[Concatenate[Any, P], T]
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, R]]:
    """Return the same where what *call* returns has calls to be awaited itself: *made* makes that of it."""

    @functools.wraps(call)
    async def method(self: _Async[Any], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return made(
            self._loop, await self._loop.call(self._loop.calls, _bound(self.sync, call.__name__), *args, **kwargs)
        )

    return method


def _run(loop: _Loop, run: AnyRun) -> "AsyncRun":
    return AsyncRun(loop, run)


def _runs(loop: _Loop, runs: tuple[AnyRun, ...]) -> "tuple[AsyncRun, ...]":
    return tuple(AsyncRun(loop, run) for run in runs)


def _run_if_any(loop: _Loop, run: AnyRun | None) -> "AsyncRun | None":
    return None if run is None else AsyncRun(loop, run)


class AsyncRun(_Async[AnyRun]):
    """
    A `Run` whose calls are awaited; what reads files is a call here: `await run.snapshot()` has status, steps and failures.

    Attributes:
        id: Twelve hexadecimal digits, the same as its plan's.
    """

    def __init__(self, loop: _Loop, sync: AnyRun) -> None:
        super().__init__(loop, sync)
        self.id = sync.id

    snapshot = _awaited(Run.snapshot)
    spec = _awaited(Run.spec)
    warnings = _awaited(Run.warnings)
    results = _awaited(Run.results)
    stats = _awaited(Run.stats)
    facts = _awaited(Run.facts)
    log = _awaited(Run.log)
    log_text = _awaited(Run.log_text)
    find_steps = _awaited(Run.find_steps)
    event_filter = _awaited(Run.event_filter)
    earlier = _awaited_as(_runs, Run.earlier)
    expected_durations = _awaited(Run.expected_durations)
    seconds_left = _awaited(Run.seconds_left)
    timeline = _awaited(Run.timeline)
    profile = _awaited(Run.profile)
    cancel = _awaited(Run.cancel)
    approve = _awaited(Run.approve)
    next_commands = _awaited(Run.next_commands)
    result = _awaited(Run.result)
    report = _awaited(Run.report)

    async def raise_for_status(self) -> Self:
        """Return the run if it succeeded, or has not ended yet; see `Run.raise_for_status`."""
        await self._loop.call(self._loop.calls, self.sync.raise_for_status)
        return self

    async def compare(self, other: "AsyncRun") -> RunComparison:
        """Return what differs between this run and *other*; see `Run.compare`."""
        compare: Callable[..., RunComparison] = self.sync.compare
        return await self._loop.call(self._loop.calls, compare, other.sync)

    async def wait(self, timeout: float | None = None) -> Self:  # noqa: ASYNC109 - as `Run.wait`
        """
        Wait until the run has ended, and return it; see `Run.wait`.

        Raises:
            TimeoutError: If it has not ended by then; the run is left alone.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._end()
        except TimeoutError:
            raise not_ended(self.id, timeout) from None
        return self

    async def _end(self) -> None:
        now = await self.snapshot()
        if isinstance(self.sync, RemoteRun):
            if not now.status.final:
                async for _ in self._loop.followed(self.sync.event_follower(now.last_seq)):
                    pass
            return
        with self._loop.bells.bell() as bell:
            bell.keep((self.sync.folder,))
            while not (await self.snapshot()).status.final:
                await bell.wait()
        await self._loop.call(self._loop.calls, self.sync.wait)  # it has ended: this brings the index up to date

    async def events(
        self, *, follow: bool = False, after: int = 0, limit: int | None = None, **wanted: Unpack[EventFilter]
    ) -> AsyncGenerator[Event, None]:
        """Yield the events after the one numbered *after*; see `Run.events`."""
        passes = await self.event_filter(**wanted)
        left = limit
        if left == 0:
            return
        async with contextlib.aclosing(self._events(after, follow=follow)) as events:
            async for event in events:
                if not passes(event):
                    continue
                yield event
                left = None if left is None else left - 1
                if left == 0:
                    return

    async def _events(self, after: int, *, follow: bool) -> AsyncGenerator[Event, None]:
        if isinstance(self.sync, Run):
            reader = await self._loop.call(self._loop.reads, self.sync.event_reader, after)
            async with contextlib.aclosing(self._loop.follow(reader, wait=follow)) as parts:
                async for events in parts:
                    for event in events:
                        yield event
        elif follow:
            async for event in self._loop.followed(self.sync.event_follower(after)):
                yield event
        else:
            found = self.sync.events(after=after)
            while part := await self._loop.call(self._loop.calls, list, itertools.islice(found, EVENTS)):
                for event in part:
                    yield event

    async def follow_log(
        self, step: str | None = None, *, host: str | None = None, tail: int | None = None, offset: int = 0
    ) -> AsyncGenerator[bytes, None]:
        """Yield the log of *step* as it is printed, from byte *offset* on; see `Run.follow_log`."""
        sync = self.sync
        readers = await self._loop.call(self._loop.calls, _bound(sync, "log_readers"), step, host=host, tail=tail)
        for reader in readers:
            async with contextlib.aclosing(self._chunks(reader)) as chunks:
                async for chunk in chunks:
                    if offset < len(chunk):
                        yield chunk[offset:]
                    offset = max(0, offset - len(chunk))

    def _chunks(self, reader: Reader[bytes] | Follower[bytes]) -> AsyncGenerator[bytes, None]:
        return self._loop.followed(reader) if isinstance(reader, Follower) else self._loop.follow(reader, wait=True)


class AsyncParameters(_Async[Parameters | RemoteParameters]):
    """`Parameters`, awaited."""

    values = _awaited(Parameters.values)
    set = _awaited(Parameters.set)
    enter = _awaited(Parameters.enter)
    problems = _awaited(Parameters.problems)


class AsyncSecrets(_Async[Secrets | RemoteSecrets]):
    """`Secrets`, awaited."""

    names = _awaited(Secrets.names)
    set = _awaited(Secrets.set)
    revisions = _awaited(Secrets.revisions)
    missing = _awaited(Secrets.missing)


class AsyncSiteInventory(_Async[SiteInventory | RemoteInventory]):
    """`SiteInventory`, awaited."""

    read = _awaited(SiteInventory.read)
    hosts = _awaited(SiteInventory.hosts)
    set_host = _awaited(SiteInventory.set_host)
    remove_host = _awaited(SiteInventory.remove_host)
    export = _awaited(SiteInventory.export)
    replace = _awaited(SiteInventory.replace)


class AsyncSite(_Async[AnySite]):
    """
    A `Site` whose calls are awaited.

    Attributes:
        name: Unique in its data directory.
        inventory: Its hosts.
        parameters: Values that people entered for it.
        secrets: Secrets that it keeps.
    """

    def __init__(self, loop: _Loop, sync: AnySite) -> None:
        super().__init__(loop, sync)
        self.name = sync.name
        self.inventory = AsyncSiteInventory(loop, sync.inventory)
        self.parameters = AsyncParameters(loop, sync.parameters)
        self.secrets = AsyncSecrets(loop, sync.secrets)

    snapshot = _awaited(Site.snapshot)
    catalog = _awaited(Site.catalog)
    plan = _awaited(Site.plan)
    start = _awaited_as(_run, Site.start)
    apply = _awaited_as(_run, Site.apply)
    check = _awaited(Site.check)
    start_check = _awaited_as(_run, Site.start_check)
    started = _awaited_as(_run_if_any, Site.started)
    resume = _awaited_as(_run, Site.resume)
    rollback = _awaited_as(_run, Site.rollback)
    record = _awaited_as(_run, Site.record)
    forget = _awaited_as(_run, Site.forget)
    installed = _awaited(Site.installed)
    runs = _awaited_as(_runs, Site.runs)


def _sites(loop: _Loop, sites: tuple[AnySite, ...]) -> tuple[AsyncSite, ...]:
    return tuple(AsyncSite(loop, site) for site in sites)


def _site_if_any(loop: _Loop, site: AnySite | None) -> AsyncSite | None:
    return None if site is None else AsyncSite(loop, site)


class AsyncInstaller(_Async[AnyInstaller]):
    """
    An `Installer` whose calls are awaited; for one event loop, to be used as a context manager.

    Attributes:
        sync: The installer itself; it is there within the context.

    Args:
        data: As for `Installer`.
        key_file: As for `Installer`.
        inventory_timeout: As for `Installer`.
        ansible: As for `Installer`.
    """

    def __init__(
        self,
        data: str | Path | None = None,
        *,
        key_file: str | Path | None = None,
        inventory_timeout: float | None = None,
        ansible: Ansible | None = None,
    ) -> None:
        self._loop = _Loop()
        self._open: Callable[[], AnyInstaller] = functools.partial(
            Installer, data, key_file=key_file, inventory_timeout=inventory_timeout, ansible=ansible
        )

    @classmethod
    def connect(
        cls,
        url: str,
        *,
        token: str,
        ca_file: str | Path | None = None,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
    ) -> Self:
        """
        Return the installer of the service at *url*, to be used as a context manager; the arguments are those of `connect`.

        What only the service's machine can do, as `prune`, raises a `NotOverHTTPError`.
        """
        made = cls()
        made._open = functools.partial(connect, url, token=token, ca_file=ca_file, timeout=timeout, patience=patience)
        return made

    async def __aenter__(self) -> Self:
        try:
            self.sync = await self._loop.call(self._loop.calls, self._open)
        except BaseException:
            await self._loop.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._loop.call(self._loop.calls, self.sync.close)
        await self._loop.close()

    site = _awaited_as(AsyncSite, Installer.site)
    create_site = _awaited_as(AsyncSite, Installer.create_site)
    sites = _awaited_as(_sites, Installer.sites)
    site_of_inventory = _awaited_as(_site_if_any, Installer.site_of_inventory)
    delete_site = _awaited(Installer.delete_site)
    plans = _awaited(Installer.plans)
    plan = _awaited(Installer.plan)
    delete_plan = _awaited(Installer.delete_plan)
    run = _awaited_as(_run, Installer.run)
    runs = _awaited_as(_runs, Installer.runs)
    list_runs = _awaited(Installer.list_runs)

    async def events(
        self,
        *,
        follow: bool = False,
        after: str | None = None,
        last: int | None = None,
        limit: int | None = None,
        **wanted: Unpack[ArrivalFilter],
    ) -> AsyncGenerator[Arrival, None]:
        """Yield the events of all runs in the order in which they arrived; see `Installer.events`."""
        make = functools.partial(_bound(self.sync, "arrival_reader"), after=after, last=last, **wanted)
        reader = await self._loop.call(self._loop.calls, make)
        left = sys.maxsize if limit is None else limit
        if left <= 0:
            return
        async with contextlib.aclosing(self._arrivals(reader, follow=follow)) as arrivals:
            async for arrival in arrivals:
                yield arrival
                left -= 1
                if left == 0:
                    return

    async def _arrivals(
        self, reader: ArrivalReader | RemoteArrivalReader, *, follow: bool
    ) -> AsyncGenerator[Arrival, None]:
        if isinstance(reader, RemoteArrivalReader):
            while part := await self._loop.call(self._loop.calls, reader.read):
                for arrival in part:
                    yield arrival
            if follow:
                async for arrival in self._loop.followed(reader.follower()):
                    yield arrival
            return
        async with contextlib.aclosing(self._loop.follow(reader, wait=follow)) as parts:
            async for part in parts:
                for arrival in part:
                    yield arrival

    prune_run = _awaited(Installer.prune_run)
    prune = _awaited(Installer.prune)
    adopt = _awaited_as(_run, Installer.adopt)
    refresh = _awaited(Installer.refresh)
    recover = _awaited(Installer.recover)
    reindex = _awaited(Installer.reindex)
    check_database = _awaited(Installer.check_database)
    check_secrets = _awaited(Installer.check_secrets)
    doctor = _awaited(Installer.doctor)
