"""A run as it goes on: its page is drawn again and again, in the output of the cell that asked for it."""

import copy
import sys
import threading
from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

import installkit
from installkit import EventKind, StepStatus
from installkit.extras import load
from installkit.notebook.markup import joined, page, quiet
from installkit.notebook.runs import run_page

REFRESH = 0.5
"""Seconds between two updates at least."""

TICK = 1.0
"""Seconds after which the times are updated if nothing happened."""

LOG_LINES = 16
"""Lines of logs shown, shared among the running steps."""

_in_background: dict[str, threading.Event] = {}
"""For each run that is watched in the background, the event that ends this: a run is watched there only once."""


def watch(run: installkit.Run, *, background: bool = False) -> None:
    """
    Show *run* in a notebook until it ends: progress and time left, hosts, the end of the log, failures.

    Stopping the cell or restarting the kernel ends the watching, but not the run; call `watch` again to go on.
    Outside a notebook, a line is printed whenever a step starts or ends.

    Args:
        run: The run to show.
        background: Return at once, so that other cells can run; the output is still updated.

    Raises:
        InstallkitError: If *background* is true outside a notebook, or rich is missing in a notebook.
    """
    reader = copy.copy(run)  # it reads in a thread, or is interrupted while it reads
    ipython = sys.modules.get("IPython")  # if it is not imported, this is not a notebook
    if not hasattr(ipython.get_ipython() if ipython else None, "kernel"):
        if background:
            raise installkit.InstallkitError(
                "a run is watched in the background in a notebook only", remedy="leave background out"
            )
        for line in _lines(reader):
            print(line, flush=True)  # noqa: T201 - where nothing can be drawn
        return
    load("rich")  # for the log's colours; if it is missing, fail now and not at the first line of a log
    if (earlier := _in_background.pop(run.id, None)) is not None:
        earlier.set()
    view = _View(reader)
    if background:
        _in_background[run.id] = view.stopped
        threading.Thread(target=view.follow_in_background, name=f"watch {run.id}", daemon=True).start()
    else:
        view.follow()


class _View:
    """
    One output of a notebook that shows a run.

    It is changed through its display handle, which works from any thread; printed text could appear in another cell.
    """

    def __init__(self, run: installkit.Run) -> None:
        from IPython.display import display  # noqa: PLC0415 - it may not be installed outside a notebook

        self.stopped = threading.Event()
        self._run = run
        try:
            self._expected = run.expected_durations()
        except installkit.StoreError:  # a full disk keeps the index from being updated: only the time left is unknown
            self._expected = {}
        self._tasks: dict[str, str] = {}
        self._seq = 0
        self._look()
        self._handle: Any = display(self._bundle(), raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def follow(self) -> None:
        """Update the output until the run has ended, or the watching is stopped."""
        try:
            with installkit.Watch(self._run.folder, gap=REFRESH) as changes:
                while not self.stopped.is_set():
                    self._look()
                    self._draw()
                    if self._now.status.final:
                        return
                    changes.wait(TICK)
        except KeyboardInterrupt:
            self._draw("the watching was stopped, and the run goes on: watch(run) shows it again")
            raise

    def follow_in_background(self) -> None:
        """Do the same in a thread, and show its errors here: otherwise they would be printed into another cell."""
        try:
            self.follow()
        except (installkit.InstallkitError, OSError) as exc:
            self._draw(f"the watching ended: {exc}")

    def _look(self) -> None:
        self._now = self._run.snapshot()
        self._parts = run_page(self._now) if self._now.status.final else self._live_parts()
        self._text = str(self._now)

    def _live_parts(self) -> list[Markup]:
        from installkit.notebook.terminal import log_tail  # noqa: PLC0415 - it needs rich, which nothing else does

        for event in self._run.events(after=self._seq):
            self._seq = event.seq
            if event.kind is EventKind.TASK_STARTED and event.step and event.task:
                self._tasks[event.step] = event.task
        left = self._run.seconds_left(self._expected)
        # Between two steps the log of the last one stays, so that the page does not jump.
        started = [step for step in self._now.steps if step.started_at is not None]
        shown = [step for step in started if step.status is StepStatus.RUNNING] or started[-1:]
        share = max(3, LOG_LINES // max(1, len(shown)))
        logs = (part for step in shown for part in (quiet(step.id), log_tail(self._run, step, share)))
        return [*run_page(self._now, expected=self._expected, left=left, tasks=self._tasks), joined(logs)]

    def _draw(self, note: str = "") -> None:
        self._handle.update(self._bundle(note), raw=True)

    def _bundle(self, note: str = "") -> dict[str, str]:
        return {"text/html": page(*self._parts, quiet(note)), "text/plain": self._text}


def _lines(run: installkit.Run) -> Iterator[str]:
    """Yield a line for each step of *run* that starts or ends, and one for the end of the run."""
    texts = {step.id: step.text for step in run.plan.steps}
    for event in run.events(follow=True):
        if event.kind is EventKind.STEP_STARTED:
            yield f"running    {texts[event.step or '']}"
        elif event.kind is EventKind.STEP_FINISHED:
            yield f"{event.status:<10} {texts[event.step or '']}"
    yield str(run.snapshot())
