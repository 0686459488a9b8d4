"""A verify asked for alone leaves a trace in the record: what works is vouched for, what does not is repaired."""

import sys

import pytest

import installkit
from installkit import Action, InstallationStatus
from site_runs import finish

INSTALL = "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: there}\n"
LOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - stat: {path: "%s/{{ inventory_hostname }}.down"}
      register: down
      failed_when: down.stat.exists
"""
FROM_HERE = """
- hosts: localhost
  gather_facts: false
  tasks:
    - stat: {path: "%s/h1.down"}
      register: down
      failed_when: down.stat.exists
"""


@pytest.fixture
def site(installer, tmp_path, folder):
    inventory = tmp_path / "hosts.ini"
    line = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    inventory.write_text(f"h1 {line}\nh2 {line}\n")
    (folder / "01.app.yml").write_text(INSTALL)
    (folder / "01.app.verify.yml").write_text(LOOK % tmp_path)
    return installer.site("acme", inventory=inventory, catalog=folder)


def rows(site):
    return {row.host: row for row in site.installed()}


def reasons(plan):
    return {change.host: change.reason for change in plan.changes}


def test_a_verify_alone_moves_verified_at_on(site):
    """Nothing else changes, and a plan made before is still true."""
    finish(site, install=["app"]).raise_for_status()
    before, plan = rows(site), site.plan(force=["app"])
    run = finish(site, verify=["app"]).raise_for_status()
    after = rows(site)

    assert all(before[host].verified_at < after[host].verified_at for host in before)
    same = ("status", "version", "action", "changing_run")
    assert [[getattr(row, name) for name in same] for row in before.values()] == [
        [getattr(row, name) for name in same] for row in after.values()
    ]
    assert {run.id} == {row.run for row in after.values()}
    site.start(plan, checks=False).wait(60).raise_for_status()


def test_a_failed_verify_marks_its_host_until_a_good_one(site, installer, tmp_path):
    """The next plan repairs that host alone; the index rebuilt from the journals says the same at each point."""
    finish(site, install=["app"]).raise_for_status()
    (tmp_path / "h1.down").touch()
    failed = finish(site, verify=["app"])
    marked = rows(site)

    assert (InstallationStatus.FAILED, Action.VERIFY, failed.id) == (
        marked["h1"].status,
        marked["h1"].action,
        marked["h1"].run,
    )
    assert InstallationStatus.INSTALLED is marked["h2"].status
    assert marked["h1"].verified_at < marked["h2"].verified_at
    installer.reindex()
    assert marked == rows(site)
    repair = site.plan(install=["app"])
    assert "repair" == reasons(repair)["h1"]
    assert reasons(repair)["h2"].startswith("unchanged")
    (tmp_path / "h1.down").unlink()
    finish(site, verify=["app"]).raise_for_status()
    assert {InstallationStatus.INSTALLED} == {row.status for row in rows(site).values()}
    assert site.plan(install=["app"]).empty
    healed = rows(site)
    installer.reindex()
    assert healed == rows(site)


def test_a_verify_from_localhost_speaks_for_all_hosts(site, folder, tmp_path):
    (folder / "01.app.verify.yml").write_text(FROM_HERE % tmp_path)
    finish(site, install=["app"]).raise_for_status()
    first = rows(site)
    (tmp_path / "h1.down").touch()
    finish(site, verify=["app"])

    assert None not in {row.verified_at for row in first.values()}
    assert {(InstallationStatus.FAILED, Action.VERIFY)} == {(row.status, row.action) for row in rows(site).values()}
    assert {"h1", "h2"} == rows(site).keys()


@pytest.mark.long
def test_a_verify_in_check_mode_proves_nothing(site, tmp_path):
    finish(site, install=["app"]).raise_for_status()
    before = rows(site)
    finish(site, {"check_mode": True}, verify=["app"]).raise_for_status()
    (tmp_path / "h1.down").touch()
    finish(site, {"check_mode": True}, verify=["app"])

    assert before == rows(site)


@pytest.mark.long
def test_what_changed_during_a_verify_is_as_the_change_left_it(site, installer, folder, tmp_path):
    """A verify holds no lock: what it saw of an installation that another run changed meanwhile counts no more."""
    finish(site, install=["app"]).raise_for_status()
    wait = f"    - wait_for: {{path: {tmp_path / 'go'}, timeout: 50}}\n"
    (folder / "01.app.verify.yml").write_text(LOOK % tmp_path + wait + "    - fail: {msg: it was not there}\n")
    verify = site.start(site.plan(verify=["app"], limit="h1"), checks=False)
    (folder / "01.app.verify.yml").unlink()
    change = finish(site, force=["app"], limit="h1").raise_for_status()
    (tmp_path / "go").touch()
    assert installkit.RunStatus.FAILED is verify.wait(60).status

    assert (InstallationStatus.INSTALLED, change.id) == (rows(site)["h1"].status, rows(site)["h1"].run)
    kept = rows(site)
    installer.reindex()
    assert kept == rows(site)


@pytest.mark.long
def test_a_run_that_only_verified_has_nothing_to_undo(site, tmp_path):
    finish(site, install=["app"]).raise_for_status()
    (tmp_path / "h1.down").touch()
    run = finish(site, verify=["app"])

    assert site.plan(rollback=run).empty
