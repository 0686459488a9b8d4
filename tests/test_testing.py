import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from installkit.ansible.programs import find_program, question_environment
from installkit.errors import EngineError
from installkit.testing import SSHHosts
from installkit.testing.ssh_hosts import SSH_PORT
from site_runs import until

UNIT = r"[Service]\nExecStart=sleep 999\n[Install]\nWantedBy=multi-user.target\n"
CONTROL_GROUPS = Path("/sys/fs/cgroup")


def ping(inventory):
    """Return what Ansible's ping module said, a line per host, in the order of names."""
    command = [find_program("ansible"), "-i", inventory, "all", "-m", "ansible.builtin.ping", "--one-line"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=question_environment())
    return sorted(line for line in done.stdout.splitlines() if " | " in line)


def words(lines):
    """Return each line's host and first word, as `db1 | SUCCESS`."""
    return [re.match(r"\S+ \| \w+", line).group() for line in lines]


def pids_of(needle):
    """Return the processes, ended ones that nobody reaped included, with *needle* in their arguments or mounts."""
    return [path.name for path in Path("/proc").iterdir() if path.name.isdigit() and needle in told_by(path)]


def told_by(process):
    said = b""
    for name in ("cmdline", "mountinfo"):
        try:
            said += (process / name).read_bytes()
        except OSError:  # it ended meanwhile
            continue
    return os.fsdecode(said)


def test_ansible_reaches_every_host_over_ssh(ssh_hosts, tmp_path):
    """The inventory is all that Ansible needs."""
    said = ping(ssh_hosts.inventory(tmp_path / "hosts.yml"))

    assert ["db1 | SUCCESS", "db2 | SUCCESS", "web1 | SUCCESS"] == words(said)


def test_the_inventory_has_the_groups_asked_for(ssh_hosts, tmp_path):
    """Groups are Ansible's own."""
    inventory = ssh_hosts.inventory(tmp_path / "hosts.yml", groups={"db": ("db1", "db2")})

    said = subprocess.run(
        [find_program("ansible-inventory"), "-i", inventory, "--list"],
        check=True,
        capture_output=True,
        env=question_environment(),
    )

    assert ["db1", "db2"] == json.loads(said.stdout)["db"]["hosts"]


def test_a_host_has_its_own_name_files_and_processes(ssh_hosts):
    """What one host writes is seen neither by another nor by this machine."""
    ssh_hosts.run("db1", "echo db1 > /root/installkit-test")

    assert "db1\n" == ssh_hosts.run("db1", "hostname").stdout
    assert "db1\n" == ssh_hosts.run("db1", "cat /root/installkit-test").stdout
    assert 0 != ssh_hosts.run("db2", "cat /root/installkit-test").returncode
    assert not Path("/root/installkit-test").exists()
    assert ssh_hosts.run("db1", "ps -o comm= -p 1").stdout.startswith("sshd")


def test_a_host_is_without_the_shell_settings_of_this_machines_root(ssh_hosts):
    """What root set up here for typing is carried out before no command there."""
    assert 0 != ssh_hosts.run("db1", "test -e /root/.bashrc").returncode


def test_hosts_of_several_processes_have_their_own_addresses():
    """Tests that run side by side never share a host."""
    addresses = {SSHHosts(count=1)["host1"].address for _ in range(20)}

    assert len(addresses) > 15  # one in 65,000 pairs is the same


@pytest.mark.long
def test_a_host_without_power_is_unreachable_and_keeps_its_disk(hosts_available, tmp_path):
    """Power goes and comes as on a real host."""
    with SSHHosts(count=2) as hosts:
        hosts.run("host1", "echo kept > /root/file")
        inventory = hosts.inventory(tmp_path / "hosts.yml")

        hosts.power_off("host1")
        without = ping(inventory)
        hosts.power_on("host1")
        after = ping(inventory)

        assert ["host1 | UNREACHABLE", "host2 | SUCCESS"] == words(without)
        assert ["host1 | SUCCESS", "host2 | SUCCESS"] == words(after)
        assert "kept\n" == hosts.run("host1", "cat /root/file").stdout


