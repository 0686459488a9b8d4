"""
Whether each host of a step ended well: proved by what Ansible itself knows, never by counts or by words in files.

Ansible makes one `PlayIterator` for each play and batch. Our plugin (`plugins/callback/installkit_events.py`) reports
which hosts each batch should have, which its iterator has, and, as `TaskQueueManager.run` leaves it, the state of each
host with what states forget. For a host in one batch of one play, the first line that fits decides:

    the batch has no iterator                                   ended, if the play's last one has `end_play`; else no
    its iterator was never left (a signal, a crash)             no
    the host has no state, or a play that fails stopped it      no
    its state has no blocks: a stub of another batch            passed over
    the task to start at was never reached                      no
    it is unreachable, or failed, or not complete               no
    its errors were cleared (`clear_host_errors`)               no, unless a rescue was handling them
    it is behind the last block                                 yes
    `end_host` was called for it                                ended, unless something failed that no rescue handled
    anything else                                               no

A host ended well if it came to its end, or was let go, in every play that should have held it. These plays count: all
that Ansible began, and all that are planned after the last of them. If the playbook itself adds hosts or groups, nobody
can know which hosts a later play would hold: then each later play counts for every host. In addition:

    no play held it                                             no
    all that was tried on it was `unreachable`                  no (with `ignore_unreachable` it goes on)
    tags left none of its plays a task                          no
    the exit status is not 0, and no host says why              no host is proved

What nobody can know: how a task ends that nothing waits for (`async` with `poll: 0`).

Source: ansible-core 2.19 to 2.21, `ansible.executor`; tried against what tasks left on disk (`tests/test_proof.py`).
"""

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import attrs

from installkit.ansible.events import cut, recap_of, result_message, task_location
from installkit.model import HostStatus, Play

Raw = Mapping[str, Any]

_LOCAL = {
    *("add_host", "assert", "debug", "fail", "group_by", "include_role", "include_tasks", "include_vars", "pause"),
    *("set_fact", "set_stats", "validate_argument_spec"),
}
"""Actions that reach no host: in ansible's lib/ansible/plugins/action, those that carry out no module."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_TAIL = 4_000
"""Characters of output kept for a failure that no task reported."""


class End(Enum):
    """How a host left one batch."""

    YES = "came to its end"
    ENDED = "was let go by the playbook"
    PASSED_OVER = "belongs to another batch"
    FAILED = "Ansible ended the play for this host because of a failure on another one"
    UNREACHABLE = "could not be reached"
    CLEARED = "its errors were cleared, and nothing proves that it is done"
    CUT_SHORT = "Ansible left the play before this host came to its end"
    NOT_BEGUN = "Ansible ended the playbook before this host's turn"
    UNSEEN = "the play was left before it took this host up"
    NOT_REACHED = "the task to start at was never reached"

    @property
    def proves(self) -> bool:
        """Whether the host may count as done in this batch."""
        return self in {End.YES, End.ENDED, End.PASSED_OVER}


NOT_HELD = "no play held this host"
NO_TASKS = "tags left no task to carry out"
NO_PROOF = "Ansible ended badly, and not because of a host"


@attrs.frozen(kw_only=True)
class FailedTask:
    """A result that ended a host's part in a block, or in the step."""

    host: str
    status: HostStatus
    task: str
    location: str | None
    message: str


@attrs.define
class _Batch:
    """What an iterator had and left."""

    hosts: frozenset[str]
    tasks: int
    tagged: bool
    end: Raw | None = None


@attrs.define
class _PlayRun:
    """One play as Ansible began it; the iterators belong to its batches in their order."""

    batches: list[list[str]]
    iterators: list[_Batch] = attrs.field(factory=list)

    def ends_of(self, host: str) -> list[End]:
        return [self._end_of(host, number) for number, batch in enumerate(self.batches) if host in batch]

    def _end_of(self, host: str, number: int) -> End:
        if number >= len(self.iterators):
            last = self.iterators[-1].end if self.iterators else None
            return End.ENDED if last and last.get("end_play") else End.NOT_BEGUN
        end = self.iterators[number].end
        if end is None:
            return End.CUT_SHORT
        state = end["hosts"].get(host)
        if state is None:
            return End.UNSEEN
        # whether this took back a failure that no rescue was handling, or the loss of the host in this play
        cleared = any(
            call == "clear_host_errors"
            and (lost or (any(fail and run != "RESCUE" for run, fail, _ in chain) and chain[0][0] != "SETUP"))
            for call, chain, lost in state["calls"]
        )
        # whether this was called when nothing had failed, except for what the calling rescue handles
        let_go = any(
            call == "end_host" and all(fail == 0 or (run == "RESCUE" and place > 0) for run, fail, place in chain)
            for call, chain, _ in state["calls"]
        )
        rules = {
            End.PASSED_OVER: state["blocks"] == 0,
            End.NOT_REACHED: end["not_reached"],
            End.UNREACHABLE: state["unreachable"],
            End.FAILED: state["fail"] != 0,
            End.CUT_SHORT: state["run"] != "COMPLETE",
            End.CLEARED: cleared,
            End.YES: state["block"] >= state["blocks"],
            End.ENDED: let_go,
        }
        return next((rule for rule, applies in rules.items() if applies), End.CUT_SHORT)


