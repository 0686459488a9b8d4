"""`compare`, `timeline` and `profile` on the command line: what differs between two runs, and where the time of one went."""

import json

import pytest
from click.testing import CliRunner

from installkit.cli.app import app
from installkit.testing import Outcome

PLAY = "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: Rest\n      command: sleep 1\n"


@pytest.fixture
def installer(fake_installer):
    return fake_installer


@pytest.fixture
def cli(installer):
    def call(*arguments):
        return CliRunner(env={"COLUMNS": "160"}).invoke(app, ["--data-dir", str(installer.folders.data), *arguments])

    return call


@pytest.fixture
def runs(fake, installer, folder, inventory):
    """Two runs of one component, the second with a slower task."""
    (folder / "01.app.yml").write_text(PLAY)
    site = installer.site("acme", inventory=inventory, catalog=folder)
    ids = []
    for seconds in (0.0, 0.8):
        fake.update({"app": Outcome(delay=seconds)})
        ids.append(site.apply(install=["app"], force=["app"], checks=False).wait(60).raise_for_status().id)
    return ids


def test_compare_shows_what_became_slower(cli, runs):
    """Without another run, the one before on the same site; whichever is named first, the earlier is the earlier."""
    answers = [cli("compare", "last"), cli("compare", runs[0][:6], runs[1][:6])]
    comparison = json.loads(cli("compare", "last", "--json").stdout)

    assert [0, 0] == [answer.exit_code for answer in answers], answers[0].output
    assert answers[0].stdout == answers[1].stdout
    assert f"run {runs[1][:6]} and, before it, {runs[0][:6]}" in answers[0].stdout
    (rest,) = [line.split() for line in answers[0].stdout.splitlines() if line.startswith("Rest ")]
    assert "app" == rest[1]
    assert float(rest[2]) > 0.4
    assert [runs[1], runs[0]] == [comparison["run"]["id"], comparison["earlier"]["id"]]


def test_compare_needs_two_runs(cli, runs):
    alone, same = cli("compare", runs[0]), cli("compare", runs[0], runs[0])

    assert 2 == alone.exit_code
    assert "there is no run on site acme before" in alone.stderr
    assert " runs" in alone.stderr
    assert 1 == same.exit_code
    assert "compared with itself" in same.stderr


def test_timeline_shows_the_slowest_tasks_and_when(cli, runs):
    """The longest first, with a bar for its place in the whole."""
    shown, spans = cli("timeline", "last"), json.loads(cli("timeline", runs[1], "--json").stdout)

    assert 0 == shown.exit_code, shown.output
    assert "the slowest of 1 task" in shown.stdout
    (rest,) = [line for line in shown.stdout.splitlines() if " Rest " in line]
    assert "█" * 20 in rest
    assert [("Rest", "localhost")] == [(task["task"], task["host"]) for task in spans["tasks"]]


def test_profile_shows_where_the_time_went(cli, runs):
    """A table of uses, of tasks, and what would make it faster, if anything."""
    shown, made = cli("profile", "last"), json.loads(cli("profile", runs[1], "--json").stdout)

    assert 0 == shown.exit_code, shown.output
    assert "tasks on hosts" in shown.stdout
    assert "Rest" in shown.stdout
    assert {"tasks", "ansible_start", "installkit"} <= {share["use"] for share in made["shares"]}
    assert 2 == cli("profile", "0000").exit_code
