"""Readers: each checks one value of a document, and returns it or reports a mistake; it has a schema for editors."""

import difflib
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Generic, NoReturn, TypeVar

import attrs

from installkit.catalog.document import Document, Place
from installkit.catalog.names import NameRule
from installkit.text import shorten

T = TypeVar("T")
W = TypeVar("W", bound=StrEnum)


class Misfit(Exception):  # noqa: N818 - caught where the next value can still be read; it never leaves the package
    """A value that does not fit."""

    def __init__(self, field: "Field", message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


@attrs.frozen
class Field:
    """One value of a document."""

    document: Document
    place: Place
    value: Any

    def item(self, part: str | int) -> "Field":
        """Return the value at the key or position *part*."""
        return Field(self.document, (*self.place, part), self.value[part])

    def wrong(self, message: str) -> NoReturn:
        """Refuse the value."""
        raise Misfit(self, message)

    def wanted(self, what: str) -> NoReturn:
        """Refuse the value; the message names *what* is wanted instead."""
        self.wrong(f"{what} is wanted, not {described(self.value)}")

    def report(self, message: str, *parts: str | int, key: bool = False) -> None:
        """Report a mistake at the value, or at *parts* below it, and go on."""
        self.document.report((*self.place, *parts), message, key=key)


Schema = Mapping[str, Any]
"""JSON Schema, draft 7."""


@attrs.frozen
class Reader(Generic[T]):
    """
    Reads one value of a document.

    Attributes:
        read: Returns the checked value, or raises `Misfit`.
        schema: Which values it accepts, for editors: all that `read` accepts, and a few more.
    """

    read: Callable[[Field], T]
    schema: Schema

    def __call__(self, field: Field) -> T:
        """Read *field*."""
        return self.read(field)


def takes(schema: Schema) -> Callable[[Callable[[Field], T]], Reader[T]]:
    """Return a decorator that makes a reader from a function that reads values of *schema*."""
    return lambda read: Reader(read, schema)


def told(description: str, reader: Reader[T]) -> Reader[T]:
    """Return *reader* with the *description* that editors show."""
    return Reader(reader.read, {"description": description, **reader.schema})


def described(value: Any) -> str:
    """Return *value* as messages show it."""
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):
        return "a map" if isinstance(value, dict) else "a list"
    return shorten(repr(value))


def suggestion(name: str, names: Mapping[str, Any] | tuple[str, ...]) -> str:
    """Return the end of a message about an unknown *name*: the names name most like it, else all names names."""
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else "known are: " + (", ".join(names) or "none")


def attempt(field: Field, reader: Reader[T]) -> list[T]:
    """Return a list with the value of *field*; if it does not fit *reader*, report that and return an empty list."""
    try:
        return [reader(field)]
    except Misfit as misfit:
        misfit.field.report(misfit.message)
        return []


def record(table: Mapping[str, Reader[Any]]) -> Reader[dict[str, Any]]:
    """Return a reader of a map with the keys of *table*; it reports and leaves out other keys and wrong values."""
    properties = {key: dict(reader.schema) for key, reader in table.items()}

    @takes({"type": "object", "properties": properties, "additionalProperties": False})
    def read(field: Field) -> dict[str, Any]:
        entries = map_of(field)
        for key in entries:
            if key not in table:
                field.report(f"unknown key {key!r}; {suggestion(key, table)}", key, key=True)
        present = [key for key in table if key in entries]
        return {key: value for key in present for value in attempt(field.item(key), table[key])}

    return read


def named(rule: NameRule, reader: Reader[T]) -> Reader[dict[str, T]]:
    """Return a reader of a map whose names follow *rule* and whose values *reader* reads."""

    @takes({"type": "object", "propertyNames": rule.schema, "additionalProperties": reader.schema})
    def read(field: Field) -> dict[str, T]:
        result: dict[str, T] = {}
        for name in map_of(field):
            message = rule.problem(name)
            if message:
                field.report(message, name, key=True)
            for value in attempt(field.item(name), reader):
                result[name] = value
        return result

    return read


def each(reader: Reader[T]) -> Reader[tuple[T, ...]]:
    """Return a reader of a list whose entries *reader* reads."""

    @takes({"type": "array", "items": reader.schema})
    def read(field: Field) -> tuple[T, ...]:
        if not isinstance(field.value, list):
            field.wanted("a list")
        return tuple(value for index in range(len(field.value)) for value in attempt(field.item(index), reader))

    return read


def one_or_each(reader: Reader[T]) -> Reader[tuple[T, ...]]:
    """Return a reader of one value, or a list of them."""
    several = each(reader)

    @takes({"anyOf": [reader.schema, several.schema]})
    def read(field: Field) -> tuple[T, ...]:
        return several(field) if isinstance(field.value, list) else (reader(field),)

    return read


def one_of(words: tuple[str, ...]) -> Reader[str]:
    """Return a reader of one of *words*."""

    @takes({"enum": list(words)})
    def read(field: Field) -> str:
        if not isinstance(field.value, str):
            field.wanted("one of " + ", ".join(words))
        if field.value not in words:
            field.wrong(f"{described(field.value)} is not known; {suggestion(field.value, words)}")
        return field.value

    return read


def word_of(kind: type[W]) -> Reader[W]:
    """Return a reader of one of the words of *kind*."""
    reader = one_of(tuple(word.value for word in kind))
    return Reader(lambda field: kind(reader(field)), reader.schema)


@takes({"type": "string", "pattern": r"\S"})
def text(field: Field) -> str:
    """Read a line of text that is not empty."""
    if not isinstance(field.value, str):
        quote = ": quote it" if isinstance(field.value, (int, float)) else ""
        field.wrong(f"text is wanted, not {described(field.value)}{quote}")
    if not field.value.strip() or not field.value.isprintable():
        field.wrong(f"a line of text is wanted, not {described(field.value)}")
    return field.value


def text_of(rule: NameRule) -> Reader[str]:
    """Return a reader of a line of text that follows *rule*."""

    @takes({"type": "string", **rule.schema})
    def read(field: Field) -> str:
        name = text(field)
        message = rule.problem(name)
        return field.wrong(message) if message else name

    return read


@takes({"type": "boolean"})
def boolean(field: Field) -> bool:
    """Read true or false."""
    if not isinstance(field.value, bool):
        field.wanted("true or false")
    return field.value


@takes({"not": {"type": "null"}})
def anything(field: Field) -> Any:
    """Read a value of any type except null."""
    if field.value is None:
        field.wrong("a value is wanted, not nothing: write one, or leave the key out")
    return field.value


def map_of(field: Field) -> dict[str, Any]:
    """Read a map as it is."""
    if not isinstance(field.value, dict):
        field.wanted("a map")
    return field.value
