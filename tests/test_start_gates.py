"""There is one way to start: what `Site.start` refuses, each face refuses, and what it takes, each face takes."""

import json
import re

import attrs
import pytest
from click.testing import CliRunner
from playwright.sync_api import expect

import installkit
from http_client import Server, finish, open_client
from installkit import RunStatus
from installkit.cli.app import app
from installkit.cli.plans import apply
from installkit.model import EventKind, RunOptions
from installkit_http.routes.plans import StartOptions

pytest_plugins = ["console_page"]

PLAY = "- hosts: all\n  gather_facts: false\n  tasks: [debug: {msg: hi}]\n"

CHECK = """\
- hosts: all
  gather_facts: false
  tasks:
    - name: Room
      assert: {that: not full | default(false), fail_msg: there is none}
"""

MANIFEST = """\
name: app
actions:
  install: 03.app.yml
  check: 03.app.check.yml
  uninstall: {playbook: 03.app.uninstall.yml, destructive: true}
"""


EXCEPTIONS = {
    installkit.DestructivePlanError: "destructive",
    installkit.PlanUsedError: "used",
    installkit.StalePlanError: "stale",
}
MESSAGES = {"destroys data": "destructive", "which failed at its checks": "used", "is stale": "stale"}
PROBLEMS = {
    (409, "plan_destructive"): "destructive",
    (409, "plan_used"): "used",
    (409, "plan_stale"): "stale",
    (404, "not_found"): "cannot be",
}
"""What the faces say for the same refusal, in a word; whatever else a plan is refused for "cannot be"."""


@attrs.frozen
class Answer:
    """
    What became of a start.

    Attributes:
        refused: What it was refused for, as the faces word it; None if there is a run now.
        told: All that was said beside.
    """

    refused: str | None
    told: str = ""


class Python:
    """`Site.start`."""

    def __init__(self, installer):
        self.installer = installer

    def start(self, plan, **options):
        """Start *plan*, and wait for its run."""
        try:
            self.installer.site(plan.site).start(plan, **options).wait(100)
        except installkit.PlanningError as exc:
            return Answer(EXCEPTIONS.get(type(exc), "cannot be"), str(exc))
        return Answer(None)


class CommandLine:
    """`installkit apply PLAN --yes`."""

    def __init__(self, installer):
        self.installer = installer
        self.file = installer.folders.data.parent / "plan.json"

    def start(self, plan, *, checks=True, allow_destructive=False):
        """Apply *plan* from a file, and follow its run."""
        self.file.write_text(json.dumps(installkit.to_wire(plan)))
        words = [
            *(["--allow-destructive"] if allow_destructive else []),
            *(["--skip-checks"] if checks is False else ["--checked", checks] if checks is not True else []),
        ]
        said = CliRunner().invoke(
            app, ["--data-dir", str(self.installer.folders.data), "apply", str(self.file), "--yes", *words]
        )
        error = re.search(r"^error: .*(?:\n.*)*", said.stderr, re.MULTILINE)
        if error is None:
            return Answer(None, said.output)
        refused = next((word for text, word in MESSAGES.items() if text in error[0]), "cannot be")
        assert (2 if refused == "cannot be" else 3) == said.exit_code, said.output
        return Answer(refused, error[0])


class Http:
    """`POST /plans/{plan}/runs`, for which a plan is only an id: what it is, is what the service kept."""

    def __init__(self, client):
        self.client = client

    def start(self, plan, **options):
        """Start the plan with the id of *plan*, and wait for its run."""
        answer = self.client.post(f"/api/v1/plans/{plan.id}/runs", json=options)
        if answer.is_success:
            finish(self.client, answer.headers["location"])
            return Answer(None)
        return Answer(PROBLEMS[answer.status_code, answer.json()["code"]], answer.text)


