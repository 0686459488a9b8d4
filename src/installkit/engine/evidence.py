"""Whether a step succeeded: proved from what Ansible reported, never assumed."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from installkit.engine.translation import cut, recap_of, result_message, task_location
from installkit.model import HostStatus, Play, Recap

Raw = Mapping[str, Any]

_GATHERING = {"gather_facts", "setup"}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_TAIL = 4_000
"""Characters of output kept for a failure that no task reported."""


@attrs.frozen(kw_only=True)
class FailedTask:
    """The result that ended a host's part in a step."""

    host: str
    status: HostStatus
    play: str
    task: str
    location: str | None
    message: str


class Evidence:
    """
    Gathers what a step's events prove about its hosts.

    Attributes:
        recap: Ansible's counts by host; None until Ansible printed its recap.
        tail: The end of what was printed outside any task, without colours.
    """

    def __init__(
        self,
        hosts: Iterable[str],
        plays: Iterable[Play],
        folder: str,
        *,
        fatal: bool = False,
        leaving: bool = False,
        cutting: bool = False,
    ) -> None:
        """
        Expect the *plays* as they were planned.

        Args:
            hosts: The planned ones, of all plays.
            plays: With their hosts, in the playbook's order.
            folder: Locations of tasks are given relative to it.
            fatal: Whether the playbook may let a failure on one host end the play for all (`any_errors_fatal`), which
                no event tells.
            leaving: Whether the playbook may let hosts go before their first task (`meta: end_host`), which no event
                tells either.
            cutting: Whether the playbook may end a play before its last batch (`meta: end_play` with `serial`).
        """
        self._hosts = tuple(hosts)
        self._plays = tuple(plays)
        self._folder = folder
        self._fatal = fatal
        self._leaving = leaving
        self._cutting = cutting
        self._started: list[str] = []
        self._seen: dict[str, set[str]] = {}
        self._by_task: dict[tuple[str, str], set[str]] = {}
        self._last_failure: dict[str, FailedTask] = {}
        self._reached: set[str] = set()
        self._recovered: set[str] = set()
        self._item_messages: dict[tuple[str, str], str] = {}
        self._unfinished_tasks: set[tuple[str, str]] = set()
        self._gave_up = False
        self.recap: dict[str, dict[str, int]] | None = None
        self.tail = ""

    @property
    def idle(self) -> bool:
        """Whether no task is under way on any host."""
        return not self._unfinished_tasks

    @property
    def began(self) -> bool:
        """Whether Ansible got as far as a play."""
        return bool(self._started)

    @property
    def whole(self) -> bool:
        """Whether Ansible printed its recap and gave up no play for all hosts, so that a good host is done."""
        if self.recap is None or self._gave_up or len(self._started) < len(self._plays):
            return False
        return not (self._fatal and any(_lost(counts) for counts in self.recap.values()))

    def observe(self, raw: Raw, text: str) -> None:
        """Take in one event of ansible-runner and the *text* that it printed."""
        data = raw.get("event_data") or {}
        match raw.get("event", ""):
            case "playbook_on_play_start":
                self._started = list(dict.fromkeys([*self._started, _play_of(data)]))
            case "runner_on_start":
                self._unfinished_tasks.add((data["host"], data["task_uuid"]))
            case "runner_on_ok" | "runner_on_failed" | "runner_on_skipped" | "runner_on_unreachable" as name:
                self._observe_result(name, data)
            case "runner_item_on_failed":
                message = result_message(data.get("res") or {})
                self._item_messages.setdefault((data["host"], data["task_uuid"]), message or "")
            case "playbook_on_no_hosts_remaining":
                self._gave_up = True
            case "playbook_on_stats":
                self.recap = recap_of(data)
            case _ if "host" not in data:
                self.tail = (self.tail + _COLOURS.sub("", text))[-_TAIL:]

    def _observe_result(self, name: str, data: Raw) -> None:
        host, play, task = data["host"], _play_of(data), data["task_uuid"]
        self._unfinished_tasks.discard((host, task))
        self._seen.setdefault(play, set()).add(host)
        if data.get("task_action", "").rpartition(".")[2] not in _GATHERING:
            self._by_task.setdefault((play, task), set()).add(host)
        if name in {"runner_on_ok", "runner_on_failed"}:
            self._reached.add(host)
        if name == "runner_on_failed" and not data.get("ignore_errors"):
            self._fail(HostStatus.FAILED, data)
        elif name == "runner_on_unreachable":
            self._fail(HostStatus.UNREACHABLE, data)
        elif host in self._last_failure:
            self._recovered.add(host)

    def _fail(self, status: HostStatus, data: Raw) -> None:
        host = data["host"]
        item = self._item_messages.get((host, data["task_uuid"]))
        self._recovered.discard(host)
        self._last_failure[host] = FailedTask(
            host=host,
            status=status,
            play=_play_of(data),
            task=cut(data.get("task") or "", _TAIL),
            location=task_location(data, self._folder),
            message=cut(item or result_message(data.get("res") or {}) or "no message", _TAIL),
        )

    def host_statuses(self, rc: int | None) -> dict[str, HostStatus]:
        """Return how each planned host fared, as far as anything proves it; *rc* is Ansible's exit status."""
        unseen = set() if self._leaving and rc == 0 else self._unseen_hosts()
        return {host: self._host_status(host, unseen, rc) for host in self._hosts}

    def _host_status(self, host: str, unseen: set[str], rc: int | None) -> HostStatus:
        if self.recap is None:
            failure = self._last_failure.get(host)
            return failure.status if failure else HostStatus.UNFINISHED
        counts = self.recap.get(host)
        if counts is None:
            return HostStatus.UNFINISHED if host in unseen else HostStatus.OK
        if self._was_never_reached(host) and not _lost(counts):
            return HostStatus.UNREACHABLE
        if self._is_cleared(host, rc):
            counts = {**counts, "failed": 0, "unreachable": 0}
        return HostStatus.UNFINISHED if host in unseen and not _lost(counts) else _status_of(counts)

    def _was_never_reached(self, host: str) -> bool:
        """Return whether no task could be carried out on *host*: with `ignore_unreachable` its recap says `ok` of that."""
        return host in self._last_failure and host not in self._reached

    def _is_cleared(self, host: str, rc: int | None) -> bool:
        """Return whether the playbook took back that *host* failed (`meta: clear_host_errors`) and went on with it."""
        return rc == 0 and host in self._recovered

    def _unseen_hosts(self) -> set[str]:
        """
        Return the hosts that a play should have covered and did not.

        A play that ran an ordinary task on several hosts covers each of its hosts, and so does one that lost a host,
        since the batches behind it never began (`serial`), or that may end itself between two batches. Of another whose
        tasks all ran on a single host, or which only gathered facts, nothing can be said (`run_once`, facts from the
        cache).
        """
        covering = {play for (play, _), hosts in self._by_task.items() if self._cutting or len(hosts) > 1}
        covering |= {failure.play for failure in self._last_failure.values() if self._is_lost(failure.host)}
        unseen: set[str] = set()
        for play, planned in zip(self._started, self._plays, strict=False):
            if play in covering:
                unseen |= set(planned.hosts) - self._seen.get(play, set())
        return unseen

    def _is_lost(self, host: str) -> bool:
        counts = (self.recap or {}).get(host)
        return counts is not None and _lost(counts)

    def any_result(self) -> bool:
        """Return whether any planned host has any result."""
        seen = set().union(*self._seen.values()) if self._seen else set()
        return not seen.isdisjoint(self._hosts) or any(host in (self.recap or {}) for host in self._hosts)

    def failed_tasks(self, rc: int | None) -> list[FailedTask]:
        """Return the last failure of every host that ended badly, in the hosts' order; what the playbook made good is none."""
        return [
            self._last_failure[host]
            for host in (*self._hosts, *(self._last_failure.keys() - set(self._hosts)))
            if host in self._last_failure
            if self.recap is None
            or self._was_never_reached(host)
            or (self._is_lost(host) and not self._is_cleared(host, rc))
        ]


def _play_of(data: Raw) -> str:
    """Return the play's id; runner adds a number to it for each batch of `serial`."""
    play: str = data["play_uuid"]
    return play.partition("_")[0]


def _lost(counts: Recap) -> bool:
    return counts["failed"] > 0 or counts["unreachable"] > 0


def _status_of(counts: Recap) -> HostStatus:
    by_word = {
        "unreachable": HostStatus.UNREACHABLE,
        "failed": HostStatus.FAILED,
        "changed": HostStatus.CHANGED,
        "ok": HostStatus.OK,
        "skipped": HostStatus.SKIPPED,
    }
    return next((status for word, status in by_word.items() if counts[word] > 0), HostStatus.OK)
