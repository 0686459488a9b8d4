"""Results of tasks over HTTP and on the command line: those of the library, in pages and in a table."""

import json

import pytest
from click.testing import CliRunner

import installkit
from http_client import SAY, finish, start
from installkit.cli.app import app

pytest_plugins = ["http_service"]


@pytest.fixture
def run(client, site, playbooks):
    (playbooks / "03.mysql.yml").write_text(f"{SAY}    - {{name: Ask, command: echo hi, register: answer}}\n")
    run = start(client, site, install=["mysql"])
    assert "succeeded" == finish(client, run)["status"]
    return run


def test_results_are_a_list_in_pages_with_filters(client, installer, run):
    every = client.get(f"{run}/results").json()
    asked = client.get(f"{run}/results?task=Ask&host=h1&host=h2&module=command&step=mysql&status=changed").json()
    page = client.get(f"{run}/results?limit=3").json()
    rest = client.get(f"{run}/results?limit=3&cursor={page['next']}").json()
    theirs = installer.run(run.rpartition("/")[2]).results()

    assert installkit.to_wire(theirs) == every["items"]
    assert every["next"] is None
    assert [("h1", "answer", "hi"), ("h2", "answer", "hi")] == sorted(
        (item["host"], item["registered"], item["result"]["stdout"]) for item in asked["items"]
    )
    assert (every["items"], None) == (page["items"] + rest["items"], rest["next"])


@pytest.mark.parametrize("query", ["host=h9", "step=nothing", "status=done", "cursor=x", "limit=0", "tasks=Ask"])
def test_what_is_wrong_with_a_query_is_named(client, run, query):
    answer = client.get(f"{run}/results?{query}")

    assert 422 == answer.status_code
    assert query.partition("=")[0] in answer.json()["errors"][0]["pointer"]


def test_results_that_were_pruned_are_gone(client, run):
    client.delete(run)

    assert (410, "pruned") == ((answer := client.get(f"{run}/results")).status_code, answer.json()["code"])


def test_facts_are_kept_where_a_request_or_an_option_says_so(client, installer, site, playbooks):
    (playbooks / "03.mysql.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks: [setup: {gather_subset: min}]\n"
    )
    plan = client.post(f"{site}/plans", json={"install": ["mysql"]}).headers["location"]
    run = client.post(f"{plan}/runs", json={"checks": False, "keep_facts": True}).headers["location"]
    finish(client, run)
    data = str(installer.folders.data)
    words = ["apply", "--site", "acme", "--install", "mysql", "--force", "mysql", "--yes", "--skip-checks"]
    said = CliRunner().invoke(app, ["--data-dir", data, *words, "--keep-facts"])

    assert 0 == said.exit_code, said.output
    for each in (installer.run(run.rpartition("/")[2]), installer.run("last")):
        assert "distribution" in each.facts("h1"), each
    assert 422 == client.post(f"{plan}/runs", json={"keep_facts": "yes"}).status_code


def test_the_command_line_shows_a_table_or_all_of_it(installer, run):
    def said(*words):
        arguments = ["--data-dir", str(installer.folders.data), "results", run.rpartition("/")[2], *words]
        return CliRunner(env={"COLUMNS": "160"}).invoke(app, arguments)

    table, whole = said("--task", "Ask"), said("--task", "Ask", "--host", "h1", "--json")
    (result,) = json.loads(whole.stdout)

    assert ["STEP", "TASK", "HOST", "STATUS", "RESULT"] == table.stdout.splitlines()[0].split()
    assert {("Ask", "changed", "hi")} == {
        (*line.split()[1:2], *line.split()[3:]) for line in table.stdout.splitlines() if "mysql" in line
    }
    assert "h1 hi" == f"{result['host']} {result['result']['stdout']}"
    assert "no results" in said("--status", "failed").stderr
    assert "choose one of: h1, h2" in said("--host", "h9").stderr
