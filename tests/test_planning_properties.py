import itertools
import json

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from installkit.model import OWN_CHECKS, Action, Plan, RunSpec, from_wire, to_wire
from installkit.planning import plan_graph, plan_table
from test_planning import GROUPS, World, component, declared, spec

THOROUGHLY = settings(max_examples=40)

BATCHES = [(), (1,), (2,), ("50%",), (1, "100%")]


@st.composite
def worlds(draw, *, checks=False):
    """
    Draw a site where nothing is installed: components with and without number, manifest, versions and verify.

    With *checks*, some of them declare a check.
    """
    made, plays = [], {}
    for name in draw(st.permutations("abcdefg"))[: draw(st.integers(1, 7))]:
        manifest = draw(st.booleans())
        requires = (
            draw(st.lists(st.sampled_from([each.name for each in made]), unique=True)) if manifest and made else []
        )
        actions = [spec("uninstall", name), spec("upgrade", name, batch=draw(st.sampled_from(BATCHES)))]
        actions += [spec("verify", name)] if draw(st.booleans()) else []
        actions += [spec("check", name)] if checks and draw(st.booleans()) else []
        versions = draw(st.sampled_from([(), ("1.0", "2.0"), ("1.0", "1.5", "2.0")]))
        order = draw(st.none() | st.integers(1, 4)) if manifest else draw(st.integers(1, 4))
        on = draw(st.sampled_from(["db", "web", "all"]))
        fields = {"on": on, "requires": requires, "actions": actions, "manifest": manifest, "versions": versions}
        made.append(component(name, order, **fields))
        plays |= {known.playbook: on for known in made[-1].actions}
    return World(tuple(sorted(made, key=lambda each: (each.order or 99, each.name))), plays=plays)


@st.composite
def installs(draw, world):
    """Draw a request that installs some of *world*'s components."""
    names = [each.name for each in world.components]
    wanted = draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    return {
        "install": tuple(wanted),
        "all": draw(st.booleans()),
        "batch": draw(st.sampled_from(BATCHES)),
        "limit": draw(st.sampled_from([None, "all"])),
    }


def required(world, name):
    """Return the names of all that component *name* requires, directly or not."""
    found, waiting = set(), [name]
    while waiting:
        for requirement in world.catalog[waiting.pop()].requires:
            if requirement.name not in found:
                found.add(requirement.name)
                waiting.append(requirement.name)
    return found


def before(plan):
    """Return by step id the ids of all steps that must have succeeded before it."""
    found = {}
    for step in plan.steps:
        found[step.id] = set(step.needs).union(*(found[need] for need in step.needs))
    return found


@THOROUGHLY
@given(st.data())
def test_a_plan_covers_what_was_asked_and_all_that_requires(data):
    world = data.draw(worlds())
    request = data.draw(installs(world))
    plan = world.plan(**request)
    asked = {each.name for each in world.components} if request["all"] else set(request["install"])

    assert asked.union(*(required(world, name) for name in asked)) == {step.component for step in declared(plan)}


@THOROUGHLY
@given(st.data())
def test_what_is_required_has_ended_before(data):
    world = data.draw(worlds())
    plan = world.plan(**data.draw(installs(world)))
    earlier = before(plan)
    steps = {}
    for step in declared(plan):
        steps.setdefault(step.component, []).append(step.id)

    assert list(range(1, len(declared(plan)) + 1)) == [step.seq for step in declared(plan)]
    for name, own in steps.items():
        for needed in required(world, name):
            assert all(earlier[step].issuperset(steps[needed]) for step in own)


@THOROUGHLY
@given(st.data())
def test_numbers_order_where_a_manifest_is_missing(data):
    """The higher number waits for the lower, unless the lower requires, perhaps through others, a number as high."""
    world = data.draw(worlds())
    plan = world.plan(**data.draw(installs(world)))
    earlier = before(plan)
    planned = [each for each in world.components if any(step.component == each.name for step in declared(plan))]

    for low, high in itertools.permutations([each for each in planned if each.order is not None], 2):
        numbers = [world.catalog[name].order or 0 for name in required(world, low.name)]
        free = max([low.order, *numbers]) < high.order
        if free and not (low.manifest and high.manifest):
            firsts = {step.id for step in declared(plan) if step.component == low.name}
            assert all(earlier[step.id] >= firsts for step in declared(plan) if step.component == high.name)


