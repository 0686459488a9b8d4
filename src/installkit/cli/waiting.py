"""The message that is shown while Ansible reads a slow inventory."""

import sys

import click

_PATIENCE = 10.0
"""Seconds after which the message is shown if there is no terminal."""

_CLEAR = "\r\x1b[K"


class InventoryWait:
    """Shows on stderr how long Ansible has been reading the inventory: on a terminal each second, else once."""

    def __init__(self) -> None:
        self._shown = False

    def __call__(self, waited: float | None) -> None:
        """Show that *waited* seconds have passed; None means that the wait is over."""
        text = "" if waited is None else f"asking the inventory … {waited:.0f} s"
        if sys.stderr.isatty():
            click.echo(_CLEAR + text, nl=False, err=True)
        elif waited is None:
            self._shown = False
        elif waited >= _PATIENCE and not self._shown:
            self._shown = True
            click.echo(text, err=True)
