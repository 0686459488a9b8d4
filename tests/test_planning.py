from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

from installkit.errors import DependencyCycleError, PlanningError, UnknownNameError
from installkit.model import (
    OWN_CHECKS,
    Action,
    ActionDefinition,
    Catalog,
    Component,
    Event,
    EventKind,
    Host,
    HostStatus,
    InstallationStatus,
    Inventory,
    OnChange,
    Parameter,
    Play,
    Request,
    Requirement,
    RunOptions,
    SiteParameters,
    StepSnapshot,
    StepStatus,
    Targets,
    record_event,
)
from installkit.planning import (
    NamedVersion,
    Stamp,
    digest_inputs,
    make_plan,
    make_spec,
    moved_hosts,
    parse_wanted,
    plan_graph,
    plan_table,
    questions,
    resumed_request,
    stale_changes,
)
from installkit.planning.limits import limit_parts

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FOLDER = Path("/catalog")
CHECK_PLAYBOOK = Path("/installkit/host.check.yml")
GROUPS = {"db": ("db1", "db2"), "web": ("web1", "web2", "web3"), "none": ()}


def component(name, order=None, *, on="db", requires=(), actions=(), manifest=True, **fields):
    """Return a component with an install playbook for group *on* and one for each of *actions*, names or specs."""
    number = "" if order is None else f"{order:02d}."
    specs = [action if isinstance(action, ActionDefinition) else spec(action, name) for action in actions]
    install = ActionDefinition(action=Action.INSTALL, playbook=f"{number}{name}.yml")
    if not any(known.action is Action.INSTALL for known in specs):
        specs = [install, *specs]
    return Component(
        name=name,
        title=name,
        folder=FOLDER,
        order=order,
        requires=tuple(Requirement(*each.split(" ", 1)) for each in requires),
        actions=tuple(specs),
        manifest=FOLDER / f"{name}.component.yml" if manifest else None,
        hosts=on if manifest else None,
        **{"files": {known.playbook: f"digest of {known.playbook}" for known in specs}, **fields},
    )


def spec(action, name, **fields):
    """Return an action of the component *name* with a playbook of its own."""
    return ActionDefinition(action=Action(action), playbook=f"{name}.{Action(action).value}.yml", **fields)


@attrs.frozen
class World:
    """
    A site for planning: what Ansible, the catalog and the record would say.

    Attributes:
        plays: Pattern by playbook, where it is not the component's own (`db` without one).
        record: As `record_event` keeps it.
        runs: How many runs there have been.
        continued: The runs that a plan goes on with.
    """

    components: tuple = ()
    groups: dict = attrs.field(factory=lambda: dict(GROUPS))
    plays: dict = attrs.field(factory=dict)
    problems: dict = attrs.field(factory=dict)
    dropped: dict = attrs.field(factory=dict)
    parameters: SiteParameters = attrs.field(factory=SiteParameters)
    record: dict = attrs.field(factory=dict)
    runs: int = 0
    static: bool = True
    continued: frozenset = frozenset()

    @property
    def catalog(self):
        """The components as a catalog."""
        return Catalog(folder=FOLDER, components=self.components, dropped=self.dropped)

    @property
    def inventory(self):
        """The hosts as an inventory."""
        names = dict.fromkeys(host for hosts in self.groups.values() for host in hosts)
        hosts = [
            Host(name=name, groups=tuple(sorted(g for g in self.groups if name in self.groups[g]))) for name in names
        ]
        files = {"/site/hosts.yml": str(self.groups)}
        return Inventory(
            sources=(Path("/site/hosts.yml"),),
            hosts=tuple(hosts),
            groups=("all", *sorted(self.groups)),
            files=files,
            static=self.static,
        )

    def hosts(self, pattern):
        """Return what Ansible would say of the host *pattern*."""
        if pattern == "all":
            return self.inventory.names
        named = [self.groups.get(part, (part,)) for part in pattern.split(",")]
        known = {*self.inventory.names, "localhost"}
        return tuple(dict.fromkeys(host for hosts in named for host in hosts if host in known))

    def targets(self, request):
        """Return Ansible's answer to what planning asks."""
        asked = questions(request, self.catalog, self.record.values())
        default = {str(c.playbook_path(s)): c.hosts or "db" for c in self.components for s in c.actions}
        plays = {}
        for path in map(str, asked.playbooks):
            patterns = self.plays.get(Path(path).name, default[path]).split(" ")
            plays[path] = tuple(Play(f"play {number}", each, self.hosts(each)) for number, each in enumerate(patterns))
        patterns = {pattern: self.hosts(pattern) for pattern in asked.patterns}
        return Targets(plays=plays, patterns=patterns, problems=self.problems)

    def plan(self, **values):
        """Return the plan for a request of *values*."""
        request = Request(**values)
        return make_plan(
            request,
            self.catalog,
            self.inventory,
            self.targets(request),
            self.record.values(),
            stamp=Stamp(
                f"run{self.runs}", "acme", f"run{self.runs - 1}" if self.runs else None, NOW, continued=self.continued
            ),
            parameters=self.parameters,
        )

    def spec(self, plan):
        """Return the run spec of *plan*."""
        return make_spec(
            plan,
            self.catalog,
            self.inventory,
            self.targets(plan.request),
            RunOptions(),
            run=plan.id,
            created_at=NOW,
            check_playbook=CHECK_PLAYBOOK,
            parameters=self.parameters,
            installed=self.record.values(),
        )

    def apply(self, plan, failing=()):
        """Return the world after a run of *plan* in which the steps with the ids *failing* failed on all hosts."""
        record = self.record
        for event in run_events(self.spec(plan), failing):
            record = record_event(record, "acme", event)
        return attrs.evolve(self, record=dict(record), runs=self.runs + 1)

    def done(self, **request):
        """Return the world after a good run of *request*."""
        return self.apply(self.plan(**request))


def run_events(spec, failing=()):
    """Yield what the engine reports of a run in which the steps with the ids *failing*, and those after them, fail."""
    lost = set()
    for seq, (step, details) in enumerate(zip(spec.plan.steps, spec.steps, strict=True), start=1):
        about = {"component": step.component, "action": step.action, "hosts": list(step.hosts)}
        about |= {"to_version": step.to_version, "verify_follows": details.verify_follows}
        about |= {"others": list(step.others), "vouches_for": list(step.vouches_for)}
        fields = {"time": NOW, "run": spec.run, "step": step.id}
        if lost.intersection(step.needs):
            lost.add(step.id)
            continue
        yield Event(seq=2 * seq, kind=EventKind.STEP_STARTED, data={**about, "inputs": dict(details.inputs)}, **fields)
        status = HostStatus.FAILED if step.id in failing else HostStatus.OK
        lost.update({step.id} if step.id in failing else ())
        statuses = dict.fromkeys(step.hosts, status)
        ended = StepStatus.FAILED if step.id in failing else StepStatus.SUCCEEDED
        data = {**about, "host_statuses": statuses}
        yield Event(seq=2 * seq + 1, kind=EventKind.STEP_FINISHED, status=ended, data=data, **fields)
    yield Event(seq=10**6, time=NOW, kind=EventKind.RUN_FINISHED, run=spec.run, status="succeeded")


def texts(plan):
    """Return *plan*'s changes in words, by component and host."""
    return {(change.component, change.host): change.text for change in plan.changes}


def reasons(plan):
    """Return the reasons of *plan*'s changes, by component and host."""
    return {(change.component, change.host): change.reason for change in plan.changes}


def declared(plan):
    """Return the steps of *plan* that its catalog declares: without installkit's own checks, and as if none needed these."""
    own = {step.id for step in plan.steps if step.component == OWN_CHECKS}
    return [
        attrs.evolve(step, needs=tuple(need for need in step.needs if need not in own))
        for step in plan.steps
        if step.id not in own
    ]


def declared_specs(spec):
    """Return what the steps of a run that its catalog declares take."""
    return [each for each in spec.steps if not each.own]


def done(plan):
    """Return what the declared steps of *plan* do, in order."""
    return [(step.action.value, step.component, step.hosts) for step in declared(plan)]


MYSQL = component("mysql", 3, versions=("1.0", "2.0"))
PORTAL = component("portal", 8, on="web", requires=["mysql >=1.0"])


BASE, STOP = component("base", 1, manifest=False), component("stop", 92, caution="92.stop.yml: its name says 'stop'")


def names(plan):
    """Return the components of *plan*, in order."""
    return list(dict.fromkeys(change.component for change in plan.changes))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        pytest.param({"all": True, "exclude": ("stop",)}, ["base", "mysql", "portal"], id="name"),
        pytest.param({"all": True, "exclude": ("092", "8")}, ["base", "mysql"], id="numbers"),
        pytest.param({"all": True, "exclude": ("8-99",)}, ["base", "mysql"], id="range"),
        pytest.param({"all": True, "exclude": ("01.base.yml",)}, ["mysql", "portal", "stop"], id="file name"),
        pytest.param({"install": ("1-92",), "exclude": ("stop",)}, ["base", "mysql", "portal"], id="of a range"),
        pytest.param({"force": ("1-92",), "exclude": ("8-92",)}, ["base", "mysql"], id="of a forced range"),
        pytest.param({"install": ("mysql",), "exclude": ("stop",)}, ["mysql"], id="of nothing"),
        pytest.param({"install": ("2-008",)}, ["mysql", "portal"], id="a range with gaps"),
        pytest.param({"install": ("001-3",)}, ["base", "mysql"], id="a range with zeros"),
        pytest.param({"install": ("1-3", "3-8", "mysql=1.0")}, ["base", "mysql", "portal"], id="ranges that overlap"),
        pytest.param({"install": ("8-8",)}, ["mysql", "portal"], id="what a range requires"),
    ],
)
def test_what_is_excluded_and_what_a_range_takes(request_, expected):
    """Exclude takes names as every other entry does, and takes away from `all` and from ranges."""
    assert expected == names(World((BASE, MYSQL, PORTAL, STOP)).plan(**request_))


