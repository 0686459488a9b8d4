"""Sites and runs as values of other programs: equal where they are the same, made of objects, read as a whole."""

import copy
import sys

import pytest

import installkit

PLAY = "- hosts: all\n  gather_facts: false\n  tasks: [debug: {msg: MESSAGE}]\n"

LOCAL = {"all": {"hosts": {"h1": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}}


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


APP = [{"hosts": "all", "gather_facts": False, "tasks": [{"debug": {"msg": "it is yes and 010"}}]}]
MANIFEST = {"name": "app", "versions": ["1.0", "1.10"]}


def test_a_catalog_is_written_from_values(installer, tmp_path):
    """It runs, and writing the same again makes no plan of it stale."""
    files = {"01.app.yml": APP, "app.component.yml": MANIFEST}
    catalog = installkit.write_catalog(tmp_path / "made", files)
    site = installer.create_site("acme", inventory=LOCAL, catalog=catalog.folder)
    plan = site.plan(install=["app"])
    installkit.write_catalog(tmp_path / "made", files)
    run = site.start(plan, checks=False).wait(60).raise_for_status()

    assert ("1.0", "1.10") == catalog["app"].versions
    assert b"it is yes and 010" in run.log("app")


def test_what_is_wrong_with_a_catalog_of_values_is_said_with_its_place_and_nothing_is_written(tmp_path):
    folder = tmp_path / "made"
    with pytest.raises(installkit.DefinitionError) as names:
        installkit.write_catalog(folder, {"../01.app.yml": APP, "/etc/app.yml": APP, "02.app.yml": object(), "a/b": ""})
    with pytest.raises(installkit.DefinitionError) as manifest:
        installkit.write_catalog(folder, {"01.app.yml": APP, "app.component.yml": {**MANIFEST, "verions": ["1.0"]}})
    with pytest.raises(installkit.DefinitionError) as playbook:
        installkit.write_catalog(folder, {"01.app.yml": "- hosts: [all"})

    assert ["../01.app.yml", "/etc/app.yml", "02.app.yml"] == [issue.path for issue in names.value.issues]
    assert f"{folder}/app.component.yml:5:1: unknown key 'verions'" in str(manifest.value)
    assert str(folder / "01.app.yml") in str(playbook.value)
    assert not folder.exists()


def test_files_of_somebody_else_are_deleted_only_by_your_word(tmp_path):
    """As for a folder that was named by mistake; a changed component alone is written anew."""
    installkit.write_catalog(tmp_path, {"01.app.yml": APP, "02.web.yml": APP})
    before = (tmp_path / "01.app.yml").stat()
    with pytest.raises(installkit.InstallkitError, match=r"none of the catalog's: 02\.web\.yml"):
        installkit.write_catalog(tmp_path, {"01.app.yml": APP})
    catalog = installkit.write_catalog(tmp_path, {"01.app.yml": APP, "03.db.yml": APP}, replace=True)

    assert ["app", "db"] == [component.name for component in catalog]
    assert before.st_mtime_ns == (tmp_path / "01.app.yml").stat().st_mtime_ns
    assert ["01.app.yml", "03.db.yml"] == sorted(path.name for path in tmp_path.iterdir())


def test_what_is_no_inventory_and_no_catalog_is_said(installer, site, tmp_path):
    """A path where its content is wanted, and nothing where something is."""
    with pytest.raises(installkit.DefinitionError, match="not a PosixPath") as inventory:
        installer.create_site("north", inventory=tmp_path / "hosts.yml", catalog=site.catalog().folder)
    with pytest.raises(installkit.DefinitionError, match="no files are given"):
        installkit.write_catalog(tmp_path / "made", {})
    with pytest.raises(installkit.DefinitionError, match="object cannot be written as YAML"):
        installkit.write_catalog(tmp_path / "made", {"01.app.yml": object()})

    assert "read_text()" in inventory.value.remedy
