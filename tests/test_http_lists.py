"""Lists over HTTP: what they are narrowed to, by field name, page by page."""

import pytest
import yaml

import installkit
from http_client import LOCAL, finish, open_client, write_playbooks
from installkit.testing import FakeAnsible

pytest_plugins = ["http_service"]

SITE = "/api/v1/sites/acme"

INVENTORY = {"all": {"children": {"db": {"hosts": {"h1": LOCAL}}, "web": {"hosts": {"w1": LOCAL}}}}}


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A client of a service with two sites, two plans, and a run that recorded mysql on one of two hosts."""
    folder = tmp_path_factory.mktemp("busy")
    playbooks = write_playbooks(folder / "playbooks", gate=folder / "gate")
    inventory = folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump(INVENTORY))
    with (
        installkit.Installer(folder / "data", ansible=FakeAnsible()) as installer,
        open_client(installer, playbooks) as client,
    ):
        for name, title in (("acme", "Acme & Co"), ("globex", "globex")):
            installer.site(name, inventory=inventory, catalog=playbooks, title=title)
        recorded = client.post(f"{SITE}/installed", json={"components": ["mysql=1.0"], "limit": "db"})
        finish(client, recorded.headers["location"])
        client.post(f"{SITE}/plans", json={"install": ["slow"], "limit": "db"})
        yield client


def names(client, path, field="id"):
    answer = client.get(path)
    assert 200 == answer.status_code, answer.text
    return [item[field] for item in answer.json()["items"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=failed&status=succeeded", 1),
        ("status=failed&status=running", 0),
        ("component=mysql", 1),
        ("component=slow", 0),
        ("requested_by=FIRST", 1),
        ("requested_by=somebody", 0),
        ("note=nothing", 0),
        ("since=2026-01-01T00:00:00Z", 1),
        ("since=2999-01-01T00:00:00%2B02:00", 0),
        ("until=2026-01-01T00:00:00Z", 0),
        ("site=acme&until=2999-01-01T00:00:00Z", 1),
        ("plan=ffffffffffff", 0),
    ],
)
def test_runs_are_narrowed_by_their_fields(busy, query, expected):
    assert expected == len(names(busy, f"/api/v1/runs?{query}"))


def test_the_run_of_a_plan_is_found_by_it(busy):
    run = names(busy, "/api/v1/runs")[0]

    assert [run] == names(busy, f"/api/v1/runs?plan={run}")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/hosts?group=db", ["h1"]),
        ("/hosts?group=d", []),
        ("/hosts?name=1", ["h1", "w1"]),
        ("/hosts?component=mysql", ["h1"]),
        ("/hosts?component=slow", []),
    ],
)
def test_hosts_are_narrowed_by_group_name_and_component(busy, path, expected):
    assert expected == names(busy, f"{SITE}{path}", "name")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=failed&status=installed", ["h1"]),
        ("status=failed", []),
        ("version=1.0", ["h1"]),
        ("version=1", []),
        ("component=mysql&host=w1", []),
        ("run=ffffffffffff", []),
    ],
)
def test_what_is_installed_is_narrowed_by_its_fields(busy, query, expected):
    assert expected == names(busy, f"{SITE}/installed?{query}", "host")


def test_plans_are_narrowed_and_read_page_by_page(busy):
    """What a plan would do stays out of the list, and an unknown cursor is named."""
    slow, mysql = names(busy, f"{SITE}/plans")
    first = busy.get(f"{SITE}/plans?limit=1").json()
    second = busy.get(f"{SITE}/plans?limit=1&cursor={first['next']}").json()
    unknown = busy.get(f"{SITE}/plans?cursor=ffffffffffff")

    assert ([slow], slow) == ([each["id"] for each in first["items"]], first["next"])
    assert ([mysql], None) == ([each["id"] for each in second["items"]], second["next"])
    assert not {"changes", "steps", "inputs"} & first["items"][0].keys()
    assert [mysql] == names(busy, f"{SITE}/plans?component=mysql")
    assert [] == names(busy, f"{SITE}/plans?continues={mysql}")
    assert [slow, mysql] == names(busy, f"{SITE}/plans?since=2026-01-01T00:00:00Z")
    assert [] == names(busy, f"{SITE}/plans?until=2026-01-01T00:00:00Z")
    assert (422, "/query/cursor") == (unknown.status_code, unknown.json()["errors"][0]["pointer"])


def test_the_audit_is_narrowed_to_who_did_what_to_what(busy):
    assert ["POST /api/v1/sites/{site}/plans"] == names(busy, "/api/v1/audit?what=/PLANS", "what")
    assert 2 == len(names(busy, "/api/v1/audit?who=first&target=acme"))
    assert [] == names(busy, "/api/v1/audit?target=globex")
    assert [] == names(busy, "/api/v1/audit?until=2026-01-01T00:00:00Z")
    assert 2 == len(names(busy, "/api/v1/audit?since=2026-01-01T00:00:00Z"))


def test_sites_and_tokens_are_narrowed_by_a_part_of_their_names(busy):
    assert ["acme"] == names(busy, "/api/v1/sites?title=%26%20co", "name")
    assert ["globex"] == names(busy, "/api/v1/sites?title=GLOB", "name")
    assert ["first"] == names(busy, "/api/v1/tokens?name=irs", "name")
    assert [] == names(busy, "/api/v1/tokens?name=%25", "name")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("status=running&status=done", "/query/status/1"),
        ("since=yesterday", "/query/since"),
        ("since=2026-01-01T00:00:00", "/query/since"),
        ("until=0001-01-01T00:00:00%2B02:00", "/query/until"),
        ("site=a&site=b", "/query/site"),
    ],
)
def test_a_filter_that_cannot_be_is_named(busy, query, pointer):
    answer = busy.get(f"/api/v1/runs?{query}")

    assert (422, [pointer]) == (answer.status_code, [each["pointer"] for each in answer.json()["errors"]])
