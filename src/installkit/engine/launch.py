import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from installkit.errors import EngineError
from installkit.journal import SUPERVISOR_ERRORS, Lock

START_TIMEOUT = 30.0
"""Seconds that a new Python may take before it has left us."""


def launch(run: Path, secrets: Mapping[str, str], locks: Sequence[Lock]) -> None:
    """
    Start the supervisor of *run*, detached, and give it the secrets and the locks; return as soon as it is on its own.

    The locks are held from then on by the supervisor; the caller releases its own descriptors.

    Args:
        run: The run's folder, with its spec.
        secrets: Value by parameter name; they go through a pipe and are written nowhere.
        locks: The run's lock and, for a run that changes its site, the site's.

    Raises:
        EngineError: If no process could be started.
    """
    reader, writer = os.pipe()
    passed = [lock.descriptor for lock in locks]
    try:
        with open(run / SUPERVISOR_ERRORS, "ab", opener=_private) as errors:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "installkit.engine", str(run), str(reader)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd="/",
                pass_fds=[reader, *passed],
                start_new_session=True,
            )
        os.close(reader)
        reader = -1
        _hand_over(writer, secrets)
        writer = -1
        _let_go(process)
    except OSError as exc:
        raise EngineError(f"the supervisor of run {run.name} could not be started: {exc}") from exc
    finally:
        for descriptor in (reader, writer):
            if descriptor >= 0:
                os.close(descriptor)


def _let_go(process: subprocess.Popen[bytes]) -> None:
    """Wait until the supervisor has left *process*, which ends then."""
    try:
        status = process.wait(START_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise ChildProcessError(f"it did not begin within {START_TIMEOUT:g} s") from None
    if status != 0:
        raise ChildProcessError(f"{sys.executable} ended with status {status}")


def _hand_over(writer: int, secrets: Mapping[str, str]) -> None:
    with open(writer, "wb") as pipe:
        pipe.write(json.dumps(dict(secrets)).encode())


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
