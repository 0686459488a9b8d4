"""Public stand-ins for tests: real SSH hosts on this machine, for tests of your own playbooks."""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs
import yaml

from installkit.errors import EngineError

SSH_PORT = 2222
START_TIMEOUT = 60.0
_PROGRAMS = ("sh", "mount", "chroot", "hostname", "unshare", "nsenter", "setpriv", "ssh", "ssh-keygen", "sshd")
_SYSTEMD = Path("/lib/systemd/systemd")
# Debian keeps programs for root in folders that an ordinary PATH may not name.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])

_DISKS = """
mount -t tmpfs -o mode=0755 tmpfs "$1"
echo ready
exec cat
"""

_TRIAL = """
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
"""

_HOST = Path(__file__).with_name("testing_host.sh")


@attrs.frozen
class SSHHost:
    """
    One host of an `SSHHosts`.

    Attributes:
        address: Its own loopback address; sshd listens there on port 2222.
    """

    name: str
    address: str


class SSHHosts:
    """
    Real hosts, reached over real SSH, without containers: for tests of playbooks and of what runs them.

    Each host is a copy-on-write view of this machine's root file system with its own sshd, host name and process
    table, on a loopback address of its own, and without root's own shell settings. What it installs or writes is gone
    at the end, and nothing else is touched: all mounts live in namespaces that end with the hosts, even when the test
    process is killed (of a host with systemd an empty control group stays then).
    The hosts share this machine's network: two services on one port need a bind address each. They can neither set
    its clock nor load modules.

    The first process of a host is sshd, and services are started by init scripts. A host named in *systemd* boots with
    systemd instead, which starts nothing but what is installed there; with power comes what is enabled.

    Needs Linux, root, overlayfs and sshd; `missing` says what is not there. Start it in a thread that lives as long
    as the hosts should: they end with it.

    Args:
        count: How many hosts. Without *names*, they are called `host1`, `host2`, ….
        names: One name for each host.
        systemd: The names of those that boot with systemd.

    Raises:
        EngineError: On entering, if hosts can't be had here or one does not come up; the message says why.
        ValueError: If *names* are not *count* different names, or *systemd* names others.

    ```python
    with SSHHosts(count=3, names=("db1", "db2", "web1")) as hosts:
        inventory = hosts.inventory(tmp_path / "hosts.yml", groups={"db": ("db1", "db2")})
    ```
    """

    def __init__(self, count: int = 3, *, names: Sequence[str] = (), systemd: Collection[str] = ()) -> None:
        chosen = tuple(names) or tuple(f"host{number}" for number in range(1, count + 1))
        if len(set(chosen)) != count:
            raise ValueError(f"{count} different names are wanted, not {chosen}")
        if wrong := [name for name in chosen if not name.replace("-", "").isalnum() or name.startswith("-")]:
            raise ValueError(f"a host name is made of letters, digits and hyphens, unlike {wrong}")
        if strange := set(systemd) - set(chosen):
            raise ValueError(f"systemd is asked for on {sorted(strange)}, and the hosts are {chosen}")
        network = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}"  # noqa: S311 - keeps test processes apart
        self._hosts = {name: SSHHost(name, f"{network}.{number}") for number, name in enumerate(chosen, start=11)}
        self._systemd = frozenset(systemd)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._cleanup = ExitStack()

    @classmethod
    def missing(cls, *, systemd: bool = False) -> str | None:
        """Return why hosts, with *systemd*, can't be had on this machine, in a sentence; None if they can."""
        if not sys.platform.startswith("linux"):
            return f"SSH hosts need Linux, not {sys.platform}"
        if os.geteuid() != 0:
            return "SSH hosts need root, for mounts and namespaces"
        if absent := [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]:
            return f"SSH hosts need the programs {', '.join(absent)} (Debian: apt-get install openssh-server)"
        return (_systemd_problem() if systemd else None) or _overlay_problem()

    @property
    def names(self) -> tuple[str, ...]:
        """The host names, in the order given."""
        return tuple(self._hosts)

    def __getitem__(self, name: str) -> SSHHost:
        """Return the host called *name*; KeyError if there is none."""
        return self._hosts[name]

    def __enter__(self) -> Self:
        if reason := self.missing(systemd=bool(self._systemd)):
            raise EngineError(reason)
        with ExitStack() as undo:
            self._folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="installkit-hosts-")))
            self._make_keys()
            self._disks = undo.enter_context(_holding_disks(self._folder / "disks"))
            undo.callback(self._stop_all)
            for name in self.names:
                self._start(name)
            for name in self.names:
                self._wait_until_up(name)
            self._cleanup = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all hosts and drop all that they wrote; a second call does nothing."""
        self._cleanup.close()

    def inventory(self, path: Path, *, groups: Mapping[str, Sequence[str]] | None = None) -> Path:
        """
        Write an Ansible inventory (YAML) of all hosts to *path*, and return *path*.

        Args:
            path: A file in an existing folder; replaced if there.
            groups: Host names by group.
        """
        hosts = {host.name: self._variables(host) for host in self._hosts.values()}
        children = {group: {"hosts": dict.fromkeys(members)} for group, members in (groups or {}).items()}
        path.write_text(yaml.safe_dump({"all": {"hosts": hosts, "children": children}}), encoding="utf-8")
        return path

    def power_off(self, name: str) -> None:
        """End the host called *name* at once, as if its plug were pulled; its disk is kept."""
        _pull_plug(self._running.pop(name))
        if name in self._systemd:
            _remove_group(self._group(name))

    def power_on(self, name: str) -> None:
        """
        Start the host called *name* again, with the disk that it had; return when it takes connections.

        Raises:
            EngineError: If it does not come up.
            ValueError: If it is on.
        """
        if name in self._running:
            raise ValueError(f"host {name!r} is on")
        self._start(name)
        self._wait_until_up(name)

    def run(self, name: str, command: str, *, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """
        Run the shell *command* as root on the host called *name*, over SSH.

        Returns:
            Whatever its exit status: `returncode`, `stdout`, `stderr`. A returncode of 255 is ssh's own failure.

        Raises:
            subprocess.TimeoutExpired: After *timeout* seconds.
        """
        target = ["-p", str(SSH_PORT), "-i", str(self._folder / "client"), f"root@{self._hosts[name].address}"]
        ssh = [_program("ssh"), "-F", "none", "-o", "BatchMode=yes", *self._ssh_options(), *target, command]
        return subprocess.run(ssh, check=False, capture_output=True, text=True, timeout=timeout)

    def _variables(self, host: SSHHost) -> dict[str, object]:
        return {
            "ansible_host": host.address,
            "ansible_port": SSH_PORT,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(self._folder / "client"),
            "ansible_ssh_common_args": " ".join(self._ssh_options()),
            "ansible_python_interpreter": _python(),
        }

    def _ssh_options(self) -> list[str]:
        known = self._folder / "known_hosts"
        options = (f"UserKnownHostsFile={known}", "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes")
        return [part for option in (*options, "IdentitiesOnly=yes") for part in ("-o", option)]

    def _make_keys(self) -> None:
        lines = []
        _make_key(self._folder / "client")
        for host in self._hosts.values():
            public = _make_key(self._folder / f"{host.name}.hostkey")
            lines.append(f"[{host.address}]:{SSH_PORT} {public}\n")
        (self._folder / "known_hosts").write_text("".join(lines), encoding="utf-8")

    def _start(self, name: str) -> None:
        host = self._hosts[name]
        disk = self._folder / "disks" / name
        namespace = [_program("nsenter"), f"--mount=/proc/{self._disks}/ns/mnt"]
        alone = [_program("unshare"), "--mount", "--pid", "--uts", "--fork", "--kill-child"]
        group = self._group(name) if name in self._systemd else None
        if group:
            group.mkdir()
        arguments = [name, host.address, str(SSH_PORT), str(disk), str(self._folder), _program("sshd")]
        script = [_program("sh"), str(_HOST), *arguments, str(group or ""), str(_SYSTEMD)]
        with self._log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                [*_ending_with_us(), *namespace, *alone, *_harmless(), *script],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _group(self, name: str) -> Path:
        return _control_groups() / f"installkit-{self._hosts[name].address}"

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _wait_until_up(self, name: str) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while b"Server listening on " not in (said := self._log(name).read_bytes()):
            if self._running[name].poll() is not None or time.monotonic() > deadline:
                why = said.decode(errors="replace").strip() or "it said nothing"
                raise EngineError(f"host {name!r} did not come up: {why}")
            time.sleep(0.01)

    def _stop_all(self) -> None:
        for name in tuple(self._running):
            self.power_off(name)


def _python() -> str:
    """Return the Python for modules on a host: the distribution's, as on a customer's, where there is one."""
    system = Path("/usr/bin/python3")
    return str(system if system.exists() else Path(sys.executable).resolve())


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise EngineError(f"{name} was not found in {_PATH}")
    return found


def _ending_with_us() -> list[str]:
    return [_program("setpriv"), "--pdeathsig", "KILL"]


def _harmless() -> list[str]:
    """Return what keeps a host from changing what it shares with this machine."""
    return [_program("setpriv"), "--bounding-set", "-sys_module,-sys_time"]


def _control_groups() -> Path:
    """Return where control groups (version 2) are mounted."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines())
    return next((Path(where) for _, where, kind, *_ in mounts if kind == "cgroup2"), Path("/sys/fs/cgroup"))


