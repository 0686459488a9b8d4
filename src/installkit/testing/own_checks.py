"""What a fake host answers to installkit's own checks."""

import time
from collections.abc import Mapping
from typing import Any

from installkit.model import StepSpec
from installkit.testing.outcomes import Outcome

LOOK = "installkit_host"
"""The module that looks at a host."""

FAILING = "memory"
"""The check that fails if an outcome names none."""

_LONG_AGO = 3600.0


def answer_of(outcome: Outcome, spec: StepSpec, module: str, host: str) -> tuple[str, dict[str, Any]]:
    """Return status and result of a task of the checks: the look at the host, or the try for rights."""
    check = outcome.task or ("connection" if outcome.status == "unreachable" else FAILING)
    fails = not outcome.good
    message = outcome.message or f"{check} failed, as FakeAnsible was told"
    bad = {"changed": False, "msg": message, **outcome.result}
    if module != LOOK:
        if fails and check == "privilege":
            return "failed", bad
        return ("ok" if host in spec.variables["installkit_become"] else "skipped"), {"changed": False}
    if fails and check == "connection":
        return "unreachable", {**bad, "unreachable": True}
    if fails and check == "python":
        return "failed", bad
    answer = _answer(spec, host)
    changes: Mapping[str, Mapping[str, Any]] = {
        "disk": {"disks": dict.fromkeys(answer["disks"], 0)},
        "memory": {"memory": 0},
        "time": {"clock": answer["clock"] - _LONG_AGO},
    }
    return "ok", {**answer, **(changes.get(check, {}) if fails else {}), **outcome.result}


def _answer(spec: StepSpec, host: str) -> dict[str, Any]:
    """Return the answer of a healthy host, whose free disks and memory are as much as is asked for."""
    values = {**spec.defaults, **spec.host_variables.get(host, {}), **spec.variables}
    paths = values["installkit_disk_paths"]
    ports = {name: values.get(name) for name in spec.variables["installkit_ports"].get(host, ())}
    now = time.time()
    return {
        "asked": {
            "ansible": "2.20.0",
            "disk_free": values["installkit_disk_free"],
            "disk_paths": paths,
            "memory_free": values["installkit_memory_free"],
            "ports": ports,
            "time": now,
            "time_skew": values["installkit_time_skew"],
        },
        "changed": False,
        "clock": now,
        "disks": dict.fromkeys(paths if isinstance(paths, list) else [paths], values["installkit_disk_free"]),
        "executable": "/usr/bin/python3",
        "machine": "x86_64",
        "memory": values["installkit_memory_free"],
        "python": "3.12.3",
        "system": {"ID": "debian", "ID_LIKE": "", "NAME": "Debian GNU/Linux", "VERSION_ID": "13"},
        "taken": [],
    }
