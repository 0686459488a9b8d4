"""Upgrades that go through versions in between."""

import itertools

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installkit.errors import PlanningError
from installkit.model import Action, InstallationStatus, OnChange, Parameter, Play, Request, Targets
from installkit.planning import Stamp, UndoneRun, make_rollback_plan, plan_table, rollback_questions
from installkit.planning.versions import fits
from test_planning import GROUPS, NOW, World, component, done, spec, texts

VERSIONS = ("1.0", "2.0", "2.5", "3.0", "4.0")
ORIGINS = {"4.0": ">=3.0", "3.0": ">=2.0", "2.5": ">=1.0"}


def app(versions=VERSIONS, origins=ORIGINS, **fields):
    """Return a component on three hosts, whose upgrade to a version can start as *origins* says."""
    upgrade = spec("upgrade", "app", from_version=origins, **fields)
    return component("app", on="web", versions=versions, actions=[upgrade, "verify", "rollback"])


def at(world, **versions):
    """Return *world* with the component in the version given for each host."""
    for host, version in versions.items():
        world = world.done(install=(f"app={version}",), limit=host)
    return world


def hops(plan):
    """Return version before, version after and hosts of each upgrade step of *plan*."""
    steps = [step for step in plan.steps if step.action == "upgrade"]
    return [(step.from_version, step.to_version, step.hosts) for step in steps]


def test_an_upgrade_goes_the_shortest_way_by_the_later_versions():
    """2.0 is as near as 2.5, but older; each version is reached on all hosts, and verified, before the next."""
    world = World((app(),)).done(install=("app=1.0",))
    plan = world.plan(upgrade=("app",))
    web = ("web1", "web2", "web3")

    assert "upgrade 1.0 → 2.5 → 3.0 → 4.0" == texts(plan)["app", "web1"]
    assert [("1.0", "2.5", web), ("2.5", "3.0", web), ("3.0", "4.0", web)] == hops(plan)
    assert ["upgrade", "verify"] * 3 == [action for action, _, _ in done(plan)]
    assert "1.0 → 2.5 → 3.0 → 4.0" in plan_table(plan)
    assert {"4.0"} == {row.version for row in world.apply(plan).record.values()}


def test_all_batches_reach_a_version_before_the_first_goes_on():
    world = World((app(batch=(2,)),)).done(install=("app=2.0",))

    assert [
        ("2.0", "3.0", ("web1", "web2")),
        ("2.0", "3.0", ("web3",)),
        ("3.0", "4.0", ("web1", "web2")),
        ("3.0", "4.0", ("web3",)),
    ] == hops(world.plan(upgrade=("app",)))


@pytest.mark.parametrize(
    ("approve", "batch", "waits"),
    [
        ("first_batch", (2,), [2, 4]),
        ("every_batch", (2,), [2, 3, 4]),
        ("every_batch", (), [2]),
        ("first_batch", (), []),
    ],
)
def test_each_version_has_a_first_batch_to_approve(approve, batch, waits):
    world = World((app(batch=batch, approve=approve),)).done(install=("app=2.0",))
    upgrades = [step for step in world.plan(upgrade=("app",)).steps if step.action == "upgrade"]

    assert waits == [number for number, step in enumerate(upgrades, start=1) if step.approve]


def test_hosts_join_the_way_where_they_stand():
    """Those ahead wait for those behind; each is told the version that it comes from."""
    world = at(World((app(),)), web1="1.0", web2="2.5", web3="2.0")
    plan = world.plan(upgrade=("app",))
    joined = next(
        each for each, step in zip(world.spec(plan).steps, plan.steps, strict=True) if step.to_version == "3.0"
    )

    assert [
        ("1.0", "2.5", ("web1",)),
        (None, "3.0", ("web1", "web2", "web3")),
        ("3.0", "4.0", ("web1", "web2", "web3")),
    ] == hops(plan)
    assert {"web1": "2.5", "web2": "2.5", "web3": "2.0"} == {
        host: values["component_from_version"] for host, values in joined.host_variables.items()
    }


