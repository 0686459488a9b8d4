"""When installkit's own checks and a component's are part of a plan, and where they are carried out."""

import attrs
import pytest

from installkit.model import OWN_CHECKS, Action, Parameter, RunOptions, SiteParameters
from installkit.planning import make_spec, plan_graph
from test_planning import CHECK_PLAYBOOK, FOLDER, NOW, World, component, declared, declared_specs, done

MYSQL = component("mysql", 3, versions=("1.0", "2.0"), actions=["check", "restart", "stop", "uninstall"])
PORTAL = component("portal", 8, on="web", requires=["mysql"], actions=["check"])


def checked(plan):
    """Return what *plan* checks, and where."""
    return {(step.component, step.hosts) for step in declared(plan) if step.action is Action.CHECK}


def own(plan):
    """Return installkit's own checks in *plan*."""
    return [step for step in plan.steps if step.component == OWN_CHECKS]


def spec_of(world, plan, **options):
    """Return the spec of a run of *plan* with *options*."""
    return make_spec(
        plan,
        world.catalog,
        world.inventory,
        world.targets(plan.request),
        RunOptions(**options),
        run=plan.id,
        created_at=NOW,
        check_playbook=CHECK_PLAYBOOK,
        installed=world.record.values(),
    )


def test_a_plan_begins_with_a_check_of_its_hosts():
    """Of all that are about to change, with the playbook of installkit's own; the first changes need it."""
    world = World((MYSQL, PORTAL)).done(install=("mysql",))
    plan = world.plan(restart=("mysql",), install=("portal",))
    (check,) = own(plan)
    (details,) = [each for each in world.spec(plan).steps if each.own]

    assert plan.steps[0] is check
    assert ("00-checks", 0, Action.CHECK) == (check.id, check.seq, check.action)
    assert {"db1", "db2", "web1", "web2", "web3"} == set(check.hosts)
    assert CHECK_PLAYBOOK == details.playbook
    assert (FOLDER, False, "fresh") == (details.folder, details.exclusive, details.facts)
    assert [check.hosts] == [play.hosts for play in details.plays]


def test_each_folder_of_playbooks_has_a_check_of_its_own():
    """It connects as the playbooks there do; every change needs both, and a picture tells them apart."""
    other = attrs.evolve(component("tool", on="web"), folder=FOLDER / "more")
    world = World((component("app"), other))
    plan = world.plan(all=True)
    first, second = own(plan)
    details = {each.step: each for each in world.spec(plan).steps}

    assert ("00-checks", "00-checks-2") == (first.id, second.id)
    assert {("db1", "db2"), ("web1", "web2", "web3")} == {first.hosts, second.hosts}
    assert {FOLDER: ("db1", "db2"), FOLDER / "more": ("web1", "web2", "web3")} == {
        details[step.id].folder: step.hosts for step in (first, second)
    }
    assert all({first.id, second.id} <= set(step.needs) for step in plan.steps[2:])
    assert ["s0", "s1", "s2", "s3"] == [
        line.strip().partition("[")[0] for line in plan_graph(plan).splitlines() if "[" in line
    ]


@pytest.mark.parametrize(
    "request_",
    [{"check": ("mysql",)}, {"verify": ("mysql",)}, {"record": ("mysql=1.0",)}, {"install": ("mysql",)}],
    ids=str,
)
def test_a_plan_that_changes_no_host_has_no_own_check(request_):
    mysql = component("mysql", versions=("1.0", "2.0"), actions=["check", "verify"])
    world = World((mysql,)).done(install=("mysql",))

    assert [] == own(world.plan(**request_))


def test_every_change_waits_for_every_own_check():
    """Itself, or by what it needs: the checks of components, what was changed before, a verify."""
    mysql = component("mysql", 3, actions=["check", "verify"])
    tool = attrs.evolve(component("tool", 2, on="web"), folder=FOLDER / "more")
    plan = World((mysql, tool, component("portal", 8, on="web", requires=["mysql"]))).plan(all=True, batch=(1,))
    before = {}
    for step in plan.steps:
        before[step.id] = set(step.needs).union(*(before[need] for need in step.needs))
    checks = {step.id for step in plan.steps if step.action is Action.CHECK}

    assert {"00-checks", "00-checks-2", "01-mysql-check"} == checks
    assert all(before[step.id] >= checks for step in plan.steps if step.action is Action.INSTALL)
    assert all(() == step.needs for step in plan.steps if step.id in checks)


@pytest.mark.parametrize(
    ("checks", "own", "declared"),
    [
        pytest.param(True, None, None, id="wanted"),
        pytest.param(False, "installkit's own checks were not wanted", None, id="not wanted"),
        pytest.param("7f3c", "run 7f3c checked the hosts", "run 7f3c checked the hosts", id="made by another run"),
    ],
)
def test_checks_that_are_skipped_stay_in_the_plan_and_say_why(checks, own, declared):
    """What the components declare is checked all the same, but for what another run has checked already."""
    world = World((MYSQL,))
    spec = spec_of(world, world.plan(install=("mysql",)), checks=checks)

    assert {"00-checks": own, "01-mysql-check": declared, "02-mysql-install": None} == {
        each.step: each.skipped for each in spec.steps
    }


def test_check_mode_does_without_own_checks():
    """Nothing waits for them then; what the components declare is checked all the same."""
    world = World((MYSQL,))
    spec = spec_of(world, world.plan(install=("mysql",)), check_mode=True)

    assert [("01-mysql-check", ()), ("02-mysql-install", ("01-mysql-check",))] == [
        (step.id, step.needs) for step in spec.plan.steps
    ]


def test_rights_are_checked_where_a_playbook_asks_for_them():
    """Or everywhere, where the whole run is to be done with them."""
    world = World((component("app", becomes=True), component("tool", on="web")))
    plan = world.plan(all=True)

    assert ["db1", "db2"] == spec_of(world, plan).steps[0].variables["installkit_become"]
    assert {"db1", "db2", "web1", "web2", "web3"} == set(
        spec_of(world, plan, become=True).steps[0].variables["installkit_become"]
    )


def test_ports_are_checked_where_a_component_is_new():
    """What is installed there listens on them itself; a secret is looked at by nobody."""
    ports = [Parameter(name=name, component="app", type="port", value=1, secret=name == "key") for name in ("a", "key")]
    app = component("app", parameters=tuple(ports), actions=["restart"])
    world = World((app,)).done(install=("app",), limit="db1")

    assert {"db2": ["a"]} == spec_of(world, world.plan(install=("app",))).steps[0].variables["installkit_ports"]
    assert {} == spec_of(world, world.plan(restart=("app",))).steps[0].variables["installkit_ports"]


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
    leaving = next(step for step in declared(plan) if step.action is Action.UNINSTALL)

    assert ["portal"] == [step.component for step in declared(plan) if step.id in leaving.needs]


def test_checks_share_hosts_with_each_other():
    """They read only, so none needs its hosts to itself."""
    world = World((MYSQL, component("portal", 8, actions=["check"])))
    plan = world.plan(all=True)

    assert {"check": False, "install": True} == {
        step.action.value: details.exclusive
        for step, details in zip(declared(plan), declared_specs(world.spec(plan)), strict=True)
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
    assert [True, True] == [step.limited for step in declared(plan)]


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
