"""
Faults, injected: how often, at which moments, and what must hold after each.

`--soak` (or INSTALLKIT_SOAK=1) tries each as often as it should be tried before a release; without, a few times.
"""

import functools
import os
import random
from pathlib import Path

import pytest

import installkit
from fault_table import FaultReport
from invariants import check_installer, descriptors
from plays import build_site


def pytest_addoption(parser):
    group = parser.getgroup("faults")
    group.addoption("--soak", action="store_true", help="inject each fault as often as before a release")
    group.addoption("--seed", type=int, help="take the random moments of an earlier run of the suite")
    group.addoption("--at-most", type=int, metavar="N", help="inject each fault N times at most")
    group.addoption("--fault-results", metavar="FILE", help="where earlier results for the table are, and these go")
    group.addoption("--fault-report", metavar="FILE", help="write a table of what was injected, and how often")


def pytest_configure(config):
    path = config.getoption("--fault-report", default=None)
    if path is not None and not hasattr(config, "workerinput"):  # xdist's workers hand their results to us
        results = config.getoption("--fault-results")
        config.pluginmanager.register(FaultReport(Path(path), results and Path(results)))


def _soaks(config):
    return config.getoption("--soak", default=False) or os.environ.get("INSTALLKIT_SOAK") == "1"


@pytest.fixture
def soak(request):
    """Whether faults are tried as often as before a release."""
    return _soaks(request.config)


@pytest.fixture
def times(request, soak, record_property):
    """Choose how often a test tries its fault, of two counts: in short, and before a release."""

    def _choose(short, full):
        most = request.config.getoption("--at-most", default=None)
        count = min(full if soak else short, most or full)
        record_property("times", count)
        return count

    return _choose


@pytest.fixture
def seed(request, record_property):
    """Where random moments come from; printed, so that a failure can be had again."""
    given = request.config.getoption("--seed", default=None)
    if given is None:
        same = os.environ.get("CI") == "true" and not _soaks(request.config)
        given = 1 if same else random.SystemRandom().randrange(1_000_000)
    seed = given
    record_property("seed", seed)
    print(f"seed {seed}: the same moments again with --seed {seed}")  # noqa: T201 - pytest shows it where a test fails
    return seed


@pytest.fixture
def installer(tmp_path):
    """A data directory of the test's own; after the test, all that holds after any fault must hold in it."""
    before = descriptors()
    with installkit.Installer(tmp_path / "data") as installer:
        yield installer
        for run in installer.runs():
            run.cancel(now=True)
            run.wait(100)
        check_installer(installer)
    assert before == descriptors()


@pytest.fixture
def make_site(installer, tmp_path):
    """Make a site of the data directory: `make_site(name, playbooks, inventory)`."""
    return functools.partial(build_site, installer, tmp_path)
