"""Tests of the tool beside, without Ansible and without hosts: `pytest tool` takes about a second."""

from pathlib import Path

import pytest

import installkit
from installkit.testing import FakeAnsible, Outcome
from rollout import roll_out

PLAYBOOKS = Path(__file__).parent.parent / "catalog" / "playbooks"
HOSTS = "[db]\n{0}-db\n[web]\n{0}-web\n"


@pytest.fixture
def rolled_out(tmp_path):
    """Roll out to two sites with a fake; return whether all went well, what was said, and what is installed."""
    inventories = [tmp_path / f"{site}.ini" for site in ("north", "south")]
    for inventory in inventories:
        inventory.write_text(HOSTS.format(inventory.stem))

    def run(fake):
        said = []
        with installkit.Installer(tmp_path / "data", ansible=fake) as installer:
            good = roll_out(installer, PLAYBOOKS, inventories, said.append)
            rows = [row for site in installer.sites() for row in site.installed()]
        return good, said, {f"{row.component} on {row.host}": row.status.value for row in rows}

    return run


def test_all_sites_are_brought_up_to_date(rolled_out):
    good, said, installed = rolled_out(FakeAnsible())

    assert good
    assert ["north: succeeded", "south: succeeded"] == said
    assert {
        "store on north-db": "installed",
        "web on north-web": "installed",
        "store on south-db": "installed",
        "web on south-web": "installed",
    } == installed


def test_nothing_happens_the_second_time(rolled_out):
    rolled_out(FakeAnsible())
    good, said, _ = rolled_out(FakeAnsible())

    assert good
    assert ["north: nothing to do", "south: nothing to do"] == said


def test_the_sites_after_a_failure_are_left_alone(rolled_out):
    fake = FakeAnsible({"north:web": Outcome("failed", task="Look for room", message="the disk is full")})
    good, said, installed = rolled_out(fake)

    assert not good
    assert "north: failed" == said[0]
    assert "the disk is full" in said[1]
    assert {"store on north-db": "installed", "web on north-web": "failed"} == installed


def test_a_host_that_is_away_for_a_moment_gets_one_more_try(rolled_out):
    good, said, _ = rolled_out(FakeAnsible({"north:store@north-db": ["unreachable", "ok"]}))

    assert good
    assert "could not reach the host on north-db" in said[0]
    assert ["north: succeeded", "south: succeeded"] == said[1:]


def test_a_host_that_stays_away_ends_the_rollout(rolled_out):
    good, said, _ = rolled_out(FakeAnsible({"north:store@north-db": "unreachable"}))

    assert not good
    assert "north: failed" == said[1]


def test_failed_checks_change_nothing(rolled_out):
    good, _, installed = rolled_out(FakeAnsible({"host/check": Outcome("failed", task="disk")}))

    assert not good
    assert {} == installed
