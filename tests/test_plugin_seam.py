"""
What our plugin relies on inside Ansible: a new ansible-core that changes it has to be looked at.

Asked in a process of its own: installkit and its tests never import Ansible.
"""

import ast
import json
import subprocess
import sys

import pytest

from installkit.ansible import runner

ASK = """
import dataclasses, inspect, json, threading
from ansible import context
from ansible.executor.play_iterator import FailedStates, HostState, IteratingStates, PlayIterator
from ansible.executor.playbook_executor import PlaybookExecutor
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.inventory.manager import InventoryManager
from ansible.plugins.callback import CallbackBase
from ansible.utils.display import Display

def parameters(function):
    return list(inspect.signature(function).parameters)

def source(function):
    return inspect.getsource(inspect.unwrap(function))

methods = {
    PlayIterator: ["__init__", "mark_host_failed", "end_host", "clear_host_errors"],
    PlaybookExecutor: ["_get_serialized_batches"],
    TaskQueueManager: ["run", "send_callback"],
    InventoryManager: ["add_dynamic_host", "add_dynamic_group"],
    Display: ["_warning", "_deprecated", "_error", "display"],
    CallbackBase: [name for name in dir(CallbackBase) if name.startswith("v2_")],
}
run = source(TaskQueueManager.run)
display = Display()
print(json.dumps({
    "parameters": {f"{owner.__name__}.{name}": parameters(getattr(owner, name)) for owner in methods for name in methods[owner]},
    "state": sorted(vars(HostState([]))),
    "states": [each.name for each in IteratingStates],
    "none": int(FailedStates.NONE),
    "iterator": [name for name in ("_host_states", "_blocks", "end_play") if f"self.{name}" in source(PlayIterator)],
    "manager": [
        name for name in ("_unreachable_hosts", "_start_at_done", "_callback_plugins") if f"self.{name}" in source(TaskQueueManager)
    ],
    "blocks": source(PlayIterator.__init__),
    "lock": isinstance(display._lock, type(threading.RLock())),
    "order": [run.index("v2_playbook_on_play_start"), run.index("PlayIterator("), run.index("strategy.run(")],
    "unreachable": source(__import__("ansible.plugins.strategy", fromlist=["x"]).StrategyBase._process_pending_results),
}))
"""


@pytest.fixture(scope="module")
def seam():
    """Return what Ansible says of itself."""
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, timeout=100, check=False)
    assert "" == done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("PlayIterator.mark_host_failed", ["self", "host"]),
        ("PlayIterator.end_host", ["self", "hostname"]),
        ("PlayIterator.clear_host_errors", ["self", "host"]),
        ("PlaybookExecutor._get_serialized_batches", ["self", "play"]),
        ("TaskQueueManager.run", ["self", "play"]),
        ("TaskQueueManager.send_callback", ["self", "method_name", "args", "kwargs"]),
        ("InventoryManager.add_dynamic_group", ["self"]),
        ("InventoryManager.add_dynamic_host", ["self", "host_info"]),
        ("Display._warning", ["self", "warning"]),
        ("Display._deprecated", ["self", "warning"]),
        ("Display._error", ["self", "error", "stderr"]),
    ],
)
def test_what_the_plugin_wraps_exists_with_these_parameters(seam, name, parameters):
    """It names these; others behind them are handed on as they come."""
    assert parameters == seam["parameters"][name][: len(parameters)]


def test_the_terminal_is_written_to_through_these_parameters(seam):
    """The plugin names them when it hands a call on."""
    expected = ["self", "msg", "color", "stderr", "screen_only", "log_only"]

    assert expected == seam["parameters"]["Display.display"][: len(expected)]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("v2_playbook_on_start", ["playbook"]),
        ("v2_playbook_on_play_start", ["play"]),
        ("v2_playbook_on_stats", ["stats"]),
        ("v2_playbook_on_task_start", ["task", "is_conditional"]),
        ("v2_playbook_on_handler_task_start", ["task"]),
        ("v2_playbook_on_no_hosts_matched", []),
        ("v2_playbook_on_no_hosts_remaining", []),
        ("v2_playbook_on_include", ["included_file"]),
        ("v2_playbook_on_notify", ["handler", "host"]),
        ("v2_runner_on_start", ["host", "task"]),
        ("v2_runner_on_ok", ["result"]),
        ("v2_runner_on_failed", ["result", "ignore_errors"]),
        ("v2_runner_on_skipped", ["result"]),
        ("v2_runner_on_unreachable", ["result"]),
        ("v2_runner_on_async_poll", ["result"]),
        ("v2_runner_on_async_ok", ["result"]),
        ("v2_runner_on_async_failed", ["result"]),
        ("v2_runner_retry", ["result"]),
        ("v2_on_file_diff", ["result"]),
        ("v2_runner_item_on_ok", ["result"]),
        ("v2_runner_item_on_failed", ["result"]),
        ("v2_runner_item_on_skipped", ["result"]),
    ],
)
def test_every_call_that_may_print_is_known(seam, name, parameters):
    assert ["self", *parameters] == seam["parameters"][f"CallbackBase.{name}"]


def test_no_call_that_may_print_is_missed(seam):
    """`v2_on_any` comes behind another one, whose event is open still."""
    theirs = {name.partition(".")[2] for name in seam["parameters"] if name.startswith("CallbackBase.v2_")}
    plugin = ast.parse((runner._PLUGINS / "installkit_events.py").read_text())
    ours = {node.name for node in ast.walk(plugin) if isinstance(node, ast.FunctionDef)}

    assert {"v2_on_any"} == theirs - ours


def test_a_host_has_the_state_that_is_reported(seam):
    wanted = {"_blocks", "cur_block", "run_state", "fail_state", "cur_rescue_task"}
    wanted |= {"tasks_child_state", "rescue_child_state", "always_child_state"}

    assert set() == wanted - set(seam["state"])
    assert {"SETUP", "TASKS", "RESCUE", "ALWAYS", "HANDLERS", "COMPLETE"} <= set(seam["states"])
    assert 0 == seam["none"]


def test_the_objects_have_what_is_read(seam):
    assert ["_host_states", "_blocks", "end_play"] == seam["iterator"]
    assert ["_unreachable_hosts", "_start_at_done", "_callback_plugins"] == seam["manager"]


def test_the_first_block_is_the_one_that_gathers_facts(seam):
    """Its tasks are no work that tags chose."""
    text = seam["blocks"]

    assert -1 < text.index("_blocks.append(setup_block)") < text.index("_blocks.append(new_block)")


def test_the_terminals_lock_can_be_taken_again_by_who_holds_it(seam):
    assert seam["lock"]


def test_a_play_is_told_then_its_iterator_is_made_then_it_runs(seam):
    assert sorted(seam["order"]) == seam["order"]


def test_a_lost_host_is_noted_before_callbacks_hear_of_it(seam):
    """So that the plugin can tell it from one that `ignore_unreachable` keeps."""
    text = seam["unreachable"]

    assert -1 < text.index("_unreachable_hosts[original_host.name] = True") < text.index("'v2_runner_on_unreachable'")
