"""Compares messages by their cause: without the parts that differ from host to host and from attempt to attempt."""

import re
from collections.abc import Iterable

_DIFFERING = (
    (
        re.compile(r"(?<!\S)\S*(?:/tmp/|/dev/shm/|/run/user/|\.ansible/|ansible-tmp-|ansible-local-)[^\s:'\"]*"),
        "<temporary>",
    ),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"(?<=@)[\w.-]+"), "<host>"),
    (re.compile(r"\b(host(?:name|s)?:?\s+['\"]?)[\w.:-]*[\w-]", re.IGNORECASE), r"\1<host>"),
    (re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?:%\w+)?(?![\w:])", re.IGNORECASE), "<host>"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"), "<host>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\d+(?:[.:,]\d+)*"), "<number>"),
)
"""Parts that do not belong to a cause, each with its replacement; names come before the numbers in them."""


def cause_of(message: str, hosts: Iterable[str]) -> str:
    """
    Return *message*, which appeared on *hosts*, with the parts replaced that differ between hosts and attempts.

    >>> cause_of("connect to host 10.0.0.1 port 22: Connection refused", ["web1"])
    'connect to host <host> port <number>: Connection refused'
    """
    names = sorted(filter(None, hosts), key=len, reverse=True)
    if names:
        own = "|".join(map(re.escape, names))
        message = re.sub(rf"(?<![\w.-])(?:{own})(?:\.[\w-]+)*(?![\w-])", "<host>", message)
    for pattern, word in _DIFFERING:
        message = pattern.sub(word, message)
    return message
