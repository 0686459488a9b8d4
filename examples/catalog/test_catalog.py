"""
Tests of the catalog beside, on real hosts that this machine makes for them: `pytest examples/catalog`.

They need root and an sshd; nothing but this machine is touched, and nothing is left behind.
"""

from pathlib import Path

import pytest

import installkit
from installkit.testing import SSHHosts

PLAYBOOKS = Path(__file__).parent / "playbooks"


@pytest.fixture(scope="module")
def hosts():
    if reason := SSHHosts.missing():
        pytest.skip(reason)
    with SSHHosts(names=("db1",), count=1) as hosts:
        yield hosts


@pytest.fixture(scope="module")
def site(hosts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    inventory = hosts.inventory(folder / "hosts.yml", groups={"db": ["db1"]})
    with installkit.Installer(folder / "data") as installer:
        yield installer.site("test", inventory=inventory, catalog=PLAYBOOKS)


def test_an_old_version_is_installed_and_upgraded(site, hosts):
    site.start(site.plan(install=["store=1.0"])).wait(60).raise_for_status()
    assert "version=1.0" in hosts.run("db1", "cat /opt/hello/store.conf").stdout

    site.start(site.plan(upgrade=["store=1.1"])).wait(60).raise_for_status()
    assert "version=1.1" in hosts.run("db1", "cat /opt/hello/store.conf").stdout


def test_the_same_request_again_changes_nothing(site):
    assert site.plan(install=["store"]).empty