def test_a_name_beside_a_range_says_more():
    """Its version holds."""
    plan = World((BASE, MYSQL)).plan(install=("1-3", "mysql=1.0"))

    assert {"mysql": "1.0", "base": None} == {change.component: change.to_version for change in plan.changes}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        pytest.param({"all": True, "exclude": ("nope",)}, "no component is named 'nope'", id="unknown"),
        pytest.param({"all": True, "exclude": ("5",)}, "no component is named '5'", id="unknown number"),
        pytest.param(
            {"all": True, "exclude": ("4-7",)}, "no component of /catalog has a number in the range 4-7", id="empty"
        ),
        pytest.param({"all": True, "exclude": ("mysql",)}, "portal requires mysql, which is excluded", id="required"),
        pytest.param(
            {"install": ("8-9",), "exclude": ("3",)}, "portal requires mysql, which is excluded", id="by a range"
        ),
        pytest.param({"install": ("03",), "exclude": ("mysql",)}, "mysql is asked for and excluded", id="asked for"),
        pytest.param(
            {"restart": ("base",), "exclude": ("1-2",)}, "base is asked for and excluded", id="another action"
        ),
        pytest.param({"force": ("base",), "exclude": ("base",)}, "base is asked for and excluded", id="forced"),
        pytest.param(
            {"all": True, "exclude": ("1-99",)}, "nothing is left: all that is asked for is excluded", id="all"
        ),
        pytest.param({"all": True, "exclude": ("mysql=1.0",)}, "exclude takes no version, but", id="version"),
        pytest.param({"install": ("4-7",)}, "no component of /catalog has a number in the range 4-7", id="empty range"),
        pytest.param({"install": ("7-4",)}, "range '7-4' goes from a higher number to a lower one", id="wrong way"),
        pytest.param({"install": ("1-8=2.0",)}, "'1-8=2.0' gives one version to a range", id="versions"),
        pytest.param(
            {"install": ("1-8",), "stop": ("3",)}, "mysql is asked for twice: stop, install", id="two actions"
        ),
    ],
)
def test_exclusions_and_ranges_that_cannot_be_meant(request_, message):
    """What is asked for is done, or refused; never a part of it unsaid."""
    with pytest.raises(PlanningError) as refused:
        World((BASE, MYSQL, PORTAL, STOP)).plan(**request_)

    assert message == str(refused.value)[: len(message)]


def test_the_limit_may_leave_no_host_of_what_a_range_takes():
    """A range names nobody, as `all` does."""
    assert ["base", "mysql"] == names(
        World((BASE, MYSQL, component("web", 5, on="web"))).plan(install=("1-5",), limit="db")
    )


def test_a_plan_warns_of_a_name_that_says_another_action():
    """Wherever it would be installed, and only there."""
    world = World((BASE, STOP))
    caution = STOP.caution

    warned = [
        world.plan(all=True),
        world.plan(install=("92",)),
        world.plan(install=("1-99",)),
        world.plan(force=("stop",)),
    ]
    silent = [
        world.plan(install=("base",)),
        world.plan(all=True, exclude=("stop",)),
        world.done(all=True).plan(all=True),
    ]
    assert [True] * 4 == [caution in plan.warnings for plan in warned]
    assert [False] * 3 == [caution in plan.warnings for plan in silent]


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        ((), ["02.my db.yml: not a component", "04.zk.yml: cannot be read"]),
        (("02.my db.yml",), ["04.zk.yml: cannot be read"]),
        (("2", "4"), []),
        (("2-4",), []),
        (("zk",), ["02.my db.yml: not a component"]),
    ],
)
def test_dropped_playbooks_are_in_every_plan_until_they_are_excluded(exclude, expected):
    """Who numbered them may think that they are done."""
    dropped = {"02.my db.yml": "not a component", "04.zk.yml": "cannot be read"}
    world = World((BASE, component("zk", 4)), dropped=dropped)

    assert expected == list(world.plan(install=("base",), exclude=exclude).warnings)


@pytest.mark.parametrize("exclude", ["zk", "4", "004", "4-4", "2-4", "zk.yml"])
def test_a_component_that_cannot_be_read_is_excluded_by_every_name(exclude):
    """It is dropped and a component at once: so all others can be planned."""
    zk = component("zk", 4, manifest=False)
    dropped = {"02.my db.yml": "not a component", "04.zk.yml": "cannot be read"}
    world = World((BASE, zk), dropped=dropped, problems={"/catalog/04.zk.yml": "no YAML"})

    assert ["base"] == names(world.plan(all=True, exclude=(exclude.replace("zk.yml", "04.zk.yml"),)))


def test_a_number_that_several_have_excludes_none_unsaid():
    """Also where a dropped playbook has it."""
    world = World((component("a", 3), component("b", 3)), dropped={"03.my db.yml": "not a component"})

    with pytest.raises(UnknownNameError, match="'3' means several components: a, b"):
        world.plan(all=True, exclude=("3",))
    with pytest.raises(PlanningError, match="nothing is left"):
        world.plan(all=True, exclude=("3-3",))


def test_a_range_of_dropped_playbooks_says_so():
    """It is not that nothing is there."""
    world = World((BASE,), dropped={"02.my db.yml": "not a component"})

    with pytest.raises(UnknownNameError, match=r"in the range 2-3\n02\.my db\.yml: not a component"):
        world.plan(install=("2-3",))


def test_going_on_excludes_what_was_excluded_and_more():
    """Of a range with what leaves no trace, only what is left is done again."""
    actions = ("restart",)
    world = World(tuple(component(name, order, actions=actions) for order, name in enumerate("abcd", 1)))
    old = Request(restart=("1-4",), exclude=("d",))
    plan = world.done(install=tuple("abcd")).plan(restart=old.restart, exclude=old.exclude)
    ended = {"a": StepStatus.SUCCEEDED, "b": StepStatus.FAILED, "c": StepStatus.FAILED}
    steps = [StepSnapshot(**attrs.asdict(step, recurse=False), status=ended[step.component]) for step in declared(plan)]

    rest = resumed_request(old, Request(resume="7f3c", exclude=("3",)), world.catalog, done=steps)

    assert (("b",), ("d", "3")) == (rest.restart, rest.exclude)


def test_a_plan_prints_as_its_steps():
    """What is required comes first; a line says what is done where."""
    plan = World((MYSQL, PORTAL)).plan(install=("portal",))

    assert [
        "0. check db1, db2, web1, web2, web3",
        "1. install mysql on db1, db2",
        "2. install portal on web1, web2, web3",
    ] == str(plan).splitlines()
    assert plan.summary == "2 to install; 2 steps on 5 hosts"


@pytest.mark.parametrize("name", ["mysql", "3", "03", "03.mysql.yml"])
def test_a_component_may_be_named_by_number_or_file(name):
    plan = World((MYSQL, PORTAL)).plan(install=(name,))

    assert [("install", "mysql", ("db1", "db2"))] == done(plan)


@pytest.mark.parametrize("text", ["", "=1", "mysql=", "my sql", "mysql==1"])
def test_what_asks_for_no_component_is_refused(text):
    with pytest.raises(PlanningError, match="asks for no component"):
        parse_wanted(text)


def test_an_entry_is_a_name_and_perhaps_a_version():
    assert NamedVersion("mysql", "2.0") == parse_wanted("mysql=2.0")
    assert NamedVersion("mysql") == parse_wanted("mysql")


def test_a_number_gives_order_but_no_requirement():
    """Without manifests, one component is planned alone, and several wait for the lower numbers."""
    world = World(tuple(component(name, order, manifest=False) for name, order in [("a", 1), ("b", 2), ("c", 2)]))

    assert ["c"] == [step.component for step in declared(world.plan(install=("c",)))]
    assert [(), ("01-a-install",), ("01-a-install",)] == [step.needs for step in declared(world.plan(all=True))]


def test_with_manifests_on_both_sides_only_requirements_count():
    plan = World((component("a", 1), component("b", 2), component("c", 3, requires=["a"]))).plan(all=True)

    assert {"a": (), "b": (), "c": ("01-a-install",)} == {step.component: step.needs for step in declared(plan)}


def test_a_requirement_beats_a_number():
    """What requires a higher number takes that one's place, also for the numbers between."""
    world = World((component("early", 5, requires=["late"]), component("mid", 6), component("late", 8, manifest=False)))

    assert ["mid", "late", "early"] == [step.component for step in declared(world.plan(all=True))]


def test_order_passes_through_what_stays_as_it_is():
    chain = (component("a"), component("b", requires=["a"]), component("c", requires=["b"]))
    world = World(chain).done(install=("b",))
    plan = attrs.evolve(world, record={k: v for k, v in world.record.items() if k[0] != "a"}).plan(install=("c",))

    assert [("install", "a", ("db1", "db2")), ("install", "c", ("db1", "db2"))] == done(plan)
    assert ("01-a-install",) == declared(plan)[1].needs


def test_components_that_require_each_other_are_refused():
    world = World((component("a", requires=["b"]), component("b", requires=["c"]), component("c", requires=["b"])))

    with pytest.raises(DependencyCycleError) as caught:
        world.plan(install=("a",))

    assert {"b", "c"} == set(caught.value.cycle)
    assert caught.value.cycle[0] == caught.value.cycle[-1]


def test_an_unknown_requirement_is_named_with_who_requires_it():
    with pytest.raises(UnknownNameError, match="a requires 'nowhere'"):
        World((component("a", requires=["nowhere"]),)).plan(install=("a",))


def test_reasons_say_why():
    world = World((MYSQL, PORTAL)).done(install=("mysql",))
    plan = attrs.evolve(world, groups={**GROUPS, "db": ("db1", "db2", "db3")}).plan(install=("portal",))

    assert "new host" == reasons(plan)["mysql", "db3"]
    assert "requested" == reasons(plan)["portal", "web1"]
    assert "required by portal" == reasons(World((MYSQL, PORTAL)).plan(install=("portal",)))["mysql", "db1"]


