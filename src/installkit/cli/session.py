import shlex
from contextlib import ExitStack

import attrs
import click

import installkit
from installkit.cli.waiting import InventoryWait


@attrs.define
class Session:
    """
    One use of the command line: its data directory, opened when it is first needed.

    The type of its installer is in quotes, so that `--help` does not import it.

    Attributes:
        data: As given with `--data-dir`; None if it was not.
        inventory_timeout: As given with `--inventory-timeout`; None if it was not.
    """

    data: str | None
    inventory_timeout: float | None = None
    _installer: "installkit.Installer | None" = None
    _surveys: ExitStack = attrs.field(factory=ExitStack, init=False)

    @property
    def installer(self) -> "installkit.Installer":
        """The data directory that this command works on."""
        if self._installer is None:
            self._installer = installkit.Installer(
                self.data, inventory_timeout=self.inventory_timeout, on_inventory_wait=InventoryWait()
            )
        return self._installer

    def close(self) -> None:
        """Close the data directory, if it was opened."""
        self._surveys.close()
        if self._installer is not None:
            self._installer.close()

    def survey(self, site: "installkit.Site") -> "installkit.Site":
        """Return *site*; during this command, Ansible reads its inventory only once for each question."""
        self._surveys.enter_context(site.one_survey())
        return site

    def forget(self) -> None:
        """Close the data directory; the next use opens it again."""
        self.close()
        self._installer = None

    def command(self, *words: str) -> str:
        """Return the exact command line of installkit with *words*, for this data directory."""
        return shlex.join(["installkit", *(["--data-dir", self.data] if self.data else []), *words])

    def no_site(self) -> str:
        """Return the message that there is no site yet; it names the data directory, which may be the wrong one."""
        return f"there is no site yet in {self.installer.folders.data}"


def say(text: str) -> None:
    """Write a line for people to stderr, so that stdout has only what programs read."""
    click.echo(text, err=True)


def short(run: str) -> str:
    """Return the first digits of the id *run*, which are enough for a person."""
    return run[:6]


pass_session = click.make_pass_decorator(Session)
