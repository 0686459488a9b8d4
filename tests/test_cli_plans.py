"""`plans` on the command line: what was planned, and whether it was applied."""

import json

import pytest
from click.testing import CliRunner

from installkit.cli.app import app


@pytest.fixture
def cli(installer):
    def call(*arguments):
        return CliRunner(env={"COLUMNS": "160"}).invoke(app, ["--data-dir", str(installer.folders.data), *arguments])

    return call


@pytest.fixture
def plans(installer, folder, inventory):
    """An applied plan, and a newer one of another site that was not."""
    (folder / "01.app.yml").write_text("- hosts: all\n  gather_facts: false\n  tasks: [{debug: {msg: hello}}]\n")
    first = installer.site("acme", inventory=inventory, catalog=folder)
    applied = first.plan(install=["app"])
    first.start(applied, checks=False).wait(60).raise_for_status()
    other = inventory.with_name("other.yml")
    other.write_text(inventory.read_text())
    return [applied, installer.site("other", inventory=other, catalog=folder).plan(install=["app"])]


def test_plans_of_all_sites_are_listed_newest_first(cli, plans):
    shown = cli("plans")
    rows = [line.split() for line in shown.stdout.splitlines()[2:]]

    assert 0 == shown.exit_code, shown.output
    assert [plans[1].id, plans[0].id] == [row[0] for row in rows]
    assert ["other", "acme"] == [row[1] for row in rows]
    assert ["applied", "succeeded"] == [row[-1] for row in rows]
    assert [plans[0].id] == [plan["id"] for plan in json.loads(cli("plans", "--site", "acme", "--json").stdout)]
    assert "no plans" in cli("plans", "--component", "nothing").stderr
    assert 2 == cli("plans", "--site", "nobody").exit_code


def test_a_deleted_plan_is_gone_and_its_run_stays(cli, installer, plans):
    """If one of several is not there, none is deleted."""
    refused = cli("plans", "delete", plans[0].id, "0123456789ab")
    before = json.loads(cli("plans", "--json").stdout)
    deleted = cli("plans", "delete", *(plan.id for plan in plans))

    assert 2 == refused.exit_code
    assert 2 == len(before)
    assert 0 == deleted.exit_code
    assert [] == json.loads(cli("plans", "--json").stdout)
    assert plans[0].id == installer.run(plans[0].id).plan.id
