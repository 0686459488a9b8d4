"""Checks whether this machine and the data directory are fit for runs; they also work if these are not."""

import os
import platform
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import attrs

from installkit.ansible.environment import silence
from installkit.ansible.programs import find_program, is_usable_locale, question_environment, usable_locale
from installkit.datadir.folders import Folders
from installkit.errors import EngineError, InstallkitError, JournalError, Remedy
from installkit.journal import Journal, list_journals
from installkit.model import FindingStatus
from installkit.text import counted

LEAST_PYTHON = (3, 11)
LEAST_SPACE = 1_000_000_000
"""Bytes: enough for the logs of a few large runs."""
LEAST_FILES = 1024
LEAST_PROCESSES = 1024
ANSWER_WITHIN = 30.0
REINDEX = Remedy("index what is there", ("reindex",))
CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io")
"""Files that exist only in containers: of Docker, Podman and Kubernetes."""

_SERVICE = re.compile(r"/([^/\n]+\.service)$", re.MULTILINE)


@attrs.frozen
class Finding:
    """
    The result of one check.

    Attributes:
        remedy: What to do about it; empty if the status is `ok`.
    """

    name: str
    status: FindingStatus
    message: str
    remedy: str = ""


def examine(
    data: Path,
    ask_database: Callable[[], str],
    ask_secrets: Callable[[], int],
    ask_catalogs: Callable[[], Iterable[Path]] = tuple,
    *,
    only: Collection[str] | None = None,
) -> tuple[Finding, ...]:
    """
    Return the finding of each check, in the order in which they are shown; no check raises an exception.

    Args:
        data: The data directory; it may be missing.
        ask_database: Returns the answer of SQLite's integrity check of the database.
        ask_secrets: Decrypts all stored secrets, and returns their number.
        ask_catalogs: Returns the folders of playbooks of all sites.
        only: Names of checks, as in `Finding.name`; None for all.
    """
    checks: dict[str, Callable[[], Finding]] = {
        "python": check_python,
        "ansible-core": check_ansible,
        "ansible-runner": check_runner,
        "ssh": check_ssh,
        "pty": check_pty,
        "data directory": lambda: check_data_directory(data),
        "database": lambda: check_database(ask_database),
        "secrets": lambda: check_secrets(ask_secrets),
        "ansible log": lambda: check_ansible_log(ask_catalogs),
        "runs": lambda: check_runs(Folders(data).runs),
        "memory folder": check_memory_folder,
        "locale": check_encoding,
        "service": check_cgroup,
        "limits": check_limits,
    }
    findings: dict[str, Finding] = {}
    for name, check in checks.items():
        unreadable = name == "secrets" and "database" in findings and findings["database"].status is FindingStatus.FAIL
        if (only is None or name in only) and not unreadable:
            findings[name] = check()
    return tuple(findings.values())


def check_python() -> Finding:
    """Check Python's version and platform."""
    text = f"{platform.python_version()} ({sys.executable}) on {platform.system()}"
    if sys.version_info < LEAST_PYTHON:
        return Finding("python", FindingStatus.FAIL, text, "use Python 3.11 or newer")
    if platform.system() != "Linux":
        return Finding(
            "python", FindingStatus.WARN, text, "carry runs out on Linux: elsewhere a killed run may leave processes"
        )
    return Finding("python", FindingStatus.OK, text)


def check_ansible() -> Finding:
    """Check that ansible-playbook starts."""
    name = "ansible-core"
    try:
        program = find_program("ansible-playbook")
        answer = subprocess.run(
            [program, "--version"],
            check=True,
            capture_output=True,
            text=True,
            timeout=ANSWER_WITHIN,
            cwd="/",  # the current directory may be gone
            env=question_environment(),
        )
    except InstallkitError as exc:
        return Finding(name, FindingStatus.FAIL, str(exc), exc.remedy or "")
    except (OSError, subprocess.SubprocessError) as exc:
        return Finding(
            name, FindingStatus.FAIL, f"{program} does not work: {exc}", f"{sys.executable} -m pip install ansible-core"
        )
    match = re.search(r"\[core ([^\]]+)\]", answer.stdout)
    return Finding(name, FindingStatus.OK, f"{match[1] if match else 'unknown version'} ({program})")


