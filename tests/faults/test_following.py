"""Readers of a run that is under way."""

import itertools
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from installkit.journal import Journal, LogWriter, create_journal, encode_event, open_journal
from installkit.model import Plan, Request, RunOptions, RunResult, RunSnapshot, RunSpec, RunStatus

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
STEP = "03-mysql-install"
PLACES = 400
"""Calls and returns of functions in some three rounds of a reader's loop."""


def a_spec(run):
    plan = Plan(id=run, site="acme", revision=None, digest="d", created_at=NOW, request=Request())
    return RunSpec(
        run=run, site="acme", catalog=Path("/catalog"), plan=plan, options=RunOptions(), steps=(), created_at=NOW
    )


class Ending:
    """A run that is under way, and ends when `carry_out` is called: some more is printed, and then it is over."""

    def __init__(self, runs, run, amount):
        self._run = run
        self._lock = create_journal(runs, a_spec(run))
        self._amount = amount
        self._writer = open_journal(runs / run)
        self._log = LogWriter(runs / run, STEP)
        self._print()

    def _print(self):
        for number in range(self._amount):
            start = self._log.size
            self._log.append(b"line %d\n" % number * 50)
            self._append("output", log={"start": start, "end": self._log.size})

    def _append(self, kind, **more):
        draft = {"time": "2026-11-22T08:00:00.000000Z", "kind": kind, "run": self._run, "step": STEP, **more}
        self._writer.append(encode_event(draft))

    def carry_out(self):
        """Print some more, and end the run."""
        self._print()
        self._append("step_finished", status="succeeded")
        self._log.close()
        self._append("run_finished", status="succeeded")
        snapshot = RunSnapshot(id=self._run, site="acme", plan=self._run, status=RunStatus.SUCCEEDED, created_at=NOW)
        self._writer.finish(RunResult(run=snapshot))
        self._writer.close()
        self._lock.release()


def ending_at(place, ending):
    """Return a profiler that carries the *ending* out at the *place*-th call or return of its thread."""
    left = itertools.count(place, -1)

    def _profile(frame, event, argument):
        if next(left) == 0:
            sys.setprofile(None)
            ending.carry_out()

    return _profile


def read_while_it_ends(read, place, ending):
    """Return all that *read* gives of a run that ends at the *place*-th call or return inside of it."""
    found = []
    sys.setprofile(ending_at(place, ending))
    try:
        found.extend(read())
    finally:
        sys.setprofile(None)
    return found


def test_a_reader_sees_the_last_byte_wherever_it_is_when_the_run_ends(tmp_path, times, seed):
    """R11: the run ends at any call in the reader's loop, and what it printed last comes before the end."""
    runs = tmp_path / "runs"
    runs.mkdir()
    numbers = random.Random(seed)  # noqa: S311 - moments, not secrets
    trials = [
        (f"{number:012x}", numbers.randrange(PLACES), numbers.randrange(1, 5)) for number in range(times(80, 1000))
    ]

    def _follow(trial):
        run, place, amount = trial
        ending = Ending(runs, run, amount)
        journal = Journal(runs / run)
        if place % 2:
            seen = b"".join(read_while_it_ends(lambda: journal.follow_log(STEP), place, ending))
            return (runs / run / "logs" / f"{STEP}.log").read_bytes() == seen
        seqs = [event.seq for event in read_while_it_ends(journal.follow_events, place, ending)]
        return list(range(1, 2 * amount + 3)) == seqs

    with ThreadPoolExecutor(8) as threads:
        whole = list(threads.map(_follow, trials))

    assert [] == [trial for trial, good in zip(trials, whole, strict=True) if not good]
