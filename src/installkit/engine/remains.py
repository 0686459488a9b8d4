"""What is left to say of a step whose end nobody saw."""

from typing import Any

from installkit.journal import Journal
from installkit.model import HostStatus, RunProgress


def unseen_end(journal: Journal, step: str) -> dict[str, Any]:
    """Return what the events prove of *step*, as an `Outcome` on the wire: who failed, and that nobody else is done."""
    progress = RunProgress(journal.spec())
    for entry in journal.read_events():
        progress.feed(entry.event)
    statuses = {
        host: status if status in {HostStatus.FAILED, HostStatus.UNREACHABLE} else HostStatus.UNFINISHED
        for host, status in progress.step(step).host_statuses.items()
    }
    return {
        "host_statuses": {host: status.value for host, status in statuses.items()},
        "log_size": journal.log_size(step),
    }
