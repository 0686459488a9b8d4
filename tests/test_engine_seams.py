"""What we rely on inside ansible-runner and pexpect: a new release that changes it has to be looked at."""

import base64
import inspect
import json
import uuid
from pathlib import Path

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

from installkit.engine import ansible
from installkit.engine.translation import event_text


@pytest.mark.parametrize(
    ("cls", "name", "parameters"),
    [
        (RunnerConfig, "prepare_env", ["self"]),
        (RunnerConfig, "generate_ansible_command", ["self"]),
        (Runner, "event_callback", ["self", "event_data"]),
        (pexpect.spawn, "read_nonblocking", ["self", "size", "timeout"]),
        (pexpect.spawn, "_log", ["self", "s", "direction"]),
        (ptyprocess.PtyProcess, "isalive", ["self"]),
    ],
)
def test_what_is_overridden_exists_with_these_parameters(cls, name, parameters):
    assert parameters == list(inspect.signature(getattr(cls, name)).parameters)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(ansible._Config, RunnerConfig), (ansible._Runner, Runner), (ansible._Terminal, pexpect.spawn)],
)
def test_nothing_of_ours_overrides_what_is_no_longer_there(ours, theirs):
    own = {"__module__", "__doc__", "__annotations__", "__init__", "__static_attributes__", "__firstlineno__"}

    assert set() == {name for name in vars(ours) if name not in own and not hasattr(theirs, name)}


def test_runner_looks_the_terminal_up_as_a_module_attribute():
    source = inspect.getsource(Runner.run)

    assert 1 == source.count("pexpect.spawn(")
    assert "child.expect(pexpect.EOF, timeout=5)" in source
    assert "child.logfile_read = stdout_handle" in source


def test_terminal_reads_through_what_we_override():
    """`expect` reads by `read_nonblocking`, which hands each piece to `_log` before it returns."""
    assert "spawn.read_nonblocking(" in inspect.getsource(pexpect.expect.Expecter)
    assert "self._log(s, 'read')" in inspect.getsource(pexpect.spawnbase.SpawnBase.read_nonblocking)


def test_no_plugin_of_runner_is_installed():
    """One would get every event, secrets included, before we see it."""
    assert {} == dict(ansible_runner.plugins)


def test_a_handler_that_fails_to_write_is_passed_over_by_runner():
    """The reason why we keep such a fault and raise it ourselves."""
    assert "except IOError as e:" in inspect.getsource(Runner.event_callback)


def test_delays_are_where_we_turn_them_off(tmp_path):
    child = pexpect.spawn("true")
    child.expect(pexpect.EOF)
    child.close()

    assert (0.0001, 0.1) == (child.delayafterread, child.ptyproc.delayafterclose)


def events_of(*written, kind=ansible._Output):
    found = []
    output = kind(None, found.append, suppress_ansible_output=True)
    for text in written:
        output.write(text)
    output.close()
    return [dict(event) for event in found]


def marker(data):
    encoded = base64.b64encode(json.dumps(data).encode()).decode()
    return f"\x1b[K{encoded}\x1b[{len(encoded)}D\x1b[K"


@pytest.mark.parametrize(
    "text",
    ["one\n", "one", "\n", "one\n\n\n", "a\nb\nc\n", "\x00\udcff\n", "a\x0bb\x0cc\x1cd\x85e\u2028f\n", " \t\n"],
)
@pytest.mark.parametrize("chunk", [2, 7, 2000])
def test_counting_lines_gives_each_text_back(text, chunk):
    """Runner strips the line ends; its counts bring them back, however the bytes came in."""
    whole = marker({"uuid": "u1"}) + text + marker({}) + marker({"uuid": "u2"}) + marker({})
    events = events_of(*(whole[start : start + chunk] for start in range(0, len(whole), chunk)))

    assert ["u1", "u2", None] == [event.get("uuid") for event in events]
    assert text == event_text(events[0])
    assert "" == event_text(events[1])


def test_what_the_callback_plugin_writes_is_what_we_look_for():
    """One piece of base64 holds any id of an event, so that one pattern finds it."""
    plugin = Path(ansible_runner.__file__).parent / "display_callback/callback/awx_display.py"
    source = plugin.read_text()

    assert "def dump(self, fileobj, data, max_width=78, flush=False):" in source
    assert "self.dump(fileobj, {'uuid': begin_dict['uuid']})" in source
    assert "self.dump(fileobj, self.get_end_dict(), flush=True)" in source
    assert len(base64.b64encode(json.dumps({"uuid": f"{uuid.uuid4()}_9999"}).encode())) <= 78


@pytest.mark.parametrize("text", ["\x1b[Kabcd\x1b[4D\x1b[K", "\x1b[K/\x1b[1D\x1b[K done", "\x1b[K\x1b[K"])
def test_escapes_of_a_progress_bar_are_text(text):
    whole = marker({"uuid": "u1"}) + text + marker({})

    assert text == event_text(events_of(whole)[0])
    assert ("\x1b[K\x1b[K" == text) == (text == event_text(events_of(whole, kind=OutputEventFilter)[0]))


@pytest.mark.parametrize("text", ["warning one\nwarning two\n", "a\x0bb\x85c\nd\n", "no end"])
def test_text_outside_any_event_is_given_back_too(text):
    assert text == "".join(event_text(event) for event in events_of(text))


def test_a_carriage_return_at_the_end_would_be_lost():
    """The reason why it is sent past runner as another character."""
    (event, _) = events_of("100%\r\n")

    assert "100%\n" == event_text(event)
