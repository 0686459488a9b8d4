"""What requests bring becomes values, checked whole; values become what answers carry."""

import functools
import hashlib
import json
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeVar, get_args, get_origin

import attrs
from cattrs import AttributeValidationNote, ClassValidationError, Converter, IterableValidationError
from cattrs.cols import homogenous_tuple_structure_factory, is_mapping, mapping_structure_factory
from cattrs.errors import ForbiddenExtraKeysError
from starlette.datastructures import QueryParams

from installkit.text import shorten
from installkit_http.problems import Mistake, ProblemError, invalid

T = TypeVar("T")

MOST_DEEP = 64
"""How deep lists and objects may lie in each other."""

MOST_ITEMS = 1000
"""How many items a page has at most."""


def parse_json(content: bytes) -> Any:
    """
    Return the JSON value in *content*.

    Raises:
        ProblemError: If it is none, is nested too deep, names a key twice, or holds what is not text or number.
    """
    try:
        data = json.loads(content, object_pairs_hook=_object, parse_constant=_constant)
        json.dumps(data, ensure_ascii=False).encode()  # half a surrogate pair is not text
    except RecursionError:
        raise ProblemError(400, "not_json", f"the body is nested more than {MOST_DEEP} deep") from None
    except ValueError as exc:
        raise ProblemError(400, "not_json", f"the body is not JSON: {exc}") from exc
    if _deeper_than(data, MOST_DEEP):
        raise ProblemError(400, "not_json", f"the body is nested more than {MOST_DEEP} deep")
    return data


def read(cls: type[T], data: Any) -> T:
    """
    Return the *cls* that *data*, a JSON value, describes.

    Raises:
        ProblemError: If it does not; every wrong field is named.
    """
    if not isinstance(data, dict):
        raise invalid([Mistake("", f"an object is wanted, not {_short(data)}")])
    try:
        return _converter().structure(data, cls)
    except ClassValidationError as exc:
        raise invalid(list(_mistakes(exc, ""))) from exc


def read_query(cls: type[T], query: QueryParams) -> T:
    """
    Return the *cls* that the parameters of an address describe; one that is a tuple may be given several times.

    Raises:
        ProblemError: If they do not; every wrong one is named.
    """
    kinds = {field.name: _kinds(field.type) for field in fields_of(cls)}
    several = {name for name, kind in kinds.items() if get_origin(kind[0]) is tuple}
    once = {name: value for name, value in query.items() if name not in several}
    twice = [Mistake(f"/query/{name}", "is given twice") for name in once if len(query.getlist(name)) > 1]
    if twice:
        raise invalid(twice)
    data: dict[str, Any] = {name: _coerced(value, kinds.get(name, ())) for name, value in once.items()}
    data |= {name: query.getlist(name) for name in several if name in query}
    try:
        return _converter().structure(data, cls)
    except ClassValidationError as exc:
        raise invalid(list(_mistakes(exc, "/query"))) from exc


def fields_of(cls: Any) -> tuple["attrs.Attribute[Any]", ...]:
    """Return the fields of the attrs class *cls*, with the types that their annotations name."""
    return tuple(attrs.fields(attrs.resolve_types(cls)))


def etag_of(data: Any) -> str:
    """Return the entity tag of *data*, a JSON value."""
    content = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return f'"{hashlib.sha256(content.encode()).hexdigest()[:20]}"'


def _mistakes(error: BaseException, pointer: str) -> Iterator[Mistake]:
    if isinstance(error, ClassValidationError | IterableValidationError):
        located, others = error.group_exceptions()
        for inner, note in located:
            part = note.name if isinstance(note, AttributeValidationNote) else note.index
            yield from _mistakes(inner, f"{pointer}/{_escaped(part)}")
        for inner in others:
            yield from _mistakes(inner, pointer)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = ", ".join(field.name for field in attrs.fields(error.cl))
        for name in sorted(error.extra_fields):
            yield Mistake(f"{pointer}/{_escaped(name)}", f"is not known; known are: {known or 'none'}")
    elif isinstance(error, ProblemError):  # of the values taken together
        yield from (Mistake(**each) for each in error.more["errors"])
    else:
        yield Mistake(pointer, "is required" if isinstance(error, KeyError) else str(error))


def _escaped(part: object) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found


def _constant(word: str) -> Any:
    raise ValueError(f"{word} is not a number in JSON")


def _deeper_than(data: Any, depth: int) -> bool:
    if not isinstance(data, dict | list):
        return False
    inner = data.values() if isinstance(data, dict) else data
    return depth == 0 or any(_deeper_than(each, depth - 1) for each in inner)


def _kinds(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


def _coerced(text: str, kinds: tuple[Any, ...]) -> Any:
    """Return *text* as the number or truth that one of *kinds* wants; as it is where it is none."""
    if int in kinds and text.isascii() and text.isdigit() and len(text) <= 18:  # noqa: PLR2004 - 18 digits fit 64 bits
        return int(text)
    if bool in kinds:
        return {"true": True, "false": False}.get(text, text)
    return text


@functools.cache
def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(int, _strict((int,)))
    converter.register_structure_hook(bool, _strict((bool,)))
    converter.register_structure_hook(float, _strict((int, float)))
    converter.register_structure_hook(int | str, _strict((int, str)))
    converter.register_structure_hook(bool | str, _strict((bool, str)))
    converter.register_structure_hook(str | dict[str, Any], _strict((str, dict)))
    converter.register_structure_hook(datetime, _time)

    @converter.register_structure_hook_factory(_is_tuple)
    def _tuples(cls: Any, converter: Converter) -> Any:
        return _guarded(list, "a list", homogenous_tuple_structure_factory(cls, converter))

    @converter.register_structure_hook_factory(is_mapping)
    def _mappings(cls: Any, converter: Converter) -> Any:
        return _guarded(dict, "an object", mapping_structure_factory(cls, converter))

    return converter


def _is_tuple(cls: Any) -> bool:
    return getattr(cls, "__origin__", None) is tuple


def _guarded(kind: type, name: str, structure: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def _structure(value: Any, cls: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError(f"{name} is wanted, not {_short(value)}")
        return structure(value, cls)

    return _structure


_NAMES: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    dict: "an object",
}


def _strict(kinds: tuple[type, ...]) -> Callable[[Any, Any], Any]:
    def _structure(value: Any, _: Any) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            raise TypeError(f"{' or '.join(_NAMES[kind] for kind in kinds)} is wanted, not {_short(value)}")
        return value

    return _structure


def _text(value: Any, cls: Any) -> Any:
    """Return *value* as the *cls* that it must be: text, or one of a set of words, which is text as well."""
    words = [word.value for word in cls] if issubclass(cls, Enum) else None
    if not isinstance(value, str) or (words is not None and value not in words):
        raise TypeError(f"{'text' if words is None else 'one of ' + ', '.join(words)} is wanted, not {_short(value)}")
    return cls(value)


def _time(value: Any, _: Any) -> datetime:
    refusal = f"a time with its zone is wanted, as 2026-11-22T08:00:00Z, not {_short(value)}"
    try:
        time = datetime.fromisoformat(value)
        in_utc = time.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as exc:  # the last: beyond the years that there are
        raise ValueError(refusal) from exc
    if time.tzinfo is None:
        raise ValueError(refusal)
    return in_utc


def _short(value: Any) -> str:
    return shorten(json.dumps(value, ensure_ascii=False))
