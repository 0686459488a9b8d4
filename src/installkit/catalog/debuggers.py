"""Where a catalog asks for Ansible's debugger: it waits for somebody at a terminal, and in a run nobody is there."""

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
    Return the words that ask for the debugger, by `FILE:LINE`; the first of each file.

    Args:
        names: Files of the catalog, relative to its folder.
        contents: Where they are looked up.
    """
    found = {}
    for name in sorted(names):
        if Path(name).suffix.lower() in _YAML and (asks := _ASKS.search(text := contents.bytes_of(name))):
            line = text.count(b"\n", 0, asks.start("words")) + 1
            found[f"{name}:{line}"] = asks["words"].decode(errors="replace")
    return found
