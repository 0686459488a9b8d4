"""The examples do what they say: each is really run."""

import functools
import os
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import expect

from http_client import INVENTORY, finish, start

pytest_plugins = ["console_page", "http_service"]

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.mark.long
def test_a_component_is_installed_with_curl_alone(servers, tmp_path):
    """The log rolls by and the status decides the exit code; a second time there is nothing to do. A refusal is told."""
    server = servers()
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump(INVENTORY))
    script = EXAMPLES / "http" / "curl.sh"
    environment = {**os.environ, "INSTALLKIT_TOKEN": server.token, "INSTALLKIT_URL": server.url}
    first, second, refused = (
        subprocess.run(
            [script, "acme", inventory, component],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
            timeout=100,
        )
        for component in ("mysql", "mysql", "nothing")
    )

    assert (0, "") == (first.returncode, first.stderr)
    assert "hällo" in first.stdout
    assert first.stdout.endswith("-- succeeded\n")
    assert 0 == second.returncode
    assert "-- run" not in second.stdout
    assert 1 == refused.returncode
    assert "error: no component is named 'nothing'" in refused.stderr
    assert "-- run" not in refused.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "usage: ", id="no arguments"),
        pytest.param(["acme", "nope.yml", "mysql"], "error: there is no inventory nope.yml", id="no inventory"),
        pytest.param(["acme", ".", "mysql"], "error: there is no inventory .", id="a folder"),
    ],
)
def test_curl_asks_nothing_where_its_arguments_are_wrong(arguments, message, tmp_path):
    """One line says what is wrong; the service, which is not there, is not missed."""
    environment = {**os.environ, "INSTALLKIT_TOKEN": "none", "INSTALLKIT_URL": "http://127.0.0.1:9"}
    said = subprocess.run(
        [EXAMPLES / "http" / "curl.sh", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=30,
    )

    assert (2, "") == (said.returncode, said.stdout)
    assert said.stderr.startswith(message)
    assert 1 == said.stderr.count("\n")


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files, and says nothing of it."""

    def log_message(self, *_):
        """Keep quiet."""


@pytest.fixture
def frontend():
    """The origin of a server of nothing but the example's files."""
    handler = functools.partial(QuietHandler, directory=EXAMPLES / "frontend")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.long
def test_a_page_of_another_origin_follows_a_run(servers, site, browser, frontend, tmp_path):
    """It sees the run as it rolls, from its beginning to its end, over one connection."""
    server = servers("--allow-origin", frontend)
    with server.client() as client:
        run = start(client, site, install=["slow"])
        page = browser.new_page()
        page.goto(frontend)
        page.get_by_label("Service").fill(server.url)
        page.get_by_label("Token").fill("ik_wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_contain_text("not valid")
        page.get_by_label("Token").fill(server.token)
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("button", name=f"follow run {run[-12:]}").click()
        expect(page.locator("#log")).to_contain_text("begun")
        (tmp_path / "gate").touch()
        expect(page.locator("#status")).to_have_text("succeeded")
        finish(client, run)
        printed = client.get(f"{run}/log").text

    assert printed.count("line ") == page.locator("#log").inner_text().count("line ") > 0
    page.close()
