# SPDX-License-Identifier: GPL-3.0-or-later
#
# This file is loaded by ansible-playbook and is a program of its own: installkit never imports it. It is free software:
# you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free
# Software Foundation, either version 3 of the License, or (at your option) any later version. It comes WITHOUT ANY
# WARRANTY. See https://www.gnu.org/licenses/gpl-3.0.txt.
"""
Reports to installkit what happens in ansible-playbook: events, and what Ansible knows of each play's end.

Both go as lines of JSON into one file that only this process tree can write:

- An event has a `mark`, 32 random hexadecimal digits. The terminal shows `ESC [ K`, the mark and `<` before the text that
  the event printed, and the same with `>` after it. A mark that the file does not announce is text.
- The event `custom_stats`, what `set_stats` set, prints nothing and has no mark.
- Every other line has a `proof`: the state of `PlayIterator`, which Ansible makes for each play and batch, when it begins
  and when `TaskQueueManager.run` leaves it in whatever way, with calls that its states do not remember.

Any stdout callback of the user stays in use: marks are written around `TaskQueueManager.send_callback`, which calls it.
The file's name comes in an environment variable, which is removed so that no task sees it.
"""

from __future__ import annotations

import atexit
import datetime as dt
import errno
import functools
import json
import multiprocessing
import os
import pathlib
import sys
import time

from ansible import context
from ansible.errors import AnsibleError
from ansible.executor.play_iterator import PlayIterator
from ansible.executor.playbook_executor import PlaybookExecutor
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.inventory.manager import InventoryManager
from ansible.plugins.callback import CallbackBase
from ansible.release import __version__
from ansible.utils.display import Display

DOCUMENTATION = """
    name: installkit_events
    type: notification
    short_description: reports events and the end of each play to installkit
    description: Loaded by installkit; without its environment variable it does nothing.
"""

LARGEST = 1_000_000
"""Characters of a line beyond which a result is shortened."""

LONGEST = 65_536
"""Characters that a value of a shortened result keeps."""

LAST_WORDS = 5.0
"""Seconds that workers get to end by themselves once Ansible ends."""

GATHERING = {"gather_facts", "setup"}
NO_WORK = {"meta", "validate_argument_spec"}
FRAMES = 2
"""Frames that `wrap` adds to the stack of a call; with these an answer may nest as deep as without us."""

UNREAD = "the host's answer could not be read: it nests too deep"
READABLE = ("msg", "reason", "rc", "stderr", "module_stderr", "stdout", "changed", "failed", "skip_reason", "censored")
CENSORED = {"censored": "the output has been hidden due to the fact that 'no_log: true' was specified for this result"}


class Report:
    """
    The file, and the marks in the terminal.

    Attributes:
        lock: Ansible's own lock of the terminal, held while an event is open: its text stays together, and no worker is
            forked in the middle of it.
    """

    def __init__(self, path, allowed, keep_facts):
        self.lock = Display()._lock
        self.pid = os.getpid()
        self.allowed = allowed
        self.keep_facts = keep_facts
        self.hidden_stats = set()
        self.iterator = None
        self.tqm = None
        self.made = set()
        self.lost = {}
        self.history = {}
        self.began_at = {}
        self.starts = []
        self.after_failure = {}
        self.events = 0
        self.place = {}
        self._mark = None
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)

    def write(self, record):
        """Append *record* in one piece; wait while the disk is full."""
        line = memoryview(encoded(record) + b"\n")
        while line:
            try:
                line = line[os.write(self._file, line) :]
            except OSError as exc:
                if exc.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EINTR}:
                    raise
                time.sleep(0.2)

    def open_event(self, name, data=None):
        """Announce an event and begin its text; this ends an event that is still open."""
        self.close_event()
        mark = os.urandom(16).hex()
        created = dt.datetime.now(dt.UTC).isoformat()
        record = {"mark": mark, "event": name, "created": created, "event_data": {**self.place, **(data or {})}}
        if self.starts:
            record["starts"], self.starts = self.starts, []
        self.write(record)
        self.events += 1
        self._mark = mark
        sys.stdout.write(f"\x1b[K{mark}<")

    def close_event(self):
        """End the open event's text, if there is one."""
        if self._mark is not None:
            mark, self._mark = self._mark, None
            sys.stdout.write(f"\x1b[K{mark}>")
            sys.stdout.flush()

    @property
    def quiet(self):
        """Whether no event is open."""
        return self._mark is None


