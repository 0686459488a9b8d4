"""Plans and runs over HTTP."""

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import installkit
from http_client import finish, start
from installkit.testing import Outcome
from installkit_http.notifier import LOOK_EVERY, address
from site_runs import until
from waiting_runs import start_waiting

pytest_plugins = ["http_service"]

SITE = "/api/v1/sites/acme"


@pytest.fixture
def installer(fake_installer):
    """Without Ansible: what a playbook does is not what these tests are about."""
    return fake_installer


def test_a_plan_is_made_looked_at_and_applied_once(client, site):
    """Starting it answers 202, starting it again 200 with the same run."""
    plan = client.post(f"{site}/plans", json={"install": ["mysql"]})
    shown = client.get(plan.headers["location"]).json()
    first = client.post(f"{plan.headers['location']}/runs", json={"note": "first install", "checks": False})
    again = client.post(f"{plan.headers['location']}/runs", json={})
    done = finish(client, first.headers["location"])

    assert plan.json() == shown
    assert [202, 200] == [first.status_code, again.status_code]
    assert first.headers["location"] == again.headers["location"] == f"/api/v1/runs/{shown['id']}"
    assert ("succeeded", "first install") == (done["status"], done["note"])
    assert done["requested_by"].startswith("first (")
    assert {"installed"} == {row["status"] for row in client.get(f"{site}/installed").json()["items"]}
    empty = client.post(f"{site}/plans", json={"install": ["mysql"]})
    unchecked = client.post(f"{empty.headers['location']}/checks")
    assert ([], 422) == (empty.json()["steps"], unchecked.status_code)
    assert "changes nothing: there is nothing to check" in unchecked.json()["detail"]
    used = client.delete(plan.headers["location"])
    assert (409, "plan_used", shown["id"]) == (used.status_code, used.json()["code"], used.json()["run"])


@pytest.mark.long
def test_a_plan_that_was_not_applied_can_be_forgotten(asking):
    plan = asking.post(f"{SITE}/plans", json={"install": ["mysql"]}).headers["location"]

    assert 204 == asking.delete(plan).status_code
    assert 404 == asking.get(plan).status_code


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        pytest.param({"install": ["nothing"]}, "unknown_name", None, id="unknown component"),
        pytest.param({"install": "mysql"}, "invalid", "/install", id="no list"),
        pytest.param({"install": [1]}, "invalid", "/install/0", id="no text"),
        pytest.param({"instal": ["mysql"]}, "invalid", "/instal", id="unknown field"),
        pytest.param({"all": "yes"}, "invalid", "/all", id="no truth"),
        pytest.param({"parameters": [1]}, "invalid", "/parameters", id="no object"),
        pytest.param({"install": ["../../x"]}, "unknown_name", None, id="path"),
        pytest.param({"install": ["mysql"], "limit": "@/etc/passwd"}, None, None, id="limit from a file"),
        pytest.param({"install": ["50-60"]}, "unknown_name", None, id="range of nothing"),
        pytest.param({"all": True, "exclude": ["nothing"]}, "unknown_name", None, id="unknown to exclude"),
        pytest.param({"install": ["mysql"], "exclude": ["mysql"]}, None, None, id="excluded and asked for"),
        pytest.param({"all": True, "exclude": "mysql"}, "invalid", "/exclude", id="no list to exclude"),
        pytest.param({"resume": "../../etc"}, None, None, id="resume a path"),
    ],
)
def test_a_request_that_makes_no_plan_says_why(asking, body, code, pointer):
    answer = asking.post(f"{SITE}/plans", json=body)

    assert answer.status_code in {404, 422}
    assert answer.json()["detail"]
    assert "root:x" not in answer.text
    assert code in {None, answer.json()["code"]}
    assert pointer in {None, *(each["pointer"] for each in answer.json().get("errors", []))}


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        *(
            ({"jobs": 0}, "/jobs"),
            ({"timeout": -1}, "/timeout"),
            ({"verbosity": 7}, "/verbosity"),
            ({"log_limit": 0}, "/log_limit"),
            ({"checks": 1}, "/checks"),
            ({"allow_destructive": "yes"}, "/allow_destructive"),
            ({"secrets": {"a": 1}}, "/secrets/a"),
            ({"x": 1}, "/x"),
        ),
        *(({"note": "x" * 501}, "/note"), ({"note": "two\nlines"}, "/note"), ({"note": "\x1b[31m"}, "/note")),
    ],
)
def test_options_that_cannot_be_are_named(asking, options, pointer):
    plan = asking.post(f"{SITE}/plans", json={"install": ["mysql"]}).headers["location"]
    answer = asking.post(f"{plan}/runs", json=options)

    assert (422, [pointer]) == (answer.status_code, [each["pointer"] for each in answer.json()["errors"]])
    assert [] == asking.get("/api/v1/runs").json()["items"]