@THOROUGHLY
@given(st.data())
def test_checks_come_before_any_change(data):
    """The own checks are made on all hosts that change, a component's where it changes; all changes wait for all of them."""
    world = data.draw(worlds(checks=True))
    request = data.draw(installs(world))
    if data.draw(st.booleans()):
        world = world.done(**request)
        request = {"upgrade": tuple({name: None for name, _ in world.record}), "batch": request["batch"]}
    plan = world.plan(**request)
    earlier = before(plan)
    checks = {step.id: step for step in plan.steps if step.action is Action.CHECK}
    changed = {(change.component, change.host) for change in plan.changes if change.action is not None}
    with_check = {each.name for each in world.components if each.action(Action.CHECK)}

    assert list(checks) == [step.id for step in plan.steps[: len(checks)]]
    assert all(earlier[step.id].issuperset(checks) for step in plan.steps[len(checks) :])
    assert all(() == step.needs for step in checks.values())
    assert {host for _, host in changed} == {
        host for step in checks.values() if step.component == OWN_CHECKS for host in step.hosts
    }
    assert {pair for pair in changed if pair[0] in with_check} == {
        (step.component, host) for step in checks.values() if step.component != OWN_CHECKS for host in step.hosts
    }


@THOROUGHLY
@given(st.data())
def test_batches_partition_the_hosts(data):
    world = data.draw(worlds())
    plan = world.plan(**data.draw(installs(world)))

    for each in {step.component for step in declared(plan)}:
        steps = [step for step in declared(plan) if step.component == each and step.action is Action.INSTALL]
        hosts = [host for step in steps for host in step.hosts]
        assert sorted(change.host for change in plan.changes if change.component == each) == sorted(hosts)
        assert ([None] if len(steps) == 1 else list(range(1, len(steps) + 1))) == [step.batch for step in steps]


@THOROUGHLY
@given(st.data())
def test_the_same_request_after_success_plans_nothing(data):
    """Also after runs that failed on the way, whatever failed."""
    world = data.draw(worlds())
    request = data.draw(installs(world))
    for _ in range(data.draw(st.integers(0, 3))):
        plan = world.plan(**request)
        failing = data.draw(st.lists(st.sampled_from([step.id for step in plan.steps]))) if plan.steps else []
        world = world.apply(plan, failing)
    world = world.done(**request)

    assert world.plan(**request).empty
    assert "nothing to change" == world.plan(**request).summary


@THOROUGHLY
@given(st.data())
def test_an_upgrade_reaches_its_version_from_wherever_it_failed(data):
    world = data.draw(worlds())
    first = {each.name: each.versions[0] for each in world.components if each.versions}
    world = world.done(install=tuple(f"{name}={version}" for name, version in first.items()), all=True)
    request = {"upgrade": tuple(each.name for each in world.components)}
    for _ in range(data.draw(st.integers(0, 2))):
        plan = world.plan(**request)
        failing = data.draw(st.lists(st.sampled_from([step.id for step in plan.steps]))) if plan.steps else []
        world = world.apply(plan, failing)
    world = world.done(**request)

    assert world.plan(**request).empty
    assert all(world.catalog[name].default_version == row.version for (name, _), row in world.record.items())


@THOROUGHLY
@given(st.data())
def test_what_was_installed_can_be_uninstalled_in_reverse(data):
    world = data.draw(worlds())
    world = world.done(all=True)
    plan = world.plan(uninstall=tuple(each.name for each in world.components))
    earlier = before(plan)
    step_of = {step.component: step.id for step in declared(plan)}

    assert {} == world.apply(plan).record
    for name, step in step_of.items():
        assert all(step in earlier[step_of[needed]] for needed in required(world, name))


@THOROUGHLY
@given(st.data())
def test_a_plan_does_not_depend_on_the_order_of_what_goes_in(data):
    world = data.draw(worlds())
    request = data.draw(installs(world))
    world = world.done(**request, force=())
    shuffled = attrs.evolve(
        world,
        components=tuple(data.draw(st.permutations(world.components))),
        record=dict(data.draw(st.permutations(list(world.record.items())))),
    )
    request |= {"force": request["install"]}

    assert world.plan(**request) == shuffled.plan(**request)


@THOROUGHLY
@given(st.data())
def test_plans_and_specs_survive_json(data):
    world = data.draw(worlds())
    plan = world.plan(**data.draw(installs(world)))
    run = world.spec(plan)

    assert plan == from_wire(Plan, json.loads(json.dumps(to_wire(plan))))
    assert run == from_wire(RunSpec, json.loads(json.dumps(to_wire(run))))
    assert plan_table(plan).endswith(plan.summary)
    assert len(plan.steps) == sum(" --> " not in line for line in plan_graph(plan).splitlines()[1:])


@THOROUGHLY
@given(st.lists(st.sampled_from(sorted({host for hosts in GROUPS.values() for host in hosts})), unique=True), st.data())
def test_an_interrupted_site_is_repaired(hosts, data):
    """Whatever is left of a record, installing all ends with all installed."""
    world = data.draw(worlds()).done(all=True)
    left = {key: row for key, row in world.record.items() if key[1] not in hosts}
    world = attrs.evolve(world, record=left).done(all=True)

    assert world.plan(all=True).empty
