"""How installkit judges what a host answers: a value in, a value out."""

import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installkit import CheckStatus, Ignored
from installkit.engine.host_checks import HostCheckResults, judge

NOW = 1_790_000_000.0
ANSWER = {
    "asked": {
        "ansible": "2.21.5",
        "disk_free": 1024,
        "disk_paths": ["/", "/var"],
        "memory_free": 128,
        "ports": {"a_port": 80, "b_port": "81", "c_port": None},
        "time": NOW - 2,
        "time_skew": 30,
    },
    "changed": False,
    "clock": NOW - 1,
    "disks": {"/": 5000, "/var": 4000},
    "executable": "/usr/bin/python3",
    "machine": "x86_64",
    "memory": 512,
    "python": "3.11.2",
    "system": {"ID": "debian", "ID_LIKE": "", "NAME": "Debian GNU/Linux", "VERSION_ID": "12"},
    "taken": [],
}


def answer(*, asked=None, **fields):
    """Return what a healthy host answers, but for *fields*, and for what it was *asked*."""
    return {**ANSWER, "asked": {**ANSWER["asked"], **(asked or {})}, **fields}


def system(name="", identity="", like="", version=""):
    """Return an operating system's words for itself."""
    return {"ID": identity, "ID_LIKE": like, "NAME": name, "VERSION_ID": version}


def test_nothing_is_wrong_with_a_healthy_host():
    findings = {each.name: (each.status, each.message) for each in judge(ANSWER, NOW)}

    assert {
        "python": "Python 3.11.2",
        "disk": "at least 1024 MB are free in /\nat least 1024 MB are free in /var",
        "memory": "at least 128 MB of memory are available",
        "ports": "port 80 (a_port) is free\nport 81 (b_port) is free",
        "time": "the clock is within 30 s of this machine's",
        "system": "Debian 12, x86_64",
    } == {name: message for name, (_, message) in findings.items()}
    assert {CheckStatus.PASS} == {status for status, _ in findings.values()}


@pytest.mark.parametrize(
    ("name", "changed", "status", "message"),
    [
        pytest.param("python", answer(python="3.9.0"), "pass", "Python 3.9.0", id="the oldest Python"),
        pytest.param("python", answer(python="3.8.20"), "fail", "Ansible needs 3.9", id="an old Python"),
        pytest.param("python", answer(python="2.7.18"), "fail", "/usr/bin/python3 is Python 2.7.18", id="Python 2"),
        pytest.param(
            "python", answer(python="3.8.1", asked={"ansible": "2.19.0"}), "pass", "Python 3.8.1", id="an old Ansible"
        ),
        pytest.param(
            "python", answer(python="3.10.1", asked={"ansible": "2.22.0b1"}), "pass", "3.10", id="a new Ansible"
        ),
        pytest.param("disk", answer(disks={"/": 1024}), "pass", "free in /", id="just enough disk"),
        pytest.param(
            "disk",
            answer(disks={"/": 1023, "/a": 2000}),
            "fail",
            "1023 MB are free in /; 1024 are",
            id="too little disk",
        ),
        pytest.param("memory", answer(memory=128), "pass", "at least 128 MB", id="just enough memory"),
        pytest.param("memory", answer(memory=127), "fail", "127 MB of memory are available", id="too little memory"),
        pytest.param("ports", answer(taken=["b_port"]), "fail", "port 81 (b_port) is taken", id="a taken port"),
        pytest.param("ports", answer(taken=["c_port"]), "pass", "port 80", id="a port without a number"),
        pytest.param("time", answer(clock=NOW + 30), "pass", "within 30 s", id="just ahead enough"),
        pytest.param("time", answer(clock=NOW + 31), "fail", "31 s ahead of this machine's", id="ahead"),
        pytest.param("time", answer(clock=NOW - 32), "pass", "within 30 s", id="just behind enough"),
        pytest.param("time", answer(clock=NOW - 33), "fail", "31 s behind this machine's", id="behind"),
        pytest.param(
            "time", answer(clock=NOW - 90, asked={"time": NOW - 100}), "pass", "within 30 s", id="a slow connection"
        ),
        pytest.param("time", answer(clock=float("nan")), "fail", "", id="no time at all"),
        pytest.param(
            "system",
            answer(system=system("Ubuntu", "ubuntu", "debian", "24.04")),
            "pass",
            "Ubuntu 24.04",
            id="a relative",
        ),
        pytest.param(
            "system",
            answer(system=system("openSUSE Leap", "opensuse-leap", "suse opensuse", "15.6")),
            "pass",
            "",
            id="SUSE",
        ),
        pytest.param(
            "system", answer(system=system("Plan 9", "plan9")), "warn", "Plan 9, x86_64 is not", id="an unknown one"
        ),
        pytest.param("system", answer(system=system()), "warn", "an unknown system, x86_64", id="without a name"),
        pytest.param("system", answer(machine="vax"), "warn", "Debian 12, vax is not", id="an unknown machine"),
    ],
)
def test_each_check_has_its_bounds(name, changed, status, message):
    (finding,) = [each for each in judge(changed, NOW) if each.name == name]

    assert status == finding.status
    assert message in finding.message
    assert (finding.remedy is not None) == (status == "fail")


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        pytest.param("memory", answer(memory=None), id="a kernel that does not say how much memory is available"),
        pytest.param("ports", answer(asked={"ports": {}}), id="nothing that listens"),
        pytest.param("ports", answer(asked={"ports": {"a_port": None}}), id="a port without a number alone"),
    ],
)
def test_what_is_not_known_is_not_judged(name, changed):
    assert name not in {each.name for each in judge(changed, NOW)}


