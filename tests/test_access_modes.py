"""What installkit writes is its owner's alone, whatever the umask is."""

import os
import stat
from pathlib import Path

import pytest

import installkit


@pytest.fixture(params=[0o000, 0o002, 0o022, 0o077], ids=oct)
def umask(request):
    """The umask of a process that was started carelessly, or with care."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def access_of(folder):
    """Return the access of the folders below *folder*, and of the files with what people entered, by their names."""
    found = [path for path in folder.rglob("*") if path.is_dir() or path.suffix in {".db", ".yml"}]
    return {str(path.relative_to(folder)): oct(stat.S_IMODE(path.stat().st_mode)) for path in found}


def fill(data, folder):
    """Use a data directory so that each of its folders has something in it."""
    (folder / "01.a.yml").write_text("- hosts: all\n  tasks: []\n")
    with installkit.Installer(data) as installer:
        installer.create_site("acme", inventory="all: {hosts: {h1: {ansible_connection: local}}}", catalog=folder)
        installer.site("acme").inventory.read()


def test_a_new_data_directory_is_its_owners_alone(tmp_path, folder, umask):
    fill(tmp_path / "data", folder)
    os.umask(0o022)
    found = access_of(tmp_path / "data")

    assert "0o700" == oct(stat.S_IMODE((tmp_path / "data").stat().st_mode))
    assert {"0o700"} == {found[name] for name in ("runs", "cache", "sites", "inventories", "inventories/acme")}
    assert {"0o600"} == {found[name] for name in ("installkit.db", "inventories/acme/hosts.yml")}


@pytest.mark.parametrize("mode", [0o755, 0o750])
def test_the_folders_of_an_open_one_are_their_owners_alone(tmp_path, folder, umask, mode):
    """As the one that systemd makes for a service."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(mode)
    fill(data, folder)
    os.umask(0o022)

    assert mode == stat.S_IMODE(data.stat().st_mode)
    assert {"0o700", "0o600"} == set(access_of(data).values())


def test_a_shared_one_is_its_groups_too(tmp_path, folder, umask):
    """Whoever may plan there reads the inventory that installkit keeps."""
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o2770)
    fill(data, folder)
    os.umask(0o022)
    found = access_of(data)

    assert {"0o2770"} == {found[name] for name in ("runs", "cache", "sites", "inventories", "inventories/acme")}
    assert "0o660" == found["inventories/acme/hosts.yml"]


def test_folders_that_stand_open_are_closed(tmp_path):
    """An older installkit made `inventories` with the umask."""
    for name in ("inventories", "runs"):
        (tmp_path / "data" / name).mkdir(parents=True)
        Path(tmp_path / "data" / name).chmod(0o777)
    installkit.Installer(tmp_path / "data").close()

    assert {"0o770"} == {
        oct(stat.S_IMODE((tmp_path / "data" / name).stat().st_mode)) for name in ("inventories", "runs")
    }
