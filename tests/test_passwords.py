"""The passwords that Ansible itself takes: to connect, to become another user, and to open vaults."""

import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner

import installkit
from installkit.ansible.programs import find_program
from installkit.cli.app import app

VAULTED = """\
- hosts: all
  gather_facts: false
  vars_files: [secrets.yml]
  tasks: [{copy: {content: "{{ inside }}", dest: "{{ playbook_dir }}/got"}, no_log: true}]
"""
AS_ROOT = """\
- hosts: all
  gather_facts: false
  tasks: [{raw: "id -un >> /home/deploy/who"}]
"""


def encrypt(path, text, *, label, password):
    """Write *text* to *path*, in a vault."""
    path.write_text(text)
    key = path.with_name("key")
    key.write_text(password)
    command = [find_program("ansible-vault"), "encrypt", "--encrypt-vault-id", label, "--vault-id", f"{label}@{key}"]
    subprocess.run([*command, path], cwd=path.parent, check=True, capture_output=True, timeout=60)
    key.unlink()


@pytest.fixture
def site(installer, folder, tmp_path):
    """A site with a host in a vault labelled `prod`, and a playbook that reads an unlabelled one."""
    local = f"ansible_connection: local, ansible_python_interpreter: {sys.executable}"
    encrypt(tmp_path / "hosts.yml", f"all: {{hosts: {{db1: {{{local}}}}}}}", label="prod", password="one")
    encrypt(folder / "secrets.yml", "inside: treasure", label="default", password="two")
    (folder / "03.mysql.yml").write_text(VAULTED)
    return installer.site("acme", inventory=tmp_path / "hosts.yml", catalog=folder)


@pytest.fixture
def plain(installer, folder, inventory):
    """A site without vaults and secrets."""
    (folder / "03.mysql.yml").write_text("- hosts: all\n  tasks: []\n")
    return installer.site("acme", inventory=inventory, catalog=folder)


@pytest.mark.long
def test_a_site_in_vaults_is_planned_and_run_with_their_passwords(site, folder, tmp_path):
    """Without them, or with a wrong one, planning says what is locked and what to do; kept ones are used by themselves."""
    with pytest.raises(installkit.PlanningError, match=r"vault password is needed: .*hosts\.yml") as no_inventory:
        site.plan(install=["mysql"])
    site.secrets.set("ansible_vault_password:prod", "one")
    with pytest.raises(installkit.PlanningError, match=r"vault password is needed: .*secrets\.yml"):
        site.plan(install=["mysql"])
    with pytest.raises(installkit.PlanningError, match=r"vault password is needed: .*secrets\.yml"):
        site.plan(install=["mysql"], secrets={"ansible_vault_password": "wrong"})
    (tmp_path / "key").write_text("two\n")
    options = ["--site", "acme", "--install", "mysql", "--yes", "--vault-password-file", str(tmp_path / "key")]
    applied = CliRunner().invoke(app, ["--data-dir", str(tmp_path / "data"), "apply", *options])
    site.secrets.set("ansible_vault_password:prod", None)
    with pytest.raises(installkit.PlanningError, match="vault password is needed"):  # what was answered is not reused
        site.plan(install=["mysql"])

    assert "ansible_vault_password" in no_inventory.value.remedy
    assert 0 == applied.exit_code, applied.output
    assert "treasure" == (folder / "got").read_text()


@pytest.mark.long
def test_checks_that_need_a_vaults_password_say_so(plain, folder):
    """The inventory is read without it; what broke off says why, and what to give."""
    (folder / "group_vars").mkdir()
    encrypt(folder / "group_vars" / "all.yml", "inside: treasure", label="default", password="two")
    plan = plain.plan(install=["mysql"])
    with pytest.raises(installkit.RunFailedError, match="no vault secrets found") as told:
        plain.check(plan)

    assert "--vault-password-file" in told.value.remedy


