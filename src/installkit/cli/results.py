"""`results`: what tasks gave on hosts."""

from typing import Unpack

import click

import installkit
from installkit.cli.commands import Command
from installkit.cli.completion import complete_run_hosts, complete_runs, complete_steps
from installkit.cli.output import plain, print_json, print_table
from installkit.cli.session import Session, pass_session, say

_STATUSES = [status.value for status in installkit.ResultStatus]


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_runs)
@click.option("--host", metavar="HOST", multiple=True, shell_complete=complete_run_hosts, help="Only on this one.")
@click.option("--task", metavar="NAME", multiple=True, help="Only of this task.")
@click.option("--step", metavar="STEP", multiple=True, shell_complete=complete_steps, help="Only in this one.")
@click.option("--status", multiple=True, type=click.Choice(_STATUSES), help="Only with this one.")
@click.option("--module", metavar="NAME", multiple=True, help="Only of this module, as command.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array, with all that the modules returned.")
@pass_session
def results(session: Session, run: str, *, as_json: bool, **wanted: Unpack[installkit.ResultFilter]) -> None:
    """
    Show what tasks gave on hosts; a filter may be repeated.

    RUN is an id, the beginning of one, or `last`; STEP a step's id or a component. A loop has a line for each item.

    installkit results last --host db1
    installkit results last --status failed --status unreachable
    installkit results 7f3c --task 'Read the version' --json
    """
    found = session.installer.run(run).results(**wanted)
    if as_json:
        print_json(found)
    elif not found:
        say("no results of this kind")
    else:
        rows = ((each.step, _name(each), each.host, each.status, _short(each)) for each in found)
        print_table(("STEP", "TASK", "HOST", "STATUS", "RESULT"), rows)


def _name(result: installkit.TaskResult) -> str:
    item = "" if result.item is None else f" ({result.item})"
    return f"{result.task or result.module or ''}{item}"


def _short(result: installkit.TaskResult) -> str:
    """Return the line of the result that a person looks for first."""
    values = (result.message, result.result.get("stdout"), result.result.get("stderr"))
    text = next((str(value) for value in values if value), "")
    first, _, rest = plain(text).strip().partition("\n")
    return f"{first} …" if rest else first
