"""The folder for files that a run must not leave behind: variables with secrets, runner's files, facts."""

import os
import shutil
from pathlib import Path

from installkit.errors import EngineError

_MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it is its owner's alone and must not exist before


def scratch_path(run: Path) -> Path:
    """
    Return the scratch folder of *run*: on tmpfs if there is one, else in the run's own folder.

    Its name contains the folder's inode: whoever reads a copy of the run's folder takes the run for dead, and cleans up.
    """
    in_memory = os.path.ismount(_MEMORY) and os.access(_MEMORY, os.W_OK | os.X_OK)
    return _MEMORY / f"installkit-{run.name}-{run.stat().st_ino:x}" if in_memory else run / "scratch"


def make_scratch(run: Path) -> Path:
    """
    Create the scratch folder of *run*, private to its owner.

    Raises:
        EngineError: If it exists already; nobody else can know the run's id.
    """
    path = scratch_path(run)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError as exc:
        raise EngineError(f"{path} is there already", remedy="remove it, if no run uses it, and start again") from exc
    (path / "facts").mkdir(mode=0o700)
    return path


def write_private(path: Path, text: str) -> Path:
    """Write *text* to the new file *path*, private to its owner, and return *path*."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="utf-8")
    return path


def remove_scratch(path: Path) -> None:
    """Remove the scratch folder *path*, if it exists and is ours."""
    if path.is_dir() and not path.is_symlink() and path.stat().st_uid == os.geteuid():
        shutil.rmtree(path, ignore_errors=True)


_VARIABLES = ("group_vars", "host_vars")


def place_playbook(playbook: Path, folder: Path, scratch: Path) -> Path:
    """
    Link *playbook*, one of installkit's own, into *scratch* beside the variables of *folder*; return its new path.

    Ansible reads group_vars and host_vars beside a playbook; they may have users, keys and passwords for the hosts.
    """
    place = scratch / "playbook"
    place.mkdir()
    for name in _VARIABLES:
        if (folder / name).exists():
            (place / name).symlink_to(folder / name)
    (place / "library").symlink_to(playbook.parent / "library")
    placed = place / playbook.name
    placed.symlink_to(playbook)
    return placed
