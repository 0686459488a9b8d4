"""
Numbered playbooks whose names say another action than install, as many sets have them after the others.

The whole name does (`92.stop.yml`, `99.tear-down.yml`), or with a word for everything (`99.clean-all.yml`), or it ends in
such an action (`03.mysql-stop.yml`, `03.mysql.clean.yml`), or begins with one that only takes away (`97.uninstall-mysql.yml`).
`04.mysql-backup.yml` and `01.os-update.yml` may well be installations: these actions are taken for one as a whole name only.
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
    Return why to install the component *name* may not be meant, and what to do; None where its name says nothing.

    Args:
        name: As the file's name says it, without number.
        file: The name of its install playbook.
        number: What *file* begins with.
    """
    word = _word_in(name)
    if word is None:
        return None
    action = _ACTIONS[word].value
    return (
        f"{file}: its name says {word!r}, but a plan takes it for an installation: leave it out with --exclude, or rename"
        f" it, as {number or 0:02d}.COMPONENT.{action}.yml, or confirm it with a manifest"
    )


def _word_in(name: str) -> str | None:
    words = [word for word in re.split(r"[._-]+", name.lower()) if word]
    whole = "".join(words)
    if whole in _ACTIONS:
        return whole
    plain = [word for word in words if word in _PLAIN]
    if plain and all(word in _PLAIN or word in _EVERYTHING for word in words):
        return plain[0]
    if words[-1:] and words[-1] in _PLAIN:
        return words[-1]
    return words[0] if words[:1] and words[0] in _LEAVING else None
