"""Checks over HTTP."""

import json

import pytest

pytest_plugins = ["http_service"]


@pytest.mark.long
def test_a_plan_is_checked_and_can_be_applied_afterwards(client, site, playbooks):
    """The answer is the list of what was found, when it was; the run that found it is one of the runs."""
    (playbooks / "08.slow.check.yml").write_text(
        "- hosts: h1\n  gather_facts: false\n  tasks:\n    - name: Speed\n      fail: {msg: 'Warning: it is slow'}\n"
    )
    plan = client.post(f"{site}/plans", json={"install": ["slow"]}).headers["location"]
    answer = client.post(f"{plan}/checks")
    rows = {row["name"]: row for row in answer.json()}
    runs = client.get("/api/v1/runs").json()["items"]

    assert 200 == answer.status_code, answer.text
    assert "pass" == rows["host.connection"]["status"]
    assert {
        "name": "slow.speed",
        "component": "slow",
        "hosts": ["h1"],
        "status": "warn",
        "message": "it is slow",
        "remedy": None,
        "ignorable": True,
        "ignored": None,
    } == rows["slow.speed"]
    assert [("checks", "succeeded")] == [(run["note"], run["status"]) for run in runs]
    assert None is client.get(site).json()["revision"]
    refused = client.post(f"{plan}/runs", json={"ignore_checks": {"slow.": "x"}})
    assert (422, "cannot_plan") == (refused.status_code, refused.json()["code"])


@pytest.mark.long
def test_checks_that_cannot_be_carried_out_name_their_run(client, site, playbooks):
    """What fails is Ansible's doing, neither the request's nor ours."""
    (playbooks / "08.slow.check.yml").write_text("- hosts: h1\n  strategy: no such\n  tasks: []\n")
    plan = client.post(f"{site}/plans", json={"install": ["slow"]}).headers["location"]
    answer = client.post(f"{plan}/checks")

    assert (502, "run_failed") == (answer.status_code, answer.json()["code"]), json.dumps(answer.json())
    assert "failed" == client.get(f"/api/v1/runs/{answer.json()['run']}").json()["status"]
