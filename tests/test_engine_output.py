"""Output that is hard to carry: the same bytes as from bare ansible-playbook, in bounded memory."""

import os
import re
import signal
import subprocess
import sys

import pytest

import installkit
from installkit import EventKind, RunStatus
from installkit.ansible.programs import find_program
from plan_steps import component_steps

SOAK = os.environ.get("INSTALLKIT_SOAK") == "1"
LINES = 100_000 if SOAK else 20_000
ITEMS = LINES // 100
LONG = 10_000_000 if SOAK else 2_000_000
MEMORY = 80_000
"""kB that a step process may have had at most."""

_TIMES = re.compile(rb'"(delta|end|start)": "[^"]*"')
_PEAK = """
import os
from pathlib import Path
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_TYPE, CALLBACK_NAME = "notification", "peak"

    def v2_playbook_on_stats(self, stats):
        status = Path(f"/proc/{os.getppid()}/status").read_text()
        Path("PEAK").write_text(status.split("VmHWM:")[1].split()[0])
"""


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "playbooks"
    folder.mkdir()
    (folder / "ansible.cfg").write_text("[defaults]\nstdout_callback = minimal\nmodule_strict_utf8_response = no\n")
    return folder


@pytest.fixture
def site(tmp_path, inventory, folder):
    with installkit.Installer(tmp_path / "data") as installer:
        yield installer.site("acme", inventory=inventory, catalog=folder)


