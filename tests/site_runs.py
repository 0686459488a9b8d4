"""Runs that tests start through a site, and waiting for what they do."""

import time
from pathlib import Path


def finish(site, options=None, /, *, timeout=60.0, secrets=None, **request):
    """Plan *request*, start the plan without installkit's own checks, and return the run at its end."""
    return site.start(site.plan(**request), secrets=secrets, **{"checks": False, **(options or {})}).wait(timeout)


def until(condition, timeout=90.0):
    """Return what *condition* returns as soon as that is true."""
    deadline = time.monotonic() + timeout
    while not (answer := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return answer


def processes_with(word):
    """Return the ids of the processes whose command line has *word*."""
    ids = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in command:
            ids.append(int(path.parent.name))
    return ids
