"""A folder that somebody wrote for ansible-playbook is taken as it is."""

import shutil
import subprocess
import sys

import pytest

from bare_ansible import bare, timeless
from installkit import HostStatus, RunStatus
from installkit.ansible.programs import find_program
from plan_steps import component_steps

FILES = {
    "ansible.cfg": "[defaults]\nforks = 1\ngathering = explicit\nroles_path = parts\n",
    "group_vars/all.yml": "greeting: hello\n",
    "group_vars/db/plain.yml": "greeting: good day\n",
    "group_vars/db/vault.yml": "pin: treasure\n",
    "host_vars/h2.yml": "port: 2222\n",
    "parts/web/defaults/main.yml": "port: 80\n",
    "parts/web/templates/web.conf.j2": "{{ greeting }} {{ port }} {{ pin | default('open') }}\n",
    "parts/web/tasks/main.yml": """\
- name: Configure
  raw: echo {{ lookup('template', 'web.conf.j2') | trim }} > {{ made }}/{{ inventory_hostname }}.conf
  notify: [Reload, Restart]
""",
    "parts/web/handlers/main.yml": """\
- name: Restart
  raw: echo restart >> {{ made }}/{{ inventory_hostname }}.handled
- name: Again
  listen: Reload
  raw: echo reload >> {{ made }}/{{ inventory_hostname }}.handled
""",
    "tasks/part.yml": "- name: Part\n  raw: echo {{ item }} >> {{ made }}/{{ inventory_hostname }}.parts\n",
    "tasks/fixed.yml": "- name: Fixed\n  debug: {msg: fixed}\n  tags: [fixed]\n",
    "base.yml": """\
- name: Base
  hosts: all
  roles: [web]
  tasks:
    - include_tasks: tasks/part.yml
      loop: [one, two]
      when: item == 'one' or inventory_hostname != 'h3'
    - import_tasks: tasks/fixed.yml
    - name: Only when asked for
      raw: touch {{ made }}/asked
      tags: [never, asked]
    - name: Once
      raw: echo {{ inventory_hostname }} >> {{ made }}/once
      run_once: true
    - block:
        - name: Break
          raw: test {{ inventory_hostname }} != h2
      rescue:
        - name: Mend
          raw: touch {{ made }}/{{ inventory_hostname }}.mended
      always:
        - debug: {msg: "{{ greeting }}"}
""",
    "01.stack.yml": """\
- import_playbook: base.yml
- name: Not everywhere
  hosts: all
  tasks:
    - meta: end_host
      when: inventory_hostname == 'h3'
    - name: Elsewhere
      raw: touch {{ made }}/{{ inventory_hostname }}.elsewhere
    - add_host: {name: h9, groups: [late], ansible_connection: local}
- name: Rolling
  hosts: db
  serial: 1
  tasks:
    - name: Out
      raw: echo {{ inventory_hostname }} out >> {{ made }}/balancer
      delegate_to: h3
    - name: Long
      command: touch {{ made }}/{{ inventory_hostname }}.long
      async: 60
      poll: 0
      register: job
    - name: Until it is over
      raw: until grep -q '"rc"' {{ job.results_file }}; do sleep 0.1; done
    - name: How it went
      async_status: {jid: "{{ job.ansible_job_id }}"}
      register: went
      until: went.finished
      retries: 3
    - name: In
      raw: echo {{ inventory_hostname }} in >> {{ made }}/balancer
      delegate_to: h3
- name: Freely
  hosts: web
  strategy: free
  tasks:
    - name: Walk
      raw: echo walk >> {{ made }}/{{ inventory_hostname }}.free
    - name: Run
      raw: echo run >> {{ made }}/{{ inventory_hostname }}.free
- name: Late
  hosts: late
  tasks:
    - raw: touch {{ hostvars.h3.made }}/{{ inventory_hostname }}.late
""",
}


@pytest.fixture
def made(tmp_path):
    """The folder that the playbook writes to."""
    return tmp_path / "made"


@pytest.fixture
def adopted(folder, inventory, made):
    """The folder of somebody else, its vault closed, with three hosts that are all this machine."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    local = f"ansible_connection=local ansible_python_interpreter={sys.executable} made={made}"
    inventory.write_text(f"[db]\nh1 {local}\nh2 {local}\n[web]\nh3 {local}\n")
    (folder.parent / "key").write_text("open sesame\n")
    encrypt = [find_program("ansible-vault"), "encrypt", "--vault-password-file", folder.parent / "key"]
    subprocess.run([*encrypt, folder / "group_vars/db/vault.yml"], check=True, capture_output=True, timeout=60)
    return folder


def written(made):
    """Return what was written, by file name, and leave the folder empty."""
    found = {path.name: path.read_text() for path in made.iterdir()}
    shutil.rmtree(made)
    made.mkdir()
    return found


@pytest.mark.long
def test_a_folder_with_all_that_ansible_offers_runs_unchanged(installer, adopted, inventory, made, monkeypatch):
    """The log is the one of ansible-playbook typed by hand, byte for byte; the hosts end as they do there, all proved."""
    made.mkdir()
    site = installer.site("acme", inventory=inventory, catalog=adopted)
    plan = site.plan(all=True)
    with monkeypatch.context() as by_hand:
        by_hand.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(adopted.parent / "key"))
        expected = bare(adopted / "01.stack.yml", inventory)
    by_hand_written = written(made)
    run = site.start(plan, secrets={"ansible_vault_password": "open sesame"}, checks=False).wait(100)
    found = written(made)

    assert RunStatus.SUCCEEDED is run.status, run.log_text("stack")
    assert timeless(expected) == timeless(run.log("stack"))
    assert by_hand_written == found
    assert ["good day 80 treasure\n", "good day 2222 treasure\n", "hello 80 open\n"] == [
        found[f"{host}.conf"] for host in ("h1", "h2", "h3")
    ]
    assert "h1 out\nh1 in\nh2 out\nh2 in\n" == found["balancer"]
    assert "h1\n" == found["once"]
    assert "h9.late" in found
    assert {"h2.mended"} == {name for name in found if name.endswith(".mended")}
    assert {"h1.elsewhere", "h2.elsewhere"} == {name for name in found if name.endswith(".elsewhere")}
    assert dict.fromkeys(("h1", "h2", "h3"), HostStatus.CHANGED) == component_steps(run.steps)[0].host_statuses
    assert {("h1", "installed"), ("h2", "installed"), ("h3", "installed")} == {
        (row.host, row.status) for row in site.installed()
    }
    assert site.plan(all=True).empty
