r"""
The mask: takes secrets out of what Ansible prints and reports.

A secret may be quoted before it is printed, for a shell, as JSON, as a URL, and again for the next shell. There is no
end of such spellings, so that we search for what all of them keep: letters and digits stay as they are, any number of
quotes and backslashes may stand between them, and a special character has a short list of spellings:

    pa'ss €      pa'"'"'ss \u20ac      pa%27ss+%E2%82%AC      pa\\'ss \\xe2\\x82\\xac

Each secret line is found by an anchor, a few of its letters and digits, which costs the same for one secret as for
thousands. The text is read character by character only where an anchor stands. Base64 hides letters and digits, so that
a secret's base64 counts as another secret, in each of the three alignments that it may have within a longer text.
"""

import base64
import functools
import itertools
import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import attrs

MASK = "********"
SHORTEST = 4
"""Characters; shorter secrets are part of too many words to be taken out of a log."""

_WIDTHS = (12, 6, 4, 2)  # of anchors: the first for which a secret has enough letters and digits in a row
_ANCHORS = 2  # for each secret, at different places: the end of a line can break only one of them
_FEW = 100  # up to this many anchors one pattern is faster; up to this many lines the base64 of quoted text is searched for
_MOST_NOISE = 400  # quotes and backslashes before a character; five nested shells make 243 of one
_AMBIGUOUS = "%&$+ \t"  # the spelling may begin with the character itself and go on
_LONGEST = 100  # characters of one spelling of one character

_PERCENT = "%(?:25)*"  # quoted for a URL again and again
_AND, _HASH, _SEMICOLON = (f"(?:{sign}|{_PERCENT}{code})" for sign, code in (("&", "26"), ("#", "23"), (";", "3B")))
_AND += f"(?:amp{_SEMICOLON})*"
_NOISE = re.compile(
    rf"[\\'\"]|{_PERCENT}(?:5C|2[27])"
    rf"|{_AND}(?:quot|apos|{_HASH}0*(?:3[49]|92)|{_HASH}x0*(?:2[27]|5C)){_SEMICOLON}"
    r"|(?<=[\\C])(?:u00|x)(?:2[27]|5C)"
    r"|\r?\n[ \t]*|(?<=\\)n[ \t]+",  # YAML continues in the next line after a backslash
    re.IGNORECASE,
)
_PART = re.compile(r"[A-Za-z0-9]+|[\\'\"]+|.", re.DOTALL)
_RUN = re.compile(r"[A-Za-z0-9]+")
_BREAK = re.compile(r"[\\\n%]")
_BACKSLASH = rf"(?:\\|{_PERCENT}5[Cc])"
_WRAP = re.compile(  # YAML continues a text in the next line
    rf"[ \t]*(?:(?:\\*\r?\n|(?:{_BACKSLASH}+r)?{_BACKSLASH}+n|(?:{_PERCENT}0[Dd])?{_PERCENT}0[Aa])[ \t]*){{1,2}}"
)
_LETTERS = {"\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e"}
_YAML_LETTERS = {"\xa0": "_", "\x85": "N", "\u2028": "L", "\u2029": "P"}
_ENTITIES = {"&": "amp", "<": "lt", ">": "gt"}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class Redactor:
    """Takes secrets out of text and data, line by line, however they are quoted."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = dict.fromkeys(form for secret in secrets for form in _forms(secret))
        anchors = [(form, *_candidates(form)) for form in forms]
        plain = (anchor for anchor in anchors if not anchor[0].base64)
        usual = Counter(form.text[place : place + width] for form, width, places in plain for place in places)
        self._by_anchor: dict[int, dict[str, list[_Anchor]]] = {}  # by width and text
        self._loose = [form for form, _, places in anchors if not places]  # forms without an anchor
        for form, width, places in anchors:
            words = {place: form.text[place : place + width] for place in places}
            ends = places[:1] + places[-1:]
            best = ends if form.base64 else sorted(places, key=lambda place: usual[words[place]])
            for place in dict.fromkeys(best[:_ANCHORS]):
                run = _RUN.match(form.text, place)
                anchor = _Anchor(form, place, run[0] if run else "")
                self._by_anchor.setdefault(width, {}).setdefault(words[place], []).append(anchor)

    def text(self, text: str) -> str:
        """Return *text* without any secret."""
        spans = sorted(set(self._spans(text)))
        parts, done = [], 0
        for start, end in spans:
            if start >= done:
                parts += [text[done:start], MASK]
            done = max(done, end)
        return "".join([*parts, text[done:]]) if spans else text

    def data(self, value: Any) -> Any:
        """Return *value*, made of dicts, lists and scalars, without any secret in a string or key."""
        if not (self._by_anchor or self._loose):
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

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the start and end of each secret in *text*; they may overlap."""
        for width, by_anchor in self._by_anchor.items():
            for place in _places(text, by_anchor, width):
                for anchor in by_anchor[text[place : place + width]]:
                    if span := _span_around(text, place, anchor):
                        yield span
        for form in self._loose:
            start = -1
            while match := form.beginning.search(text, start + 1):
                start = match.start()
                if (end := _end(text, start, form)) is not None:
                    yield start, end


