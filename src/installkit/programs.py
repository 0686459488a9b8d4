"""The programs of others that installkit runs: where they are, and in what environment they are asked."""

import os
import shutil
import sys
from pathlib import Path

from installkit.errors import EngineError

NO_QUESTIONS = {"ANSIBLE_ASK_PASS": "0", "ANSIBLE_BECOME_ASK_PASS": "0", "ANSIBLE_ASK_VAULT_PASS": "0"}
"""Settings for an Ansible that nobody watches: an ansible.cfg that asks for passwords would let it wait for ever."""


def find_program(name: str) -> Path:
    """
    Return the path of *name*: beside this Python first, as in a virtual environment that is not activated, then in PATH.

    Raises:
        EngineError: If it is in neither.
    """
    beside = Path(sys.executable).parent
    found = shutil.which(name, path=os.pathsep.join([str(beside), os.environ.get("PATH", os.defpath)]))
    if found is None:
        raise EngineError(
            f"{name} was not found beside {sys.executable} nor in PATH",
            remedy=f"{sys.executable} -m pip install ansible-core" if name.startswith("ansible") else None,
        )
    return Path(found)


def question_environment() -> dict[str, str]:
    """Return the environment for asking Ansible something whose answer is parsed: plain, and without host variables."""
    environment = {
        **os.environ,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "COLUMNS": "500",
        **NO_QUESTIONS,
    }
    for name in ("ANSIBLE_FORCE_COLOR", "ANSIBLE_STDOUT_CALLBACK", "ANSIBLE_DISPLAY_ARGS_TO_STDOUT"):
        environment.pop(name, None)
    path = environment.get("PATH", os.defpath)
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), path])
    return environment
