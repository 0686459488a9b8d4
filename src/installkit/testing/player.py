"""
Carries out the playbook of a step without Ansible: makes the reports that ansible-playbook would make.

It goes through the plays and tasks as they are written, and evaluates nothing: no condition, no loop, no variable. What
comes of a task says the outcome that the step was told for the host. The reports then go the way of real ones.
"""

import threading
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import attrs

from installkit.engine.step import StepRun
from installkit.model import Play
from installkit.testing import terminal
from installkit.testing.outcomes import USUAL, Outcome, Outcomes
from installkit.testing.own_checks import answer_of
from installkit.testing.playbooks import Task, WrittenPlay, read_plays

_GATHERING = "Gathering Facts"
_WORDS = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")
_EVENTS = {
    "ok": "runner_on_ok",
    "changed": "runner_on_ok",
    "skipped": "runner_on_skipped",
    "failed": "runner_on_failed",
    "unreachable": "runner_on_unreachable",
}
_FAILED_HOSTS, _UNREACHABLE_HOSTS = 2, 4
"""Ansible's exit status, by what went wrong."""


class FakePlayer:
    """
    A `Player` that needs no process.

    Attributes:
        stopped: Whether the step was asked to stop.
    """

    def __init__(self, outcomes: Outcomes, *, hurried: bool) -> None:
        """
        Prepare to play.

        Args:
            outcomes: What comes of which step.
            hurried: Whether delays are left out.
        """
        self.stopped = False
        self._outcomes = outcomes
        self._awake = threading.Event()
        if hurried:
            self.hurry()

    def ask_to_stop(self) -> None:
        """End before the next task, and what is left of a delay."""
        self.stopped = True
        self._awake.set()

    def hurry(self) -> None:
        """Leave out delays from now on."""
        self._awake.set()

    def missing(self) -> str | None:
        """Return None: nothing is needed."""
        return None

    def look(self) -> None:
        """Do nothing: a wish to stop needs nothing more."""

    def sweep(self) -> None:
        """Do nothing: nothing was started."""

    def play(self, step: StepRun) -> int | None:
        """Make the reports of the playbook of *step*."""
        return _Playing(step, self, self._outcomes).play()

    def pause(self, delay: float) -> None:
        """Let a task take *delay* seconds."""
        if delay:
            self._awake.wait(delay)


