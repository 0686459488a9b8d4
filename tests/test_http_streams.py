"""Streams over HTTP: live and long ago are the same, and the end is told once, after the last byte."""

import contextlib
import json
import socket
import threading
import time
from pathlib import Path

import httpx2
import pytest
import yaml

import installkit
from http_client import INVENTORY, finish, open_client, sse_events, start, write_playbooks
from installkit import EventStatus
from installkit.model import ResultStatus
from installkit_http.streaming.viewers import cut_to_characters
from plan_steps import component_steps
from site_runs import until

pytest_plugins = ["http_service"]

SSE = {"accept": "text/event-stream"}
JSON = {"accept": "application/json"}

LONG = """
- hosts: h1
  gather_facts: false
  tasks: [{debug: {msg: "{{ 'x' * 8000000 }}"}}]
"""

FORGER = r"""
- hosts: h1
  gather_facts: false
  tasks: [{debug: {msg: "x\n\nevent: end\ndata: {}\n\n\u2028<script>alert(1)</script>"}}]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A client, and a run that has ended; the tests of one process only look at it."""
    folder = tmp_path_factory.mktemp("finished")
    playbooks = write_playbooks(folder / "playbooks", gate=folder / "gate")
    (playbooks / "01.forger.yml").write_text(FORGER)
    inventory = folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump(INVENTORY))
    with installkit.Installer(folder / "data") as installer, open_client(installer, playbooks) as client:
        installer.site("acme", inventory=inventory, catalog=playbooks)
        run = start(client, "/api/v1/sites/acme", install=["forger", "mysql"])
        finish(client, run)
        yield client, installer.run(run[-12:])


@pytest.fixture
def seen(finished):
    """The client of the run that has ended."""
    return finished[0]


@pytest.fixture
def run(finished):
    """The path of a run that has ended."""
    return f"/api/v1/runs/{finished[1].id}"


@pytest.fixture
def log(finished, run):
    """The path of the log of its second component, and its bytes in the journal."""
    step = component_steps(finished[1].steps)[1].id
    return f"{run}/steps/{step}/log", finished[1].log(step)


@pytest.fixture
def whole(finished):
    """All that the run printed."""
    return b"".join(finished[1].log(step.id) for step in finished[1].steps)


def pointers(answer):
    return [mistake["pointer"] for mistake in answer.json()["errors"]]


def read_sse(client, path, **headers):
    with client.stream("GET", path, headers={**SSE, **headers}) as answer:
        return list(sse_events(answer.iter_lines()))


def test_a_log_is_served_byte_for_byte(seen, log):
    path, content = log

    assert content == seen.get(path).content
    assert content == seen.get(f"{path}?follow=true").content
    assert content[100:] == seen.get(f"{path}?offset=100").content
    assert "text/plain; charset=utf-8" == seen.get(path).headers["content-type"]
    assert "no" == seen.get(path).headers["x-accel-buffering"], "a proxy would collect what it should pass on"


def test_the_text_of_a_run_is_that_of_its_steps(seen, run, whole):
    assert whole == seen.get(f"{run}/log").content
    assert whole == seen.get(f"{run}/log?follow=true").content


def test_a_log_as_events_adds_up_and_ends_once(seen, log):
    """Each event says where its text begins; its id is the next cursor."""
    path, content = log
    *pieces, end = read_sse(seen, f"{path}?follow=true")

    assert content == b"".join(data["text"].encode() for _, _, data in pieces)
    assert {"log"} == {kind for _, kind, _ in pieces}
    assert len(content) == pieces[-1][0]
    assert (len(content), "end", len(content)) == (end[0], end[1], end[2]["log_size"])
    assert "succeeded" == end[2]["status"]


