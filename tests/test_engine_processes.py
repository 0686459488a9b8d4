"""Processes, real ones: each test forks, since being a subreaper is for a process's whole life."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="death signals and subreapers are Linux's")


def run(script):
    """Run *script* in a Python of its own and return what it printed."""
    head = "import os, signal, subprocess, sys, time\nfrom installkit.processes import *\n"
    done = subprocess.run(
        [sys.executable, "-c", head + script], capture_output=True, text=True, timeout=60, check=False
    )
    assert "" == done.stderr
    return done.stdout.split()


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def is_gone_within(seconds, pid):
    deadline = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_alive(pid)


def test_orphans_become_ours_and_are_ended_down_to_the_last():
    """One that left its session and ignores SIGTERM, and what is below it."""
    gone, left, *pids = run(
        "become_subreaper()\n"
        "inner = 'trap : TERM; sleep 60 & echo $$ $!; wait; sleep 60'\n"
        "out = subprocess.Popen(['sh', '-c', 'setsid sh -c \"$0\" &', inner], stdout=subprocess.PIPE)\n"
        "pids = out.stdout.readline().decode().split(); out.wait()\n"
        "print(end_children(), len(children()), *pids)\n"
    )

    assert ("True", "0", 2) == (gone, left, len(pids))
    assert [] == [pid for pid in pids if is_alive(pid)]


def test_what_is_kept_stays_and_what_is_below_it_too():
    gone, *pids = run(
        "become_subreaper()\n"
        "pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.DEVNULL}\n"
        "kept = subprocess.Popen(['sh', '-c', 'sleep 50 >&2 & echo $!; wait'], **pipes)\n"
        "below = int(kept.stdout.readline())\n"
        "keep = children()\n"
        "other, spared = (subprocess.Popen(['sleep', '50'], **pipes) for _ in range(2))\n"
        "print(end_children(keep, spare=[spared.pid]), kept.pid, below, spared.pid, other.pid, flush=True)\n"
        "os._exit(0)\n"
    )
    alive = [is_alive(pid) for pid in pids]
    for pid in pids[:3]:
        os.kill(int(pid), signal.SIGKILL)

    assert "True" == gone
    assert [True, True, True, False] == alive


def test_a_later_process_with_a_kept_number_is_not_kept():
    pid, gone = run(
        "child = subprocess.Popen(['sleep', '50'])\n"
        "(real,) = children()\n"
        "print(child.pid, end_children([Process(child.pid, real.started - 1)]))\n"
    )

    assert "True" == gone
    assert not is_alive(pid)


def test_those_that_end_by_themselves_are_waited_for():
    """With patience nothing is killed before its time."""
    ended, status = run(
        "child = subprocess.Popen(['sh', '-c', 'sleep 0.3; echo well'])\nprint(end_children(patience=5.0))\n"
    )[::-1]

    assert ("True", "well") == (ended, status)


def test_a_process_that_asked_for_it_dies_with_its_parent():
    (pid,) = run(
        "child = subprocess.Popen(['sleep', '50'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,\n"
        "    preexec_fn=lambda parent=os.getpid(): die_with_parent(parent))\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    assert is_gone_within(5.0, pid)


def test_a_process_whose_parent_died_before_it_asked_ends_at_once():
    """Its parent is another by then: the death signal would wait for the wrong one."""
    (status,) = run(
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    die_with_parent(os.getppid() + 1)\n"
        "    os._exit(0)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )

    assert -signal.SIGTERM == int(status)
