"""Events and logs of a run, narrowed as a caller asks: the same words in Python, over HTTP and on the command line."""

import asyncio
import json
import sys

import pytest
from click.testing import CliRunner

import installkit
from installkit.cli.app import app
from site_runs import finish, until

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: Say, debug: {msg: "%s on {{ inventory_hostname }}"}}
    - {name: Change, command: "true"}
"""
GATED = """
- hosts: all
  gather_facts: false
  tasks:
    - {name: Begin, debug: {msg: begun}}
    - {name: Wait, shell: "while ! test -e %s; do sleep 0.05; done"}
    - {name: End, debug: {msg: ended}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two components on two hosts, which has ended."""
    folder = tmp_path_factory.mktemp("filters")
    local = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    (folder / "hosts.ini").write_text(f"h1 {local}\nh2 {local}\n")
    (folder / "playbooks").mkdir()
    for number, name in enumerate(("db", "web"), start=1):
        (folder / f"playbooks/{number:02d}.{name}.yml").write_text(PLAY % name)
    with installkit.Installer(folder / "data") as installer:
        site = installer.site("acme", inventory=folder / "hosts.ini", catalog=folder / "playbooks")
        yield finish(site, all=True)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        pytest.param({"kind": "task_result"}, lambda event: event.kind == "task_result", id="one word"),
        pytest.param(
            {"kind": ["step_started", installkit.EventKind.STEP_FINISHED]},
            lambda event: event.kind in {"step_started", "step_finished"},
            id="several",
        ),
        pytest.param({"host": "h1"}, lambda event: event.host == "h1", id="host"),
        pytest.param({"step": "web"}, lambda event: event.step == "02-web-install", id="component"),
        pytest.param({"status": ("changed", "succeeded")}, lambda event: event.status in {"changed", "succeeded"}),
        pytest.param({"host": ("h1", "h2"), "status": "ok"}, lambda event: event.status == "ok", id="all must be true"),
        pytest.param({"kind": None, "host": (), "step": None}, lambda _: True, id="none"),
    ],
)
def test_events_are_those_that_were_asked_for(run, wanted, fits):
    every = list(run.events())
    expected = [event.seq for event in every if fits(event)]

    assert expected
    assert expected == [event.seq for event in run.events(**wanted)]
    assert expected == [event.seq for event in run.events(follow=True, **wanted)]
    assert expected[:2] == [event.seq for event in run.events(limit=2, **wanted)]
    assert expected == [event.seq for event in filter(run.event_filter(**wanted), every)]


@pytest.mark.parametrize(
    ("wanted", "message", "remedy"),
    [
        ({"kind": "task"}, "'task' is not a kind of event", "task_started, task_result"),
        ({"status": ["ok", "done"]}, "'done' is not a status", "ok, changed, failed"),
        ({"host": "h3"}, "has no host 'h3'", "h1, h2"),
        ({"step": "redis"}, "has no step 'redis'", "02-web-install"),
    ],
)
def test_a_word_that_no_event_has_is_refused_with_those_that_there_are(run, wanted, message, remedy):
    with pytest.raises(installkit.UnknownNameError, match=message) as error:
        list(run.events(**wanted))

    assert remedy in error.value.remedy


def test_a_filter_that_there_is_not_is_refused(run):
    with pytest.raises(TypeError, match="not narrowed by hosts, but by: kind, host, step, status"):
        list(run.events(hosts="h1"))


def test_the_log_of_a_host_is_what_its_events_printed(run):
    log = run.log(host="h2")
    spans = [(event.step, event.log) for event in run.events(host="h2") if event.log]

    assert b"db on h2" in log
    assert b"web on h2" in log
    assert b"h1" not in log
    assert log == b"".join(run.log(step)[span.start : span.end] for step, span in spans)
    assert log == b"".join(run.follow_log(host="h2"))
    assert b"db on h2" not in run.log("web", host="h2")
    assert log[3:10] == run.log(host="h2", offset=3, size=7)


def test_a_log_ends_with_its_tail(run):
    whole = run.log()
    lines = whole.splitlines(keepends=True)

    assert whole == run.log("db") + run.log("web")
    assert b"".join(lines[-3:]) == run.log(tail=3) == b"".join(run.follow_log(tail=3))
    assert b"".join(run.log("web").splitlines(keepends=True)[-2:]) == run.log("web", tail=2)
    many = len(run.log("web").splitlines()) + 2
    assert b"".join(lines[-many:]) == run.log(tail=many) == b"".join(run.follow_log(tail=many))
    assert (b"", whole) == (run.log(tail=0), run.log(tail=10_000))
    assert run.log(host="h1").splitlines(keepends=True)[-1] == run.log(host="h1", tail=1)


def test_a_host_that_the_run_does_not_have_has_no_log(run):
    with pytest.raises(installkit.UnknownNameError, match="no host 'h3'"):
        run.log(host="h3")


def test_a_tail_that_is_followed_begins_with_the_last_lines_and_goes_on(installer, folder, inventory, tmp_path):
    (folder / "01.app.yml").write_text(GATED % (tmp_path / "gate"))
    site = installer.site("acme", inventory=inventory, catalog=folder)
    run = site.start(site.plan(all=True), checks=False)
    until(lambda: b"TASK [Wait]" in run.log("app"))
    before = run.log(host="localhost")
    followed = run.follow_log(host="localhost", tail=1)
    first = next(followed)
    (tmp_path / "gate").touch()
    rest = b"".join(followed)

    assert before.splitlines(keepends=True)[-1] == first
    assert run.log(host="localhost") == before + rest
    assert b"ended" in rest


def test_awaited_events_and_logs_are_the_same(run):
    async def read():
        async with installkit.AsyncInstaller(run.folder.parent.parent) as installer:
            awaited = await installer.run(run.id)
            seqs = [event.seq async for event in awaited.events(kind="task_result", host="h1", limit=3)]
            logs = [
                b"".join([chunk async for chunk in awaited.follow_log(**options)])
                for options in ({"host": "h1"}, {"tail": 4}, {"host": "h2", "tail": 1}, {"offset": 9})
            ]
            return seqs, logs, await awaited.log(host="h1")

    seqs, logs, log = asyncio.run(read())

    assert [event.seq for event in run.events(kind="task_result", host="h1", limit=3)] == seqs
    assert [run.log(host="h1"), run.log(tail=4), run.log(host="h2", tail=1), run.log(offset=9)] == logs
    assert run.log(host="h1") == log


def test_the_command_line_has_the_same_filters(run):
    def said(*words):
        data = str(run.folder.parent.parent)
        return CliRunner().invoke(app, ["--data-dir", data, *words], catch_exceptions=False)

    asked = said("events", run.id, "--kind", "task_result", "--status", "changed", "--status", "ok", "--json")

    expected = run.events(kind="task_result", status=["changed", "ok"])
    assert [event.seq for event in expected] == [event["seq"] for event in json.loads(asked.stdout)]
    assert "no events" in said("events", run.id, "--status", "unreachable").stderr
    assert 0 != said("events", run.id, "--host", "h3").exit_code
    assert run.log(host="h1", tail=1) == said("logs", run.id, "--host", "h1", "--tail", "1").stdout_bytes