def check_runner() -> Finding:
    """Check that ansible-runner is installed."""
    try:
        return Finding("ansible-runner", FindingStatus.OK, version("ansible-runner"))
    except PackageNotFoundError:
        remedy = f"{sys.executable} -m pip install 'ansible-runner>=2.4.3'"
        return Finding("ansible-runner", FindingStatus.FAIL, "it is not installed beside this Python", remedy)


def check_ansible_log(ask_catalogs: Callable[[], Iterable[Path]]) -> Finding:
    """Check whether Ansible's own settings make it write logs outside of runs, which could hold secrets."""
    name = "ansible log"
    try:
        folders = sorted({folder for folder in ask_catalogs() if folder.is_dir()})
    except InstallkitError as exc:
        return Finding(name, FindingStatus.WARN, str(exc), exc.remedy or "")
    lines = [f"{folder}: {line}" for folder in folders for line in silence(folder, os.environ)[1]]
    if not lines:
        return Finding(name, FindingStatus.OK, "Ansible writes nothing beside runs")
    remedy = "nothing, if steps without secrets shall log so; else take log_path and callbacks out of ansible.cfg"
    return Finding(name, FindingStatus.WARN, f"where a step has secrets: {'; '.join(lines)}", remedy)


def check_ssh() -> Finding:
    """Check that there is an ssh client."""
    try:
        return Finding("ssh", FindingStatus.OK, str(find_program("ssh")))
    except EngineError as exc:
        return Finding(
            "ssh", FindingStatus.WARN, str(exc), "install the OpenSSH client; without it only local hosts are reached"
        )


def check_pty() -> Finding:
    """Check that a pseudo-terminal can be opened: ansible-playbook writes to one."""
    try:
        for descriptor in os.openpty():
            os.close(descriptor)
    except OSError as exc:
        return Finding(
            "pty", FindingStatus.FAIL, f"no pseudo-terminal can be opened: {exc.strerror}", "mount devpts on /dev/pts"
        )
    return Finding("pty", FindingStatus.OK, "pseudo-terminals can be opened")


