"""Values as people type them: written as Ansible takes them, and read as the types that the catalog declares."""

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

from installkit.errors import DefinitionError, Issue, PlanningError
from installkit.model import TYPES, Catalog, Parameter

_BRACED = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*"|(\{\{.*?\}\}|\{%.*?%\}|\{\#.*?\#\})""", re.DOTALL)
"""What is quoted, or (group 1) held together by its braces, as Ansible has it."""


@attrs.frozen
class Typed:
    """What was typed as `NAME=VALUE`: text, until a declared type says otherwise."""

    text: str


@attrs.frozen(kw_only=True)
class Variables:
    """
    The values of a request.

    Attributes:
        open: May be seen: they go into the plan.
        secrets: Those that the catalog declares secret: they never do.
    """

    open: Mapping[str, Any]
    secrets: Mapping[str, str] = attrs.field(repr=False)


def read_variables(given: Iterable[str], catalog: Catalog) -> Variables:
    """
    Return the values that *given*, the arguments of `-e` or `site set`, mean for *catalog*; the later wins.

    Args:
        given: Each is `NAME=VALUE …`, `@FILE` (YAML or JSON) or `{…}`; `{{ … }}` in a value is text as all of it.
        catalog: Says which are secret, and of what type those typed as text are.

    Raises:
        PlanningError: If one is nothing of that, or no value of its type.
        DefinitionError: If a file is wrong.
    """
    declared = {each.name: each for component in catalog for each in component.parameters}
    values: dict[str, Any] = {}
    for text in given:
        values |= _read(text)
    secret = {name for name in values if name in declared and declared[name].secret}
    return Variables(
        open={name: _of_type(value, declared.get(name)) for name, value in values.items() if name not in secret},
        secrets={name: _text(values[name]) for name in secret},
    )


def _read(text: str) -> dict[str, Any]:
    if text.startswith("@"):
        return _read_file(Path(text[1:]).expanduser())
    if text.lstrip().startswith("{"):
        try:
            return _mapping(_load(text))
        except (yaml.YAMLError, ValueError) as exc:
            raise PlanningError(f"{text!r} is not a map: {_said(exc)}") from exc
    return _read_pairs(text)


def _read_pairs(text: str) -> dict[str, Any]:
    try:
        words = shlex.split(_BRACED.sub(_quoted, text))
    except ValueError as exc:
        raise PlanningError(f"{text!r} cannot be read: {exc}") from exc
    pairs = [word.partition("=") for word in words]
    for name, equals, value in pairs:
        if not equals or not name:
            raise PlanningError(
                f"{name + equals + value!r} has no {'value' if name else 'name'}",
                remedy="write NAME=VALUE, with quotes around a value with spaces ('NAME=\"a b\"'), or @FILE",
            )
    return {name: Typed(value) for name, _, value in pairs}


def _quoted(found: re.Match[str]) -> str:
    return shlex.quote(found[1]) if found[1] else found[0]


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return _mapping(_load(path.read_text("utf-8")))
    except OSError as exc:
        raise PlanningError(f"@{path} cannot be read: {exc.strerror}") from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise DefinitionError([Issue(str(path), _said(exc), *place)]) from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise DefinitionError([Issue(str(path), _said(exc))]) from exc


class _Loader(yaml.SafeLoader):
    """Reads plain values alone: what an alias multiplies has no place in a handful of values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it out
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not taken here", mark)
        return super().compose_node(parent, index)


def _load(text: str) -> Any:
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - it is a SafeLoader
    except RecursionError as exc:
        raise ValueError("values nest too deep") from exc


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return value
    raise ValueError("a map of names and values is wanted, as NAME: VALUE")


def _of_type(value: Any, parameter: Parameter | None) -> Any:
    """Return *value*; what was typed as text becomes what the parameter's type means by it."""
    if not isinstance(value, Typed):
        return value
    if parameter is None or TYPES[parameter.type].is_text:
        return value.text
    try:
        return _load(value.text)
    except (yaml.YAMLError, ValueError) as exc:
        raise PlanningError(f"{parameter.name}={value.text}: {_said(exc)}") from exc


def _text(value: Any) -> str:
    return value.text if isinstance(value, Typed) else str(value)


def _said(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]
