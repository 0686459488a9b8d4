"""Planning: a request, a catalog, an inventory and what is installed make a plan. Pure: no I/O, no clock."""

from installkit.planning.drawings import plan_graph, plan_rows, plan_table
from installkit.planning.given import (
    check_destructive,
    check_options,
    check_plan_of,
    divided_fields,
    missing_secrets,
    named_options,
    request_of,
)
from installkit.planning.inputs import digest_inputs, moved_hosts, stale_changes
from installkit.planning.parameters import check_parameters, undeclared_problem
from installkit.planning.plans import Stamp, make_plan
from installkit.planning.requests import Questions, questions, resumed_request
from installkit.planning.rollbacks import UndoneRun, make_rollback_plan, rollback_questions
from installkit.planning.selection import NamedVersion, parse_wanted
from installkit.planning.specs import make_spec

__all__ = [
    "NamedVersion",
    "Questions",
    "Stamp",
    "UndoneRun",
    "check_destructive",
    "check_options",
    "check_parameters",
    "check_plan_of",
    "digest_inputs",
    "divided_fields",
    "make_plan",
    "make_rollback_plan",
    "make_spec",
    "missing_secrets",
    "moved_hosts",
    "named_options",
    "parse_wanted",
    "plan_graph",
    "plan_rows",
    "plan_table",
    "questions",
    "request_of",
    "resumed_request",
    "rollback_questions",
    "stale_changes",
    "undeclared_problem",
]
