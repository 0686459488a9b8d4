"""
The life of the catalog in playbooks/: installed, upgraded, broken, repaired and removed.

Real packages on real SSH hosts; the tests share the hosts and follow each other in the order of the file.
"""

import json
import re
import shutil
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest
import yaml

import installkit
from installkit import Action, EventKind, HostStatus, RunStatus
from installkit.ansible.programs import find_program
from installkit.model import OWN_CHECKS
from installkit.testing import SSHHosts

PLAYBOOKS = Path(__file__).parent.parent / "playbooks"
GROUPS = {
    "db": ("db1",),
    "cache": ("db1",),
    "broker": ("db1",),
    "web": ("web1", "web2"),
    "app": ("web1", "web2"),
    "zk": ("db1", "web1", "web2"),
}
ALL = ["common", "java", "mysql", "redis", "nginx", "nats", "zk", "portal"]
BOUND = ("mysql", "redis", "nginx", "nats", "zk", "portal")
SECRETS = ("mysql_root_password", "redis_password", "nats_password", "portal_database_password")
PACKAGES = ("mariadb-server", "redis-server", "nginx", "nats-server", "zookeeper")
UPGRADED = {"mysql": "mariadb-server", "redis": "redis-server", "nginx": "nginx", "zk": "zookeeper"}

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def hosts(systemd_available):
    """Three hosts, two with systemd, without what is to be installed there even if this machine has it."""
    with SSHHosts(count=3, names=("db1", "web1", "web2"), systemd=("db1", "web2")) as hosts:
        for name in hosts.names:
            done = hosts.run(name, PREPARATION, timeout=300)
            assert 0 == done.returncode, done.stderr
        yield hosts


# Without a cache, as in a container's image, apt takes seconds to answer; nobody reads manuals on these hosts.
PREPARATION = """
rm -f $(grep -ls pkgcache /etc/apt/apt.conf.d/*) /var/lib/man-db/auto-update
found=$(dpkg-query --show --showformat '${Package} ' nginx-common redis-tools mariadb-common nats-server zookeeper)
[ -z "$found" ] || DEBIAN_FRONTEND=noninteractive apt-get purge --yes --quiet $found
"""


@pytest.fixture(scope="module")
def revisions(hosts):
    """By component, the two newest revisions of its package that the package sources offer, the older one first."""
    found = {component: revisions_of(package, hosts) for component, package in UPGRADED.items()}
    if short := [component for component, offered in found.items() if len(offered) < 2]:
        pytest.skip(f"the package sources offer one version only of {short}")
    return found


def revisions_of(package, hosts):
    said = hosts.run("web1", f"apt-cache madison {package}").stdout
    offered = [line.split("|")[1].strip().rpartition(":")[2] for line in said.splitlines()]
    return list(dict.fromkeys(offered))[1::-1]


@pytest.fixture(scope="module")
def oldest(revisions):
    """What is asked for at first."""
    return ["portal=1.0", "nats", *(f"{component}={older}" for component, (older, _) in revisions.items())]


@pytest.fixture(scope="module")
def site(hosts, revisions, tmp_path_factory):
    """A copy of the catalog with the revisions of its packages, and everybody's services on one network."""
    folder = tmp_path_factory.mktemp("stack")
    shutil.copytree(PLAYBOOKS, folder / "playbooks")
    for component, offered in revisions.items():
        offer(folder / "playbooks", component, offered)
    inventory = hosts.inventory(folder / "hosts.yml", groups=GROUPS)
    (folder / "group_vars").mkdir()
    values = {f"{name}_bind_address": "{{ ansible_host }}" for name in BOUND}  # the hosts share one port space
    values |= {"common_time_sync": False}  # they share one clock, too
    (folder / "group_vars" / "all.yml").write_text(yaml.safe_dump(values))
    with installkit.Installer(folder / "data") as installer:
        site = installer.site("acme", inventory=inventory, catalog=folder / "playbooks")
        for number, name in enumerate(SECRETS):
            site.secrets.set(name, f'it\'s \\ "quoted" {number}')
        yield site
        for run in installer.runs():
            run.cancel(now=True)
            run.wait(60)


def offer(catalog, component, versions):
    """Let the manifest of *component* offer *versions*."""
    manifest = catalog / f"{component}.component.yml"
    manifest.write_text(re.sub(r"versions: .*", f"versions: {json.dumps(versions)}", manifest.read_text()))


def show(*things):
    """Print what a field engineer would look at; pytest shows it with -s or -rP."""
    for thing in things:
        sys.stdout.write(f"\n{thing}\n")


def told(site, *command):
    """Return what the command line tells about the site."""
    data = site.snapshot().inventory.path.parent / "data"
    arguments = [find_program("installkit"), "--data-dir", data, *command]
    said = subprocess.run(arguments, check=True, capture_output=True, text=True).stdout
    return f"$ installkit {' '.join(command)}\n{said}"


