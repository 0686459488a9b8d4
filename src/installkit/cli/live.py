"""A run as it goes on: drawn anew a few times a second on a terminal, a line for each thing that happens without one."""

import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
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
"""Seconds between two looks."""

TAIL_BYTES = 16_384
"""So much of a running step's log is read at each look, however long it is."""

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
"""Whatever steers a terminal but a colour does not."""


def show_live(run: installkit.Run, approve: str) -> installkit.RunSnapshot:
    """
    Show *run* on stderr until it has ended, from its start even if that was long ago, and return how it ended.

    Where it waits for an approval, *approve* is the command that is told.
    """
    out = console(err=True)
    drawn = sys.stderr.isatty() and out.is_interactive  # with FORCE_COLOR rich takes a pipe for a terminal
    return _draw(run, out, approve) if drawn else _tell(run, approve)


def _draw(run: installkit.Run, out: Console, approve: str) -> installkit.RunSnapshot:
    with Live(console=out, auto_refresh=False, redirect_stdout=False, redirect_stderr=False) as live:
        while True:
            now = run.snapshot()
            live.update(_frame(run, now, out, approve), refresh=True)
            if now.status.final:
                return now
            time.sleep(REFRESH)


def _frame(run: installkit.Run, now: installkit.RunSnapshot, out: Console, approve: str) -> RenderableType:
    height = out.height - 5
    steps = _shown_steps(now.steps, max(3, height if now.status.final else height // 2))
    head = Text.assemble(
        (f"run {short(now.id)}", "bold"),
        f" on {now.site}  ",
        (now.status.value, STYLES.get(now.status.value, "")),
        f"  {duration_text(_elapsed(now))}",
    )
    parts: list[RenderableType] = [head, _steps_table(now.steps, steps, out.width)]
    if any(step.status is installkit.StepStatus.WAITING for step in now.steps):
        parts.append(Text(f"waiting for approval: {approve}", STYLES["waiting"]))
    if not now.status.final:
        parts += [_progress(now), *_logs(run, now, height - len(steps) - 1, out.width)]
    return Group(*parts)


def _elapsed(what: installkit.RunSnapshot | installkit.StepSnapshot) -> float | None:
    """Return the seconds since *what* started, until this moment if it goes on."""
    if what.started_at is None or what.status.final:
        return what.duration
    return max(0.0, (datetime.now(UTC) - what.started_at).total_seconds())


def _shown_steps(steps: Sequence[installkit.StepSnapshot], room: int) -> Sequence[installkit.StepSnapshot]:
    """Return as many of *steps* as there is room for: those around the first that has not ended."""
    first = next((index for index, step in enumerate(steps) if not step.status.final), len(steps))
    start = max(0, min(first - room // 3, len(steps) - room))
    return steps[start : start + room]


def _steps_table(
    steps: Sequence[installkit.StepSnapshot], shown: Sequence[installkit.StepSnapshot], width: int
) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, max_width=max(16, width // 2), overflow="ellipsis")
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True, overflow="ellipsis")
    for step in shown:
        style = STYLES.get(step.status.value, "dim")
        table.add_row(Text(_MARKS[step.status], style), step.id, duration_text(_elapsed(step)), _hosts_text(step))
    hidden = len(steps) - len(shown)
    if hidden:
        table.add_row("", Text(f"and {counted(hidden, 'more step')}", "dim"))
    return table


def _hosts_text(step: installkit.StepSnapshot) -> Text:
    """Return how many hosts of *step* fare how, as `2 changed, 1 failed`; the step's own word where none has begun."""
    if step.status.ahead or step.status is installkit.StepStatus.SKIPPED:
        return Text(f"{step.status.value}, {counted(len(step.hosts), 'host')}", "dim")
    text = Text()
    for status, number in Counter(status.value for status in step.host_statuses.values()).most_common():
        text.append(", " if text else "").append(f"{number} {status}", STYLES.get(status, ""))
    return text


def _progress(now: installkit.RunSnapshot) -> Table:
    row = Table.grid(padding=(0, 1))
    row.add_row(
        ProgressBar(total=max(1, now.progress.total), completed=now.progress.done, width=30),
        f"{now.progress.done} of {counted(now.progress.total, 'step')}",
    )
    return row


def _logs(run: installkit.Run, now: installkit.RunSnapshot, room: int, width: int) -> list[RenderableType]:
    """Return the last lines of every running step's log, the room shared among them."""
    running = [step for step in now.steps if step.status is installkit.StepStatus.RUNNING]
    if not running or room < 2:  # noqa: PLR2004 - a rule and a line
        return []
    share = max(1, (room - 1) // len(running))
    names = max(len(step.component) for step in running)
    lines: list[RenderableType] = [Rule(style="dim")]
    for step in running[: room - 1]:
        prefix = Text(f"{step.component:<{names}} | ", "cyan") if len(running) > 1 else Text()
        for line in _tail(run, step, share):
            text = prefix.copy().append_text(line)
            text.truncate(width, overflow="ellipsis")
            lines.append(text)
    return lines


def _tail(run: installkit.Run, step: installkit.StepSnapshot, lines: int) -> list[Text]:
    start = max(0, step.log_size - TAIL_BYTES)
    text = run.log(step.id, offset=start).decode(errors="replace")
    found = [line for line in text.split("\n")[1 if start else 0 :] if line.strip()]
    return [log_line(line) for line in found[-lines:]]


def log_line(line: str) -> Text:
    """Return a line of a log in its own colours; nothing else in it reaches the terminal."""
    text = Text.from_ansi(_NO_COLOUR.sub("", line.rstrip("\r").rpartition("\r")[2]))
    text.no_wrap = True
    return text


def _tell(run: installkit.Run, approve: str) -> installkit.RunSnapshot:
    steps = {step.id: step for step in run.plan.steps}
    for event in () if run.pruned else run.events(follow=True):
        text = event_line(event, steps.get(event.step or ""))
        if text:
            say(f"{event.time.astimezone():%H:%M:%S} {text}")
        if event.kind is installkit.EventKind.APPROVAL_REQUESTED:
            say(f"         waiting for approval: {approve}")
    return run.snapshot()


def event_line(event: installkit.Event, step: installkit.Step | None) -> str | None:
    """Return what a person should read of *event* of *step* without a terminal; None for the many small things."""
    kinds, text = installkit.EventKind, None
    match event.kind:
        case kinds.WARNING if event.log is None:  # Ansible's own stand in the log
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
