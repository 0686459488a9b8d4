"""
The step process: one playbook, carried out once.

It is forked by the supervisor and single-threaded. It writes lines to a pipe that the supervisor reads. The first byte
of a line is its kind: an event without `seq`, the processes that finished tasks left running, or the outcome, which is
the last line.
"""

import hashlib
import os
import select
import signal
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs

from installkit.ansible.environment import caller_environment, gathers_by_default, run_settings, silence
from installkit.ansible.events import cut, draft_from_runner
from installkit.ansible.password_files import write_passwords
from installkit.ansible.programs import find_program
from installkit.ansible.runner import POLL, Invocation, Playbook
from installkit.ansible.scratch import place_playbook
from installkit.ansible.variables import write_variables
from installkit.engine.check_results import CheckResults
from installkit.engine.evidence import Evidence
from installkit.engine.facts import facts_wanted, gather_facts
from installkit.engine.host_checks import HostCheckResults
from installkit.engine.outcome import About, broke_off, judge, judge_checks, not_started
from installkit.engine.recorder import DISK_WAS_FULL
from installkit.engine.redaction import Redactor
from installkit.errors import EngineError
from installkit.journal import LogWriter, encode_event, wait
from installkit.model import (
    Action,
    EventKind,
    FailureCode,
    Ignored,
    Outcome,
    RunSpec,
    Step,
    StepSpec,
    is_password,
    on_hosts,
    time_to_wire,
    to_wire,
)
from installkit.processes import Process, become_subreaper, children, die_with_parent, end_children
from installkit.text import join_names

EVENT, KEPT, OUTCOME = b"E", b"K", b"O"

_NAMES = {"host", "play_uuid", "task_uuid", "task_action", "resolved_action"}

GRACE = 10.0
"""Seconds that ansible-playbook gets to end by itself after SIGTERM."""


@attrs.frozen(kw_only=True)
class Order:
    """
    What the supervisor asks of a step process.

    Attributes:
        playbook: Absolute.
        journal: The run's folder.
        scratch: The run's scratch folder.
        pipe: Descriptor to write to.
        umask: The caller's.
    """

    run: RunSpec
    step: Step
    spec: StepSpec
    playbook: Path
    journal: Path
    scratch: Path
    secrets: Mapping[str, str]
    pipe: int
    umask: int


def carry_out(order: Order, parent: int) -> None:
    """Carry out *order* in this process, which was just forked by *parent* for nothing else."""
    stop = _Stop()
    signal.signal(signal.SIGTERM, stop.request)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    become_subreaper()
    die_with_parent(parent)
    os.set_blocking(order.pipe, False)
    step = _StepRun(order, stop)
    step.send(OUTCOME, encode_event(to_wire(step.run())))


class _Stop:
    """Remembers whether the step shall stop, and when that was requested."""

    def __init__(self) -> None:
        self.requested_at: float | None = None

    def request(self, *_: object) -> None:
        if self.requested_at is None:
            self.requested_at = time.monotonic()


