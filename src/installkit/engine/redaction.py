r"""
The mask: takes secrets out of what Ansible prints and reports.

Whoever prints a secret may have quoted it first, for a shell, as JSON, as a URL, and again for the next shell. So what
is searched for is not every spelling, of which there is no end, but what all of them keep. Letters and digits stay as
they are; before anything else come quotes and backslashes, in any number; and a special character has a short list of
spellings:

    pa'ss €      pa'"'"'ss \u20ac      pa%27ss+%E2%82%AC      pa\\'ss \\xe2\\x82\\xac

Each secret line is found by an anchor, a few of its letters and digits, which costs the same for one secret as for
thousands. Only where an anchor stands is the text read character by character. Base64 hides letters and digits, so that
a secret's base64 is a secret of its own, as seen at each of the three alignments within a longer text.
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
"""Characters; what is shorter stands in too many words to be taken out of a log."""

_WIDTHS = (12, 6, 4, 2)  # of anchors: the longest that a secret has letters and digits for
_ANCHORS = 2  # of each secret, apart from each other: a line's end can break only one
_FEW = 100  # up to so many anchors one pattern is faster, and each of so many lines is also looked for in base64 of a quoted text
_MOST_NOISE = 400  # quotes and backslashes before a character; five shells within each other make 243 of one
_AMBIGUOUS = "%&$+ \t"  # they may be written as themselves and more
_LONGEST = 100  # characters of one spelling of one character

_PERCENT = "%(?:25)*"  # quoted for a URL again and again
_AND, _HASH, _SEMICOLON = (f"(?:{sign}|{_PERCENT}{code})" for sign, code in (("&", "26"), ("#", "23"), (";", "3B")))
_AND += f"(?:amp{_SEMICOLON})*"
_NOISE = re.compile(
    rf"[\\'\"]|{_PERCENT}(?:5C|2[27])"
    rf"|{_AND}(?:quot|apos|{_HASH}0*(?:3[49]|92)|{_HASH}x0*(?:2[27]|5C)){_SEMICOLON}"
    r"|(?<=[\\C])(?:u00|x)(?:2[27]|5C)"
    r"|\r?\n[ \t]*|(?<=\\)n[ \t]+",  # YAML goes on in the next line behind a backslash
    re.IGNORECASE,
)
_PART = re.compile(r"[A-Za-z0-9]+|[\\'\"]+|.", re.DOTALL)
_RUN = re.compile(r"[A-Za-z0-9]+")
_BREAK = re.compile(r"[\\\n%]")
_BACKSLASH = rf"(?:\\|{_PERCENT}5[Cc])"
_WRAP = re.compile(  # YAML goes on in the next line behind a line's end
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
        self._by_anchor, self._loose = _anchored(forms)

    def text(self, text: str) -> str:
        """Return *text* without any secret."""
        spans = sorted({*self._anchored_spans(text), *self._loose_spans(text)})
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

    def _anchored_spans(self, text: str) -> Iterator[tuple[int, int]]:
        for width, by_anchor in self._by_anchor.items():
            for place in _places(text, by_anchor, width):
                for anchor in by_anchor[text[place : place + width]]:
                    if span := _span_around(text, place, anchor):
                        yield span

    def _loose_spans(self, text: str) -> Iterator[tuple[int, int]]:
        for form in self._loose:
            start = -1
            while match := form.beginning.search(text, start + 1):
                start = match.start()
                if (end := _end(text, start, form)) is not None:
                    yield start, end


def _places(text: str, anchors: Mapping[str, Any], width: int) -> list[int]:
    """Return each place in *text* where one of *anchors* stands, all of them *width* characters long."""
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
    """What is searched for: a line of a secret, or what is the same in all base64 of it."""

    text: str
    base64: bool = False

    @functools.cached_property
    def parts(self) -> tuple[str, ...]:
        return tuple(_PART.findall(self.text))

    @functools.cached_property
    def beginning(self) -> re.Pattern[str]:
        """What finds the places where it may begin."""
        return re.compile("".join(_pattern(part, self.base64) for part in self.parts[:3]))


def _forms(secret: str) -> Iterator[_Form]:
    lines = [line.strip() for line in secret.splitlines()]
    long = [line for line in lines if len(line) >= SHORTEST]
    parts = long or [whole for whole in (secret.strip(),) if len(whole) >= SHORTEST]
    for part in dict.fromkeys(parts):
        yield _Form(part)
        quoted = _quoted(part) if len(parts) <= _FEW else ()
        for text in dict.fromkeys([part, json.dumps(part)[1:-1], *quoted]):
            yield from _base64_forms(text.encode(errors="surrogatepass"), again=len(parts) == 1)


def _quoted(part: str) -> Iterator[str]:
    """Yield *part* as it may be quoted before it is written as base64."""
    yield json.dumps(part, ensure_ascii=False)[1:-1]
    yield repr(part)[1:-1]
    yield shlex.quote(part)
    yield part.replace("'", "''")
    if not _LONE_SURROGATE.search(part):
        yield quote(part)
        yield quote(part, safe="")
        yield quote_plus(part)


def _base64_forms(secret: bytes, *, again: bool = False) -> Iterator[_Form]:
    """Yield what of *secret*'s base64, and with *again* of that one's, is the same whatever stands around it."""
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
        run: The letters and digits from there on.
    """

    form: _Form
    offset: int
    run: str


