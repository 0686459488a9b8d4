"""Runs on real SSH hosts."""

import base64
from pathlib import Path

import pytest

from bare_ansible import bare, timeless
from installkit import EventKind, HostStatus, RunStatus
from installkit.model import FailureCode
from plan_steps import component_steps


@pytest.fixture
def site(installer, ssh_hosts, tmp_path):
    folder = tmp_path / "playbooks"
    folder.mkdir()
    inventory = ssh_hosts.inventory(tmp_path / "hosts.yml")
    return installer.site("acme", inventory=inventory, catalog=folder)


def write_playbooks(folder: Path, hosts: str) -> None:
    for number, name in ((1, "common"), (3, "mysql"), (5, "redis"), (8, "zk"), (12, "portal")):
        (folder / f"{number:02d}.{name}.yml").write_text(
            f"- name: Install {name}\n  hosts: {hosts}\n  gather_subset: [min]\n  tasks:\n"
            f"    - name: Who\n      ansible.builtin.command: hostname\n      register: who\n"
            f"    - name: Say\n      ansible.builtin.debug: {{msg: '{name} on {{{{ who.stdout }}}}'}}\n"
            f"    - name: Write\n      ansible.builtin.copy: {{content: {name}, dest: /root/{name}.txt}}\n"
        )


@pytest.mark.long
def test_five_numbered_playbooks_on_an_ssh_host(site, ssh_hosts):
    """The whole way on a real host, and each log byte for byte what ansible-playbook prints with the same settings."""
    folder, inventory = site.snapshot().catalog, site.snapshot().inventory.path
    (folder / "ansible.cfg").write_text("[defaults]\ngathering = implicit\n")
    write_playbooks(folder, "db1")
    plan = site.plan(all=True)
    run = site.start(plan, checks=False).wait(100).raise_for_status()

    assert ["common", "mysql", "redis", "zk", "portal"] == [step.component for step in component_steps(plan.steps)]
    assert "portal" == ssh_hosts.run("db1", "cat /root/portal.txt").stdout
    assert {("db1", "installed")} == {(row.host, row.status) for row in site.installed()}
    assert site.plan(all=True).empty
    for step, playbook in list(zip(component_steps(plan.steps), sorted(folder.glob("*.yml")), strict=True))[::2]:
        ssh_hosts.run("db1", f"rm /root/{step.component}.txt")
        assert timeless(bare(playbook, inventory)) == timeless(run.log(step.id))


def test_three_hosts_have_all_their_results(site, ssh_hosts):
    write_playbooks(site.snapshot().catalog, "all")
    run = site.start(site.plan(install=["mysql"]), checks=False).wait(100).raise_for_status()

    results = {(event.task, event.host) for event in run.events() if event.kind is EventKind.TASK_RESULT}
    expected = {(task, host) for task in ("Gathering Facts", "Who", "Say", "Write") for host in ssh_hosts.names}
    assert expected == results
    for host in ssh_hosts.names:
        assert f"mysql on {host}" in run.log_text("mysql", color=False)


@pytest.mark.long
def test_a_host_without_power_is_unreachable_and_the_others_are_done(site, ssh_hosts):
    """The run has failed, says which host could not be reached, and knows that the others are installed."""
    write_playbooks(site.snapshot().catalog, "all")
    plan = site.plan(install=["zk"])
    ssh_hosts.power_off("db2")
    try:
        run = site.start(plan, checks=False).wait(100)
    finally:
        ssh_hosts.power_on("db2")

    assert RunStatus.FAILED is run.status
    assert [(FailureCode.HOST_UNREACHABLE, ("db2",))] == [(each.code, each.hosts) for each in run.failures]
    assert HostStatus.UNREACHABLE is component_steps(run.steps)[0].host_statuses["db2"]
    assert {"db1": "installed", "db2": "failed", "web1": "installed"} == {
        row.host: row.status for row in site.installed()
    }
    repaired = site.start(site.plan(install=["zk"]), checks=False).wait(100)
    assert RunStatus.SUCCEEDED is repaired.status


def test_a_secret_is_in_no_file_of_a_run_at_vvv(site, installer):
    """A shell's quotes around it within ssh's, within Python's text of what came back, and base64: all are known."""
    secret = "Canary 7\"f3'$e9\\x%é\nsecond'line $9\\\"漢"
    told = [b"Canary", b"f3'", b"$e9", b"second", b"line $9", *_base64_words(secret)]
    (site.snapshot().catalog / "01.alpha.yml").write_text(
        "- hosts: db1\n  gather_facts: false\n  environment: {PW: '{{ pw }}'}\n  tasks:\n"
        "    - command: echo {{ pw | quote }}\n"
        "    - shell: printf %s {{ pw | quote }} | base64; env\n"
        "    - copy: {content: '{{ pw | to_nice_yaml }} {{ pw | urlencode }}', dest: /tmp/installkit-canary}\n"
        "    - command: \"false {{ {'a': pw} | to_json | quote }}\"\n      ignore_errors: true\n"
        "    - file: {path: /tmp/installkit-canary, state: absent}\n"
    )
    plan = site.plan(install=["alpha"], secrets=["pw"])
    run = site.start(plan, secrets={"pw": secret}, verbosity=3, diff=True).wait(110).raise_for_status()
    files = {path: path.read_bytes() for path in installer.folders.data.rglob("*") if path.is_file()}

    assert b"********" in run.log("alpha")
    assert [] == [(path.name, word) for path, data in files.items() for word in told if word in data]


def _base64_words(secret):
    """Return the inner parts of *secret*'s base64, but for those around the end of its first line."""
    written = base64.b64encode(secret.encode())
    return [written[4:24], written[-28:-4]]