def encoded(record):
    """Return *record* as a line; a result that is too long or not fit for JSON keeps only what people read first."""
    try:
        line = json.dumps(record, default=str, skipkeys=True)
    except (TypeError, ValueError, RecursionError):
        line = None
    if line is None or len(line) > LARGEST:
        data = record.get("event_data") or {}
        res = data.get("res")
        kept = {key: short(res[key]) for key in READABLE if key in res} if isinstance(res, dict) else {}
        line = json.dumps(
            {**record, "event_data": {**{key: short(data[key]) for key in data}, "res": kept, "cut": True}}, default=str
        )
    return line.encode()


def short(value):
    return value if isinstance(value, (bool, int, float, type(None))) else str(value)[:LONGEST]


def text_of(value):
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def task_data(task):
    data = {
        "task": task.name or task.action,
        "task_uuid": str(task._uuid),
        "task_action": task.action,
        "resolved_action": getattr(task, "resolved_action", task.action),
        "task_path": task.get_path(),
    }
    role = getattr(task, "_role", None)
    more = {
        "role": role._role_name if role else None,
        "register": text_of(task.register) if getattr(task, "register", None) else None,
        "delegate_facts": getattr(task, "delegate_facts", None) is True or None,
    }
    return {**data, **{key: value for key, value in more.items() if value is not None}}


def result_data(result):
    """Return the answer of a task or item; an answer that cannot be read spoils no other."""
    try:
        return shown_result(result, result._result)
    except RecursionError:
        return {"msg": UNREAD}
    except Exception as exc:  # noqa: BLE001 - a managed host may answer anything
        return {"msg": f"this result could not be reported: {type(exc).__name__}: {exc}"}


def shown_result(result, res):
    if res.get("_ansible_no_log"):
        return dict(CENSORED)
    gathers = result._task.action.rpartition(".")[2] in GATHERING
    dropped = {"invocation", "ansible_facts"} if gathers and not REPORT.keep_facts else {"invocation"}
    res = {key: value for key, value in res.items() if key not in dropped}
    items = res.get("results")
    if isinstance(items, list):
        hidden = [CENSORED if isinstance(item, dict) and item.get("_ansible_no_log") else item for item in items]
        return {**res, "results": hidden}
    return res