@pytest.mark.long
def test_a_host_boots_with_systemd_where_that_is_asked_for(systemd_available):
    """Its own services run there and none of this machine's; they come back with the power, and go without trace."""
    with SSHHosts(count=2, systemd=("host2",)) as hosts:
        booted = hosts.run("host2", "systemctl is-system-running --wait").stdout
        hosts.run("host2", f"printf '{UNIT}' > /etc/systemd/system/own.service; systemctl enable own")
        hosts.power_off("host2")
        hosts.power_on("host2")
        running = hosts.run("host2", "systemctl is-system-running --wait; systemctl is-active own").stdout
        clock = hosts.run("host2", "date --set 2020-01-01").returncode
        first = hosts.run("host1", "ps -o comm= -p 1").stdout

    assert "running\n" == booted
    assert "running\nactive\n" == running
    assert 0 != clock
    assert first.startswith("sshd")
    assert [] == [path for path in CONTROL_GROUPS.rglob("installkit-*") if hosts["host2"].address in path.name]


def test_nothing_is_left_after_the_end(hosts_available, tmp_path):
    """Neither a mount nor a process nor a file stays, whatever the hosts had running."""
    with SSHHosts(count=2) as hosts:
        address = hosts["host1"].address
        folder = Path(
            hosts.inventory(tmp_path / "hosts.yml").read_text().split("UserKnownHostsFile=")[1].split("/known")[0]
        )
        hosts.run("host1", f"setsid sleep 1000 {address} >/dev/null 2>&1 &")
        while_up = pids_of(address)

    assert while_up
    assert [] == pids_of(address)
    assert [] == pids_of(str(folder))
    assert not folder.exists()


def test_hosts_end_with_a_killed_test_process(hosts_available, tmp_path):
    """A kill -9 of the process that started them takes the hosts along."""
    script = (
        "import sys; from installkit.testing import SSHHosts; hosts = SSHHosts(count=1).__enter__(); "
        "print(hosts['host1'].address, flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as tester:
        address = tester.stdout.readline().decode().strip()
        while_up = pids_of(address)
        tester.send_signal(signal.SIGKILL)
        tester.wait()

    assert while_up
    until(lambda: not pids_of(address), 5.0)


def test_a_host_that_is_on_cannot_be_powered_on(ssh_hosts):
    """A mistake in a test says so."""
    with pytest.raises(ValueError, match="host 'db1' is on"):
        ssh_hosts.power_on("db1")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        pytest.param(("a", "b"), "3 different names are wanted", id="too few"),
        pytest.param(("a", "b", "b"), "3 different names are wanted", id="one twice"),
        pytest.param(("a", "b", "../c"), "letters, digits and hyphens", id="a path"),
        pytest.param(("a", "b", "-c"), "letters, digits and hyphens", id="an option"),
    ],
)
def test_wrong_names_are_refused(names, message):
    """Names are checked before anything is started."""
    with pytest.raises(ValueError, match=message):
        SSHHosts(count=3, names=names)


def test_a_host_that_does_not_come_up_says_why(hosts_available):
    """The error holds what sshd said."""
    hosts = SSHHosts(count=1)
    with socket.socket() as taken:
        taken.bind((hosts["host1"].address, SSH_PORT))
        taken.listen()

        with pytest.raises(EngineError, match=r"(?s)host 'host1' did not come up: .*in use"), hosts:
            pass

    assert [] == pids_of(hosts["host1"].address)


def test_systemd_on_a_host_that_is_not_there_is_refused():
    """A name that was changed in one place only is found before anything is started."""
    with pytest.raises(ValueError, match=r"systemd is asked for on \['web9'\]"):
        SSHHosts(count=1, names=("web1",), systemd=("web9",))