def test_a_new_host_gets_the_version_of_the_others_and_they_run_along():
    """No limit is needed where the other hosts are in the version aimed at."""
    world = World((MYSQL,)).done(install=("mysql=1.0",))
    plan = attrs.evolve(world, groups={**GROUPS, "db": ("db1", "db2", "db3")}).plan(install=("mysql",))

    assert [("install", "mysql", ("db1", "db2", "db3"))] == done(plan)
    assert not declared(plan)[0].limited
    assert "install 1.0" == texts(plan)["mysql", "db3"]
    assert (
        "unchanged; its playbook runs here too, since it runs on all of these hosts together"
        == texts(plan)["mysql", "db1"]
    )


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        pytest.param({"install": ("mysql",)}, "2.0", id="default"),
        pytest.param({"install": ("mysql=1.0",)}, "1.0", id="asked"),
    ],
)
def test_a_version_is_as_asked_or_the_last(asked, target):
    assert {target} == {change.to_version for change in World((MYSQL,)).plan(**asked).changes}


def test_install_leaves_an_installed_version_and_says_what_is_available():
    plan = World((MYSQL,)).done(install=("mysql=1.0",)).plan(install=("mysql",))

    assert "unchanged, 2.0 available" == texts(plan)["mysql", "db1"]
    assert "nothing to change" == plan.summary == str(plan)


def test_install_of_another_version_names_the_upgrade():
    with pytest.raises(PlanningError, match=r"mysql on db1, db2 is 1\.0") as caught:
        World((MYSQL,)).done(install=("mysql=1.0",)).plan(install=("mysql=2.0",))

    assert "--upgrade mysql=2.0" in caught.value.remedy


def test_upgrade_goes_from_what_is_installed_to_the_default():
    world = World((MYSQL,)).done(install=("mysql=1.0",))
    plan = world.plan(upgrade=("mysql",))

    assert "upgrade 1.0 → 2.0" == texts(plan)["mysql", "db1"]
    assert "1. upgrade mysql 1.0 → 2.0 on db1, db2" == str(plan).splitlines()[1]
    assert all(change.disruptive and not change.destructive for change in plan.changes)
    assert world.apply(plan).plan(upgrade=("mysql",)).empty


@pytest.mark.parametrize(
    ("installed", "asked", "message"),
    [
        pytest.param(None, "mysql", "is not installed", id="not installed"),
        pytest.param("2.0", "mysql=1.0", "an upgrade does not go back", id="downgrade"),
        pytest.param("1.0", "mysql=3.0", "has no version '3.0'", id="unknown version"),
        pytest.param("1.0", "mysql", "upgrades to 2.0 from >=1.5 only", id="from"),
    ],
)
def test_an_upgrade_that_cannot_be_is_refused(installed, asked, message):
    mysql = component("mysql", 3, versions=("1.0", "2.0"), actions=[spec("upgrade", "mysql", from_version=">=1.5")])
    world = World((mysql,)).done(install=(f"mysql={installed}",)) if installed else World((mysql,))

    with pytest.raises(PlanningError, match=message):
        world.plan(upgrade=(asked,))


def test_versions_without_numbers_are_in_the_manifests_order():
    world = World((component("app", versions=("warty", "hoary")),)).done(install=("app",))

    with pytest.raises(PlanningError, match="hoary, newer than warty"):
        world.plan(upgrade=("app=warty",))


def test_revisions_of_a_package_are_in_the_manifests_order():
    """What follows a `+` is a word to Python, where `deb12u11` would come before `deb12u9`."""
    revisions = ("1.22.1-9+deb12u9", "1.22.1-9+deb12u11")
    world = World((component("nginx", versions=revisions),)).done(install=(f"nginx={revisions[0]}",))

    assert "upgrade 1.22.1-9+deb12u9 → 1.22.1-9+deb12u11" == texts(world.plan(upgrade=("nginx",)))["nginx", "db1"]


@pytest.mark.parametrize(
    ("versions", "message"),
    [
        pytest.param(("11",), "portal requires java >=17, but java 11 is planned for db1", id="too old"),
        pytest.param((), "portal requires java >=17, but an unknown version of java is planned", id="unknown"),
        pytest.param(("warty",), "portal requires java >=17, but java warty is planned for db1", id="no number"),
    ],
)
def test_a_requirement_that_cannot_be_met_names_both_sides(versions, message):
    world = World((component("java", on="db1", versions=versions), component("portal", requires=["java >=17"])))

    with pytest.raises(PlanningError, match=message):
        world.plan(install=("portal",))


def test_an_installed_requirement_must_fit_and_an_upgrade_with_it_helps():
    world = World((component("java", versions=("11", "17")), component("portal", requires=["java >=17"])))
    world = world.done(install=("java=11",))

    with pytest.raises(PlanningError, match="java 11 is installed on db"):
        world.plan(install=("portal",))
    assert ["java", "portal"] == [s.component for s in declared(world.plan(install=("portal",), upgrade=("java",)))]


def test_an_upgrade_must_not_break_what_stays():
    world = World((component("java", versions=("11", "17")), component("portal", requires=["java <17"])))
    world = world.done(install=("java=11", "portal"))

    with pytest.raises(PlanningError, match="portal requires java <17, but java 17 is planned"):
        world.plan(upgrade=("java",))


def test_uninstall_goes_in_reverse_and_leaves_nothing():
    world = World((attrs.evolve(MYSQL, actions=(*MYSQL.actions, spec("uninstall", "mysql"))), PORTAL))
    world = attrs.evolve(
        world,
        components=(world.components[0], attrs.evolve(PORTAL, actions=(*PORTAL.actions, spec("uninstall", "portal")))),
    ).done(all=True)
    plan = world.plan(uninstall=("mysql", "portal"))

    assert ["portal", "mysql"] == [step.component for step in declared(plan)]
    assert ("01-portal-uninstall",) == declared(plan)[1].needs
    assert all(change.destructive and change.disruptive and change.to_version is None for change in plan.changes)
    assert {} == world.apply(plan).record
    assert "unchanged, not installed" == world.apply(plan).plan(uninstall=("mysql", "portal")).changes[0].reason


@pytest.mark.parametrize("purge", [pytest.param(False, id="data stays"), pytest.param(True, id="data goes")])
def test_data_goes_only_where_that_is_asked_for(purge):
    """The playbook is told, and the plan says so."""
    mysql = attrs.evolve(MYSQL, actions=(*MYSQL.actions, spec("uninstall", "mysql")))
    world = World((mysql,)).done(install=("mysql",))
    plan = world.plan(uninstall=("mysql",), purge=purge)

    assert purge is declared_specs(world.spec(plan))[0].variables["component_purge"]
    assert (("the data of mysql goes with it",) if purge else ()) == plan.warnings


def test_what_another_installed_component_requires_is_not_uninstalled():
    world = World((attrs.evolve(MYSQL, actions=(*MYSQL.actions, spec("uninstall", "mysql"))), PORTAL)).done(all=True)

    with pytest.raises(PlanningError, match=r"portal requires mysql >=1\.0, but mysql is to be uninstalled"):
        world.plan(uninstall=("mysql",))


def test_what_requires_something_that_is_restarted_only_needs_it_to_be_there():
    world = World((component("mysql", actions=["restart"]), component("app", requires=["mysql"]))).done(
        install=("mysql",)
    )

    assert ["mysql", "app"] == [step.component for step in declared(world.plan(install=("app",), restart=("mysql",)))]


def test_what_is_uninstalled_goes_before_what_is_installed():
    old = component("old", 9, actions=["uninstall"])
    world = World((old, component("new", 1))).done(install=("old",))
    plan = world.plan(install=("new",), uninstall=("old",))

    assert [("uninstall", "old", ("db1", "db2")), ("install", "new", ("db1", "db2"))] == done(plan)
    assert ("01-old-uninstall",) == declared(plan)[1].needs


@pytest.mark.parametrize("failed", ["01-mysql-install", "02-mysql-verify"])
def test_what_failed_is_repaired(failed):
    world = World((attrs.evolve(MYSQL, actions=(*MYSQL.actions, spec("verify", "mysql"))),))
    plan = world.apply(world.plan(install=("mysql=1.0",)), failing=[failed]).plan(install=("mysql",))

    assert {"repair"} == set(reasons(plan).values())
    assert {"install 1.0"} == set(texts(plan).values())


def test_a_failed_upgrade_is_repaired_by_upgrading():
    world = World((MYSQL,)).done(install=("mysql=1.0",))
    world = world.apply(world.plan(upgrade=("mysql",)), failing=["01-mysql-upgrade"])
    plan = world.plan(install=("mysql",))

    assert {"upgrade 1.0 → 2.0"} == set(texts(plan).values())
    assert world.apply(plan).plan(upgrade=("mysql",)).empty


def test_a_first_install_that_failed_is_repaired_by_installing_what_an_upgrade_asks_for():
    world = World((MYSQL,))
    plan = world.apply(world.plan(install=("mysql=1.0",)), failing=["01-mysql-install"]).plan(upgrade=("mysql",))

    assert {"install 2.0"} == set(texts(plan).values())
    assert {"repair"} == set(reasons(plan).values())


def test_a_failed_restart_is_repaired_by_installing_what_was_proved():
    mysql = attrs.evolve(MYSQL, actions=(*MYSQL.actions, spec("restart", "mysql")))
    world = World((mysql,)).done(install=("mysql=1.0",))
    world = world.apply(world.plan(restart=("mysql",)), failing=["01-mysql-restart"])

    assert {"install 1.0"} == set(texts(world.plan(install=("mysql",))).values())
    with pytest.raises(PlanningError, match=r"is 1\.0; install does not change it to 2\.0"):
        world.plan(install=("mysql=2.0",))


