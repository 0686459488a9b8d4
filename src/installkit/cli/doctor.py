"""`doctor`: whether this machine and the data directory are fit for runs; it works where they are not."""

from pathlib import Path

import click

import installkit
from installkit.cli.commands import Command
from installkit.cli.output import print_json, print_table
from installkit.cli.session import Session, pass_session


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@pass_session
def doctor(session: Session, *, as_json: bool) -> None:
    """
    Check this machine and the data directory; the exit code is 1 if something is broken.

    \b
    installkit doctor
    installkit doctor --json
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    data = Path(session.data or installkit.default_data_directory()).expanduser().absolute()
    found = installkit.examine(
        data,
        lambda: _installer(session).check_database(),
        lambda: _installer(session).check_secrets(),
        lambda: [site.snapshot().catalog for site in _installer(session).sites()],
    )
    if as_json:
        print_json(found)
    else:
        rows = ((each.status, each.name, each.message, _shown(session, each.remedy)) for each in found)
        print_table(("", "CHECK", "FOUND", "WHAT TO DO"), rows)
    if any(each.status == "fail" for each in found):
        raise click.exceptions.Exit(1)


def _installer(session: Session) -> installkit.Installer:
    if session.installer.obstacle is not None:
        raise session.installer.obstacle
    return session.installer


def _shown(session: Session, remedy: str) -> str:
    return remedy.as_command(session.command) if isinstance(remedy, installkit.Remedy) else remedy
