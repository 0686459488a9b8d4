"""Runs that wait for approvals and take no Ansible: each step changes the record alone."""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from installkit.engine import launch
from installkit.journal import create_journal
from installkit.model import Action, Plan, Request, RunOptions, RunSpec, Step, StepSpec


def start_waiting(installer, *, hosts=("h1", "h2"), **options):
    """Start a run that records `app` host by host, and waits for an approval before each but the first."""
    steps = tuple(_step(number, host) for number, host in enumerate(hosts, start=1))
    run, now = secrets.token_hex(6), datetime.now(UTC)
    plan = Plan(id=run, site="acme", revision=None, digest="d", created_at=now, request=Request(), steps=steps)
    spec = RunSpec(
        run=run,
        site="acme",
        catalog=Path("/catalog"),
        plan=plan,
        options=RunOptions(requested_by="erin", **options),
        steps=tuple(StepSpec(step=step.id, folder=Path("/catalog"), playbook=None, sources=()) for step in steps),
        created_at=now,
    )
    with create_journal(installer.folders.runs, spec) as lock:
        launch(installer.folders.runs / run, {}, [lock])
    return installer.run(run)


def _step(number, host):
    return Step(
        id=f"{number:02d}-app-record-{number}",
        seq=number,
        component="app",
        action=Action.RECORD,
        hosts=(host,),
        playbook="",
        batch=number,
        needs=() if number == 1 else (f"{number - 1:02d}-app-record-{number - 1}",),
        approve=number > 1,
    )