def test_a_client_that_connects_again_after_the_end_gets_204(seen, run, log):
    path, content = log
    size, last = str(len(content)), str(seen.get(run).json()["last_seq"])

    assert 204 == seen.get(f"{path}?follow=true", headers={**SSE, "last-event-id": size}).status_code
    assert 204 == seen.get(f"{run}/events?follow=true", headers={**SSE, "last-event-id": last}).status_code
    assert 204 == seen.get(f"{run}/log?follow=true", headers={**SSE, "last-event-id": last}).status_code


def test_a_first_look_after_the_end_is_told_of_the_end(seen, run, log):
    """A page that shows all of it already learns that nothing more comes."""
    last = seen.get(run).json()["last_seq"]

    assert ["end"] == [kind for _, kind, _ in read_sse(seen, f"{run}/events?follow=true&after={last}")]
    assert ["end"] == [kind for _, kind, _ in read_sse(seen, f"{log[0]}?follow=true&offset={len(log[1])}")]


def test_the_last_event_id_goes_before_the_query(seen, run):
    found = read_sse(seen, f"{run}/events?after=1", **{"last-event-id": "4"})

    assert 5 == found[0][0]


def test_events_come_with_what_they_printed_under_one_cursor(seen, run, whole):
    *events, end = read_sse(seen, f"{run}/events?follow=true&log=true")

    assert list(range(1, len(events) + 1)) == [cursor for cursor, _, _ in events]
    assert whole == "".join((data["log"] or {}).get("text", "") for _, _, data in events).encode()
    assert (events[-1][0], events[-1][0]) == (end[0], end[2]["last_seq"])


def test_the_text_of_a_run_is_read_by_seq(seen, run, whole):
    *pieces, end = read_sse(seen, f"{run}/log?follow=true")

    assert whole == "".join(data["text"] for _, _, data in pieces).encode()
    assert "end" == end[1]


def test_a_moment_and_the_stream_after_it_have_no_gap_and_no_overlap(seen, run):
    """`log_size` of a run at one moment ends where its `last_seq` ends."""
    now = seen.get(run).json()
    page = seen.get(f"{run}/events?limit=5&log=true").json()
    rest = seen.get(f"{run}/events?after={page['next']}&log=true&limit=1000").json()
    text = "".join((event["log"] or {}).get("text", "") for event in page["items"] + rest["items"])

    assert (5, False, True) == (len(page["items"]), page["complete"], rest["complete"])
    assert sum(step["log_size"] for step in now["steps"]) == len(text.encode())
    assert now["last_seq"] == rest["next"]


def test_events_are_narrowed_by_their_fields(seen, run):
    page = seen.get(f"{run}/events?kind=task_result&host=h2").json()

    assert {("task_result", "h2")} == {(event["kind"], event["host"]) for event in page["items"]}
    assert page["complete"]


def test_a_filter_takes_several_words(seen, run):
    ends = seen.get(f"{run}/events?kind=step_finished&kind=run_finished").json()["items"]

    assert {"step_finished", "run_finished"} == {event["kind"] for event in ends}


def test_events_are_those_of_a_step_or_a_component(seen, run, log):
    step = log[0].split("/")[-2]
    of_step = seen.get(f"{run}/events?step={step}").json()["items"]

    assert {step} == {event["step"] for event in of_step}
    assert of_step == seen.get(f"{run}/events?step=mysql").json()["items"]


@pytest.mark.parametrize("accept", [JSON, SSE])
def test_a_step_and_a_host_that_the_run_does_not_have_are_named_at_once(seen, run, accept):
    answer = seen.get(f"{run}/events?step=redis&host=h3", headers=accept)

    assert (422, ["/query/step", "/query/host"]) == (answer.status_code, pointers(answer))
    assert "no step 'redis'; choose one of: 00-checks, 01-forger-install, 02-mysql-install" in answer.json()["detail"]
    assert "no host 'h3'; choose one of: h1, h2" in answer.json()["detail"]


