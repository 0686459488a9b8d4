"""What requests bring becomes values, checked whole; values become what answers carry."""

import hashlib
import json
import types
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, get_args, get_origin

import attrs
from starlette.datastructures import QueryParams

import installkit
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


def read(cls: type[T], data: Any, *, below: str = "") -> T:
    """
    Return the *cls* that *data*, a JSON value, describes.

    Args:
        cls: An attrs class.
        data: What came.
        below: The JSON pointer of *data* in what mistakes are told of.

    Raises:
        ProblemError: If it does not; every wrong field is named.
    """
    try:
        return installkit.from_wire(cls, data, strict=True)
    except installkit.WireError as exc:
        raise invalid(list(_mistakes(exc, below))) from exc


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
    return read(cls, data, below="/query")


def fields_of(cls: Any) -> tuple["attrs.Attribute[Any]", ...]:
    """Return the fields of the attrs class *cls*, with the types that their annotations name."""
    return tuple(attrs.fields(attrs.resolve_types(cls)))


def etag_of(data: Any) -> str:
    """Return the entity tag of *data*, a JSON value."""
    content = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return f'"{hashlib.sha256(content.encode()).hexdigest()[:20]}"'


def _mistakes(error: installkit.WireError, below: str) -> Iterator[Mistake]:
    for place, problem in error.problems:
        pointer = below + "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)
        if isinstance(problem, ProblemError):  # of the values taken together
            yield from (Mistake(**mistake) for mistake in problem.more["errors"])
        else:
            yield Mistake(pointer, str(problem))


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
