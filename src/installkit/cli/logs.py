"""`logs` and `events`."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Unpack

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
    if host is not None:
        chunks = target.follow_log(step, host=host, tail=tail) if follow else [target.log(step, host=host, tail=tail)]
    else:
        chunks = _of_steps(target, step, tail=tail, follow=follow)
    write_bytes(_without_colours(chunks) if no_color or os.environ.get("NO_COLOR") else chunks)


def write_bytes(chunks: Iterable[bytes]) -> None:
    """Write *chunks* to stdout as they come."""
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


def _of_steps(run: installkit.AnyRun, step: str | None, *, tail: int | None, follow: bool) -> Iterator[bytes]:
    """Yield the logs of the steps for *step*, each with its last lines alone if *tail* says so."""
    steps = run.find_steps(step) if step else [planned.id for planned in run.plan.steps]
    for each in steps:
        log = run.log(each, tail=tail)
        if len(steps) > 1 and (log or follow):
            say(f"── {each} ──")
        yield from run.follow_log(each, tail=tail) if follow else [log]


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
@click.option(
    "--kind",
    multiple=True,
    type=click.Choice([word.value for word in installkit.EventKind]),
    help="Only those; repeatable.",
)
@click.option("--host", metavar="HOST", multiple=True, shell_complete=complete_run_hosts, help="Only about this one.")
@click.option("--step", metavar="STEP", multiple=True, shell_complete=complete_steps, help="Only of this one.")
@click.option(
    "--status",
    multiple=True,
    type=click.Choice([word.value for word in installkit.EventStatus]),
    help="Only with this one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array; with -f one JSON value a line.")
@pass_session
def events(
    session: Session, run: str, *, follow: bool, as_json: bool, **wanted: Unpack[installkit.EventFilter]
) -> None:
    """
    List what happened in a run.

    RUN is an id, the beginning of one, or `last`; STEP a step's id or a component.

    installkit events last
    installkit events last --kind task_result --status failed --status unreachable
    installkit events last -f --json
    """
    target = session.installer.run(run)
    if follow:
        for event in target.events(follow=True, **wanted):
            click.echo(json.dumps(installkit.to_wire(event)) if as_json else "  ".join(filter(None, _row(event))))
    elif as_json:
        print_json(list(target.events(**wanted)))
    else:
        _print([_row(event) for event in target.events(**wanted)])


def _print(rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* as a table, or below the name of each step if a table leaves too little room for the last column."""
    if not rows:
        say("no events of this kind")
        return
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
