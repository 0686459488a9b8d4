"""What Ansible and `FakeAnsible` make of the same catalogs is the same."""

import itertools
import pathlib
import sys

import pytest

import installkit
from installkit import EventKind
from installkit.testing import FakeAnsible, Outcome
from site_runs import until

LOCAL = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
HOSTS = f"[db]\ndb[1:2] {LOCAL}\n[web]\nweb1 {LOCAL}\n"
NO_WEB = f"[db]\ndb[1:2] {LOCAL}\n[web]\nweb1 ansible_host=127.0.0.1 ansible_port=1\n"

MYSQL = """
- name: MySQL
  hosts: db
  gather_facts: false
  pre_tasks:
    - name: Look
      command: "true"
  roles: [server]
  tasks:
    - block:
        - name: Start
          command: "true"
          failed_when: inventory_hostname in (fail | default([]))
    - command: sleep {{ seconds | default(0) }}
- hosts: nobody
  tasks: []
- name: Clients
  hosts: web,db1
  tasks:
    - name: Unpack
      command: "true"
"""

ROLE = """
- name: Unpack
  command: "true"
"""

VERIFY = """
- hosts: db
  gather_facts: false
  tasks:
    - name: Ask
      command: "true"
      changed_when: false
"""

CHECK = """
- hosts: db
  gather_facts: false
  tasks:
    - name: Disk space
      command: "true"
      changed_when: false
"""

ZK = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Unpack
      command: "true"
"""


@pytest.fixture
def folder(folder):
    (folder / "01.mysql.yml").write_text(MYSQL)
    (folder / "01.mysql.verify.yml").write_text(VERIFY)
    (folder / "01.mysql.check.yml").write_text(CHECK)
    (folder / "roles/server/tasks").mkdir(parents=True)
    (folder / "roles/server/tasks/main.yml").write_text(ROLE)
    (folder / "02.zk.yml").write_text(ZK)
    return folder


@pytest.fixture
def both(tmp_path, folder):
    """Give a site with Ansible itself, and one with a fake that is told the outcomes."""
    opened = []

    def open_sites(outcomes, hosts):
        (tmp_path / "hosts.ini").write_text(hosts)
        for name, ansible in (("real", None), ("fake", FakeAnsible(outcomes))):
            opened.append(installkit.Installer(tmp_path / name, ansible=ansible))
            yield opened[-1].site("acme", inventory=tmp_path / "hosts.ini", catalog=folder)

    yield lambda outcomes, hosts=HOSTS: list(open_sites(outcomes, hosts))
    for installer in opened:
        installer.close()


def told(run):
    """
    Return what the events of *run* tell, a line each.

    Steps may run beside each other, and hosts in a task: they are sorted. Ansible's own warnings are left out.
    """
    events = [event for event in run.events() if event.kind is not EventKind.WARNING]
    events.sort(key=lambda event: event.step or "")
    groups = itertools.groupby(events, key=lambda event: (event.kind, event.step, event.play, event.task))
    return [line for _, group in groups for line in sorted(map(line_of, group))]


def line_of(event):
    place = pathlib.PurePath(event.data.get("location", "")).name
    data = {name: event.data.get(name) for name in ("pattern", "rc", "steps") if name in event.data}
    words = (event.kind, event.step, event.play, event.task, event.host, event.status, event.module, place, data)
    return " ".join(str(word) for word in words if word)


def ended(site, run):
    """Return how *run* ended, in all that a program reads."""
    snapshot = run.snapshot()
    return {
        "run": (snapshot.status, snapshot.reason, snapshot.recap, snapshot.progress),
        "steps": [(step.id, step.status, step.rc, dict(step.host_statuses), step.recap) for step in snapshot.steps],
        "checks": [(check.name, check.status, check.hosts) for check in run.checks],
        "failures": [(failure.code, failure.hosts, failure.task, failure.location) for failure in snapshot.failures],
        "installed": [(row.component, row.host, row.status, row.action) for row in site.installed()],
        "plan": [(step.text, step.needs) for step in run.plan.steps],
    }


def test_where_all_goes_well(both):
    real, fake = both({})
    runs = [site.apply(install=["mysql", "zk"]).wait(90) for site in (real, fake)]

    assert ended(real, runs[0]) == ended(fake, runs[1])
    assert told(runs[0]) == told(runs[1])
    for step in ("02-mysql-install", "03-mysql-verify"):
        logs = [sorted(line for line in run.log(step).splitlines() if b"[WARNING]" not in line) for run in runs]
        assert logs[0] == logs[1]


def test_where_a_task_fails_and_a_host_cannot_be_reached(both):
    outcomes = {"mysql@db2": Outcome("failed", task="Start"), "mysql@web1": "unreachable"}
    real, fake = both(outcomes, NO_WEB)
    request = {"install": ["mysql", "zk"], "parameters": {"fail": ["db2"]}}
    runs = [site.apply(**request, checks=False).wait(90) for site in (real, fake)]

    assert ended(real, runs[0]) == ended(fake, runs[1])
    assert told(runs[0]) == told(runs[1])


def test_where_the_run_is_canceled(both):
    real, fake = both({"mysql": Outcome(task="command", delay=60.0)})
    runs = [site.apply(install=["mysql", "zk"], parameters={"seconds": 60}, checks=False) for site in (real, fake)]
    for run in runs:
        until(lambda run=run: any(event.task == "command" for event in run.events()))
        run.cancel(now=True, by="mia")
        run.wait(90)
    ends = [ended(site, run) for site, run in zip((real, fake), runs, strict=True)]
    for end in ends:
        end["steps"] = [step[:2] + step[3:4] for step in end["steps"]]

    assert ends[0] == ends[1]
