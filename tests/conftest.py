import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import installkit
from installkit.testing import FakeAnsible, SSHHosts

settings.register_profile(
    "shared machine",
    deadline=None,  # it is not a clock
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",  # what passes today passes tomorrow; at home each run tries others
)
settings.load_profile("shared machine")

FAULTS = Path(__file__).parent / "faults"


def pytest_collection_modifyitems(items):
    """Mark every test that uses SSH hosts as such, and every fault as long."""
    for item in items:
        if "ssh_hosts" in item.fixturenames:
            item.add_marker("hosts")
        if item.path.parent == FAULTS:
            item.add_marker("long")


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
def systemd_available():
    """Skip where hosts that boot with systemd can't be had, saying why."""
    if reason := SSHHosts.missing(systemd=True):
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
def fake():
    """What takes Ansible's place in tests that are about something else."""
    return FakeAnsible()


@pytest.fixture
def fake_installer(tmp_path, fake):
    """The same as `installer`, without Ansible."""
    with installkit.Installer(tmp_path / "data", ansible=fake) as installer:
        yield installer


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


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB; needs root."""
    path = tmp_path / "disk"
    path.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    command = ["/bin/mount", "-t", "tmpfs", "-o", "size=8m", "none", path]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    yield path
    subprocess.run(["/bin/umount", "--lazy", path], check=True)