@pytest.fixture
def site(installer, folder, inventory):
    """A site with one component, whose removal destroys data."""
    for name in ("03.app", "03.app.uninstall"):
        (folder / f"{name}.yml").write_text(PLAY)
    (folder / "03.app.check.yml").write_text(CHECK)
    (folder / "app.component.yml").write_text(MANIFEST)
    return installer.site("acme", inventory=inventory, catalog=folder)


@pytest.fixture(params=[Python, CommandLine, Http])
def face(request, installer, site, folder):
    """One way in."""
    if request.param is not Http:
        yield request.param(installer)
        return
    with open_client(installer, folder) as client:
        yield Http(client)


def statuses(run):
    return [step.status.value for step in run.steps]


def recorded(site):
    """Record the component as there, as its installation would."""
    site.record(["app"]).wait(60).raise_for_status()
    return site


def test_the_checks_are_made_by_default(installer, face, site):
    """Those of installkit and of the component, before the first change."""
    plan = site.plan(install=["app"])
    answer = face.start(plan)
    run = installer.run(plan.id)

    assert None is answer.refused, answer.told
    assert ["check", "check", "install"] == [step.action.value for step in run.steps]
    assert ["succeeded", "succeeded", "succeeded"] == statuses(run)
    assert {"host.connection", "host.disk", "app.room"} <= {check.name for check in run.checks}
    assert "Look at the host" in [event.task for event in run.events() if event.kind is EventKind.TASK_STARTED]
    assert () == run.warnings()


@pytest.mark.long
def test_installkits_own_checks_are_skipped_if_asked(installer, face, site):
    """Those of the component are made all the same."""
    plan = site.plan(install=["app"])
    answer = face.start(plan, checks=False)
    run = installer.run(plan.id)

    assert None is answer.refused, answer.told
    assert (RunStatus.SUCCEEDED, ["skipped", "succeeded", "succeeded"]) == (run.status, statuses(run))
    assert {"app.room"} == {check.name for check in run.checks}


@pytest.mark.long
@pytest.mark.parametrize(
    ("parameters", "checks"),
    [pytest.param({}, "skipped", id="of this plan"), pytest.param({"more": 1}, "succeeded", id="of another plan")],
)
def test_the_checks_of_an_earlier_run_count_for_its_plan(installer, face, site, parameters, checks):
    """None is made twice; for another plan all are made again, and the run says so."""
    checked = site.plan(install=["app"])
    plan = site.plan(install=["app"], parameters=parameters) if parameters else checked
    earlier = site.start_check(checked).wait(60).raise_for_status()
    answer = face.start(plan, checks=earlier.id)

    assert None is answer.refused, answer.told
    run = installer.run(plan.id)
    assert [checks, checks, "succeeded"] == statuses(run)
    warning = f"the checks of run {earlier.id} do not count here: the hosts are checked again"
    assert (checks != "skipped") == (warning in run.warnings())


def test_what_destroys_data_needs_consent(installer, face, site):
    """It says what would be destroyed, and nothing has begun."""
    plan = recorded(site).plan(uninstall=["app"])
    refused = face.start(plan, checks=False)
    begun = [run.id for run in installer.runs() if run.id == plan.id]
    allowed = face.start(plan, checks=False, allow_destructive=True)

    assert "destructive" == refused.refused
    assert "uninstall app" in refused.told
    assert [] == begun
    assert None is allowed.refused, allowed.told
    assert RunStatus.SUCCEEDED is installer.run(plan.id).status
    assert () == site.installed()


def test_a_plan_whose_checks_failed_is_used(installer, face, site):
    """Nothing was changed, the site is as before, and what goes on is said; no second run comes of the plan."""
    before = site.snapshot().revision
    plan = site.plan(install=["app"], parameters={"full": True})
    first = face.start(plan)
    run = installer.run(plan.id)
    second = face.start(plan)

    assert None is first.refused, first.told
    assert (RunStatus.FAILED, ["succeeded", "failed", "skipped"]) == (run.status, statuses(run))
    assert run.snapshot().failed_checks
    assert (before, ()) == (site.snapshot().revision, site.installed())
    assert "used" == second.refused
    assert run.id in second.told
    assert [run.id] == [each.id for each in installer.runs()]