class CallbackModule(CallbackBase):
    """Opens an event for each call that may print; `send_callback` closes it once all callbacks have printed."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "installkit_events"
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.disabled = REPORT is None

    def v2_playbook_on_start(self, playbook):
        REPORT.write({"proof": "playbook", "plays": len(playbook.get_plays())})
        REPORT.open_event("playbook_on_start")

    def v2_playbook_on_play_start(self, play):
        pattern = text_of(play.hosts)
        REPORT.place = {
            "play": str(play.get_name()).strip() or pattern,
            "play_uuid": str(play._uuid),
            "play_pattern": pattern,
        }
        REPORT.open_event("playbook_on_play_start")

    def v2_playbook_on_stats(self, stats):
        REPORT.place = {}
        words = ("changed", "dark", "failures", "ignored", "ok", "processed", "rescued", "skipped")
        custom = {
            host: {name: value for name, value in values.items() if str(name) not in REPORT.hidden_stats}
            for host, values in stats.custom.items()
        }
        REPORT.write({"event": "custom_stats", "event_data": {"custom": custom}})  # apart: it may be of any size
        REPORT.open_event("playbook_on_stats", {word: dict(getattr(stats, word)) for word in words})

    def v2_playbook_on_task_start(self, task, is_conditional):
        REPORT.open_event("playbook_on_task_start", task_data(task))

    def v2_playbook_on_handler_task_start(self, task):
        REPORT.open_event("playbook_on_handler_task_start", task_data(task))

    def v2_playbook_on_no_hosts_matched(self):
        REPORT.open_event("playbook_on_no_hosts_matched")

    def v2_playbook_on_no_hosts_remaining(self):
        REPORT.open_event("playbook_on_no_hosts_remaining")

    def v2_playbook_on_include(self, included_file):
        REPORT.open_event("playbook_on_include")

    def v2_playbook_on_vars_prompt(self, varname, *_, **__):
        REPORT.open_event("playbook_on_vars_prompt")

    def v2_playbook_on_notify(self, handler, host):
        REPORT.open_event("playbook_on_notify", {"host": host.get_name()})

    def v2_runner_on_start(self, host, task):
        name = host.get_name()
        REPORT.began_at[name] = time.monotonic()
        REPORT.starts.append([name, str(task._uuid)])  # most starts print nothing: this goes with the next event

    def v2_runner_on_ok(self, result):
        self._result("runner_on_ok", result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        _, after = REPORT.after_failure.pop(result._host.get_name(), (0, False))
        self._result("runner_on_failed", result, ignore_errors=ignore_errors, after_failure=after)

    def v2_runner_on_skipped(self, result):
        self._event("runner_on_skipped", result, duration=duration_of(result))

    def v2_runner_on_unreachable(self, result):
        name = result._host.get_name()
        if name in REPORT.tqm._unreachable_hosts:  # if not, the playbook ignores it
            REPORT.lost.setdefault(REPORT.iterator, set()).add(name)
        after = failed_before(REPORT.iterator, name)
        self._result("runner_on_unreachable", result, after_failure=after)

    def v2_runner_on_async_poll(self, result):
        self._event("runner_on_async_poll", result)

    def v2_runner_on_async_ok(self, result):
        self._event("runner_on_async_ok", result)

    def v2_runner_on_async_failed(self, result):
        self._event("runner_on_async_failed", result)

    def v2_runner_retry(self, result):
        self._event("runner_retry", result)

    def v2_on_file_diff(self, result):
        self._event("runner_on_file_diff", result)

    def v2_runner_item_on_ok(self, result):
        self._event("runner_item_on_ok", result, with_result=True)

    def v2_runner_item_on_failed(self, result):
        self._event("runner_item_on_failed", result, with_result=True)

    def v2_runner_item_on_skipped(self, result):
        self._event("runner_item_on_skipped", result, with_result=True)

    def _result(self, name, result, **more):
        self._event(name, result, duration=duration_of(result), with_result=True, **more)

    def _event(self, name, result, *, with_result=False, **more):
        data = {"host": result._host.get_name(), **task_data(result._task), **more}
        if (delegate := delegate_of(result)) is not None:
            data["delegated_to"] = delegate
        if with_result:
            data["res"] = result_data(result)
        REPORT.open_event(name, data)


def names_of_hidden_stats(raw):
    """Return the names of what a task with `no_log` set by `set_stats`; *raw* is its result as Ansible itself has it."""
    res = getattr(raw, "_return_data", None) or getattr(raw, "_result", None)
    if not isinstance(res, dict):
        return set()
    items = res.get("results")
    parts = [part for part in (res, *(items if isinstance(items, list) else ())) if isinstance(part, dict)]
    hidden = raw._task.no_log is True or res.get("_ansible_no_log")
    stats = [part.get("ansible_stats") for part in parts if hidden or part.get("_ansible_no_log")]
    data = [each.get("data") for each in stats if isinstance(each, dict)]
    return {str(name) for each in data if isinstance(each, dict) for name in each}


def delegate_of(result):
    """Return the host to which the task was delegated; None if it was not, or no host can be told."""
    fields = getattr(result, "_task_fields", None)
    name = fields.get("delegate_to") if isinstance(fields, dict) else None
    return str(name) if isinstance(name, str) and name and "{{" not in name else None


def duration_of(result):
    began = REPORT.began_at.get(result._host.get_name())
    return None if began is None else time.monotonic() - began


def chain(state):
    """Return run state, fail state and position in the rescue of *state* and of its active children."""
    children = {"TASKS": "tasks_child_state", "RESCUE": "rescue_child_state", "ALWAYS": "always_child_state"}
    states = []
    while state is not None:
        states.append([state.run_state.name, int(state.fail_state), state.cur_rescue_task])
        state = getattr(state, children.get(state.run_state.name, ""), None)
    return states


def failed_before(iterator, name):
    state = None if iterator is None else iterator._host_states.get(name)
    return any(fail for _, fail, _ in chain(state))


def snapshot(iterator, tqm):
    """Return the state of the hosts of *iterator* when Ansible leaves it."""
    history = REPORT.history.get(iterator, {})
    hosts = {
        name: {
            "run": state.run_state.name,
            "fail": int(state.fail_state),
            "block": state.cur_block,
            "blocks": len(state._blocks),
            "unreachable": name in tqm._unreachable_hosts,
            "calls": history.get(name, []),
        }
        for name, state in iterator._host_states.items()
    }
    waits = context.CLIARGS.get("start_at_task") is not None and not tqm._start_at_done
    return {"proof": "ended", "hosts": hosts, "end_play": bool(iterator.end_play), "not_reached": waits}


def tagged():
    """Return whether tags choose among the tasks."""
    return list(context.CLIARGS.get("tags") or ["all"]) != ["all"] or bool(context.CLIARGS.get("skip_tags"))


def tasks_of(iterator):
    """Return how many tasks *iterator* has to carry out, without those that Ansible itself adds."""
    tasks = (task for block in iterator._blocks[1:] for task in block.get_tasks())  # the first one gathers facts
    return sum(1 for task in tasks if not task.implicit and task.action.rpartition(".")[2] not in NO_WORK)


def wrap(owner, name):
    """Return a decorator: its function replaces *owner*'s method *name*, which it gets as its first argument."""

    def replace(function):
        old = getattr(owner, name)

        @functools.wraps(old)
        def new(self, *args, **kwargs):
            if os.getpid() != REPORT.pid:
                return old(self, *args, **kwargs)
            return function(old, self, *args, **kwargs)

        setattr(owner, name, new)
        return function

    return replace