def test_a_failed_upgrade_is_not_installed_over():
    world = World((MYSQL,)).done(install=("mysql=1.0",))
    world = world.apply(world.plan(upgrade=("mysql",)), failing=["01-mysql-upgrade"])

    with pytest.raises(PlanningError, match=r"is on the way to 2\.0; install does not change it to 1\.0") as refused:
        world.plan(install=("mysql=1.0",))
    assert "roll back the run that upgraded it" == refused.value.remedy


def test_without_known_versions_an_upgrade_waits_for_force():
    world = World((component("app"),)).done(install=("app",))

    assert "unchanged, versions unknown" == texts(world.plan(upgrade=("app",)))["app", "db1"]
    assert [("upgrade", "app", ("db1", "db2"))] == done(world.plan(upgrade=("app",), force=("app",)))


def test_a_version_is_available_to_what_was_installed_without_one():
    world = attrs.evolve(
        World((component("app"),)).done(install=("app",)), components=(component("app", versions=("2",)),)
    )

    assert "unchanged, 2 available" == texts(world.plan(install=("app",)))["app", "db1"]


def test_a_failed_component_is_not_restarted_into_looking_well():
    """A restart proves nothing about an upgrade that failed."""
    mysql = attrs.evolve(MYSQL, actions=(*MYSQL.actions, spec("restart", "mysql")))
    world = World((mysql,)).done(install=("mysql=1.0",))
    world = world.apply(world.plan(upgrade=("mysql",)), failing=["01-mysql-upgrade"])

    with pytest.raises(PlanningError, match="is failed since upgrade") as caught:
        world.plan(restart=("mysql",))
    assert "install mysql" in caught.value.remedy


def test_force_carries_out_what_did_not_change():
    world = World((MYSQL, PORTAL)).done(install=("portal",))
    plan = world.plan(install=("portal",), force=("mysql",))

    assert {"mysql": "forced", "portal": "unchanged"} == {change.component: change.reason for change in plan.changes}
    assert [("install", "mysql", ("db1", "db2"))] == done(plan)
    assert "1 to install, 1 unchanged; 1 step on 2 hosts" == plan.summary


def test_an_edited_playbook_is_a_warning_that_names_force():
    world = World((MYSQL,)).done(install=("mysql",))
    plan = attrs.evolve(world, components=(attrs.evolve(MYSQL, files={"03.mysql.yml": "edited"}),)).plan(all=True)

    assert plan.empty
    assert [
        "the playbooks of mysql, or files beside them, changed since it was installed on db1, db2; force carries them out again"
    ] == list(plan.warnings)


@pytest.mark.parametrize("action", ["configure", "start", "stop", "restart", "backup"])
def test_other_actions_need_what_is_installed_and_are_done_each_time(action):
    mysql = attrs.evolve(MYSQL, actions=(*MYSQL.actions, spec(action, "mysql")))
    world = World((mysql,)).done(install=("mysql=1.0",))

    with pytest.raises(PlanningError, match="is not installed"):
        World((mysql,)).plan(**{action: ("mysql",)})
    once = world.done(**{action: ("mysql",)})
    assert [(action, "mysql", ("db1", "db2"))] == done(once.plan(**{action: ("mysql",)}))
    assert {"1.0"} == {row.version for row in once.record.values()}
    assert once.plan(install=("mysql",)).empty


def test_an_action_is_done_where_the_component_is_installed():
    mysql = attrs.evolve(MYSQL, actions=(*MYSQL.actions, spec("stop", "mysql")))
    plan = World((mysql,)).done(install=("mysql",), limit="db1").plan(stop=("mysql",))

    assert [("stop", "mysql", ("db1",))] == done(plan)
    assert "unchanged, not installed" == texts(plan)["mysql", "db2"]


@pytest.mark.parametrize("action", ["verify", "check"])
def test_read_only_actions_need_nothing_installed_and_leave_no_record(action):
    world = World((component("mysql", actions=[action]),))
    plan = world.plan(**{action: ("mysql",)})

    assert plan.read_only
    assert [(action, "mysql", ("db1", "db2"))] == done(plan)
    assert {} == world.apply(plan).record


def test_an_undeclared_action_is_refused_with_what_is_declared():
    with pytest.raises(PlanningError, match=r"mysql has no action 'stop'; declared: install") as caught:
        World((MYSQL,)).plan(stop=("mysql",))

    assert "03.mysql.stop.yml" in caught.value.remedy


def test_verify_is_a_step_of_its_own_that_others_wait_for():
    plan = World((component("mysql", actions=["verify"]), component("portal", requires=["mysql"]))).plan(all=True)

    assert [
        ("01-mysql-install", ()),
        ("02-mysql-verify", ("01-mysql-install",)),
        ("03-portal-install", ("02-mysql-verify",)),
    ] == [(step.id, step.needs) for step in declared(plan)]


def test_a_verify_from_elsewhere_vouches_for_all():
    """A verify playbook for localhost proves what the step before it changed, on all of its hosts, or none of it."""
    world = World((component("mysql", actions=["verify"]),), plays={"mysql.verify.yml": "localhost"})
    plan = world.plan(install=("mysql",))

    assert [("install", "mysql", ("db1", "db2")), ("verify", "mysql", ("localhost",))] == done(plan)
    assert () == plan.warnings
    good, bad = world.apply(plan), world.apply(plan, failing=["02-mysql-verify"])
    assert {("installed", NOW)} == {(row.status, row.verified_at) for row in good.record.values()}
    assert {("failed", None)} == {(row.status, row.verified_at) for row in bad.record.values()}
    assert {("mysql", "db1"), ("mysql", "db2")} == good.record.keys() == bad.record.keys()
    assert {"repair"} == set(reasons(bad.plan(install=("mysql",))).values())


def test_a_verify_asked_for_alone_vouches_from_elsewhere_too():
    world = World((component("mysql", actions=["verify"]),), plays={"mysql.verify.yml": "localhost"})
    world = world.done(install=("mysql",))
    plan = world.plan(verify=("mysql",))

    assert [("verify", "mysql", ("localhost",))] == done(plan)
    assert [("db1", "db2")] == [step.vouches_for for step in declared(plan)]
    bad = world.apply(plan, failing=["01-mysql-verify"])
    assert {("failed", "verify")} == {(row.status, row.action) for row in bad.record.values()}
    with pytest.raises(PlanningError, match="which runs on localhost"):
        world.plan(verify=("mysql",), limit="db1")


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        pytest.param({"db1": "ok", "db2": "ok", "localhost": "ok"}, ("installed", "installed"), id="all good"),
        pytest.param({"db1": "ok", "db2": "ok", "localhost": "failed"}, ("failed", "failed"), id="beside them"),
        pytest.param({"db1": "ok", "db2": "failed", "localhost": "ok"}, ("installed", "failed"), id="one of them"),
        pytest.param({"db1": "ok", "db2": "ok", "localhost": "unfinished"}, ("installed", "installed"), id="no end"),
        pytest.param(
            {"db1": "unfinished", "db2": "unreachable", "localhost": "ok"}, ("installed", "failed"), id="lost"
        ),
    ],
)
def test_a_verify_on_others_too_says_what_all_of_its_plays_say(statuses, expected):
    """One that came to no end says nothing; one that failed beside the component's hosts speaks against all."""
    world = World((component("mysql", actions=["verify"]),), plays={"mysql.verify.yml": "db localhost"})
    world = world.done(install=("mysql",))
    (step,) = declared(world.plan(verify=("mysql",)))
    data = {"component": "mysql", "action": "verify", "others": step.others, "host_statuses": statuses}
    event = Event(seq=1, time=NOW, kind=EventKind.STEP_FINISHED, run="v", step=step.id, status="failed", data=data)
    record = record_event(world.record, "acme", event)

    assert (("db1", "db2", "localhost"), ("localhost",)) == (step.hosts, step.others)
    assert expected == tuple(record["mysql", host].status for host in ("db1", "db2"))


WITH_MORE = component("mysql", versions=("1.0", "2.0"), actions=["restart", "stop", "backup"])
VERIFIED = component("mysql", versions=("1.0", "2.0"), actions=["verify", "upgrade", "restart", "stop", "backup"])


def _disproved(**request):
    world = World((VERIFIED,)).done(**(request or {"install": ("mysql=1.0",)}))
    return world.apply(world.plan(verify=("mysql",)), failing=["01-mysql-verify"])


def test_a_failed_verify_marks_what_is_installed_and_the_next_plan_repairs():
    """The version stays the one that was proved last; it is not changed by the repair, and a new host gets it too."""
    world = _disproved()
    (row, _) = world.record.values()

    assert ("failed", "verify", "1.0", "run1", "run0") == (row.status, row.action, row.version, row.run, row.changed_by)
    assert NOW == row.verified_at
    plan = world.plan(install=("mysql",))
    assert ({"repair"}, {"install 1.0"}) == (set(reasons(plan).values()), set(texts(plan).values()))
    assert {"installed"} == {each.status for each in world.apply(plan).record.values()}
    grown = attrs.evolve(world, groups={**GROUPS, "db": ("db1", "db2", "db3")})
    assert "install 1.0" == texts(grown.plan(install=("mysql",)))["mysql", "db3"]


def test_a_later_good_verify_takes_the_mark_back():
    world = _disproved().done(verify=("mysql",))

    assert {("installed", "1.0", "run0")} == {
        (row.status, row.version, row.changed_by) for row in world.record.values()
    }
    assert world.plan(install=("mysql",)).empty


def test_a_good_verify_makes_no_plan_stale():
    world = World((VERIFIED,)).done(install=("mysql=1.0",))
    before = world.plan(upgrade=("mysql",)).inputs

    assert before == world.done(verify=("mysql",)).plan(upgrade=("mysql",)).inputs
    assert before != _disproved().plan(upgrade=("mysql",)).inputs


