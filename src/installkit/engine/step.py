"""
A step: one playbook, carried out once.

What surrounds the playbook is here: the checks before it, what its reports become, and the verdict. The playbook itself
is carried out by a `Player`: ansible-playbook in a process of the step's own, or a fake in tests of other programs.

A step writes lines to a pipe that the supervisor reads. The first byte of a line is its kind: an event without `seq`, the
processes that finished tasks left running, or the outcome, which is the last line.
"""

import hashlib
import os
import select
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import attrs

from installkit.ansible.events import cut, draft_from_runner, facts_of, stats_of
from installkit.engine.check_results import CheckResults
from installkit.engine.evidence import Evidence
from installkit.engine.host_checks import HostCheckResults
from installkit.engine.outcome import About, broke_off, judge, judge_checks, not_started
from installkit.engine.recorder import DISK_WAS_FULL
from installkit.engine.redaction import Redactor
from installkit.errors import EngineError
from installkit.journal import LogWriter, append_facts, encode_event, wait
from installkit.model import (
    Action,
    EventKind,
    FailureCode,
    Ignored,
    Outcome,
    RunSpec,
    Stats,
    Step,
    StepSpec,
    time_to_wire,
    to_wire,
)
from installkit.text import join_names

EVENT, KEPT, OUTCOME = b"E", b"K", b"O"

_NAMES = {"host", "play_uuid", "task_uuid", "task_action", "resolved_action"}

_LOOK = 0.25
"""Seconds between two looks whether the step should stop, while the supervisor does not read."""


@attrs.frozen(kw_only=True)
class Order:
    """
    What the supervisor asks of a step.

    Attributes:
        playbook: Absolute.
        journal: The run's folder.
        scratch: The run's scratch folder.
        pipe: Descriptor to write to.
    """

    run: RunSpec
    step: Step
    spec: StepSpec
    playbook: Path
    journal: Path
    scratch: Path
    secrets: Mapping[str, str]
    pipe: int


class Player(Protocol):
    """Carries out the playbook of one step."""

    @property
    def stopped(self) -> bool:
        """Whether the step was asked to stop."""

    def missing(self) -> str | None:
        """Return why it can carry out no playbook at all; None if it can."""

    def play(self, step: "StepRun") -> int | None:
        """
        Carry out the playbook of *step*, which observes all reports, and return Ansible's exit status.

        Returns:
            None if it was ended before its end.
        """

    def look(self) -> None:
        """Do what a wish to stop asks for; called while the step waits for the disk or the supervisor."""

    def sweep(self) -> None:
        """End what an unfinished playbook left running."""


