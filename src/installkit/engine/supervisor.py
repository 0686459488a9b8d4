"""
The supervisor: one per run, single-threaded, nobody's child.

It walks the plan's graph, forks a process for each step, and alone writes the run's events. It never opens the
database, and takes orders only through files in the run's folder.
"""

import functools
import gc
import json
import os
import selectors
import signal
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import attrs

from installkit.ansible.environment import adjustments
from installkit.ansible.scratch import make_scratch, remove_scratch
from installkit.engine import step as step_process
from installkit.engine.recorder import Recorder
from installkit.engine.schedule import done_before, doomed_steps, ready_steps
from installkit.engine.settle import unseen_end
from installkit.errors import StoreError
from installkit.journal import CancelRequest, Journal, read_approval, read_cancel, wait
from installkit.model import HostStatus, Outcome, RunSpec, RunStatus, Step, StepSpec, StepStatus, from_wire
from installkit.processes import Process, become_subreaper, end_children

T = TypeVar("T")

TICK = 0.2
"""Seconds between two looks at requests and clocks."""

WAITING_TICK = 1.0
"""The same while nothing is under way: an approval may take a night."""

SYNC = 1.0
"""Seconds between two syncs of the events."""

KILL_AFTER = step_process.GRACE + 5.0
"""Seconds after which a step process that was asked to stop is killed."""

TEARDOWN = 1.5
"""Seconds that processes of a dead step process get to end by themselves."""


def main(arguments: Sequence[str]) -> None:
    """Carry out the run whose folder and secrets' descriptor are *arguments*."""
    umask = os.umask(0o077)
    run = Path(arguments[0])
    with open(int(arguments[1]), "rb") as pipe:  # noqa: PTH123 - a descriptor
        secrets = json.loads(pipe.read())
    become_subreaper()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    Supervisor(run, secrets, umask).carry_out()


@attrs.define
class _LiveStep:
    """
    A step under way.

    Attributes:
        stop: The status of the step if it ends because we stopped it; None as long as we did not.
    """

    step: Step
    spec: StepSpec
    pid: int
    pipe: int
    began: float
    buffer: bytes = b""
    outcome: Outcome | None = None
    kept: frozenset[Process] = frozenset()
    stop: StepStatus | None = None
    stopped_at: float = 0.0
    warned: bool = False

    def ask_to_stop(self, becomes: StepStatus) -> None:
        if self.stop is None:
            self.stop, self.stopped_at = becomes, time.monotonic()
            os.kill(self.pid, signal.SIGTERM)  # our child, not yet waited for: nobody else has its number

    def kill_if_late(self) -> None:
        if self.stop is not None and time.monotonic() - self.stopped_at > KILL_AFTER:
            os.kill(self.pid, signal.SIGKILL)


