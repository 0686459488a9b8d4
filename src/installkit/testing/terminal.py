"""What ansible-playbook prints, in the colours that runs force."""

import json
from collections.abc import Mapping
from typing import Any

WIDTH = 79
"""Of a line of stars, on a terminal of 80 columns."""

_COLOURS = {
    "ok": "0;32",
    "changed": "0;33",
    "failed": "0;31",
    "unreachable": "1;31",
    "skipped": "0;36",
    "rescued": "0;32",
    "ignored": "1;34",
}


def header(title: str) -> bytes:
    """Return the line that begins a play, a task or the recap."""
    return f"\n{title} {'*' * max(3, WIDTH - len(title))}\n".encode()


def result_line(host: str, status: str, result: Mapping[str, Any]) -> bytes:
    """Return the line of a task's *result* on *host*."""
    lines = {
        "ok": f"ok: [{host}]",
        "changed": f"changed: [{host}]",
        "skipped": f"skipping: [{host}]",
        "failed": f"fatal: [{host}]: FAILED! => {json.dumps(dict(result), sort_keys=True)}",
        "unreachable": f"fatal: [{host}]: UNREACHABLE! => {json.dumps(dict(result), sort_keys=True)}",
    }
    return f"{_in_colour(lines[status], status)}\n".encode()


def no_hosts_line() -> bytes:
    """Return the line of a play whose pattern matches no host."""
    return f"{_in_colour('skipping: no hosts matched', 'skipped')}\n".encode()


def recap(counts: Mapping[str, Mapping[str, int]]) -> bytes:
    """Return the recap of *counts* by host, with Ansible's words."""
    lines = [header("PLAY RECAP").decode()]
    for host, words in sorted(counts.items()):
        worst = next((word for word in ("unreachable", "failed", "changed") if words[word]), "ok")
        shown = _in_colour(host, "failed" if worst == "unreachable" else worst)
        fields = (f"{word}={count:<4}" for word, count in words.items())
        coloured = (
            _in_colour(field, word) if count else field
            for field, (word, count) in zip(fields, words.items(), strict=True)
        )
        lines.append(f"{shown}{' ' * max(0, 26 - len(host))} : {' '.join(coloured)}\n")
    return "".join([*lines, "\n"]).encode()


def _in_colour(text: str, word: str) -> str:
    return f"\x1b[{_COLOURS[word]}m{text}\x1b[0m"