@pytest.mark.parametrize("action", ["install", "upgrade"])
def test_a_verify_proves_nothing_of_what_failed_to_change(action):
    """An upgrade that failed half-way may look well: which version is there only a repair proves."""
    world = World((VERIFIED,)).done(install=("mysql=1.0",)) if action == "upgrade" else World((VERIFIED,))
    plan = world.plan(**{action: ("mysql",)})
    world = world.apply(plan, failing=[f"01-mysql-{action}"])

    assert world.record == world.done(verify=("mysql",)).record


@pytest.mark.parametrize(
    ("request_", "steps"),
    [
        pytest.param({"upgrade": ("mysql",)}, ["upgrade", "verify"], id="upgrade"),
        pytest.param({"upgrade": ("mysql=1.0",)}, ["install", "verify"], id="the same version"),
        pytest.param({"restart": ("mysql",)}, ["restart", "verify"], id="restart"),
        pytest.param({"configure": ("mysql",)}, ["configure", "verify"], id="configure"),
    ],
)
def test_what_a_verify_found_broken_may_be_mended_in_many_ways(request_, steps):
    """Whichever way is taken, the verify tells whether it helped."""
    plan = _disproved().plan(**request_)

    assert steps == [step.action for step in declared(plan)]
    assert {"installed"} == {row.status for row in _disproved().apply(plan).record.values()}
    again = _disproved().apply(plan, failing=[declared(plan)[-1].id])
    assert {"failed"} == {row.status for row in again.record.values()}


@pytest.mark.parametrize("action", ["stop", "backup"])
def test_what_repairs_nothing_leaves_the_mark(action):
    world = _disproved()

    assert world.record == world.done(**{action: ("mysql",)}).record


@pytest.mark.parametrize(
    ("batch", "sizes"),
    [
        pytest.param((1,), [1, 1, 1], id="count"),
        pytest.param(("50%",), [1, 1, 1], id="percentage rounds down"),
        pytest.param((1, "70%"), [1, 2], id="list repeats its last"),
        pytest.param((9,), [3], id="larger than all"),
    ],
)
def test_batches_are_cut_as_ansibles_serial_cuts_them(batch, sizes):
    plan = World((PORTAL, MYSQL)).done(install=("mysql",)).plan(install=("portal",), batch=batch)

    assert sizes == [len(step.hosts) for step in declared(plan)]


def test_each_batch_is_verified_before_the_next():
    app = component("app", on="web", actions=[spec("install", "app", batch=(2,)), "verify"])
    plan = World((app,)).plan(install=("app",))

    assert [
        ("01-app-install-1", ("web1", "web2"), (), True),
        ("02-app-verify-1", ("web1", "web2"), ("01-app-install-1",), True),
        ("03-app-install-2", ("web3",), ("02-app-verify-1",), True),
        ("04-app-verify-2", ("web3",), ("03-app-install-2",), True),
    ] == [(step.id, step.hosts, step.needs, step.limited) for step in declared(plan)]


@pytest.mark.parametrize("batch", [(0,), (-1,), ("0%",), ("101%",), ("all",), (True,)])
def test_a_batch_that_serial_would_not_take_is_refused(batch):
    with pytest.raises(PlanningError, match="batch has"):
        World((MYSQL,)).plan(install=("mysql",), batch=batch)


def test_a_limit_restricts_and_is_handed_to_ansible():
    plan = World((MYSQL,)).plan(install=("mysql",), limit="db2")

    assert [("install", "mysql", ("db2",))] == done(plan)
    assert declared(plan)[0].limited


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        pytest.param({"install": ("mysql",), "limit": "nowhere"}, "no host matches limit 'nowhere'", id="no host"),
        pytest.param({"install": ("mysql",), "limit": "web"}, "limit 'web' leaves no host of mysql", id="other hosts"),
        pytest.param({"install": ("portal",), "limit": "web"}, "portal requires mysql, which is not", id="requirement"),
        pytest.param({"install": ("mysql",), "limit": "@/etc/passwd"}, "is not a host pattern", id="file"),
        pytest.param(
            {"install": ("mysql",), "limit": "db,@/etc/passwd"}, "is not a host pattern", id="file among hosts"
        ),
        pytest.param({"install": ("mysql",), "limit": "--list"}, "is not a host pattern", id="option"),
        pytest.param({"install": ("mysql",), "limit": "{{ x }}"}, "is not a host pattern", id="template"),
        pytest.param({"install": ("mysql",), "limit": " "}, "is not a host pattern", id="blank"),
        pytest.param({"install": ("mysql",), "limit": ","}, "limit ',' is not a host pattern", id="no name"),
        pytest.param({"install": ("mysql",), "limit": "&"}, "limit '&' is not a host pattern", id="and nothing"),
        pytest.param(
            {"install": ("mysql",), "limit": "db1,!"}, "limit 'db1,!' is not a host pattern", id="not nothing"
        ),
        pytest.param({"install": ("mysql",), "limit": 3}, "limit 3 is not a host pattern", id="a number"),
    ],
)
def test_a_limit_that_leaves_nothing_or_is_none_is_refused(request_, message):
    with pytest.raises(PlanningError, match=message):
        World((MYSQL, PORTAL)).plan(**request_)


@pytest.mark.parametrize(
    ("limit", "lines"),
    [
        pytest.param("db1,bd2", ("'bd2' of the limit matches no host; did you mean 'db2'?",), id="a misspelt host"),
        pytest.param("db1:qqq", ("'qqq' of the limit matches no host",), id="colons"),
        pytest.param("db, !wbe1, &al", ("'!wbe1'", "'&al'"), id="signs"),
        pytest.param("~db[12],db[0:1]", ("'~db[12]'", "'db[0:1]'"), id="what a fake does not know"),
        pytest.param("db1, db2,", (), id="all match"),
    ],
)
def test_the_parts_of_a_limit_that_match_nothing_are_named(limit, lines):
    """Ansible passes over them: a misspelt host would be left out unsaid."""
    world = World((MYSQL,))
    asked = questions(Request(install=("mysql",), limit=limit), world.catalog, ())
    patterns = {pattern: world.hosts(pattern) for pattern in asked.patterns} | {limit: ("db1",)}
    targets = attrs.evolve(world.targets(Request(install=("mysql",))), patterns=patterns)
    request = Request(install=("mysql",), limit=limit)

    plan = make_plan(request, world.catalog, world.inventory, targets, (), stamp=Stamp("run1", "acme", None, NOW))

    assert len(lines) == len(plan.warnings)
    assert [] == [line for line, warning in zip(lines, plan.warnings, strict=True) if line not in warning]


def test_a_limit_that_matches_nothing_names_its_parts():
    with pytest.raises(PlanningError, match=r"no host matches limit 'bd1'\nthe part 'bd1' .* did you mean 'db1'"):
        World((MYSQL,)).plan(install=("mysql",), limit="bd1")


@pytest.mark.parametrize(
    ("limit", "parts"),
    [
        pytest.param("web1", ["web1"], id="one"),
        pytest.param("web[0:1]:!db1", ["web[0:1]", "!db1"], id="a range is not a separator"),
        pytest.param("a,b:c", ["a", "b:c"], id="commas before colons"),
        pytest.param("fe80::1", ["fe80::1"], id="an address"),
        pytest.param("fe80::1,fe80::2", ["fe80::1", "fe80::2"], id="addresses"),
        pytest.param("~web(1|2).*", ["~web(1|2).*"], id="a regular expression"),
        pytest.param(" a , ,b ", ["a", "b"], id="spaces"),
    ],
)
def test_a_limit_has_the_parts_that_ansible_sees(limit, parts):
    """Source: `split_host_pattern` of ansible's inventory/manager.py."""
    assert parts == [part.text for part in limit_parts(limit)]


def test_all_within_a_limit_that_has_no_component_is_refused():
    with pytest.raises(PlanningError, match="limit 'web' leaves no host of any component"):
        World((MYSQL,)).plan(all=True, limit="web")


def test_all_within_a_limit_takes_the_components_that_have_hosts_there():
    plan = World((MYSQL, component("app", on="web"))).plan(all=True, limit="web1")

    assert [("install", "app", ("web1",))] == done(plan)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        pytest.param(True, "no host matches pattern 'none' of mysql.component.yml", id="manifest"),
        pytest.param(False, "no host matches pattern 'none' of 03.mysql.yml", id="playbook"),
    ],
)
def test_a_component_without_hosts_is_refused(manifest, message):
    world = World((component("mysql", 3, on="none", manifest=manifest),), plays={"03.mysql.yml": "none"})

    with pytest.raises(PlanningError, match=message):
        world.plan(all=True)


def test_playbooks_that_ansible_cannot_read_are_all_named():
    problems = {"/catalog/a.yml": "not a valid attribute", "/catalog/b.yml": "did not find expected key"}
    world = World((component("a"), component("b")), problems=problems)

    with pytest.raises(PlanningError) as caught:
        attrs.evolve(world, components=tuple(attrs.evolve(c, hosts=None) for c in world.components)).plan(all=True)

    assert [
        "Ansible cannot read a.yml: not a valid attribute",
        "Ansible cannot read b.yml: did not find expected key",
    ] == str(caught.value).splitlines()
    assert "ansible-galaxy install -r requirements.yml" in caught.value.remedy


def test_a_verify_playbook_that_ansible_cannot_read_is_an_error():
    world = World((component("mysql", actions=["verify"]),), problems={"/catalog/mysql.verify.yml": "bad"})

    with pytest.raises(PlanningError, match=r"Ansible cannot read mysql\.verify\.yml: bad"):
        world.plan(install=("mysql",))


def test_an_action_whose_plays_are_for_other_hosts_is_refused():
    world = World((component("mysql", actions=["stop"]),), plays={"mysql.stop.yml": "web"}).done(install=("mysql",))

    with pytest.raises(PlanningError, match=r"mysql\.stop\.yml has no play for a host of mysql: db1, db2"):
        world.plan(stop=("mysql",))


