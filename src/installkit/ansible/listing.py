"""Why Ansible could not read an inventory source: the one reason that fits, of those that each of its plugins gives."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import attrs

from installkit.ansible.ask import Message
from installkit.ansible.sources import names_plugin
from installkit.errors import Issue

_REASON = re.compile(
    r"Failed to parse inventory with '(?P<plugin>\w+)' plugin: (?:Failed to parse inventory: )?(?P<text>.*)"
)
_PLACE = re.compile(r".*?:(?P<line>\d+)(?::(?P<column>\d+))?")


@attrs.frozen
class _Reason:
    plugin: str
    text: str
    line: int | None
    column: int | None


def unread_issue(source: str, warnings: Iterable[Message]) -> Issue:
    """Return why no plugin could read *source*, from what they all said."""
    reasons = [reason for warning in warnings if (reason := _reason(warning))]
    likely = _likely_plugins(Path(source))
    reasons.sort(key=lambda reason: (reason.line is None, reason.plugin not in likely))
    if not reasons:
        return Issue(source, "Ansible cannot read it as an inventory")
    return Issue(source, reasons[0].text, reasons[0].line, reasons[0].column)


def _reason(warning: Message) -> _Reason | None:
    found = _REASON.match(warning.text)
    if not found:
        return None
    place = _PLACE.fullmatch(warning.place or "")
    line, column = (place["line"], place["column"]) if place else (None, None)
    return _Reason(found["plugin"], found["text"], int(line) if line else None, int(column) if column else None)


def _likely_plugins(source: Path) -> set[str]:
    if not source.is_file():  # it is gone since Ansible looked
        return set()
    if os.access(source, os.X_OK):
        return {"script"}
    if names_plugin(source):
        return {"auto"}
    return {"yaml"} if source.suffix in {".yml", ".yaml", ".json"} else {"ini"}
