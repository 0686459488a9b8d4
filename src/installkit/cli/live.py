"""A run as it goes on: on a terminal a view that is updated a few times a second, elsewhere a line for each event."""

import contextlib
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

import installkit
from installkit.cli.output import STYLES, console, plain
from installkit.cli.session import say, short
from installkit.text import counted, duration_text

REFRESH = 0.125
"""Seconds between two updates at least."""

TICK = 1.0
"""Seconds after which the times are updated if nothing happened."""

REMOTE_REFRESH = 0.5
"""Seconds between two updates of a run of a service: each asks it."""

TAIL_BYTES = 16_384
"""At most so many bytes of a running step's log are read for each update."""

_MARKS = {
    "pending": "·",
    "running": "▶",
    "waiting": "‖",
    "succeeded": "✓",
    "failed": "✗",
    "canceled": "■",
    "timed_out": "✗",
    "interrupted": "?",
    "skipped": "-",
}
_NO_COLOUR = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
"""Control characters and escape sequences of a terminal, except those for colours."""


def show_live(run: installkit.AnyRun, approve: str) -> installkit.RunSnapshot:
    """
    Show *run* on stderr from its start until it has ended, and return its last state.

    *approve* is the command that is shown while the run waits for an approval.
    """
    out = console(err=True)
    if sys.stderr.isatty() and out.is_interactive:  # with FORCE_COLOR rich takes a pipe for a terminal
        with (
            _waiting(run) as wait,
            Live(console=out, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live,
        ):
            while True:
                now = run.snapshot()
                live.update(_frame(run, now, out, approve), refresh=True)
                if now.status.final:
                    return now
                wait()
    steps = {step.id: step for step in run.plan.steps}
    for event in () if run.pruned else run.events(follow=True):
        text = event_line(event, steps.get(event.step or ""))
        if text:
            say(f"{event.time.astimezone():%H:%M:%S} {text}")
        if event.kind is installkit.EventKind.APPROVAL_REQUESTED:
            say(f"         waiting for approval: {approve}")
    return run.snapshot()


@contextlib.contextmanager
def _waiting(run: installkit.AnyRun) -> Iterator[Callable[[], None]]:
    """Give what waits until *run* may have changed."""
    if isinstance(run, installkit.Run):
        with installkit.Watch(run.folder, gap=REFRESH) as changes:
            yield lambda: changes.wait(TICK)
    else:
        yield lambda: time.sleep(REMOTE_REFRESH)


def _frame(run: installkit.AnyRun, now: installkit.RunSnapshot, out: Console, approve: str) -> RenderableType:
    # If there is no room for all steps, those around the first that has not ended are shown.
    height = out.height - 5
    room = max(3, height if now.status.final else height // 2)
    first = next((index for index, step in enumerate(now.steps) if not step.status.final), len(now.steps))
    start = max(0, min(first - room // 3, len(now.steps) - room))
    steps = now.steps[start : start + room]
    head = Text.assemble(
        (f"run {short(now.id)}", "bold"),
        f" on {now.site}  ",
        (now.status.value, STYLES.get(now.status.value, "")),
        f"  {duration_text(_elapsed(now))}",
    )
    parts: list[RenderableType] = [head, _steps_table(steps, len(now.steps) - len(steps), out.width)]
    if any(step.status is installkit.StepStatus.WAITING for step in now.steps):
        parts.append(Text(f"waiting for approval: {approve}", STYLES["waiting"]))
    if not now.status.final:
        progress = Table.grid(padding=(0, 1))
        progress.add_row(
            ProgressBar(total=max(1, now.progress.total), completed=now.progress.done, width=30),
            f"{now.progress.done} of {counted(now.progress.total, 'step')}",
        )
        parts += [progress, *_logs(run, now, height - len(steps) - 1, out.width)]
    return Group(*parts)


def _elapsed(what: installkit.RunSnapshot | installkit.StepSnapshot) -> float | None:
    """Return how many seconds the run or step *what* took, or has taken until now."""
    if what.started_at is None or what.status.final:
        return what.duration
    return max(0.0, (datetime.now(UTC) - what.started_at).total_seconds())


def _steps_table(steps: Sequence[installkit.StepSnapshot], hidden: int, width: int) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, max_width=max(16, width // 2), overflow="ellipsis")
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, overflow="ellipsis")
    for step in steps:
        if step.status.ahead or step.status is installkit.StepStatus.SKIPPED:
            hosts = Text(f"{step.status.value}, {counted(len(step.hosts), 'host')}", "dim")
        else:  # as `2 changed, 1 failed`
            hosts = Text()
            for status, number in Counter(status.value for status in step.host_statuses.values()).most_common():
                hosts.append(", " if hosts else "").append(f"{number} {status}", STYLES.get(status, ""))
        style = STYLES.get(step.status.value, "dim")
        table.add_row(Text(_MARKS[step.status], style), step.id, duration_text(_elapsed(step)), hosts)
    if hidden:
        table.add_row("", Text(f"and {counted(hidden, 'more step')}", "dim"))
    return table


def _logs(run: installkit.AnyRun, now: installkit.RunSnapshot, room: int, width: int) -> list[RenderableType]:
    """Return the last lines of every running step's log; the steps share the *room* for lines."""
    running = [step for step in now.steps if step.status is installkit.StepStatus.RUNNING]
    if not running or room < 2:  # noqa: PLR2004 - a rule and a line
        return []
    share = max(1, (room - 1) // len(running))
    name_width = max(len(step.component) for step in running)
    lines: list[RenderableType] = [Rule(style="dim")]
    for step in running[: room - 1]:
        prefix = Text(f"{step.component:<{name_width}} | ", "cyan") if len(running) > 1 else Text()
        start = max(0, step.log_size - TAIL_BYTES)
        log = run.log(step.id, offset=start).decode(errors="replace")
        last = [line for line in log.split("\n")[1 if start else 0 :] if line.strip()][-share:]
        for line in last:
            text = prefix.copy().append_text(log_line(line))
            text.truncate(width, overflow="ellipsis")
            lines.append(text)
    return lines


def log_line(line: str) -> Text:
    """Return a line of a log with its colours, but without other control sequences."""
    text = Text.from_ansi(_NO_COLOUR.sub("", line.rstrip("\r").rpartition("\r")[2]))
    text.no_wrap = True
    return text


def event_line(event: installkit.Event, step: installkit.Step | None) -> str | None:
    """Return the line that is shown for *event* of *step* if there is no terminal; None for less important events."""
    kinds, text = installkit.EventKind, None
    match event.kind:
        case kinds.WARNING if event.log is None:  # Ansible's own warnings are in the log
            text = f"{f'{step.id}  ' if step else ''}warning: {plain(event.message or '')}"
        case kinds.STEP_STARTED if step:
            text = f"{step.id}  running: {step.text}"
        case kinds.STEP_FINISHED if step:
            took = f" after {duration_text(event.duration)}" if event.duration is not None else ""
            text = f"{step.id}  {event.status}{took}"
        case kinds.TASK_RESULT if step and event.status in {"failed", "unreachable"} and not event.data.get("ignored"):
            message = plain(event.message or "").strip().partition("\n")[0]
            text = f"{step.id}  {event.host} {event.status}: {event.task}: {message}"
        case kinds.APPROVAL_REQUESTED | kinds.APPROVED | kinds.OUTPUT if step and event.message:
            text = f"{step.id}  {plain(event.message)}"
        case kinds.CANCEL_REQUESTED:
            text = event.kind.value.replace("_", " ")
        case _:
            pass
    return text
