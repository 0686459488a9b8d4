"""What every face of the library does alike: the same calls, values and errors, here, with asyncio and over HTTP."""

import itertools
import sys

import pytest

import installkit
from faces import FACES
from site_runs import until

LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
INVENTORY = {"all": {"hosts": {"h1": LOCAL}}}
APP = "- hosts: all\n  gather_facts: false\n  tasks: [{name: this is grün, debug: {msg: hello}}]\n"
SLOW = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: {msg: begun}
    - shell: while ! test -e {{ gate }}; do sleep 0.05; done
    - debug: {msg: over}
"""
BAD = "- hosts: all\n  gather_facts: false\n  tasks: [{name: Copy it, fail: {msg: no space left}}]\n"
MANIFEST = """
name: app
versions: ["1.0", "2.0"]
parameters:
  app_port: {type: port, default: 8080}
  app_password: {type: string, secret: true}
actions:
  install: 01.app.yml
  uninstall: {playbook: 01.app.yml, destructive: true}
"""
STATUS = installkit.RunStatus


@pytest.fixture(scope="module", params=FACES)
def face(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    catalog = folder / "playbooks"
    catalog.mkdir()
    for name, text in {
        "01.app.yml": APP,
        "02.slow.yml": SLOW,
        "03.bad.yml": BAD,
        "app.component.yml": MANIFEST,
    }.items():
        (catalog / name).write_text(text)
    with FACES[request.param](folder, catalog) as face:
        yield face


@pytest.fixture(scope="module")
def installer(face):
    return face.installer


names = (f"site-{number}" for number in itertools.count())


@pytest.fixture
def site(installer, face):
    """A site of the test's own, with one host."""
    return installer.create_site(next(names), inventory=INVENTORY, catalog=face.catalog)


@pytest.fixture
def slow(site, tmp_path):
    """A run that waits for the file `gate` in the test's folder."""
    run = site.apply(install=["slow"], parameters={"gate": str(tmp_path / "gate")}, checks=False)
    yield run
    (tmp_path / "gate").touch()
    run.wait(60)


def test_a_plan_is_made_carried_out_followed_and_recorded(installer, site):
    """Starting it again returns the same run; what it printed can be read whole, in parts, and as it comes."""
    plan = site.plan(install=["app=1.0"])
    assert plan == installer.plan(plan.id)
    assert (None, ["install"]) == (site.started(plan), [change.action for change in plan.changes])
    run = site.start(plan, checks=False, note="first")
    events = list(run.events(follow=True))
    followed = b"".join(run.follow_log("app"))
    log, now = run.log("app"), run.wait(60).raise_for_status().snapshot()
    installed = site.installed()

    assert list(range(1, now.last_seq + 1)) == [event.seq for event in events]
    assert events[2:5] == list(run.events(after=2, limit=3))
    assert events == list(run.events())
    assert "run_finished" == events[-1].kind
    assert (STATUS.SUCCEEDED, "first", site.name) == (now.status, now.note, now.site)
    assert "this is grün".encode() in log
    assert log == followed == run.log()
    assert (log[7:12], b"", log[-5:]) == (
        run.log("app", offset=7, size=5),
        run.log("app", offset=len(log), size=5),
        run.log("app", offset=len(log) - 5),
    )
    assert "\x1b[" not in run.log_text("app", color=False)
    assert run.id == site.start(plan).id == site.started(plan).id == plan.id
    assert [("app", "h1", "1.0", run.id)] == [(row.component, row.host, row.version, row.run) for row in installed]
    assert ["this is grün"] == [task.task for task in run.timeline().tasks]
    assert plan == run.spec().plan
    assert {"installed now": ("status", "--site", site.name)} == run.next_commands()
    assert () == run.warnings()
    assert site.plan(install=["app"]).empty


