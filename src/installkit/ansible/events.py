"""Turns the reports of ansible-playbook into our events; pure functions. No other module knows runner's words."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from installkit.model import EventKind, Facts, ResultStatus, Stats

Raw = Mapping[str, Any]
Draft = dict[str, Any]

TEXT_LIMIT = 16_384
"""Characters of one string in an event's data."""

_TAIL_LINES = 10
"""The last lines of a failed command's output that are part of its message."""

DATA_LIMIT = 65_536
"""Characters of an event's whole data."""

STATS_LIMIT = 16_384
"""Characters of what a step sets with `set_stats`: it stays where events are pruned."""

FACTS_LIMIT = 500_000
"""Characters of the facts that are gathered of a host at once."""

_KINDS = {
    "playbook_on_play_start": EventKind.PLAY_STARTED,
    "playbook_on_task_start": EventKind.TASK_STARTED,
    "playbook_on_handler_task_start": EventKind.TASK_STARTED,
    "runner_on_ok": EventKind.TASK_RESULT,
    "runner_on_failed": EventKind.TASK_RESULT,
    "runner_on_skipped": EventKind.TASK_RESULT,
    "runner_on_unreachable": EventKind.TASK_RESULT,
    "runner_item_on_ok": EventKind.ITEM_RESULT,
    "runner_item_on_failed": EventKind.ITEM_RESULT,
    "runner_item_on_skipped": EventKind.ITEM_RESULT,
    "warning": EventKind.WARNING,
    "deprecated": EventKind.WARNING,
    "system_warning": EventKind.WARNING,
    "error": EventKind.WARNING,
}
_ALWAYS = {EventKind.PLAY_STARTED, EventKind.TASK_STARTED, EventKind.TASK_RESULT, EventKind.ITEM_RESULT}
_STATUSES = {
    "runner_on_failed": ResultStatus.FAILED,
    "runner_on_skipped": ResultStatus.SKIPPED,
    "runner_on_unreachable": ResultStatus.UNREACHABLE,
    "runner_item_on_failed": ResultStatus.FAILED,
    "runner_item_on_skipped": ResultStatus.SKIPPED,
}
_CUT = "… [cut: too long]"
_WHOLE_RUN = "_run"  # Source: ansible.executor.stats
_LOCAL = "ansible_local"  # keeps its name. Source: ansible.vars.clean.namespace_facts
_GATHERING = {"gather_facts", "setup"}
_OVERHEAD = 8
"""Characters that a value counts in addition to its own."""

_DROPPED = {
    "invocation",
    "ansible_facts",
    "exception",
    "diff",
    "deprecations",
    "warnings",
    "stdout_lines",
    "stderr_lines",
}
_VARIABLES = {"set_fact", "include_vars"}
"""Modules whose `ansible_facts` are variables of the playbook: nothing that was found on the host."""


def draft_from_runner(raw: Raw, folder: str = "", *, diff: bool = False) -> Draft | None:
    """
    Return the event of *raw*, without run, step, `seq` and log span; None if it has no meaning and printed nothing.

    Args:
        raw: An event of `reports`.
        folder: Locations of tasks are given relative to it.
        diff: Whether a result keeps its diff.
    """
    kind = _KINDS.get(raw.get("event", ""), EventKind.OUTPUT)
    if kind not in _ALWAYS and not raw.get("text"):
        return None
    data = raw.get("event_data") or {}
    message = None
    more: dict[str, Any] = {"location": task_location(data, folder), "role": data.get("role")}
    if kind in {EventKind.TASK_RESULT, EventKind.ITEM_RESULT}:
        res = data.get("res") or {}
        message = result_message(res)
        dropped = _DROPPED - {"diff"} if diff else _DROPPED
        if kind is EventKind.TASK_RESULT:
            dropped = dropped | {"results"}  # each item had an event of its own
        kept = [key for key in res if key not in dropped and not key.startswith("_ansible_")]
        more["result"] = {key: res[key] for key in kept}
        more["ignored"] = data.get("ignore_errors") or None
        more["delegated_to"] = data.get("delegated_to") if data.get("delegated_to") != data.get("host") else None
        more["item"] = res.get("_ansible_item_label", res.get("item"))
        more["registered"] = data.get("register")
    elif kind is EventKind.PLAY_STARTED:
        message = cut(data.get("play") or "")
        more["pattern"] = data.get("play_pattern")
    elif raw.get("event") == "playbook_on_stats":
        more["recap"] = recap_of(data)
    kept_data, too_long = bounded({key: value for key, value in more.items() if value not in (None, "", {})})
    if too_long or data.get("cut"):
        kept_data["cut"] = True
    draft: Draft = {
        "kind": kind.value,
        "host": data.get("host"),
        "play": cut(data.get("play") or "") or None,
        "task": cut(data.get("task") or "") or None,
        "module": data.get("resolved_action") or data.get("task_action"),
        "status": result_status(raw),
        "duration": data.get("duration"),
        "message": message,
        "data": kept_data,
    }
    return {key: value for key, value in draft.items() if value not in (None, {})}


