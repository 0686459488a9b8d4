"""What is said while Ansible reads an inventory that takes its time."""

import sys

import click

_PATIENCE = 10.0
"""Seconds after which a wait is said where there is no terminal."""

_CLEAR = "\r\x1b[K"


class InventoryWait:
    """Says on stderr how long the inventory has been asked: on a terminal each second, else once."""

    def __init__(self) -> None:
        self._said = False

    def __call__(self, waited: float | None) -> None:
        """Say that *waited* seconds have gone by; None says that the wait is over."""
        text = "" if waited is None else f"asking the inventory … {waited:.0f} s"
        if sys.stderr.isatty():
            click.echo(_CLEAR + text, nl=False, err=True)
        elif waited is None:
            self._said = False
        elif waited >= _PATIENCE and not self._said:
            self._said = True
            click.echo(text, err=True)
