"""The parts of a limit, and those that match nothing."""

import difflib
import ipaddress
import re
from collections.abc import Iterable

import attrs

_PART = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
"""A part between two colons; colons in brackets do not count. Source: ansible's inventory/manager.py."""


@attrs.frozen
class LimitPart:
    """
    One part of a limit.

    Attributes:
        text: As the user wrote it, as `!web2`.
        pattern: The host pattern, without `!` or `&` before it.
    """

    text: str
    pattern: str


def limit_parts(limit: str) -> tuple[LimitPart, ...]:
    """
    Return the parts of *limit*, split as Ansible does: at commas, or else at colons.

    >>> [part.text for part in limit_parts("web[0:1]:!db1")]
    ['web[0:1]', '!db1']
    """
    if "," in limit:
        texts = [text.strip() for text in limit.split(",")]
    else:
        try:
            ipaddress.IPv6Address(limit.strip())
            texts = [limit.strip()]
        except ValueError:
            texts = _PART.findall(limit)
    return tuple(LimitPart(text, text[1:] if text[0] in "!&" else text) for text in texts if text)


def unmatched_sentence(part: LimitPart, names: Iterable[str]) -> str:
    """Return the sentence that *part* matches no host; it suggests one of *names* if that is spelled alike."""
    near = difflib.get_close_matches(part.pattern, sorted(names), n=1)
    return f"the part {part.text!r} of the limit matches no host" + (f"; did you mean {near[0]!r}?" if near else "")