def watch_plays():
    """Report which hosts each play should have, has, and how they leave it."""

    @wrap(PlaybookExecutor, "_get_serialized_batches")
    def batches(old, self, play):
        batches_of_play = old(self, play)
        hosts = [[host.name for host in batch] for batch in batches_of_play]
        REPORT.write({"proof": "play", "batches": hosts})
        return batches_of_play

    @wrap(PlayIterator, "__init__")
    def begin(old, self, *args, **kwargs):
        old(self, *args, **kwargs)
        hosts = list(self._host_states)
        beyond = [] if REPORT.allowed is None else sorted(set(hosts) - REPORT.allowed - REPORT.made)
        if beyond:
            REPORT.write({"proof": "unplanned", "hosts": beyond})
            raise AnsibleError(f"this play would hold hosts that are not planned: {', '.join(beyond)}")
        REPORT.iterator = self
        REPORT.write({"proof": "began", "hosts": hosts, "tasks": tasks_of(self), "tagged": tagged()})

    sys.setrecursionlimit(sys.getrecursionlimit() + FRAMES)  # the whole play runs on the stack of the next function

    @wrap(TaskQueueManager, "run")
    def run(old, self, play):
        REPORT.tqm, REPORT.iterator = self, None
        try:
            return old(self, play)
        finally:
            if REPORT.iterator is not None:
                REPORT.write(snapshot(REPORT.iterator, self))  # without this nothing is proved of the batch

    for name in ("end_host", "clear_host_errors"):

        @wrap(PlayIterator, name)
        def remember(old, self, host, *args, call=name, **kwargs):
            key = host if isinstance(host, str) else host.name
            states = chain(self._host_states.get(key))
            lost = key in REPORT.lost.get(self, ())
            REPORT.history.setdefault(self, {}).setdefault(key, []).append([call, states, lost])
            return old(self, host, *args, **kwargs)


