"""Checks over HTTP."""

import pytest

from http_client import finish

pytest_plugins = ["http_service"]


@pytest.mark.long
def test_a_plan_is_checked_and_can_be_applied_afterwards(client, site, playbooks):
    """The answer is a run that checks, at once; what it finds is in its steps, and it does not use the plan up."""
    (playbooks / "08.slow.check.yml").write_text(
        "- hosts: h1\n  gather_facts: false\n  tasks:\n    - name: Speed\n      fail: {msg: 'Warning: it is slow'}\n"
    )
    plan = client.post(f"{site}/plans", json={"install": ["slow"]}).headers["location"]
    answer = client.post(f"{plan}/checks", json={"secrets": {"mysql_root_password": "x"}})
    assert 202 == answer.status_code, answer.text
    done = finish(client, answer.headers["location"])
    rows = {row["name"]: row for step in done["steps"] for row in step["checks"]}
    runs = client.get("/api/v1/runs").json()["items"]

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
def test_checks_that_cannot_be_carried_out_are_a_failed_run(client, site, playbooks):
    """Its failure says that it is not a finding."""
    (playbooks / "08.slow.check.yml").write_text("- hosts: h1\n  strategy: no such\n  tasks: []\n")
    plan = client.post(f"{site}/plans", json={"install": ["slow"]}).headers["location"]
    done = finish(client, client.post(f"{plan}/checks").headers["location"])

    assert "failed" == done["status"]
    assert "check_failed" not in [failure["code"] for failure in done["failures"]]


@pytest.mark.long
def test_secrets_for_checks_are_used_and_kept_nowhere(client, site, playbooks, installer):
    """They go the way of a run's."""
    canary = "S3CRET-canary"
    (playbooks / "03.mysql.check.yml").write_text(
        "- hosts: h1\n  gather_facts: false\n  tasks:\n    - name: Password\n"
        "      assert: {that: mysql_root_password | length == 13, fail_msg: it did not come}\n"
    )
    manifest = playbooks / "mysql.component.yml"
    text = manifest.read_text().replace("secret: true", "secret: true, required: true")
    manifest.write_text(text.replace("install: 03.mysql.yml", "install: 03.mysql.yml, check: 03.mysql.check.yml"))
    plan = client.post(f"{site}/plans", json={"install": ["mysql"], "limit": "h1"}).headers["location"]
    missing = client.post(f"{plan}/checks")
    started = client.post(f"{plan}/checks", json={"secrets": {"mysql_root_password": canary}})
    done = finish(client, started.headers["location"])
    found = {row["name"]: row["status"] for step in done["steps"] for row in step["checks"]}

    assert (422, "mysql_root_password" in missing.json()["detail"]) == (missing.status_code, True)
    assert "pass" == found["mysql.password"]
    assert not any(canary.encode() in path.read_bytes() for path in installer.folders.data.rglob("*") if path.is_file())
