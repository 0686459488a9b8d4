"""Fixtures: an HTTP service in this process, with a client that holds the first access token; or one of its own."""

import contextlib

import pytest
import yaml

import installkit
from http_client import INVENTORY, Server, open_client, write_playbooks
from installkit.testing import FakeAnsible


@pytest.fixture
def playbooks(tmp_path):
    return write_playbooks(tmp_path / "playbooks", gate=tmp_path / "gate")


@pytest.fixture
def installer(tmp_path):
    with installkit.Installer(tmp_path / "data") as installer:
        yield installer


@pytest.fixture
def client(installer, playbooks):
    """A client with a token for everything."""
    with open_client(installer, playbooks) as client:
        yield client


@pytest.fixture
def site(installer, playbooks, tmp_path):
    """The path of a site with two hosts, whose inventory is a file."""
    inventory = tmp_path / "hosts.yml"
    inventory.write_text(yaml.safe_dump(INVENTORY))
    installer.site("acme", inventory=inventory, catalog=playbooks)
    return "/api/v1/sites/acme"


@pytest.fixture
def held_site(client):
    """The path of a site with two hosts, whose inventory is held by installkit."""
    made = client.post("/api/v1/sites", json={"name": "acme", "inventory": INVENTORY})
    assert 201 == made.status_code, made.text
    return made.headers["location"]


@pytest.fixture
def servers(tmp_path, playbooks):
    """Start services on one data directory; those that still run at the end are killed."""
    with contextlib.ExitStack() as stack:

        def _start(*options):
            server = Server(tmp_path / "data", "-c", f"products={playbooks}", *options)
            stack.callback(server.end)
            return server

        yield _start


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A client and its installer, with a site of two hosts, for tests that leave it as it is: a file's share one. No Ansible."""
    folder = tmp_path_factory.mktemp("shared")
    playbooks = write_playbooks(folder / "playbooks", gate=folder / "gate")
    inventory = folder / "hosts.yml"
    inventory.write_text(yaml.safe_dump(INVENTORY))
    with (
        installkit.Installer(folder / "data", ansible=FakeAnsible()) as installer,
        open_client(installer, playbooks) as client,
    ):
        installer.site("acme", inventory=inventory, catalog=playbooks)
        yield client, installer


@pytest.fixture
def asking(shared):
    """The client of the shared service."""
    return shared[0]
