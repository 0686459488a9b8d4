"""
The faces of the library: each gives the same objects, and `test_behaviour.py` runs with each.

A face is a function that takes a folder and a catalog, and is a context that gives a `Face`. A new one is added to `FACES`.
"""

import asyncio
import contextlib
import inspect
import threading

import attrs
import httpx2
import uvicorn

import installkit
from http_client import Server
from installkit.testing import FakeAnsible, Outcome
from installkit_http import create_app
from site_runs import until


@attrs.frozen
class Face:
    """
    One way to an installer.

    Attributes:
        installer: Has the calls of `Installer`.
        catalog: What sites are made with.
    """

    installer: object
    catalog: object


def fake():
    """Return what carries runs out without Ansible: the first run of `slow` goes on until it is stopped."""
    return FakeAnsible({"slow": [Outcome("ok", delay=60.0), "ok"], "bad": Outcome("failed", message="no space left")})


@contextlib.contextmanager
def library(folder, catalog):
    with installkit.Installer(folder / "data") as installer:
        yield Face(installer, catalog)


@contextlib.contextmanager
def library_with_fake(folder, catalog):
    with installkit.Installer(folder / "data", ansible=fake()) as installer:
        yield Face(installer, catalog)


@contextlib.contextmanager
def awaited_with_fake(folder, catalog):
    with Awaited.opened(installkit.AsyncInstaller(folder / "data", ansible=fake())) as installer:
        yield Face(installer, catalog)


@contextlib.contextmanager
def remote(folder, catalog):
    server = Server(folder / "data", "-c", f"products={catalog}")
    try:
        with installkit.connect(server.url, token=server.token) as installer:
            yield Face(installer, "products")
    finally:
        server.end()


@contextlib.contextmanager
def awaited_remote_with_fake(folder, catalog):
    with installkit.Installer(folder / "data", ansible=fake()) as inner:
        _, token = inner.access.create_token("me", [installkit.Scope.ADMIN])
        with (
            serve_here(create_app(inner, catalogs={"products": catalog})) as address,
            Awaited.opened(installkit.AsyncInstaller.connect(address, token=token)) as installer,
        ):
            until(lambda: inner.access.tokens() and httpx2.get(f"{address}/readyz").status_code == 200)
            yield Face(installer, "products")


@contextlib.contextmanager
def serve_here(app):
    """Serve *app* on a port of this machine, in a thread; give its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


class Awaited:
    """An object of asyncio's whose calls wait for their answers, and whose answers are such objects again."""

    def __init__(self, inner, loop):
        self._inner = inner
        self._loop = loop

    @classmethod
    @contextlib.contextmanager
    def opened(cls, context):
        """Enter *context* on a loop of its own."""
        with asyncio.Runner() as runner:
            inner = runner.run(context.__aenter__())
            try:
                yield cls(inner, runner)
            finally:
                runner.run(context.__aexit__(None, None, None))

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if name == "sync" or not callable(found):
            return self._wrapped(found)

        def _call(*args, **kwargs):
            answer = found(*map(self._bare, args), **{key: self._bare(value) for key, value in kwargs.items()})
            if inspect.isasyncgen(answer):
                return self._iterated(answer)
            return self._wrapped(self._loop.run(answer))

        return _call

    def __eq__(self, other):
        return self._bare(other).id == self.id

    def __hash__(self):
        return hash(self.id)

    def _bare(self, value):
        return value._inner if isinstance(value, Awaited) else value

    def _wrapped(self, value):
        if isinstance(value, tuple):
            return tuple(map(self._wrapped, value))
        return Awaited(value, self._loop) if type(value).__module__ == "installkit.aio" else value

    def _iterated(self, answer):
        async def _next():
            return await anext(answer, None)

        try:
            while (item := self._loop.run(_next())) is not None:
                yield item
        finally:
            self._loop.run(answer.aclose())


@contextlib.contextmanager
def faked(folder, catalog):
    outcomes = {"slow": [Outcome("ok", delay=60.0), "ok"], "bad": Outcome("failed", message="no space left")}
    with installkit.Installer(folder / "data", ansible=FakeAnsible(outcomes)) as installer:
        yield Face(installer, catalog)


FACES = {
    "library": library,
    "fake": library_with_fake,
    "asyncio, fake": awaited_with_fake,
    "http": remote,
    "asyncio over http, fake": awaited_remote_with_fake,
}
