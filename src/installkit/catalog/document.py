"""A YAML file as plain values, with the place of each."""

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import yaml

from installkit.errors import Issue

MAX_BYTES = 1_048_576
"""The largest file that is read as YAML."""

MAX_DEPTH = 64
"""How deep values may nest. libyaml's composer recurses in C: values that nest very deep would crash the process."""

MAX_VALUES = 20_000
"""How many values a document may have, with those that aliases repeat."""

Place = tuple[str | int, ...]
"""The keys and positions (from 0) that lead to a value; empty for the whole document."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD_TAG = "tag:yaml.org,2002:"

_FORBIDDEN = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""Characters that libyaml refuses without naming the line."""

_Scalar = tuple[re.Pattern[str], Callable[[str], Any], str]
_SCALARS: Mapping[str, _Scalar] = {
    "str": (re.compile(r".*", re.DOTALL), str, ""),
    "bool": (re.compile(r"true|false", re.IGNORECASE), lambda text: text.lower() == "true", "true or false"),
    "int": (re.compile(r"[-+]?(0|[1-9][0-9]{0,17})"), int, "a decimal number"),
    "float": (re.compile(r"[-+]?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}"), float, "a decimal number"),
    "null": (re.compile(r"(~|null)?", re.IGNORECASE), lambda _: None, "null"),
}
"""By tag: texts with only one meaning, how they are read, and what to write instead of others (`no`, `010`)."""


class YamlError(Exception):
    """A text that is not valid YAML for a catalog; `line` and `column` count from 1, None if unknown."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column

    def issue(self, path: str) -> Issue:
        """Return the error as an issue of the file *path*."""
        return Issue(path, self.message, self.line, self.column)


@attrs.define
class Document:
    """
    A YAML file as plain values.

    Attributes:
        path: The file, as the user wrote it.
        value: Dictionaries with text keys, lists, text, numbers, booleans and None; None if the file is not YAML.
        issues: Every mistake found in the file so far, at most one at a place.
        root: The value's YAML node; None if there is none.
    """

    path: str
    value: Any = None
    issues: list[Issue] = attrs.field(factory=list)
    root: yaml.Node | None = attrs.field(default=None, repr=False)

    def report(self, place: Place, message: str, *, key: bool = False) -> None:
        """Add an issue at *place*, or at its key; if there is no such place, at the nearest value around it."""
        self.report_node(self._node(place, key=key), message)

    def position(self, place: Place) -> str:
        """Return where *place* is, as `FILE:LINE`."""
        node = self._node(place, key=False)
        return self.path if node is None else f"{self.path}:{node.start_mark.line + 1}"

    def _node(self, place: Place, *, key: bool) -> yaml.Node | None:
        key_node = node = self.root
        for part in place:
            if isinstance(node, yaml.MappingNode):
                pair = next(((name, value) for name, value in node.value if name.value == part), None)
                if pair is None:
                    return node
                key_node, node = pair
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                key_node = node = node.value[part]
            else:
                return node
        return key_node if key else node

    def report_node(self, node: yaml.Node | None, message: str) -> None:
        """Add an issue at *node*."""
        line, column = (None, None) if node is None else (node.start_mark.line + 1, node.start_mark.column + 1)
        if line is None or all((line, column) != (issue.line, issue.column) for issue in self.issues):
            self.issues.append(Issue(self.path, message, line, column))


def parse_document(data: bytes, path: str) -> Document:
    """
    Return *data* as a document, with its mistakes as issues.

    Duplicate keys, keys that are not text, tags, and plain scalars that YAML versions read differently are issues.
    """
    document = Document(path)
    try:
        document.root = compose(data)
        if document.root is not None:
            document.value = _Builder(document).build(document.root, 1)
    except YamlError as exc:
        document.issues.append(exc.issue(path))
    return document


def compose(data: bytes) -> yaml.Node | None:
    """
    Return *data*'s YAML nodes; None if it is empty.

    Raises:
        YamlError: If it is too large, nested too deep, or not one YAML document in UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise YamlError(f"the file has {len(data)} bytes, more than the {MAX_BYTES} that are read")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line, column = _position(data[: exc.start].decode("utf-8"))
        raise YamlError(f"the byte 0x{data[exc.start]:02x} is not UTF-8", line, column) from exc
    if forbidden := _FORBIDDEN.search(text):
        position = _position(text[: forbidden.start()])
        raise YamlError(f"the character {forbidden[0]!r} is not allowed in YAML", *position)
    try:
        _check_depth(text)
        root: yaml.Node | None = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as exc:
        mark: Any = exc.problem_mark
        if (
            mark is not None
        ):  # YAML readers have limits of their own: first say if values nest too deep before the error
            with contextlib.suppress(yaml.YAMLError):
                _check_depth(text[: mark.index])
        mark = mark or exc.context_mark
        message = ", ".join(part for part in (exc.context, exc.problem) if part) or "not YAML"
        raise YamlError(message, *((mark.line + 1, mark.column + 1) if mark else ())) from exc
    return root


def _position(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _check_depth(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            mark: Any = event.start_mark
            raise YamlError(f"values nest deeper than {MAX_DEPTH}", mark.line + 1, mark.column + 1)


class _Builder:
    """Makes values from nodes, and counts them, since a few aliases can stand for billions of values."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0

    def build(self, node: yaml.Node, depth: int) -> Any:
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_VALUES:
            mark = node.start_mark
            message = f"too much is repeated by aliases: more than {MAX_VALUES} values, or {MAX_DEPTH} levels"
            raise YamlError(message, mark.line + 1, mark.column + 1)
        if isinstance(node, yaml.MappingNode):
            return dict(self._pairs(node, depth))
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, depth + 1) for item in node.value]
        text: str = node.value
        scalar = _SCALARS.get(node.tag.removeprefix(_STANDARD_TAG))
        if scalar and scalar[0].fullmatch(text):
            return scalar[1](text)
        message = f"{text!r} is ambiguous in YAML: quote it"
        if scalar:
            message += f" if it is text, else write {scalar[2]}"
        elif not node.tag.startswith(_STANDARD_TAG):
            message = f"{text!r} has the tag {node.tag}, which means nothing here"
        self._document.report_node(node, message)
        return text

    def _pairs(self, node: yaml.MappingNode, depth: int) -> Iterator[tuple[str, Any]]:
        lines: dict[str, int] = {}  # of the keys so far
        for key_node, value_node in node.value:
            key = self.build(key_node, depth + 1)
            value = self.build(value_node, depth + 1)
            if not isinstance(key, str):
                self._document.report_node(key_node, f"the key {key!r} is not text: quote it")
            elif key in lines:
                self._document.report_node(key_node, f"{key!r} stands twice, first in line {lines[key]}")
            else:
                lines[key] = key_node.start_mark.line + 1
                yield key, value
