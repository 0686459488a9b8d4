"""
The supervisor: one per run, single-threaded.

It walks the plan's graph, has a worker carry out each step, and alone writes the run's events. It never opens the
database, and takes orders only through files in the run's folder.
"""

import functools
import json
import os
import selectors
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

import attrs

from installkit.ansible.environment import adjustments
from installkit.ansible.scratch import make_scratch, remove_scratch
from installkit.engine.recorder import Recorder
from installkit.engine.schedule import done_before, doomed_steps, ready_steps
from installkit.engine.settle import unseen_end
from installkit.engine.step import EVENT, KEPT, Order
from installkit.errors import StoreError
from installkit.journal import CancelRequest, Journal, read_approval, read_cancel, wait
from installkit.model import HostStatus, Outcome, RunSpec, RunStatus, Step, StepSpec, StepStatus, from_wire
from installkit.processes import Process

T = TypeVar("T")

TICK = 0.2
"""Seconds between two looks at requests and clocks."""

WAITING_TICK = 1.0
"""The same while nothing is under way: an approval may take a night."""

SYNC = 1.0
"""Seconds between two syncs of the events."""

KILL_AFTER = 15.0
"""Seconds after which a worker that was asked to stop is killed; ansible-playbook gets less than that to end by itself."""


class Worker(Protocol):
    """Carries out one step beside the supervisor, and writes to the pipe of its order, whose end is its end."""

    def ask_to_stop(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it at once."""

    def join(self) -> None:
        """Wait until it has ended; its pipe has."""


class Workers(Protocol):
    """How the steps of a run are carried out: each by a process, or by a thread."""

    def start(self, order: Order) -> Worker:
        """Start to carry out *order*; its pipe is the worker's from now on."""

    def sweep(self, kept: frozenset[Process]) -> None:
        """End what a worker left running that died without an outcome, but not what is *kept*."""


@attrs.define
class _LiveStep:
    """
    A step under way.

    Attributes:
        stop: The status of the step if it ends because we stopped it; None as long as we did not.
    """

    step: Step
    spec: StepSpec
    worker: Worker
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
            self.worker.ask_to_stop()

    def kill_if_late(self) -> None:
        if self.stop is not None and time.monotonic() - self.stopped_at > KILL_AFTER:
            self.worker.kill()


class Supervisor:
    """
    Carries out one run.

    Attributes:
        only_waits: Whether nothing is under way, and nothing can start before somebody approves of it.
    """

    def __init__(
        self,
        run: Path,
        secrets: Mapping[str, str],
        workers: Workers,
        *,
        tick: float = TICK,
        waiting_tick: float = WAITING_TICK,
    ) -> None:
        """
        Take up the run; this process already holds its locks.

        Args:
            run: Its folder.
            secrets: Value by parameter name.
            workers: How steps are carried out.
            tick: Seconds between two looks at requests and clocks.
            waiting_tick: The same while nothing is under way.
        """
        self._run = run
        self._secrets = secrets
        self._workers = workers
        self._tick = tick
        self._waiting_tick = waiting_tick
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
        self.only_waits = False

    def wake_on(self, descriptor: int) -> None:
        """Look at requests and clocks also whenever *descriptor* can be read."""
        self._selector.register(descriptor, selectors.EVENT_READ)

    def carry_out(self) -> None:
        """Carry out the run to its end and write its result."""
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
            while self._start_ready(scratch):
                self._wait(scratch)
            status, reason = self._verdict()
        finally:
            remove_scratch(scratch)
            self._selector.close()
            for pipe in self._live:  # of workers that are left, since this supervisor breaks off
                os.close(pipe)
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
        order = Order(
            run=self._spec,
            step=step,
            spec=self._specs[step.id],
            playbook=playbook,
            journal=self._run,
            scratch=scratch,
            secrets=self._secrets,
            pipe=writer,
        )
        worker = self._workers.start(order)
        self._live[reader] = _LiveStep(step, self._specs[step.id], worker, reader, time.monotonic())
        self._selector.register(reader, selectors.EVENT_READ)

    def _wait(self, scratch: Path) -> None:
        """Wait for a line of a step or for the next tick; then look at requests and clocks."""
        idle_since = None if self._live else time.monotonic()
        self.only_waits = idle_since is not None
        for key, _ in self._selector.select(self._tick if self._live else self._waiting_tick):
            if key.fd in self._live:
                self._read(self._live[key.fd])
            else:
                os.read(key.fd, 64)
        self.only_waits = False
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
        """Take in what a worker wrote; the end of its pipe is its end."""
        data = os.read(live.pipe, 1 << 16)
        if not data:
            self._end(live)
            return
        *lines, live.buffer = (live.buffer + data).split(b"\n")
        for line in lines:
            kind, body = line[:1], line[1:]
            if kind == EVENT:
                self._recorder.append(body)
            elif kind == KEPT:
                live.kept = frozenset(Process(int(pid), started) for pid, started in json.loads(body).items())
            else:
                live.outcome = from_wire(Outcome, json.loads(body))

    def _end(self, live: _LiveStep) -> None:
        """Record how a step ended, after removing what its worker left if it died without an outcome."""
        del self._live[live.pipe]
        self._selector.unregister(live.pipe)
        os.close(live.pipe)
        live.worker.join()
        self._kept |= live.kept
        outcome, stopped = live.outcome, live.stop or StepStatus.INTERRUPTED
        if outcome is None:
            self._workers.sweep(self._kept)
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
                self.stop(StepStatus.CANCELED)
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
            self.stop(StepStatus.TIMED_OUT)
        for live in self._live.values():
            if live.spec.timeout is not None and now - live.began > live.spec.timeout:
                live.ask_to_stop(StepStatus.TIMED_OUT)
            live.kill_if_late()

    def _wait_for_space(self, error: OSError) -> None:
        """Wait while the disk is full; requests and timeouts still stop steps, and are recorded once there is space."""
        with suppress(StoreError):  # recorded then, too
            cancel = read_cancel(self._run)
            if cancel is not None and cancel.now:
                self.stop(StepStatus.CANCELED)
        self._stop_what_is_late(time.monotonic())
        wait(error)

    def stop(self, becomes: StepStatus) -> None:
        """Start no other step, and stop those under way, which become *becomes*; for the supervisor's own thread."""
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