def _places(text: str, anchors: Mapping[str, Any], width: int) -> list[int]:
    """Return each place of one of *anchors* in *text*; all anchors are *width* characters long."""
    if len(anchors) > _FEW:
        return [place for place in range(len(text) - width + 1) if text[place : place + width] in anchors]
    places, start = [], -1
    pattern = _any_of(frozenset(anchors))
    while match := pattern.search(text, start + 1):
        start = match.start()
        places.append(start)
    return places


@functools.lru_cache(maxsize=8)
def _any_of(words: frozenset[str]) -> re.Pattern[str]:
    return re.compile("|".join(sorted(words)))


@attrs.frozen(cache_hash=True)
class _Form:
    """What is searched for: a line of a secret, or the part that any base64 of it contains."""

    text: str
    base64: bool = False

    @functools.cached_property
    def parts(self) -> tuple[str, ...]:
        return tuple(_PART.findall(self.text))

    @functools.cached_property
    def beginning(self) -> re.Pattern[str]:
        """The pattern of its first parts, which finds the places where it may begin."""
        noise = f"(?:{_NOISE.pattern})"
        patterns = []
        for part in self.parts[:3]:
            if part[0] in "\\'\"":
                patterns.append(f"(?i:{noise}{{{len(part)},}})")
            elif part[0].isascii() and part[0].isalnum():
                patterns.append(f"(?i:{noise}*){part}")
            else:
                patterns.append(f"(?i:{noise}*)(?:{_any_spelling(part, self.base64).pattern})")
        return re.compile("".join(patterns))


def _forms(secret: str) -> Iterator[_Form]:
    lines = [line.strip() for line in secret.splitlines()]
    long = [line for line in lines if len(line) >= SHORTEST]
    parts = long or [whole for whole in (secret.strip(),) if len(whole) >= SHORTEST]
    for part in dict.fromkeys(parts):
        yield _Form(part)
        quoted = [part, json.dumps(part)[1:-1]]  # the texts that may be written as base64
        if len(parts) <= _FEW:
            quoted += [json.dumps(part, ensure_ascii=False)[1:-1], repr(part)[1:-1]]
            quoted += [shlex.quote(part), part.replace("'", "''")]
            if not _LONE_SURROGATE.search(part):
                quoted += [quote(part), quote(part, safe=""), quote_plus(part)]
        for text in dict.fromkeys(quoted):
            yield from _base64_forms(text.encode(errors="surrogatepass"), again=len(parts) == 1)


