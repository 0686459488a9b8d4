"""Which names sound like a secret, independent of declarations."""

import itertools
import re

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET = frozenset(
    [
        *("apikey", "credential", "credentials", "passphrase", "passwd", "password", "passwords", "privatekey", "pwd"),
        *("secret", "secretkey", "secrets", "token", "tokens"),
    ]
)
_SECRET_KEYS = frozenset(["access", "api", "auth", "encryption", "master", "private", "shared", "signing"])
_ABOUT = frozenset(
    [
        *("age", "algorithm", "count", "days", "dir", "directory", "enabled", "encoding", "expires", "expiry", "field"),
        *("file", "files", "folder", "format", "header", "host", "hours", "id", "interval", "issuer", "len", "length"),
        *("lifetime", "max", "min", "minutes", "mode", "name", "names", "path", "paths", "policy", "port", "prompt"),
        *(
            "provider",
            "ref",
            "required",
            "rotation",
            "seconds",
            "size",
            "store",
            "timeout",
            "ttl",
            "type",
            "uri",
            "url",
        ),
        *("user", "username", "version"),
    ]
)
"""Last words of names that describe a secret, but are not secrets themselves."""
_SWITCHES = frozenset(
    ["allow", "create", "disable", "enable", "generate", "has", "is", "max", "min", "no", "require", "use"]
)


def sounds_secret(name: str, value: object = None) -> bool:
    """
    Return whether a value called *name* may well be a secret; true and false never are.

    >>> [sounds_secret(name) for name in ("db_password", "dbPassword", "token_ttl", "password_file")]
    [True, True, False, False]
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    if isinstance(value, bool) or not words or words[-1] in _ABOUT or words[0] in _SWITCHES:
        return False
    pairs = itertools.pairwise(words)
    return not _SECRET.isdisjoint(words) or any(first in _SECRET_KEYS and then == "key" for first, then in pairs)
