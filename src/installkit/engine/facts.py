"""Facts of other hosts that a step's playbook may read, gathered before the step: its limit would leave them out."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from installkit.model import RunSpec, Step, StepSpec
from installkit.processes import die_with_parent

ALL = "all"
"""Ansible's word for every host of the inventory."""

_PLAYBOOK = "- hosts: all\n  gather_facts: true\n  tasks: []\n"
_POLL = 0.05


def facts_wanted(run: RunSpec, step: Step, spec: StepSpec, *, by_default: bool) -> tuple[str, ...]:
    """
    Return the hosts beyond *step* whose facts are gathered before it; empty if none are.

    These are the other hosts of the plan, if the step is limited and its plays gather facts, or `all` if its action says
    `facts: all`. Never others: installkit connects to no host outside the plan unless somebody named it.

    Args:
        run: The run with its plan.
        step: The step that is about to start.
        spec: The step's.
        by_default: Whether a play gathers facts if it has no `gather_facts`.
    """
    if spec.facts == ALL:
        return (ALL,)
    gathers = by_default if spec.gathers is None else spec.gathers
    if not (gathers and step.limited):
        return ()
    planned = dict.fromkeys(host for other in run.plan.steps for host in other.own_hosts)
    return tuple(host for host in planned if host not in step.hosts)


def gather_facts(
    hosts: Sequence[str],
    command: Sequence[str],
    folder: Path,
    scratch: Path,
    environment: Mapping[str, str],
    *,
    should_end: Callable[[], bool],
) -> None:
    """
    Gather the facts of *hosts* into the run's fact cache.

    A host that cannot be reached is no error here; the steps that need it will fail.

    Args:
        hosts: As `facts_wanted` returns them, at least one.
        command: ansible-playbook with its inventory and variables, without limit and playbook.
        folder: Where it runs.
        scratch: The step's scratch folder.
        environment: With the settings of the fact cache.
        should_end: Called often; true ends the gathering.
    """
    playbook, limit = scratch / "gather.yml", scratch / "gather.limit"
    playbook.write_text(_PLAYBOOK)
    limit.write_text("".join(f"{host}\n" for host in hosts))
    parent = os.getpid()
    process = subprocess.Popen(
        [*command, f"--limit=@{limit}", "--", str(playbook)],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: die_with_parent(parent),  # noqa: PLW1509 - this process has one thread
    )
    while process.poll() is None:
        if should_end():
            process.terminate()
        time.sleep(_POLL)
