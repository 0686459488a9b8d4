import os

import pytest

from installkit.testing import SSHHosts


def pytest_collection_modifyitems(items):
    """Mark every test that uses SSH hosts as such."""
    for item in items:
        if "ssh_hosts" in item.fixturenames:
            item.add_marker("hosts")


@pytest.fixture(scope="session")
def hosts_available():
    """Skip where SSH hosts can't be had, saying why; with CI=true that is a failure."""
    reason = SSHHosts.missing()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


@pytest.fixture(scope="session")
def ssh_hosts(hosts_available):
    """Three real hosts, shared by the tests of one process: a test leaves them on, and cleans up what it wrote."""
    with SSHHosts(count=3, names=("db1", "db2", "web1")) as hosts:
        yield hosts