def test_a_change_that_its_playbook_does_not_cover_is_refused():
    world = World((component("mysql", actions=["configure"]),), plays={"mysql.configure.yml": "db1"})
    world = world.done(install=("mysql",))

    with pytest.raises(PlanningError, match=r"mysql\.configure\.yml has no play for db2"):
        world.plan(install=("mysql",), parameters={"size": 1})


def test_all_passes_over_what_has_no_install_playbook():
    """A folder may hold an action of something that was installed by other means."""
    tool = component("tool", manifest=False, actions=["check"])
    tool = attrs.evolve(tool, actions=tool.actions[1:])
    world = World((tool, MYSQL))

    assert [("install", "mysql", ("db1", "db2"))] == done(world.plan(all=True))
    assert [("check", "tool", ("db1", "db2"))] == done(world.plan(check=("tool",)))


def test_a_limit_also_keeps_a_verify_from_elsewhere_away():
    world = World((component("mysql", actions=["verify"]),), plays={"mysql.verify.yml": "web"})

    assert [("install", "mysql", ("db1",))] == done(world.plan(install=("mysql",), limit="db1"))


def test_a_playbook_for_more_hosts_than_the_manifests_is_limited():
    plan = World((component("mysql"),), plays={"mysql.yml": "all"}).plan(install=("mysql",))

    assert [("install", "mysql", ("db1", "db2"))] == done(plan)
    assert declared(plan)[0].limited


def test_a_play_for_others_that_no_limit_can_keep_is_told_of():
    """A limit that let the play for web in would let the play for all hosts run there, too."""
    plan = World((component("mysql"),), plays={"mysql.yml": "all web"}).plan(install=("mysql",))

    assert [("install", "mysql", ("db1", "db2"))] == done(plan)
    assert ["a play of mysql.yml is left out: play 1 (hosts: web)"] == [each[:52] for each in plan.warnings]


def test_plays_for_others_keep_the_component_company():
    """They are in no record, and in no batch of their own; the step says with whom it runs."""
    world = World((component("mysql"),), plays={"mysql.yml": "web1 db localhost"})
    plan = world.plan(install=("mysql",), batch=(1,))

    assert [("web1", "db1", "localhost"), ("web1", "db2", "localhost")] == [step.hosts for step in declared(plan)]
    assert "install mysql on db1, with web1, localhost" == declared(plan)[0].text
    assert {("mysql", "db1"), ("mysql", "db2")} == world.apply(plan).record.keys()
    assert () == plan.warnings


@pytest.mark.parametrize("status", ["failed", "unreachable"])
def test_a_failure_beside_the_components_hosts_proves_none_of_them(status):
    world = World((component("mysql"),), plays={"mysql.yml": "db localhost"})
    spec = world.spec(world.plan(install=("mysql",)))
    started, ended = [event for event in run_events(spec) if event.step == "01-mysql-install"]
    statuses = {"db1": "ok", "db2": "ok", "localhost": status}
    ended = attrs.evolve(ended, status="failed", data={**ended.data, "host_statuses": statuses})
    record = record_event(record_event({}, "acme", started), "acme", ended)

    assert {"failed"} == {row.status for row in record.values()}


def test_a_host_that_the_playbook_leaves_out_is_a_warning():
    plan = World((component("mysql"),), plays={"mysql.yml": "db1"}).plan(install=("mysql",))

    assert [("install", "mysql", ("db1",))] == done(plan)
    assert ("mysql.yml has no play for db2, though mysql is for it",) == plan.warnings


def test_a_dynamic_inventory_always_gets_a_limit():
    assert declared(World((MYSQL,), static=False).plan(install=("mysql",)))[0].limited


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"install": ("mysql",), "upgrade": ("mysql",)}, id="two actions"),
        pytest.param({"install": ("mysql=1.0", "3=2.0")}, id="two versions"),
        pytest.param({"restart": ("mysql=1.0",)}, id="version without need"),
        pytest.param({"resume": "7f3c"}, id="resume"),
        pytest.param({"rollback": "7f3c"}, id="rollback"),
        pytest.param({"install": ("mysql",), "failed_hosts_only": True}, id="failed hosts of no run"),
        pytest.param({"install": ("mysql",), "purge": True}, id="purge without uninstall"),
        pytest.param({"uninstall": ("mysql",), "all": True}, id="uninstall and all"),
        pytest.param({"forget": ("mysql",), "all": True}, id="forget and all"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(request_):
    with pytest.raises(PlanningError):
        World((MYSQL,)).plan(**request_)


PORT = Parameter(name="mysql_port", component="mysql", type="port", value=3306, on_change=OnChange.RESTART)
DATA = Parameter(name="mysql_data", component="mysql", type="path", value="/data", on_change=OnChange.FIXED)
ROOT = Parameter(name="mysql_root", component="mysql", secret=True, required=True)
SIZED = component("mysql", versions=("1.0", "2.0"), parameters=(PORT, DATA, ROOT), actions=["verify", "restart"])


def test_changed_parameters_configure_and_say_which():
    world = World((SIZED,), parameters=SiteParameters(site={"mysql_port": 3307})).done(install=("mysql",))
    plan = attrs.evolve(world, parameters=SiteParameters(site={"mysql_port": 3308})).plan(install=("mysql",))

    assert {"configure: mysql_port"} == set(texts(plan).values())
    assert all(change.disruptive for change in plan.changes)
    assert world.plan(install=("mysql",)).empty


@pytest.mark.parametrize(("action", "other"), [("configure", "restart"), ("restart", "configure")])
def test_what_failed_may_be_tried_again(action, other):
    """An action that leaves the version as it is needs no repair by an install before it is carried out once more."""
    world = World((SIZED,)).done(install=("mysql",))
    failed = world.apply(world.plan(**{action: ("mysql",)}), failing=[f"01-mysql-{action}"])
    plan = failed.plan(**{action: ("mysql",)})

    assert {("repair", "2.0")} == {(change.reason, change.to_version) for change in plan.changes}
    assert [action] == [step.action for step in declared(plan) if not step.action.read_only]
    with pytest.raises(PlanningError, match=f"failed since {action}"):
        failed.plan(**{other: ("mysql",)})


def test_what_is_only_required_stays_as_it_is_and_says_what_changed():
    world = World((SIZED, component("app", requires=["mysql"]))).done(install=("mysql",))
    world = attrs.evolve(world, parameters=SiteParameters(site={"mysql_port": 3307}))

    assert "unchanged, parameters changed: mysql_port" == texts(world.plan(install=("app",)))["mysql", "db1"]
    assert [("install", "app", ("db1", "db2"))] == done(world.plan(install=("app",)))


def test_a_value_for_one_host_concerns_that_host():
    parameters = SiteParameters(hosts={"db1": {"mysql_port": 3307}}, groups={"db": {"mysql_port": 3308}})
    world = World((SIZED,), parameters=parameters).done(install=("mysql",))
    changed = attrs.evolve(parameters, hosts={"db1": {"mysql_port": 3309}})

    plan = attrs.evolve(world, parameters=changed).plan(install=("mysql",))

    assert world.plan(install=("mysql",)).empty
    assert {
        ("mysql", "db1"): "configure: mysql_port",
        ("mysql", "db2"): "unchanged",
    } == texts(plan)
    assert [("configure", "mysql", ("db1",)), ("verify", "mysql", ("db1",))] == done(plan)


def test_a_value_equal_to_the_default_changes_nothing():
    world = World((SIZED,)).done(install=("mysql",))

    assert attrs.evolve(world, parameters=SiteParameters(site={"mysql_port": 3306})).plan(all=True).empty


def test_a_restart_does_not_count_as_having_brought_new_values():
    world = World((SIZED,)).done(install=("mysql",))
    world = attrs.evolve(world, parameters=SiteParameters(site={"mysql_port": 3307})).done(restart=("mysql",))

    assert {"configure: mysql_port"} == set(texts(world.plan(install=("mysql",))).values())


def test_a_fixed_parameter_does_not_change():
    world = World((SIZED,)).done(install=("mysql",))

    with pytest.raises(PlanningError, match="mysql_data cannot change once mysql is installed"):
        world.plan(install=("mysql",), parameters={"mysql_data": "/other"})


def test_what_is_refused_of_hosts_that_stand_differently_is_told_at_once():
    """With one remedy, where it is the same."""
    world = World((SIZED,)).done(install=("mysql",))
    record = dict(world.record)
    record["mysql", "db2"] = attrs.evolve(record["mysql", "db2"], status=InstallationStatus.FAILED)

    with pytest.raises(PlanningError) as refused:
        attrs.evolve(world, record=record).plan(install=("mysql",), parameters={"mysql_data": "/other"})
    assert [f"mysql_data cannot change once mysql is installed: mysql on {host}" for host in ("db1", "db2")] == str(
        refused.value
    ).splitlines()
    assert "give the value that it was installed with, or uninstall it first" == refused.value.remedy


def test_wrong_values_are_refused_all_at_once():
    values = {
        "mysql_port": 99999,
        "mysql_data": "relative",
        "mysql_root": "hunter2",
        "ansible_user": "root",
        "ansible_become_password": "hunter2",
        "component_name": "x",
        "__hidden": 1,
        "no-name": 1,
        "hostvars": {},
        "plain": {1, 2},
    }
    with pytest.raises(PlanningError) as caught:
        World((SIZED,)).plan(install=("mysql",), parameters={**values, "fine": "{{ lookup('pipe', 'id') }}"})

    assert list(values) == [line.split(":")[0] for line in str(caught.value).splitlines()]
    assert "hunter2" not in str(caught.value)
    assert "ansible_become_password: is a password: give it with" in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", "x", 1),
        ("integer", 1, True),
        ("number", 1.5, "1.5"),
        ("boolean", False, 0),
        ("port", 65535, 0),
        ("path", "/x", "x"),
        ("host", "db1", "-db1"),
        ("list", [1], "x"),
        ("map", {"a": 1}, [1]),
    ],
)
def test_a_declared_value_has_its_type(kind, good, bad):
    world = World((component("app", parameters=(Parameter(name="x", component="app", type=kind),)),))

    assert not world.plan(install=("app",), parameters={"x": good}).empty
    with pytest.raises(PlanningError, match=r"x of the site: .* is not "):
        attrs.evolve(world, parameters=SiteParameters(site={"x": bad})).plan(install=("app",))


