"""The events of all runs over HTTP: pages, and a stream that goes on where it was broken off."""

import contextlib
import json
import time

import httpx2
import pytest

from http_client import open_client, sse_events, write_playbooks
from installkit import Installer
from installkit.journal import create_journal, open_journal
from test_store_ingest import a_finished_run, a_spec, drafts_of

pytest_plugins = ["http_service"]

FIRST, SECOND, THIRD = (f"7f3c0000000{number}" for number in (1, 2, 3))
SSE = {"accept": "text/event-stream"}


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory):
    """A client and its installer with two runs that ended, for tests that leave it as it is."""
    folder = tmp_path_factory.mktemp("feed")
    playbooks = write_playbooks(folder / "playbooks", gate=folder / "gate")
    with Installer(folder / "data") as installer, open_client(installer, playbooks) as client:
        a_finished_run(installer.folders.runs, a_spec(FIRST))
        a_finished_run(installer.folders.runs, a_spec(SECOND, site="globex", minute=1))
        yield client, installer


@pytest.fixture
def seen(looked_at):
    return looked_at[0]


def places(items):
    return [(item["event"]["run"], item["event"]["seq"]) for item in items]


def test_pages_lead_to_the_end_and_go_on_from_there(seen):
    """The end is an empty page, whose cursor is good for what comes later."""
    found, cursor = [], None
    while (page := seen.get("/api/v1/events", params={"limit": 5, **({"after": cursor} if cursor else {})}).json())[
        "items"
    ]:
        found += page["items"]
        cursor = page["next"]

    assert [(run, seq) for run in (FIRST, SECOND) for seq in range(1, 9)] == places(found)
    assert found[-1]["cursor"] == page["next"]
    assert {"cursor", "site", "component", "event"} == found[0].keys()
    assert [("acme", None), ("acme", "mysql")] == [(item["site"], item["component"]) for item in found[:2]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param("site=globex&kind=run_finished", [(SECOND, 8)], id="site and kind"),
        pytest.param("kind=run_started&kind=run_finished&run=" + FIRST, [(FIRST, 1), (FIRST, 8)], id="several kinds"),
        pytest.param("host=db2&status=changed", [(FIRST, 6), (SECOND, 6)], id="host and status"),
        pytest.param("component=mysql&kind=step_started", [(FIRST, 2), (SECOND, 2)], id="component"),
        pytest.param("step=01-mysql-install&last=1", [(SECOND, 7)], id="the last of a step"),
        pytest.param("since=2026-11-22T08:01:05Z", [(SECOND, 6), (SECOND, 7), (SECOND, 8)], id="since"),
        pytest.param("until=2026-11-22T08:00:01Z", [(FIRST, 1)], id="until"),
        pytest.param("after=now", [], id="from now on"),
    ],
)
def test_filters(seen, query, expected):
    assert expected == places(seen.get(f"/api/v1/events?{query}").json()["items"])


@pytest.mark.parametrize(
    ("query", "pointers"),
    [
        pytest.param("kind=run_ended", ["/query/kind/0"], id="kind"),
        pytest.param("limit=0&last=2000", ["/query/limit", "/query/last"], id="numbers"),
        pytest.param("after=12", ["/query/after"], id="cursor"),
        pytest.param("after=now&last=1", ["/query/last"], id="two beginnings"),
        pytest.param("since=yesterday", ["/query/since"], id="time"),
    ],
)
def test_what_is_wrong_is_named(seen, query, pointers):
    answer = seen.get(f"/api/v1/events?{query}")

    assert 422 == answer.status_code
    assert pointers == [error["pointer"] for error in answer.json()["errors"]]


def test_a_cursor_of_another_numbering_has_expired(seen):
    """In the address, and as a browser sends it; what a browser sends is no cursor of ours at times."""
    expired = seen.get("/api/v1/events?after=0badc0de-3")
    again = seen.get("/api/v1/events?follow=true", headers={**SSE, "last-event-id": "0badc0de-3"})
    wrong = seen.get("/api/v1/events?follow=true", headers={**SSE, "last-event-id": "12"})

    assert (410, "cursor_expired") == (expired.status_code, expired.json()["code"])
    assert (410, "cursor_expired") == (again.status_code, again.json()["code"])
    assert ["/header/Last-Event-ID"] == [error["pointer"] for error in wrong.json()["errors"]]


def test_without_follow_a_stream_ends_with_the_newest_event(seen):
    stream = list(sse_events(seen.get("/api/v1/events", headers=SSE).text.splitlines()))
    lines = seen.get("/api/v1/events?last=3", headers={"accept": "text/plain"}).text.splitlines()

    assert [(FIRST, 1), (SECOND, 8)] == places([stream[0][2], stream[-1][2]])
    assert [cursor for cursor, _, _ in stream] == [data["cursor"] for _, _, data in stream]
    assert [(SECOND, 6), (SECOND, 7), (SECOND, 8)] == places(map(json.loads, lines))


@pytest.fixture
def writer(installer):
    """What writes the events of a run that is carried out until the end of the test."""
    with contextlib.ExitStack() as stack:

        def _begin(run, minute):
            stack.enter_context(create_journal(installer.folders.runs, a_spec(run, minute=minute)))
            return stack.enter_context(contextlib.closing(open_journal(installer.folders.runs / run)))

        yield _begin


def test_a_stream_goes_on_in_another_service_where_it_was_broken_off(servers, writer):
    """Events of runs that begin later come too; no event is missed, none comes twice."""
    first, drafts = servers(), drafts_of(a_spec(FIRST))
    seen, delays = [], []
    with first.client() as client, client.stream("GET", "/api/v1/events?follow=true&after=now", headers=SSE) as answer:
        events = sse_events(answer.iter_lines())
        time.sleep(0.5)  # it has begun
        journal = writer(FIRST, 0)
        for draft in drafts[:4]:
            journal.append(json.dumps(draft).encode())
            written = time.monotonic()
            seen.append(next(events))
            delays.append(time.monotonic() - written)
            time.sleep(0.05)
    first.end()
    for draft in drafts[4:]:
        journal.append(json.dumps(draft).encode())
    other = writer(SECOND, 1)
    for draft in drafts_of(a_spec(SECOND))[:3]:
        other.append(json.dumps({**draft, "run": SECOND}).encode())
    second = servers()
    headers = {**SSE, "last-event-id": seen[-1][0]}
    with second.client() as client, client.stream("GET", "/api/v1/events?follow=true", headers=headers) as answer:
        events = sse_events(answer.iter_lines())
        seen += [next(events) for _ in range(len(drafts[4:]) + 3)]

    expected = [*((FIRST, seq) for seq in range(1, 9)), *((SECOND, seq) for seq in range(1, 4))]
    assert expected == sorted(places(data for _, _, data in seen))
    assert sorted(delays)[1] < 0.1, delays


def test_a_service_that_stops_ends_its_streams_at_once(servers):
    """A stream of everything has no end of its own: it must not keep a service from stopping."""
    server = servers()
    with server.client() as client, client.stream("GET", "/api/v1/events?follow=true", headers=SSE) as answer:
        lines = answer.iter_lines()
        assert "retry: 1000" == next(lines)
        began = time.monotonic()
        server.process.terminate()
        with contextlib.suppress(httpx2.TransportError):
            assert [] == [line for line in lines if line.startswith("event")]
        server.process.wait(10)

    assert time.monotonic() - began < 3
