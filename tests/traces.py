"""
Playbooks whose tasks each leave a trace on the "host" that carries them out, and what a run of them recorded.

The trace PLAY.HOST.TASK is a file below `traces/COMPONENT` (`data/proof/action_plugins/mark.py`).
"""

import json
import os
import shutil
import sys
from pathlib import Path

import attrs
import pytest
import yaml

import installkit
from installkit import InstallationStatus

DATA = Path(__file__).parent / "data" / "proof"
HOSTS = """
[g]
h1
h2
h3
[four]
h4
[un]
u1 ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=9 ansible_ssh_common_args='-o ConnectTimeout=3'
[all:vars]
ansible_python_interpreter={python}
[g:vars]
ansible_connection=local
[four:vars]
ansible_connection=local
"""


@attrs.frozen
class Traces:
    """What the hosts did, and what was recorded of it: status by component and host."""

    folder: Path
    records: dict[str, dict[str, InstallationStatus]]

    @classmethod
    def load(cls, folder):
        """Return what `carry_out` returned for *folder*."""
        recorded = json.loads((folder / "records.json").read_text())
        records = {
            name: {host: InstallationStatus(status) for host, status in hosts.items()}
            for name, hosts in recorded.items()
        }
        return cls(folder / "traces", records)

    def left(self, component, play, host, task):
        """Return whether *host* carried out *task*."""
        return (self.folder / component / f"{play}.{host}.{task}").exists()

    def installed(self, component):
        """Return the hosts that are recorded as installed."""
        return {host for host, status in self.records[component].items() if status is InstallationStatus.INSTALLED}


def carry_out(folder, playbooks, *, actions=None, environment=None, inventory="hosts.ini"):
    """
    Install each of *playbooks*, text by name, as a component of its own, all in one run, and return their traces.

    Args:
        folder: Empty.
        playbooks: Their roles and files are those of `data/proof`.
        actions: By name, more of the action in its manifest.
        environment: More variables; DATA stands for the folder of the data.
        inventory: A file of `data/proof`, or `hosts.ini` for the hosts above.
    """
    catalog, traces = folder / "catalog", folder / "traces"
    shutil.copytree(DATA, catalog, ignore=shutil.ignore_patterns("cases.yml", "callbacks", "*.sh"))
    traces.mkdir()
    for name, text in playbooks.items():
        action = {"playbook": f"01.{name}.yml", **(actions or {}).get(name, {})}
        manifest = {"name": name, "exclusive": False, "actions": {"install": action}}
        (catalog / f"01.{name}.yml").write_text(text)
        (catalog / f"{name}.component.yml").write_text(yaml.safe_dump(manifest))
    (folder / "hosts.ini").write_text(HOSTS.format(python=sys.executable))
    hosts = folder / inventory if inventory == "hosts.ini" else DATA / inventory
    variables = {"TRACES": str(traces), "PYTHON": sys.executable, **(environment or {})}
    with pytest.MonkeyPatch.context() as patch, installkit.Installer(folder / "data") as installer:
        for variable, value in variables.items():
            patch.setenv(variable, value.replace("DATA", str(DATA)))
        site = installer.site("proof", inventory=hosts, catalog=catalog)
        site.start(site.plan(install=list(playbooks)), jobs=2 * (os.cpu_count() or 1), checks=False).wait(900)
        records = {name: {} for name in playbooks}
        for row in site.installed():
            records[row.component][row.host] = row.status
    (folder / "records.json").write_text(json.dumps(records))
    return Traces.load(folder)
