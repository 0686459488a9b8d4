from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import attrs

from installkit.model.statuses import EventKind


@attrs.frozen
class LogSpan:
    """The bytes of its step's log that an event printed: from `start` up to, not including, `end`."""

    start: int
    end: int


@attrs.frozen(kw_only=True)
class Event:
    """
    One thing that happened in a run.

    Attributes:
        seq: From 1, without gaps within a run.
        time: Aware, UTC.
        step: The step's id; None for an event of the run itself.
        module: The resolved name of the task's module, as `ansible.builtin.apt`.
        status: A `ResultStatus` for results, a step's or run's status for finished ones.
        duration: Seconds; None if nothing was timed. Source: `event_data.duration` of ansible-runner.
        message: The line for people; None if the log says all.
        log: None if nothing was printed.
        data: More values; the keys depend on the kind (docs/reference/events.md).
    """

    seq: int
    time: datetime
    kind: EventKind
    run: str
    step: str | None = None
    host: str | None = None
    play: str | None = None
    task: str | None = None
    module: str | None = None
    status: str | None = None
    duration: float | None = None
    message: str | None = None
    log: LogSpan | None = None
    data: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def started_at(self) -> datetime:
        """When that began whose result it is; its own time if nothing was timed."""
        return self.time - timedelta(seconds=self.duration or 0.0)
