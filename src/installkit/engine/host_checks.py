"""
installkit's own checks, judged from one answer of each host.

The step `00-checks` asks each host once (`ansible/plugins/host_check/`). Here the answer becomes a row for each check:

    {"python": "3.11.2", "memory": 51, "asked": {"memory_free": 128, …}, …}
        →  host.connection  pass
           host.python      pass  Python 3.11.2
           host.memory      fail  51 MB of memory are available; 128 are wanted

A host that cannot be reached fails `host.connection`. A host whose answer cannot be read fails `host.python`, because
the answer is all that is known.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from installkit.ansible.events import result_message
from installkit.ansible.remedies import remedy_for
from installkit.engine.check_results import CheckedTask, ordered_checks
from installkit.model import OWN_CHECKS, Check, CheckStatus, FailureCode, Ignored

Raw = Mapping[str, Any]

REQUIRED = frozenset({"connection", "python", "privilege"})
"""Checks that nobody may ignore: without them nothing can be done."""

ORDER = ("connection", "python", "privilege", "disk", "memory", "ports", "time", "system")
_FAMILIES = frozenset({"alpine", "arch", "debian", "fedora", "rhel", "suse", "sles", "opensuse"})
_MACHINES = frozenset({"x86_64", "aarch64", "ppc64le", "s390x"})
_LEAST_PYTHON = ((2, 20), (3, 9)), ((0,), (3, 8))
"""The Python that Ansible needs on a host, by ansible-core's version, newest first. Source: its porting guides."""


@attrs.frozen
class Finding:
    """The result of one check on one host."""

    name: str
    status: CheckStatus
    message: str
    remedy: str | None = None


_RESULTS = frozenset({"runner_on_ok", "runner_on_failed", "runner_on_skipped", "runner_on_unreachable"})


class HostCheckResults:
    """
    Gathers the results of installkit's own check step for each host; it has the methods of `CheckResults`.

    Attributes:
        places: The task of each check, by its name.
    """

    def __init__(self, ignored: Mapping[str, Ignored]) -> None:
        """
        Expect the events of the step.

        Args:
            ignored: Who ignores which check, and why, by the check's name.
        """
        self.places = {f"{OWN_CHECKS}.{name}": CheckedTask(task=name, location=None) for name in ORDER}
        self._ignored = ignored
        self._checks: dict[str, list[Check]] = {}

    def observe(self, raw: Raw) -> None:
        """Take in one event of ansible-playbook."""
        data = raw.get("event_data") or {}
        event, res = raw.get("event", ""), data.get("res") or {}
        if event not in _RESULTS:  # a task that starts is of no host
            return
        if event == "runner_on_unreachable":
            self._add(data["host"], _failed("connection", FailureCode.HOST_UNREACHABLE, res))
        elif data.get("task_action") == "installkit_host":
            self._look(event, data["host"], res, raw)
        elif event == "runner_on_failed":
            self._add(data["host"], _failed("privilege", FailureCode.CHECK_FAILED, res))
        else:
            self._add(data["host"], Finding("privilege", CheckStatus.PASS, ""))

    def checks(self, hosts: Sequence[str], *, whole: bool) -> tuple[Check, ...]:  # noqa: ARG002 - as `CheckResults`
        """Return a row for each check and message, with the hosts on which it is the same, in the order of *hosts*."""
        silent = [host for host in hosts if host not in self._checks]
        for host in silent if any(self._checks.values()) else ():
            self._add(host, Finding("connection", CheckStatus.FAIL, "the host gave no answer"))
        names = {name: number for number, name in enumerate(self.places)}
        return ordered_checks([check for checks in self._checks.values() for check in checks], names, hosts)

    def _look(self, event: str, host: str, res: Raw, raw: Raw) -> None:
        if event == "runner_on_skipped":
            return
        self._add(host, Finding("connection", CheckStatus.PASS, ""))
        if event == "runner_on_failed":
            self._add(host, _failed("python", FailureCode.CHECK_FAILED, res))
            return
        try:
            findings = list(judge(res, datetime.fromisoformat(raw["created"]).timestamp()))
        except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError) as exc:
            reason = f"its answer could not be read: {type(exc).__name__}: {exc}"
            findings = [Finding("python", CheckStatus.FAIL, reason, "see what the log of this step says")]
        for finding in findings:
            self._add(host, finding)

    def _add(self, host: str, finding: Finding) -> None:
        name = f"{OWN_CHECKS}.{finding.name}"
        ignorable = finding.name not in REQUIRED
        ignored = self._ignored.get(name) if ignorable and finding.status is CheckStatus.FAIL else None
        check = Check(
            name=name,
            component=None,
            hosts=(host,),
            status=finding.status,
            message=finding.message,
            remedy=finding.remedy,
            ignorable=ignorable,
            ignored=ignored,
        )
        self._checks.setdefault(host, []).append(check)