class Evidence:
    """
    Gathers what a step's reports prove about its hosts.

    Attributes:
        recap: Ansible's counts by host; None until Ansible printed its recap.
        tail: The end of what was printed outside any task, without colours.
        unplanned: Hosts that a play would have held beyond the step's; it was stopped before its first task.
        made: Hosts that the playbook itself made (`add_host`).
    """

    def __init__(self, hosts: Iterable[str], plays: Iterable[Play], folder: str) -> None:
        """
        Expect the *plays* as they were planned.

        Args:
            hosts: The planned ones, of all plays.
            plays: With their hosts, in the playbook's order.
            folder: Locations of tasks are given relative to it.
        """
        self._hosts = tuple(hosts)
        self._planned = tuple(plays)
        self._folder = folder
        self._plays: list[_PlayRun] = []
        self._regrouped = False
        self._failures: dict[str, list[FailedTask]] = {}
        self._rescued: dict[str, list[FailedTask]] = {}
        self._last_of_play: dict[int, FailedTask] = {}
        self._reached: set[str] = set()
        self._lost: set[str] = set()
        self._item_messages: dict[tuple[str, str], str] = {}
        self._unfinished_tasks: set[tuple[str, str]] = set()
        self.recap: dict[str, dict[str, int]] | None = None
        self.tail = ""
        self.unplanned: tuple[str, ...] = ()
        self.made: tuple[str, ...] = ()

    @property
    def idle(self) -> bool:
        """Whether no task is under way on any host."""
        return not self._unfinished_tasks

    @property
    def began(self) -> bool:
        """Whether Ansible got as far as a play."""
        return bool(self._plays)

    @property
    def whole(self) -> bool:
        """Whether Ansible printed its recap and carried every batch of every play to its end."""
        if self.recap is None or len(self._plays) < len(self._planned):
            return False
        return all(end.proves or end in _LOST for play in self._plays for end in _all_ends(play))

    @property
    def nothing_ran(self) -> bool:
        """Whether tags chose no task at all."""
        batches = [batch for play in self._plays for batch in play.iterators]
        return bool(batches) and all(batch.tagged and not batch.tasks for batch in batches)

    def observe_proof(self, report: Raw) -> None:
        """Take in what the plugin reports of plays: `play`, `began`, `ended`, `made` or `unplanned`."""
        match report["proof"]:
            case "play":
                self._plays.append(_PlayRun(report["batches"]))
            case "began":
                batch = _Batch(frozenset(report["hosts"]), report["tasks"], report["tagged"])
                self._plays[-1].iterators.append(batch)
            case "ended":
                self._plays[-1].iterators[-1].end = report
            case "made":
                self._regrouped = True
                self.made = (*self.made, *report["hosts"])
            case "unplanned":
                self.unplanned = tuple(report["hosts"])

    def observe(self, raw: Raw, text: str) -> None:
        """Take in one event and the *text* that it printed."""
        self._unfinished_tasks |= {(host, task) for host, task in raw.get("starts", ())}
        data = raw.get("event_data") or {}
        match raw.get("event", ""):
            case "runner_on_ok" | "runner_on_failed" | "runner_on_skipped" | "runner_on_unreachable" as name:
                host = data["host"]
                self._unfinished_tasks.discard((host, data["task_uuid"]))
                if name in {"runner_on_ok", "runner_on_failed"}:
                    delegated = "_ansible_delegated_vars" in (data.get("res") or {})
                    if not delegated and (data.get("task_action") or "").rpartition(".")[2] not in _LOCAL:
                        self._reached.add(host)
                if name == "runner_on_failed" and not data.get("ignore_errors"):
                    self._fail(HostStatus.FAILED, data)
                elif name == "runner_on_unreachable":
                    self._lost.add(host)
                    self._fail(HostStatus.UNREACHABLE, data)
            case "runner_item_on_failed":
                message = result_message(data.get("res") or {})
                self._item_messages.setdefault((data["host"], data["task_uuid"]), message or "")
            case "playbook_on_stats":
                self.recap = recap_of(data)
            case _ if "host" not in data:
                self.tail = (self.tail + _COLOURS.sub("", text))[-_TAIL:]

    def _fail(self, status: HostStatus, data: Raw) -> None:
        host = data["host"]
        if not data.get("after_failure"):  # a rescue handled what failed before
            self._rescued.setdefault(host, []).extend(self._failures.pop(host, []))
        item = self._item_messages.get((host, data["task_uuid"]))
        failed = FailedTask(
            host=host,
            status=status,
            task=cut(data.get("task") or "", _TAIL),
            location=task_location(data, self._folder),
            message=cut(item or result_message(data.get("res") or {}) or "no message", _TAIL),
        )
        self._failures.setdefault(host, []).append(failed)
        self._last_of_play[len(self._plays)] = failed

    def host_statuses(self, rc: int | None) -> dict[str, HostStatus]:
        """Return the status of each planned host, as far as anything proves it; *rc* is Ansible's exit status."""
        statuses = {}
        words = {"changed": HostStatus.CHANGED, "ok": HostStatus.OK, "skipped": HostStatus.SKIPPED}
        for host in self._hosts:
            ends, failed = self._ends_of(host), self._failures.get(host, [])
            if self.why_unproved(host, rc) is None:
                counts = (self.recap or {}).get(host)
                counted = (status for word, status in words.items() if counts and counts[word] > 0)
                statuses[host] = next(counted, HostStatus.OK)
            elif End.UNREACHABLE in ends or self._was_never_reached(host):
                statuses[host] = HostStatus.UNREACHABLE
            elif End.FAILED in ends:
                statuses[host] = HostStatus.FAILED
            elif failed and (End.CLEARED in ends or End.CUT_SHORT in ends):
                statuses[host] = failed[0].status
            else:
                statuses[host] = HostStatus.UNFINISHED
        return statuses

    def why_unproved(self, host: str, rc: int | None) -> str | None:
        """Return why nothing proves that *host* is done; None if it is proved."""
        ends = self._ends_of(host)
        bad = next((end for end in ends if not end.proves), None)
        if bad is not None:
            return f"{bad.value}{self._because_of(host) if bad is End.FAILED else ''}"
        left_out = not self._regrouped and any(  # a play did not hold it as planned, and no task moved hosts
            host in planned.hosts and not any(host in batch for batch in play.batches)
            for play, planned in zip(self._plays, self._planned, strict=False)
        )
        if left_out or all(end is End.PASSED_OVER for end in ends):
            return NOT_HELD
        if self._was_never_reached(host):
            return End.UNREACHABLE.value
        batches = [batch for play in self._plays for batch in play.iterators if host in batch.hosts]
        if batches and all(batch.tagged and not batch.tasks for batch in batches):
            return NO_TASKS
        if self.recap is None or (rc != 0 and not any(end in _LOST for play in self._plays for end in _all_ends(play))):
            return NO_PROOF
        return None

    def _because_of(self, host: str) -> str:
        """Return the last failure of the play that failed for *host*: with that task Ansible left the play."""
        number = next(number for number, play in enumerate(self._plays, 1) if End.FAILED in play.ends_of(host))
        failed = self._last_of_play.get(number)
        if failed is None:
            return ""
        place = f" ({failed.location})" if failed.location else ""
        return f": {failed.task!r} on {failed.host}{place}: {failed.message}"

    def _ends_of(self, host: str) -> list[End]:
        ends = [end for play in self._plays for end in play.ends_of(host)]
        behind = self._planned[len(self._plays) :]
        missed = [End.NOT_BEGUN for play in behind if self._regrouped or host in play.hosts]
        return ends + missed

    def _was_never_reached(self, host: str) -> bool:
        """Return whether all that was tried on *host* found it unreachable: with `ignore_unreachable` Ansible goes on."""
        return host in self._lost and host not in self._reached

    def held_any(self) -> bool:
        """Return whether any play held a planned host."""
        return any(play.ends_of(host) for play in self._plays for host in self._hosts)

    def failed_tasks(self, rc: int | None) -> list[FailedTask]:
        """
        Return what failed on each host that did not end well, the cause first, in the hosts' order.

        A failure that a rescue handled is only named in the message of the cause.
        """
        failures: list[FailedTask] = []
        for host in dict.fromkeys([*self._hosts, *self._failures]):
            if host in self._hosts:
                ended_well = self.why_unproved(host, rc) is None
            else:
                ended_well = all(end.proves for end in self._ends_of(host))
            if ended_well:
                continue
            failed, rescued = self._failures.get(host, []), self._rescued.get(host, [])
            if failed and rescued:
                notes = [f"before that {task.task!r} failed and was rescued: {task.message}" for task in rescued]
                cause = attrs.evolve(failed[0], message=cut("\n".join([failed[0].message, *notes]), _TAIL))
                failed = [cause, *failed[1:]]
            failures += failed
        return failures


_LOST = {End.FAILED, End.UNREACHABLE}


def _all_ends(play: _PlayRun) -> list[End]:
    return [
        end for host in dict.fromkeys(host for batch in play.batches for host in batch) for end in play.ends_of(host)
    ]