def look(res, *, event="runner_on_ok", task="installkit_host", ignored=None):
    """Return what installkit's own check step finds where *res* is the result of a *task* on a host."""
    findings = HostCheckResults(ignored or {})
    data = {"host": "h1", "task": "Look at the host", "task_action": task, "res": res}
    findings.observe({"event": event, "created": "2026-09-21T14:13:20+00:00", "event_data": data})
    return {each.name: each for each in findings.checks(("h1",), whole=True)}


def test_a_result_becomes_rows():
    """What came back also proves that the host can be reached."""
    rows = look(answer(memory=1))

    assert ["connection", "python", "disk", "memory", "ports", "time", "system"] == [
        name.removeprefix("host.") for name in rows
    ]
    assert {("h1",)} == {each.hosts for each in rows.values()}
    assert ["host.memory"] == [name for name, each in rows.items() if each.blocks]


def test_what_may_be_ignored_is_and_what_is_required_never():
    why = Ignored(by="eve", reason="so be it")
    rows = look(answer(memory=1, python="2.7.18"), ignored={"host.memory": why, "host.python": why, "host.disk": why})

    assert {"host.memory": why} == {name: each.ignored for name, each in rows.items() if each.ignored}
    assert ["host.python"] == [name for name, each in rows.items() if each.blocks]
    assert {"host.connection", "host.python"} == {name for name, each in rows.items() if not each.ignorable}


@pytest.mark.parametrize(
    ("event", "task", "res", "name", "message"),
    [
        pytest.param(
            "runner_on_unreachable", "installkit_host", {"msg": "no route"}, "connection", "no route", id="away"
        ),
        pytest.param(
            "runner_on_failed", "installkit_host", {"msg": "no python"}, "python", "no python", id="no Python"
        ),
        pytest.param("runner_on_failed", "raw", {"msg": "sudo says no"}, "privilege", "sudo says no", id="no rights"),
    ],
)
def test_what_fails_is_told_by_what_it_takes(event, task, res, name, message):
    (row,) = [each for each in look(res, event=event, task=task).values() if each.blocks]

    assert (f"host.{name}", message, False) == (row.name, row.message, row.ignorable)


def test_a_host_without_a_python_is_told_how_to_get_one():
    """It is the first thing that a new host lacks."""
    message = "The module interpreter '/usr/bin/python3' was not found.\n/bin/sh: 1: /usr/bin/python3: not found"
    (row,) = [each for each in look({"msg": message}, event="runner_on_failed").values() if each.blocks]

    assert "host.python" == row.name
    assert "install Python on the host" in row.remedy


def test_a_host_that_says_nothing_among_others_is_not_passed_over():
    findings = HostCheckResults({})
    data = {"host": "h1", "task_action": "installkit_host", "res": ANSWER}
    findings.observe({"event": "runner_on_ok", "created": "2026-09-21T14:13:20+00:00", "event_data": data})
    blocking = [each for each in findings.checks(("h1", "h2"), whole=False) if each.blocks]

    assert [("host.connection", ("h2",), "the host gave no answer")] == [
        (each.name, each.hosts, each.message) for each in blocking
    ]


GARBAGE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["-1.0", "", "1."]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["", "ID", "NAME", "/"]), inner, max_size=3)
    ),
    max_leaves=4,
)


@st.composite
def answers(draw):
    """Draw an answer of which some is missing, and some is garbage."""
    asked = {**ANSWER["asked"], **draw(st.dictionaries(st.sampled_from([*ANSWER["asked"]]), GARBAGE, max_size=2))}
    fields = {**ANSWER, "asked": asked, **draw(st.dictionaries(st.sampled_from([*ANSWER]), GARBAGE, max_size=2))}
    for missing in draw(st.lists(st.sampled_from([*ANSWER]), max_size=1)):
        fields.pop(missing)
    return fields


@given(answers())
def test_garbage_never_breaks_a_run(res):
    """Whoever answers so has no Python that Ansible could work with, or is judged by what can be read."""
    rows = look(res)

    assert CheckStatus.PASS is rows["host.connection"].status
    assert "host.python" in rows
    assert "host.system" in rows or rows["host.python"].blocks


@pytest.mark.parametrize(
    "res", [{}, {"censored": "hidden"}, {"asked": None}, answer(python="three"), answer(disks=[1])]
)
def test_an_answer_that_cannot_be_read_fails_and_says_so(res):
    rows = look(res)

    assert {"host.connection", "host.python"} == rows.keys()
    assert rows["host.python"].message.startswith("its answer could not be read: ")
    assert rows["host.python"].blocks


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/New_York"])
def test_the_zone_of_this_machine_is_no_skew(monkeypatch, zone):
    """The time of an event is one of UTC."""
    with monkeypatch.context() as patch:
        patch.setitem(os.environ, "TZ", zone)
        time.tzset()
        rows = look(answer(clock=1790000000.0, asked={"time": 1789999999.0}))
    time.tzset()

    assert CheckStatus.PASS is rows["host.time"].status
