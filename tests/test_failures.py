"""Failures are told by their cause: what differs in names and numbers alone is one, whatever hosts and steps it met."""

import json
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from installkit.model import Check, CheckStatus, Failure, FailureCode, group_checks, group_failures

DOWN = "Failed to connect to the host via ssh: ssh: connect to host {address} port 22: Connection refused"


def unreachable(host, step="01-c1-install", address="10.0.0.1", **fields):
    where = f"install {step.split('-')[1]}"
    return Failure(
        code=FailureCode.HOST_UNREACHABLE,
        summary=f"{where}: task 'Gathering Facts' could not reach the host on {host} (0{step[1]}.yml:1)",
        component=step.split("-")[1],
        step=step,
        hosts=(host,),
        task="Gathering Facts",
        location=f"0{step[1]}.yml:1",
        **{"message": DOWN.format(address=address), **fields},
    )


def failed(host, message, *, task="Copy", step="01-c1-install", code=FailureCode.TASK_FAILED):
    summary = f"install c1: task {task!r} failed on {host} (c1.yml:4)"
    fields = {"step": step, "task": task, "location": "c1.yml:4"}
    return Failure(code=code, summary=summary, hosts=(host,), message=message, **fields)


def test_hosts_that_are_down_are_one_failure_over_all_steps():
    hosts = {"a": "127.9.9.11", "b": "127.9.9.12", "c": "127.9.9.13"}
    steps = [f"0{number}-c{number}-install" for number in (1, 2, 3, 4)]
    (failure,) = group_failures(unreachable(host, step, hosts[host]) for step in steps for host in hosts)

    assert ("a", "b", "c") == failure.hosts
    assert (steps[0], tuple(steps)) == (failure.step, failure.steps)
    assert "could not reach a, b, c in 4 steps: 01-c1-install, 02-c2-install, 03-c3-install and 1 more" == (
        failure.summary
    )
    assert DOWN.format(address="127.9.9.11") == failure.message


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(DOWN.format(address="10.0.0.1"), DOWN.format(address="db2.example.com"), id="addresses"),
        pytest.param("connect to fe80::1%eth0: no route", "connect to fe80::2:b%eth1: no route", id="IPv6"),
        pytest.param("web1: disk is full", "web2: disk is full", id="own names"),
        pytest.param("web1.example.com says no", "web2.example.com says no", id="own names in a domain"),
        pytest.param("root@10.0.0.1: Permission denied", "root@web2.lan: Permission denied", id="users at hosts"),
        pytest.param("took 0:00:10.022", "took 0:00:11.9", id="durations"),
        pytest.param("cannot bind 0.0.0.0:8080", "cannot bind 0.0.0.0:8081", id="ports"),
        pytest.param(
            "~/.ansible/tmp/ansible-tmp-17.1-a/x: no", "~/.ansible/tmp/ansible-tmp-18-b/y: no", id="temporary"
        ),
        pytest.param("lock 3f2a9c4e71b0 is held", "lock 91b0c7723fe2 is held", id="ids"),
        pytest.param("pid 71 does not answer", "pid 4022 does not answer", id="numbers"),
    ],
)
def test_what_differs_from_host_to_host_is_no_other_cause(one, other):
    (failure,) = group_failures([failed("web1", one), failed("web2", other)])

    assert (("web1", "web2"), one) == (failure.hosts, failure.message)
    assert "install c1: task 'Copy' failed on web1, web2 (c1.yml:4)" == failure.summary


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(failed("web2", "no space"), id="another message"),
        pytest.param(failed("web2", "no file", task="Unpack"), id="another task"),
        pytest.param(failed("web2", "no file", code=FailureCode.PLAYBOOK_INVALID), id="another kind"),
    ],
)
def test_another_cause_is_another_failure(other):
    assert 2 == len(group_failures([failed("web1", "no file"), other]))


def test_a_single_failure_stays_as_it_was_told():
    only = failed("web1", "no file")

    assert (attrs.evolve(only, steps=("01-c1-install",)),) == group_failures([only])


def test_checks_are_one_by_their_name():
    """Findings of different checks are not one, though they say the same: each is mended, or ignored, by its name."""
    checks = [
        attrs.evolve(
            failed(host, "no", code=FailureCode.CHECK_FAILED), step=step, summary=f"check {name} failed on x: no"
        )
        for name, host, step in [("host.disk", "a", "01"), ("host.disk", "b", "02"), ("host.memory", "a", "01")]
    ]
    summaries = [failure.summary for failure in group_failures(checks)]

    assert ["check host.disk failed on a, b in 2 steps: 01, 02: no", "check host.memory failed on x: no"] == summaries


def test_checks_of_the_connection_are_one_row_though_addresses_differ():
    """Of other checks each host's numbers are told."""
    down = [
        Check(
            name=name, component=None, hosts=(host,), status=CheckStatus.FAIL, message=f"host 10.0.0.{number} says no"
        )
        for name in ("host.connection", "host.disk")
        for number, host in enumerate("ab")
    ]

    assert [("host.connection", ("a", "b")), ("host.disk", ("a",)), ("host.disk", ("b",))] == [
        (check.name, check.hosts) for check in group_checks(down)
    ]


FAILURES = st.builds(
    unreachable,
    st.sampled_from(["a", "b", "web1"]),
    st.sampled_from(["01-c1-install", "02-c2-install", "03-c3-install"]),
    st.sampled_from(["10.0.0.1", "10.0.0.2", "::1"]),
    message=st.sampled_from([DOWN.format(address="h"), DOWN.format(address="1.2.3.4"), "timed out after 10 s", "no"]),
)


@given(st.lists(FAILURES, max_size=12), st.integers(0, 12))
def test_it_does_not_matter_when_failures_are_grouped(failures, cut):
    """A run is followed in pieces: what was grouped before, with what came since, is the same as all at once."""
    assert group_failures(failures) == group_failures((*group_failures(failures[:cut]), *failures[cut:]))


@pytest.mark.long
def test_dead_hosts_are_one_failure_wherever_a_run_is_shown(installer, tmp_path, folder):
    """Three hosts that are down, in the checks of two components: one in Python, in JSON and on the terminal."""
    hosts = "".join(f"{name} ansible_host=127.9.9.1{number}\n" for number, name in enumerate("abc"))
    (tmp_path / "hosts.ini").write_text(hosts + "[all:vars]\nansible_port=9\n")
    for number in (1, 2):
        for name in (f"0{number}.c{number}.yml", f"0{number}.c{number}.check.yml"):
            (folder / name).write_text("- hosts: all\n  tasks:\n    - ping:\n")
    site = installer.site("acme", inventory=tmp_path / "hosts.ini", catalog=folder)
    run = site.start(site.plan(all=True), checks=False).wait(120)
    program = Path(sys.executable).with_name("installkit")
    command = [program, "--data-dir", tmp_path / "data", "show", run.id]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    asked = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout

    (failure,) = run.failures
    assert ({"a", "b", "c"}, {"01-c1-check", "02-c2-check"}) == ({*failure.hosts}, {*failure.steps})
    (told,) = json.loads(asked)["failures"]
    assert list(failure.steps) == told["steps"]
    assert failure.steps[0] == failure.step
    assert 1 == shown.count("check host.connection failed on ")
    assert f"steps  {', '.join(failure.steps)}" in shown
