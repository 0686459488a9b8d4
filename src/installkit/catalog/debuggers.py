"""Finds where a catalog asks for Ansible's debugger: it waits for a user at a terminal, and a run has none."""

import re
from collections.abc import Iterable
from pathlib import Path

from installkit.catalog.contents import Contents

_ASKS = re.compile(
    rb"""(?:^[ \t]*(?:-[ \t]+)*|[{,][ \t]*)(?P<words>["']?(?:"""
    rb"""debugger["']?[ \t]*:[ \t]*["']?(?:always|on_failed|on_unreachable|on_skipped)(?![\w.-])"""
    rb"""|strategy["']?[ \t]*:[ \t]*["']?(?:ansible\.(?:builtin|legacy)\.)?debug(?![\w.-]))["']?)""",
    re.MULTILINE,
)
_YAML = frozenset({".yml", ".yaml"})


def debugger_places(names: Iterable[str], contents: Contents) -> dict[str, str]:
    """
    Return the first words of each file that ask for the debugger, by `FILE:LINE`.

    Args:
        names: Files of the catalog, relative to its folder.
        contents: The files of the catalog.
    """
    places = {}
    for name in sorted(names):
        if Path(name).suffix.lower() in _YAML and (asks := _ASKS.search(text := contents.bytes_of(name))):
            line = text.count(b"\n", 0, asks.start("words")) + 1
            places[f"{name}:{line}"] = asks["words"].decode(errors="replace")
    return places
