"""A run as it goes on: its page drawn anew in place, in the cell that asked for it."""

import copy
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from markupsafe import Markup

import installkit
from installkit import EventKind, StepSnapshot, StepStatus
from installkit.extras import load
from installkit.notebook.markup import joined, page, quiet
from installkit.notebook.runs import run_page

REFRESH = 0.5
"""Seconds between two looks."""

LOG_LINES = 16
"""Lines of logs shown, shared among the running steps."""

_in_background: dict[str, threading.Event] = {}
"""By run, what ends its watching in the background: a run is watched there once."""


def watch(run: installkit.Run, *, background: bool = False) -> None:
    """
    Show *run* in a notebook until it ends: progress and time left, hosts, the rolling log, failures.

    A stop of the cell, as a restart of the kernel, ends the watching and leaves the run alone; `watch` again goes on.
    Outside a notebook a line is printed for each step.

    Args:
        run: That is shown.
        background: Return at once and leave the kernel free; what is shown goes on.

    Raises:
        InstallkitError: If *background* is wanted outside a notebook, or rich is missing in one.
    """
    reader = copy.copy(run)  # it reads in a thread, or is cut off while it reads
    if not _in_notebook():
        if background:
            raise installkit.InstallkitError(
                "a run is watched in the background in a notebook only", remedy="leave background out"
            )
        _tell(reader)
        return
    load("rich")  # for the log's colours; better missed now than at its first line
    if (watched := _in_background.pop(run.id, None)) is not None:
        watched.set()
    view = _View(reader)
    if background:
        _in_background[run.id] = view.stopped
        threading.Thread(target=view.follow_in_background, name=f"watch {run.id}", daemon=True).start()
    else:
        view.follow()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")  # without it imported this is not a notebook
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


class _View:
    """
    One output of a notebook that shows a run.

    It is changed through its display handle, from any thread; nothing is ever printed, which would land in another cell.
    """

    def __init__(self, run: installkit.Run) -> None:
        from IPython.display import display  # noqa: PLC0415 - there is none outside a notebook

        self.stopped = threading.Event()
        self._run = run
        self._expected = _expected_durations(run)
        self._tasks: dict[str, str] = {}
        self._seq = 0
        self._look()
        self._handle: Any = display(self._bundle(), raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def follow(self) -> None:
        """Draw the run anew until it has ended, or the watching is stopped."""
        try:
            while not self._now.status.final and not self.stopped.wait(REFRESH):
                self._look()
                self._draw()
        except KeyboardInterrupt:
            self._draw("the watching was stopped, and the run goes on: watch(run) shows it again")
            raise

    def follow_in_background(self) -> None:
        """Do the same in a thread, whose errors would be printed into some other cell."""
        try:
            self.follow()
        except (installkit.InstallkitError, OSError) as exc:
            self._draw(f"the watching ended: {exc}")

    def _look(self) -> None:
        self._now = self._run.snapshot()
        self._parts = run_page(self._now) if self._now.status.final else self._live_parts()
        self._text = str(self._now)

    def _live_parts(self) -> list[Markup]:
        for event in self._run.events(after=self._seq):
            self._seq = event.seq
            if event.kind is EventKind.TASK_STARTED and event.step and event.task:
                self._tasks[event.step] = event.task
        left = self._run.seconds_left(self._expected)
        return [*run_page(self._now, expected=self._expected, left=left, tasks=self._tasks), self._logs()]

    def _draw(self, note: str = "") -> None:
        self._handle.update(self._bundle(note), raw=True)

    def _bundle(self, note: str = "") -> dict[str, str]:
        return {"text/html": page(*self._parts, quiet(note)), "text/plain": self._text}

    def _logs(self) -> Markup:
        from installkit.notebook.terminal import log_tail  # noqa: PLC0415 - it needs rich, which nothing else does

        shown = _with_logs(self._now.steps)
        share = max(3, LOG_LINES // max(1, len(shown)))
        return joined(part for step in shown for part in (quiet(step.id), log_tail(self._run, step, share)))


def _with_logs(steps: Iterable[StepSnapshot]) -> list[StepSnapshot]:
    """Return those of *steps* that run; between two, the one before, so that the page does not jump."""
    begun = [step for step in steps if step.started_at is not None]
    return [step for step in begun if step.status is StepStatus.RUNNING] or begun[-1:]


def _expected_durations(run: installkit.Run) -> dict[str, float]:
    try:
        return run.expected_durations()
    except installkit.StoreError:  # a full disk keeps the index from going on: then only the time left is not known
        return {}


def _tell(run: installkit.Run) -> None:
    for line in _lines(run):
        print(line, flush=True)  # noqa: T201 - where nothing can be drawn


def _lines(run: installkit.Run) -> Iterator[str]:
    """Yield a line for each step of *run* that starts or ends, and one for the end."""
    texts = {step.id: step.text for step in run.plan.steps}
    for event in run.events(follow=True):
        if event.kind is EventKind.STEP_STARTED:
            yield f"running    {texts[event.step or '']}"
        elif event.kind is EventKind.STEP_FINISHED:
            yield f"{event.status:<10} {texts[event.step or '']}"
    yield str(run.snapshot())