@attrs.define
class _Playing:
    """
    One playbook on its way.

    Attributes:
        lost: `failed` or `unreachable` by host.
        counts: By host, for the recap.
        shown: Hosts whose outcome a task had: it is shown once in a step.
        place: The play, for its events.
    """

    step: StepRun
    player: FakePlayer
    outcomes: Outcomes
    lost: dict[str, str] = attrs.field(factory=dict)
    counts: dict[str, dict[str, int]] = attrs.field(factory=dict)
    shown: set[str] = attrs.field(factory=set)
    place: dict[str, Any] = attrs.field(factory=dict)

    def play(self) -> int | None:
        order = self.step.order
        self.report("playbook_on_start")
        for planned, written in zip(order.spec.plays, read_plays(order.playbook), strict=True):
            hosts = [host for host in planned.hosts if host in order.step.hosts]
            lost_before = len(self.lost)
            self.play_one(planned, written, hosts)
            if self.player.stopped:
                return None
            if hosts and len(self.lost) - lost_before == len(hosts):
                break  # as Ansible does: the whole play failed
        self.finish()
        statuses = self.lost.values()
        return _UNREACHABLE_HOSTS if "unreachable" in statuses else _FAILED_HOSTS if statuses else 0

    def play_one(self, planned: Play, written: WrittenPlay, hosts: Sequence[str]) -> None:
        tasks = written.tasks
        outcomes = {host: self.outcome_of(host, tasks) for host in hosts}
        if not tasks and any(outcome is not USUAL for outcome in outcomes.values()):  # it takes a task to show them
            step = self.step.order.step
            tasks = (Task(f"{step.action.value} {step.component}", "debug", written.place),)
        gathering = Task(_GATHERING, "gather_facts", written.place)
        shown = (gathering, *tasks) if written.gathers and not self.step.order.spec.own else tasks
        self.step.observe({"proof": "play", "batches": [list(hosts)] if hosts else []})
        name = planned.name or planned.pattern
        self.place = {"play": name, "play_uuid": str(uuid.uuid4()), "play_pattern": planned.pattern}
        self.report("playbook_on_play_start", terminal.header(f"PLAY [{name}]"))
        if not hosts:
            self.report("playbook_on_no_hosts_matched", terminal.no_hosts_line())
            return
        self.step.observe({"proof": "began", "hosts": list(hosts), "tasks": len(tasks), "tagged": False})
        for task in shown:
            left = [host for host in hosts if host not in self.lost]
            if not left or self.player.stopped:
                break
            self.carry_out(task, tasks, {host: outcomes[host] for host in left})
        if not self.player.stopped:
            self.step.observe({"proof": "ended", "hosts": {host: self.state(host) for host in hosts}, **_WHOLE})

    def outcome_of(self, host: str, tasks: Sequence[Task]) -> Outcome:
        order = self.step.order
        return self.outcomes.of(order.run, order.step, host, frozenset(task.name for task in tasks))

    def carry_out(self, task: Task, tasks: Sequence[Task], outcomes: dict[str, Outcome]) -> None:
        data = self.data_of(task)
        title = f"{task.role} : {task.name}" if task.role else task.name
        self.report("playbook_on_task_start", terminal.header(f"TASK [{title}]"), data)
        meant = {
            host: outcome
            for host, outcome in outcomes.items()
            if host not in self.shown and self.is_meant(task, tasks, outcome)
        }
        self.shown.update(meant)
        began = time.monotonic()
        self.player.pause(max((outcome.delay for outcome in meant.values()), default=0.0))
        for outcome in meant.values():
            for line in outcome.output.splitlines(keepends=True):
                self.report("verbose", line.encode())
        if self.player.stopped:
            return
        for host, outcome in outcomes.items():
            status, result = self.result_of(task, host, outcome, meant=host in meant)
            self.count(host, status)
            self.report(
                _EVENTS[status],
                terminal.result_line(host, status, result),
                {
                    **data,
                    "host": host,
                    "duration": time.monotonic() - began,
                    **({} if status == "skipped" else {"res": result}),
                },
            )

    def data_of(self, task: Task) -> dict[str, Any]:
        known = "." in task.module or self.step.order.spec.own
        return {
            "task": task.name,
            "task_uuid": str(uuid.uuid4()),
            "task_action": task.module,
            "resolved_action": task.module if known else f"ansible.builtin.{task.module}",
            "task_path": task.place,
            **({"role": task.role} if task.role else {}),
        }

    def is_meant(self, task: Task, tasks: Sequence[Task], outcome: Outcome) -> bool:
        """Return whether *task* is the one that has status, delay, output and result of *outcome*."""
        if self.step.order.spec.own:
            return task is tasks[0]
        if outcome.task is not None:
            return task.name == outcome.task
        if outcome.status == "unreachable":
            return True  # the first task of all: no other is tried
        return bool(tasks) and task is tasks[0]

    def result_of(self, task: Task, host: str, outcome: Outcome, *, meant: bool) -> tuple[str, dict[str, Any]]:
        order = self.step.order
        if order.spec.own:
            return answer_of(outcome, order.spec, task.module, host)
        usual = "changed" if order.step.action.changes_hosts and task.name != _GATHERING else "ok"
        everywhere = outcome.good and outcome.task is None and task.name != _GATHERING
        status = (outcome.status if meant or everywhere else None) or usual
        result: dict[str, Any] = {"changed": status == "changed"}
        if status in {"failed", "unreachable"}:
            result["msg"] = outcome.message or f"{status}, as FakeAnsible was told"
        elif meant and outcome.message:
            result["msg"] = outcome.message
        if status == "unreachable":
            result["unreachable"] = True
        return status, {**result, **(outcome.result if meant else {})}

    def count(self, host: str, status: str) -> None:
        counts = self.counts.setdefault(host, dict.fromkeys(_WORDS, 0))
        counts[status] += 1
        if status == "changed":
            counts["ok"] += 1
        if status in {"failed", "unreachable"}:
            self.lost[host] = status

    def state(self, host: str) -> dict[str, Any]:
        """Return the state in which Ansible would leave *host*."""
        failed = self.lost.get(host) == "failed"
        unreachable = self.lost.get(host) == "unreachable"
        return {
            "run": "COMPLETE",
            "fail": int(failed),
            "block": 1,
            "blocks": 1,
            "unreachable": unreachable,
            "calls": [],
        }

    def finish(self) -> None:
        self.place = {}
        names = {"unreachable": "dark", "failed": "failures"}
        stats = {
            names.get(word, word): {host: counts[word] for host, counts in self.counts.items() if counts[word]}
            for word in _WORDS
        }
        self.report("playbook_on_stats", terminal.recap(self.counts), stats)

    def report(self, event: str, text: bytes = b"", data: dict[str, Any] | None = None) -> None:
        created = datetime.now(UTC).isoformat()
        self.step.observe(
            {"event": event, "text": text, "created": created, "event_data": {**self.place, **(data or {})}}
        )


_WHOLE = {"end_play": False, "not_reached": False}
"""What a play says of its end that came to it."""
