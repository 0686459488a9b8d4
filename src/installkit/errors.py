"""
Every error that installkit raises on purpose.

    InstallkitError
    ├── DefinitionError          a component or inventory file is wrong; lists every issue found
    ├── PlanningError            valid input, but no plan can be made from it
    │   ├── UnknownNameError        no component, host, site or plan has this name       (also LookupError)
    │   ├── DependencyCycleError    .cycle: the names along it
    │   └── StalePlanError          the site or an input changed since; .changes
    ├── SiteLockedError          another run changes this site; .holder
    ├── RunError                 a finished run that did not succeed; .run
    │   ├── RunFailedError          Ansible reported a failed or unreachable host
    │   └── RunStoppedError         canceled, timed out or interrupted
    ├── EngineError              Ansible could not be started, or broke off
    ├── ServiceError             a service could not be reached, or refused the request; .status, .code
    └── StoreError               the store could not be read or written
        ├── DiskFullError           there is no space for it
        ├── CursorExpiredError      events are numbered anew since this cursor was given; .cursor
        ├── JournalError            the files of one run could not be read; other runs are not affected
        └── RunNotFoundError        no run has this id                                  (also LookupError)
"""

import copyreg
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import attrs


def _ignored(options: Sequence[str]) -> str:
    """Return the argument for the checks that the *options* of a command ignore, as `--ignore-check host.disk=WHY`."""
    reasons = dict(option.split("=", 1) for option in options if "=" in option)
    return f", ignore_checks={reasons!r}" if reasons else ""


_CALLS: Mapping[str, Callable[..., str]] = {
    "adopt": lambda run: f"installer.adopt({run!r})",
    "cancel": lambda run: f"installer.run({run!r}).cancel()",
    "doctor": lambda: "installkit.examine(installer.folders.data)",
    "prune": lambda *_: "installer.prune(older_than=30 * 86400)",
    "reindex": lambda: "installer.reindex()",
    "resume": lambda run, *options: f"site.resume({run!r}{_ignored(options)})",
    "runs": lambda *_: "installer.runs()",
    "show": lambda run: f"installer.run({run!r}).snapshot()",
    "site": lambda *_: "site.secrets.set(NAME, VALUE)",
    "watch": lambda run: f"installer.run({run!r}).wait()",
}


class Remedy(str):
    """
    What to do about an error: a text, and the command for it, if there is one.

    As a string it is both, as on the command line: `wait for it: installkit watch 7f3c`.

    Attributes:
        text: In words; empty if the command says all.
        command: The words of the command line after `installkit`; empty if there is no command.
    """

    __slots__ = ("command", "text")

    text: str
    command: tuple[str, ...]

    def __new__(cls, text: str, command: tuple[str, ...] = ()) -> Self:
        """Return the remedy *text*, which *command* carries out."""
        remedy = super().__new__(cls, _joined(text, shlex.join(["installkit", *command]) if command else ""))
        remedy.text, remedy.command = text, command
        return remedy

    def as_call(self) -> str:
        """Return the remedy with a call of the Python library instead of the command, if there is such a call."""
        call = _CALLS.get(self.command[0]) if self.command else None
        return str(self) if call is None else _joined(self.text, call(*self.command[1:]))

    def as_command(self, installkit: Callable[..., str]) -> str:
        """Return the remedy with the command line that *installkit* returns for the command's words."""
        return _joined(self.text, installkit(*self.command)) if self.command else str(self)


def _joined(text: str, command: str) -> str:
    return f"{text}: {command}" if text and command else text or command


class InstallkitError(Exception):
    """The base class of all errors that installkit raises on purpose; a traceback ends with the remedy."""

    remedy: Remedy | None = None
    """What to do next; None if the message says all."""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        if remedy:
            self.remedy = remedy if isinstance(remedy, Remedy) else Remedy(remedy)
            self.add_note(f"→ {self.remedy.as_call()}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Make copies from the attributes of the error, since the arguments of `__init__` are not stored."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]  # no stub has it


@attrs.frozen
class Issue:
    """
    One mistake in a file.

    Attributes:
        path: The file, as the user wrote it.
        line: From 1; None if the mistake is not at one place.
        column: From 1; None if the mistake is not at one place.
        message: The mistake, with the value.
    """

    path: str
    message: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.path, self.line, self.column) if part is not None)
        return f"{place}: {self.message}"