def test_a_required_value_must_be_there_and_a_secret_is_a_warning():
    needs = Parameter(name="mysql_id", component="mysql", required=True)
    world = World((attrs.evolve(SIZED, parameters=(needs, ROOT)),))

    with pytest.raises(PlanningError, match="mysql needs a value for mysql_id on db2"):
        attrs.evolve(world, parameters=SiteParameters(hosts={"db1": {"mysql_id": "1"}})).plan(all=True)
    plan = world.plan(all=True, parameters={"mysql_id": "1"})
    assert ("secret mysql_root must be handed over at start",) == plan.warnings
    known = attrs.evolve(world, parameters=SiteParameters(secrets=("mysql_root",)))
    assert () == known.plan(all=True, parameters={"mysql_id": "1"}).warnings


@pytest.mark.parametrize(
    ("given", "warnings"),
    [
        pytest.param({"mysql_size": 2, "how": "fast"}, (), id="declared, as parameter and in an action's vars"),
        pytest.param({"mysql_sise": 2}, ("no component declares 'mysql_sise'; did you mean 'mysql_size'?",), id="near"),
        pytest.param({"q": 1}, ("no component declares 'q'; playbooks get it as it is",), id="like no other"),
    ],
)
def test_a_value_that_nobody_declares_is_a_warning(given, warnings):
    """It may be mistyped; where a component declares nothing, it may as well be any variable of its playbooks."""
    size = Parameter(name="mysql_size", component="mysql", type="integer")
    mysql = component("mysql", parameters=(size,), actions=[spec("backup", "mysql", vars={"how": "slow"})])

    assert warnings == World((mysql,)).plan(install=("mysql",), parameters=given).warnings
    assert () == World((component("mysql"),)).plan(install=("mysql",), parameters={"mysql_sise": 2}).warnings
    beside_a_bare_one = World((mysql, component("zk"))).plan(install=("mysql", "zk"), parameters={"q": 1, **given})
    assert tuple(line for line in warnings if "did you mean" in line) == beside_a_bare_one.warnings


def test_a_playbook_that_asks_for_what_is_not_given_is_refused():
    """In a run nobody answers, and Ansible asks for no extra variable: the request's, the action's, the secrets."""
    asking = spec("install", "mysql", prompts=("user", "size", "mysql_root"), vars={"size": 2})
    root = Parameter(name="mysql_root", component="mysql", secret=True)
    world = World((component("mysql", parameters=(root,), actions=[asking]),))
    kept = attrs.evolve(world, parameters=SiteParameters(site={"user": "ann"}, secrets=("mysql_root",)))

    with pytest.raises(
        PlanningError, match=r"^mysql.install.yml asks for user, mysql_root \(vars_prompt\), and in a run"
    ):
        world.plan(install=("mysql",))
    with pytest.raises(PlanningError, match=r"asks for user \(vars_prompt\)"):
        kept.plan(install=("mysql",))
    assert 1 == len(declared(kept.plan(install=("mysql",), parameters={"user": "ann"})))


def test_questions_are_what_planning_needs_to_know():
    """Nothing is asked about components that are not concerned, nor about upgrades where nothing is installed."""
    mysql = attrs.evolve(MYSQL, actions=(*MYSQL.actions, spec("upgrade", "mysql"), spec("uninstall", "mysql")))
    world = World((mysql, PORTAL, component("other")))
    request = Request(install=("portal",), limit="all")

    asked = questions(request, world.catalog, ())
    later = questions(request, world.catalog, world.done(install=("mysql",)).record.values())

    assert {"03.mysql.yml", "08.portal.yml"} == {path.name for path in asked.playbooks}
    assert {"db", "web", "all"} == set(asked.patterns)
    assert {"03.mysql.yml", "08.portal.yml", "mysql.upgrade.yml"} == {path.name for path in later.playbooks}


def test_questions_have_the_values_that_the_run_hands_over():
    """Whatever decides a play's hosts in the run decides them in the plan; what is known only then is left open."""
    action = attrs.evolve(spec("install", "mysql"), vars={"mode": "full", "target": "none"})
    world = World((attrs.evolve(MYSQL, actions=(action,)),))
    request = Request(install=("mysql=1.0",), parameters={"target": "db1"})
    installed = world.done(install=("mysql",)).record.values()

    first = questions(request, world.catalog, ()).uses
    later = questions(request, world.catalog, installed).uses

    assert [
        {
            "mode": "full",
            "target": "db1",
            "component_name": "mysql",
            "component_action": "install",
            "component_version": "1.0",
            "component_from_version": None,
            "component_purge": False,
        }
    ] == [use.variables for use in first]
    assert ["install", "upgrade", "configure"] == [use.variables["component_action"] for use in later]
    spec_ = world.spec(world.plan(install=("mysql=1.0",), parameters={"target": "db1"}))
    assert first[0].variables == declared_specs(spec_)[0].variables


def test_the_hosts_of_each_action_are_its_own():
    """One playbook may mean other hosts for another action, by the values that it gets."""
    world = World((attrs.evolve(MYSQL, actions=(spec("install", "mysql"), spec("verify", "mysql"))),))
    request = Request(install=("mysql",))
    uses = questions(request, world.catalog, ()).uses
    plays = {use.key: (Play("", "db", ("db1",) if use.action is Action.INSTALL else ("db1", "db2")),) for use in uses}
    targets = Targets(plays=plays, patterns={"db": ("db1", "db2")})

    plan = make_plan(request, world.catalog, world.inventory, targets, (), stamp=Stamp("run1", "acme", None, NOW))

    assert [("db1",)] == [step.hosts for step in declared(plan) if step.action is Action.INSTALL]


def test_a_value_that_a_playbook_lacks_is_said_with_how_to_give_it():
    """In one error with what Ansible cannot read, each with its own remedy."""
    world = World((component("a"), component("b")))
    said = "/x/a.yml:1:10: Error processing keyword 'name': 'target' is undefined"
    paths = [str(each.playbook_path(each.actions[0])) for each in world.components]

    with pytest.raises(PlanningError) as lacking:
        attrs.evolve(world, problems={paths[0]: said}).plan(install=("a", "b"))
    with pytest.raises(PlanningError) as both:
        attrs.evolve(world, problems={paths[0]: said, paths[1]: "bad"}).plan(install=("a", "b"))

    assert f"a.yml needs a value for 'target': {said}" == str(lacking.value)
    assert "-e NAME=VALUE" in lacking.value.remedy
    assert "correct the playbooks" not in lacking.value.remedy
    assert "Ansible cannot read b.yml: bad" in str(both.value)
    assert "-e NAME=VALUE" in both.value.remedy
    assert "correct the playbooks" in both.value.remedy


def test_a_spec_holds_all_that_a_step_takes():
    parameters = SiteParameters(
        site={"region": "north"}, groups={"db": {"mysql_port": 3307}}, hosts={"db2": {"mysql_port": 3308}}
    )
    world = World((SIZED,), parameters=parameters)
    install, verify = declared_specs(world.spec(world.plan(install=("mysql",), parameters={"loose": [1]})))

    assert FOLDER / "mysql.yml" == install.playbook
    assert {"mysql_port": 3306, "mysql_data": "/data", "region": "north"} == install.defaults
    assert {"mysql_port": 3307, "region": "north"} == install.host_variables["db1"]
    assert {"mysql_port": 3308, "region": "north"} == install.host_variables["db2"]
    assert {"region": "north"} == install.host_variables["web1"]
    assert {
        "loose": [1],
        "component_name": "mysql",
        "component_action": "install",
        "component_version": "2.0",
        "component_from_version": None,
        "component_purge": False,
    } == install.variables
    assert ("mysql_root",) == install.secrets
    assert {"/catalog/mysql.yml", "/catalog/mysql.verify.yml", "/catalog/mysql.restart.yml"} == set(install.files)
    assert {"files", "parameter:loose", "parameter:mysql_port@db1", "parameter:mysql_port@db2"} == set(install.inputs)
    assert (True, False) == (install.verify_follows, verify.verify_follows)
    assert {} == verify.inputs


def test_hosts_from_different_versions_are_told_each_its_own():
    world = World((MYSQL,)).done(install=("mysql=1.0",), limit="db1")
    mysql = attrs.evolve(MYSQL, versions=("1.0", "1.5", "2.0"))
    world = attrs.evolve(world, components=(mysql,)).done(install=("mysql=1.5",), limit="db2")
    plan = world.plan(upgrade=("mysql",))
    details = declared_specs(world.spec(plan))[0]

    assert declared(plan)[0].from_version is None
    assert "component_from_version" not in details.variables
    assert {"db1": "1.0", "db2": "1.5"} == {
        host: values["component_from_version"] for host, values in details.host_variables.items()
    }


def test_a_limited_step_has_its_hosts_in_each_play():
    world = World((component("app", on="web"),), plays={"app.yml": "web1,web2 web"})
    plan = world.plan(install=("app",), limit="web2,web3")

    assert [("web2",), ("web2", "web3")] == [play.hosts for play in declared_specs(world.spec(plan))[0].plays]


@pytest.mark.parametrize(
    ("approve", "pauses"),
    [
        ("first_batch", ["03-app-install-2"]),
        ("every_batch", ["03-app-install-2", "05-app-install-3"]),
        (None, []),
    ],
)
def test_an_approval_is_asked_between_batches(approve, pauses):
    """It is asked after the batch and its verify, by the step that may start only then."""
    app = component("app", on="web", actions=[spec("install", "app", batch=(1,), approve=approve), "verify"])
    plan = World((app,)).plan(all=True)

    assert pauses == [step.id for step in declared(plan) if step.approve]
    assert not plan.warnings


