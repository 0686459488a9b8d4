"""
Whether a record says of each host what it did: playbooks carried out by ansible-playbook, held against their traces.

A case of `data/proof/cases.yml` is a playbook and, mostly by play:

    must        the traces of a host that came to the play's end
    let_go      hosts that the playbook itself lets go before that
    hosts       hosts that the play should hold; those of the group g where nothing is said
    installed   hosts that are recorded as installed; nothing is said where chance decides how far each gets
    why         by host: why the record is more careful than the traces, or why nothing can know better
    soak        whether it is a neighbour that is tried with INSTALLKIT_SOAK=1 alone
    action, environment, inventory    as `traces.carry_out` takes them
"""

import fcntl
import os
import shutil
import subprocess
import sys

import attrs
import pytest
import yaml

from installkit.ansible import runner
from installkit.ansible.programs import find_program
from installkit.ansible.reports import Reports
from installkit.engine.evidence import End, Evidence
from installkit.model import Play
from traces import DATA, HOSTS, Traces, carry_out

CASES = yaml.safe_load((DATA / "cases.yml").read_text())
GROUP = ("h1", "h2", "h3")
QUICK = [
    "strat_linear_rescue",
    "strat_free_unreach",
    "seriallist_fail_then_p2",
    "run_once_rescued",
    "aef_in_a_role",
    "fail_clear_p2",
    "end_host_rescue",
    "end_play_serial",
    "flush_fail",
    "group_by_excludes",
]
SOAK = os.environ.get("INSTALLKIT_SOAK") == "1"
LARGEST = 24
"""Cases of one run."""


@attrs.frozen
class Part:
    """Cases that share a run: those that need the same environment and inventory."""

    names: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    inventory: str


def parts_of(names):
    alike = {}
    for name in names:
        case = CASES[name]
        needs = (tuple(case.get("environment", {}).items()), case.get("inventory", "hosts.ini"))
        alike.setdefault(needs, []).append(name)
    return [
        Part(tuple(members[start : start + LARGEST]), *needs)
        for needs, members in alike.items()
        for start in range(0, len(members), LARGEST)
    ]


def each(names):
    """Parametrize a test with each case, and with the run that it is a part of."""
    params = [pytest.param(part, name, id=name) for part in parts_of(names) for name in part.names]
    return pytest.mark.parametrize(("traces", "name"), params, indirect=["traces"])


@pytest.fixture(scope="module")
def traces(request, tmp_path_factory):
    """What one run of several cases left behind, and recorded; whichever process comes first carries it out for all."""
    part = request.param
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / f"proof-{part.names[0]}"
    with (shared / f"proof-{part.names[0]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return Traces.load(folder)
        folder.mkdir()
        return carry_out(
            folder,
            {name: CASES[name]["plays"] for name in part.names},
            actions={name: CASES[name].get("action", {}) for name in part.names},
            environment=dict(part.environment),
            inventory=part.inventory,
        )


def came_to_the_end(name, host, traces):
    """Return whether *host* came to the end of each play that should hold it, or was let go there."""
    case = CASES[name]
    plays = [play for play in case["must"] if host in case.get("hosts", {}).get(play, GROUP)]
    done = [
        host in case.get("let_go", {}).get(play, ())
        or all(traces.left(name, play, host, task) for task in case["must"][play].split())
        for play in plays
    ]
    return bool(plays) and all(done)


def check(name, traces):
    case = CASES[name]
    planned, installed = set(traces.records[name]), traces.installed(name)
    done = {host for host in planned if came_to_the_end(name, host, traces)}

    assert set() == (installed ^ done) - case.get("why", {}).keys()
    assert set(case.get("installed", installed)) == installed


@each(QUICK)
def test_a_record_is_what_the_host_did(name, traces):
    """A host is recorded as installed if and only if it came to the end of each play, or was let go."""
    check(name, traces)


@pytest.mark.long
@pytest.mark.timeout(600)
@each([name for name in CASES if name not in QUICK and (SOAK or not CASES[name].get("soak"))])
def test_a_record_is_what_the_host_did_in_every_case(name, traces):
    """The same for all other ways to end a play early, and to let a host go."""
    check(name, traces)


def proof_of(folder, name, *options):
    """Return what ansible-playbook, given *options* that installkit has none for, proves of the hosts of a case."""
    reports = Reports.begin(folder / "scratch", None)
    shutil.copytree(DATA / "action_plugins", folder / "action_plugins")
    (folder / "hosts.ini").write_text(HOSTS.format(python=sys.executable))
    (folder / "case.yml").write_text(CASES[name]["plays"])
    caller = {**os.environ, "TRACES": str(folder), "ANSIBLE_CALLBACK_PLUGINS": str(runner._PLUGINS)}
    done = subprocess.run(
        [find_program("ansible-playbook"), "-i", "hosts.ini", "-e", f"component_name={name}", *options, "case.yml"],
        cwd=folder,
        env={**caller, "INSTALLKIT_EVENTS": str(folder / "scratch")},
        capture_output=True,
        check=False,
        timeout=100,
    )
    evidence = Evidence(GROUP, [Play(name="p1", pattern="g", hosts=GROUP)], str(folder))
    for report in reports.rest():
        if "proof" in report:
            evidence.observe_proof(report)
        else:
            evidence.observe(report, "")
    reports.close()
    return {host: evidence.why_unproved(host, done.returncode) for host in GROUP}


@pytest.mark.parametrize(("task", "why"), [("B", None), ("nowhere", End.NOT_REACHED.value)])
def test_a_start_at_a_task_that_is_never_reached_proves_nothing(tmp_path, task, why):
    """Ansible leaves every task out and says that all is well."""
    assert dict.fromkeys(GROUP, why) == proof_of(tmp_path, "start_at", "--start-at-task", task)


HANGS = """
- name: p1
  hosts: g
  gather_facts: false
  tasks:
    - mark: {n: a}
    - mark: {n: d, die: [h1], hang: [h2]}
"""


@pytest.mark.timeout(120)
def test_a_worker_that_hangs_where_ansible_ends_does_not_hold_the_step(tmp_path):
    """As one that waits for the lock of a queue whose holder was killed: Ansible would wait for it for ever."""
    assert set() == carry_out(tmp_path, {"hangs": HANGS}).installed("hangs")