def carried_out(site, **wanted):
    """Plan, start, wait, and show what was planned, done and is installed then."""
    plan = site.plan(**wanted)
    show(plan, plan.summary)
    run = site.start(plan, allow_destructive="uninstall" in wanted).wait(1500)
    show(told(site, "show", run.id), told(site, "status", "--site", site.name))
    return run


def status(site):
    """Return the version and the status of what is installed, by component and host."""
    return {(row.component, row.host): (row.version, row.status.value) for row in site.installed()}


def results(run, *statuses):
    """Return step, host and task of every result of *run* with one of *statuses*."""
    return [
        (event.step, event.host, event.task)
        for event in run.events()
        if event.kind is EventKind.TASK_RESULT and event.status in statuses
    ]


def ask_health(hosts, host):
    """Return what the portal says of itself and of all behind it, through nginx on *host*."""
    with urllib.request.urlopen(f"http://{hosts[host].address}/health", timeout=5.0) as answer:
        return json.load(answer)


def visit(hosts, host):
    """Return the portal's page, through nginx on *host*."""
    with urllib.request.urlopen(f"http://{hosts[host].address}/", timeout=5.0) as answer:
        return answer.read().decode()


class Client:
    """
    Somebody who visits the portal ten times a second, through the other host where one does not answer.

    Attributes:
        answered: How often an answer came.
        failed: What no host answered.
        elsewhere: How often the first host asked did not answer.
    """

    def __init__(self, hosts):
        self._hosts = hosts
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask_on)
        self.answered = 0
        self.elsewhere = 0
        self.failed = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
        show(f"{self.answered} requests answered, {self.elsewhere} by the other host, {len(self.failed)} failed")

    def _ask_on(self):
        order = list(GROUPS["web"])
        while not self._over.wait(0.1):
            self._ask(order)
            order.reverse()

    def _ask(self, order):
        faults = []
        for host in order:
            try:
                visit(self._hosts, host)
            except OSError as fault:
                faults.append(f"{host}: {fault!r}")
                continue
            self.answered += 1
            self.elsewhere += bool(faults)
            return
        self.failed.append(faults)


def test_everything_is_installed_from_nothing_by_one_plan(site, hosts, oldest):
    """The checks find nothing to complain about; the portal brings in what it requires, and shows data from all of it."""
    before = {name: hosts.run(name, f"dpkg-query -W {' '.join(PACKAGES)}").stdout for name in hosts.names}
    assert dict.fromkeys(hosts.names, "") == before

    run = carried_out(site, install=oldest).raise_for_status()

    assert [] == results(run, "failed", "unreachable")
    assert {OWN_CHECKS, *ALL} == {step.component for step in run.steps if step.action is Action.CHECK}
    assert set(ALL) == {row.component for row in site.installed()}
    for host in GROUPS["web"]:
        assert "<h1>Portal 1.0 on web" in visit(hosts, host)
    health = ask_health(hosts, "web1")
    show(health)
    assert ("ok", "1.0") == (health["status"], health["version"])
    assert 2 <= health["database"]["visits"]
    assert 3 <= health["cache"]["requests"]
    assert ["web1", "web2"] == health["zookeeper"]["members"]


def test_a_second_plan_is_empty_and_a_forced_second_run_changes_nothing(site, oldest):
    """Every playbook is idempotent."""
    assert site.plan(install=oldest).empty
    run = carried_out(site, install=oldest, force=ALL).raise_for_status()
    assert [] == results(run, "changed")


def test_nginx_is_upgraded_in_batches_while_the_other_host_answers(site, hosts, revisions):
    """From one revision of Debian's package to the next, host by host; no request fails."""
    newer = revisions["nginx"][1]

    with Client(hosts) as client:
        run = carried_out(site, upgrade=[f"nginx={newer}"]).raise_for_status()

    upgrades = [step.hosts for step in run.steps if step.action is Action.UPGRADE]
    assert [("web1",), ("web2",)] == upgrades
    assert [] == client.failed
    assert 20 < client.answered
    for host in GROUPS["web"]:
        assert newer == version_of("nginx", hosts, host)
        assert (newer, "installed") == status(site)["nginx", host]


def version_of(package, hosts, host):
    """Return the version of *package* that is installed on *host*, without its epoch."""
    return hosts.run(host, f"dpkg-query -W -f '${{Version}}' {package}").stdout.rpartition(":")[2]


@pytest.mark.long
def test_what_is_behind_the_portal_is_upgraded_and_keeps_its_data(site, hosts, revisions):
    """Database, cache and ensemble, from one revision of Debian's packages to the next."""
    before = ask_health(hosts, "web1")
    behind = ("mysql", "redis", "zk")

    with Client(hosts) as client:
        carried_out(site, upgrade=[f"{component}={revisions[component][1]}" for component in behind]).raise_for_status()

    after = ask_health(hosts, "web1")
    assert {revisions[component][1] for component in behind} == {
        version_of(UPGRADED[component], hosts, "db1") for component in behind
    }
    assert client.answered > 20
    assert before["database"]["visits"] < after["database"]["visits"]
    assert ["web1", "web2"] == after["zookeeper"]["members"]