class _StepRun:
    def __init__(self, order: Order, stop: _Stop) -> None:
        self._order = order
        self._stop = stop
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
        self._kept: frozenset[Process] = frozenset()
        self._unread: tuple[Path, ...] = ()  # files with secrets that Ansible has not read yet
        self._terminated = False
        self._playbook: Playbook | None = None

    def run(self) -> Outcome:
        outcome = self._refused() or self._carry_out()
        self._log.close()
        text = self._redactor.text
        failures = tuple(
            attrs.evolve(failure, summary=text(failure.summary), message=text(failure.message))
            for failure in outcome.failures
        )
        return attrs.evolve(outcome, failures=failures, log_size=self._log.size)

    def _refused(self) -> Outcome | None:
        """Return the outcome if the step cannot start as planned."""
        try:
            find_program("ansible-playbook")
        except EngineError as exc:
            return not_started(self._about, FailureCode.ANSIBLE_MISSING, str(exc))
        missing = [name for name in self._order.spec.secrets if name not in self._order.secrets]
        if missing:
            return not_started(self._about, FailureCode.SECRET_MISSING, f"no value was given for {', '.join(missing)}")
        for name, planned in self._order.spec.files.items():
            path = Path(name)
            if not path.is_file():
                return not_started(self._about, FailureCode.PLAYBOOK_CHANGED, f"{path} is no longer there")
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            if digest != planned:
                edited = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                message = f"{path} was edited since it was planned"
                if edited >= self._order.run.created_at:
                    message = (
                        f"{path} was edited at {edited:%H:%M:%S} UTC, while the run was under way; if the run itself"
                        " writes it, let it write outside the catalog or below its folder .cache"
                    )
                return not_started(self._about, FailureCode.PLAYBOOK_CHANGED, message)
        return None

    def _carry_out(self) -> Outcome:
        try:
            rc = self._run_playbook()
        except (EngineError, OSError) as exc:
            self._sweep()
            code = FailureCode.ANSIBLE_BROKE_OFF
            return broke_off(self._about, self._evidence, code, str(exc), stopped=self._stopped)
        if self._stopped or rc is None:
            self._sweep()
        if self._findings is None:
            return judge(self._about, self._evidence, rc, stopped=self._stopped)
        checks = self._findings.checks(self._order.step.hosts, whole=self._evidence.whole)
        return judge_checks(self._about, self._evidence, checks, self._findings.places, rc, stopped=self._stopped)

    @property
    def _stopped(self) -> bool:
        return self._stop.requested_at is not None

    def _run_playbook(self) -> int | None:
        order, step, spec, options = self._order, self._order.step, self._order.spec, self._order.run.options
        scratch = order.scratch / step.id
        scratch.mkdir(mode=0o700)
        environment = caller_environment(os.environ)
        facts = order.scratch / "facts" if spec.facts != "fresh" else None
        environment |= run_settings(
            spec.folder,
            environment,
            hosts=len(step.hosts),
            facts=facts,
            tags=spec.tags,
            skip_tags=spec.skip_tags,
            sockets=order.scratch / "ssh",
        )
        if spec.secrets or any(is_password(name) for name in order.secrets):
            silencing, switched_off = silence(spec.folder, environment)
            for line in switched_off:
                self._warn(f"{line}, since {step.id} has secrets: they would stand there in clear")
            environment |= silencing
        command = self._command(scratch)
        if environment.get("ANSIBLE_CACHE_PLUGIN_CONNECTION") == str(facts):
            self._gather_facts(command, scratch, environment)
        if step.limited:
            (scratch / "limit").write_text("".join(f"{host}\n" for host in step.hosts))
        choices = {
            f"--limit=@{scratch / 'limit'}": step.limited,
            f"--tags={','.join(spec.tags)}": spec.tags,
            f"--skip-tags={','.join(spec.skip_tags)}": spec.skip_tags,
            "--check": options.check_mode and step.action is not Action.CHECK,  # which only reads, and must read all
            "--diff": options.diff,
            f"-{'v' * options.verbosity}": options.verbosity,
        }
        arguments = [option for option, given in choices.items() if given]
        playbook = place_playbook(order.playbook, spec.folder, scratch) if spec.own else order.playbook
        invocation = Invocation(
            command=[*command, *arguments, "--", os.path.relpath(playbook, spec.folder)],
            folder=spec.folder,
            scratch=scratch / "runner",
            environment=environment,
            umask=order.umask,
            allowed=frozenset(step.hosts).union(*(play.hosts for play in spec.plays)),
        )
        self._playbook = Playbook(invocation, self._on_event, self._should_end)
        return self._playbook.run()

    def _gather_facts(self, command: list[str], scratch: Path, environment: dict[str, str]) -> None:
        """Gather, once in a run, the facts that the playbook may read of hosts beyond the step, and report it."""
        order = self._order
        by_default = gathers_by_default(order.spec.folder, environment)
        hosts = facts_wanted(order.run, order.step, order.spec, by_default=by_default)
        done = order.scratch / f"facts-of-{'all' if order.spec.facts == 'all' else 'plan'}"
        if not hosts or done.exists():
            return
        done.touch()
        where = " on all hosts" if order.spec.facts == "all" else f"{on_hosts(hosts)}, which the plan also concerns"
        message = f"first gathering facts{where}: the playbook may read them"
        self._hand_up({"kind": EventKind.OUTPUT.value, "message": message}, {}, self._log.size)
        gather_facts(hosts, command, order.spec.folder, scratch, environment, should_end=lambda: self._stopped)

    def _command(self, scratch: Path) -> list[str]:
        """Return ansible-playbook with its inventory, variables, passwords and the options of the connection."""
        spec, secrets, options = self._order.spec, self._order.secrets, self._order.run.options
        variables, passwords = write_variables(scratch, spec, secrets), write_passwords(scratch, secrets)
        self._unread = (variables.extra, *passwords.paths)
        sources = [variables.defaults, *spec.sources, variables.host_variables]
        inventory = [part for path in sources if path is not None for part in ("-i", str(path))]
        choices = {
            f"--user={options.user}": options.user,
            f"--private-key={options.private_key}": options.private_key,
            "--become": options.become,
        }
        connection = [option for option, given in choices.items() if given]
        program = find_program("ansible-playbook")
        return [str(program), *inventory, "-e", f"@{variables.extra}", *passwords.options, *connection]

    def _on_event(self, raw: dict[str, Any]) -> None:
        if "proof" in raw:
            self._on_proof(raw)
            return
        printed = self._redactor.text(raw["text"].decode(errors="surrogateescape")).encode(errors="surrogateescape")
        start = self._log.size
        self._log.append(printed)
        if self._log.waited:
            self._log.waited = False
            self._warn(DISK_WAS_FULL)
        if self._log.cut and not self._cut_reported:
            self._cut_reported = True
            limit = self._order.run.options.log_limit
            self._warn(f"the log of {self._order.step.id} is cut at its limit of {limit} bytes; the run goes on")
        try:
            self._hand_up_report(raw, printed, start)
        except OSError:
            raise
        except Exception as exc:  # noqa: BLE001 - a managed host may answer anything: only this event is lost
            message = self._redactor.text(f"this event could not be read: {type(exc).__name__}: {exc}")
            self._hand_up({"kind": EventKind.WARNING.value, "message": cut(message)}, {}, start)
        if self._evidence.idle:  # what finished tasks left running is the product: no sweep may end it
            playbook = self._playbook.pid if self._playbook else None
            kept = frozenset(process for process in children() if process.pid != playbook)
            if not kept <= self._kept:
                self._kept |= kept
                self.send(KEPT, encode_event({str(process.pid): process.started for process in self._kept}))

    def _on_proof(self, report: dict[str, Any]) -> None:
        if report["proof"] == "loaded":  # Ansible has read variables and passwords
            for path in self._unread:
                path.unlink()
            self._unread = ()
        self._evidence.observe_proof(report)
        if report["proof"] == "made" and report["hosts"]:
            names = join_names(report["hosts"])
            self._warn(f"the playbook added {names} to its hosts: what it does there is not recorded")

    def _hand_up_report(self, raw: dict[str, Any], printed: bytes, start: int) -> None:
        """Hand up what Ansible reports, without secrets; names that others must match stay, and counts of hosts."""
        if raw.get("event") != "playbook_on_stats":
            data = raw.get("event_data") or {}
            names = {name: data[name] for name in _NAMES & data.keys()}
            raw = {**raw, "event_data": {**self._redactor.data(data), **names}}
        self._evidence.observe(raw, printed.decode(errors="replace"))
        if self._findings is not None:
            self._findings.observe(raw)
        draft = draft_from_runner(raw, str(self._order.spec.folder), diff=self._order.run.options.diff)
        if draft is not None and (
            self._log.size > start or len(draft) > 1
        ):  # it has more than its kind, or has printed something
            self._hand_up(draft, raw, start)

    def _warn(self, message: str) -> None:
        self._hand_up({"kind": EventKind.WARNING.value, "message": message}, {}, self._log.size)

    def _hand_up(self, draft: dict[str, Any], raw: Mapping[str, Any], start: int) -> None:
        event = {
            "time": time_to_wire(datetime.fromisoformat(raw["created"]) if "created" in raw else datetime.now(UTC)),
            "kind": draft.pop("kind"),
            "run": self._order.run.run,
            "step": self._order.step.id,
            **draft,
        }
        if self._log.size > start:
            event["log"] = {"start": start, "end": self._log.size}
        self.send(EVENT, encode_event(event))

    def _should_end(self) -> bool:
        """Pass a wish to stop on to ansible-playbook; return whether its time to end is over."""
        requested_at = self._stop.requested_at
        pid = self._playbook.pid if self._playbook else None
        if requested_at is None or pid is None:
            return False
        if not self._terminated:
            self._terminated = True
            os.kill(pid, signal.SIGTERM)  # ansible passes it on to its workers; runner's own SIGKILL would not
        return time.monotonic() - requested_at > GRACE

    def _wait_for_space(self, error: OSError) -> None:
        """Wait while the disk is full; a wish to stop still reaches ansible-playbook."""
        self._should_end()
        wait(error)

    def send(self, kind: bytes, body: bytes) -> None:
        """Hand a line up; while the supervisor waits for space, a wish to stop still reaches ansible-playbook."""
        pipe, rest = self._order.pipe, memoryview(kind + body + b"\n")
        while rest:
            try:
                rest = rest[os.write(pipe, rest) :]
            except BlockingIOError:
                self._should_end()
                select.select([], [pipe], [], POLL)

    def _sweep(self) -> None:
        end_children(self._kept)