def test_a_run_that_is_stopped_holds_its_site_until_then_and_can_be_resumed(site, slow, tmp_path):
    """An error names the run that holds it; the one that resumes it names the one before."""
    kinds = (event.kind for event in slow.events(follow=True))
    until(lambda: next(kinds) == "step_started")
    with pytest.raises(TimeoutError, match=r"has not ended within 0\.3 s"):
        slow.wait(0.3)
    with pytest.raises(installkit.SiteLockedError) as locked:
        site.apply(install=["app"], checks=False)
    with pytest.raises(installkit.PlanningError, match="nothing waits for an approval"):
        slow.approve()
    with pytest.raises(installkit.PlanningError, match="has not ended"):
        site.resume(slow)
    lock = site.snapshot().lock
    slow.cancel(now=True)
    rest = list(kinds)
    with pytest.raises(installkit.RunStoppedError, match="canceled") as stopped:
        slow.wait(60).raise_for_status()
    (tmp_path / "gate").touch()
    again = site.resume(slow, checks=False, wait_for_lock=10.0).wait(60).raise_for_status()

    assert (slow.id, site.name) == (locked.value.holder["run"], locked.value.site)
    assert ("watch", slow.id) == locked.value.remedy.command
    assert slow.id == lock.run == stopped.value.run.id == again.snapshot().continues
    assert "run_finished" == rest[-1]
    assert [slow.id] == [run.id for run in again.earlier()]
    steps = again.compare(slow).steps
    assert [("slow", "canceled")] == [
        (step.component, step.earlier_status) for step in steps if step.component == "slow"
    ]


def test_a_run_that_fails_says_why(site):
    """As a value, and as an error that carries the run."""
    run = site.apply(install=["bad"], checks=False).wait(60)
    with pytest.raises(installkit.RunFailedError, match="Copy it") as failed:
        run.raise_for_status()

    (failure,) = run.snapshot().failures
    assert ("task_failed", ("h1",), "Copy it") == (failure.code, failure.hosts, failure.task)
    assert "no space left" in failure.message
    assert run.id == failed.value.run.id
    assert ("show", run.id) == failed.value.remedy.command
    assert ["failed"] == [row.status for row in site.installed()]


def test_a_dry_run_uses_no_plan_up_and_checks_change_nothing(site):
    plan = site.plan(install=["app"])
    dry = site.start(plan, check_mode=True, checks=False).wait(60).raise_for_status()
    checks = site.check(plan, ignore_checks={"host.memory": "a test", "host.disk": "a test"})

    assert plan.id != dry.id
    assert {"pass"} >= {check.status for check in checks if not check.ignored and check.name == "host.python"}
    assert any(check.name.startswith("host.") for check in checks)
    assert (None, ()) == (site.started(plan), site.installed())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        pytest.param(
            lambda site: site.plan(install=["nothing"]), installkit.UnknownNameError, "nothing", id="component"
        ),
        pytest.param(lambda site: site.plan(instal=["app"]), TypeError, "a request has no instal", id="field"),
        pytest.param(lambda site: site.plan(install="app"), TypeError, "install takes a list", id="one name"),
        pytest.param(lambda site: site.plan(install=[3]), TypeError, "text is wanted", id="number"),
        pytest.param(lambda site: site.plan(install=["app=3.0"]), installkit.PlanningError, "3.0", id="version"),
        pytest.param(lambda site: site.plan(install=["app"], limit="db"), installkit.PlanningError, "db", id="limit"),
        pytest.param(lambda site: site.apply(install=["app"], job=2), TypeError, "job", id="option"),
        pytest.param(lambda site: site.apply(install=["app"], jobs=0), installkit.PlanningError, "jobs", id="value"),
        pytest.param(
            lambda site: site.apply(install=["app"], secrets={"mystery": 3}),
            installkit.PlanningError,
            "text",
            id="secret",
        ),
        pytest.param(
            lambda site: site.apply(install=["app"], ignore_checks={"host.python": "so"}),
            installkit.PlanningError,
            "cannot be ignored",
            id="check",
        ),
        pytest.param(lambda site: site.resume("feed"), installkit.InstallkitError, "feed", id="run"),
    ],
)
def test_what_cannot_be_is_refused_by_the_same_error(site, call, error, message):
    with pytest.raises(error, match=message) as refused:
        call(site)

    assert () == site.runs()
    assert refused.type is error or error is installkit.InstallkitError


def test_names_that_there_are_not_are_told(installer):
    """Each by its own error, which is a LookupError too."""
    for call, error in (
        (installer.site, installkit.UnknownNameError),
        (installer.plan, installkit.UnknownNameError),
        (installer.delete_plan, installkit.UnknownNameError),
        (installer.delete_site, installkit.UnknownNameError),
        (installer.run, installkit.RunNotFoundError),
        (lambda name: installer.site(f"{name}/../.."), installkit.UnknownNameError),
        (installer.prune_run, installkit.RunNotFoundError),
    ):
        with pytest.raises(error) as refused:
            call("feedfeedfeed")

        assert isinstance(refused.value, LookupError)
        assert "feedfeedfeed" in str(refused.value)


def test_a_plan_that_is_no_longer_true_is_refused(site):
    """What changed is told; `apply` plans again."""
    plan = site.plan(install=["app"])
    site.parameters.set({"app_port": 9090})
    with pytest.raises(installkit.StalePlanError, match="the plan is stale") as stale:
        site.start(plan, checks=False)

    assert stale.value.changes
    assert any("parameter" in change for change in stale.value.changes)


