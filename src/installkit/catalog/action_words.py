"""
Numbered playbooks whose names say another action than install, as playbooks in many folders do.

The whole name does (`92.stop.yml`, `99.tear-down.yml`), alone or with a word for everything (`99.clean-all.yml`), or it
ends with such an action (`03.mysql-stop.yml`, `03.mysql.clean.yml`), or begins with one that removes
(`97.uninstall-mysql.yml`). `04.mysql-backup.yml` and `01.os-update.yml` may well be installations: such words are an
action only as the whole name.
"""

import re

from installkit.model import Action

_STARTING = ("start", "startup", "restart", "reload", "reboot")
_STOPPING = ("stop", "halt", "shutdown")
_LEAVING = ("uninstall", "deinstall", "undeploy", "destroy", "purge", "wipe", "teardown", "remove", "delete")
_CLEANING = ("clean", "cleanup", "clear", "drop", "erase", "reset")
_RESTORING = ("restore", "rollback", "revert", "recover")
_ALONE = ("backup", "check", "configure", "update", "upgrade", "verify")

_PLAIN = frozenset((*_STARTING, *_STOPPING, *_LEAVING, *_CLEANING, *_RESTORING))
_EVERYTHING = frozenset(
    (
        "all",
        "app",
        "apps",
        "cluster",
        "data",
        "env",
        "everything",
        "hosts",
        "nodes",
        "old",
        "service",
        "services",
        "stack",
    )
)
_ACTIONS = {
    **dict.fromkeys((*_LEAVING, *_CLEANING), Action.UNINSTALL),
    **dict.fromkeys(_STOPPING, Action.STOP),
    **dict.fromkeys(_RESTORING, Action.ROLLBACK),
    **dict.fromkeys(("start", "startup"), Action.START),
    **dict.fromkeys(("restart", "reload", "reboot"), Action.RESTART),
    "update": Action.UPGRADE,
    **{word: Action(word) for word in _ALONE if word != "update"},
}


def caution_about(name: str, file: str, number: int | None) -> str | None:
    """
    Return why *file* may not be meant to install something, and what to do; None if its name is that of a component.

    Args:
        name: The component's name as in the file's name, without the number.
        file: The name of its install playbook.
        number: The number that *file* begins with.
    """
    words = [word for word in re.split(r"[._-]+", name.lower()) if word]
    whole = "".join(words)
    plain = [word for word in words if word in _PLAIN]
    if whole in _ACTIONS:
        word = whole
    elif plain and all(word in _PLAIN or word in _EVERYTHING for word in words):
        word = plain[0]
    elif words and words[-1] in _PLAIN:
        word = words[-1]
    elif words and words[0] in _LEAVING:
        word = words[0]
    else:
        return None
    action = _ACTIONS[word].value
    return (
        f"{file}: its name says {word!r}, but a plan takes it for an installation: leave it out with --exclude, or rename"
        f" it, as {number or 0:02d}.COMPONENT.{action}.yml, or confirm it with a manifest"
    )
