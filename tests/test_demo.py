"""The demo's catalog; the demo itself is run whole by CI."""

import pytest

import installkit
from installkit import demo


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

    assert {component.name for component in site.catalog()} == {step.component for step in plan.steps}
    assert order.index("verify supervisor") < order.index("install nats") < order.index("install recorder")
    assert () == plan.warnings


def test_every_version_asked_for_is_one_that_the_catalog_offers(site):
    versions = {component.name: component.versions for component in site.catalog()}
    asked = [entry.split("=") for entry in (*demo.FIRST_REQUEST["install"], *demo.UPGRADE["upgrade"]) if "=" in entry]

    assert 4 == len(asked)
    assert [] == [(name, version) for name, version in asked if version not in versions[name]]


def test_a_folder_that_is_not_the_demos_is_never_removed(tmp_path):
    (tmp_path / "precious").write_text("x")

    with pytest.raises(installkit.InstallkitError):
        demo.remove(tmp_path)
    assert (tmp_path / "precious").exists()


def test_a_folder_with_something_in_it_is_never_taken_over(tmp_path):
    (tmp_path / "precious").write_text("x")

    with pytest.raises(installkit.InstallkitError):
        demo.write_inventory(tmp_path)
