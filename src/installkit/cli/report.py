"""`report`: the support archive of a run."""

import click

from installkit.cli.commands import Command
from installkit.cli.completion import complete_runs
from installkit.cli.session import Session, pass_session, say


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_runs)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Where to; by default installkit-report-RUN.zip here.",
)
@pass_session
def report(session: Session, run: str, output: str | None) -> None:
    """
    Write a zip file with what others need to help: plan, events, logs, result, versions, and what the doctor finds.

    RUN is an id, the beginning of one, or `last`. Secrets are not in it; host names, addresses and paths are.

    \b
    installkit report last -o report.zip
    installkit report 7f3c
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    found = session.installer.run(run)
    path = output or f"installkit-report-{found.id}.zip"
    found.report(path)
    say(f"{path} is written: look at it before you send it")
