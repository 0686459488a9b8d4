"""Closed sets of words are enums wherever a value has one, and texts in JSON."""

import json

import installkit

MANIFEST = """
parameters: {mysql_port: {type: port, default: 3306, on_change: restart}, mysql_data: {type: path}}
actions: {install: 03.mysql.yml}
"""


def test_words_are_members_of_their_sets_however_a_value_was_read(installer, folder, inventory):
    (folder / "03.mysql.yml").write_text("- hosts: all\n  tasks: []\n")
    (folder / "mysql.component.yml").write_text(MANIFEST)
    made = installer.site("acme", inventory=inventory, catalog=folder)
    held = installer.create_site("held", inventory={"all": {"hosts": {"db1": {}}}}, catalog=folder)
    port, data = made.catalog()["mysql"].parameters
    finding = installer.doctor(only=["ssh"])[0]
    with installkit.Installer(installer.folders.data) as again:
        kinds = [again.site(name).snapshot().inventory.kind for name in ("acme", "held")]

    assert installkit.InventoryKind.FILE is made.snapshot().inventory.kind is kinds[0]
    assert installkit.InventoryKind.STORE is held.snapshot().inventory.kind is kinds[1]
    assert (installkit.OnChange.RESTART, installkit.OnChange.CONFIGURE) == (port.on_change, data.on_change)
    assert isinstance(port.on_change, installkit.OnChange)
    assert installkit.OriginLevel.DEFAULT is port.origin.level
    assert isinstance(finding.status, installkit.FindingStatus)
    wire = json.loads(json.dumps(installkit.to_wire([port, held.snapshot().inventory, finding])))
    assert ["restart", "store", finding.status.value] == [wire[0]["on_change"], wire[1]["kind"], wire[2]["status"]]
    assert port == installkit.from_wire(installkit.Parameter, wire[0])
