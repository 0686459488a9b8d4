import os
import shlex
from contextlib import ExitStack
from pathlib import Path

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
        service: The address of the service whose client this command is; None if it opens a data directory.
        token_file: As given with `--token-file`; None if it was not.
        named: Whether the service was named on the command line, and not in the environment.
        inventory_timeout: As given with `--inventory-timeout`; None if it was not.
    """

    data: str | None
    service: str | None = None
    token_file: str | None = None
    named: bool = False
    inventory_timeout: float | None = None
    _installer: "installkit.Installer | None" = None
    _remote: "installkit.RemoteInstaller | None" = None
    _surveys: ExitStack = attrs.field(factory=ExitStack, init=False)

    @property
    def installer(self) -> "installkit.AnyInstaller":
        """The data directory, or the service, that this command works on."""
        return self.here if self.service is None else self.there

    @property
    def here(self) -> "installkit.Installer":
        """The data directory, for what no service does: `App` refuses such commands with a service."""
        if self._installer is None:
            self._installer = installkit.Installer(
                self.data, inventory_timeout=self.inventory_timeout, on_inventory_wait=InventoryWait()
            )
        return self._installer

    @property
    def there(self) -> "installkit.RemoteInstaller":
        """The service, for what only a service takes in this way."""
        if self._remote is None:
            self._remote = installkit.connect(self.service or "", token=self._token())
        return self._remote

    def close(self) -> None:
        """Close the data directory, if it was opened."""
        self._surveys.close()
        for opened in (self._installer, self._remote):
            if opened is not None:
                opened.close()

    def survey(self, site: "installkit.AnySite") -> "installkit.AnySite":
        """Return *site*; during this command, Ansible reads its inventory only once for each question."""
        self._surveys.enter_context(site.one_survey())
        return site

    def forget(self) -> None:
        """Close the data directory; the next use opens it again."""
        self.close()
        self._installer = None

    def command(self, *words: str) -> str:
        """Return the exact command line of installkit with *words*, for this data directory or service."""
        given = {
            "--data-dir": self.data,
            "--service": self.service if self.named else None,
            "--token-file": self.token_file,
        }
        options = [word for name, value in given.items() if value for word in (name, value)]
        return shlex.join(["installkit", *options, *words])

    @property
    def place(self) -> str:
        """The data directory, or the address of the service, for messages."""
        return self.service or str(self.here.folders.data)

    def no_site(self) -> str:
        """Return the message that there is no site yet; it names the data directory, which may be the wrong one."""
        return f"there is no site yet in {self.place}"

    def _token(self) -> str:
        """Return the access token: it is never in the arguments, which every user of the machine can read."""
        if self.token_file is not None:
            try:
                return Path(self.token_file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as exc:
                raise click.UsageError(f"no token can be read from {self.token_file}: {exc}") from exc
        token = os.environ.get("INSTALLKIT_TOKEN", "")
        if not token:
            raise click.UsageError(
                "a service wants a token: give it in INSTALLKIT_TOKEN, or in a file with --token-file"
            )
        return token


def say(text: str) -> None:
    """Write a line for people to stderr, so that stdout has only what programs read."""
    click.echo(text, err=True)


def short(run: str) -> str:
    """Return the first digits of the id *run*, which are enough for a person."""
    return run[:6]


pass_session = click.make_pass_decorator(Session)
