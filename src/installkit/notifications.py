"""
Tells people and programs what became of runs, by notifiers: functions that take a `Notice`.

Packages offer notifiers as entry points of the group `installkit.notifiers`: each names a factory, which takes settings
and returns the function. `Installer.notify` tells one of them, and so does the service for those in its file.
"""

import contextlib
import logging
import os
import queue
import re
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Generic, TypeVar

import attrs
import yaml

from installkit.errors import DefinitionError, Issue, PlanningError, UnknownNameError
from installkit.model import Arrival, EventKind, RunSnapshot, WireError, from_wire
from installkit.runs.run import Run

T = TypeVar("T")

GROUP = "installkit.notifiers"
"""The group of entry points by which packages offer notifiers."""

NOTICED = (EventKind.RUN_FINISHED, EventKind.APPROVAL_REQUESTED)
"""The kinds of events that a notifier is told of unless others are named."""

WAITS = (0.0, 1.0, 5.0)
"""Seconds before each attempt to tell something."""

BACKLOG = 1000
"""How much may wait for one who is slow."""

_VARIABLE = re.compile(r"\$\{(\w+)\}")

_log = logging.getLogger("installkit")


@attrs.frozen(kw_only=True)
class Notice:
    """
    What a notifier is told.

    Attributes:
        kind: What happened: `run_finished`, `approval_requested`, or another kind that was asked for.
        summary: One line for people, as `acme: run 7f3c12 failed`.
        details: More lines: the failures and what to do, or what an approval is waited for; empty if all is well.
        run: The state of the run.
        arrival: The event, with its place among the events of all runs.
        link: The address of the run in the service's console; None if nobody said where that is.
    """

    kind: EventKind
    summary: str
    details: str
    run: RunSnapshot
    arrival: Arrival
    link: str | None = None


Notifier = Callable[[Notice], object]
"""Tells somebody; what it raises is logged, and it is called again a little later, three times in all."""


def make_notice(arrival: Arrival, run: Run, address: str | None) -> Notice:
    """
    Return what is told of *arrival*, an event of *run*.

    Args:
        arrival: The event.
        run: Its run.
        address: Where the service's console is; None if it has no link.
    """
    now, event = run.snapshot(settle=False), arrival.event
    what = "waits for an approval" if event.kind is EventKind.APPROVAL_REQUESTED else event.status or event.kind.value
    lines = [event.message] if event.kind is EventKind.APPROVAL_REQUESTED else []
    if event.kind is EventKind.RUN_FINISHED:
        lines = [line for each in now.failures for line in (each.summary, each.message, each.remedy)]
    return Notice(
        kind=event.kind,
        summary=f"{arrival.site}: run {now.id[:6]} {what}",
        details="\n".join(line.strip() for line in lines if line),
        run=now,
        arrival=arrival,
        link=None if address is None else f"{address.rstrip('/')}/#/runs/{now.id}",
    )


def load_notifier(name: str, settings: Mapping[str, Any] | None = None) -> Notifier:
    """
    Return the notifier called *name*, of an installed package.

    Args:
        name: Of its entry point in the group `installkit.notifiers`.
        settings: What its factory takes.

    Raises:
        UnknownNameError: If no package offers one with this name.
        PlanningError: If it cannot be imported, or does not take these settings.
    """
    offered: dict[str, EntryPoint] = {each.name: each for each in entry_points(group=GROUP)}
    if name not in offered:
        names = ", ".join(sorted(offered)) or "none is installed"
        raise UnknownNameError(
            f"no installed package offers a notifier {name!r}: {names}",
            remedy=f"install the package that has it in its entry points ({GROUP})",
        )
    try:
        made: Notifier = offered[name].load()(dict(settings or {}))
    except Exception as exc:  # code of others, which may raise anything
        what = f"setting {exc} is missing" if isinstance(exc, KeyError) else f"{type(exc).__name__}: {exc}"
        raise PlanningError(f"the notifier {name!r} cannot be made: {what}", remedy="see what it takes") from exc
    return made


class Courier(Generic[T]):
    """
    Hands things over in order, in a thread of its own: who is slow or away delays no other.

    Args:
        name: Who gets them, for the log.
        send: Hands one over; what it raises is a reason to try again.
        backlog: How many may wait; if there are more, the oldest is dropped.
    """

    def __init__(self, name: str, send: Callable[[T], object], *, backlog: int = BACKLOG) -> None:
        self._name = name
        self._send = send
        self._waiting: queue.Queue[T | None] = queue.Queue(backlog)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"installkit tells {name}", daemon=True)
        self._thread.start()

    def tell(self, thing: T | None) -> None:
        """Hand *thing* over after what waits already."""
        while True:
            try:
                self._waiting.put_nowait(thing)
            except queue.Full:
                with contextlib.suppress(queue.Empty):  # the thread took one meanwhile
                    self._waiting.get_nowait()
                    _log.warning("%s was not told: it is %d events behind", self._name, self._waiting.maxsize)
            else:
                return

    def close(self, patience: float = 0.0) -> None:
        """Hand over what waits within *patience* seconds, and stop."""
        self.tell(None)  # wakes a thread that waits
        if patience and self._thread is not threading.current_thread():
            self._thread.join(patience)
        self._closed.set()

    def _work(self) -> None:
        while (thing := self._waiting.get()) is not None:
            problem = ""
            for wait in WAITS:
                if self._closed.wait(wait):
                    return
                try:
                    self._send(thing)
                    break
                except Exception as exc:  # noqa: BLE001 - whatever is wrong with one, the next is tried
                    problem = str(exc) or type(exc).__name__
            else:
                _log.warning("%s was not told: %s", self._name, problem)


@attrs.frozen(kw_only=True)
class NotifierSettings:
    """
    One notifier in a file of them.

    Attributes:
        notifier: Its name, as an installed package offers it.
        kinds: The kinds of events that it is told of.
        sites: Only of these sites; all if empty.
        settings: What its factory takes; `${NAME}` in a text is replaced by that variable of the environment.
    """

    notifier: str
    kinds: tuple[EventKind, ...] = NOTICED
    sites: tuple[str, ...] = ()
    settings: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class NotifierFile:
    """
    What `serve --notify` reads.

    Attributes:
        notifiers: Those that are told.
        address: Where people reach the console, for links; None for no links.
    """

    notifiers: tuple[NotifierSettings, ...]
    address: str | None = None


def read_notifiers(path: str | Path) -> NotifierFile:
    """
    Read a YAML file of notifiers.

    Raises:
        DefinitionError: If it cannot be read, or something in it is wrong; it names every mistake.
    """
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        return from_wire(NotifierFile, _filled(data, path), strict=True)
    except OSError as exc:
        raise DefinitionError([Issue(str(path), f"cannot be read: {exc.strerror}")]) from exc
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as exc:
        raise DefinitionError([Issue(str(path), f"is not YAML: {exc}")]) from exc
    except WireError as exc:
        places = (("".join(f"/{part}" for part in place) or "the file", problem) for place, problem in exc.problems)
        raise DefinitionError([Issue(str(path), f"{place}: {problem}") for place, problem in places]) from exc


def _filled(value: Any, path: str | Path) -> Any:
    """Return *value* with the variables of the environment that its texts name."""
    if isinstance(value, Mapping):
        return {key: _filled(item, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, path) for item in value]
    if not isinstance(value, str):
        return value
    if missing := [name for name in _VARIABLE.findall(value) if name not in os.environ]:
        raise DefinitionError([Issue(str(path), f"the environment has no {name}") for name in missing])
    return _VARIABLE.sub(lambda match: os.environ[match[1]], value)