def watch_hosts():
    """Report the hosts that a playbook itself makes or moves, and whether a failure follows from another one."""

    @wrap(PlayIterator, "mark_host_failed")
    def fail(old, self, host):
        moment, _ = REPORT.after_failure.get(host.name, (None, None))
        if moment != REPORT.events:  # with `run_once` Ansible marks a host twice for one failure
            REPORT.after_failure[host.name] = REPORT.events, failed_before(self, host.name)
        return old(self, host)

    @wrap(InventoryManager, "add_dynamic_host")
    def add_host(old, self, host_info, *args, **kwargs):
        before = set(self.hosts)
        result = old(self, host_info, *args, **kwargs)
        new = sorted(set(self.hosts) - before)
        if new:
            REPORT.made.update(new)
        REPORT.write({"proof": "made", "hosts": new})
        return result

    @wrap(InventoryManager, "add_dynamic_group")
    def group_by(old, self, *args, **kwargs):
        REPORT.write({"proof": "made", "hosts": []})
        return old(self, *args, **kwargs)


def watch_terminal():
    """Put marks around the text of callbacks, and around warnings between them."""
    kinds = {"_warning": "warning", "_deprecated": "deprecated", "_error": "error"}
    saying = []

    @wrap(TaskQueueManager, "send_callback")
    def send(old, self, *args, **kwargs):
        if args[:1] == ("v2_runner_on_ok",):
            REPORT.hidden_stats.update(names_of_hidden_stats(args[1]))
        with REPORT.lock:
            plugins = self._callback_plugins
            if not isinstance(plugins[0], CallbackModule):
                plugins.sort(key=lambda plugin: not isinstance(plugin, CallbackModule))
            sys.setrecursionlimit(sys.getrecursionlimit() + FRAMES)
            try:
                return old(self, *args, **kwargs)
            finally:
                sys.setrecursionlimit(sys.getrecursionlimit() - FRAMES)
                REPORT.close_event()

    for method, kind in kinds.items():

        @wrap(Display, method)
        def say(old, self, *args, kind=kind, **kwargs):
            with REPORT.lock:
                saying.append(kind)
                try:
                    return old(self, *args, **kwargs)
                finally:
                    saying.pop()

    @wrap(Display, "display")
    def display(old, self, msg, color=None, stderr=False, screen_only=False, log_only=False, *args, **kwargs):  # noqa: PLR0917 - Ansible's own
        with REPORT.lock:
            alone = bool(saying) and REPORT.quiet and not log_only
            if alone:
                REPORT.open_event(saying[-1])
            if stderr:
                sys.stdout.flush()  # a terminal would have shown everything before it
            try:
                return old(self, msg, color, stderr, screen_only, log_only, *args, **kwargs)
            finally:
                if alone:
                    REPORT.close_event()


def end_workers():
    """
    End workers that hang where Ansible ends: it would wait for them for ever.

    As one that waits for the lock of the queue to Ansible, whose holder was killed. All that it had to say is lost by then.
    """
    if REPORT.pid != os.getpid():
        return
    until = time.monotonic() + LAST_WORDS
    for worker in multiprocessing.active_children():
        worker.join(max(0.0, until - time.monotonic()))
        if worker.is_alive():
            worker.kill()


def begin_report():
    """Return the report that the environment names; None if this is not a run of installkit."""
    folder = os.environ.pop("INSTALLKIT_EVENTS", None)
    if folder is None:
        return None
    allowed = json.loads(pathlib.Path(folder, "allowed").read_text(encoding="utf-8"))
    keep_facts = pathlib.Path(folder, "keep-facts").exists()
    return Report(pathlib.Path(folder, "events"), None if allowed is None else set(allowed), keep_facts)


REPORT = begin_report()
if REPORT is not None:
    atexit.register(end_workers)  # before multiprocessing's own, which waits without an end
    watch_plays()
    watch_hosts()
    watch_terminal()
    REPORT.write({"proof": "loaded", "core": __version__})
