import base64
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "********"
SHORTEST = 4
"""Characters; what is shorter stands in too many words to be taken out of a log."""


class Redactor:
    """Takes secrets out of text and data: as they are, line by line, and as JSON, URLs, shells and base64 write them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets for form in _forms(secret)}
        ordered = sorted(forms, key=lambda form: (-len(form), form))  # the longest first: none hides inside another
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """Return *text* without any secret."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def data(self, value: Any) -> Any:
        """Return *value*, made of dicts, lists and scalars, without any secret in a string or key."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.data(key): self.data(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.data(item) for item in value]
        if isinstance(value, (int, float)) and self.text(str(value)) != str(value):
            return MASK
        return value


def _forms(secret: str) -> Iterable[str]:
    for part in {secret, secret.strip(), *secret.splitlines(), *(line.strip() for line in secret.splitlines())}:
        if len(part.strip()) < SHORTEST:
            continue
        for written in _written_forms(part):
            yield written
            for ascii_only in (True, False):
                in_json = json.dumps(written, ensure_ascii=ascii_only)[1:-1]
                yield in_json
                yield json.dumps(in_json)[1:-1]
        yield from _base64_forms(part.encode(errors="surrogatepass"))


def _written_forms(part: str) -> Iterable[str]:
    """Yield *part* as it is, and as URLs, shells, YAML and Python write it."""
    yield part
    yield quote(part, safe="")
    yield quote(part)
    yield quote_plus(part)
    yield part.replace("'", "'\"'\"'")
    yield part.replace("'", "'\\''")
    yield part.replace("'", "''")
    yield repr(part)[1:-1]


def _base64_forms(secret: bytes) -> Iterable[str]:
    """Yield what of *secret*'s base64 is the same whatever stands before and behind it, for each of three alignments."""
    for before in range(3):
        inner = slice((before * 8 + 5) // 6, (before + len(secret)) * 8 // 6)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            form = encode(b"\0" * before + secret).decode()[inner]
            if len(form) > SHORTEST:
                yield form
    yield base64.b64encode(secret).decode()
