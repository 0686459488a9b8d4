"""Values as JSON, the same in HTTP, `--json` and the journal: the attributes' names, ISO 8601 times, seconds, bytes."""

import functools
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")


def to_wire(value: Any) -> Any:
    """Return *value*, an attrs value or a collection of them, as what `json.dumps` takes."""
    if attrs.has(type(value)):
        return {field.name: to_wire(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return {str(key): to_wire(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_wire(item) for item in value]
    return _plain(value)


def from_wire(cls: type[T], data: Any) -> T:
    """
    Return the *cls* that `to_wire` made *data* of. Keys that *cls* does not know are passed over.

    Raises:
        ValueError: If *data* does not fit; the message names every field that is wrong.
    """
    from cattrs import transform_error  # noqa: PLC0415 - 40 ms that importing the package should not cost
    from cattrs.errors import BaseValidationError  # noqa: PLC0415

    try:
        return _converter().structure(data, cls)
    except BaseValidationError as exc:
        raise ValueError("; ".join(transform_error(exc, path=cls.__name__, format_exception=_why))) from exc
    except (TypeError, AttributeError, KeyError, IndexError, RecursionError) as exc:  # of what is not an object at all
        raise ValueError(f"an object is wanted @ {cls.__name__}") from exc


def time_to_wire(time: datetime) -> str:
    """Return *time*, aware, as `2026-11-22T08:00:00.000000Z`."""
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def aware_time(text: str) -> datetime:
    """
    Return the time that `time_to_wire` made *text* of.

    Raises:
        ValueError: If it is none, or does not say its zone: it could not be compared with others.
    """
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text!r} does not say its time zone")
    return time


def _why(error: BaseException, _: Any) -> str:
    match error:
        case KeyError():
            return "is missing"
        case AttributeError():  # of one that has no items
            return "an object is wanted"
    return str(error)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return time_to_wire(value)
    if isinstance(value, Path):
        return str(value)
    return value


@functools.cache
def _converter() -> "Converter":
    from cattrs import Converter  # noqa: PLC0415
    from cattrs.cols import is_sequence  # noqa: PLC0415

    converter = Converter()
    converter.register_structure_hook(datetime, lambda text, _: aware_time(text))
    converter.register_structure_hook(Path, lambda text, _: Path(text))
    for kind in (str, int, bool):
        converter.register_structure_hook(kind, _strict(kind))
    converter.register_structure_hook(float, lambda value, _: float(_strict((int, float))(value, float)))
    converter.register_structure_hook(int | str, _strict((int, str)))
    converter.register_structure_hook(bool | str, _strict((bool, str)))
    fallback = converter.get_structure_hook

    @converter.register_structure_hook_factory(is_sequence)
    def _sequence(cls: Any) -> Any:
        (item, *_) = cls.__args__
        structure = fallback(item)

        def _structure(value: Any, _: Any) -> tuple[Any, ...]:
            if not isinstance(value, (list, tuple)):
                raise TypeError(f"a list is wanted, not {value!r}")
            return tuple(structure(part, item) for part in value)

        return _structure

    return converter


def _strict(kinds: Any) -> Any:
    def _structure(value: Any, cls: Any) -> Any:
        if isinstance(cls, type) and issubclass(cls, Enum):  # a word is a str as well, and comes here too
            return cls(value)
        wanted = kinds if isinstance(kinds, tuple) else (kinds,)
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            names = " or ".join(kind.__name__ for kind in wanted)
            raise TypeError(f"{names} is wanted, not {value!r}")
        return value

    return _structure
