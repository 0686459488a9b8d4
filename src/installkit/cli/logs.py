"""`logs` and `events`."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TypeVar, Unpack

import click
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

import installkit
from installkit.cli.commands import Command
from installkit.cli.completion import complete_run_hosts, complete_runs, complete_sites, complete_steps
from installkit.cli.output import STYLES, console, plain, print_json, print_table
from installkit.cli.param_types import DURATION
from installkit.cli.session import Session, pass_session, say, short
from installkit.cli.tables import GAP

T = TypeVar("T")

NEWEST = 20
"""Events of all runs that are listed if nobody says how many."""

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
@click.argument("run", required=False, shell_complete=complete_runs)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run's end, or for ever; one event a line.")
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
@click.option("--site", metavar="SITE", multiple=True, shell_complete=complete_sites, help="Only of runs on this one.")
@click.option("--component", metavar="NAME", multiple=True, help="Only of steps for this one.")
@click.option("--since", metavar="TIME", type=DURATION, help="All since then; so long ago, as 30m, 2h or 7d.")
@click.option("--after", metavar="CURSOR", help="All after this cursor, which --json shows; `now` for those to come.")
@click.option("-n", "--last", metavar="N", type=click.IntRange(min=0), help=f"The newest N (default {NEWEST}).")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array; with -f one JSON value a line.")
@pass_session
def events(
    session: Session,
    run: str | None,
    *,
    follow: bool,
    as_json: bool,
    last: int | None,
    after: str | None,
    since: float | None,
    site: tuple[str, ...],
    component: tuple[str, ...],
    **wanted: Unpack[installkit.EventFilter],
) -> None:
    """
    List what happened in a run, or in all runs in the order in which it arrived.

    RUN is an id, the beginning of one, or `last`; STEP a step's id, or in a run a component. Without RUN it begins with the
    newest events; --site, --component, --since, --after and -n are for that.

    installkit events last
    installkit events last --kind task_result --status failed --status unreachable
    installkit events -f --site acme --kind run_finished
    installkit events --host db1 --since 7d
    """
    if run is not None:
        if since is not None or last is not None or after or site or component:
            raise click.UsageError("--site, --component, --since, --after and -n are for all runs: leave out RUN")
        target = session.installer.run(run)
        _show(target.events(follow=follow, **wanted), _row, _print, follow=follow, as_json=as_json)
        return
    if last is not None and after is not None:
        raise click.UsageError("-n and --after are two ways to say where to begin: leave out one of them")
    begin = None if since is None else datetime.now(UTC) - timedelta(seconds=since)
    newest = NEWEST if last is None and after is None and since is None else last
    try:
        found = session.installer.events(
            follow=follow, after=after, last=newest, site=site, component=component, since=begin, **wanted
        )
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint="--after") from exc
    _show(found, _arrival_row, _print_arrivals, follow=follow, as_json=as_json)


def _show(
    found: Iterable[T],
    row: Callable[[T], Sequence[str]],
    print_rows: Callable[[Sequence[Sequence[str]]], None],
    *,
    follow: bool,
    as_json: bool,
) -> None:
    if follow:
        for each in found:
            click.echo(json.dumps(installkit.to_wire(each)) if as_json else "  ".join(filter(None, row(each))))
    elif as_json:
        print_json(list(found))
    else:
        print_rows([row(each) for each in found])


def _print_arrivals(rows: Sequence[Sequence[str]]) -> None:
    if rows:
        print_table(("TIME", "SITE", "RUN", "STEP", "KIND", "HOST", "STATUS", "WHAT"), rows)
    else:
        say("no events of this kind")


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


def _arrival_row(arrival: installkit.Arrival) -> tuple[str, ...]:
    _, _, *rest = _row(arrival.event)
    when = f"{arrival.event.time.astimezone():%Y-%m-%d %H:%M:%S}"
    return (when, arrival.site, short(arrival.event.run), *rest)


def _row(event: installkit.Event) -> tuple[str, ...]:
    what = event.task or plain(event.message or "").partition("\n")[0]
    time = f"{event.time.astimezone():%H:%M:%S}"
    return (str(event.seq), time, event.step or "", event.kind, event.host or "", event.status or "", plain(what))