def check_data_directory(data: Path) -> Finding:
    """Check that the data directory may be written, and has space left."""
    existing = next(path for path in (data, *data.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        remedy = "give your user write access, or name another with --data-dir or INSTALLKIT_DATA_DIR"
        return Finding("data directory", FindingStatus.FAIL, f"{data} cannot be written", remedy)
    free = shutil.disk_usage(existing).free
    text = f"{data}, {free / 1e9:.1f} GB free"
    if free < LEAST_SPACE:
        return Finding("data directory", FindingStatus.WARN, text, "make space: installkit prune --older-than 30d")
    return Finding("data directory", FindingStatus.OK, text)


def check_database(ask: Callable[[], str]) -> Finding:
    """Check the database's integrity."""
    try:
        answer = ask()
    except InstallkitError as exc:
        return Finding("database", FindingStatus.FAIL, str(exc), exc.remedy or REINDEX)
    if answer != "ok":
        return Finding("database", FindingStatus.FAIL, answer.partition("\n")[0], REINDEX)
    return Finding("database", FindingStatus.OK, "its integrity check passed")


def check_secrets(ask: Callable[[], int]) -> Finding:
    """Check that the stored secrets can be decrypted: the key may be missing or wrong."""
    try:
        count = ask()
    except InstallkitError as exc:
        return Finding("secrets", FindingStatus.FAIL, str(exc), exc.remedy or "")
    return Finding("secrets", FindingStatus.OK, f"{counted(count, 'stored secret')} can be read")


def check_runs(runs: Path) -> Finding:
    """Check that each run below *runs* can be read; lists of runs skip those that cannot."""
    try:
        paths = [journal.path for journal in list_journals(runs)]
    except OSError as exc:
        return Finding(
            "runs", FindingStatus.FAIL, f"{runs} cannot be read: {exc.strerror}", "give your user access to it"
        )
    problems = []
    for journal in map(Journal, paths):
        try:
            journal.spec()
            journal.result()
            journal.read_events(limit=1)
        except JournalError as exc:
            problems.append(str(exc))
    if problems:
        return Finding(
            "runs", FindingStatus.FAIL, "; ".join(problems), "restore their folders from a backup, or move them away"
        )
    return Finding("runs", FindingStatus.OK, f"{counted(len(paths), 'run')} can be read")


def check_memory_folder() -> Finding:
    """Check that secrets can be passed to Ansible without writing them to a disk."""
    folder = Path("/dev/shm")  # noqa: S108 - nothing is written to it here
    if folder.is_mount() and os.access(folder, os.W_OK | os.X_OK):
        return Finding("memory folder", FindingStatus.OK, f"{folder} is there for what must not touch a disk")
    remedy = "mount a tmpfs on /dev/shm; until then secrets lie for a moment in the run's folder"
    return Finding("memory folder", FindingStatus.WARN, f"{folder} is not a tmpfs that may be written", remedy)


def check_encoding() -> Finding:
    """Check that Ansible will find a UTF-8 locale; without one it refuses to start."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or "C"
    replacement = usable_locale(os.environ)
    text = f"{locale}, {sys.getfilesystemencoding()}"
    if replacement:
        text = f"{text}; Ansible gets {replacement['LC_ALL']}"
    if is_usable_locale({**os.environ, **replacement}):
        return Finding("locale", FindingStatus.OK, text)
    return Finding(
        "locale",
        FindingStatus.FAIL,
        text,
        "set LC_ALL to a UTF-8 locale that `locale -a` lists; install one if it lists none",
    )


def check_cgroup() -> Finding:
    """Check whether the end of a service or container would kill runs: a session of their own does not prevent it."""
    try:
        cgroup = Path("/proc/self/cgroup").read_text("utf-8")
    except OSError:
        return Finding("service", FindingStatus.OK, "no cgroups here")
    return judge_place(cgroup, ask_kill_mode, in_container=any(map(os.path.exists, CONTAINER_MARKS)))


def judge_place(cgroup: str, kill_mode: Callable[[str, bool], str], *, in_container: bool) -> Finding:
    """
    Return whether the runs of a process survive the end of the service or container that it is part of.

    Args:
        cgroup: The content of the process's `/proc/PID/cgroup`.
        kill_mode: Returns the KillMode of a systemd unit, for its name and whether it is a unit of a user.
        in_container: Whether the process is in a container.
    """
    units = [name for name in _SERVICE.findall(cgroup) if not name.startswith(("user@", "session-"))]
    if units and kill_mode(units[0], "/user@" in cgroup) not in {"process", "none"}:
        remedy = "set KillMode=process in its unit, or start runs from a login shell"
        return Finding("service", FindingStatus.WARN, f"inside {units[0]}: its stop may take runs along", remedy)
    if in_container:
        remedy = Remedy("end the container only while nothing runs", ("runs", "--status", "running"))
        return Finding("service", FindingStatus.WARN, "inside a container: its end takes runs along", remedy)
    if units:
        return Finding("service", FindingStatus.OK, f"inside {units[0]}, whose stop leaves runs alone")
    return Finding("service", FindingStatus.OK, "no service's stop takes runs along")


def ask_kill_mode(unit: str, of_user: bool) -> str:  # noqa: FBT001 - the two parts of a unit's address
    """Return the KillMode of *unit*: which processes systemd kills when it stops; empty if systemd does not answer."""
    options = ["--user"] if of_user else []
    command = ["systemctl", *options, "show", "--property=KillMode", "--value", unit]
    try:
        answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=ANSWER_WITHIN)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


def check_limits() -> Finding:
    """Check how many open files and processes a run may have."""
    files, processes = (resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC))
    text = f"{_limit(files)} open files, {_limit(processes)} processes"
    if _is_less(files, LEAST_FILES) or _is_less(processes, LEAST_PROCESSES):
        return Finding("limits", FindingStatus.WARN, text, f"raise them: ulimit -n {LEAST_FILES} -u {LEAST_PROCESSES}")
    return Finding("limits", FindingStatus.OK, text)


def _limit(value: int) -> str:
    return "unlimited" if value == resource.RLIM_INFINITY else str(value)


def _is_less(value: int, least: int) -> bool:
    return value != resource.RLIM_INFINITY and value < least