def test_a_host_that_lost_its_power_is_upgraded_later_alone(site, hosts):
    """The other host is done and answers on; going on with the failed hosts touches nobody else."""
    plan = site.plan(upgrade=["portal=2.0"])
    show(plan)
    with Client(hosts) as client:
        run = site.start(plan)
        cut = next(event for event in run.events(follow=True) if is_result(event, "web2", Action.UPGRADE))
        hosts.power_off("web2")
        run.wait(300)
    show(f"power off after {cut.task!r}", told(site, "show", run.id), told(site, "status", "--site", site.name))

    assert RunStatus.FAILED is run.status
    assert [] == client.failed
    assert ("2.0", "installed") == status(site)["portal", "web1"]
    assert ("1.0", "failed") == status(site)["portal", "web2"]
    lost = [step for step in run.steps if HostStatus.UNREACHABLE in step.host_statuses.values()]
    assert [("web2",)] == [step.hosts for step in lost]

    hosts.power_on("web2")
    resumed = carried_out(site, resume=run.id, failed_hosts_only=True).raise_for_status()
    assert {("web2",)} == {step.hosts for step in resumed.steps}
    assert {("2.0", "installed")} == {status(site)["portal", host] for host in GROUPS["app"]}


def is_result(event, host, action):
    return event.kind is EventKind.TASK_RESULT and event.host == host and f"-{action.value}" in event.step


def test_a_bad_upgrade_stops_at_its_first_batch_and_is_rolled_back(site, hosts):
    """A release that says a wrong version of itself is found by verify; the other host never gets it."""
    catalog = site.snapshot().catalog
    files = catalog / "roles" / "portal" / "files"
    shutil.copytree(files / "2.0", files / "2.1")
    offer(catalog, "portal", ["1.0", "2.0", "2.1"])

    with Client(hosts) as client:
        run = carried_out(site, upgrade=["portal=2.1"])
        assert RunStatus.FAILED is run.status
        assert ["the portal is 2.0, not 2.1"] == [failure.message for failure in run.failures]
        assert [("web1",)] == [step.hosts for step in run.steps if step.action is Action.UPGRADE and step.started_at]
        assert {"web1": "2.1", "web2": "2.0"} == {host: release(hosts, host) for host in GROUPS["app"]}

        back = carried_out(site, rollback=run.id).raise_for_status()
    assert [("web1",)] == [step.hosts for step in back.steps if step.action is Action.ROLLBACK]
    assert {"web1": "2.0", "web2": "2.0"} == {host: release(hosts, host) for host in GROUPS["app"]}
    assert {("2.0", "installed")} == {status(site)["portal", host] for host in GROUPS["app"]}
    assert [] == client.failed


def release(hosts, host):
    return hosts.run(host, "readlink /opt/portal/current").stdout.strip()


def test_uninstall_leaves_data_unless_told_and_nothing_else(site, hosts):
    """Neither a package nor a process, nor a file of configuration or program; what was stored goes with a purge."""
    carried_out(site, uninstall=KEPT).raise_for_status()
    carried_out(site, uninstall=[name for name in ALL if name not in KEPT], purge=True).raise_for_status()

    assert {} == status(site)
    for host in hosts.names:
        packages = hosts.run(host, f"dpkg-query -W -f '${{db:Status-Status}}\n' {' '.join(PACKAGES)}").stdout
        assert "installed" not in packages.splitlines()
        assert "" == hosts.run(host, f"pgrep -fa '{PROCESSES}'").stdout
        assert "" == hosts.run(host, f"ls -d {' '.join(LEFTOVERS)} 2>/dev/null").stdout
        assert 0 == hosts.run(host, "test -d /var/lib/zookeeper/version-2").returncode
        assert 0 != hosts.run(host, "id product").returncode
    assert 0 == hosts.run("db1", "test -d /var/lib/mysql/portal").returncode
    assert 0 != hosts.run("db1", "test -e /var/lib/redis").returncode


KEPT = ["mysql", "nats", "zk", "portal"]
"""What is uninstalled without its data; the others go with theirs."""
PROCESSES = "[m]ariadbd|[r]edis-server|[n]ginx|[n]ats-server|[Q]uorumPeer|portal[.]py"
LEFTOVERS = (
    "/etc/mysql/mariadb.conf.d/60-product.cnf",
    "/etc/redis",
    "/etc/nginx",
    "/etc/nats-server.conf",
    "/etc/zookeeper",
    "/etc/portal",
    "/opt/portal",
    "/etc/security/limits.d/60-product.conf",
    "/etc/init.d/{mariadb,redis-server,nginx,nats-server,zookeeper,portal}",
    "/etc/systemd/system/{mariadb,redis-server,nginx,nats-server,zookeeper,portal}.service",
    "/etc/rc?.d/*{mariadb,redis-server,nginx,nats-server,zookeeper,portal}",
    "/var/log/{mysql,redis,nginx,zookeeper,portal.log,nats-server.log}",
)
"""What a shell on a host would find if an uninstall forgot it."""
