"""
A catalog of real software for this machine, without root: supervisord, NATS, Datasette and a small shop that uses them.

Everything comes from PyPI, listens on loopback only, and lives in one folder, the *root*.
"""

import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from installkit.errors import InstallkitError

__all__ = ["FIRST_REQUEST", "UPGRADE", "demo_catalog", "describe", "remove", "write_inventory"]

FIRST_REQUEST: Mapping[str, Any] = {"install": ("supervisor", "nats=2.14.6", "recorder", "datasette=0.65.4", "portal")}
"""What `Site.plan` takes to install everything, two of the components not in their newest version."""

UPGRADE: Mapping[str, Any] = {"upgrade": ("nats=2.15.1", "datasette=0.65.5")}
"""What `Site.plan` takes to upgrade those two afterwards."""

_MARKER = ".installkit-demo"
_ROOT = re.compile(r"/[A-Za-z0-9/._-]{1,79}")
_STOP_TIMEOUT = 60.0


def demo_catalog() -> Path:
    """Return the folder of the demo's playbooks and manifests."""
    return Path(str(resources.files(__name__))) / "catalog"


def write_inventory(root: Path) -> Path:
    """
    Make the folder *root* the demo's, and return the inventory (YAML) written in it: this machine, in group `demo`.

    Args:
        root: A new or empty folder, or one that was the demo's before; everything is installed in it.

    Raises:
        InstallkitError: If *root* holds something else, cannot be written, or its absolute path is longer than 80
            characters (it holds a Unix socket) or has others than letters, digits and `/._-`.
    """
    root = root.absolute()
    if not _ROOT.fullmatch(str(root)):
        raise InstallkitError(
            f"the demo can't live in {str(root)!r}: at most 80 characters of A-Z, a-z, 0-9 and /._- are possible",
            remedy="choose a shorter, simpler folder, as /tmp/installkit-demo",
        )
    try:
        return _write(root)
    except OSError as exc:
        raise InstallkitError(f"the demo's folder can't be written: {exc}", remedy="choose another folder") from exc


def describe(root: Path) -> Mapping[str, str]:
    """Return how to look at each component of the demo in *root*: a URL or a command, by component."""
    port = _default_ports()
    return {
        "portal": f"http://127.0.0.1:{port['portal_port']}/",
        "datasette": f"http://127.0.0.1:{port['datasette_port']}/orders/orders",
        "nats": f"http://127.0.0.1:{port['nats_http_port']}/connz",
        "recorder": f"{' '.join(_supervisorctl(root))} tail -f recorder",
        "supervisor": f"{' '.join(_supervisorctl(root))} status",
    }


def remove(root: Path) -> None:
    """
    Stop all that the demo runs from *root*, then delete *root*; nothing happens if it is not there.

    Programs are stopped by their own supervisord, which knows its children; no pid from a file is signalled.

    Raises:
        InstallkitError: If *root* is not the demo's, or supervisord does not end; then nothing is deleted.
    """
    root = root.absolute()
    if not root.exists():
        return
    if not (root / _MARKER).is_file():
        raise InstallkitError(
            f"{root} is not deleted: it has no file {_MARKER}, so it is not the demo's",
            remedy="give the folder that the demo was installed in",
        )
    if (root / "supervisor.sock").exists():
        _shut_down(root)
    shutil.rmtree(root)


def _write(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    if not (root / _MARKER).is_file() and any(root.iterdir()):
        raise InstallkitError(
            f"{root} is not empty, and not the demo's: it has no file {_MARKER}", remedy="choose an empty folder"
        )
    (root / _MARKER).write_text("This folder is installkit's demo, and deleted with it.\n", encoding="utf-8")
    here = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "ansible_remote_tmp": str(root / "tmp"),  # a service account's home may not be there
    }
    group = {"hosts": {"localhost": here}, "vars": {"demo_root": str(root)}}
    inventory = root / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"children": {"demo": group}}}, sort_keys=False), encoding="utf-8")
    return inventory


def _default_ports() -> Mapping[str, int]:
    manifests = [yaml.safe_load(path.read_text("utf-8")) for path in demo_catalog().glob("*.component.yml")]
    parameters = [item for manifest in manifests for item in manifest["parameters"].items()]
    return {name: parameter["default"] for name, parameter in parameters if parameter["type"] == "port"}


def _supervisorctl(root: Path) -> tuple[str, ...]:
    return (str(root / "venv/supervisor/bin/supervisorctl"), "-c", str(root / "supervisord.conf"))


def _shut_down(root: Path) -> None:
    said = _ask(root, "shutdown")
    if "refused connection" in said:  # the socket is what a killed supervisord left
        _refuse_if_used(root)
        return
    deadline = time.monotonic() + _STOP_TIMEOUT
    while (root / "supervisor.sock").exists():
        if time.monotonic() > deadline:
            raise InstallkitError(
                f"{root} is not deleted: supervisord did not end within {_STOP_TIMEOUT:.0f} s ({said})",
                remedy=f"look at {root}/log/supervisord.log, then try again",
            )
        time.sleep(0.1)


def _refuse_if_used(root: Path) -> None:
    """Raise InstallkitError if a process works in *root*: what a killed supervisord left running is nobody's child."""
    used = [path.parent.name for path in Path("/proc").glob("[0-9]*/cwd") if _working_folder(path).is_relative_to(root)]
    if used:
        raise InstallkitError(
            f"{root} is not deleted: its supervisord was killed, and these processes still work there: {', '.join(used)}",
            remedy=f"look at them (ps {' '.join(used)}), end them, then try again",
        )


def _working_folder(link: Path) -> Path:
    try:
        return link.readlink()
    except OSError:  # another user's process, or one that ended meanwhile
        return Path()


def _ask(root: Path, command: str) -> str:
    arguments = [*_supervisorctl(root), command]
    try:
        done = subprocess.run(arguments, check=False, capture_output=True, text=True, timeout=_STOP_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise InstallkitError(f"{root} is not deleted: supervisord can't be told to end: {exc}") from exc
    return (done.stdout + done.stderr).strip()
