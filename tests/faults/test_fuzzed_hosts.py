"""Hosts whose Python answers every module with any bytes (`fuzzed_answers.py`), beside hosts that are well."""

import itertools
import shlex
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

import installkit
from bare_ansible import bare, timeless
from installkit import EventKind, InstallationStatus, RunStatus

ANSWERS = Path(__file__).with_name("fuzzed_answers.py")
GOOD = ("good1", "good2")
TASKS = (
    "ping: {{}}",
    "command: echo {number}",
    "stat: {{path: /}}",
    "ping: {{}}\n      loop: [1, 2]",
    "slurp: {{src: /etc/hostname}}",
    "command: echo {number}\n      register: said\n      changed_when: false",
)
HEAD = "- name: p1\n  hosts: all\n  gather_facts: false\n  ignore_errors: true\n  ignore_unreachable: true\n  tasks:\n"


def write_playbook(path, count):
    """Write *count* tasks of several modules, named t0, t1, …, that go on after whatever answer."""
    tasks = [f"    - name: t{n}\n      {TASKS[n % len(TASKS)].format(number=n)}\n" for n in range(count)]
    path.write_text(HEAD + "".join(tasks))


def write_inventory(folder, fuzzed, seed):
    """Write the good hosts, and *fuzzed* bad ones; return the inventory."""
    (folder / "answers").mkdir(exist_ok=True)
    lines = [f"{host} ansible_python_interpreter={sys.executable}" for host in GOOD]
    for number in range(fuzzed):
        script = folder / f"python{number}"
        command = [sys.executable, str(ANSWERS), str(folder / "answers"), f"{seed}-{number}"]
        script.write_text(f"#!/bin/sh\nexec {shlex.join(command)}\n")
        script.chmod(0o700)
        lines.append(f"bad{number} ansible_python_interpreter={script}")
    path = folder / "hosts.ini"
    path.write_text("\n".join([*lines, "[all:vars]", "ansible_connection=local", ""]))
    return path


@pytest.fixture
def run_on(folder, tmp_path, seed):
    """Carry a playbook of so many tasks out beside so many fuzzed hosts."""
    opened = []

    def _run(count, fuzzed):
        installer = installkit.Installer(tmp_path / "data")
        opened.append(installer)
        write_playbook(folder / "01.app.yml", count)
        site = installer.site("acme", inventory=write_inventory(tmp_path, fuzzed, seed), catalog=folder)
        return site, site.start(site.plan(install=["app"]), checks=False).wait(3000)

    yield _run
    for installer in opened:
        installer.close()


def results_of(run, host):
    """Return task and status of the results of *host*, in their order."""
    return [
        (each.task, each.status) for each in run.events() if each.kind is EventKind.TASK_RESULT and each.host == host
    ]


def expected(count):
    changed = {n for n in range(count) if n % len(TASKS) == 1}
    return [(f"t{n}", "changed" if n in changed else "ok") for n in range(count)]


@pytest.mark.timeout(3600)
def test_a_host_that_answers_anything_ends_no_other_hosts_work(run_on, times):
    """The good hosts' results are all there, in order and with their times, and so is the record of each."""
    fuzzed = 4
    count = times(60, 1000) // fuzzed
    site, run = run_on(count, fuzzed)
    events = list(run.events())
    begun, ended = (
        next(each.time for each in events if each.kind is kind and each.step == "01-app-install")
        for kind in (EventKind.STEP_STARTED, EventKind.STEP_FINISHED)
    )

    assert run.status in {RunStatus.SUCCEEDED, RunStatus.FAILED}
    assert set() == {host for failure in run.failures for host in failure.hosts} & set(GOOD)
    for host in GOOD:
        assert expected(count) == results_of(run, host)
    assert all(begun <= each.time <= ended for each in events if each.host)
    assert all(
        0 <= each.duration < (ended - begun).total_seconds() for each in events if each.host in GOOD and each.duration
    )
    assert {InstallationStatus.INSTALLED} == {row.status for row in site.installed() if row.host in GOOD}
    spans = [(each.log.start, each.log.end) for each in events if each.log]
    assert [0, *(end for _, end in spans)] == [*(start for start, _ in spans), len(run.log("app"))]


@pytest.mark.timeout(3600)
def test_every_answer_is_an_event_of_its_own_host(run_on, times):
    """Whatever a host answers is a result of its task there, and nothing is told twice or of another host."""
    count = times(15, 250)
    _, run = run_on(count, 1)
    told = Counter(each.task for each in run.events() if each.kind is EventKind.TASK_RESULT and each.host == "bad0")

    assert {f"t{n}": 1 for n in range(count)} == dict(told)
    assert {"good1", "good2", "bad0", None} == {each.host for each in run.events()}


@pytest.mark.timeout(3600)
def test_the_log_beside_such_a_host_is_that_of_bare_ansible(run_on, times, folder, tmp_path, monkeypatch):
    """Byte for byte, with one host at a time, so that their order is not a chance."""
    monkeypatch.setenv("ANSIBLE_FORKS", "1")
    monkeypatch.setenv("ANSIBLE_PIPELINING", "True")
    _, run = run_on(times(18, 180), 1)
    shutil.rmtree(tmp_path / "answers")
    (tmp_path / "answers").mkdir()

    theirs = timeless(bare(folder / "01.app.yml", tmp_path / "hosts.ini", timeout=1800)).split(b"\n")
    ours = timeless(run.log("app")).split(b"\n")
    differing = [
        (one[:200], other[:200]) for one, other in itertools.zip_longest(theirs, ours, fillvalue=b"") if one != other
    ]

    assert [] == differing[:3]


@pytest.mark.timeout(3600)
def test_a_check_of_such_a_host_says_what_every_task_found(run_on, times, folder):
    """A result that cannot be read is a finding all the same, and a good host's checks pass."""
    count = times(18, 180)
    write_playbook(folder / "01.app.check.yml", count)
    site, _ = run_on(1, 2)
    run = site.start_check(site.plan(install=["app"], force=["app"])).wait(3000)
    checks = [check for check in run.checks if check.component]
    found = {(check.name, host) for check in checks for host in check.hosts}
    names = {f"t{n}" for n in range(count)}
    told = {
        (f"app.{each.task}", each.host)
        for each in run.events()
        if each.kind is EventKind.TASK_RESULT and each.task in names and each.status in {"ok", "changed", "failed"}
    }

    assert {(f"app.{name}", host) for name in names for host in GOOD} <= found
    assert told == found
    assert {"pass"} == {check.status for check in checks if set(GOOD) & set(check.hosts)}
