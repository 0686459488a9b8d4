import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from installkit.errors import EngineError
from installkit.journal import SUPERVISOR_ERRORS, Lock

START_TIMEOUT = 30.0
"""Seconds that a new Python may take until it has detached."""


def launch(run: Path, secrets: Mapping[str, str], locks: Sequence[Lock]) -> None:
    """
    Start the supervisor of *run*, detached, and give it the secrets and the locks; return as soon as it has detached.

    From then on the supervisor holds the locks; the caller releases its own descriptors.

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
        with open(run / SUPERVISOR_ERRORS, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as errors:
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
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(json.dumps(dict(secrets)).encode())
        writer = -1
        _wait_until_detached(process)
    except OSError as exc:
        raise EngineError(f"the supervisor of run {run.name} could not be started: {exc}") from exc
    finally:
        for descriptor in (reader, writer):
            if descriptor >= 0:
                os.close(descriptor)


def _wait_until_detached(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of *process*, which has started the supervisor as its child and ends at once."""
    try:
        status = process.wait(START_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise ChildProcessError(f"it did not begin within {START_TIMEOUT:g} s") from None
    if status != 0:
        raise ChildProcessError(f"{sys.executable} ended with status {status}")
