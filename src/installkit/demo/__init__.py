"""
A catalog of real software for this machine, without root: supervisord, NATS, Datasette and a small shop that uses them.

Everything comes from PyPI, listens on loopback only, and lives in one folder, the *root*.
"""

import contextlib
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
"""Arguments for `Site.plan` to install everything, two of the components in an older version."""

UPGRADE: Mapping[str, Any] = {"upgrade": ("nats=2.15.1", "datasette=0.65.5")}
"""Arguments for `Site.plan` to upgrade those two afterwards."""

_MARKER = ".installkit-demo"
_ROOT = re.compile(r"/[A-Za-z0-9/._-]{1,79}")
_STOP_TIMEOUT = 60.0


def demo_catalog() -> Path:
    """Return the folder of the demo's playbooks and manifests."""
    return Path(str(resources.files(__name__))) / "catalog"


def write_inventory(root: Path) -> Path:
    """
    Prepare the folder *root* for the demo, write an inventory (YAML) in it, and return the inventory's path.

    Its only host is this machine, in the group `demo`.

    Args:
        root: A new or empty folder, or the folder of an earlier demo; everything is installed in it.

    Raises:
        InstallkitError: If *root* has other files, cannot be written, or its absolute path is longer than 80 characters
            (it will hold a Unix socket) or has characters other than letters, digits and `/._-`.
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
    """Return a URL or a command to look at each component of the demo in *root*, by component."""
    manifests = [yaml.safe_load(path.read_text("utf-8")) for path in demo_catalog().glob("*.component.yml")]
    parameters = [item for manifest in manifests for item in manifest["parameters"].items()]
    port = {name: parameter["default"] for name, parameter in parameters if parameter["type"] == "port"}
    return {
        "portal": f"http://127.0.0.1:{port['portal_port']}/",
        "datasette": f"http://127.0.0.1:{port['datasette_port']}/orders/orders",
        "nats": f"http://127.0.0.1:{port['nats_http_port']}/connz",
        "recorder": f"{' '.join(_supervisorctl(root))} tail -f recorder",
        "supervisor": f"{' '.join(_supervisorctl(root))} status",
    }


def remove(root: Path) -> None:
    """
    Stop all programs of the demo in *root*, then delete *root*; nothing happens if it does not exist.

    supervisord stops the programs, which are its children; no signal is sent to a pid from a file.

    Raises:
        InstallkitError: If *root* is not a folder of the demo, or supervisord does not end; then nothing is deleted.
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
        "ansible_remote_tmp": str(root / "tmp"),  # a service account may have no home folder
    }
    group = {"hosts": {"localhost": here}, "vars": {"demo_root": str(root)}}
    inventory = root / "hosts.yml"
    inventory.write_text(yaml.safe_dump({"all": {"children": {"demo": group}}}, sort_keys=False), encoding="utf-8")
    return inventory


def _supervisorctl(root: Path) -> tuple[str, ...]:
    return (str(root / "venv/supervisor/bin/supervisorctl"), "-c", str(root / "supervisord.conf"))


def _shut_down(root: Path) -> None:
    try:
        done = subprocess.run(
            [*_supervisorctl(root), "shutdown"], check=False, capture_output=True, text=True, timeout=_STOP_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise InstallkitError(f"{root} is not deleted: supervisord can't be told to end: {exc}") from exc
    answer = (done.stdout + done.stderr).strip()
    if "refused connection" in answer:  # a killed supervisord left the socket behind
        _refuse_if_used(root)
        return
    deadline = time.monotonic() + _STOP_TIMEOUT
    while (root / "supervisor.sock").exists():
        if time.monotonic() > deadline:
            raise InstallkitError(
                f"{root} is not deleted: supervisord did not end within {_STOP_TIMEOUT:.0f} s ({answer})",
                remedy=f"look at {root}/log/supervisord.log, then try again",
            )
        time.sleep(0.1)


def _refuse_if_used(root: Path) -> None:
    """Raise InstallkitError if a process works in *root*: after a kill of supervisord nothing stops its children."""
    used = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):  # another user's process, or one that ended meanwhile
            if link.readlink().is_relative_to(root):
                used.append(link.parent.name)
    if used:
        raise InstallkitError(
            f"{root} is not deleted: its supervisord was killed, and these processes still work there: {', '.join(used)}",
            remedy=f"look at them (ps {' '.join(used)}), end them, then try again",
        )
