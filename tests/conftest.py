import os
import sys

import pytest

import installkit
from installkit.testing import SSHHosts


def pytest_collection_modifyitems(items):
    """Mark every test that uses SSH hosts as such."""
    for item in items:
        if "ssh_hosts" in item.fixturenames:
            item.add_marker("hosts")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """With CI=true nothing may be skipped: a skip becomes a failure that tells its reason."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped although CI=true: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def hosts_available():
    """Skip where SSH hosts can't be had, saying why."""
    if reason := SSHHosts.missing():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def ssh_hosts(hosts_available):
    """Three real hosts, shared by the tests of one process: a test leaves them on, and cleans up what it wrote."""
    with SSHHosts(count=3, names=("db1", "db2", "web1")) as hosts:
        yield hosts


@pytest.fixture
def installer(tmp_path):
    """A data directory of the test's own; what the test leaves running is stopped."""
    with installkit.Installer(tmp_path / "data") as installer:
        yield installer
        for run in installer.runs():
            run.cancel(now=True)
            run.wait(60)


@pytest.fixture
def folder(tmp_path):
    """An empty folder for playbooks."""
    folder = tmp_path / "playbooks"
    folder.mkdir()
    return folder


@pytest.fixture
def inventory(tmp_path):
    """This machine, as localhost."""
    path = tmp_path / "hosts.ini"
    path.write_text(f"localhost ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    return path
