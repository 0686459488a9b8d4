"""A run in threads of this process: its supervisor, which is that of real runs, and one for each step."""

import os
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import attrs

from installkit.engine.step import Order, StepRun
from installkit.engine.supervisor import Supervisor
from installkit.journal import SUPERVISOR_ERRORS, CancelRequest, Lock, request_cancel
from installkit.processes import Process
from installkit.testing.outcomes import Outcomes
from installkit.testing.player import FakePlayer

TICK = 0.005
"""Seconds between two looks at requests and clocks: a test should not wait."""


@attrs.frozen
class _StepThread:
    """A worker in a thread, which ends soon after it was asked to."""

    player: FakePlayer
    thread: threading.Thread

    def ask_to_stop(self) -> None:
        self.player.ask_to_stop()

    def kill(self) -> None:
        """Do nothing: it has been asked to stop."""

    def join(self) -> None:
        self.thread.join()


class StepThreads:
    """Carries out each step in a thread."""

    def __init__(self, run: Path, outcomes: Outcomes) -> None:
        """
        Prepare to carry out steps.

        Args:
            run: The run's folder.
            outcomes: What comes of them.
        """
        self._run = run
        self._outcomes = outcomes
        self._players: list[FakePlayer] = []
        self._hurried = False

    def start(self, order: Order) -> _StepThread:
        """Start a thread that carries out *order*."""
        player = FakePlayer(self._outcomes, hurried=self._hurried)
        self._players.append(player)
        thread = threading.Thread(target=self._carry_out, args=(order, player), name=order.step.id, daemon=True)
        thread.start()
        return _StepThread(player, thread)

    def sweep(self, kept: frozenset[Process]) -> None:
        """Do nothing: a thread leaves no process."""

    def hurry(self) -> None:
        """Leave out all delays from now on."""
        self._hurried = True
        for player in self._players:
            player.hurry()

    def _carry_out(self, order: Order, player: FakePlayer) -> None:
        with _errors_to(self._run):
            try:
                StepRun(order, player).carry_out()
            finally:
                os.close(order.pipe)


class RunThread:
    """
    Carries out one run in a thread, which holds its locks.

    Attributes:
        run: The run's folder.
    """

    def __init__(self, run: Path, secrets: Mapping[str, str], locks: Sequence[Lock], outcomes: Outcomes) -> None:
        """
        Start to carry out a run.

        Args:
            run: Its folder.
            secrets: Value by parameter name.
            locks: Those of the run, which the caller releases.
            outcomes: What comes of its steps.
        """
        self.run = run
        self._steps = StepThreads(run, outcomes)
        self._supervisor: Supervisor | None = None
        held = [os.dup(lock.descriptor) for lock in locks]  # a copy holds a lock as well as its original
        self._thread = threading.Thread(
            target=self._carry_out, args=(dict(secrets), held), name=f"installkit {run.name}", daemon=True
        )
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether the run has ended, and its locks are free."""
        return not self._thread.is_alive()

    def end(self) -> None:
        """Wait for the end of the run, without delays; if it only waits for an approval, cancel it."""
        self._steps.hurry()
        while not self.ended:
            if self._supervisor is not None and self._supervisor.only_waits:
                request_cancel(self.run, CancelRequest(at=datetime.now(UTC), by="the Installer that was closed"))
            self._thread.join(TICK)

    def _carry_out(self, secrets: Mapping[str, str], held: Sequence[int]) -> None:
        with _errors_to(self.run):
            try:
                self._supervisor = Supervisor(self.run, secrets, self._steps, tick=TICK, waiting_tick=TICK)
                self._supervisor.carry_out()
            finally:
                for descriptor in held:
                    os.close(descriptor)


@contextmanager
def _errors_to(run: Path) -> Iterator[None]:
    """Write an exception where a supervisor's own errors go: nobody waits for a thread's."""
    try:
        yield
    except BaseException:  # noqa: BLE001 - a thread has nobody to raise it to
        with (run / SUPERVISOR_ERRORS).open("a", encoding="utf-8") as file:
            traceback.print_exc(file=file)