class DefinitionError(InstallkitError):
    """A catalog, manifest, inventory or parameter file is wrong; `issues` holds every mistake found."""

    def __init__(self, issues: Sequence[Issue], *, remedy: str | None = None) -> None:
        self.issues = tuple(issues)
        super().__init__("\n".join(str(issue) for issue in self.issues), remedy=remedy)


class PlanningError(InstallkitError):
    """The input is valid, but no plan can be made from it."""


class UnknownNameError(PlanningError, LookupError):
    """No component, host, site or plan has this name."""


class DependencyCycleError(PlanningError):
    """Components require each other; `cycle` holds their names in order, with the first one again at the end."""

    def __init__(self, cycle: Sequence[str]) -> None:
        self.cycle = tuple(cycle)
        super().__init__(f"components require each other: {' → '.join(self.cycle)}")


class StalePlanError(PlanningError):
    """The site or an input changed since the plan was made; `changes` has a line for each change."""

    def __init__(self, changes: Sequence[str]) -> None:
        self.changes = tuple(changes)
        super().__init__(
            "the plan is stale: " + "; ".join(self.changes), remedy="make the plan again and look at it before applying"
        )


class DestructivePlanError(PlanningError):
    """A plan destroys data, and nobody allowed that; `changes` has a line for each destructive change."""

    def __init__(self, changes: Sequence[str]) -> None:
        self.changes = tuple(changes)
        super().__init__(
            f"the plan destroys data: {', '.join(self.changes)}",
            remedy="if you mean it, allow it: --allow-destructive on the command line, allow_destructive in Python and over HTTP",
        )


class PlanUsedError(PlanningError):
    """A run has applied the plan already, and failed at its checks; `run` is its id."""

    def __init__(self, plan: str, run: str, ignore: Sequence[str]) -> None:
        self.run = run
        again = [word for name in ignore for word in ("--ignore-check", f"{name}=WHY")]
        super().__init__(
            f"plan {plan} was used by run {run}, which failed at its checks; nothing was changed",
            remedy=Remedy("go on once that is fixed, or say why it does not matter", ("resume", run, *again)),
        )


class SiteLockedError(InstallkitError):
    """
    Another run changes this site.

    `holder` has the keys `run`, `by`, `since` and `doing`; it is empty while a run is still being started.
    """

    def __init__(self, site: str, holder: Mapping[str, Any]) -> None:
        self.site = site
        self.holder = dict(holder)
        if not self.holder:
            super().__init__(f"site {site!r} is locked: a run is being started there", remedy="try again in a moment")
            return
        run = self.holder.get("run") or "unknown"
        super().__init__(
            f"site {site!r} is locked by run {run} ({self.holder.get('doing') or 'starting'}),"
            f" started by {self.holder.get('by') or 'unknown'} at {self.holder.get('since') or 'unknown'}",
            remedy=Remedy("wait for it, or cancel it", ("watch", run)),
        )


class EngineError(InstallkitError):
    """Ansible could not be started, or broke off."""


class ServiceError(InstallkitError):
    """
    A service could not be reached, refused the token, does not know the request, or broke off; see `connect`.

    `status` and `code` are those of its answer; None if there was none.
    """

    status: int | None = None
    code: str | None = None


class StoreError(InstallkitError):
    """The store or a journal could not be read or written."""


class DiskFullError(StoreError):
    """There is no space to store something; runs wait until there is."""


class CursorExpiredError(StoreError):
    """The events of all runs are numbered anew since `cursor` was given, as after a reindex."""

    def __init__(self, cursor: str) -> None:
        self.cursor = cursor
        super().__init__(
            f"the cursor {cursor} has expired: the index of the runs was rebuilt since, and numbers the events anew",
            remedy="begin again without a cursor, or with 'now' for what is to come",
        )


class JournalError(StoreError):
    """The files of one run could not be read; other runs are not affected."""


class RunNotFoundError(StoreError, LookupError):
    """No run has this id."""


class NotOverHTTPError(PlanningError, AttributeError):
    """A call that only the machine of a service can do."""
