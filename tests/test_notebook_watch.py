"""Watching a run in a real kernel."""

import pytest

import installkit
from installkit import RunStatus
from installkit.notebook import watch
from kernel import Kernel

WAITS = """
- name: Play
  hosts: all
  gather_facts: false
  tasks:
    - name: Say
      ansible.builtin.debug: {{msg: "<script>alert(1)</script> ünï"}}
    - name: Wait for the gate
      ansible.builtin.shell: while ! test -e {gate}; do sleep 0.1; done
"""

OPEN = """
import installkit
from installkit.notebook import watch
installer = installkit.Installer({data!r})
run = installer.run("last")
"""


@pytest.fixture
def kernel(tmp_path):
    kernel = Kernel(tmp_path)
    yield kernel
    kernel.close()


@pytest.fixture
def gate(tmp_path):
    return tmp_path / "gate"


@pytest.fixture
def run(installer, folder, inventory, gate):
    (folder / "03.mysql.yml").write_text(WAITS.format(gate=gate))
    site = installer.site("acme", inventory=inventory, catalog=folder)
    return site.start(site.plan(install=["mysql"]))


def shown(kernel):
    """Return the only output that can be updated, as HTML."""
    return next(reversed(kernel.displays.values()), {}).get("text/html", "")


def test_a_run_is_watched_stopped_and_picked_up_again(kernel, run, gate, installer):
    """Whatever is done to the cell or the kernel, the run goes on, and whoever watches again sees all of it."""
    code = OPEN.format(data=str(installer.folders.data))
    cell = kernel.begin(f"{code}\nwatch(run)")
    page = kernel.until(lambda: "Wait for the gate" in shown(kernel) and shown(kernel))
    kernel.interrupt()
    ended = kernel.end_of(cell)

    assert "&lt;script&gt;alert(1)&lt;/script&gt; ünï" in page
    assert "<script>" not in page
    assert "<span style=" in page.split("ik-log")[-1], "the log has Ansible's colours"
    assert "error" == ended
    assert "the run goes on" in shown(kernel)
    assert [] == kernel.outputs(cell)
    assert RunStatus.RUNNING is run.status

    background, _ = kernel.run("watch(run, background=True)")
    other, _ = kernel.run("6 * 7")
    kernel.displays.clear()
    kernel.until(lambda: shown(kernel))

    assert [{"text/plain": "42"}] == kernel.outputs(other)
    assert [] == kernel.outputs(background)
    assert RunStatus.RUNNING is run.status

    kernel.restart()
    cell = kernel.begin(f"{code}\nwatch(run)\nrun")
    kernel.until(lambda: "Wait for the gate" in shown(kernel))
    gate.touch()

    assert "ok" == kernel.end_of(cell)
    assert "succeeded" in shown(kernel)
    assert "succeeded" in kernel.outputs(cell)[0]["text/html"]
    assert RunStatus.SUCCEEDED is run.wait(20).status


def test_outside_a_notebook_a_run_is_told_in_lines(run, gate, capsys):
    with pytest.raises(installkit.InstallkitError, match="in a notebook only"):
        watch(run, background=True)
    gate.touch()
    watch(run)

    lines = capsys.readouterr().out.splitlines()
    assert [
        "running    check localhost",
        "succeeded  check localhost",
        "running    install mysql on localhost",
        "succeeded  install mysql on localhost",
    ] == lines[:-1]
    assert lines[-1].startswith(f"run {run.id[:6]} succeeded: 2 of 2 steps succeeded, ")