def test_a_plan_that_is_true_no_more_is_refused(installer, face, site, folder):
    plan = site.plan(install=["app"])
    (folder / "03.app.yml").write_text(f"{PLAY}# edited\n")

    assert "stale" == face.start(plan).refused
    assert () == installer.runs()


@pytest.mark.long
def test_a_plan_that_was_edited_is_never_carried_out(installer, face, site):
    """A face that takes a plan from a file refuses it; the service knows only what it made itself."""
    plan = recorded(site).plan(uninstall=["app"])
    harmless = attrs.evolve(plan, changes=tuple(attrs.evolve(change, destructive=False) for change in plan.changes))
    answer = face.start(harmless, checks=False)

    assert answer.refused in {"stale", "cannot be", "destructive"}
    assert plan.id not in [run.id for run in installer.runs()]


def test_a_plan_of_another_site_is_refused(installer, face, site):
    """As one that was made in another data directory; the service does not know it."""
    plan = site.plan(install=["app"])
    foreign = attrs.evolve(plan, id="0123456789ab", site="nowhere")

    if isinstance(face, Python):
        with pytest.raises(installkit.PlanningError, match="for site 'nowhere', not for 'acme'"):
            site.start(foreign)
    else:
        assert "cannot be" == face.start(foreign).refused
    assert () == installer.runs()


@pytest.mark.long
def test_a_plan_is_started_once(installer, face, site):
    """Starting it again is not a mistake: there is one run."""
    plan = site.plan(install=["app"])
    answers = [face.start(plan, checks=False), face.start(plan)]

    assert [None, None] == [answer.refused for answer in answers], answers
    assert [plan.id] == [run.id for run in installer.runs()]


def names_of(options):
    return {field.name for field in attrs.fields(options)}


def test_the_service_takes_the_options_that_are_meant_for_it():
    """Who asks is known by the token, and how Ansible connects is the site's; secrets are no option of the run."""
    own = {"requested_by", "user", "private_key", "become"}

    assert names_of(RunOptions) - own | {"secrets"} == names_of(StartOptions)


def test_the_command_line_takes_every_option():
    """But who asks: that is who types."""
    spelled = {"check_mode": {"check"}, "ignore_checks": {"ignore_check"}, "checks": {"skip_checks", "checked"}}
    wanted = set().union(*(spelled.get(name, {name}) for name in names_of(RunOptions) - {"requested_by"}))

    assert set() == wanted - {param.name for param in apply.params}


def test_the_keyword_arguments_of_start_are_the_options_of_a_run():
    assert names_of(RunOptions) == set(installkit.model.StartOptions.__annotations__)


@pytest.fixture
def server(site, folder, installer):
    """A service of its own, with the site."""
    server = Server(installer.folders.data, "-c", f"products={folder}")
    yield server
    server.end()


def test_the_console_asks_for_consent_and_hands_over_the_checks(server, open_page, site):
    """The service refuses and says why; what is ticked and what was checked goes along."""
    plan = recorded(site).plan(uninstall=["app"])
    page = open_page(server, f"/plans/{plan.id}")
    sent = []

    def _start(route):
        sent.append(route.request.post_data_json)
        route.continue_()

    page.route("**/plans/*/runs", _start)
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("alert")).to_contain_text("destroys data")
    page.get_by_role("button", name="Run the checks").click()
    expect(page.get_by_role("region", name="Checks")).to_contain_text("failed: 0", timeout=60_000)
    page.get_by_role("checkbox", name=re.compile("destroy")).check()
    page.get_by_role("button", name="Start the run").click()
    expect(page).to_have_url(re.compile("#/runs/"))
    (checked,) = [run.id for run in site.runs() if run.snapshot().note == "checks"]

    assert [(False, True), (True, checked)] == [(each["allow_destructive"], each["checks"]) for each in sent]