@pytest.mark.long
def test_a_user_with_passwords_connects_and_becomes_root(installer, ssh_hosts, folder, tmp_path):
    """As with `-u -k -b -K` over SSH and su, and as with `-u --private-key`: nothing of it is given by the inventory."""
    (folder / "03.mysql.yml").write_text(AS_ROOT)
    variables = yaml.safe_load(ssh_hosts.inventory(tmp_path / "hosts.yml").read_text())["all"]["hosts"]["db1"]
    key = variables.pop("ansible_ssh_private_key_file")
    del variables["ansible_user"]
    variables["ansible_become_method"] = "su"
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {"db1": variables}}}))
    site = installer.site("acme", inventory=tmp_path / "hosts.yml", catalog=folder)
    site.secrets.set("ansible_become_password", "of root's own")
    made = "cp -a /etc/shadow /etc/shadow.kept && useradd -m -p $(openssl passwd -6 'of deploy') deploy"
    ssh_hosts.run("db1", f'{made} && usermod -p $(openssl passwd -6 "of root\'s own") root').check_returncode()
    try:
        as_deploy = {"user": "deploy", "become": True}
        password = {"ansible_password": "of deploy"}
        run = site.start(site.plan(install=["mysql"]), secrets=password, **as_deploy, checks=False).wait(100)
        mistaken = {**password, "ansible_become_password": "of nobody"}
        wrong = site.start(site.plan(force=["mysql"]), secrets=mistaken, **as_deploy, checks=False).wait(100)
        by_key = site.start(site.plan(force=["mysql"]), user="root", private_key=key, checks=False).wait(100)
        who = ssh_hosts.run("db1", "cat /home/deploy/who").stdout
    finally:
        ssh_hosts.run("db1", "userdel -rf deploy; mv /etc/shadow.kept /etc/shadow")

    assert "succeeded" == run.status, run.log_text("mysql")
    assert "succeeded" == by_key.status, by_key.log_text("mysql")
    assert "root\nroot\n" == who
    assert "failed" == wrong.status
    assert "(-K)" in wrong.failures[0].remedy


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        pytest.param(
            "ansible_ssh_pass", "x", "ansible_ssh_pass is not a password that Ansible takes", id="another name"
        ),
        pytest.param(
            "ansible_vault_password:a b", "x", "is not a password that Ansible takes", id="a label with a space"
        ),
        pytest.param("ansible_vault_password:default", "x", "is not a password that Ansible", id="Ansible's own label"),
        pytest.param("ansible_password", "", "ansible_password is empty", id="empty"),
        pytest.param("ansible_password", "x ", "white space", id="white space at its end"),
        pytest.param("ansible_vault_password", "x" * 5000, "longer than 4096", id="long"),
    ],
)
def test_what_ansible_would_not_take_is_refused(plain, name, value, message):
    """When it is handed over; nothing is started, and the value is not repeated."""
    with pytest.raises(installkit.PlanningError, match=message) as refused:
        plain.plan(install=["mysql"], secrets={name: value})

    assert "ansible_become_password" in refused.value.remedy
    assert "xxx" not in str(refused.value)


def test_a_key_that_is_not_there_is_told_before_anything_starts(plain):
    """It is not left to ssh, which would ask for a password instead."""
    plan = plain.plan(install=["mysql"])

    with pytest.raises(installkit.PlanningError, match="there is no private key /nowhere"):
        plain.start(plan, private_key="/nowhere")

    assert () == plain.runs()


def test_a_site_keeps_no_secret_that_nobody_takes(plain):
    """Neither a parameter's nor a password's; what can be kept is named."""
    with pytest.raises(installkit.UnknownNameError, match="no component has a secret 'ansible_become_pass'") as refused:
        plain.secrets.set("ansible_become_pass", "x")

    assert "ansible_become_password" in refused.value.remedy
    assert () == plain.parameters.values().secrets


def test_a_secret_that_is_no_text_is_refused(plain, folder):
    """Wherever it is handed over, and its value is not repeated."""
    (folder / "mysql.component.yml").write_text(
        "name: mysql\nparameters: {db_password: {type: string, secret: true}}\nactions: {install: 03.mysql.yml}\n"
    )
    plan = plain.plan(install=["mysql"])
    attempts = [
        lambda value: plain.secrets.set("db_password", value),
        lambda value: plain.plan(install=["mysql"], secrets={"db_password": value}),
        lambda value: plain.start(plan, secrets={"db_password": value}),
        lambda value: plain.start(plan, secrets={"ansible_password": value}),
        lambda value: plain.start(plan, secrets=[value]),
    ]

    for attempt in attempts:
        for value, kind in ((987654321, "int"), (b"987654321", "bytes"), (["987654321"], "list")):
            with pytest.raises(installkit.PlanningError, match=f"not of type (list|{kind})") as refused:
                attempt(value)
            assert "98765" not in f"{refused.value} {refused.value.remedy}"
    assert () == plain.parameters.values().secrets
    assert () == plain.runs()


def test_a_secret_that_nobody_declares_is_refused(plain):
    """A misspelt name would leave a run without the secret that was meant; those there are are named."""
    plan = plain.plan(install=["mysql"])

    with pytest.raises(installkit.UnknownNameError, match="no component has a secret 'no_such_secret'") as refused:
        plain.start(plan, secrets={"no_such_secret": "x", "ansible_password": "y"})

    assert "choose one of: ansible_password" in refused.value.remedy
    assert () == plain.runs()


def test_a_secret_is_not_kept_among_the_parameters(plain):
    """They are readable."""
    with pytest.raises(installkit.PlanningError, match="ansible_become_password: is a password"):
        plain.parameters.set({"ansible_become_password": "x"})

    assert {} == plain.parameters.values().site


@pytest.mark.long
def test_an_ansible_cfg_that_asks_is_answered_by_nobody(installer, folder, inventory, tmp_path):
    """The run does not wait at a prompt for ever; and a run that goes on with it connects as it did."""
    (folder / "ansible.cfg").write_text(
        "[defaults]\nask_pass = true\nask_vault_pass = true\n[privilege_escalation]\nbecome_ask_pass = true\n"
    )
    (folder / "03.mysql.yml").write_text(
        f"- hosts: all\n  gather_facts: false\n  tasks: [{{raw: echo > {tmp_path}/got}}]"
    )
    site = installer.site("acme", inventory=inventory, catalog=folder)

    run = site.start(site.plan(install=["mysql"]), user="deploy", checks=False).wait(100)
    resumed = site.resume(run, checks=False).wait(100)
    again = site.resume(resumed, user="root", checks=False).wait(100)

    assert "succeeded" == run.status
    assert ["deploy", "root"] == [each.spec().options.user for each in (resumed, again)]
    assert (tmp_path / "got").exists()