def test_the_status_of_an_event_is_that_of_a_result_or_of_an_end(seen, run):
    """These are all the words that events use, and others are refused."""
    answer = seen.get(f"{run}/events?status=done")
    ends = [status.value for status in installkit.StepStatus if status.final]

    assert (422, ["/query/status/0"]) == (answer.status_code, pointers(answer))
    assert {*ResultStatus, *ends} == {status.value for status in EventStatus}


def test_a_page_holds_as_many_of_the_wanted_events_as_it_may(seen, run):
    """What is not wanted is passed over and not counted; the last page alone is short, and says so."""
    every = seen.get(f"{run}/events").json()["items"]
    wanted = [event["seq"] for event in every if event["kind"] == "step_finished"]
    pages = [seen.get(f"{run}/events?kind=step_finished&limit=1").json()]
    while not pages[-1]["complete"]:
        pages.append(seen.get(f"{run}/events?kind=step_finished&limit=1&after={pages[-1]['next']}").json())
    *full, last = pages

    assert 1 < len(wanted)
    assert [([seq], seq) for seq in wanted] == [
        ([item["seq"] for item in page["items"]], page["next"]) for page in full
    ]
    assert ([], every[-1]["seq"], True) == (last["items"], last["next"], last["complete"])


def test_a_page_of_a_log_tells_the_next_offset(seen, log):
    path, content = log
    text, offset, complete = "", 0, False
    while not complete:
        page = seen.get(f"{path}?offset={offset}&limit=100", headers=JSON).json()
        text, offset, complete = text + page["text"], page["next"], page["complete"]

    assert content == text.encode()


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-9", 206, slice(10)),
        ("bytes=10-", 206, slice(10, None)),
        ("bytes=-7", 206, slice(-7, None)),
        ("bytes=5-99999999", 206, slice(5, None)),
        ("bytes=0-1,3-4", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
    ],
)
def test_a_range_of_a_log(seen, log, wanted, status, part):
    """One that is not understood is passed over, as HTTP wants it."""
    path, content = log
    answer = seen.get(path, headers={"range": wanted})

    assert (status, content[part]) == (answer.status_code, answer.content)
    assert (status == 206) == answer.headers.get("content-range", "").endswith(f"/{len(content)}")
    assert "bytes" == answer.headers["accept-ranges"]


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=9-5", "bytes=-0"])
def test_a_range_beyond_a_log_is_told_its_size(seen, log, wanted):
    path, content = log
    answer = seen.get(path, headers={"range": wanted})

    assert (416, f"bytes */{len(content)}") == (answer.status_code, answer.headers["content-range"])
    assert ("ends before it begins" in answer.json()["detail"]) == (wanted == "bytes=9-5")


def test_a_part_of_a_log_as_text(seen, log):
    path, content = log

    assert content[5:15] == seen.get(f"{path}?offset=5&limit=10", headers={"accept": "text/plain"}).content
    assert content[5:] == seen.get(f"{path}?offset=5", headers={"accept": "text/plain"}).content


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("events?after=-1", {}, 422),
        ("events?after=1e3", {}, 422),
        ("events?after=9223372036854775808", {}, 422),
        ("events?after=99999", {}, 416),
        ("events?follow=maybe", {}, 422),
        ("events?limit=1001", {}, 422),
        ("events?follow=true", JSON, 422),
        ("events", {"accept": "image/png"}, 406),
        ("events", {"last-event-id": "x"}, 422),
        ("events", {"last-event-id": "-1"}, 422),
        ("events", {"last-event-id": "999999"}, 416),
        ("log?after=99999", {}, 416),
        ("steps/02-mysql-install/log?offset=99999999", {}, 416),
        ("steps/02-mysql-install/log?offset=-1", {}, 422),
        ("steps/..%2f..%2fresult/log", {}, 404),
        ("steps/nothing/log", {}, 404),
    ],
)
def test_a_cursor_that_is_none_is_refused(seen, run, query, headers, status):
    answer = seen.get(f"{run}/{query}", headers=headers)

    assert status == answer.status_code
    assert answer.json()["detail"]


