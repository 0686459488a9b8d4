"""One inventory is one site, however its path is written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import installkit
from installkit.cli.app import app
from installkit.model import InventoryKind, InventorySource, SiteSnapshot

PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.debug: {msg: done}
"""


@pytest.fixture
def place(tmp_path):
    """A folder with playbooks and an inventory in a folder of its own, and site `acme` of both."""
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "03.mysql.yml").write_text(PLAYBOOK)
    (tmp_path / "inv").mkdir()
    (tmp_path / "inv" / "hosts.ini").write_text("h1 ansible_connection=local\n")
    with installkit.Installer(tmp_path / "data") as installer:
        installer.site("acme", inventory=tmp_path / "inv" / "hosts.ini", catalog=tmp_path / "playbooks")
    return tmp_path


def other_names(place):
    """Make other names of the inventory; return them by what they are, each with the folder that it is typed in."""
    inv, away = place / "inv", place / "away"
    away.mkdir()
    (inv / "link.ini").symlink_to("hosts.ini")
    (inv / "hard.ini").hardlink_to(inv / "hosts.ini")
    (away / "link.ini").symlink_to(inv / "hosts.ini")
    (place / "linked").symlink_to(inv)
    return {
        "relative": (inv, "hosts.ini"),
        "dots": (place / "playbooks", "../inv/hosts.ini"),
        "detour": (place, "./inv/.././inv//hosts.ini"),
        "link beside it": (inv, "link.ini"),
        "link elsewhere": (away, "link.ini"),
        "through a linked folder": (place, "linked/hosts.ini"),
        "in a linked folder": (place / "linked", "hosts.ini"),
        "hard link": (inv, "hard.ini"),
    }


def plan(place, *arguments):
    options = ["-c", str(place / "playbooks"), *arguments, "--all"]
    return CliRunner().invoke(app, ["--data-dir", str(place / "data"), "plan", *options])


def site_names(place):
    with installkit.Installer(place / "data") as installer:
        return [site.name for site in installer.sites()]


def test_an_inventory_by_any_path_is_the_same_site(place, monkeypatch):
    """No second site is made, which would know nothing of what the first one installed."""
    for name, (folder, typed) in other_names(place).items():
        monkeypatch.chdir(folder)
        said = plan(place, "-i", typed)

        assert 0 == said.exit_code, (name, said.output)
        assert ["acme"] == site_names(place), name


def test_python_takes_any_path_too(place, monkeypatch):
    for name, (folder, typed) in other_names(place).items():
        monkeypatch.chdir(folder)
        with installkit.Installer(place / "data") as installer:
            found = installer.site_of_inventory(typed)

            assert ("acme", name) == (found and found.name, name)
            assert place / "inv" / "hosts.ini" == installer.site("acme", inventory=typed).snapshot().inventory.path


def test_it_is_said_by_which_path_the_site_has_it(place, monkeypatch):
    """The path as it was first typed stays: links in it decide which group_vars lie beside it."""
    monkeypatch.chdir(other_names(place)["link elsewhere"][0])
    (place / "inv" / "hosts.ini").chmod(0o644)
    said = plan(place, "-i", "link.ini")
    usual = plan(place, "-i", "../inv/hosts.ini")

    assert f"site acme: it has this inventory as {place}/inv/hosts.ini" in said.stderr
    assert "it has this inventory as" not in usual.stderr


def test_a_path_that_an_older_installkit_kept_as_typed_is_found(place):
    """It may have `..` in it."""
    (place / "data2").mkdir()
    with installkit.Installer(place / "data2") as installer:
        source = InventorySource(kind=InventoryKind.FILE, path=place / "playbooks" / ".." / "inv" / "hosts.ini")
        old = SiteSnapshot(name="old", title="old", inventory=source, catalog=place / "playbooks")
        installer._directory.store.sites.save(old)
        found = installer.site_of_inventory(place / "inv" / "hosts.ini")

        assert "old" == (found and found.name)


def test_a_folder_is_one_inventory_through_a_link(place):
    """Whatever the link is called: what Ansible reads lies in the folder."""
    (place / "prod").symlink_to("inv")
    with installkit.Installer(place / "data") as installer:
        installer.site("whole", inventory=place / "inv", catalog=place / "playbooks")
        found = installer.site_of_inventory(place / "prod")

        assert "whole" == (found and found.name)


