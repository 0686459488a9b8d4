"""The command line as the client of a service: `--service`."""

import json

import pytest
import yaml
from click.testing import CliRunner

from http_client import INVENTORY
from installkit.cli.app import app

pytest_plugins = ["http_service"]


@pytest.fixture
def run_there(servers, tmp_path):
    """Call installkit with the service of a data directory; its own data directory is never made."""
    server = servers()
    token = tmp_path / "token"
    token.write_text(f"{server.token}\n")
    environment = {
        "INSTALLKIT_SERVICE": None,
        "INSTALLKIT_DATA_DIR": str(tmp_path / "none"),
        "INSTALLKIT_TOKEN": server.token,
    }

    def _run(*words, code=0, address=("--service", server.url), variables=None, stdin=""):
        environ = {**environment, **(variables or {})}
        done = CliRunner().invoke(app, [*address, *map(str, words)], env=environ, input=stdin)
        assert code == done.exit_code, (done.stdout, done.stderr, done.exception)
        assert not (tmp_path / "none").exists()
        return done

    _run.server, _run.token = server, token
    return _run


@pytest.fixture
def acme(run_there, tmp_path):
    """A site that is made of a file of this machine, which the service keeps a copy of."""
    inventory = tmp_path / "mine.yml"
    inventory.write_text(yaml.safe_dump(INVENTORY))
    run_there("site", "create", "acme", "--import", inventory, "--title", "Acme")
    return inventory


def test_what_is_done_with_a_data_directory_is_done_with_a_service(run_there, acme, tmp_path):
    """From the site to the end of a run, and back."""
    plan = tmp_path / "plan.json"
    run_there("plan", "--install", "mysql", "-o", plan)
    applied = run_there("apply", plan, "--yes", "--skip-checks", "--note", "far")
    run = json.loads(run_there("show", "last", "--json").stdout)
    run_there("site", "set", "acme", "mysql_port=3307")
    run_there("site", "secret", "acme", "mysql_root_password", stdin="correct horse\n")
    listed = json.loads(run_there("runs", "--json").stdout)
    status = json.loads(run_there("status", "--json").stdout)
    kinds = [json.loads(line)["kind"] for line in run_there("events", "last", "-f", "--json").stdout.splitlines()]
    again = run_there("apply", plan, "--yes")
    run_there("rollback", "last", "--yes", "--skip-checks")
    run_there("apply", "--install", "mysql", "--force", "mysql", "--yes", "--skip-checks")

    assert "succeeded" in applied.stdout
    assert "✓" in run_there("watch", run["id"]).stdout
    assert ("succeeded", "far") == (run["status"], run["note"])
    assert [run["id"]] == [each["id"] for each in listed]
    assert {"installed"} == {row["status"] for row in status}
    assert "hällo" in run_there("logs", "last", "mysql", "--no-color").stdout
    assert ("run_started", "run_finished") == (kinds[0], kinds[-1])
    assert "was applied before" in again.stderr
    assert run["id"][:6] in run_there("events").stdout
    assert "mysql_port" in run_there("site", "show", "acme").stdout
    assert "Acme" in run_there("site", "list").stdout
    assert "debug" in run_there("timeline", run["id"]).stdout
    assert "before it" in run_there("compare", "last").stdout
    assert "database" in run_there("doctor").stdout


def test_a_run_is_stopped_let_go_on_and_resumed(run_there, acme, tmp_path):
    run = run_there("apply", "--install", "slow", "--yes", "--skip-checks", "--detach").stdout.strip()
    held = run_there("apply", "--install", "mysql", "--yes", "--skip-checks", code=3)
    run_there("approve", run, code=2)
    run_there("cancel", run, "--now")
    watched = run_there("watch", run, code=1)
    (tmp_path / "gate").touch()
    run_there("resume", run, "--yes", "--skip-checks")

    assert f"installkit --service {run_there.server.url} watch {run}" in held.stderr
    assert "canceled" in watched.stdout
    assert f"installkit --service {run_there.server.url} resume" in watched.stdout


def test_what_is_of_the_machine_is_refused_by_name(run_there, acme, playbooks):
    for words, name, way in (
        (["serve"], "`serve`", "without --service"),
        (["reindex"], "`reindex`", "without --service"),
        (["token", "create", "me", "--scope", "read"], "`token`", "without --service"),
        (["catalog", "validate", playbooks], "`catalog`", "without --service"),
        (["plan", "-i", acme, "--install", "mysql"], f"-i {acme}", "--import FILE"),
        (["plan", "-c", playbooks, "--site", "acme", "--install", "mysql"], f"-c {playbooks}", "--site"),
        (["site", "create", "b", "-i", acme], f"-i {acme}", f"site create b --import {acme}"),
        (["site", "update", "acme", "-c", playbooks], str(playbooks), "catalogs()"),
        (["apply", "--install", "mysql", "--yes", "--private-key", acme], "private_key", "leave it out"),
        (["apply", "--install", "mysql", "--yes", "-u", "root"], "user", "leave it out"),
    ):
        refused = run_there(*words, code=2)

        assert name in refused.stderr
        assert way in refused.stderr


def test_the_service_and_the_token_are_named_in_the_environment_or_in_a_file(run_there, acme, tmp_path):
    """The token is no argument; a data directory that is named is used."""
    variables = {"INSTALLKIT_SERVICE": run_there.server.url}
    here = tmp_path / "here"
    by_file = {**variables, "INSTALLKIT_TOKEN": ""}
    assert "acme" in run_there("site", "list", address=(), variables=variables).stdout
    assert "acme" in run_there("--token-file", run_there.token, "site", "list", address=(), variables=by_file).stdout
    assert "no site yet" in run_there("--data-dir", here, "site", "list", address=(), variables=variables).stderr
    assert "wants a token" in run_there("site", "list", code=2, variables={"INSTALLKIT_TOKEN": ""}).stderr
    assert "refused the token" in run_there("runs", code=1, variables={"INSTALLKIT_TOKEN": "ik_no"}).stderr
    assert "two places" in run_there("--data-dir", here, "runs", code=2).stderr
    run_there.server.end()
    assert "cannot be reached" in run_there("runs", code=1).stderr


def test_a_service_costs_the_help_nothing():
    done = CliRunner().invoke(app, ["--help"], env={"INSTALLKIT_SERVICE": "http://127.0.0.1:1"})

    assert 0 == done.exit_code
    assert "--service URL" in done.stdout
