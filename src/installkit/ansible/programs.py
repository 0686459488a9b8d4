"""The programs of others that installkit runs: where they are, and the environment for questions to them."""

import ctypes
import errno
import locale
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from installkit.errors import EngineError

NO_QUESTIONS = {"ANSIBLE_ASK_PASS": "0", "ANSIBLE_BECOME_ASK_PASS": "0", "ANSIBLE_ASK_VAULT_PASS": "0"}
"""Settings for an Ansible that nobody watches: with an ansible.cfg that asks for passwords it would wait for ever."""


_LONGEST_LINE = 4096
_EXEC = "'''exec'"


def find_program(name: str) -> Path:
    """
    Return the path of *name*, beside this Python (as in a virtual environment that is not activated) or in PATH.

    Raises:
        EngineError: If it is in neither place.
    """
    beside = Path(sys.executable).parent
    path = shutil.which(name, path=os.pathsep.join([str(beside), os.environ.get("PATH", os.defpath)]))
    if path is None:
        raise EngineError(
            f"{name} was not found beside {sys.executable} nor in PATH",
            remedy=f"{sys.executable} -m pip install ansible-core" if name.startswith("ansible") else None,
        )
    return Path(path)


def find_python(name: str) -> list[str]:
    """
    Return the command that starts the Python of *name*, a program of Ansible's.

    If *name* is not a Python script but a shim or a wrapper, it is this Python: installkit depends on ansible-core.

    Raises:
        EngineError: If *name* does not exist.
    """
    program = find_program(name)
    with program.open("rb") as file:
        first, second = (file.readline(_LONGEST_LINE).decode(errors="replace") for _ in range(2))
    command = _words(first[2:]) if first.startswith("#!") else []
    # If the path is long or has a space, the script begins with a line for the shell: '''exec' "/…/python" "$0" "$@"
    if second.startswith(_EXEC):
        command = _words(second.removeprefix(_EXEC))[:1]
    return command if any("python" in word for word in command) else [sys.executable]


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return []


def question_environment() -> dict[str, str]:
    """Return an environment in which Ansible's output can be parsed: without colours and warnings about deprecation."""
    environment = {
        **os.environ,
        **usable_locale(os.environ),
        **usable_home(os.environ),
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


def usable_locale(environment: Mapping[str, str]) -> dict[str, str]:
    """
    Return variables to add to *environment* so that Ansible starts: it refuses a locale that is missing or not UTF-8.

    Empty if the locale is good, or if this machine has none of the usual UTF-8 locales.
    """
    if is_usable_locale(environment):
        return {}
    names = [name for name in ("C.UTF-8", "en_US.UTF-8", "POSIX.UTF-8") if is_usable_locale({"LC_ALL": name})]
    return {"LC_ALL": names[0]} if names else {}


def is_usable_locale(environment: Mapping[str, str]) -> bool:
    """Return whether a program finds the locale of *environment*, with UTF-8 as its encoding."""
    if not sys.platform.startswith("linux"):
        return True  # the masks below are glibc's and musl's
    fallback = environment.get("LANG") or "C"
    names = {name: environment.get("LC_ALL") or environment.get(name) or fallback for name in _CATEGORIES}
    return all(_codeset(value, name) for name, value in names.items()) and _codeset(
        names["LC_CTYPE"], "LC_CTYPE"
    ).lower() in {"utf-8", "utf8"}


_CATEGORIES = ("LC_CTYPE", "LC_NUMERIC", "LC_TIME", "LC_COLLATE", "LC_MONETARY", "LC_MESSAGES")


def _codeset(name: str, category: str) -> str:
    """Return the encoding of the locale *name*, of which only *category* is needed; empty if it does not exist."""
    library = ctypes.CDLL(None)
    library.newlocale.restype = ctypes.c_void_p
    library.nl_langinfo_l.restype = ctypes.c_char_p
    # setlocale would change the whole process, which has other threads.
    handle = library.newlocale(1 << getattr(locale, category), os.fsencode(name), None)
    if not handle:
        return ""
    codeset: bytes = library.nl_langinfo_l(locale.CODESET, ctypes.c_void_p(handle))
    library.freelocale(ctypes.c_void_p(handle))
    return codeset.decode()


def usable_home(environment: Mapping[str, str]) -> dict[str, str]:
    """
    Return variables to add to *environment* so that Ansible has a folder for its temporary files, which it needs.

    A user without a home gets `/`, where nobody else can leave an ansible.cfg; Ansible would make a folder called `~`.
    """
    home = {"HOME": "/"} if _ansible_home(environment) is None else {}
    if "ANSIBLE_LOCAL_TEMP" in environment or ansible_home_problem(environment) is None:
        return home
    return {**home, "ANSIBLE_LOCAL_TEMP": tempfile.gettempdir()}


def ansible_home_problem(environment: Mapping[str, str]) -> str | None:
    """Return why Ansible cannot write to its home in *environment*, like `/nonexistent/.ansible: …`; None if it can."""
    home = _ansible_home(environment)
    if home is None:
        return "HOME is not set, and this user has no home folder"
    path = home / "tmp"
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)  # as Ansible does at each start
    except OSError as exc:
        return f"{home}: {exc.strerror}"
    return None if os.access(path, os.W_OK | os.X_OK) else f"{home}: {os.strerror(errno.EACCES)}"


def _ansible_home(environment: Mapping[str, str]) -> Path | None:
    """Return the folder for Ansible's own files; None for a user without a home."""
    if named := environment.get("ANSIBLE_HOME"):
        return home_path(named).absolute()
    path = Path(environment["HOME"], ".ansible") if environment.get("HOME") else home_path("~/.ansible")
    return path if path.is_absolute() else None


def home_path(text: str) -> Path:
    """Return the path *text* with its `~` replaced, or unchanged for a user without a home."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 - Path.expanduser raises there