def test_what_destroys_needs_consent(site):
    site.record(["app=1.0"], checks=False).wait(60).raise_for_status()
    plan = site.plan(uninstall=["app"])
    for call in (site.start, site.started):
        with pytest.raises(installkit.DestructivePlanError) as refused:
            call(plan)

        assert ("uninstall 1.0 app",) == refused.value.changes
    with pytest.raises(installkit.PlanningError, match="for site"):
        site.start(installkit.from_wire(installkit.Plan, {**installkit.to_wire(plan), "site": "other"}))


def test_the_record_is_made_and_forgotten(site):
    """Both are runs."""
    recorded = site.record(["app=1.0"], checks=False).wait(60).raise_for_status()
    rows = site.installed()
    forgotten = site.forget(["app"], checks=False).wait(60).raise_for_status()

    assert [("app", "h1", "1.0", "installed")] == [(row.component, row.host, row.version, row.status) for row in rows]
    assert () == site.installed()
    assert [forgotten.id, recorded.id] == [run.id for run in site.runs()]


def test_parameters_are_entered_by_level(site):
    site.parameters.set({"app_port": 8081})
    site.parameters.set({"app_port": 8082}, host="h1")
    site.parameters.set({"app_port": 8083}, group="all")
    entered = site.parameters.values()
    site.parameters.set({"app_port": None})
    with pytest.raises(installkit.PlanningError, match="app_port"):
        site.parameters.set({"app_port": "much"})
    with pytest.raises(installkit.PlanningError, match="choose one of: h1"):
        site.parameters.set({"app_port": 8084}, host="h2")
    with pytest.raises(ValueError, match="not for both"):
        site.parameters.set({"app_port": 8084}, host="h1", group="all")

    levels = {"app_port": 8081}, {"all": {"app_port": 8083}}, {"h1": {"app_port": 8082}}
    assert levels == (entered.site, entered.groups, entered.hosts)
    assert {} == site.parameters.values().site


def test_secrets_are_kept_and_never_told(site):
    site.secrets.set("app_password", "correct horse")
    before = site.secrets.revisions()
    site.secrets.set("app_password", "battery staple")
    with pytest.raises(installkit.UnknownNameError, match="mystery"):
        site.secrets.set("mystery", "x")
    with pytest.raises(installkit.PlanningError, match="is empty"):
        site.secrets.set("app_password", "")

    assert ("app_password",) == site.secrets.names() == site.parameters.values().secrets
    assert before != site.secrets.revisions()
    assert () == site.secrets.missing(site.plan(install=["app"]))
    assert ("vault_key",) == site.secrets.missing(site.plan(install=["app"], secrets=["vault_key"]))
    site.secrets.set("app_password", None)
    assert () == site.secrets.names()
    with pytest.raises(installkit.UnknownNameError):
        site.secrets.set("app_password", None)


def test_an_inventory_that_is_held_is_edited(site):
    site.inventory.set_host("db%1", groups=["db"], vars={**LOCAL, "port": 1, "old": True})
    site.inventory.set_host("db%1", groups=["db", "web"], vars={**LOCAL, "port": 2})
    host = next(host for host in site.inventory.hosts() if host.name == "db%1")
    groups = site.inventory.read().groups
    text = site.inventory.export()
    site.inventory.remove_host("h1")
    with pytest.raises(installkit.UnknownNameError, match="h1"):
        site.inventory.remove_host("h1")
    with pytest.raises(installkit.InstallkitError, match="group 'all'"):
        site.inventory.set_host("h9", groups=["all"])
    with pytest.raises(installkit.DefinitionError, match="inventory"):
        site.inventory.replace("all: [")

    assert (("db", "web"), {**LOCAL, "port": 2}) == (host.groups, dict(host.vars))
    assert ("all", "db", "web") == groups
    assert ["db%1"] == [host.name for host in site.inventory.hosts()]
    site.inventory.replace(text)
    assert ["h1", "db%1"] == [host.name for host in site.inventory.hosts()]
    site.inventory.replace(INVENTORY)
    assert ["h1"] == [host.name for host in site.inventory.hosts()]


