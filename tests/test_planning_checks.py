"""When a component's check is part of a plan, and where it is carried out."""

import attrs
import pytest

from installkit.model import Action, Parameter, SiteParameters
from test_planning import World, component, done

MYSQL = component("mysql", 3, versions=("1.0", "2.0"), actions=["check", "restart", "stop", "uninstall"])
PORTAL = component("portal", 8, on="web", requires=["mysql"], actions=["check"])


def checked(plan):
    """Return what *plan* checks, and where."""
    return {(step.component, step.hosts) for step in plan.steps if step.action is Action.CHECK}


def test_what_stays_as_it_is_is_not_checked():
    world = World((MYSQL, PORTAL)).done(install=("mysql",))

    assert {("portal", ("web1", "web2", "web3"))} == checked(world.plan(install=("portal",)))


@pytest.mark.parametrize(
    ("action", "expected"), [("restart", {("mysql", ("db1", "db2"))}), ("stop", set()), ("uninstall", set())]
)
def test_what_is_taken_away_is_not_checked(action, expected):
    """A check asks whether a component can work there; what stops or leaves need not."""
    world = World((MYSQL,)).done(install=("mysql",))

    assert expected == checked(world.plan(**{action: ("mysql",)}))


def test_what_leaves_waits_for_the_checks_of_what_comes():
    """No change at all happens before all checks, not even one of another component."""
    plan = World((MYSQL, PORTAL)).done(install=("mysql",)).plan(uninstall=("mysql",), check=("portal",))
    leaving = next(step for step in plan.steps if step.action is Action.UNINSTALL)

    assert ["portal"] == [step.component for step in plan.steps if step.id in leaving.needs]


def test_checks_share_hosts_with_each_other():
    """They read only, so none needs its hosts to itself."""
    world = World((MYSQL, component("portal", 8, actions=["check"])))
    plan = world.plan(all=True)

    assert {"check": False, "install": True} == {
        step.action.value: details.exclusive for step, details in zip(plan.steps, world.spec(plan).steps, strict=True)
    }


def test_a_check_is_for_the_hosts_that_its_playbook_covers():
    """The others are named in a warning; a check may also look from elsewhere, as from this machine."""
    partly = World((MYSQL,), plays={"mysql.check.yml": "db1"}).plan(install=("mysql",))
    elsewhere = World((MYSQL,), plays={"mysql.check.yml": "localhost"}).plan(install=("mysql",))

    assert {("mysql", ("db1",))} == checked(partly)
    assert ("mysql.check.yml has no play for db2: mysql is not checked there",) == partly.warnings
    assert {("mysql", ("localhost",))} == checked(elsewhere)


def test_a_limit_is_one_for_the_checks_too():
    plan = World((MYSQL,)).plan(install=("mysql",), limit="db2")

    assert [("check", "mysql", ("db2",)), ("install", "mysql", ("db2",))] == done(plan)
    assert [True, True] == [step.limited for step in plan.steps]


def test_what_checks_demand_of_a_host_is_no_change_of_a_component():
    """It may be given to a plan or a site, as any variable, and goes into no component."""
    port = Parameter(name="mysql_port", component="mysql", type="port", value=3306)
    plain = component("tool", 4, manifest=False)
    new = World((attrs.evolve(MYSQL, parameters=(port,)), plain))
    world = new.done(all=True, parameters={"installkit_disk_free": 1})
    other = attrs.evolve(world, parameters=SiteParameters(site={"installkit_disk_free": 2}))

    assert () == new.plan(all=True, parameters={"installkit_disk_free": 1}).warnings
    assert world.plan(all=True).empty
    assert other.plan(all=True).empty
    assert not attrs.evolve(world, parameters=SiteParameters(site={"flavour": "sweet"})).plan(all=True).empty
