"""Checks of real SSH hosts."""

import socket

import pytest

from installkit import CheckStatus

MANIFEST = "name: a\nparameters: {a_port: {type: port, default: %d}}\nactions: {install: 03.a.yml}\n"


@pytest.mark.long
def test_hosts_are_found_lacking_before_anything_is_changed(installer, ssh_hosts, folder, tmp_path):
    """A taken port, an impossible demand of disk, and a host without power are each told of the hosts concerned."""
    inventory = ssh_hosts.inventory(tmp_path / "hosts.yml")
    listener = socket.create_server(("127.0.0.1", 0))
    (folder / "03.a.yml").write_text("- hosts: all\n  become: true\n  tasks: []\n")
    (folder / "a.component.yml").write_text(MANIFEST % listener.getsockname()[1])
    (folder / "host_vars").mkdir()
    (folder / "host_vars" / "db1.yml").write_text("installkit_disk_free: 100000000\n")
    site = installer.site("acme", inventory=inventory, catalog=folder)
    plan = site.plan(install=["a"])
    ssh_hosts.power_off("web1")
    try:
        with listener:
            checks = site.check(plan)
    finally:
        ssh_hosts.power_on("web1")

    assert {"host.connection": ("web1",), "host.disk": ("db1",), "host.ports": ("db1", "db2")} == {
        each.name: each.hosts for each in checks if each.blocks
    }
    assert {"host.python", "host.privilege", "host.memory", "host.time", "host.system"} <= {
        each.name for each in checks if each.status is CheckStatus.PASS and each.hosts == ("db1", "db2")
    }
    assert () == site.installed()