class Supervisor:
    """Carries out one run."""

    def __init__(self, run: Path, secrets: Mapping[str, str], umask: int) -> None:
        """
        Take up the run; this process already holds its locks.

        Args:
            run: Its folder.
            secrets: Value by parameter name.
            umask: The caller's, for ansible-playbook.
        """
        self._run = run
        self._secrets = secrets
        self._umask = umask
        self._spec: RunSpec = Journal(run).spec()
        self._specs = {spec.step: spec for spec in self._spec.steps}
        self._recorder = Recorder(run, self._spec, self._wait_for_space)
        self._live: dict[int, _LiveStep] = {}
        self._selector = selectors.DefaultSelector()
        self._began = self._synced = time.monotonic()  # _began moves on while the run only waits for people
        self._waiting: list[Step] = []  # for an approval
        self._kept: frozenset[Process] = frozenset()  # processes that finished tasks left running
        self._cancel: CancelRequest | None = None
        self._unreadable: set[str] = set()  # errors of requests that were warned of
        self._stopping: StepStatus | None = None

    def carry_out(self) -> None:
        """Carry out the run to its end and write its result."""
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(reader, selectors.EVENT_READ)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: self._stop_all(StepStatus.INTERRUPTED))
        scratch = make_scratch(self._run)
        try:
            self._recorder.run_started()
            for step in self._spec.plan.steps:
                if reason := self._specs[step.id].skipped:  # the steps that need it start all the same
                    self._recorder.step_skipped(step, reason)
            checks = self._spec.options.checks
            if isinstance(checks, str) and any(step.own and not step.skipped for step in self._spec.steps):
                self._recorder.warning(f"the checks of run {checks} do not count here: the hosts are checked again")
            # what the steps do without, of the caller's environment and of their ansible.cfg, a sentence for each
            folders = dict.fromkeys(spec.folder for spec in self._spec.steps if spec.playbook is not None)
            for line in dict.fromkeys(line for folder in folders for line in adjustments(folder, os.environ)):
                self._recorder.warning(line)
            gc.freeze()
            while self._start_ready(scratch):
                self._wait(scratch)
            status, reason = self._verdict()
        finally:
            remove_scratch(scratch)
        self._recorder.finish(status, reason)

    def _start_ready(self, scratch: Path) -> bool:
        """Start what may start; return whether any step is under way or waits for an approval."""
        for step in doomed_steps(self._spec, self._recorder.statuses):
            self._recorder.step_skipped(step, "a step that it needs did not succeed")
        while self._stopping is None and (ready := ready_steps(self._spec, self._recorder.statuses)):
            step = ready[0]
            if step.approve and not self._spec.options.check_mode:  # which leaves nothing to approve of
                self._recorder.approval_requested(step, done_before(step, self._spec.plan.steps))
                self._waiting.append(step)
            else:
                self._start(step, scratch)
        return bool(self._live) or (self._stopping is None and bool(self._waiting))

    def _start(self, step: Step, scratch: Path) -> None:
        self._recorder.step_started(step)
        playbook = self._specs[step.id].playbook
        if playbook is None:
            done = Outcome(status=StepStatus.SUCCEEDED, host_statuses=dict.fromkeys(step.hosts, HostStatus.OK))
            self._recorder.step_finished(step, done)
            return
        reader, writer = os.pipe()
        order = step_process.Order(
            run=self._spec,
            step=step,
            spec=self._specs[step.id],
            playbook=playbook,
            journal=self._run,
            scratch=scratch,
            secrets=self._secrets,
            pipe=writer,
            umask=self._umask,
        )
        supervisor = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become_step(order, supervisor)
        os.close(writer)
        self._live[reader] = _LiveStep(step, self._specs[step.id], pid, reader, time.monotonic())
        self._selector.register(reader, selectors.EVENT_READ)

    def _wait(self, scratch: Path) -> None:
        """Wait for a line of a step or for the next tick; then look at requests and clocks."""
        idle_since = None if self._live else time.monotonic()
        for key, _ in self._selector.select(TICK if self._live else WAITING_TICK):
            if key.fd in self._live:
                self._read(self._live[key.fd])
            else:
                os.read(key.fd, 64)
        if idle_since is not None:
            self._began += time.monotonic() - idle_since
        self._look_at_requests(scratch)
        now = time.monotonic()
        self._stop_what_is_late(now)
        for live in self._live.values():
            limit = live.spec.soft_timeout
            if limit is not None and now - live.began > limit and not live.warned:
                live.warned = True
                self._recorder.warning(f"{live.step.id} has taken longer than {limit:g} s", live.step.id)
        if now - self._synced > SYNC:
            self._recorder.sync()
            self._synced = now

    def _read(self, live: _LiveStep) -> None:
        """Take in what a step process wrote; the end of its pipe is its end."""
        data = os.read(live.pipe, 1 << 16)
        if not data:
            self._end(live)
            return
        *lines, live.buffer = (live.buffer + data).split(b"\n")
        for line in lines:
            kind, body = line[:1], line[1:]
            if kind == step_process.EVENT:
                self._recorder.append(body)
            elif kind == step_process.KEPT:
                live.kept = frozenset(Process(int(pid), started) for pid, started in json.loads(body).items())
            else:
                live.outcome = from_wire(Outcome, json.loads(body))

    def _end(self, live: _LiveStep) -> None:
        """Record how a step ended, after removing what its process left if it died without an outcome."""
        del self._live[live.pipe]
        self._selector.unregister(live.pipe)
        os.close(live.pipe)
        os.waitpid(live.pid, 0)
        self._kept |= live.kept
        outcome, stopped = live.outcome, live.stop or StepStatus.INTERRUPTED
        if outcome is None:  # the kernel has sent SIGTERM to its ansible-playbook
            end_children(self._kept, spare=[other.pid for other in self._live.values()], patience=TEARDOWN)
            outcome = unseen_end(Journal(self._run), live.step.id, stopped)
        elif outcome.stopped:
            outcome = attrs.evolve(outcome, status=stopped)
        message = outcome.failures[0].summary if outcome.failures else None
        self._recorder.step_finished(live.step, outcome, message)

    def _look_at_requests(self, scratch: Path) -> None:
        cancel = self._request("cancel", functools.partial(read_cancel, self._run))
        if cancel is not None and cancel != self._cancel:
            self._cancel = cancel
            self._recorder.cancel_requested(cancel.by, now=cancel.now)
            self._stopping = self._stopping or StepStatus.CANCELED
            if cancel.now:
                self._stop_all(StepStatus.CANCELED)
        for step in tuple(self._waiting):
            approval = self._request("approve", functools.partial(read_approval, self._run, step.id))
            if approval is None or self._stopping is not None:
                continue
            self._waiting.remove(step)
            self._recorder.approved(step, approval.by)
            if self._stopping is None:  # a full disk may have kept the approval from being recorded until now
                self._start(step, scratch)

    def _request(self, what: str, read: Callable[[], T | None]) -> T | None:
        """Return the request, or None; one that cannot be read, such as a newer installkit's, is only warned of once."""
        try:
            return read()
        except StoreError as exc:
            if str(exc) not in self._unreadable:
                self._unreadable.add(str(exc))
                self._recorder.warning(f"a request to {what} is passed over: {exc}")
            return None

    def _stop_what_is_late(self, now: float) -> None:
        timeout = self._spec.options.timeout
        if timeout is not None and now - self._began > timeout:
            self._stop_all(StepStatus.TIMED_OUT)
        for live in self._live.values():
            if live.spec.timeout is not None and now - live.began > live.spec.timeout:
                live.ask_to_stop(StepStatus.TIMED_OUT)
            live.kill_if_late()

    def _wait_for_space(self, error: OSError) -> None:
        """Wait while the disk is full; requests and timeouts still stop steps, and are recorded once there is space."""
        with suppress(StoreError):  # recorded then, too
            cancel = read_cancel(self._run)
            if cancel is not None and cancel.now:
                self._stop_all(StepStatus.CANCELED)
        self._stop_what_is_late(time.monotonic())
        wait(error)

    def _stop_all(self, becomes: StepStatus) -> None:
        self._stopping = becomes
        for live in self._live.values():
            live.ask_to_stop(becomes)

    def _verdict(self) -> tuple[RunStatus, str | None]:
        """Return how the run ended, and why; steps that were kept from starting are skipped."""
        statuses = set(self._recorder.statuses.values())
        for step in self._spec.plan.steps:
            if self._recorder.statuses[step.id].ahead:
                statuses.add(self._stopping or StepStatus.INTERRUPTED)
                self._recorder.step_skipped(step, "the run was stopped before")
        worst_first = (StepStatus.INTERRUPTED, StepStatus.TIMED_OUT, StepStatus.CANCELED, StepStatus.FAILED)
        end = next((status for status in worst_first if status in statuses), None)
        if end is None:
            return RunStatus.SUCCEEDED, None
        steps = ", ".join(step for step, status in self._recorder.statuses.items() if status is end)
        if end is StepStatus.CANCELED and self._cancel is not None:
            reason = f"by {self._cancel.by}{f': {steps}' if steps else ''}"
        elif end is StepStatus.INTERRUPTED:
            reason = f"nobody can vouch for the end of {steps or 'the run'}"
        else:
            reason = steps or "the run as a whole"
        return RunStatus(end), reason


def _become_step(order: step_process.Order, supervisor: int) -> None:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        step_process.carry_out(order, supervisor)
        status = 0
    except BaseException:  # noqa: BLE001 - nothing of the supervisor may run on in its copy
        traceback.print_exc()
    finally:
        os._exit(status)
