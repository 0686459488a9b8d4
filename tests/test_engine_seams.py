"""What we rely on inside ansible-runner and pexpect: a new release that changes it has to be looked at."""

import inspect

import ansible_runner
import ansible_runner.runner
import pexpect
import pexpect.expect
import pexpect.spawnbase
import ptyprocess
import pytest
from ansible_runner.config.runner import RunnerConfig
from ansible_runner.runner import Runner
from ansible_runner.utils import OutputEventFilter

from installkit.ansible import reports, runner


@pytest.mark.parametrize(
    ("cls", "name", "parameters"),
    [
        (RunnerConfig, "prepare_env", ["self"]),
        (RunnerConfig, "generate_ansible_command", ["self"]),
        (Runner, "event_callback", ["self", "event_data"]),
        (pexpect.spawn, "read_nonblocking", ["self", "size", "timeout"]),
        (ptyprocess.PtyProcess, "isalive", ["self"]),
    ],
)
def test_what_is_overridden_exists_with_these_parameters(cls, name, parameters):
    assert parameters == list(inspect.signature(getattr(cls, name)).parameters)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(runner._Config, RunnerConfig), (runner._Runner, Runner), (runner._Terminal, pexpect.spawn)],
)
def test_nothing_of_ours_overrides_what_is_no_longer_there(ours, theirs):
    own = {"__module__", "__doc__", "__annotations__", "__init__", "__static_attributes__", "__firstlineno__"}

    assert set() == {name for name in vars(ours) if name not in own and not hasattr(theirs, name)}


def test_runner_looks_the_terminal_up_as_a_module_attribute():
    source = inspect.getsource(Runner.run)

    assert 1 == source.count("pexpect.spawn(")
    assert "child.expect(pexpect.EOF, timeout=5)" in source
    assert "child.logfile_read = stdout_handle" in source
    assert 2 == source.count("OutputEventFilter(")


def test_our_terminal_has_the_methods_of_the_filter_that_it_stands_in_for():
    theirs = {name for name, value in vars(OutputEventFilter).items() if callable(value) and not name.startswith("_")}

    assert {"write", "flush", "close"} == theirs
    assert theirs <= set(vars(reports.Terminal))


def test_terminal_reads_through_what_we_override():
    """`expect` reads by `read_nonblocking`, which hands each piece to the output before it returns."""
    assert "spawn.read_nonblocking(" in inspect.getsource(pexpect.expect.Expecter)
    assert "self._log(s, 'read')" in inspect.getsource(pexpect.spawnbase.SpawnBase.read_nonblocking)


def test_no_plugin_of_runner_is_installed():
    """One would get every event, secrets included, before we see it."""
    assert {} == dict(ansible_runner.plugins)


def test_delays_are_where_we_turn_them_off(tmp_path):
    child = pexpect.spawn("true")
    child.expect(pexpect.EOF)
    child.close()

    assert (0.0001, 0.1) == (child.delayafterread, child.ptyproc.delayafterclose)
