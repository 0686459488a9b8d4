"""How a run that did not succeed is raised: the errors carry their run."""

from typing import TYPE_CHECKING

from installkit.errors import InstallkitError

if TYPE_CHECKING:
    from installkit.runs.run import Run


class RunError(InstallkitError):
    """A run did not succeed; `run` is the public run object."""

    def __init__(self, message: str, run: "Run", *, remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.run = run


class RunFailedError(RunError):
    """Ansible reported a failed or unreachable host, or success could not be proved."""


class RunStoppedError(RunError):
    """The run was canceled, timed out or interrupted."""
