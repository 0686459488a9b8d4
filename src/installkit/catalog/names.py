"""The rules for names of components and of their parameters."""

import keyword
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from installkit.model import OWN_CHECKS
from installkit.model.parameter_types import SPECIAL_VARIABLES, is_variable_name
from installkit.model.parameter_types import VARIABLE_NAME as NAME_PATTERN

_COMPONENT = re.compile(r"(?=.*[A-Za-z])(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_KEYWORDS = """
action always any_errors_fatal args async async_val become become_exe become_flags become_method become_user block
changed_when check_mode collections connection cycler debugger delay delegate_facts delegate_to dict diff environment
fact_path failed_when force_handlers gather_facts gather_subset gather_timeout handlers hosts ignore_errors
ignore_unreachable joiner lipsum local_action lookup loop loop_control loop_with max_fail_percentage module_defaults
name namespace no_log notify now omit order poll port post_tasks pre_tasks q query range register remote_user rescue
retries roles run_once serial strategy tags tasks throttle timeout undef until vars vars_files vars_prompt when with_
"""

RESERVED_VARIABLES = SPECIAL_VARIABLES | frozenset(_KEYWORDS.split())
"""Names that Ansible reserves. Sources: the keywords of play, role, block and task, and the template globals, for which
ansible-core 2.19 warns `Found variable using reserved name`; "Special Variables" of its documentation."""


def component_name_problem(name: str) -> str | None:
    """Return why *name* cannot be a component's name; None if it can."""
    if name == OWN_CHECKS:
        return f"{name!r} cannot be a component's name: installkit's own checks are called {name}.…; say of what it is"
    if _COMPONENT.fullmatch(name):
        return None
    return (
        f"{name!r} cannot be a component's name: it takes 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-',"
        " the first a letter or digit, one of them a letter"
    )


def variable_name_problem(name: str) -> str | None:
    """Return why *name* cannot be a variable of an action; None if it can."""
    if not is_variable_name(name):
        return f"{name!r} is not an Ansible variable name: letters, digits and '_', no digit first, no Python keyword"
    if name in RESERVED_VARIABLES:
        return f"{name!r} is reserved by Ansible: choose another name, such as 'my_{name}'"
    if name.startswith("component_"):
        return f"{name!r} is reserved: variables that begin with 'component_' are set by installkit"
    return None


def parameter_name_problem(name: str) -> str | None:
    """Return why *name* cannot be a parameter's name; None if it can."""
    if name.startswith("ansible_"):
        return f"{name!r} is reserved: variables that begin with 'ansible_' steer Ansible itself"
    return variable_name_problem(name)


def pattern_problem(pattern: str) -> str | None:
    """Return why *pattern* cannot be a host pattern of a manifest; None if it can."""
    if not pattern.strip() or any(unicodedata.category(character) == "Cc" for character in pattern):
        return f"{pattern!r} is not a host pattern: it is empty or holds control characters"
    if pattern.startswith(("-", "@")) or "{{" in pattern or "{%" in pattern:
        return f"{pattern!r} is not a host pattern: it may not begin with '-' or '@', nor hold a template"
    return None


@attrs.frozen
class NameRule:
    """
    A rule for names.

    Attributes:
        problem: Returns why a text is not a valid name; None if it is one.
        schema: The rule as JSON Schema.
    """

    problem: Callable[[str], str | None]
    schema: Mapping[str, Any]


_NO_VARIABLE = {"not": {"enum": sorted({*RESERVED_VARIABLES, *keyword.kwlist})}}

COMPONENT_NAME = NameRule(component_name_problem, {"pattern": f"^{_COMPONENT.pattern}$", "not": {"const": OWN_CHECKS}})
VARIABLE_NAME = NameRule(variable_name_problem, {"pattern": f"^(?!component_){NAME_PATTERN}$", **_NO_VARIABLE})
PARAMETER_NAME = NameRule(
    parameter_name_problem, {"pattern": f"^(?!component_|ansible_){NAME_PATTERN}$", **_NO_VARIABLE}
)
HOST_PATTERN = NameRule(pattern_problem, {"pattern": r"^(?![-@])(?!.*\{[{%]).*\S"})
