"""`serve` and `token`."""

import json
import signal
import subprocess
import sys

import httpx2
import pytest
from click.testing import CliRunner

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