def result_status(raw: Raw) -> str | None:
    """Return the `ResultStatus` of a result; None for any other event."""
    name = raw.get("event", "")
    if _KINDS.get(name) not in {EventKind.TASK_RESULT, EventKind.ITEM_RESULT}:
        return None
    changed = (raw["event_data"].get("res") or {}).get("changed") is True
    return _STATUSES.get(name, ResultStatus.CHANGED if changed else ResultStatus.OK).value


def result_message(res: Raw) -> str | None:
    """Return the text of a task's result that a person should read; None if there is none."""
    if "censored" in res:
        return str(res["censored"])
    keys = ("msg", "reason", "stderr", "module_stderr", "skip_reason")
    message = next((res[key] for key in keys if res.get(key)), None)
    if message is None:
        return None
    lines = [message if isinstance(message, str) else str(message)]
    if res.get("rc"):  # "non-zero return code" alone helps nobody
        lines += str(res.get("stderr") or res.get("module_stderr") or res.get("stdout") or "").splitlines()[
            -_TAIL_LINES:
        ]
    return cut("\n".join(dict.fromkeys(lines)))


def task_location(data: Raw, folder: str) -> str | None:
    """Return `file:line` of the task, relative to *folder* if it is below it; None if there is no task."""
    path: str | None = data.get("task_path")
    return path.removeprefix(folder.rstrip("/") + "/") if path and folder else path


def recap_of(stats: Raw) -> dict[str, dict[str, int]]:
    """Return Ansible's counts by host, with the words of its recap, from the data of `playbook_on_stats`."""
    words = {
        "ok": "ok",
        "changed": "changed",
        "unreachable": "dark",
        "failed": "failures",
        "skipped": "skipped",
        "rescued": "rescued",
        "ignored": "ignored",
    }
    hosts = dict.fromkeys(host for name in words.values() for host in stats.get(name) or {})
    return {host: {word: (stats.get(name) or {}).get(host, 0) for word, name in words.items()} for host in hosts}


def stats_of(stats: Raw) -> Stats:
    """Return what the playbook set with `set_stats`, from the data of our plugin's `custom_stats`."""
    custom, too_long = bounded(stats.get("custom"), STATS_LIMIT)
    if not isinstance(custom, Mapping):  # the plugin has shortened it to text
        return Stats(cut=True)
    hosts = {host: values for host, values in custom.items() if host != _WHOLE_RUN and isinstance(values, Mapping)}
    return Stats(values=custom.get(_WHOLE_RUN) or {}, hosts=hosts, cut=too_long)


def facts_of(raw: Raw) -> Facts | None:
    """Return the facts that the result *raw* holds, by the names that they have in `ansible_facts`; None if it is none."""
    if _KINDS.get(raw.get("event", "")) not in {EventKind.TASK_RESULT, EventKind.ITEM_RESULT}:
        return None
    data = raw.get("event_data") or {}
    res = data.get("res") or {}
    facts = res.get("ansible_facts")
    module = str(data.get("resolved_action") or data.get("task_action") or "").rpartition(".")[2]
    lost = data.get("cut") is True and module in _GATHERING
    if module in _VARIABLES or not (isinstance(facts, Mapping) or lost):
        return None
    host = (data.get("delegated_to") if data.get("delegate_facts") else None) or data.get("host")
    names = {str(name): str(name).removeprefix("ansible_") for name in facts or {} if name != _LOCAL} | {_LOCAL: _LOCAL}
    found, too_long = bounded({names[str(name)]: value for name, value in (facts or {}).items()}, FACTS_LIMIT)
    return Facts(host=str(host), facts=found, cut=too_long or lost)


def cut(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return at most *limit* characters of *text*, then a visible mark; invalid characters are replaced."""
    kept = text[:limit].encode(errors="replace").decode()
    return kept if len(text) <= limit else f"{kept}… [{len(text) - limit} more characters]"


def bounded(value: Any, limit: int = DATA_LIMIT) -> tuple[Any, bool]:
    """Return *value* fit for JSON, with marks where strings or the rest were cut, and whether anything was."""
    room = _Room(limit)
    return _bounded(value, room), room.cut


@attrs.define
class _Room:
    """
    How much more a value may hold.

    Attributes:
        left: Characters.
        cut: Whether something did not fit.
    """

    left: int
    cut: bool = False


def _bounded(value: Any, room: _Room) -> Any:
    if isinstance(value, Mapping):
        pairs = ((_bounded(str(key), room), _bounded(item, room)) for key, item in value.items())
        return dict(_until_full(pairs, (_CUT, None), room, len(value)))
    if isinstance(value, (list, tuple)):
        return list(_until_full((_bounded(item, room) for item in value), _CUT, room, len(value)))
    if isinstance(value, float) and not math.isfinite(value):
        value = str(value)
    if isinstance(value, str):
        most = min(TEXT_LIMIT, max(0, room.left))
        room.cut |= len(value) > most
        value = cut(value, most)
    room.left -= len(str(value)) + _OVERHEAD
    return value


def _until_full(parts: Iterator[Any], mark: Any, room: _Room, count: int) -> Iterator[Any]:
    room.left -= _OVERHEAD
    for number, part in enumerate(parts, start=1):
        yield part
        if room.left <= 0 and number < count:
            room.cut = True
            yield mark
            return
