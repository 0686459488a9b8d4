"""What ansible-runner reports, as events of ours: a pure function, and the only place that knows runner's words."""

from collections.abc import Mapping
from typing import Any

from installkit.model import EventKind, ResultStatus

Raw = Mapping[str, Any]
Draft = dict[str, Any]

TEXT_LIMIT = 16_384
"""Characters of one string in an event's data; what is cut is in the log."""

DATA_LIMIT = 65_536
"""Characters of an event's whole data."""

_KINDS = {
    "playbook_on_play_start": EventKind.PLAY_STARTED,
    "playbook_on_task_start": EventKind.TASK_STARTED,
    "playbook_on_handler_task_start": EventKind.TASK_STARTED,
    "playbook_on_cleanup_task_start": EventKind.TASK_STARTED,
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


def event_text(raw: Raw) -> str:
    """
    Return the text that the event printed, as a terminal shows it, each line ended by a newline alone.

    Runner strips the line ends at the text's end; its line numbers tell how many there were.
    """
    text = str(raw.get("stdout") or "")
    lines: int = raw.get("end_line", 0) - raw.get("start_line", 0)
    return text.replace("\r\n", "\n") + "\n" * (lines - text.count("\n"))


def draft_from_runner(raw: Raw, folder: str = "", *, diff: bool = False) -> Draft | None:
    """
    Return the event that *raw* is, without run, step, `seq` and log span; None if it says nothing and printed nothing.

    Args:
        raw: As ansible-runner hands it to an event handler.
        folder: Locations of tasks are given relative to it.
        diff: Whether a result keeps its diff.
    """
    kind = _KINDS.get(raw.get("event", ""), EventKind.OUTPUT)
    if kind not in _ALWAYS and not event_text(raw):
        return None
    data = raw.get("event_data") or {}
    draft: Draft = {
        "kind": kind.value,
        "host": data.get("host"),
        "play": data.get("play") or None,
        "task": data.get("task"),
        "module": data.get("resolved_action") or data.get("task_action"),
        "status": result_status(raw),
        "duration": data.get("duration"),
        "message": _message(kind, data),
        "data": bounded(_data(kind, raw, folder, diff=diff)),
    }
    return {key: value for key, value in draft.items() if value not in (None, {})}


def result_status(raw: Raw) -> str | None:
    """Return the `ResultStatus` of a result; None for what is none."""
    name = raw.get("event", "")
    if _KINDS.get(name) not in {EventKind.TASK_RESULT, EventKind.ITEM_RESULT}:
        return None
    changed = (raw["event_data"].get("res") or {}).get("changed") is True
    return _STATUSES.get(name, ResultStatus.CHANGED if changed else ResultStatus.OK).value


def _message(kind: EventKind, data: Raw) -> str | None:
    if kind is EventKind.PLAY_STARTED:
        return data.get("play")
    if kind not in {EventKind.TASK_RESULT, EventKind.ITEM_RESULT}:
        return None
    return result_message(data.get("res") or {})


def result_message(res: Raw) -> str | None:
    """Return what a person should read of a task's result; None if there is nothing."""
    if "censored" in res:
        return str(res["censored"])
    for key in ("msg", "reason", "stderr", "module_stderr", "skip_reason"):
        value = res.get(key)
        if value:
            return cut(value if isinstance(value, str) else str(value))
    return None


def _data(kind: EventKind, raw: Raw, folder: str, *, diff: bool) -> dict[str, Any]:
    data = raw.get("event_data") or {}
    found: dict[str, Any] = {"location": task_location(data, folder), "role": data.get("role")}
    if kind in {EventKind.TASK_RESULT, EventKind.ITEM_RESULT}:
        res = data.get("res") or {}
        found["result"] = _result(kind, res, diff=diff)
        found["ignored"] = data.get("ignore_errors") or None
        found["delegated_to"] = (res.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host")
        found["item"] = res.get("_ansible_item_label", res.get("item"))
    elif raw.get("event") == "playbook_on_stats":
        found["recap"] = recap_of(data)
    elif kind is EventKind.PLAY_STARTED:
        found["pattern"] = data.get("play_pattern")
    return {key: value for key, value in found.items() if value not in (None, "", {})}


def task_location(data: Raw, folder: str) -> str | None:
    """Return `file:line` of the task, relative to *folder* where it lies below it; None for no task."""
    path: str | None = data.get("task_path")
    return path.removeprefix(folder.rstrip("/") + "/") if path and folder else path


def _result(kind: EventKind, res: Raw, *, diff: bool) -> dict[str, Any]:
    dropped = _DROPPED - {"diff"} if diff else _DROPPED
    if kind is EventKind.TASK_RESULT:
        dropped = dropped | {"results"}  # each item had an event of its own
    return {key: value for key, value in res.items() if key not in dropped and not key.startswith("_ansible_")}


def recap_of(stats: Raw) -> dict[str, dict[str, int]]:
    """Return Ansible's counts by host, under the words of its recap, from the data of `playbook_on_stats`."""
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


def cut(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return *text*, with a visible mark in place of what is beyond *limit* characters."""
    return text if len(text) <= limit else f"{text[:limit]}… [{len(text) - limit} more characters are in the log]"


def bounded(value: Any) -> Any:
    """Return *value* with its long strings cut, and all of it replaced by a mark where it is still too long."""
    left = [DATA_LIMIT]
    return _bounded(value, left)


def _bounded(value: Any, left: list[int]) -> Any:
    if left[0] <= 0:
        return "… [cut: too long]"
    if isinstance(value, str):
        value = cut(value)
        left[0] -= len(value)
        return value
    left[0] -= 8
    if isinstance(value, Mapping):
        return {str(key): _bounded(item, left) for key, item in value.items() if left[0] > 0}
    if isinstance(value, (list, tuple)):
        return [_bounded(item, left) for item in value if left[0] > 0]
    return value
