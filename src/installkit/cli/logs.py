"""`logs` and `events`."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import click
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

import installkit
from installkit.cli.commands import Command
from installkit.cli.completion import complete_run_hosts, complete_runs, complete_steps
from installkit.cli.output import STYLES, console, plain, print_json, print_table
from installkit.cli.session import Session, pass_session, say
from installkit.cli.tables import GAP

LEAST_ROOM = 30
"""Columns of the terminal that a table of events must leave for the last column: names of tasks are sentences."""


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_runs)
@click.argument("step", required=False, shell_complete=complete_steps)
@click.option("-f", "--follow", is_flag=True, help="Go on until its end.")
@click.option("--tail", metavar="N", type=click.IntRange(min=0), help="Begin with the last N lines.")
@click.option(
    "--host", metavar="HOST", shell_complete=complete_run_hosts, help="Only what was printed about this host."
)
@click.option("--no-color", is_flag=True, help="Without colours; so does NO_COLOR.")
@pass_session
def logs(
    session: Session, run: str, step: str | None, *, follow: bool, tail: int | None, host: str | None, no_color: bool
) -> None:
    """
    Print what ansible-playbook printed, byte for byte, also into a pipe.

    RUN is an id, the beginning of one, or `last`; STEP a step's id or a component. Without it all steps are printed,
    each whole, in the order of the plan.

    installkit logs last mysql --tail 50
    installkit logs last -f | tee install.log
    installkit logs 7f3c 03-mysql-upgrade-2 --host db1 --no-color
    """
    target = session.installer.run(run)
    steps = target.find_steps(step) if step else tuple(planned.id for planned in target.plan.steps)
    chunks: Iterable[bytes]
    if host is not None:
        hosts = sorted({name for planned in target.plan.steps for name in planned.hosts})
        if host not in hosts:
            raise installkit.UnknownNameError(
                f"run {target.id} has no host {host!r}", remedy=f"choose one of: {', '.join(hosts)}"
            )
        if tail is not None:
            raise click.UsageError("--tail counts lines of the whole log: leave out --tail or --host")
        chunks = (
            target.log(event.step, offset=event.log.start, size=event.log.end - event.log.start)
            for event in target.events(follow=follow)
            if event.host == host and event.step in steps and event.log
        )
    else:
        chunks = _of_steps(target, steps, tail=tail, follow=follow)
    write_bytes(_without_colours(chunks) if no_color or os.environ.get("NO_COLOR") else chunks)


def write_bytes(chunks: Iterable[bytes]) -> None:
    """Write *chunks* to stdout as they come."""
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def _of_steps(run: installkit.Run, steps: Sequence[str], *, tail: int | None, follow: bool) -> Iterator[bytes]:
    for step in steps:
        log = run.log(step)
        start = 0 if tail is None else _tail_offset(log, tail)
        if len(steps) > 1 and (log or follow):
            say(f"── {step} ──")
        yield from run.follow_log(step, offset=start) if follow else [log[start:]]


def _tail_offset(log: bytes, lines: int) -> int:
    """Return where the last *lines* lines of *log* begin; a last line without a newline counts too."""
    offset = len(log)
    if lines and log.endswith(b"\n"):
        offset -= 1
    for _ in range(lines):
        offset = log.rfind(b"\n", 0, offset)
        if offset < 0:
            return 0
    return offset + 1 if lines else offset


def _without_colours(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield *chunks* without escape sequences, in whole lines, so that no sequence is split between two chunks."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield b"".join(_unstyled(line) + b"\n" for line in lines)
    yield _unstyled(rest)


def _unstyled(line: bytes) -> bytes:
    return click.unstyle(line.decode("latin-1")).encode("latin-1")


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_runs)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run's end; one event a line.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array; with -f one JSON value a line.")
@pass_session
def events(session: Session, run: str, *, follow: bool, as_json: bool) -> None:
    """
    List what happened in a run.

    RUN is an id, the beginning of one, or `last`.

    installkit events last
    installkit events last -f --json
    """
    target = session.installer.run(run)
    if follow:
        for event in target.events(follow=True):
            click.echo(json.dumps(installkit.to_wire(event)) if as_json else "  ".join(filter(None, _row(event))))
    elif as_json:
        print_json(list(target.events()))
    else:
        _print([_row(event) for event in target.events()])


def _print(rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* as a table, or below the name of each step if a table leaves too little room for the last column."""
    taken = sum(max(map(cell_len, column)) + GAP for column in [*zip(*rows, strict=True)][:-1])
    if console().width - taken >= LEAST_ROOM:
        print_table(("SEQ", "TIME", "STEP", "KIND", "HOST", "STATUS", "WHAT"), rows)
        return
    for step, group in groupby(rows, key=lambda row: row[2]):
        lines = Table.grid(padding=(0, GAP, 0, 0))
        lines.add_column(width=len(rows[-1][0]), justify="right")
        lines.add_column(no_wrap=True)
        lines.add_column(overflow="fold")
        for seq, time, _, *rest in group:
            lines.add_row(seq, time, Text(" " * GAP).join(Text(cell, STYLES.get(cell, "")) for cell in rest if cell))
        console().print(f"── {step or 'run'} ──", style="bold")
        console().print(lines)


def _row(event: installkit.Event) -> tuple[str, ...]:
    what = event.task or plain(event.message or "").partition("\n")[0]
    time = f"{event.time.astimezone():%H:%M:%S}"
    return (str(event.seq), time, event.step or "", event.kind, event.host or "", event.status or "", plain(what))