def _base64_forms(secret: bytes, *, again: bool = False) -> Iterator[_Form]:
    """Yield the parts of *secret*'s base64, and with *again* of the base64 of these, that no text around it changes."""
    inner = [
        base64.b64encode(b"\0" * before + secret)[(before * 8 + 5) // 6 : (before + len(secret)) * 8 // 6]
        for before in range(3)
    ]
    for text in (*inner, base64.b64encode(secret)):
        if len(text) > SHORTEST:
            yield _Form(text.decode(), base64=True)
            yield from _base64_forms(text) if again else ()


@attrs.frozen
class _Anchor:
    """
    Where a form is found.

    Attributes:
        offset: Its place in the form.
        run: The letters and digits that begin there.
    """

    form: _Form
    offset: int
    run: str


def _candidates(form: _Form) -> tuple[int, list[int]]:
    """Return the width of *form*'s anchors, and some places where one could begin."""
    runs = [match.span() for match in _RUN.finditer(form.text)]
    longest = max((end - start for start, end in runs), default=0)
    width = next((width for width in _WIDTHS[form.base64 :] if width <= longest), 0)
    places = [place for start, end in runs for place in range(start, end - width + 1, width)] if width else []
    return width, [*places[:: -(-len(places) // 7) or 1], *places[-1:]]  # at most eight, over all of its length


def _span_around(text: str, place: int, anchor: _Anchor) -> tuple[int, int] | None:
    """Return start and end of the form of *anchor* in *text*, with the anchor at *place*; None if it is not there."""
    form, offset = anchor.form, anchor.offset
    start = place - offset
    if not text.startswith(anchor.run, place) and not _BREAK.search(text, place, place + len(anchor.run)):
        return None
    if start >= 0 and text.startswith(form.text, start):
        return start, start + len(form.text)
    before = form.text[:offset]
    specials = sum(not (character.isascii() and character.isalnum()) for character in before)
    reach = min(len(before) + specials * _MOST_NOISE + 80, 4096) if before else 0  # characters that it may take quoted
    part = form.parts[0]
    if part[0].isascii() and part[0].isalnum():
        beginning = re.compile(re.escape(part[:2]))
    else:
        beginning = _NOISE if part[0] in "\\'\"" else _any_spelling(part, form.base64)
    matches = beginning.finditer(text, max(0, place - reach), place + 1 + _LONGEST)
    starts = {match.start() for match in matches if match.start() <= place}
    ends = ((start, _end(text, start, form)) for start in sorted(starts, reverse=True))
    return next(((start, end) for start, end in ends if end is not None and end > place), None)


def _end(text: str, start: int, form: _Form) -> int | None:
    """Return where *form* ends if it stands at *start* in *text*, quoted in any way; None if it does not."""
    places = {start}
    for number, part in enumerate(form.parts):
        places = {end for place in places for end in _ends(text, place, part, form, first=number == 0)}
        if not places:
            return None
    return max(places)


def _ends(text: str, place: int, part: str, form: _Form, *, first: bool) -> Iterator[int]:
    """Yield where *part* may end if it begins at *place*, or after quotes and backslashes there."""
    if part[0] in "\\'\"":
        # each quote and backslash is written as one or more
        yield from itertools.islice(_behind_noise(text, place), len(part), None)
        return
    for begin in (place,) if first else _behind_noise(text, place):
        if part[0].isascii() and part[0].isalnum():
            if (end := _run_end(text, begin, part)) is not None:
                yield end
        elif text.startswith(part, begin) and part not in _AMBIGUOUS:
            yield begin + 1
        elif _any_spelling(part, form.base64).match(text, begin):
            matches = (re.compile(spelling).match(text, begin) for spelling in _spellings(part, form.base64))
            yield from (match.end() for match in matches if match)


def _behind_noise(text: str, place: int) -> Iterator[int]:
    """Yield *place*, and the end of each quote and backslash from there on."""
    yield place
    for _ in range(_MOST_NOISE):
        match = _NOISE.match(text, place)
        if match is None:
            return
        place = match.end()
        yield place


def _run_end(text: str, place: int, run: str) -> int | None:
    """Return where *run* ends if it begins at *place*, also over several lines; None if it does not begin there."""
    if text.startswith(run, place):
        return place + len(run)
    wrap = _WRAP.match(text, place)
    for character in run:
        if wrap is not None:
            place = wrap.end()
        if not text.startswith(character, place):
            return None
        place += 1
        wrap = _WRAP.match(text, place)
    return place


@functools.cache
def _spellings(character: str, in_base64: bool) -> tuple[str, ...]:  # noqa: FBT001
    """Return patterns of the spellings of a special *character*, without the quotes and backslashes before it."""
    exact = [re.escape(character)]
    if character in "%$":
        exact.append(re.escape(character * 2))
    if character in " \t":
        exact.append(r"\s+")
    if character == " ":
        exact += [r"\+", f"{_PERCENT}2[Bb]"]
    if letter := _LETTERS.get(character) or _YAML_LETTERS.get(character):
        exact.append(rf"(?<=[\\Cc ]){letter}")
    if in_base64 and character in "+/":
        exact.append("-" if character == "+" else "_")
    code = ord(character)
    between = rf"(?:\\|{_PERCENT}5C|\r?\n[ \t]*)+"  # YAML continues in the next line
    units = character.encode("utf-16-be", errors="surrogatepass").hex(" ", 2).split()
    octets = character.encode(errors="surrogatepass")
    names = "|".join([f"{_HASH}0*{code}", f"{_HASH}x0*{code:x}", *filter(None, [_ENTITIES.get(character)])])
    codes = [
        between.join(f"u{unit}" for unit in units),
        f"U{code:08x}",
        *([f"x{code:02x}"] if code < 256 else []),  # noqa: PLR2004 - two hexadecimal digits
        between.join(f"x{octet:02x}" for octet in octets),
        between.join(f"{octet:03o}" for octet in octets),
        "".join(f"{_PERCENT}{octet:02x}" for octet in octets),
        f"{_AND}(?:{names}){_SEMICOLON}",
    ]
    return (*exact, *(f"(?i:{pattern})" for pattern in codes))


@functools.cache
def _any_spelling(character: str, in_base64: bool) -> re.Pattern[str]:  # noqa: FBT001
    return re.compile("|".join(_spellings(character, in_base64)))
