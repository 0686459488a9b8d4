from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import attrs

from installkit.model.event import Event
from installkit.model.statuses import EventKind, ResultStatus


@attrs.frozen(kw_only=True)
class TaskResult:
    """
    What a task, or one item of its loop, gave on one host.

    Attributes:
        seq: Of its event.
        time: Aware, UTC; when it was reported.
        host: The host that the play holds, also if the task was delegated.
        task: Its name, or its module if it has none.
        module: The resolved name of the module, as `ansible.builtin.apt`.
        kind: `TASK_RESULT`, or `ITEM_RESULT` for an item of a loop; a loop has a result for each item, and one at its end.
        duration: Seconds; None for an item.
        item: The item of the loop, or its label; None for the task itself.
        message: The line for people; None if there is none.
        result: What the module returned, without facts, `invocation`, and the lines that are in `stdout` and `stderr`;
            without `results`, which are the items' own. A task with `no_log` has only `censored`.
        registered: The name under which the playbook registered it; None if it did not.
        ignored: Whether the playbook ignores its failure.
        delegated_to: The host that carried it out instead; None if it was the host itself.
        location: `file:line` of the task.
        cut: Whether something of the result was cut since it is too long; marks show where.
    """

    run: str
    seq: int
    time: datetime
    step: str | None
    host: str | None
    play: str | None
    task: str | None
    module: str | None
    kind: EventKind
    status: ResultStatus
    duration: float | None = None
    item: Any = None
    message: str | None = None
    result: Mapping[str, Any] = attrs.field(factory=dict)
    registered: str | None = None
    ignored: bool = False
    delegated_to: str | None = None
    location: str | None = None
    cut: bool = False

    @classmethod
    def of(cls, event: Event) -> Self:
        """Return the result that *event*, a `task_result` or an `item_result`, reports."""
        data = event.data
        return cls(
            run=event.run,
            seq=event.seq,
            time=event.time,
            step=event.step,
            host=event.host,
            play=event.play,
            task=event.task,
            module=event.module,
            kind=event.kind,
            status=ResultStatus(event.status or ""),
            duration=event.duration,
            item=data.get("item"),
            message=event.message,
            result=data.get("result") or {},
            registered=data.get("registered"),
            ignored=bool(data.get("ignored")),
            delegated_to=data.get("delegated_to"),
            location=data.get("location"),
            cut=bool(data.get("cut")),
        )


@attrs.frozen(kw_only=True)
class Stats:
    """
    What playbooks set with `set_stats`; what a task with `no_log` sets is not in it.

    Attributes:
        values: By name: what was set for the whole run, Ansible's default.
        hosts: By host and name: what was set with `per_host: true`.
        cut: Whether something was cut since it is too long; marks show where.
    """

    values: Mapping[str, Any] = attrs.field(factory=dict)
    hosts: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    cut: bool = False

    def updated(self, later: "Stats") -> "Stats":
        """Return these with what *later* sets, which replaces what has the same name."""
        hosts = {
            host: {**self.hosts.get(host, {}), **later.hosts.get(host, {})} for host in (*self.hosts, *later.hosts)
        }
        return Stats(values={**self.values, **later.values}, hosts=hosts, cut=self.cut or later.cut)


@attrs.frozen(kw_only=True)
class Facts:
    """
    Facts that were gathered of a host at once.

    Attributes:
        facts: By the names that they have in Ansible's `ansible_facts`, as `distribution`.
        cut: Whether something was cut since it is too long; marks show where.
    """

    host: str
    facts: Mapping[str, Any]
    cut: bool = False