def test_a_site_is_described_and_forgotten(installer, site, face):
    described = site.snapshot()
    with pytest.raises(installkit.PlanningError, match="already"):
        installer.create_site(site.name, inventory=INVENTORY, catalog=face.catalog)
    with pytest.raises(installkit.DefinitionError):
        installer.create_site("other", inventory="all: [", catalog=face.catalog)

    assert (site.name, site.name, "store") == (described.name, described.title, described.inventory.kind)
    assert ["app", "slow", "bad"] == [component.name for component in site.catalog()]
    assert 8080 == site.catalog()["app"].parameters[0].value
    assert "Acme" == installer.site(site.name, title="Acme").snapshot().title
    assert site.name in {each.name for each in installer.sites()}
    installer.delete_site(site.name)
    assert site.name not in {each.name for each in installer.sites()}


def test_lists_are_filtered_and_go_on_from_an_id(installer, site):
    plans = [site.plan(install=["app"]), site.plan(record=["app=1.0"])]
    runs = [site.apply(record=["app=1.0"], checks=False).wait(60), site.apply(forget=["app"], checks=False).wait(60)]
    ids = [run.id for run in reversed(runs)]

    def listed(**wanted):
        return [run.id for run in installer.list_runs(site=site.name, **wanted)]

    assert (
        ids == [run.id for run in installer.runs(site=site.name)] == listed() == listed(status=["succeeded", "failed"])
    )
    assert ids[:1] == listed(limit=1) == [run.id for run in site.runs(limit=1)]
    assert ids[1:] == listed(before=ids[0])
    assert [] == listed(status="failed") == [*site.runs(status="failed")]
    assert ids[:1] == listed(plan=ids[0])
    with pytest.raises(ValueError, match="done"):
        listed(status="done")
    with pytest.raises(installkit.RunNotFoundError):
        listed(before="feedfeedfeed")
    assert plans[1] in installer.plans(site.name)
    assert [plans[0]] == list(installer.plans(site.name, before=plans[1].id))
    installer.delete_plan(plans[0].id)
    assert () == installer.plans(site.name, before=plans[1].id)
    assert ids[0] == installer.run(ids[0][:8]).id == installer.run("last").id


def test_the_events_of_all_runs_follow_each_other(installer, site):
    """From a cursor on, which is good on all faces alike; a follower goes on with what comes."""
    first = site.apply(record=["app=1.0"], checks=False).wait(60)
    there = list(installer.events(site=site.name))
    second = site.apply(forget=["app"], checks=False).wait(60)
    later = list(installer.events(site=site.name, after=there[-1].cursor))
    followed = installer.events(site=site.name, follow=True, after=there[0].cursor, limit=len(there) + len(later) - 1)

    assert list(first.events()) == [arrival.event for arrival in there]
    assert list(second.events()) == [arrival.event for arrival in later]
    assert [*there, *later][1:] == list(followed)
    assert later[-2:] == list(installer.events(site=site.name, last=2))
    assert {"run_finished"} == {
        arrival.event.kind for arrival in installer.events(site=[site.name], kind="run_finished")
    }
    with pytest.raises(installkit.UnknownNameError, match="is not a kind of event"):
        list(installer.events(kind="party"))
    with pytest.raises(TypeError, match="hst"):
        list(installer.events(hst="h1"))


def test_events_of_a_run_and_its_log_are_narrowed(site):
    run = site.apply(install=["app"], checks=False).wait(60)
    results = list(run.events(kind="task_result", host="h1", status=["ok", "changed"]))
    about = run.log(host="h1")

    assert results == [event for event in run.events() if event.kind == "task_result"]
    assert about == b"".join(run.follow_log(host="h1"))
    assert b"h1" in about
    assert run.log("app").splitlines()[-2:] == run.log("app", tail=2).splitlines()
    assert run.log("app", tail=2) == b"".join(run.follow_log("app", tail=2))
    assert ["this is grün"] == [result.task for result in run.results(host="h1")]
    assert run.id == run.profile().run
    for wanted in ({"host": "h9"}, {"kind": "party"}, {"step": "none"}):
        with pytest.raises(installkit.UnknownNameError):
            list(run.events(**wanted))


def test_a_run_is_pruned_and_what_it_was_stays(installer, site):
    run = site.record(["app=1.0"], checks=False).wait(60)
    installer.prune_run(run.id)

    assert STATUS.SUCCEEDED is run.snapshot().status
    for read in (lambda: list(run.events()), run.log, run.timeline):
        with pytest.raises(installkit.StoreError, match="were pruned"):
            read()
    assert () == run.warnings()


def test_the_doctor_is_asked_by_one_call(installer):
    findings = {finding.name: finding.status for finding in installer.doctor()}

    assert "ok" == findings["database"]
    assert ["database"] == [finding.name for finding in installer.doctor(only=["database"])]