def test_hosts_at_the_end_of_the_way_take_no_step_back():
    """They are left alone: an upgrade disturbs, and there is nothing to do on them."""
    plan = at(World((app(),)), web1="1.0", web2="4.0", web3="4.0").plan(upgrade=("app",))

    assert [
        ("1.0", "2.5", ("web1",)),
        ("2.5", "3.0", ("web1",)),
        ("3.0", "4.0", ("web1",)),
    ] == hops(plan)
    assert "unchanged" == texts(plan)["app", "web2"]


def test_a_way_that_broke_off_is_gone_on_from_where_it_stands():
    world = World((app(),)).done(install=("app=1.0",))
    plan = world.plan(upgrade=("app",))
    failing = next(step.id for step in plan.steps if step.to_version == "3.0")
    world = world.apply(plan, failing=[failing])

    assert {"2.5"} == {row.version for row in world.record.values()}
    assert "upgrade 2.5 → 3.0 → 4.0" == texts(world.plan(upgrade=("app",)))["app", "web1"]


@pytest.mark.parametrize(
    ("origins", "message"),
    [
        pytest.param({"4.0": ">=3.5"}, "to 4.0 from >=3.5 only; from 1.0 it can reach 2.0, 2.5, 3.0\n", id="some"),
        pytest.param(dict.fromkeys(VERSIONS, ">=5"), "it can reach none of the catalog's versions", id="none"),
        pytest.param(">=2.5", "to 4.0 from >=2.5 only; from 1.0 it can reach none", id="one specifier for all"),
    ],
)
def test_without_a_way_it_says_what_can_be_reached(origins, message):
    world = World((app(),)).done(install=("app=1.0",))
    world = attrs.evolve(world, components=(app(origins=origins),))

    with pytest.raises(PlanningError, match=message):
        world.plan(upgrade=("app",))


def test_an_unknown_version_starts_no_way():
    """Nobody knows whether the version in between would be a step back."""
    world = World((app(versions=()),)).done(install=("app",))
    world = attrs.evolve(world, components=(app(),))

    with pytest.raises(PlanningError, match="is an unknown version, but"):
        world.plan(upgrade=("app",))


def roll_back(world, before, **values):
    """Return the plan that takes *world* back to the record of the world *before*."""
    request = Request(rollback="run1", parameters=values)
    undone = UndoneRun(tuple(world.record), tuple(before.record.values()))
    asked = rollback_questions(request, undone, world.catalog)
    plays = {str(path): (Play("play", "web", GROUPS["web"]),) for path in asked.playbooks}
    return make_rollback_plan(
        request,
        world.catalog,
        world.inventory,
        Targets(plays=plays, patterns={pattern: world.hosts(pattern) for pattern in asked.patterns}),
        world.record.values(),
        undone=undone,
        stamp=Stamp("run2", "acme", "run1", NOW),
        parameters=world.parameters,
    )


def test_a_way_is_rolled_back_to_where_it_began():
    """Also one that broke off: each host goes back from where it stands."""
    before = World((app(),)).done(install=("app=1.0",))
    plan = before.plan(upgrade=("app",), batch=(2,))
    failing = next(step.id for step in plan.steps if step.to_version == "3.0" and step.batch == 2)
    back = roll_back(before.apply(plan, failing=[failing]), before)

    assert {"web1": "rollback 1.0", "web2": "rollback 1.0", "web3": "rollback 1.0"} == {
        change.host: change.text for change in back.changes
    }
    assert {"web1": "3.0", "web2": "3.0", "web3": "2.5"} == {
        change.host: change.from_version for change in back.changes
    }


def test_a_rollback_that_failed_is_tried_again():
    """Nobody knows what such a host has: that it was on its way back is not a reason to leave it there."""
    before = World((app(),)).done(install=("app=1.0",))
    after = before.done(upgrade=("app",))
    tried = {"action": Action.ROLLBACK, "to_version": "1.0", "status": InstallationStatus.FAILED}
    failed = attrs.evolve(after, record={place: attrs.evolve(row, **tried) for place, row in after.record.items()})

    assert {"rollback 1.0"} == {change.text for change in roll_back(failed, before).changes}