def bare(folder, inventory):
    done = subprocess.run(
        [find_program("ansible-playbook"), "-i", inventory, "03.mysql.yml"],
        cwd=folder,
        env={**os.environ, "ANSIBLE_FORCE_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=100,
        check=False,
    )
    return done.stdout


def play(folder, script):
    """Write a playbook whose only task runs the Python *script*; the minimal callback prints what it prints, raw."""
    (folder / "script.py").write_text(script)
    (folder / "03.mysql.yml").write_text(
        f"- hosts: all\n  gather_facts: false\n  tasks:\n    - command: {sys.executable} {folder / 'script.py'}\n"
    )


def run_of(site):
    return site.start(site.plan(install=["mysql"]), checks=False).wait(110)


ODD = {
    "no final newline": "UTF-8 split between reads, ünï €uro 😀".encode() * 1000,
    "carriage return at the end": b"50%\r100%\r",
    "line ends of all kinds": b"10%\r\r\n20%\r\n\r\n a\x0bb\x0cc\x1cd\xc2\x85e\xe2\x80\xa8f\t\n\n\n",
    "no UTF-8": b"\xff\xfe \xc3 \xe2\x82 \xf0\x9f\x98",
    "NUL, escapes and a forged end": b"a\0b\0\x1b[Kb\x1b[3D\x1b[K\x1b[2J\x1b]0;title\x07" + b"-" * 800,
}


@pytest.mark.long
def test_what_a_task_prints_is_in_the_log_byte_for_byte(site, folder, inventory):
    script = folder / "script.py"
    script.write_text(f"import sys; sys.stdout.buffer.write({ODD!r}[sys.argv[1]])")
    command = f"{sys.executable} {script}"
    tasks = (f"    - command: {{cmd: \"{command} '{name}'\", strip_empty_ends: false}}\n" for name in ODD)
    (folder / "03.mysql.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks:\n" + "".join(tasks))
    run = run_of(site)

    assert RunStatus.SUCCEEDED is run.status
    assert bare(folder, inventory) == run.log("mysql")
    assert all(text in run.log("mysql") for text in (b"10%\r\x1b", ODD["NUL, escapes and a forged end"]))


@pytest.mark.long
def test_events_of_any_output_can_be_sent_as_utf8(site, folder):
    play(folder, r"import sys; sys.stdout.buffer.write(b'\xff\xed\xa0\x80 bad'); sys.exit(3)")
    run = run_of(site)
    (failure,) = run.failures

    assert failure.message
    assert all(repr(event).encode() for event in run.events())
    for path in (run._journal.path / "events.jsonl", run._journal.path / "result.json"):
        assert not re.search(rb"\\ud[89a-f][0-9a-f]{2}(?!\\ud[c-f])", path.read_bytes())


@pytest.mark.long
@pytest.mark.parametrize(
    "script",
    [
        pytest.param(f"print('x' * {LONG})", id="one long line"),
        pytest.param(f"for number in range({LINES}): print('line', number)", id="many lines"),
    ],
)
def test_much_output_takes_bounded_memory_and_bounded_events(site, folder, inventory, script):
    play(folder, script)
    plugins = folder / "callback_plugins"
    plugins.mkdir()
    (plugins / "peak.py").write_text(_PEAK.replace("PEAK", str(folder / "peak")))
    run = run_of(site)
    peak = int((folder / "peak").read_text())
    log = run.log("mysql")
    spans = [event.log for event in run.events() if event.log]

    assert RunStatus.SUCCEEDED is run.status
    assert _TIMES.sub(b"", bare(folder, inventory)) == _TIMES.sub(b"", log)
    assert len(log) == spans[-1].end
    assert peak < MEMORY
    assert (run._journal.path / "events.jsonl").stat().st_size < 200_000


@pytest.mark.long
def test_a_log_that_reaches_its_limit_is_cut_and_the_run_goes_on(site, folder, inventory):
    """Its end says so, a warning says so once; events and status are as ever, and their spans end where the log does."""
    play(folder, "for number in range(500): print('line', number)")
    with (folder / "03.mysql.yml").open("a") as file:
        file.write("    - debug: {msg: after}\n      loop: [1, 2]\n")
    run = site.start(site.plan(install=["mysql"]), log_limit=3000, checks=False).wait(60)
    log = run.log("mysql")
    events = list(run.events())
    spans = [event.log for event in events if event.log]
    warnings = [event.message for event in events if event.kind is EventKind.WARNING]
    body, mark, rest = log.partition(b"[installkit: the log is cut here at 3000 bytes")

    assert RunStatus.SUCCEEDED is run.status
    assert 2900 < len(body) <= 3000
    assert bare(folder, inventory).startswith(body)
    assert (True, 1) == (bool(mark), rest.count(b"\n"))
    assert ["the log of 01-mysql-install is cut at its limit of 3000 bytes; the run goes on"] == warnings
    assert log == b"".join(log[span.start : span.end] for span in spans) == b"".join(run.follow_log("mysql"))
    assert component_steps(run.steps)[0].log_size == len(log)
    assert [1, 2] == [event.data["item"] for event in events if event.kind is EventKind.ITEM_RESULT]
    assert {"localhost"} == component_steps(run.steps)[0].recap.keys()


@pytest.mark.long
def test_many_events_in_one_step_are_all_there(site, folder):
    """Each with its own bytes of the log, none twice."""
    (folder / "03.mysql.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        f"    - debug: {{msg: '{{{{ item }}}}'}}\n      loop: '{{{{ range({ITEMS}) | list }}}}'\n"
    )
    run = run_of(site)
    events = list(run.events())
    spans = [event.log for event in events if event.log]

    assert list(range(1, len(events) + 1)) == [event.seq for event in events]
    assert ITEMS == sum(event.kind is EventKind.ITEM_RESULT for event in events)
    assert run.log("mysql") == b"".join(run.log("mysql")[span.start : span.end] for span in spans)


@pytest.mark.long
def test_a_warning_before_ansible_read_its_variables_does_not_take_them_away(site, folder, tmp_path):
    """The file with the secrets goes once Ansible has read it, not once it has printed something."""
    folder.chmod(0o777)  # Ansible warns of it first of all
    (folder / "mysql.component.yml").write_text(
        "parameters:\n  pw: {type: string, secret: true, required: true}\nactions: {install: 03.mysql.yml}\n"
    )
    (folder / "03.mysql.yml").write_text(
        f"- hosts: all\n  gather_facts: false\n  tasks:\n    - copy: {{content: '{{{{ pw }}}}', dest: {tmp_path / 'got'}}}\n"
    )
    run = site.start(site.plan(install=["mysql"]), secrets={"pw": "canary-value"}, verbosity=2, checks=False).wait(60)

    assert "world writable" in run.log_text("mysql")
    assert RunStatus.SUCCEEDED is run.status
    assert "canary-value" == (tmp_path / "got").read_text()


@pytest.mark.long
def test_a_terminal_that_something_left_behind_holds_open_does_not_hold_the_run(site, folder, tmp_path):
    """What a lookup starts on this machine inherits Ansible's terminal."""
    pid = tmp_path / "pid"
    (folder / "03.mysql.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        f"    - debug: {{msg: \"{{{{ lookup('pipe', '(setsid sleep 30 >/dev/null & echo $! > {pid})') }}}}\"}}\n"
    )
    run = site.start(site.plan(install=["mysql"]), checks=False).wait(20)
    os.kill(int(pid.read_text()), signal.SIGKILL)

    assert RunStatus.SUCCEEDED is run.status
