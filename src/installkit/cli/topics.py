"""`help`: a page for each topic that concerns several commands."""

from importlib.resources import files

import click

from installkit.cli.commands import Command

TOPICS = ("requests", "parameters", "secrets", "checks", "runs", "exit-codes", "environment")


@click.command(cls=Command)
@click.argument("topic", type=click.Choice(TOPICS), required=False)
def help(topic: str | None) -> None:  # noqa: A001 - the name of the command
    """
    Explain a topic; without one, list them.

    installkit help
    installkit help requests
    """
    if topic is not None:
        click.echo(_text(topic), nl=False)
        return
    for name in TOPICS:
        click.echo(f"{name:<12}  {_text(name).partition(chr(10))[0]}")
    click.echo("\ninstallkit help TOPIC shows one, installkit COMMAND --help a command.")


def _text(topic: str) -> str:
    return files(__package__).joinpath("topics", f"{topic}.txt").read_text("utf-8")