@pytest.mark.long
def test_a_plan_that_is_true_no_more_says_what_changed(client, site, playbooks):
    plan = client.post(f"{site}/plans", json={"install": ["mysql"]}).headers["location"]
    (playbooks / "03.mysql.yml").write_text((playbooks / "03.mysql.yml").read_text() + "# edited\n")
    answer = client.post(f"{plan}/runs")

    assert (409, "plan_stale") == (answer.status_code, answer.json()["code"])
    assert any("mysql" in change for change in answer.json()["changes"])


@pytest.mark.long
def test_a_run_that_changes_a_site_keeps_others_out_until_it_is_canceled(client, site, fake):
    """The refusal names who holds the site; a cancel is answered at once and ends the run."""
    fake.update({"slow": Outcome(delay=60.0)})
    other = client.post(f"{site}/plans", json={"install": ["mysql"]}).headers["location"]
    run = start(client, site, install=["slow"])
    refused = client.post(f"{other}/runs")
    lock = client.get(site).json()["lock"]
    live = client.delete(run)
    gone = client.delete(site)
    canceled = client.post(f"{run}/cancel", json={"now": True})
    done = finish(client, run)

    assert (409, "site_locked") == (refused.status_code, refused.json()["code"])
    assert run.endswith(refused.json()["holder"]["run"])
    assert refused.json()["holder"] == lock
    assert (409, "run_not_ended") == (live.status_code, live.json()["code"])
    assert 409 == gone.status_code
    assert 202 == canceled.status_code
    assert "canceled" == done["status"]


def test_a_run_that_waits_is_approved_by_who_asks(client, installer):
    """The answer comes at once, and who it was stands in the events and in the audit; nothing else can be approved."""
    run = start_waiting(installer)
    path = f"/api/v1/runs/{run.id}"
    until(lambda: client.get(path).json()["status"] == "waiting")
    listed = client.get("/api/v1/runs?status=waiting").json()["items"]
    approved = client.post(f"{path}/approve")
    done = finish(client, path)
    again = client.post(f"{path}/approve")
    events = client.get(f"{path}/events", headers={"accept": "application/json"}).json()["items"]
    changes = [entry["what"] for entry in client.get("/api/v1/audit").json()["items"]]

    assert [run.id] == [each["id"] for each in listed]
    assert 202 == approved.status_code
    assert "succeeded" == done["status"]
    assert (409, "not_waiting") == (again.status_code, again.json()["code"])
    assert ["first"] == [event["data"]["by"].split()[0] for event in events if event["kind"] == "approved"]
    assert 1 == changes.count("POST /api/v1/runs/{run}/approve")


@pytest.mark.long
def test_runs_are_listed_newest_first_page_by_page_without_their_steps(client, site):
    runs = [start(client, site, install=["mysql"])]
    finish(client, runs[0])
    runs.append(start(client, site, install=["mysql"], force=["mysql"]))
    finish(client, runs[1])
    first = client.get("/api/v1/runs?limit=1&site=acme").json()
    second = client.get(f"/api/v1/runs?limit=1&site=acme&cursor={first['next']}").json()

    assert [runs[1][-12:]] == [run["id"] for run in first["items"]]
    assert [runs[0][-12:]] == [run["id"] for run in second["items"]]
    assert second["next"] is None
    assert not {"steps", "failures"} & first["items"][0].keys()
    assert [] == client.get("/api/v1/runs?status=failed").json()["items"]
    assert 2 == len(client.get("/api/v1/runs?status=succeeded").json()["items"])


@pytest.mark.parametrize("name", ["%2e%2e", "%2e%2e%2f", "ffffffffffff", "-rf", "LAST", "a" * 13, "%00", "é"])
def test_a_run_that_is_not_there_is_not_found(asking, name):
    for path in ("", "/events", "/log", "/steps/x", "/steps/x/log"):
        assert 404 == asking.get(f"/api/v1/runs/{name}{path}").status_code