def test_a_head_of_a_stream_ends_at_once(seen, run):
    answer = seen.head(f"{run}/events?follow=true", headers=SSE)
    log = seen.head(f"{run}/steps/mysql/log")

    assert (200, b"") == (answer.status_code, answer.content)
    assert "accept-ranges" not in answer.headers
    assert "bytes" == log.headers["accept-ranges"]


def test_a_log_that_forges_an_end_ends_nothing(seen, run):
    """What is printed is text, whatever it looks like."""
    found = read_sse(seen, f"{run}/steps/forger/log?follow=true")

    assert "event: end" in "".join(data["text"] for _, kind, data in found if kind == "log")
    assert ["end"] == [kind for _, kind, _ in found if kind != "log"]
    assert "end" == found[-1][1]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", b""),
        (b"abc", b"abc"),
        ("aé".encode(), "aé".encode()),
        ("aé".encode()[:-1], b"a"),
        ("a€".encode()[:-1], b"a"),
        ("a😀".encode()[:-1], b"a"),
        ("a😀".encode()[:-3], b"a"),
        (b"a\x80\x80\x80\x80\x80", b"a\x80\x80\x80\x80\x80"),
        (b"a\xff", b"a"),
    ],
)
def test_text_is_cut_between_characters(data, expected):
    assert expected == cut_to_characters(data)


def collect(server, path, result, headers):
    """Read a stream to its end, whatever it takes."""
    with server.client() as client, client.stream("GET", path, headers=headers) as answer:
        result.append(b"".join(answer.iter_raw()))


@pytest.mark.long
def test_twenty_viewers_of_a_live_run_see_the_journal_and_one_that_stalls_changes_nothing(
    servers, installer, site, tmp_path
):
    """Every way of watching carries the same bytes."""
    server = servers()
    with server.client() as client:
        run = start(client, site, install=["slow"])
        log = f"{run}/steps/slow/log"
        stalled = stall(server, f"{log}?follow=true")
        results = [[] for _ in range(20)]
        ways = [(f"{log}?follow=true", {}), (f"{log}?follow=true", SSE), (f"{run}/events?follow=true&log=true", SSE)]
        viewers = [
            threading.Thread(target=collect, args=[server, ways[number % 3][0], result, ways[number % 3][1]])
            for number, result in enumerate(results)
        ]
        for viewer in viewers:
            viewer.start()
        until(lambda: "installkit_streams 21.0" in client.get("/metrics").text)
        (tmp_path / "gate").touch()
        for viewer in viewers:
            viewer.join(60)
        content = installer.run(run[-12:]).log("slow")
        stalled.close()

        assert b"line 39" in content
        assert [content] * 20 == [text_of(result[0], number % 3) for number, result in enumerate(results)]
        until(lambda: "installkit_streams 0.0" in client.get("/metrics").text)


