"""Why Ansible could not read an inventory source: each plugin gives a reason; the likeliest one is chosen."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from installkit.ansible.ask import Message
from installkit.ansible.sources import names_plugin
from installkit.errors import Issue

_REASON = re.compile(
    r"Failed to parse inventory with '(?P<plugin>\w+)' plugin: (?:Failed to parse inventory: )?(?P<text>.*)"
)
_PLACE = re.compile(r".*?:(?P<line>\d+)(?::(?P<column>\d+))?")


def unread_issue(source: str, warnings: Iterable[Message]) -> Issue:
    """Return why no plugin could read *source*, from the *warnings* of all plugins."""
    reasons = [
        (reason, _PLACE.fullmatch(warning.place or ""))
        for warning in warnings
        if (reason := _REASON.match(warning.text))
    ]
    if not reasons:
        return Issue(source, "Ansible cannot read it as an inventory")
    path = Path(source)
    if not path.is_file():  # it was removed after Ansible read it
        likely = None
    elif os.access(path, os.X_OK):
        likely = "script"
    elif names_plugin(path):
        likely = "auto"
    else:
        likely = "yaml" if path.suffix in {".yml", ".yaml", ".json"} else "ini"
    reason, place = min(reasons, key=lambda pair: (pair[1] is None, pair[0]["plugin"] != likely))
    line, column = place.groups() if place else (None, None)
    return Issue(source, reason["text"], int(line) if line else None, int(column) if column else None)
