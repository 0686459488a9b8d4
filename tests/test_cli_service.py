"""`serve`, and who may use it and hears from it: `token`, `webhooks`, `audit`."""

import json
import signal
import subprocess
import sys

import httpx2
import pytest
from click.testing import CliRunner

import installkit
from installkit.cli.app import app


@pytest.fixture
def cli(tmp_path):
    return lambda *arguments: CliRunner().invoke(app, ["--data-dir", str(tmp_path / "data"), *arguments])


def test_a_new_token_is_printed_alone(cli):
    """So that it can be put into a variable; whatever else is said goes to stderr."""
    made = cli("token", "create", "frontend", "--scope", "operate", "--expires-in", "12h")
    (listed,) = json.loads(cli("token", "list", "--json").stdout)

    assert 0 == made.exit_code
    assert made.stdout.strip().startswith(f"ik_{listed['id']}_")
    assert ["operate"] == listed["scopes"]
    assert made.stdout.strip() not in cli("token", "list", "--json").stdout


def test_a_revoked_token_is_gone(cli):
    cli("token", "create", "frontend")
    (listed,) = json.loads(cli("token", "list", "--json").stdout)
    revoked = cli("token", "revoke", listed["id"])

    assert 0 == revoked.exit_code
    assert [] == json.loads(cli("token", "list", "--json").stdout)
    assert 2 == cli("token", "revoke", listed["id"]).exit_code


def test_serve_says_where_and_answers(tmp_path):
    (tmp_path / "playbooks").mkdir()
    command = "from installkit.cli import main; main()"
    arguments = ["--data-dir", str(tmp_path / "data"), "serve", "-c", f"acme={tmp_path / 'playbooks'}", "--port", "0"]
    with subprocess.Popen([sys.executable, "-c", command, *arguments], stdout=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().split()[-1]
            status = httpx2.get(address + "healthz", timeout=10).status_code
        finally:
            server.send_signal(signal.SIGTERM)
            ended = server.wait(timeout=10)

    assert "#" not in address  # its token is for a terminal only
    assert 200 == status
    assert 0 == ended


def test_a_webhook_is_added_listed_and_removed(cli):
    """Its id alone is printed, as a script wants it; a wrong address is refused."""
    made = cli("webhooks", "add", "http://127.0.0.1:9/hook", "--event", "run_finished")
    (listed,) = json.loads(cli("webhooks", "--json").stdout)
    shown = cli("webhooks").stdout
    removed = cli("webhooks", "remove", made.stdout.strip())
    wrong = cli("webhooks", "add", "ftp://127.0.0.1/")

    assert made.stdout.strip() == listed["id"]
    assert ["run_finished"] == listed["events"]
    assert "http://127.0.0.1:9/hook" in shown
    assert 0 == removed.exit_code
    assert [] == json.loads(cli("webhooks", "--json").stdout)
    assert 2 == wrong.exit_code
    assert "begins with http" in wrong.stderr


def test_a_webhook_that_is_not_there_cannot_be_removed(cli):
    refused = cli("webhooks", "remove", "3f9a1c20d41b")

    assert 2 == refused.exit_code
    assert "no webhook has the id '3f9a1c20d41b'" in refused.stderr


def test_the_audit_says_who_changed_what(cli, tmp_path):
    with installkit.Installer(tmp_path / "data") as installer:
        installer.access.record_audit("ann (3f9a)", "DELETE /api/v1/plans/{plan}", "/plans/7f3c")
        installer.access.record_audit("ben (91d0)", "POST /api/v1/sites", "/sites/acme")
    entries = json.loads(cli("audit", "--who", "ANN", "--json").stdout)
    shown = cli("audit", "--since", "1h").stdout.splitlines()

    assert ["/plans/7f3c"] == [entry["target"] for entry in entries]
    assert ["ben", "ann"] == [next(name for name in ("ann", "ben") if name in line) for line in shown[2:]]
    assert "no entries" in cli("audit", "--target", "nothing").stderr
