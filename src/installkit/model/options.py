"""How a plan is carried out, and which options of that there are."""

import math
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypedDict, runtime_checkable

import attrs

from installkit.text import shown

LOG_LIMIT = 1_000_000_000
"""Bytes that a step's log may have unless another limit is given."""

LONGEST_NOTE = 500
"""Characters that a run's note may have: it stands in one cell of a list."""

MOST_VERBOSE = 6
"""Ansible's `-vvvvvv`."""

Rule = Callable[[Any], str | None]
"""Returns why a value cannot be so, as a sentence that goes on after its name; None if it can."""


def _must_be(description: str, fits: Callable[[Any], bool]) -> Rule:
    return lambda value: None if fits(value) else f"is {description}, not {shown(value)}"


def _note_problem(note: Any) -> str | None:
    if isinstance(note, str) and len(note) > LONGEST_NOTE:
        return f"has {len(note)} characters, more than {LONGEST_NOTE}"
    return _line_problem(note)


def _line_problem(text: Any) -> str | None:
    if not isinstance(text, str):
        return f"is text, not {shown(text)}"
    odd = next((character for character in text if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}), None)
    return None if odd is None else f"is one line of text, without control characters as {odd!r}"


def _whole_number(least: int, most: int | None = None) -> Rule:
    description = f"a whole number from {least} {'on' if most is None else f'to {most}'}"
    return _must_be(
        description, lambda value: _is_number(value, int) and least <= value and (most is None or value <= most)
    )


def _is_number(value: Any, kinds: Any) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _are_reasons(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(part, str) for item in value.items() for part in item)


_truth = _must_be("true or false", lambda value: isinstance(value, bool))
_path = _must_be("the path of a file", lambda value: isinstance(value, (str, Path)))
_checks = _must_be("true, false or a run's id", lambda value: isinstance(value, (bool, str)))
_reasons = _must_be("a reason for each check, by its name", _are_reasons)
_seconds = _must_be(
    "a number of seconds above 0", lambda value: _is_number(value, (int, float)) and math.isfinite(value) and value > 0
)


@attrs.frozen(kw_only=True)
class RunOptions:
    """
    How a plan is carried out: the one list of what `Site.start` takes, with the rule for each.

    Attributes:
        note: What the person wants to remember of it: one line, at most 500 characters.
        requested_by: Who started it.
        jobs: How many components may run at once; None lets the plan decide.
        timeout: Seconds for the whole run, without those in which it only waits for approvals; None for no limit.
        check_mode: Ansible's `--check`: nothing is changed, and the plan is not used up.
        diff: Ansible's `--diff`.
        verbosity: Ansible's `-v`, counted.
        user: Ansible's `--user`; None leaves it to the inventory and ansible.cfg, whose variables also win over it.
        private_key: Ansible's `--private-key`, absolute; None as above.
        become: Ansible's `--become`.
        ignore_checks: Why each check is ignored, by its name.
        log_limit: Bytes that a step's log may have; there it ends with a line that says so, and the run goes on.
        checks: Whether installkit checks the hosts first. Or the id of a check run of the same plan, which counts instead
            if it succeeded less than ten minutes ago, for the same connection and secrets; else the hosts are checked.
        allow_destructive: Consent to what destroys data.
        keep_facts: Whether the facts that its playbooks gather are kept, for `Run.facts`. They are large, and may hold what
            is private: environment variables, addresses, users.
    """

    note: str = attrs.field(default="", metadata={"rule": _note_problem})
    requested_by: str = attrs.field(default="", metadata={"rule": _line_problem})
    jobs: int | None = attrs.field(default=None, metadata={"rule": _whole_number(1)})
    timeout: float | None = attrs.field(default=None, metadata={"rule": _seconds})
    check_mode: bool = attrs.field(default=False, metadata={"rule": _truth})
    diff: bool = attrs.field(default=False, metadata={"rule": _truth})
    verbosity: int = attrs.field(default=0, metadata={"rule": _whole_number(0, MOST_VERBOSE)})
    user: str | None = attrs.field(default=None, metadata={"rule": _line_problem})
    private_key: Path | None = attrs.field(default=None, metadata={"rule": _path})
    become: bool = attrs.field(default=False, metadata={"rule": _truth})
    ignore_checks: Mapping[str, str] = attrs.field(factory=dict, metadata={"rule": _reasons})
    log_limit: int = attrs.field(default=LOG_LIMIT, metadata={"rule": _whole_number(1)})
    checks: bool | str = attrs.field(default=True, metadata={"rule": _checks})
    allow_destructive: bool = attrs.field(default=False, metadata={"rule": _truth})
    keep_facts: bool = attrs.field(default=False, metadata={"rule": _truth})


@runtime_checkable
class HasId(Protocol):
    """Something with an id, as a run."""

    id: str


class StartOptions(TypedDict, total=False):
    """The fields of `RunOptions`, each of them optional, as keyword arguments; None is as good as none."""

    note: str | None
    requested_by: str | None
    jobs: int | None
    timeout: float | None
    check_mode: bool | None
    diff: bool | None
    verbosity: int | None
    user: str | None
    private_key: str | Path | None
    become: bool | None
    ignore_checks: Mapping[str, str] | None
    log_limit: int | None
    checks: bool | str | HasId | None
    allow_destructive: bool | None
    keep_facts: bool | None


def option_problems(options: Mapping[str, Any]) -> dict[str, str]:
    """
    Return why each of *options* that no run can have cannot be so, by its name; empty if all can.

    Args:
        options: By the names of the fields of `RunOptions`; None is as good as none.

    >>> option_problems({"jobs": "2", "timeout": 60})
    {'jobs': "is a whole number from 1 on, not '2'"}
    """
    fields = attrs.fields_dict(RunOptions)
    problems = {name: fields[name].metadata["rule"](value) for name, value in options.items() if value is not None}
    return {name: problem for name, problem in problems.items() if problem}
