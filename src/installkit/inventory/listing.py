"""What `ansible-playbook --list-hosts` prints."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

import attrs

from installkit.errors import EngineError

_PLAY = re.compile(
    r"^  play #(?P<number>\d+) \(.*?\): (?P<name>.*?)\tTAGS: \[[^\n\t]*\]\n"
    r"    pattern: (?P<pattern>[^\n]*)\n"
    r"    hosts \((?P<count>\d+)\):(?P<hosts>(?:\n      \S[^\n]*)*)$",
    re.MULTILINE | re.DOTALL,
)


@attrs.frozen
class ListedPlay:
    """
    One play as listed.

    Attributes:
        name: Empty where the play has none.
        pattern: Its hosts, as the playbook says.
        hosts: In no order.
    """

    name: str
    pattern: str
    hosts: frozenset[str]


def listed_plays(output: str, playbooks: Sequence[str]) -> Mapping[str, tuple[ListedPlay, ...]]:
    """
    Return the plays that *output* lists, by playbook.

    Args:
        output: All that ansible-playbook printed to its standard output.
        playbooks: Paths as they were given to it, in that order.

    Raises:
        EngineError: If *output* is not such a list.
    """
    return dict(zip(playbooks, _sections(output, playbooks), strict=True))


def _sections(output: str, playbooks: Sequence[str]) -> Iterator[tuple[ListedPlay, ...]]:
    headings = [f"\nplaybook: {playbook}\n" for playbook in playbooks]
    starts = [0]
    for heading in headings:
        starts.append(output.find(heading, starts[-1]))
        if starts[-1] < 0:
            raise EngineError(f"ansible-playbook --list-hosts said nothing of {heading.strip()}")
    ends = [*starts[2:], len(output)]
    for heading, start, end in zip(headings, starts[1:], ends, strict=True):
        yield tuple(_plays(output[start + len(heading) : end]))


def _plays(section: str) -> Iterator[ListedPlay]:
    unread = _PLAY.sub("", section).strip()
    if unread:
        raise EngineError(f"ansible-playbook --list-hosts printed what cannot be read: {unread.splitlines()[0]!r}")
    for found in _PLAY.finditer(section):
        pattern = _pattern(found["pattern"])
        hosts = frozenset(line.strip() for line in found["hosts"].splitlines()[1:])
        if len(hosts) != int(found["count"]):
            raise EngineError(f"ansible-playbook --list-hosts lists {len(hosts)} hosts and counts {found['count']}")
        # Ansible calls a play without a name by its pattern
        name = " ".join(found["name"].split())
        yield ListedPlay("" if name == pattern else name, pattern, hosts)


def _pattern(text: str) -> str:
    try:
        return ",".join(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError):
        return text
