"""What /proc tells of the processes of a run, told by the run's id on their command lines and in their environments."""

import os
import time
from pathlib import Path

import attrs


@attrs.frozen
class Seen:
    """A process: its number, its parent's, and its command line."""

    pid: int
    parent: int
    command: str


def processes_of(run):
    """Return the processes that belong to the run with the id *run*, this one left out."""
    found = (_see(path, run.encode()) for path in Path("/proc").glob("[0-9]*") if int(path.name) != os.getpid())
    return [seen for seen in found if seen]


def parts_of(run):
    """Return the process ids of the run's supervisor, its step process and its ansible-playbook, where they are."""
    seen = processes_of(run)
    engine = {each.pid: each.parent for each in seen if "installkit.engine" in each.command}
    supervisor = next((pid for pid, parent in engine.items() if parent not in engine), None)
    step = next((pid for pid, parent in engine.items() if parent == supervisor), None)
    ansible = next((each.pid for each in seen if each.parent == step and "ansible-playbook" in each.command), None)
    found = {"supervisor": supervisor, "step": step, "ansible-playbook": ansible}
    return {name: pid for name, pid in found.items() if pid is not None}


def gone_within(seconds, run):
    """Return whether no process of *run* is left after at most *seconds*."""
    deadline = time.monotonic() + seconds
    while processes_of(run):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _see(path, run):
    try:
        command = (path / "cmdline").read_bytes()
        if run not in command and run not in (path / "environ").read_bytes():
            return None
        state, parent, *_ = (path / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state == "Z" else Seen(int(path.name), int(parent), command.replace(b"\0", b" ").decode())