@pytest.mark.long
def test_a_run_that_ended_is_counted_and_can_be_pruned(client, site):
    """What it was and how it ended stays; its text is gone, and says so."""
    run = start(client, site, install=["mysql"])
    finish(client, run)
    metrics = client.get("/metrics").text

    assert 204 == client.delete(run).status_code
    assert "succeeded" == client.get(run).json()["status"]
    assert (410, "pruned") == ((gone := client.get(f"{run}/events")).status_code, gone.json()["code"])
    assert 'installkit_runs{status="succeeded"} 1.0' in metrics
    assert 'installkit_ready{check="database"} 1.0' in metrics
    assert "installkit_streams 0.0" in metrics


@pytest.mark.long
def test_what_is_there_already_is_recorded_and_forgotten(client, site):
    recorded = client.post(f"{site}/installed", json={"components": ["mysql=1.0"]})
    finish(client, recorded.headers["location"])
    rows = client.get(f"{site}/installed?component=mysql").json()["items"]
    forgotten = client.delete(f"{site}/installed/mysql")
    finish(client, forgotten.headers["location"])

    assert [("h1", "1.0"), ("h2", "1.0")] == [(row["host"], row["version"]) for row in rows]
    assert [] == until(lambda: client.get(f"{site}/installed").json())["items"]


@pytest.fixture
def told():
    """An address that answers no HTTP at first, and what it was told."""
    bodies = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            if len(bodies) == 1:
                self.wfile.write(b"who is there?\r\n\r\n")
            else:
                self.send_response(204)
                self.end_headers()

        def log_message(self, *_):
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", bodies
        server.shutdown()


@pytest.fixture
def silent():
    """An address that takes everything and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/hook"


@pytest.mark.long
def test_webhooks_are_told_of_what_they_asked_for(client, site, told, silent):
    """An address that fails is told again, even one that talks another protocol; a dead one holds up no other."""
    url, bodies = told
    client.post("/api/v1/webhooks", json={"url": silent, "events": [kind.value for kind in installkit.EventKind]})
    client.post("/api/v1/webhooks", json={"url": url, "events": ["run_started", "run_finished"]})
    time.sleep(3 * LOOK_EVERY)  # events from before its first look are not told
    run = start(client, site, install=["mysql"])
    until(lambda: len(bodies) == 3)

    assert bodies[0] == bodies[1]
    assert ("run_finished", run[-12:], "succeeded") == tuple(bodies[2][name] for name in ("kind", "run", "status"))
    assert ["run_started", "run_finished"] == [body["kind"] for body in bodies[1:]]


def test_an_address_that_falls_behind_is_told_of_the_newest(told, caplog):
    """What is given up for want of place is logged."""
    url, bodies = told
    hook = address(url, backlog=3)
    hook.tell(b"0")
    until(lambda: bodies)  # it is told again in a second
    for number in range(1, 6):
        hook.tell(b"%d" % number)
    until(lambda: bodies[-1] == 5)
    hook.close()

    assert [0, 0, 3, 4, 5] == bodies
    assert [f"webhook {url!r} was not told: it is 3 events behind"] * 2 == caplog.messages


def test_what_a_run_was_started_with_and_where_its_time_went_can_be_read(client, installer, site):
    """The same values as in Python; the run is compared with itself by nobody."""
    run = installer.run(start(client, site, install=["mysql"]).rpartition("/")[2]).wait(60)
    other = installer.site("acme").apply(configure=["mysql"], force=["mysql"], checks=False).wait(60)
    address = f"/api/v1/runs/{run.id}"
    answers = [client.get(f"{address}/{path}").json() for path in ("spec", "timeline", "compare?with=last", "profile")]

    assert run.spec() == installkit.from_wire(installkit.RunSpec, answers[0])
    assert run.timeline() == installkit.from_wire(installkit.Timeline, answers[1])
    assert run.profile() == installkit.from_wire(installkit.RunProfile, answers[3])
    assert other.compare(run) == installkit.from_wire(installkit.RunComparison, answers[2])
    assert {422} == {
        client.get(f"{address}/compare{query}").status_code for query in ("", "?with=beef", f"?with={run.id}")
    }
    assert 204 == client.delete(address).status_code
    assert {410} == {
        client.get(f"{address}/{path}").status_code for path in ("timeline", "profile", "compare?with=last")
    }
    assert 410 == client.get(f"/api/v1/runs/{other.id}/compare?with={run.id}").status_code


def test_hosts_and_groups_can_be_read_as_ansible_lists_them(asking, shared):
    """Of an inventory that is a file, too."""
    listed = asking.get(f"{SITE}/inventory/list").json()

    assert shared[1].site("acme").inventory.read() == installkit.from_wire(installkit.Inventory, listed)
    assert ["h1", "h2"] == [host["name"] for host in listed["hosts"]]
