"""
Values as JSON, the same in HTTP, `--json` and the journal: the attributes' names, ISO 8601 times, seconds, bytes.

`to_wire` writes them, `from_wire` reads them. Nothing is converted on the way in: `"3"` is not a number. What is wrong is
told all at once, each with its place.
"""

import functools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from installkit.text import shorten

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

Place = tuple[str | int, ...]
"""Where something stands in JSON: the names and numbers that lead to it, from the outside in."""


class WireError(ValueError):
    """
    Data that does not describe the value that it should.

    Attributes:
        problems: Why, each with its place.
    """

    def __init__(self, name: str, problems: Sequence[tuple[Place, Exception]]) -> None:
        super().__init__("; ".join(f"{_path(name, place)}: {problem}" for place, problem in problems))
        self.problems = tuple(problems)


def to_wire(value: Any) -> Any:
    """Return *value*, an attrs value or a collection of them, as what `json.dumps` takes."""
    if attrs.has(type(value)):
        return {field.name: to_wire(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return {str(key): to_wire(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_wire(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return time_to_wire(value)
    return str(value) if isinstance(value, Path) else value


def from_wire(cls: type[T], data: Any, *, strict: bool = False) -> T:
    """
    Return the *cls* that `to_wire` made *data* of.

    Args:
        cls: An attrs class.
        data: What `json.loads` returned.
        strict: Whether keys that *cls* does not have are problems. Else they are skipped: a newer installkit wrote them.

    Raises:
        WireError: If *data* does not fit, a `ValueError`; it names every field that is wrong.
    """
    from cattrs.errors import BaseValidationError  # noqa: PLC0415 - 40 ms that importing the package should not cost

    try:
        return _converter(strict=strict).structure(data, cls)
    except (BaseValidationError, TypeError) as exc:  # the latter where *data* is no object
        raise WireError(cls.__name__, list(_problems(exc, ()))) from exc
    except RecursionError as exc:
        raise WireError(cls.__name__, [((), ValueError("it is nested too deep"))]) from exc


def time_to_wire(time: datetime) -> str:
    """Return *time*, aware, as `2026-11-22T08:00:00.000000Z`."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def aware_time(text: str) -> datetime:
    """
    Return the time that `time_to_wire` made *text* of.

    Raises:
        ValueError: If it is not a time, or does not say its zone: it could not be compared with others.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} does not say its time zone")
    return time


def _path(name: str, place: Place) -> str:
    return name + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)


def _problems(error: Exception, place: Place) -> Iterator[tuple[Place, Exception]]:
    """Return the problems that cattrs collected in *error*, which is at *place*."""
    from cattrs import AttributeValidationNote, ClassValidationError, IterableValidationError  # noqa: PLC0415
    from cattrs.errors import ForbiddenExtraKeysError  # noqa: PLC0415

    if isinstance(error, ClassValidationError | IterableValidationError):
        located, others = error.group_exceptions()
        for inner, note in located:
            part = note.name if isinstance(note, AttributeValidationNote) else note.index
            yield from _problems(inner, (*place, part))
        for inner in others:
            yield from _problems(inner, place)
    elif isinstance(error, ForbiddenExtraKeysError):
        names = ", ".join(field.name for field in attrs.fields(error.cl)) or "none"
        for name in sorted(error.extra_fields):
            yield (*place, name), ValueError(f"is not known; known are: {names}")
    elif isinstance(error, KeyError):
        yield place, ValueError("is required")
    else:
        yield place, error


@functools.cache
def _converter(*, strict: bool) -> "Converter":
    from cattrs import Converter  # noqa: PLC0415
    from cattrs.cols import homogenous_tuple_structure_factory, is_mapping, mapping_structure_factory  # noqa: PLC0415

    converter = Converter(forbid_extra_keys=strict)
    converter.register_structure_hook(str, _structure_text)
    converter.register_structure_hook(int, _only(int))
    converter.register_structure_hook(float, lambda value, _: float(_only(int, float)(value)))
    converter.register_structure_hook(bool, _only(bool))
    converter.register_structure_hook(int | str, _only(int, str))
    converter.register_structure_hook(bool | str, _only(bool, str))
    converter.register_structure_hook(str | dict[str, Any], _only(str, dict))
    converter.register_structure_hook(str | Mapping[str, str] | None, _only(str, dict, type(None)))
    converter.register_structure_hook(datetime, _structure_time)
    converter.register_structure_hook(Path, lambda value, _: Path(_only(str)(value)))

    @converter.register_structure_hook_factory(attrs.has)
    def _objects(cls: Any, converter: "Converter") -> Any:
        return _after(_only(dict), converter.gen_structure_attrs_fromdict(cls))

    @converter.register_structure_hook_factory(lambda cls: getattr(cls, "__origin__", None) is tuple)
    def _tuples(cls: Any, converter: "Converter") -> Any:
        return _after(_only(list, tuple), homogenous_tuple_structure_factory(cls, converter))

    @converter.register_structure_hook_factory(is_mapping)
    def _mappings(cls: Any, converter: "Converter") -> Any:
        return _after(_only(dict), mapping_structure_factory(cls, converter))

    return converter


_NAMES: Mapping[type, str] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


def _only(*kinds: type) -> Callable[..., Any]:
    """Return a hook that lets values of *kinds* through as they are, and no truth for a number."""

    def _check(value: Any, _: Any = None) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            names = " or ".join(_NAMES[kind] for kind in kinds if kind in _NAMES)
            raise TypeError(f"{names} is wanted, not {_short(value)}")
        return value

    return _check


def _after(check: Callable[..., Any], structure: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, cls: structure(check(value), cls)


def _structure_text(value: Any, cls: Any) -> Any:
    """Return *value* as the *cls* that it must be: text, or one of a set of words, which is text as well."""
    words = [word.value for word in cls] if issubclass(cls, Enum) else None
    if not isinstance(value, str) or (words is not None and value not in words):
        raise TypeError(f"{'text' if words is None else 'one of ' + ', '.join(words)} is wanted, not {_short(value)}")
    return cls(value)


def _structure_time(value: Any, _: Any) -> datetime:
    try:
        return aware_time(value).astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as exc:  # the last: beyond the years that there are
        raise ValueError(f"a time with its zone is wanted, as 2026-11-22T08:00:00Z, not {_short(value)}") from exc


def _short(value: Any) -> str:
    return shorten(json.dumps(value, ensure_ascii=False, default=str))
