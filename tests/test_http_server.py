"""The service as a process."""

import json
import os
import subprocess
import sys
import threading

import httpx2
import pytest

import installkit
from installkit_http.server import is_loopback

pytest_plugins = ["http_service"]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - it is only looked at
        ("::", False),
        ("10.0.0.1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(host, expected):
    assert expected == is_loopback(host)


def test_it_listens_elsewhere_only_where_there_is_a_token(tmp_path):
    command = [sys.executable, "-m", "installkit_http", "--data-dir", tmp_path / "data", "--host", "0.0.0.0"]  # noqa: S104 - what is refused
    refused = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)

    assert 3 == refused.returncode
    assert "error: others can reach 0.0.0.0, and there is no access token yet" in refused.stderr
    assert "installkit token create" in refused.stderr


def test_the_address_on_a_terminal_carries_a_token_that_buys_one_session(tmp_path):
    """Nobody who finds it in a history can use it again."""
    ours, its = os.openpty()
    command = [sys.executable, "-m", "installkit_http", "--data-dir", tmp_path / "data", "--port", "0"]
    with subprocess.Popen(command, stdout=its, stderr=subprocess.DEVNULL) as process, open(ours, closefd=True) as said:  # noqa: PTH123 - a descriptor
        os.close(its)
        url, _, token = said.readline().split()[-1].partition("/#token=")
        answers = [httpx2.post(f"{url}/api/v1/session", json={"token": token}).status_code for _ in range(2)]
        process.terminate()

    assert [201, 401] == answers
    assert url.startswith("http://127.0.0.1:")


def test_what_a_service_prints_into_a_journal_lets_nobody_in(servers, tmp_path):
    """It says how to make a token instead, and makes none."""
    server = servers()
    server.process.terminate()
    rest = server.process.stdout.read()
    with installkit.Installer(tmp_path / "data") as installer:
        tokens = [token.name for token in installer.access.tokens()]

    assert "installkit token create" in rest
    assert "token=" not in rest + server.url
    assert ["first"] == tokens


@pytest.mark.long
def test_sixty_four_writers_at_once_meet_no_lock(servers, tmp_path):
    """Every write is stored once, and recorded."""
    server = servers()
    statuses = []
    with server.client() as client, installkit.Installer(tmp_path / "data") as beside:

        def _write(number):
            for part in range(4):
                body = {"name": f"t{number}-{part}", "scopes": ["read"]}
                statuses.append(client.post("/api/v1/tokens", json=body).status_code)
            beside.access.record_audit("beside", "wrote", str(number))

        threads = [threading.Thread(target=_write, args=[number]) for number in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        names = [token["name"] for token in client.get("/api/v1/tokens?limit=1000").json()["items"]]

        assert [201] * 256 == statuses
        assert {f"t{number}-{part}" for number in range(64) for part in range(4)} <= set(names)
        assert 320 == len(beside.access.audit(limit=1000))
        assert "ok" == beside.check_database()


def test_logs_as_json_are_an_object_a_line(servers):
    server = servers("--log-json")
    server.process.terminate()
    server.process.wait(20)
    errors = server.logged()
    lines = [json.loads(line) for line in errors.splitlines()]

    assert {"time", "level", "logger", "message"} <= lines[0].keys()
    assert any("the first access token was written to" in line["message"] for line in lines)
    assert server.token not in errors


def test_what_failed_at_start_is_a_row_of_readyz(client, playbooks):
    """Every other row is carried out all the same."""
    (playbooks / "mysql.component.yml").write_text("nothing: 1\n")
    preparations = client.app.state.service.preparations
    preparations.carry_out()
    answer = client.get("/readyz")
    rows = {row["name"]: row for row in answer.json()["checks"]}

    assert (503, "failed") == (answer.status_code, answer.json()["status"])
    assert ["database", "access", "environment", "catalogs", "runs"] == list(rows)
    assert "mysql.component.yml:1:1" in rows["catalogs"]["message"]
    fit = {row["name"]: row["status"] for row in answer.json()["checks"] if row["name"] != "catalogs"}
    assert {"pass"} == {status for name, status in fit.items() if name != "environment"}
    assert fit["environment"] in {"pass", "warn"}, "a container's end would take runs along, and is warned of"
    assert ("warn" == fit["environment"]) == bool(rows["environment"]["remedy"])