_Anchored = dict[int, dict[str, list[_Anchor]]]


def _anchored(forms: Iterable[_Form]) -> tuple[_Anchored, list[_Form]]:
    """Return the forms by their anchors, with each one's place in the form, and those that have none."""
    anchors = [(form, *_candidates(form)) for form in forms]
    plain = (each for each in anchors if not each[0].base64)
    usual = Counter(form.text[place : place + width] for form, width, places in plain for place in places)
    found: _Anchored = {}
    for form, width, places in anchors:
        words = {place: form.text[place : place + width] for place in places}
        rarest = (places[:1] + places[-1:]) if form.base64 else sorted(places, key=lambda place: usual[words[place]])
        for place in dict.fromkeys(rarest[:_ANCHORS]):
            run = _RUN.match(form.text, place)
            found.setdefault(width, {}).setdefault(words[place], []).append(_Anchor(form, place, run[0] if run else ""))
    return found, [form for form, _, places in anchors if not places]


def _candidates(form: _Form) -> tuple[int, list[int]]:
    """Return the width of *form*'s anchors, and places where one could begin."""
    runs = [match.span() for match in _RUN.finditer(form.text)]
    longest = max((end - start for start, end in runs), default=0)
    width = next((width for width in _WIDTHS[form.base64 :] if width <= longest), 0)
    places = [place for start, end in runs for place in range(start, end - width + 1, width)] if width else []
    return width, [*places[:: -(-len(places) // 7) or 1], *places[-1:]]  # at most eight, over all of its length


def _span_around(text: str, place: int, anchor: _Anchor) -> tuple[int, int] | None:
    """Return where the form of *anchor* stands in *text*, with the anchor at *place*; None if it does not."""
    form, offset = anchor.form, anchor.offset
    start = place - offset
    if not text.startswith(anchor.run, place) and not _BREAK.search(text, place, place + len(anchor.run)):
        return None
    if start >= 0 and text.startswith(form.text, start):
        return start, start + len(form.text)
    found = _starts(text, form, max(0, place - _reach(form.text[:offset])), place + 1)
    ends = ((start, _end(text, start, form)) for start in found)
    return next(((start, end) for start, end in ends if end is not None and end > place), None)


def _reach(before: str) -> int:
    """Return how many characters *before* may take when it is quoted."""
    specials = sum(not (character.isascii() and character.isalnum()) for character in before)
    return min(len(before) + specials * _MOST_NOISE + 80, 4096) if before else 0


def _starts(text: str, form: _Form, first: int, last: int) -> Iterator[int]:
    """Yield each place from *first* to before *last* where the first part of *form* may stand in *text*, the last first."""
    part = form.parts[0]
    if part[0].isascii() and part[0].isalnum():
        beginning = re.compile(re.escape(part[:2]))
        patterns: tuple[re.Pattern[str], ...] = (beginning,)
    else:
        patterns = (_NOISE if part[0] in "\\'\"" else _any_spelling(part, form.base64),)
    found = {match.start() for each in patterns for match in each.finditer(text, first, last + _LONGEST)}
    yield from sorted((place for place in found if place < last), reverse=True)


def _end(text: str, start: int, form: _Form) -> int | None:
    """Return where *form* ends, if it stands at *start* in *text* however it is quoted; None if it does not."""
    places = {start}
    for number, part in enumerate(form.parts):
        places = {end for place in places for end in _ends(text, place, part, form, first=number == 0)}
        if not places:
            return None
    return max(places)


def _ends(text: str, place: int, part: str, form: _Form, *, first: bool) -> Iterator[int]:
    """Yield where *part* may end that begins at *place*, or behind the quotes and backslashes there."""
    if part[0] in "\\'\"":
        yield from itertools.islice(_behind_noise(text, place), len(part), None)  # each is written as one or more
        return
    for begin in (place,) if first else _behind_noise(text, place):
        if part[0].isascii() and part[0].isalnum():
            if (end := _run_end(text, begin, part)) is not None:
                yield end
        else:
            yield from _special_ends(text, begin, part, form.base64)


def _special_ends(text: str, place: int, character: str, in_base64: bool) -> Iterator[int]:  # noqa: FBT001
    if text.startswith(character, place) and character not in _AMBIGUOUS:
        yield place + 1
    elif _any_spelling(character, in_base64).match(text, place):
        matches = (re.compile(each).match(text, place) for each in _spellings(character, in_base64))
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
    """Return where *run* ends that begins at *place*; lines may end within it."""
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
    """Return how *character*, neither a letter nor a digit nor a quote, is written, quotes and backslashes left aside."""
    exact = [re.escape(character), *_doubled(character), *_blanks(character)]
    if letter := _LETTERS.get(character) or _YAML_LETTERS.get(character):
        exact.append(rf"(?<=[\\Cc ]){letter}")
    if in_base64 and character in "+/":
        exact.append("-" if character == "+" else "_")
    return (*exact, *(f"(?i:{each})" for each in _codes(character)))


def _pattern(part: str, in_base64: bool) -> str:  # noqa: FBT001
    noise = f"(?:{_NOISE.pattern})"
    if part[0] in "\\'\"":
        return f"(?i:{noise}{{{len(part)},}})"
    if part[0].isascii() and part[0].isalnum():
        return f"(?i:{noise}*){part}"
    return f"(?i:{noise}*)(?:{_any_spelling(part, in_base64).pattern})"


@functools.cache
def _any_spelling(character: str, in_base64: bool) -> re.Pattern[str]:  # noqa: FBT001
    return re.compile("|".join(_spellings(character, in_base64)))


def _doubled(character: str) -> list[str]:
    return [re.escape(character * 2)] if character in "%$" else []


def _blanks(character: str) -> list[str]:
    folded = [r"\s+"] if character in " \t" else []
    return [*folded, r"\+", f"{_PERCENT}2[Bb]"] if character == " " else folded


def _codes(character: str) -> Iterator[str]:
    code = ord(character)
    between = rf"(?:\\|{_PERCENT}5C|\r?\n[ \t]*)+"  # YAML goes on in the next line
    units = character.encode("utf-16-be", errors="surrogatepass").hex(" ", 2).split()
    octets = character.encode(errors="surrogatepass")
    yield between.join(f"u{unit}" for unit in units)
    yield f"U{code:08x}"
    if code < 256:  # noqa: PLR2004 - two hexadecimal digits
        yield f"x{code:02x}"
    yield between.join(f"x{octet:02x}" for octet in octets)
    yield between.join(f"{octet:03o}" for octet in octets)
    yield "".join(f"{_PERCENT}{octet:02x}" for octet in octets)
    names = "|".join([f"{_HASH}0*{code}", f"{_HASH}x0*{code:x}", *filter(None, [_ENTITIES.get(character)])])
    yield f"{_AND}(?:{names}){_SEMICOLON}"
