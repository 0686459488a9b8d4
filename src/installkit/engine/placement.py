from pathlib import Path

_VARIABLES = ("group_vars", "host_vars")


def place_playbook(playbook: Path, folder: Path, scratch: Path) -> Path:
    """
    Return *playbook*, one of installkit's own, as it lies in *scratch* now: with the variables beside it of *folder*.

    Ansible reads group_vars and host_vars beside a playbook; users, keys and passwords for the hosts may stand there.
    """
    place = scratch / "playbook"
    place.mkdir()
    for name in _VARIABLES:
        if (folder / name).exists():
            (place / name).symlink_to(folder / name)
    placed = place / playbook.name
    placed.symlink_to(playbook)
    return placed
