"""The messages and exit codes of errors."""

import os
from typing import IO, Any

import click

import installkit
from installkit.cli.session import Session

FAILED = 1
BAD_INPUT = 2
REFUSED = 3
DETACHED = 130

_EXIT_CODES: tuple[tuple[type[installkit.InstallkitError], int], ...] = (
    (installkit.SiteLockedError, REFUSED),
    (installkit.StalePlanError, REFUSED),
    (installkit.DestructivePlanError, REFUSED),
    (installkit.PlanUsedError, REFUSED),
    (installkit.RunNotFoundError, BAD_INPUT),
    (installkit.DefinitionError, BAD_INPUT),
    (installkit.PlanningError, BAD_INPUT),
)
"""The first kind that matches decides; after any other error the exit code is `FAILED`."""


def exit_code_of(error: installkit.InstallkitError) -> int:
    """Return the exit code of a command that *error* ended."""
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), FAILED)


class CommandError(click.ClickException):
    """An error of installkit as the command line shows it; `session` is None if none was opened."""

    exit_code: int  # type: ignore[misc]  # click declares it for the class, but reads it of the error

    def __init__(self, error: installkit.InstallkitError, session: Session | None = None) -> None:
        super().__init__(str(error))
        self.remedy = error.remedy
        self.exit_code = exit_code_of(error)
        self._session = session

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - click calls it so; errors go to stderr
        """Write message and remedy to stderr."""
        remedy = self.remedy
        say_error(self.message, remedy.as_command(self._session.command) if remedy and self._session else remedy)


class BadInputError(click.ClickException):
    """A command line that is not valid, shown as every other error."""

    exit_code = BAD_INPUT

    def __init__(self, error: click.UsageError) -> None:
        super().__init__(error.format_message())
        self.remedy = f"{error.ctx.command_path} --help" if error.ctx else "installkit --help"

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - click calls it so; errors go to stderr
        """Write message and remedy to stderr."""
        say_error(self.message, self.remedy)


class RefusedError(click.ClickException):
    """The command is possible, but was not allowed or not confirmed; `remedy` says how to allow it."""

    exit_code = REFUSED

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - click calls it so; errors go to stderr
        """Write message and remedy to stderr."""
        say_error(self.message, self.remedy)


def say_error(message: str, remedy: str | None = None) -> None:
    """Write an error to stderr, in red on a terminal."""
    color = False if os.environ.get("NO_COLOR") else True if os.environ.get("FORCE_COLOR") else None
    click.secho(f"error: {message}", err=True, fg="red", color=color)
    if remedy:
        click.echo(f"  → {remedy}", err=True)