class StepRun:
    """
    One step on its way.

    Attributes:
        order: What is to be done.
    """

    def __init__(self, order: Order, player: Player) -> None:
        self.order = order
        self._player = player
        self._about = About(order.run.run, order.step, read_only=order.run.read_only)
        self._redactor = Redactor(order.secrets.values())
        self._evidence = Evidence(order.step.hosts, order.spec.plays, str(order.spec.folder))
        options = order.run.options
        self._findings: CheckResults | HostCheckResults | None = None
        if order.step.action is Action.CHECK:
            ignored = {
                name: Ignored(by=options.requested_by, reason=why) for name, why in options.ignore_checks.items()
            }
            own = order.spec.own
            folder = str(order.spec.folder)
            self._findings = HostCheckResults(ignored) if own else CheckResults(order.step.component, folder, ignored)
        self._log = LogWriter(order.journal, order.step.id, limit=options.log_limit, when_full=self._wait_for_space)
        self._cut_reported = False
        self._stats = Stats()
        os.set_blocking(order.pipe, False)

    def carry_out(self) -> None:
        """Carry out the step to its end, and hand its outcome up."""
        outcome = self._refused() or self._played()
        self._log.close()
        text = self._redactor.text
        failures = tuple(
            attrs.evolve(failure, summary=text(failure.summary), message=text(failure.message))
            for failure in outcome.failures
        )
        outcome = attrs.evolve(outcome, failures=failures, log_size=self._log.size, stats=self._stats)
        self.send(OUTCOME, encode_event(to_wire(outcome)))

    @property
    def idle(self) -> bool:
        """Whether no task is under way on any host."""
        return self._evidence.idle

    def _refused(self) -> Outcome | None:
        """Return the outcome if the step cannot start as planned."""
        if why := self._player.missing():
            return not_started(self._about, FailureCode.ANSIBLE_MISSING, why)
        missing = [name for name in self.order.spec.secrets if name not in self.order.secrets]
        if missing:
            return not_started(self._about, FailureCode.SECRET_MISSING, f"no value was given for {', '.join(missing)}")
        for name, planned in self.order.spec.files.items():
            path = Path(name)
            if not path.is_file():
                return not_started(self._about, FailureCode.PLAYBOOK_CHANGED, f"{path} is no longer there")
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != planned:
                edited = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                message = f"{path} was edited since it was planned"
                if edited >= self.order.run.created_at:
                    message = (
                        f"{path} was edited at {edited:%H:%M:%S} UTC, while the run was under way; if the run itself"
                        " writes it, let it write outside the catalog or below its folder .cache"
                    )
                return not_started(self._about, FailureCode.PLAYBOOK_CHANGED, message)
        return None

    def _played(self) -> Outcome:
        try:
            rc = self._player.play(self)
        except (EngineError, OSError) as exc:
            self._player.sweep()
            code = FailureCode.ANSIBLE_BROKE_OFF
            return broke_off(self._about, self._evidence, code, str(exc), stopped=self._player.stopped)
        if self._player.stopped or rc is None:
            self._player.sweep()
        stopped = self._player.stopped
        if self._findings is None:
            return judge(self._about, self._evidence, rc, stopped=stopped)
        checks = self._findings.checks(self.order.step.hosts, whole=self._evidence.whole)
        return judge_checks(self._about, self._evidence, checks, self._findings.places, rc, stopped=stopped)

    def observe(self, raw: dict[str, Any]) -> None:
        """Take in one report of the playbook, as `installkit.ansible.reports` describes them."""
        if "proof" in raw:
            self._on_proof(raw)
            return
        printed = self._redactor.text(raw["text"].decode(errors="surrogateescape")).encode(errors="surrogateescape")
        start = self._log.size
        self._log.append(printed)
        if self._log.waited:
            self._log.waited = False
            self.warn(DISK_WAS_FULL)
        if self._log.cut and not self._cut_reported:
            self._cut_reported = True
            limit = self.order.run.options.log_limit
            self.warn(f"the log of {self.order.step.id} is cut at its limit of {limit} bytes; the run goes on")
        try:
            self._hand_up_report(raw, printed, start)
        except OSError:
            raise
        except Exception as exc:  # noqa: BLE001 - a managed host may answer anything: only this event is lost
            message = self._redactor.text(f"this event could not be read: {type(exc).__name__}: {exc}")
            self._hand_up({"kind": EventKind.WARNING.value, "message": cut(message)}, {}, start)

    def _on_proof(self, report: dict[str, Any]) -> None:
        self._evidence.observe_proof(report)
        if report["proof"] == "made" and report["hosts"]:
            names = join_names(report["hosts"])
            self.warn(f"the playbook added {names} to its hosts: what it does there is not recorded")

    def _hand_up_report(self, raw: dict[str, Any], printed: bytes, start: int) -> None:
        """Hand up what Ansible reports, without secrets; names that others must match stay, and counts of hosts."""
        data = raw.get("event_data") or {}
        if raw.get("event") == "custom_stats":
            self._stats = stats_of({**data, "custom": self._redactor.data(data.get("custom"))})
            return
        if raw.get("event") != "playbook_on_stats":
            if self.order.run.options.keep_facts and not self.order.spec.own:
                self.keep_facts(raw)
            raw = {**raw, "event_data": self._without_secrets(data)}
        self._evidence.observe(raw, printed.decode(errors="replace"))
        if self._findings is not None:
            self._findings.observe(raw)
        draft = draft_from_runner(raw, str(self.order.spec.folder), diff=self.order.run.options.diff)
        if draft is not None and (
            self._log.size > start or len(draft) > 1
        ):  # it has more than its kind, or has printed something
            self._hand_up(draft, raw, start)

    def _without_secrets(self, data: Mapping[str, Any]) -> dict[str, Any]:
        names = {name: data[name] for name in _NAMES & data.keys()}
        return {**self._redactor.data(dict(data)), **names}

    def keep_facts(self, raw: Mapping[str, Any]) -> None:
        """Keep the facts in the report *raw*, if it has any; say if they are too large to be kept whole."""
        facts = facts_of({**raw, "event_data": self._without_secrets(raw.get("event_data") or {})})
        if facts is None:
            return
        order, time = self.order, datetime.fromisoformat(raw["created"])
        append_facts(order.journal, order.step.id, time, facts, self._wait_for_space)
        if facts.cut:
            self.warn(f"the facts of {facts.host} are too large to be kept whole")

    def say(self, message: str) -> None:
        """Hand up what is done beside the playbook."""
        self._hand_up({"kind": EventKind.OUTPUT.value, "message": message}, {}, self._log.size)

    def warn(self, message: str) -> None:
        """Hand up what somebody should know."""
        self._hand_up({"kind": EventKind.WARNING.value, "message": message}, {}, self._log.size)

    def _hand_up(self, draft: dict[str, Any], raw: Mapping[str, Any], start: int) -> None:
        event = {
            "time": time_to_wire(datetime.fromisoformat(raw["created"]) if "created" in raw else datetime.now(UTC)),
            "kind": draft.pop("kind"),
            "run": self.order.run.run,
            "step": self.order.step.id,
            **draft,
        }
        if self._log.size > start:
            event["log"] = {"start": start, "end": self._log.size}
        self.send(EVENT, encode_event(event))

    def _wait_for_space(self, error: OSError) -> None:
        """Wait while the disk is full; a wish to stop is still heard."""
        self._player.look()
        wait(error)

    def send(self, kind: bytes, body: bytes) -> None:
        """Hand a line up; while the supervisor waits for space, a wish to stop is still heard."""
        pipe, rest = self.order.pipe, memoryview(kind + body + b"\n")
        while rest:
            try:
                rest = rest[os.write(pipe, rest) :]
            except BlockingIOError:
                self._player.look()
                select.select([], [pipe], [], _LOOK)
