"""Values as people type them: in Ansible's syntax, and read as the types that the catalog declares."""

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
"""Quoted text, or (group 1) a template: its braces hold it together, as in Ansible."""


@attrs.frozen
class Typed:
    """A value that was typed as `NAME=VALUE`: text, unless its declared type is another one."""

    text: str


@attrs.frozen(kw_only=True)
class Variables:
    """
    The values of a request.

    Attributes:
        open: Values that go into the plan, where everybody may see them.
        secrets: Values that the catalog declares secret: they never go into the plan.
    """

    open: Mapping[str, Any]
    secrets: Mapping[str, str] = attrs.field(repr=False)


def read_variables(given: Iterable[str], catalog: Catalog) -> Variables:
    """
    Return the values that *given*, the arguments of `-e` or `site set`, contain; a later value replaces an earlier one.

    Args:
        given: Each is `NAME=VALUE …`, `@FILE` (YAML or JSON) or `{…}`; a value with `{{ … }}` is text as a whole.
        catalog: Declares which values are secret, and the types of values that are typed as text.

    Raises:
        PlanningError: If one has none of these forms, or does not fit its type.
        DefinitionError: If a file is wrong.
    """
    declared = {parameter.name: parameter for component in catalog for parameter in component.parameters}
    values: dict[str, Any] = {}
    for text in given:
        if text.startswith("@"):
            values |= _read_file(Path(text[1:]).expanduser())
        elif text.lstrip().startswith("{"):
            try:
                values |= _mapping(_load(text))
            except (yaml.YAMLError, ValueError) as exc:
                raise PlanningError(f"{text!r} is not a map: {_problem(exc)}") from exc
        else:
            values |= _read_pairs(text)
    secret = dict.fromkeys(name for name in values if name in declared and declared[name].secret)
    return Variables(
        open={name: _of_type(value, declared.get(name)) for name, value in values.items() if name not in secret},
        secrets={name: value.text if isinstance(value := values[name], Typed) else str(value) for name in secret},
    )


def _read_pairs(text: str) -> dict[str, Any]:
    try:
        words = shlex.split(_BRACED.sub(lambda match: shlex.quote(match[1]) if match[1] else match[0], text))
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


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return _mapping(_load(path.read_text("utf-8")))
    except OSError as exc:
        raise PlanningError(f"@{path} cannot be read: {exc.strerror}") from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark
        place = (mark.line + 1, mark.column + 1) if mark else (None, None)
        raise DefinitionError([Issue(str(path), _problem(exc), *place)]) from exc
    except (yaml.YAMLError, ValueError) as exc:
        raise DefinitionError([Issue(str(path), _problem(exc))]) from exc


class _Loader(yaml.SafeLoader):
    """Reads plain values without aliases: a few aliases could stand for billions of values."""

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
    """Return *value*; if it was typed as text, read it as the type of *parameter*."""
    if not isinstance(value, Typed):
        return value
    if parameter is None or TYPES[parameter.type].is_text:
        return value.text
    try:
        return _load(value.text)
    except (yaml.YAMLError, ValueError) as exc:
        raise PlanningError(f"{parameter.name}={value.text}: {_problem(exc)}") from exc


def _problem(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error).splitlines()[0]