def _remove_group(group: Path) -> None:
    for folder, _, _ in os.walk(group, topdown=False):
        Path(folder).rmdir()


def _pull_plug(unshare: subprocess.Popen[bytes]) -> None:
    if unshare.poll() is not None:
        return
    # unshare reaps the first process of the namespace, whose end is the end of all; killed itself, it could not.
    first = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text(encoding="ascii").split()
    for pid in first:
        os.kill(int(pid), signal.SIGKILL)
    if not first:
        unshare.kill()
    unshare.wait()


def _make_key(path: Path) -> str:
    """Make an ssh key at *path*, the public one beside it as `.pub`, and return the public one."""
    command = [_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise EngineError(f"ssh-keygen failed: {done.stderr.strip()}")
    return Path(f"{path}.pub").read_text(encoding="utf-8").strip()


@contextmanager
def _holding_disks(folder: Path) -> Iterator[int]:
    """Mount a tmpfs on *folder* in a mount namespace of its own, and give the pid of the process that holds it."""
    folder.mkdir()
    unshare = [_program("unshare"), "--mount", "--propagation", "private", _program("sh"), "-ec", _DISKS]
    with subprocess.Popen(
        [*_ending_with_us(), *unshare, "disks", str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        try:
            if holder.stdout is None or holder.stdout.readline() != b"ready\n":
                raise EngineError(f"no disks for hosts could be mounted on {folder}")
            yield holder.pid
        finally:
            holder.kill()


def _systemd_problem() -> str | None:
    if not os.access(_SYSTEMD, os.X_OK):
        return f"hosts with systemd need {_SYSTEMD} (Debian: apt-get install systemd)"
    groups = _control_groups()
    if not os.access(groups / "cgroup.procs", os.W_OK):
        return f"hosts with systemd need control groups of version 2 that can be written to, unlike those in {groups}"
    return None


def _overlay_problem() -> str | None:
    """Return what happens instead, if namespaces and an overlay of the root file system can't be mounted."""
    with tempfile.TemporaryDirectory(prefix="installkit-hosts-") as folder:
        unshare = [_program("unshare"), "--mount", "--pid", "--uts", "--fork", "--kill-child"]
        command = [*_ending_with_us(), *unshare, _program("sh"), "-ec", _TRIAL, "trial", folder]
        done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return f"SSH hosts need namespaces and overlayfs: {done.stderr.strip()}" if done.returncode else None
