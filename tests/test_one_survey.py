"""How often one call reads the catalog and plans: what is asked twice is waited for twice."""

import sys
from collections import Counter

import pytest
from click.testing import CliRunner

import installkit
from installkit.cli.app import app
from installkit.sites import plan, survey

PLAYBOOK = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n"


@pytest.fixture
def counts(monkeypatch):
    """How often the catalog was loaded, and a plan was made."""
    found = Counter()

    def _count(module, name):
        old = getattr(module, name)

        def _counted(*given, **named):
            found[name] += 1
            return old(*given, **named)

        monkeypatch.setattr(module, name, _counted)

    _count(survey, "load_catalog")
    _count(plan, "make_plan")
    return found


@pytest.fixture
def place(tmp_path):
    """A folder with one component, and an inventory of this machine."""
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "03.a.yml").write_text(PLAYBOOK)
    (tmp_path / "hosts.ini").write_text(f"h1 ansible_connection=local ansible_python_interpreter={sys.executable}\n")
    return tmp_path


def test_apply_reads_the_catalog_for_its_plan_and_for_its_start(place, counts):
    options = ["-c", str(place / "playbooks"), "-i", str(place / "hosts.ini"), "--install", "a", "--yes", "--detach"]
    applied = CliRunner().invoke(app, ["--data-dir", str(place / "data"), "apply", *options])
    with installkit.Installer(place / "data") as installer:
        installer.run("last").wait(60).raise_for_status()

    assert 0 == applied.exit_code, applied.output
    assert {"load_catalog": 2, "make_plan": 2} == counts


def test_apply_in_python_does_the_same(place, counts, installer):
    site = installer.site("acme", inventory=place / "hosts.ini", catalog=place / "playbooks")
    site.apply(install=["a"], checks=False).wait(60).raise_for_status()

    assert {"load_catalog": 2, "make_plan": 2} == counts


def test_a_plan_reads_the_catalog_once(place, counts, installer):
    site = installer.site("acme", inventory=place / "hosts.ini", catalog=place / "playbooks", keep=False)
    made = site.plan(install=["a"], secrets={"ansible_become_password": "x"})

    assert made == installer.plan(made.id)
    assert {"load_catalog": 1, "make_plan": 1} == counts
    assert ["acme"] == [each.name for each in installer.sites()]


def test_a_site_without_a_plan_is_not_kept(place, installer):
    site = installer.site("acme", inventory=place / "hosts.ini", catalog=place / "playbooks", keep=False)
    with pytest.raises(installkit.UnknownNameError):
        site.plan(install=["nothing"])

    assert () == installer.sites()
