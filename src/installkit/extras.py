"""Packages of others that installkit needs only for some functions."""

import sys
from importlib import import_module
from typing import Any

from installkit.errors import InstallkitError


def load(name: str, extra: str = "notebook") -> Any:
    """
    Return the module *name*, which the extra *extra* of installkit brings.

    Raises:
        InstallkitError: If it is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != name.partition(".")[0]:
            raise
        raise InstallkitError(
            f"{name} is not installed", remedy=f"{sys.executable} -m pip install 'installkit[{extra}]'"
        ) from exc
