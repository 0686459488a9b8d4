"""Sites and runs as values of other programs: equal where they are the same, made of objects, read as a whole."""

import copy

import pytest

import installkit

PLAY = "- hosts: all\n  gather_facts: false\n  tasks: [debug: {msg: MESSAGE}]\n"


@pytest.fixture
def site(installer, folder, inventory):
    for number, name in enumerate(("one", "two"), 1):
        (folder / f"0{number}.{name}.yml").write_text(PLAY.replace("MESSAGE", f"this is {name}"))
    return installer.site("acme", inventory=inventory, catalog=folder)


def test_two_objects_of_one_site_are_one_in_a_set(installer, site, tmp_path):
    """By name and data directory."""
    with installkit.Installer(tmp_path / "other") as other:
        elsewhere = other.create_site("acme", inventory={"all": {"hosts": {"h1": None}}}, catalog=site.catalog().folder)

        assert {site} == {site, installer.site("acme")}
        assert site != elsewhere
        assert site != "acme"


def test_two_objects_of_one_run_are_one_and_its_log_can_be_read_whole(installer, site):
    """In the order of the plan, as its steps' logs follow each other."""
    run = site.apply(all=True, checks=False).wait(60).raise_for_status()
    whole = run.log()

    assert {run} == {run, installer.run("last"), copy.copy(run)}
    assert run != run.id
    assert whole == run.log("one") + run.log("two")
    assert whole.index(b"this is one") < whole.index(b"this is two")
    assert whole[10:15] == run.log(offset=10, size=5)


def test_a_site_is_made_of_an_object(installer, folder):
    """The same that its text in YAML would make; one object may stand at several places."""
    connection = {"ansible_connection": "local"}
    inventory = {"db": {"hosts": {"db1": connection, "db2": connection}, "vars": {"greeting": "grüß dich: 1"}}}
    site = installer.create_site("acme", inventory=inventory, catalog=folder)

    assert ["db1", "db2"] == [host.name for host in site.inventory.hosts()]
    assert {"ansible_connection": "local"} == dict(site.inventory.hosts()[0].vars)
    site.inventory.replace({"all": {"hosts": {"h9": None}}})
    assert ["h9"] == [host.name for host in site.inventory.hosts()]


@pytest.mark.parametrize(
    "inventory",
    [{}, {"db": {"hosts": {"db1": {"since": object()}}}}, {"db": {"hosts": ["db1"]}}, {"plugin": "constructed"}],
)
def test_an_object_that_is_no_inventory_is_refused(installer, folder, inventory):
    with pytest.raises(installkit.DefinitionError, match="inventory"):
        installer.create_site("acme", inventory=inventory, catalog=folder)

    assert () == installer.sites()


def test_the_doctor_is_asked_by_one_call(installer, site):
    findings = {finding.name: finding.status for finding in installer.doctor()}

    assert {"python", "data directory", "database"} <= findings.keys()
    assert ["database"] == [finding.name for finding in installer.doctor(only=["database"])]