def test_a_rollback_to_a_version_that_nobody_knows_is_refused_by_name():
    before = World((app(versions=()),)).done(install=("app",))
    after = attrs.evolve(before, components=(app(origins=None),)).done(upgrade=("app",))

    with pytest.raises(PlanningError, match="which version there was before of app on web1, app on web2, app on web3"):
        roll_back(after, before)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"port": 1, "key": "canary"}, "key: is a secret", id="secret"),
        pytest.param({"port": "abc"}, "port: 'abc' is not a port", id="wrong"),
        pytest.param({}, "app needs a value for port on web1, web2, web3", id="missing"),
    ],
)
def test_a_rollback_is_refused_for_its_values_as_any_plan(values, said):
    before = World((app(),)).done(install=("app=1.0",))
    port = Parameter(name="port", component="app", type="port", required=True)
    key = Parameter(name="key", component="app", secret=True)
    after = attrs.evolve(before.done(upgrade=("app",)), components=(attrs.evolve(app(), parameters=(port, key)),))

    with pytest.raises(PlanningError, match=said):
        roll_back(after, before, **values)


def test_a_rollback_leaves_out_a_host_that_is_gone():
    """The others are brought back; the plan says which stays."""
    before = World((app(),)).done(install=("app=1.0",))
    after = before.done(upgrade=("app",))
    plan = roll_back(attrs.evolve(after, groups={**GROUPS, "web": ("web1", "web2")}), before)

    assert {"web1": Action.ROLLBACK, "web2": Action.ROLLBACK, "web3": None} == {
        change.host: change.action for change in plan.changes
    }
    assert any("app on web3 is left: the host is no longer in the inventory" in warning for warning in plan.warnings)


def test_a_rollback_changes_no_fixed_value():
    data = Parameter(name="data", component="app", type="path", value="/data", on_change=OnChange.FIXED)
    made = attrs.evolve(app(), parameters=(data,))
    before = World((made,)).done(install=("app=1.0",))
    after = before.done(upgrade=("app",))

    assert {"rollback 1.0"} == {change.text for change in roll_back(after, before).changes}
    with pytest.raises(PlanningError, match="data cannot change once app is installed: app on web1, web2, web3"):
        roll_back(after, before, data="/other")


@st.composite
def ways(draw):
    """Draw a component with versions and what each can be reached from, and the version that is installed."""
    versions = tuple(f"{number}.0" for number in sorted(draw(st.sets(st.integers(1, 9), min_size=2))))
    lowest = st.sampled_from(versions).map(lambda version: f">={version}")
    origins = draw(st.dictionaries(st.sampled_from(versions), lowest, min_size=1))
    return app(versions, origins), draw(st.sampled_from(versions[:-1]))


def shortest(versions, allowed, old, new):
    """Return the fewest hops from *old* to *new*, by trying all; None if there is no way."""
    between = [version for version in versions if float(old) < float(version) < float(new)]
    for count in range(len(between) + 1):
        for chosen in itertools.combinations(between, count):
            if all(allowed(*hop) for hop in itertools.pairwise((old, *chosen, new))):
                return count + 1
    return None


@settings(deadline=None, max_examples=80)
@given(ways())
def test_every_hop_of_a_way_is_allowed_and_none_is_needless(way):
    """Or there is no way at all, and the plan says so."""
    made, old = way
    origins = made.action(Action.UPGRADE).from_version
    world = World((made,)).done(install=(f"app={old}",))
    hop_count = shortest(made.versions, lambda one, other: fits(origins.get(other), one), old, made.versions[-1])

    try:
        plan = world.plan(upgrade=("app",))
    except PlanningError:
        assert hop_count is None
        return
    way = [(before, after) for before, after, _ in hops(plan)]
    assert hop_count == len(way)
    assert all(fits(origins.get(after), before) and float(before) < float(after) for before, after in way)
    assert [old, *(after for _, after in way)] == [*(before for before, _ in way), made.versions[-1]]
    assert {made.versions[-1]} == {row.version for row in world.apply(plan).record.values()}


def test_a_rollback_within_what_is_no_limit_is_refused():
    """Before Ansible is asked, as with every other request."""
    world = World((app(),)).done(install=("app=1.0",))

    with pytest.raises(PlanningError, match="limit '&' is not a host pattern"):
        rollback_questions(Request(rollback="run1", limit="&"), UndoneRun(tuple(world.record), ()), world.catalog)
