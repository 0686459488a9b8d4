"""
The faces of the library: each gives the same objects, and `test_behaviour.py` runs with each.

A face is a function that takes a folder and a catalog, and is a context that gives a `Face`. A new one is added to `FACES`.
"""

import asyncio
import contextlib
import inspect

import attrs

import installkit
from http_client import Server


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


@contextlib.contextmanager
def library(folder, catalog):
    with installkit.Installer(folder / "data") as installer:
        yield Face(installer, catalog)


@contextlib.contextmanager
def served(folder, catalog):
    server = Server(folder / "data", "-c", f"products={catalog}")
    try:
        yield server
    finally:
        server.end()


@contextlib.contextmanager
def remote(folder, catalog):
    with served(folder, catalog) as server, installkit.connect(server.url, token=server.token) as installer:
        yield Face(installer, "products")


@contextlib.contextmanager
def awaited(folder, catalog):
    with Awaited.opened(installkit.AsyncInstaller(folder / "data")) as installer:
        yield Face(installer, catalog)


@contextlib.contextmanager
def awaited_remote(folder, catalog):
    with (
        served(folder, catalog) as server,
        Awaited.opened(installkit.AsyncInstaller.connect(server.url, token=server.token)) as installer,
    ):
        yield Face(installer, "products")


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


FACES = {"library": library, "asyncio": awaited, "http": remote, "asyncio over http": awaited_remote}
