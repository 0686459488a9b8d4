"""Carries out the playbook of a step with ansible-playbook, in a step process."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from installkit.ansible.environment import caller_environment, gathers_by_default, run_settings, silence
from installkit.ansible.password_files import write_passwords
from installkit.ansible.programs import find_program
from installkit.ansible.reports import Reports
from installkit.ansible.runner import Invocation, Playbook, reporting
from installkit.ansible.scratch import place_playbook
from installkit.ansible.variables import write_variables
from installkit.engine.facts import facts_wanted, gather_facts
from installkit.engine.step import KEPT, Order, StepRun
from installkit.errors import EngineError
from installkit.journal import encode_event
from installkit.model import Action, is_password, on_hosts
from installkit.processes import Process, children, end_children

GRACE = 10.0
"""Seconds that ansible-playbook gets to end by itself after SIGTERM."""


class AnsiblePlayer:
    """The `Player` of real runs, in the only thread of the step's own process."""

    def __init__(self, umask: int) -> None:
        """
        Prepare to play.

        Args:
            umask: For ansible-playbook.
        """
        self._umask = umask
        self._stop_requested_at: float | None = None
        self._kept: frozenset[Process] = frozenset()
        self._unread: tuple[Path, ...] = ()  # files with secrets that Ansible has not read yet
        self._terminated = False
        self._playbook: Playbook | None = None

    def ask_to_stop(self, *_: object) -> None:
        """Remember that the step shall stop; it is a signal's handler."""
        if self._stop_requested_at is None:
            self._stop_requested_at = time.monotonic()

    @property
    def stopped(self) -> bool:
        """Whether the step was asked to stop."""
        return self._stop_requested_at is not None

    def missing(self) -> str | None:
        """Return why there is no ansible-playbook; None if there is one."""
        try:
            find_program("ansible-playbook")
        except EngineError as exc:
            return str(exc)
        return None

    def play(self, step: StepRun) -> int | None:
        """Run ansible-playbook for *step* and return its exit status; None if a signal killed it."""
        order, options = step.order, step.order.run.options
        planned, spec = order.step, order.spec
        scratch = order.scratch / planned.id
        scratch.mkdir(mode=0o700)
        environment = caller_environment(os.environ)
        facts = order.scratch / "facts" if spec.facts != "fresh" else None
        environment |= run_settings(
            spec.folder,
            environment,
            hosts=len(planned.hosts),
            facts=facts,
            tags=spec.tags,
            skip_tags=spec.skip_tags,
            sockets=order.scratch / "ssh",
        )
        if spec.secrets or any(is_password(name) for name in order.secrets):
            silencing, switched_off = silence(spec.folder, environment)
            for line in switched_off:
                step.warn(f"{line}, since {planned.id} has secrets: they would stand there in clear")
            environment |= silencing
        command = self._command(order, scratch)
        if environment.get("ANSIBLE_CACHE_PLUGIN_CONNECTION") == str(facts):
            self._gather_facts(step, command, scratch, environment)
        if planned.limited:
            (scratch / "limit").write_text("".join(f"{host}\n" for host in planned.hosts))
        choices = {
            f"--limit=@{scratch / 'limit'}": planned.limited,
            f"--tags={','.join(spec.tags)}": spec.tags,
            f"--skip-tags={','.join(spec.skip_tags)}": spec.skip_tags,
            "--check": options.check_mode and planned.action is not Action.CHECK,  # which only reads, and must read all
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
            umask=self._umask,
            allowed=frozenset(planned.hosts).union(*(play.hosts for play in spec.plays)),
            keep_facts=options.keep_facts and not spec.own,
        )
        self._playbook = Playbook(invocation, lambda raw: self._on_event(step, raw), self._should_end)
        return self._playbook.run()

    def look(self) -> None:
        """Pass a wish to stop on to ansible-playbook, while the step waits for somebody else."""
        self._should_end()

    def sweep(self) -> None:
        """End what the unfinished tasks started; what finished tasks left running stays."""
        end_children(self._kept)

    def _on_event(self, step: StepRun, raw: dict[str, Any]) -> None:
        if raw.get("proof") == "loaded":  # Ansible has read variables and passwords
            for path in self._unread:
                path.unlink()
            self._unread = ()
        step.observe(raw)
        if "proof" not in raw and step.idle:  # what finished tasks left running is the product: no sweep may end it
            playbook = self._playbook.pid if self._playbook else None
            kept = frozenset(process for process in children() if process.pid != playbook)
            if not kept <= self._kept:
                self._kept |= kept
                step.send(KEPT, encode_event({str(process.pid): process.started for process in self._kept}))

    def _gather_facts(self, step: StepRun, command: list[str], scratch: Path, environment: dict[str, str]) -> None:
        """Gather, once in a run, the facts that the playbook may read of hosts beyond the step, and report it."""
        order = step.order
        by_default = gathers_by_default(order.spec.folder, environment)
        hosts = facts_wanted(order.run, order.step, order.spec, by_default=by_default)
        done = order.scratch / f"facts-of-{'all' if order.spec.facts == 'all' else 'plan'}"
        if not hosts or done.exists():
            return
        done.touch()
        where = " on all hosts" if order.spec.facts == "all" else f"{on_hosts(hosts)}, which the plan also concerns"
        step.say(f"first gathering facts{where}: the playbook may read them")
        keep = order.run.options.keep_facts
        reports = Reports.begin(scratch / "gathering", None, keep_facts=True) if keep else None
        reported = {**environment, **reporting(environment, scratch / "gathering")} if keep else environment
        gather_facts(hosts, command, order.spec.folder, scratch, reported, should_end=lambda: self.stopped)
        if reports is not None:
            for report in reports.rest():
                step.keep_facts(report)
            reports.close()

    def _command(self, order: Order, scratch: Path) -> list[str]:
        """Return ansible-playbook with its inventory, variables, passwords and the options of the connection."""
        spec, secrets, options = order.spec, order.secrets, order.run.options
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

    def _should_end(self) -> bool:
        """Pass a wish to stop on to ansible-playbook; return whether its time to end is over."""
        requested_at = self._stop_requested_at
        pid = self._playbook.pid if self._playbook else None
        if requested_at is None or pid is None:
            return False
        if not self._terminated:
            self._terminated = True
            os.kill(pid, signal.SIGTERM)  # ansible passes it on to its workers; runner's own SIGKILL would not
        return time.monotonic() - requested_at > GRACE
