"""Journals of runs that never were, for what reads journals: as large and as many as a benchmark wants."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import attrs

from installkit.journal import Journal, LogWriter, create_journal, encode_event, open_journal
from installkit.model import (
    Action,
    Plan,
    Request,
    RunOptions,
    RunProgress,
    RunResult,
    RunSnapshot,
    RunSpec,
    RunStatus,
    Step,
    StepStatus,
    time_to_wire,
)

HOSTS = tuple(f"host{number}" for number in range(10))
STEP = "01-mysql-install"
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def write_journal(runs: Path, run: str, events: int, *, finished: bool, log: bytes = b"") -> Journal:
    """Write the journal of a run of one step with as many task results as make *events* events, and its *log*."""
    step = Step(id=STEP, seq=1, component="mysql", action=Action.INSTALL, hosts=HOSTS, playbook="03.mysql.yml")
    plan = Plan(id=run, site="acme", revision=None, digest="", created_at=NOW, request=Request(), steps=(step,))
    spec = RunSpec(run=run, site="acme", catalog=runs, plan=plan, options=RunOptions(), steps=(), created_at=NOW)
    lock = create_journal(runs, spec)
    if lock is None:
        raise FileExistsError(run)
    lock.release()
    with closing(LogWriter(runs / run, STEP)) as file:
        file.append(log)
    with closing(open_journal(runs / run)) as writer:
        for draft in drafts(events):
            writer.append(encode_event({"time": time_to_wire(NOW), "run": run, **draft}))
        if finished:
            writer.finish(RunResult(run=_ended(spec, len(log))))
    return Journal(runs / run)


def _ended(spec: RunSpec, log_size: int) -> RunSnapshot:
    planned = RunProgress(spec).snapshot()
    steps = tuple(attrs.evolve(step, status=StepStatus.SUCCEEDED, log_size=log_size) for step in planned.steps)
    return attrs.evolve(planned, status=RunStatus.SUCCEEDED, steps=steps, finished_at=NOW)


def drafts(events: int) -> Iterator[dict[str, object]]:
    """Yield *events* events: two starts, the rest task results as Ansible's usually are."""
    yield {"kind": "run_started"}
    yield {"kind": "step_started", "step": STEP, "data": {"component": "mysql", "action": "install", "hosts": HOSTS}}
    for number in range(events - 2):
        yield {
            "kind": "task_result",
            "step": STEP,
            "host": HOSTS[number % len(HOSTS)],
            "play": "Database servers",
            "task": f"mysql : Copy configuration {number // len(HOSTS)}",
            "module": "ansible.builtin.template",
            "status": "changed" if number % 7 == 0 else "ok",
            "duration": 0.25,
            "message": None,
            "log": {"start": number * 80, "end": number * 80 + 80},
            "data": {},
        }
