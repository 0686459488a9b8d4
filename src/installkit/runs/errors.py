"""How a run that did not succeed is raised: the errors carry their run."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from installkit.errors import InstallkitError
from installkit.model import Event, Failure, RunSnapshot, RunStatus, StepSnapshot


class EndedRun(Protocol):
    """What the run of an error has: a `Run`, or a `RemoteRun` where a service carried it out."""

    id: str

    @property
    def site(self) -> str:
        """The site's name."""
        ...

    @property
    def status(self) -> RunStatus:
        """How it ended."""
        ...

    @property
    def steps(self) -> tuple[StepSnapshot, ...]:
        """Its steps, in the plan's order."""
        ...

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What went wrong, grouped by cause over hosts and steps."""
        ...

    def snapshot(self) -> RunSnapshot:
        """Return the state of the run."""
        ...

    def events(self, *, after: int = 0, limit: int | None = None) -> Iterator[Event]:
        """Yield at most *limit* events after the one numbered *after*."""
        ...

    def log_text(self, step: str, *, color: bool = True) -> str:
        """Return the log of *step* as text."""
        ...

    def next_commands(self) -> dict[str, tuple[str, ...]]:
        """Return the commands that may follow the run: their words, by their purpose."""
        ...

    def report(self, target: str | Path | IO[bytes]) -> None:
        """Write a zip file for people who help."""
        ...


class RunError(InstallkitError):
    """A run did not succeed; `run` is the public run object."""

    def __init__(self, message: str, run: EndedRun, *, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.run = run


class RunFailedError(RunError):
    """Ansible reported a failed or unreachable host, or success could not be proved."""


class RunStoppedError(RunError):
    """The run was canceled, timed out or interrupted."""
