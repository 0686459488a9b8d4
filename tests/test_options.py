"""The options of a run: those that none can have are refused before anything is written."""

import math
import re

import pytest

import installkit

BAD = {
    "note": 3,
    "requested_by": "two\nlines",
    "jobs": "2",
    "timeout": "30m",
    "check_mode": "yes",
    "diff": 1,
    "verbosity": "1",
    "user": 0,
    "private_key": 4,
    "become": "no",
    "ignore_checks": ["host.memory"],
    "log_limit": 1.5,
    "checks": 1,
    "allow_destructive": "yes",
}


@pytest.fixture
def site(installer, folder, inventory):
    """A site with one playbook."""
    (folder / "03.mysql.yml").write_text("- hosts: all\n  tasks: []\n")
    return installer.site("acme", inventory=inventory, catalog=folder)


@pytest.mark.parametrize("start", [installkit.Site.start, installkit.Site.start_check])
def test_options_of_a_wrong_type_are_all_refused_at_once(installer, site, start):
    """Each is named with its value; no run comes of it, and the plan is as good as before."""
    plan = site.plan(install=["mysql"])

    with pytest.raises(installkit.PlanningError) as refused:
        start(site, plan, **BAD)

    said = str(refused.value).splitlines()
    assert list(BAD) == [line.split()[2] for line in said]
    assert "the option jobs is a whole number from 1 on, not '2'" in said
    assert () == installer.list_runs()
    assert plan == installer.plan(plan.id)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("jobs", (0, -1, True, False)),
        ("timeout", (0, -5, math.nan, math.inf)),
        ("verbosity", (-1, 7)),
        ("log_limit", (0, -1)),
    ],
)
def test_options_out_of_range_have_a_problem(name, values):
    problems = [installkit.option_problems({name: value}) for value in values]

    assert [[name]] * len(values) == [list(problem) for problem in problems]
    for value, problem in zip(values, problems, strict=True):
        assert re.fullmatch(f"is a .*, not {value}", problem[name])


@pytest.mark.parametrize(
    "options", [{}, dict.fromkeys(BAD), {"jobs": 1, "timeout": 0.5, "verbosity": 6, "checks": "0a"}]
)
def test_options_that_can_be_and_those_that_are_not_given_have_no_problem(options):
    assert {} == installkit.option_problems(options)


def test_an_option_that_there_is_not_is_an_error_of_the_program(site):
    plan = site.plan(install=["mysql"])

    with pytest.raises(TypeError, match="a start has no option job; it has: note, "):
        site.start(plan, job=2)
