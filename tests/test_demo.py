"""The demo's catalog; the demo itself is run whole by CI."""

import os
import re

import pytest
from click.testing import CliRunner

import installkit
from installkit import demo
from installkit.cli.app import app
from plan_steps import component_steps


@pytest.fixture
def site(installer, tmp_path):
    return installer.site("demo", inventory=demo.write_inventory(tmp_path / "d"), catalog=demo.demo_catalog())


def test_the_catalog_has_nothing_to_complain_about(site):
    assert () == site.catalog().warnings
    assert () == site.catalog().others


def test_the_first_request_installs_everything_in_order(site):
    """What is required comes first, and each component is verified before the next one that needs it."""
    plan = site.plan(**demo.FIRST_REQUEST)
    order = [f"{step.action} {step.component}" for step in plan.steps]

    assert {each.name for each in site.catalog()} == {step.component for step in component_steps(plan.steps)}
    assert order.index("verify supervisor") < order.index("install nats") < order.index("install recorder")
    assert () == plan.warnings


def test_every_version_asked_for_is_one_that_the_catalog_offers(site):
    versions = {component.name: component.versions for component in site.catalog()}
    asked = [entry.split("=") for entry in (*demo.FIRST_REQUEST["install"], *demo.UPGRADE["upgrade"]) if "=" in entry]

    assert 4 == len(asked)
    assert [] == [(name, version) for name, version in asked if version not in versions[name]]


@pytest.mark.long
def test_a_demo_that_is_complete_downloads_nothing_and_says_so(folder, inventory, tmp_path):
    """What an earlier one left half done is still to be downloaded."""
    for number, each in enumerate(installkit.load_catalog(demo.demo_catalog()), 1):
        (folder / f"{number}.{each.name}.yml").write_text("- hosts: localhost\n  tasks: []\n")
        (folder / f"{each.name}.component.yml").write_text(f"versions: ['{each.default_version}']\n")
    with installkit.Installer(tmp_path / "installkit") as installer:
        site = installer.site("demo", inventory=inventory, catalog=folder)
        *most, last = (f"{each.name}={each.default_version}" for each in site.catalog())
        said = []
        for names in (most, [last]):
            site.record(names).wait(60).raise_for_status()
            said.append(CliRunner().invoke(app, ["demo", "--folder", str(tmp_path)]).stderr)

    assert "downloads about 40 MB" in said[0]
    assert "nothing is downloaded" in said[1]


def test_a_folder_that_is_not_the_demos_is_never_removed(tmp_path):
    (tmp_path / "precious").write_text("x")

    with pytest.raises(installkit.InstallkitError):
        demo.remove(tmp_path)
    assert (tmp_path / "precious").exists()


def test_a_folder_with_something_in_it_is_never_taken_over(tmp_path):
    (tmp_path / "precious").write_text("x")

    with pytest.raises(installkit.InstallkitError):
        demo.write_inventory(tmp_path)


def test_the_demo_is_not_removed_unasked(tmp_path):
    """Without a terminal the question is told, and what answers it."""
    root = tmp_path / "d"
    demo.write_inventory(root)
    said = CliRunner().invoke(app, ["demo", "--remove", "--folder", str(root)])

    assert 3 == said.exit_code
    assert f"error: Stop the demo and delete {root}? Nobody can be asked: " in said.stderr
    assert "→ to go ahead, add --yes" in said.stderr
    assert root.exists()


@pytest.mark.parametrize("user", [None, "", "somebody", "../etc"])
def test_the_demos_folder_is_the_same_with_any_environment(user):
    """Whoever started it from cron, without USER, removes it from a terminal."""
    said = CliRunner().invoke(app, ["demo", "--remove"], env={"USER": user, "LOGNAME": user})

    assert f"installkit-demo-{os.getuid()}" in re.findall(r"[\w.-]+", said.stderr)