def _failed(name: str, code: FailureCode, res: Raw) -> Finding:
    message = result_message(res) or "no message"
    return Finding(name, CheckStatus.FAIL, message, remedy_for(code, message))


def judge(answer: Raw, now: float) -> Iterator[Finding]:
    """
    Yield what the *answer* of `installkit_host` shows.

    Args:
        answer: The module's.
        now: This machine's time when the answer came, in seconds after the epoch.

    Raises:
        ArithmeticError, AttributeError, KeyError, TypeError, ValueError: If *answer* is not the module's.
    """
    asked = answer["asked"]
    yield _python(answer, str(asked["ansible"]))
    disks, least = answer["disks"], int(asked["disk_free"])
    if full := {place: int(size) for place, size in disks.items() if int(size) < least}:
        lines = [f"{size} MB are free in {place}; {least} are wanted" for place, size in full.items()]
        remedy = "free space there, or set installkit_disk_free in the inventory, in MB"
        yield Finding("disk", CheckStatus.FAIL, "\n".join(lines), remedy)
    else:
        lines = [f"at least {least} MB are free in {place}" for place in disks]
        yield Finding("disk", CheckStatus.PASS, "\n".join(lines))
    if answer["memory"] is not None:
        free, least = int(answer["memory"]), int(asked["memory_free"])
        if free >= least:
            yield Finding("memory", CheckStatus.PASS, f"at least {least} MB of memory are available")
        else:
            remedy = "stop what takes it, or set installkit_memory_free in the inventory, in MB"
            message = f"{free} MB of memory are available; {least} are wanted"
            yield Finding("memory", CheckStatus.FAIL, message, remedy)
    if ports := {name: int(port) for name, port in asked["ports"].items() if port is not None}:
        yield _ports(ports, answer["taken"])
    yield _time(float(answer["clock"]), float(asked["time"]), now, float(asked["time_skew"]))
    yield _system(answer["system"], str(answer["machine"]))


def _python(answer: Raw, core: str) -> Finding:
    version = str(answer["python"])
    least = next((python for since, python in _LEAST_PYTHON if _numbers(core) >= since), _LEAST_PYTHON[-1][1])
    if _numbers(version) >= least:
        return Finding("python", CheckStatus.PASS, f"Python {version}")
    return Finding(
        "python",
        CheckStatus.FAIL,
        f"{answer['executable']} is Python {version}; Ansible needs {'.'.join(map(str, least))}",
        "install a newer Python there, and name it in ansible_python_interpreter",
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _ports(ports: Mapping[str, int], taken: Sequence[str]) -> Finding:
    if busy := [name for name in ports if name in taken]:
        names = ", ".join(busy)
        remedy = f"stop what listens there (ss -ltnp shows it), or give {names} another value"
        return Finding(
            "ports", CheckStatus.FAIL, "\n".join(f"port {ports[name]} ({name}) is taken" for name in busy), remedy
        )
    return Finding(
        "ports", CheckStatus.PASS, "\n".join(f"port {port} ({name}) is free" for name, port in ports.items())
    )


def _time(clock: float, before: float, after: float, most: float) -> Finding:
    # the host's clock was read between two readings of ours; over a slow connection these are far apart
    skew = max(clock - after, 0.0) + min(clock - before, 0.0)
    if abs(skew) <= most:
        return Finding("time", CheckStatus.PASS, f"the clock is within {most:g} s of this machine's")
    how = "behind" if skew < 0 else "ahead of"
    return Finding(
        "time",
        CheckStatus.FAIL,
        f"the clock is {abs(skew):.0f} s {how} this machine's",
        "have both keep time (chrony, systemd-timesyncd), or set installkit_time_skew in the inventory",
    )


def _system(names: Mapping[str, str], machine: str) -> Finding:
    name = str(names["NAME"]).removesuffix(" GNU/Linux").removesuffix(" Linux") or "an unknown system"
    shown = f"{name} {names['VERSION_ID']}".strip() + f", {machine}"
    families = {part.partition("-")[0] for part in f"{names['ID']} {names['ID_LIKE']}".lower().split()}
    if families & _FAMILIES and machine in _MACHINES:
        return Finding("system", CheckStatus.PASS, shown)
    return Finding("system", CheckStatus.WARN, f"{shown} is not a system that installkit knows")
