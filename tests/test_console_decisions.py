"""
What an engineer decides in the console: which checks are ignored, and whether a run goes on.

What checks find is first made up, after the interface's contract, then found by a real run.
"""

import re

import pytest
from playwright.sync_api import expect

from waiting_runs import start_waiting

pytest_plugins = ["console_page", "http_service"]

CHECKS = [
    {"name": "host.python", "hosts": ["h1", "h2"], "status": "pass", "message": "3.11"},
    {"name": "host.disk", "hosts": ["h2"], "status": "fail", "message": "<b>2 GB</b> free", "remedy": "make space"},
    {"name": "host.connection", "hosts": ["h1"], "status": "fail", "message": "unreachable", "ignorable": False},
    {"name": "host.time", "hosts": ["h1"], "status": "warn", "message": "4 s ahead"},
]


def check(wire):
    return {"component": None, "remedy": None, "ignorable": True, "ignored": None, **wire}


def checked_run(checks):
    """A run that found *checks*, as far as the page of a plan looks at it."""
    steps = [{"checks": [check(each) for each in checks]}]
    return {"id": "0123456789ab", "finished_at": "2026-11-22T08:00:00Z", "steps": steps, "failures": []}


@pytest.fixture
def plan(server):
    """The path of a plan in the console."""
    with server.client() as client:
        made = client.post("/api/v1/sites/acme/plans", json={"install": ["mysql"]})
    return f"/plans/{made.json()['id']}"


def test_checks_are_shown_the_worst_first_and_one_is_ignored_with_a_reason(server, open_page, plan):
    """What must be put right offers no reason to be given, and what is said of a host is only text."""
    page = open_page(server)
    started = []

    def _start(route):
        started.append(route.request.post_data_json)
        route.continue_()

    page.route("**/checks", lambda route: route.fulfill(status=202, json=checked_run(CHECKS)))
    page.route("**/plans/*/runs", _start)
    page.goto(f"{server.url}/#{plan}")
    page.get_by_role("button", name="Run the checks").click()
    table = page.get_by_role("table", name="Checks")
    rows = table.get_by_role("row")
    expect(rows).to_have_count(5)
    expect(page.get_by_role("region", name="Checks")).to_contain_text("Passed: 1, warnings: 1, failed: 2")
    names = [each.split()[0] for each in rows.all_inner_texts()[1:]]
    expect(table).to_contain_text("<b>2 GB</b> free")
    expect(table).to_contain_text("What to do: make space")
    expect(rows.filter(has_text="host.connection")).to_contain_text("must be put right")
    expect(table.get_by_role("textbox")).to_have_count(1)
    page.get_by_label("Why host.disk may be ignored").fill("a disk comes tomorrow")
    page.get_by_role("button", name="Start the run").click()
    expect(page).to_have_url(re.compile("#/runs/"))

    assert ["host.disk", "host.connection", "host.time", "host.python"] == names
    assert [{"host.disk": "a disk comes tomorrow"}] == [each["ignore_checks"] for each in started]
    assert ["0123456789ab"] == [each["checks"] for each in started]


@pytest.mark.long
def test_a_failing_check_of_a_real_run_is_ignored_and_stands_in_the_run(servers, site, playbooks, open_page):
    """Its run leads to a plan of the rest; what is found is grouped over hosts, and who ignored it is shown, and why."""
    (playbooks / "03.mysql.check.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        '    - name: Disk space\n      fail: {msg: "only <b>2 GB</b> are free\\nRemedy: add a disk"}\n'
    )
    manifest = playbooks / "mysql.component.yml"
    manifest.write_text(manifest.read_text().replace("{install: 03", "{check: 03.mysql.check.yml, install: 03"))
    page = open_page(servers(), f"{site.removeprefix('/api/v1')}/plan")
    page.get_by_label("mysql", exact=True).check()
    page.get_by_role("button", name="Make the plan").click()
    page.get_by_role("button", name="Start the run").click()
    page.get_by_role("button", name="Plan the rest").click(timeout=60_000)
    page.get_by_role("button", name="Run the checks").click()
    region = page.get_by_role("region", name="Checks")
    finding = region.get_by_role("row").filter(has_text="mysql.disk-space")
    expect(finding).to_have_count(1, timeout=60_000)
    expect(finding).to_contain_text("h1, h2")
    expect(finding).to_contain_text("only <b>2 GB</b> are free")
    expect(finding).to_contain_text("What to do: add a disk")
    expect(region.get_by_role("row").filter(has_text="host.connection")).to_contain_text("passed")
    page.get_by_label("Why mysql.disk-space may be ignored").fill("a disk comes tomorrow")
    page.get_by_role("button", name="Start the run").click()
    expect(page.locator(".heading .status")).to_contain_text("succeeded", timeout=60_000)
    shown = page.get_by_role("table", name="Checks").get_by_role("row").filter(has_text="only <b>2 GB</b>")

    expect(shown).to_contain_text(re.compile("Ignored by first .*: a disk comes tomorrow"))
    expect(shown.locator(".status")).to_contain_text("failed")


def test_a_run_that_waits_says_for_what_and_is_approved(server, installer, open_page):
    """Each batch asks anew; the banner goes once nothing waits."""
    page = open_page(server, f"/runs/{start_waiting(installer, hosts=('h1', 'h2', 'h3')).id}")
    banner = page.get_by_role("region", name="Waiting for approval")
    for number in (2, 3):
        expect(banner).to_contain_text(f"once approved: record app on h{number}")
        expect(page.locator(".heading .status")).to_contain_text("waiting")
        banner.get_by_role("button", name="Approve").click()
    expect(page.locator(".heading .status")).to_contain_text("succeeded")

    expect(banner).to_have_count(0)