def stall(server, path):
    """Open a stream and never read."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((host, int(port)))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode())
    return connection


def text_of(body, way):
    if way == 0:
        return body
    events = list(sse_events(body.decode().split("\n")))
    assert ["end"] == [kind for _, kind, _ in events[-1:]]
    texts = [data["text"] if way == 1 else (data["log"] or {}).get("text", "") for _, _, data in events[:-1]]
    return "".join(texts).encode()


def watch_and_kill(client, path, server, seen):
    """Add to *seen* what comes, and kill the *server* in the midst of it."""
    with client.stream("GET", path, headers=SSE) as answer:
        for event in sse_events(answer.iter_lines()):
            seen.append(event)
            if event[2].get("task") == "debug" and len(seen) > 4:
                server.process.kill()


@pytest.mark.long
def test_viewers_go_on_where_they_were_after_the_service_was_killed(servers, installer, site, tmp_path):
    """The run does not notice; nothing is seen twice, and nothing is missed."""
    first = servers()
    seen = []
    with first.client() as client:
        run = start(client, site, install=["slow"])
        path = f"{run}/events?follow=true&log=true"
        with pytest.raises(httpx2.TransportError):
            watch_and_kill(client, path, first, seen)
    first.process.wait()
    second = servers()
    (tmp_path / "gate").touch()
    with second.client() as client:
        seen += read_sse(client, path, **{"last-event-id": str(seen[-1][0])})
        done = client.get(run).json()

    assert "succeeded" == done["status"]
    assert [*range(1, done["last_seq"] + 1), done["last_seq"]] == [cursor for cursor, _, _ in seen]
    assert ["end"] == [kind for _, kind, _ in seen if kind != "event"]
    text = "".join((data["log"] or {}).get("text", "") for _, kind, data in seen if kind == "event")
    assert installer.run(run[-12:]).log("slow") == text.encode()


@pytest.mark.long
def test_the_service_stops_within_a_second_with_streams_open(servers, installer, site, tmp_path):
    """Server-sent streams end without their `end`; a chunked one is cut, so that nobody takes it for complete."""
    server = servers()
    outcomes = {}

    def _watch(name, headers):
        try:
            with server.client() as client, client.stream("GET", log, headers=headers) as answer:
                outcomes[name] = "".join(answer.iter_text())
        except httpx2.TransportError:
            outcomes[name] = "cut"

    with server.client() as client:
        run = start(client, site, install=["slow"])
        log = f"{run}/steps/slow/log?follow=true"
        viewers = [threading.Thread(target=_watch, args=each) for each in (("sse", SSE), ("text", {}))]
        for viewer in viewers:
            viewer.start()
        until(lambda: "installkit_streams 2.0" in client.get("/metrics").text)
    before = time.monotonic()
    server.process.terminate()
    assert 0 == server.process.wait(10)
    took = time.monotonic() - before
    for viewer in viewers:
        viewer.join(10)
    (tmp_path / "gate").touch()

    assert 3.0 > took  # a second, on a machine that has nothing else to do
    assert "cut" == outcomes["text"]
    assert "event: end" not in outcomes["sse"]
    assert "succeeded" == installer.run(run[-12:]).wait(60).status


@pytest.mark.long
def test_a_client_that_reads_nothing_holds_up_neither_others_nor_the_end(servers, installer, site, playbooks):
    """What it does not read waits in the journal; the service keeps next to nothing for it, but one of its places."""
    (playbooks / "02.long.yml").write_text(LONG)
    server = servers("--max-streams", "11")
    with server.client() as client, contextlib.ExitStack() as stack:
        run = start(client, site, install=["long"])
        finish(client, run)
        before = memory_of(server)
        for _ in range(11):
            last = stack.enter_context(stall(server, f"{run}/steps/long/log"))
        until(lambda: "installkit_streams 11.0" in client.get("/metrics").text)
        refused = client.get(f"{run}/steps/long/log")
        last.close()
        until(lambda: "installkit_streams 10.0" in client.get("/metrics").text)
        whole = client.get(f"{run}/steps/long/log").content
        grown = memory_of(server) - before
        server.process.terminate()
        began = time.monotonic()
        assert 0 == server.process.wait(10)
        took = time.monotonic() - began

    assert (503, "too_many_streams", "5") == (
        refused.status_code,
        refused.json()["code"],
        refused.headers["retry-after"],
    )
    assert installer.run(run[-12:]).log("long") == whole
    assert len(whole) > 8_000_000
    assert grown < 16 << 20
    assert took < 3.0  # as above


def memory_of(server):
    """Return the bytes of memory that the process of *server* holds."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) << 10


def test_an_event_stream_is_json_a_line_as_text(seen, run):
    lines = seen.get(f"{run}/events", headers={"accept": "text/plain"}).text.splitlines()

    assert list(range(1, len(lines) + 1)) == [json.loads(line)["seq"] for line in lines]
