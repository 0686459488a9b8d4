"""The five preparations at start; each is a row of `GET /readyz`."""

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

import installkit
from installkit.ansible.programs import find_program

EXAMINED = ("ssh", "pty", "data directory", "memory folder", "locale", "service", "limits")
"""The findings of the doctor that count for the environment; others take long, have a row, or do not matter here."""

FIRST_TOKEN = "access-token"  # noqa: S105 - a file's name
"""The file in the data directory with the first access token."""

_log = logging.getLogger("installkit")

_LEVELS = {"fail": logging.ERROR, "warn": logging.WARNING}


@attrs.frozen(kw_only=True)
class Row:
    """
    How one preparation ended.

    Attributes:
        status: `pending`, `pass`, `warn` or `fail`.
        remedy: What to do about it; None if there is nothing to do.
    """

    name: str
    status: str
    message: str = ""
    remedy: str | None = None


class Preparations:
    """
    The preparations of a service before it is ready, in the order of `rows`.

    Attributes:
        begun: Whether the lifespan of the app has begun, which carries them out.
    """

    def __init__(self, installer: installkit.Installer, catalogs: Mapping[str, Path]) -> None:
        self._steps: dict[str, Callable[[], Row]] = {
            "database": lambda: check_database(installer),
            "access": lambda: make_first_token(installer),
            "environment": lambda: check_environment(installer),
            "catalogs": lambda: check_catalogs(catalogs),
            "runs": lambda: adopt_runs(installer),
        }
        self._rows = {name: Row(name=name, status="pending") for name in self._steps}
        self.begun = False

    @property
    def rows(self) -> tuple[Row, ...]:
        """The state of each preparation."""
        return tuple(self._rows.values())

    @property
    def status(self) -> str:
        """`starting`, `ready` or `failed`; a warning leaves the service ready."""
        statuses = {row.status for row in self.rows}
        return "failed" if "fail" in statuses else "starting" if "pending" in statuses else "ready"

    def carry_out(self) -> None:
        """Carry out all preparations, even if some fail."""
        for name, step in self._steps.items():
            try:
                self._rows[name] = step()
            except (installkit.InstallkitError, OSError) as exc:
                remedy = getattr(exc, "remedy", None)
                self._rows[name] = Row(name=name, status="fail", message=str(exc), remedy=remedy)
            row = self._rows[name]
            _log.log(_LEVELS.get(row.status, logging.INFO), "%s: %s: %s", name, row.status, row.message)


def check_database(installer: installkit.Installer) -> Row:
    """Check that the database can be read; it was migrated when it was opened."""
    installer.sites()
    return Row(name="database", status="pass", message="it can be read")


def make_first_token(installer: installkit.Installer) -> Row:
    """Make an access token for everything if there is none, in a file for the owner of the data directory."""
    if any(token.parent is None and not token.once for token in installer.access.tokens()):
        return Row(name="access", status="pass", message="there are access tokens")
    path = installer.folders.data / FIRST_TOKEN
    _, text = installer.access.create_token("first", [installkit.Scope.ADMIN])
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - Path.open takes no descriptor
        file.write(f"{text}\n")
    return Row(name="access", status="pass", message=f"the first access token was written to {path}")


def check_environment(installer: installkit.Installer) -> Row:
    """Check that Ansible is there, and the quick findings of the doctor."""
    find_program("ansible-playbook")
    findings = installer.doctor(only=EXAMINED)
    problems = [finding for finding in findings if finding.status is not installkit.FindingStatus.OK]
    if not problems:
        return Row(name="environment", status="pass", message="this machine is fit for runs")
    return Row(
        name="environment",
        status="fail" if any(finding.status is installkit.FindingStatus.FAIL for finding in problems) else "warn",
        message="; ".join(f"{finding.name}: {finding.message}" for finding in problems),
        remedy="; ".join(finding.remedy for finding in problems),
    )


def check_catalogs(catalogs: Mapping[str, Path]) -> Row:
    """Check that every catalog can be read."""
    counts = {name: len(installkit.load_catalog(folder)) for name, folder in catalogs.items()}
    text = ", ".join(f"{name}: {count} components" for name, count in counts.items()) or "none was given"
    return Row(name="catalogs", status="pass", message=text)


def adopt_runs(installer: installkit.Installer) -> Row:
    """Index the runs that ended while the service was down, end those without a process, and count the live ones."""
    installer.recover()
    runs = installer.list_runs()
    live = sum(not run.status.final for run in runs)
    return Row(name="runs", status="pass", message=f"at start-up {live} live, {len(runs) - live} finished")
