"""The results of a check step: each named task is a check; if it fails, this is a result, not a failure of Ansible."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from installkit.ansible.events import cut, result_message, task_location
from installkit.ansible.remedies import remedy_for
from installkit.model import CONNECTION_CHECK, Check, CheckStatus, FailureCode, Ignored, group_checks

Raw = Mapping[str, Any]

_GATHERING = {"gather_facts", "setup"}
_REQUIRED = "(required)"
_WARNING = "Warning:"
_REMEDY = "Remedy:"
_MOST = 4_000
"""Characters of a message."""


@attrs.frozen(kw_only=True)
class CheckedTask:
    """
    A task that is a check.

    Attributes:
        location: `playbook:line`, relative to the playbook's folder if it is below it.
    """

    task: str
    location: str | None


class CheckResults:
    """
    Gathers the results of the tasks of one check step for each host.

    Attributes:
        places: The task of each check, by its name.
    """

    def __init__(self, component: str, folder: str, ignored: Mapping[str, Ignored]) -> None:
        """
        Expect the events of a check step.

        Args:
            component: The step's.
            folder: Locations of tasks are given relative to it.
            ignored: Who ignores which check, and why, by the check's name.
        """
        self.places: dict[str, CheckedTask] = {}
        self._component = component
        self._folder = folder
        self._ignored = ignored
        self._checks: list[Check] = []
        self._items: dict[tuple[str, str], list[str]] = {}
        self._ended_by: dict[str, Check] = {}

    def observe(self, raw: Raw) -> None:
        """Take in one event of ansible-runner."""
        data = raw.get("event_data") or {}
        match raw.get("event", ""):
            case "runner_item_on_failed":
                message = result_message(data.get("res") or {}) or "no message"
                self._items.setdefault((data["host"], data["task_uuid"]), []).append(message)
            case "runner_on_ok":
                self._pass(data)
            case "runner_on_skipped" if _module(data) == "fail":  # what it would report as wrong is right
                self._pass(data)
            case "runner_on_failed":
                texts = self._items.get((data["host"], data["task_uuid"]))
                texts = texts or [result_message(data.get("res") or {}) or "no message"]
                complaints = [_Complaint.read(text) for text in texts]
                message = cut("\n".join(dict.fromkeys(complaint.message for complaint in complaints)), _MOST)
                remedy = " ".join(dict.fromkeys(complaint.remedy for complaint in complaints if complaint.remedy))
                status = CheckStatus.WARN if all(complaint.warns for complaint in complaints) else CheckStatus.FAIL
                check = self._check(data, status, message, remedy or remedy_for(FailureCode.CHECK_FAILED, message))
                self._checks.append(check)
                if not data.get("ignore_errors"):
                    self._ended_by[data["host"]] = check
            case "runner_on_unreachable":
                message = result_message(data.get("res") or {}) or "no message"
                self.places.setdefault(CONNECTION_CHECK, self._place(data))
                self._checks.append(
                    Check(
                        name=CONNECTION_CHECK,
                        component=None,
                        hosts=(data["host"],),
                        status=CheckStatus.FAIL,
                        message=message,
                        remedy=remedy_for(FailureCode.HOST_UNREACHABLE, message),
                        ignorable=False,
                    )
                )

    def checks(self, hosts: Sequence[str], *, whole: bool) -> tuple[Check, ...]:
        """
        Return a row for each check and message, with the hosts on which it is the same.

        Args:
            hosts: The step's; those of a row have the same order.
            whole: Whether Ansible carried every play out.
        """
        rows = list(ordered_checks(self._checks, {name: number for number, name in enumerate(self.places)}, hosts))
        if self._ended_by and not any(check.blocks for check in rows):
            # a failure that blocks nothing kept Ansible from later checks
            names = dict.fromkeys(check.name for check in self._ended_by.values())
            rows.append(
                Check(
                    name=f"{self._component}.complete",
                    component=self._component,
                    hosts=tuple(host for host in hosts if host in self._ended_by) if whole else tuple(hosts),
                    status=CheckStatus.WARN,
                    message=f"the checks after {', '.join(names)} were not made there",
                    remedy="put `ignore_errors: true` into the play, so that every check is made on every host",
                )
            )
        return tuple(rows)

    def _pass(self, data: Raw) -> None:
        self._ended_by.pop(data["host"], None)
        if data.get("task") == data.get("task_action") or _module(data) in _GATHERING:
            return  # a task without a name prepares the checks
        res = data.get("res") or {}
        items = res.get("results")
        results = items if items and isinstance(items, list) else [res]  # of a loop, those of its items
        messages = [result.get("msg") for result in results if isinstance(result, Mapping)]
        lines = dict.fromkeys(message for message in messages if isinstance(message, str) and message)
        self._checks.append(self._check(data, CheckStatus.PASS, cut("\n".join(lines), _MOST), None))

    def _check(self, data: Raw, status: CheckStatus, message: str, remedy: str | None) -> Check:
        task = str(data.get("task") or "")
        name = check_name(self._component, task)
        ignorable = not task.endswith(_REQUIRED)
        self.places.setdefault(name, self._place(data))
        return Check(
            name=name,
            component=self._component,
            hosts=(data["host"],),
            status=status,
            message=message,
            remedy=remedy,
            ignorable=ignorable,
            ignored=self._ignored.get(name) if ignorable and status is CheckStatus.FAIL else None,
        )

    def _place(self, data: Raw) -> CheckedTask:
        return CheckedTask(task=str(data.get("task") or ""), location=task_location(data, self._folder))


def ordered_checks(checks: Iterable[Check], tasks: Mapping[str, int], hosts: Sequence[str]) -> tuple[Check, ...]:
    """
    Return a row for each check and message of *checks*.

    Args:
        checks: Each of a single host.
        tasks: The position of each check, by its name.
        hosts: The step's; those of a row have the same order.
    """
    numbers = {host: number for number, host in enumerate(hosts)}

    def _place(host: str) -> int:
        return numbers.get(host, len(numbers))

    rows = [attrs.evolve(row, hosts=tuple(sorted(row.hosts, key=_place))) for row in group_checks(checks)]
    return tuple(sorted(rows, key=lambda row: (tasks[row.name], _place(row.hosts[0]))))


@attrs.frozen
class _Complaint:
    """The message of a failed check, in its parts."""

    message: str
    remedy: str
    warns: bool

    @classmethod
    def read(cls, text: str) -> "_Complaint":
        message, _, remedy = text.partition(_REMEDY)
        message = message.strip()
        warns = message.startswith(_WARNING)
        return cls(message.removeprefix(_WARNING).strip(), remedy.strip(), warns)


def check_name(component: str, task: str) -> str:
    """
    Return the name of the check that *task* makes, a task of *component*'s check playbook.

    >>> check_name("mysql", "Disk space (required)")
    'mysql.disk-space'
    """
    words = task.removesuffix(_REQUIRED).lower()
    return f"{component}.{re.sub(r'[^a-z0-9]+', '-', words).strip('-') or 'task'}"


def _module(data: Raw) -> str:
    name: str = data.get("task_action") or ""
    return name.rpartition(".")[2]
