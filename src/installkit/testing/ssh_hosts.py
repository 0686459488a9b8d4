"""Real SSH hosts on this machine, for tests of your own playbooks."""

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
        address: Its loopback address; sshd listens there on port 2222.
    """

    name: str
    address: str


class SSHHosts:
    """
    Real hosts with real SSH, without containers: for tests of playbooks and of programs that run them.

    Each host is a copy-on-write view of this machine's root file system. It has its own sshd, host name, process table
    and loopback address, and does not have root's shell settings. What it installs or writes is gone at the end, and
    nothing else is changed: all mounts are in namespaces that end with the hosts, even if the test process is killed
    (only an empty control group of a host with systemd stays then).
    The hosts share this machine's network: two services on the same port must listen on different addresses. They can
    neither set the clock nor load kernel modules.

    The first process of a host is sshd, and services are started by init scripts. A host named in *systemd* boots with
    systemd instead. Services of this machine are not started there, only services that are installed on the host; the
    enabled ones also start at `power_on`.

    Needs Linux, root, overlayfs and sshd; `missing` says what is missing. The hosts end with the thread that starts
    them, so start them in one that lives long enough.

    Args:
        count: How many hosts. Without *names*, they are called `host1`, `host2`, ….
        names: One name for each host.
        systemd: The names of the hosts that boot with systemd.

    Raises:
        EngineError: On entering, if hosts are not possible here or one does not start; the message says why.
        ValueError: If *names* are not *count* different names, or *systemd* has other names.

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
        if unknown := set(systemd) - set(chosen):
            raise ValueError(f"systemd is asked for on {sorted(unknown)}, and the hosts are {chosen}")
        network = f"127.{random.randint(1, 254)}.{random.randint(0, 254)}"  # noqa: S311 - keeps test processes apart
        self._hosts = {name: SSHHost(name, f"{network}.{number}") for number, name in enumerate(chosen, start=11)}
        self._systemd = frozenset(systemd)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._cleanup = ExitStack()

    @classmethod
    def missing(cls, *, systemd: bool = False) -> str | None:
        """Return why hosts, or hosts with *systemd*, are not possible on this machine; None if they are possible."""
        if not sys.platform.startswith("linux"):
            return f"SSH hosts need Linux, not {sys.platform}"
        if os.geteuid() != 0:
            return "SSH hosts need root, for mounts and namespaces"
        if absent := [name for name in _PROGRAMS if shutil.which(name, path=_PATH) is None]:
            return f"SSH hosts need the programs {', '.join(absent)} (Debian: apt-get install openssh-server)"
        if systemd and not os.access(_SYSTEMD, os.X_OK):
            return f"hosts with systemd need {_SYSTEMD} (Debian: apt-get install systemd)"
        if systemd and not os.access((groups := _control_groups()) / "cgroup.procs", os.W_OK):
            return (
                f"hosts with systemd need control groups of version 2 that can be written to, unlike those in {groups}"
            )
        with tempfile.TemporaryDirectory(prefix="installkit-hosts-") as folder:
            unshare = [_program("unshare"), "--mount", "--pid", "--uts", "--fork", "--kill-child"]
            command = [*_ending_with_us(), *unshare, _program("sh"), "-ec", _TRIAL, "trial", folder]
            done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        return f"SSH hosts need namespaces and overlayfs: {done.stderr.strip()}" if done.returncode else None

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
            _make_key(self._folder / "client")
            known_hosts = ""
            for host in self._hosts.values():
                known_hosts += f"[{host.address}]:{SSH_PORT} {_make_key(self._folder / f'{host.name}.hostkey')}\n"
            (self._folder / "known_hosts").write_text(known_hosts, encoding="utf-8")
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
        """End all hosts and delete everything that they wrote; a second call does nothing."""
        self._cleanup.close()

    def inventory(self, path: Path, *, groups: Mapping[str, Sequence[str]] | None = None) -> Path:
        """
        Write an Ansible inventory (YAML) of all hosts to *path*, and return *path*.

        Args:
            path: A file in an existing folder; it is replaced if it exists.
            groups: Host names by group.
        """
        # The Python for modules: the distribution's, as on real hosts, if there is one.
        system = Path("/usr/bin/python3")
        python = system if system.exists() else Path(sys.executable).resolve()
        hosts = {
            host.name: {
                "ansible_host": host.address,
                "ansible_port": SSH_PORT,
                "ansible_user": "root",
                "ansible_ssh_private_key_file": str(self._folder / "client"),
                "ansible_ssh_common_args": " ".join(self._ssh_options()),
                "ansible_python_interpreter": str(python),
            }
            for host in self._hosts.values()
        }
        children = {group: {"hosts": dict.fromkeys(members)} for group, members in (groups or {}).items()}
        path.write_text(yaml.safe_dump({"all": {"hosts": hosts, "children": children}}), encoding="utf-8")
        return path

    def power_off(self, name: str) -> None:
        """End the host called *name* at once, as if its plug were pulled; its disk is kept."""
        unshare = self._running.pop(name)
        if unshare.poll() is None:
            # The end of the namespace's first process ends all others; unshare must live to wait for it.
            first = Path(f"/proc/{unshare.pid}/task/{unshare.pid}/children").read_text(encoding="ascii").split()
            for pid in first:
                os.kill(int(pid), signal.SIGKILL)
            if not first:
                unshare.kill()
            unshare.wait()
        if name in self._systemd:
            for folder, _, _ in os.walk(self._group(name), topdown=False):
                Path(folder).rmdir()

    def power_on(self, name: str) -> None:
        """
        Start the host called *name* again, with its old disk; return when it accepts connections.

        Raises:
            EngineError: If it does not start.
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
            `returncode`, `stdout` and `stderr`, also if the command failed. A returncode of 255 means that ssh failed.

        Raises:
            subprocess.TimeoutExpired: After *timeout* seconds.
        """
        target = ["-p", str(SSH_PORT), "-i", str(self._folder / "client"), f"root@{self._hosts[name].address}"]
        ssh = [_program("ssh"), "-F", "none", "-o", "BatchMode=yes", *self._ssh_options(), *target, command]
        return subprocess.run(ssh, check=False, capture_output=True, text=True, timeout=timeout)

    def _ssh_options(self) -> list[str]:
        known_hosts = self._folder / "known_hosts"
        options = (f"UserKnownHostsFile={known_hosts}", "GlobalKnownHostsFile=/dev/null", "StrictHostKeyChecking=yes")
        return [part for option in (*options, "IdentitiesOnly=yes") for part in ("-o", option)]

    def _start(self, name: str) -> None:
        host = self._hosts[name]
        disk = self._folder / "disks" / name
        namespace = [_program("nsenter"), f"--mount=/proc/{self._disks}/ns/mnt"]
        unshare = [_program("unshare"), "--mount", "--pid", "--uts", "--fork", "--kill-child"]
        # A host must not change what it shares with this machine: kernel modules and the clock.
        restrict = [_program("setpriv"), "--bounding-set", "-sys_module,-sys_time"]
        group = self._group(name) if name in self._systemd else None
        if group:
            group.mkdir()
        arguments = [name, host.address, str(SSH_PORT), str(disk), str(self._folder), _program("sshd")]
        script = [_program("sh"), str(_HOST), *arguments, str(group or ""), str(_SYSTEMD)]
        with self._log(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                [*_ending_with_us(), *namespace, *unshare, *restrict, *script],
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
        while b"Server listening on " not in (log := self._log(name).read_bytes()):
            if self._running[name].poll() is not None or time.monotonic() > deadline:
                reason = log.decode(errors="replace").strip() or "its log is empty"
                raise EngineError(f"host {name!r} did not come up: {reason}")
            time.sleep(0.01)

    def _stop_all(self) -> None:
        for name in tuple(self._running):
            self.power_off(name)


def _program(name: str) -> str:
    path = shutil.which(name, path=_PATH)
    if path is None:
        raise EngineError(f"{name} was not found in {_PATH}")
    return path


def _ending_with_us() -> list[str]:
    return [_program("setpriv"), "--pdeathsig", "KILL"]


def _control_groups() -> Path:
    """Return the folder in which control groups (version 2) are mounted."""
    mounts = (line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines())
    return next((Path(folder) for _, folder, kind, *_ in mounts if kind == "cgroup2"), Path("/sys/fs/cgroup"))


def _make_key(path: Path) -> str:
    """Make an ssh key at *path* and its public key beside it, as `.pub`; return the public key."""
    command = [_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise EngineError(f"ssh-keygen failed: {done.stderr.strip()}")
    return Path(f"{path}.pub").read_text(encoding="utf-8").strip()


@contextmanager
def _holding_disks(folder: Path) -> Iterator[int]:
    """Mount a tmpfs on *folder* in its own mount namespace, and yield the pid of the process that keeps it mounted."""
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
