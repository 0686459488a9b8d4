"""Waking the tasks of an event loop when the files of runs change: one watcher for all of them, and no thread."""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from installkit.journal.watch import GAP, LOOK, POLL, Watch


class Bells:
    """The bells of one event loop; to be closed."""

    def __init__(self) -> None:
        self._watch: Watch | None = None
        self._bells: list[Bell] = []
        self._by_number: dict[int, list[Bell]] = {}

    @contextlib.contextmanager
    def bell(self) -> "Iterator[Bell]":
        """Give a bell that rings when something changes in the folders that it watches."""
        if self._watch is None:
            self._watch = Watch()
            if (descriptor := self._watch.fileno()) is not None:
                asyncio.get_running_loop().add_reader(descriptor, self._ring_changed)
        bell = Bell(self._watch, self._by_number)
        self._bells.append(bell)
        try:
            yield bell
        finally:
            bell.keep(())
            self._bells.remove(bell)

    def ring(self) -> None:
        """Ring all bells."""
        for bell in self._bells:
            bell.ring()

    def close(self) -> None:
        """Give up the watches; bells that are still in use ring no more."""
        if self._watch is not None:
            if (descriptor := self._watch.fileno()) is not None:
                asyncio.get_running_loop().remove_reader(descriptor)
            self._watch.close()
            self._watch = None

    def _ring_changed(self) -> None:
        if self._watch is not None:
            for number in self._watch.changed():
                for bell in self._by_number.get(number, ()):
                    bell.ring()


class Bell:
    """
    Wakes one task; made by `Bells.bell`.

    Watch first, then read, then wait: what is written after the read rings the bell.
    """

    def __init__(self, watch: Watch, by_number: "dict[int, list[Bell]]") -> None:
        self._watch = watch  # which may be closed before the bell is
        self._by_number = by_number
        self._numbers: dict[Path, int | None] = {}
        self._rung = asyncio.Event()
        self._woken_at = 0.0

    def ring(self) -> None:
        """Wake who waits, or will wait next."""
        self._rung.set()

    def keep(self, folders: Iterable[Path]) -> bool:
        """Watch *folders* and no others; return whether one of them is new: what changed there so far is not told."""
        wanted = set(folders)
        for folder in self._numbers.keys() - wanted:
            number = self._numbers.pop(folder)
            if number is not None:
                self._by_number[number].remove(self)
                if not self._by_number[number]:
                    del self._by_number[number]
                    self._watch.remove(number)
        new = wanted - self._numbers.keys()
        for folder in new:
            self._numbers[folder] = number = self._watch.add(folder)
            if number is not None:
                self._by_number.setdefault(number, []).append(self)
        return bool(new)

    async def wait(self, most: float = LOOK) -> None:
        """Wait until something changed since the last time, at most *most* seconds."""
        if (pause := self._woken_at + GAP - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(POLL, most) if None in self._numbers.values() else most):
                await self._rung.wait()
        self._rung.clear()
        self._woken_at = time.monotonic()