@pytest.mark.parametrize("name", ["group_vars", "host_vars"])
def test_a_link_with_variables_of_its_own_is_another_inventory(place, name):
    """Beside the link, they may lead the same names to other machines."""
    (place / "staging" / name).mkdir(parents=True)
    (place / "staging" / "hosts.ini").symlink_to(place / "inv" / "hosts.ini")
    with installkit.Installer(place / "data") as installer:
        found = installer.site_of_inventory(place / "staging" / "hosts.ini")

        assert found is None


def test_a_link_to_the_same_variables_is_the_same_inventory(place):
    (place / "inv" / "group_vars").mkdir()
    (place / "again").mkdir()
    for name in ("hosts.ini", "group_vars"):
        (place / "again" / name).symlink_to(place / "inv" / name)
    with installkit.Installer(place / "data") as installer:
        found = installer.site_of_inventory(place / "again" / "hosts.ini")

        assert "acme" == (found and found.name)


def test_a_program_under_another_name_is_another_inventory(place):
    """A script may answer by the name that it is called by."""
    script = place / "inv" / "prod"
    script.write_text('#!/bin/sh\necho "{\\"all\\": {\\"hosts\\": [\\"$(basename $0)1\\"]}}"\n')
    script.chmod(0o755)
    (place / "inv" / "test").symlink_to("prod")
    with installkit.Installer(place / "data") as installer:
        installer.site("prod", inventory=script, catalog=place / "playbooks")
        found = installer.site_of_inventory(place / "inv" / "test")
        same = installer.site_of_inventory(place / "inv" / ".." / "inv" / "prod")

        assert found is None
        assert "prod" == (same and same.name)


def test_an_equal_file_is_another_inventory(place):
    """A copy is edited on its own."""
    (place / "copy.ini").write_text((place / "inv" / "hosts.ini").read_text())
    with installkit.Installer(place / "data") as installer:
        found = installer.site_of_inventory(place / "copy.ini")

        assert found is None


def test_two_sites_with_one_inventory_are_named(place, caplog):
    """A second one has to be asked for by name; neither is guessed afterwards."""
    (place / "link.ini").symlink_to(place / "inv" / "hosts.ini")
    with installkit.Installer(place / "data") as installer:
        installer.site("beta", inventory=place / "link.ini", catalog=place / "playbooks")
        with pytest.raises(installkit.PlanningError, match="is that of the sites acme and beta") as refused:
            installer.site_of_inventory(place / "link.ini")
    said = plan(place, "-i", str(place / "inv" / "hosts.ini"))
    chosen = plan(place, "-i", str(place / "inv" / "hosts.ini"), "--site", "beta")

    warned = ["site beta has the inventory file of site acme: neither knows what the other does to its hosts"]
    assert warned == [record.getMessage() for record in caplog.records]
    assert "--site" in refused.value.remedy
    assert 2 == said.exit_code
    assert "acme and beta" in said.stderr
    assert 0 == chosen.exit_code, chosen.output


def test_a_list_of_hosts_stays_refused(place):
    """Such a list is not an inventory of a site: nobody could find it again."""
    said = plan(place, "-i", "h1,")

    assert 2 == said.exit_code
    assert "h1," in said.stderr
    assert ["acme"] == site_names(place)


def test_the_record_is_found_from_another_folder(place):
    """What was installed by one path is there by the other, also for a program of its own."""
    command = [Path(sys.executable).with_name("installkit"), "--data-dir", place / "data"]
    first = ["apply", "-c", "playbooks", "-i", "inv/hosts.ini", "--all", "--yes", "--skip-checks"]
    subprocess.run([*command, *first], check=True, cwd=place, capture_output=True, timeout=120)
    second = ["plan", "-c", ".", "-i", os.path.join("..", "inv", "hosts.ini"), "--all"]  # noqa: PTH118 - as typed
    again = subprocess.run(
        [*command, *second], check=True, cwd=place / "playbooks", capture_output=True, text=True, timeout=120
    )

    assert "unchanged" in again.stdout
    assert ["acme"] == site_names(place)


@pytest.mark.parametrize(
    ("typed", "name"), [("../inv/hosts.ini", "inv"), ("..", "place"), (".", "playbooks"), ("../hosts.ini", "place")]
)
def test_a_new_site_is_named_after_the_folder_that_dots_lead_to(tmp_path, monkeypatch, typed, name):
    (tmp_path / "place" / "playbooks").mkdir(parents=True)
    (tmp_path / "place" / "inv").mkdir()
    monkeypatch.chdir(tmp_path / "place" / "playbooks")

    assert name == installkit.site_name_for(typed)