def test_a_plan_shows_where_it_waits():
    app = component("app", on="web", actions=[spec("install", "app", batch=(2,), approve="first_batch")])
    plan = World((app,)).plan(all=True)

    assert "2. install app on web3, once it is approved" == str(plan).splitlines()[2]
    assert "waits for an approval before 2. install app on web3" == plan_table(plan).splitlines()[-1]
    assert "  s1 -- approval --> s2" == plan_graph(plan).splitlines()[-1]


def test_one_batch_alone_has_nothing_to_wait_for():
    app = component("app", on="web", actions=[spec("install", "app", batch=(3,), approve="every_batch")])
    plan = World((app,)).plan(all=True)

    assert [False] == [step.approve for step in declared(plan)]
    assert ("app asks for an approval between batches, but install has only one",) == plan.warnings


def test_a_plan_is_stale_with_what_changed():
    world = World((MYSQL,), parameters=SiteParameters(site={"a": 1, "b": 1}))
    plan = world.plan(install=("mysql",))
    now = digest_inputs(
        attrs.evolve(
            world.catalog, components=(attrs.evolve(MYSQL, files={"03.mysql.yml": "edited", "roles/x": "new"}),)
        ),
        attrs.evolve(world.inventory, files={"/site/hosts.yml": "edited"}),
        (),
        SiteParameters(site={"a": 2}, hosts={"db1": {"c": 1}}),
        {change.component for change in plan.changes},
    )

    assert {
        "run 7f3c… changed the site since",
        "playbook 03.mysql.yml was edited",
        "file roles/x was added",
        "hosts.yml was edited",
        "parameter a was edited",
        "parameter b was removed",
        "parameter c of host db1 was added",
    } == set(stale_changes(plan, now, "7f3c5d"))
    assert () == stale_changes(plan, plan.inputs, None)


def test_a_play_that_means_other_hosts_than_when_the_plan_was_made_makes_it_stale():
    """Its `hosts:` line may read what is not an input, as the environment."""
    plan = World((MYSQL,)).plan(install=("mysql",))
    moved = attrs.evolve(plan, steps=(attrs.evolve(declared(plan)[0], hosts=("db1",)),))

    assert ("01-mysql-install would be on db1, not on db1, db2",) == moved_hosts(plan, moved)
    assert () == moved_hosts(plan, plan)


def test_a_change_of_the_record_alone_makes_a_plan_stale():
    world = World((MYSQL,))
    plan, after = world.plan(install=("mysql",)), world.done(install=("mysql",))
    now = digest_inputs(world.catalog, world.inventory, after.record.values(), world.parameters, ["mysql"])

    assert ("what is installed of mysql changed",) == stale_changes(plan, now, None)


def test_what_is_recorded_where_the_component_no_longer_is_is_a_warning():
    world = World((MYSQL,)).done(install=("mysql",))
    plan = attrs.evolve(world, groups={**GROUPS, "db": ("db1",)}).plan(install=("mysql",))

    said = "mysql is recorded on db2, but no longer for it; forget, with the limit db2, lets it go"
    assert (said,) == plan.warnings


def test_hosts_that_other_values_mean_are_not_to_be_let_go():
    """Where values decide the hosts of a play, the record of the others is as good as ever."""
    world = World((attrs.evolve(component("app"), hosts=None),)).done(install=("app",))
    narrow = attrs.evolve(world, groups={**GROUPS, "db": ("db1",)})
    request = Request(install=("app",))
    targets = narrow.targets(request)
    plays = {path: tuple(attrs.evolve(play, templated=True) for play in each) for path, each in targets.plays.items()}
    known = (narrow.catalog, narrow.inventory, attrs.evolve(targets, plays=plays), narrow.record.values())

    plan = make_plan(request, *known, stamp=Stamp("run2", "acme", "run1", NOW))

    assert [
        "app is recorded on db2, which its plays do not name with these values; with others, as given by -e, they may"
    ] == list(plan.warnings)


def test_what_is_recorded_of_a_host_that_is_gone_can_be_let_go():
    """By its name as limit, alone; without a limit with all that is recorded. No other action takes such a name."""
    world = World((MYSQL,)).done(install=("mysql",))
    world = attrs.evolve(world, groups={**GROUPS, "db": ("db1",)})
    alone, whole = world.plan(forget=("mysql",), limit="db2"), world.plan(forget=("mysql",))

    assert {"db2": "forget 2.0"} == {change.host: change.text for change in alone.changes}
    assert [("db2",)] == [step.hosts for step in declared(alone)]
    assert {"db1", "db2"} == {change.host for change in whole.changes}
    assert {("mysql", "db1")} == world.apply(alone).record.keys()
    with pytest.raises(PlanningError, match="no host matches limit 'db2'"):
        world.plan(install=("mysql",), limit="db2")


def test_what_is_recorded_of_a_component_that_is_gone_is_warned_of():
    world = World((MYSQL, PORTAL)).done(install=("mysql", "portal"))
    plan = attrs.evolve(world, components=(MYSQL,)).plan(all=True)

    assert any(
        "portal is recorded on " in warning and "no longer in the catalog" in warning for warning in plan.warnings
    )


def test_a_table_says_what_changes_where_and_why():
    world = World((MYSQL, PORTAL)).done(install=("mysql=1.0",))
    lines = plan_table(world.plan(install=("portal",), upgrade=("mysql",))).splitlines()

    assert [
        "COMPONENT  HOSTS             CHANGE             WHY        RISK",
        "mysql      db1, db2          upgrade 1.0 → 2.0  requested  disruptive",
        "portal     web1, web2, web3  install            requested",
        "",
        "1 to install, 1 to upgrade; 2 steps on 5 hosts",
    ] == lines


def test_a_graph_has_an_arrow_from_each_step_to_those_that_need_it():
    plan = World((MYSQL, PORTAL)).plan(all=True)

    assert [
        "flowchart TD",
        '  s0["0. check<br/>db1, db2, web1, web2, web3"]',
        '  s1["1. install mysql<br/>db1, db2"]',
        '  s2["2. install portal<br/>web1, web2, web3"]',
        "  s0 --> s1",
        "  s1 --> s2",
    ] == plan_graph(plan).splitlines()


def test_a_graph_holds_no_markup_of_others():
    world = World((component("app", on='x"]<script>&#'),), groups={'x"]<script>&#': ('x"]<script>&#',)})

    assert "<script" not in plan_graph(world.plan(all=True))
    assert '  s1["1. install app<br/>x#34;#93;#60;script#62;#38;#35;"]' in plan_graph(world.plan(all=True))


def test_going_on_keeps_the_old_actions():
    old = Request(install=("mysql",), upgrade=("portal=2.0",), limit="all", parameters={"a": 1, "b": 1})
    catalog = World((MYSQL, PORTAL)).catalog
    again = resumed_request(old, Request(resume="7f3c", parameters={"b": 2}, force=("mysql",)), catalog)

    assert attrs.evolve(old, parameters={"a": 1, "b": 2}, force=("mysql",)) == again


def test_going_on_leaves_out_what_was_done_whatever_it_was_called():
    """A request may name a component by its number, or by its playbook."""
    world = World((SIZED,)).done(install=("mysql",))
    plan = world.plan(restart=("mysql",))
    done = [StepSnapshot(**attrs.asdict(step, recurse=False), status=StepStatus.SUCCEEDED) for step in declared(plan)]
    names = ("mysql", SIZED.action(Action.INSTALL).playbook)

    for name in names:
        old = Request(install=("mysql",), restart=(name,))
        assert () == resumed_request(old, Request(resume="7f3c"), world.catalog, done=done).restart
    with pytest.raises(PlanningError, match="nothing is left of run 7f3c"):
        resumed_request(Request(restart=("mysql",)), Request(resume="7f3c"), world.catalog, done=done)


@pytest.mark.parametrize("request_", [{action: ("mysql",)} for action in ("restart", "stop", "backup")])
def test_going_on_repeats_on_no_host_what_the_run_before_did_there(request_):
    """The record tells who did it: on that host it stays as it is, also when the one that goes on broke off as well."""
    world = World((WITH_MORE,)).done(install=("mysql",))
    plan = world.plan(**request_, batch=(1,))
    first, last = [step.id for step in declared(plan)]
    world = world.apply(plan, failing=[last])
    again = attrs.evolve(world, continued=frozenset({plan.id, "run0"})).plan(**request_)

    assert {"db1": "unchanged, the run before did it"} == {
        host: text for (_, host), text in texts(again).items() if text.startswith("unchanged")
    }
    assert [("db2",)] == [step.hosts for step in declared(again)]
    assert [("db1", "db2")] == [step.hosts for step in declared(world.plan(**request_))]
    assert first != last


def test_going_on_with_failed_hosts_is_limited_to_them():
    request = Request(resume="7f3c", failed_hosts_only=True)
    catalog = World((MYSQL,)).catalog

    assert "db2,web1" == resumed_request(Request(all=True), request, catalog, failed_hosts=["db2", "web1"]).limit
    with pytest.raises(PlanningError, match="no host failed in run 7f3c"):
        resumed_request(Request(all=True), request, catalog)


def test_going_on_has_no_actions_of_its_own():
    with pytest.raises(PlanningError, match="but the request has install"):
        resumed_request(Request(all=True), Request(resume="7f3c", install=("mysql",)), World((MYSQL,)).catalog)


def test_the_record_is_what_the_run_proved():
    """A component is installed once its verify step has ended well, with what went in."""
    row = World((SIZED,)).done(install=("mysql",), parameters={"mysql_port": 3310}).record["mysql", "db1"]

    assert (InstallationStatus.INSTALLED, "2.0", NOW) == (row.status, row.version, row.verified_at)
    assert {"files", "parameter:mysql_port"} == set(row.inputs)
