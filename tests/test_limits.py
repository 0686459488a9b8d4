"""A limit is a promise: who is named in it is touched, nobody else, and what is dropped or repeated is said."""

import sys

import attrs
import pytest

import installkit
from installkit import EventKind
from installkit.catalog import load_catalog
from installkit.engine.facts import facts_wanted
from installkit.model import OWN_CHECKS
from plan_steps import component_steps
from site_runs import finish
from test_planning import World, component, spec

MARK = "shell: echo {what} >> {work}/{{{{ inventory_hostname }}}}.diary"


@pytest.fixture
def site(installer, tmp_path, folder):
    inventory = tmp_path / "hosts.ini"
    line = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    hosts = "".join(f"{name} {line}\n" for name in ("web1", "web2", "web3", "db1"))
    inventory.write_text(f"{hosts}[web]\nweb1\nweb2\nweb3\n[db]\ndb1\n")
    return installer.site("acme", inventory=inventory, catalog=folder)


@pytest.fixture
def write(folder, tmp_path):
    """Write a component: its manifest, and playbooks of plays that each note in the hosts' diaries what they are."""

    def _write(manifest, **playbooks):
        (folder / "app.component.yml").write_text(manifest)
        for name, plays in playbooks.items():
            (folder / f"{name}.yml").write_text("".join(_play(*play) for play in plays))

    def _play(hosts, what, *tasks):
        lines = (MARK.format(what=what, work=tmp_path), *tasks)
        body = "".join(f"    - {line}\n" for line in lines)
        return f"- name: {what}\n  hosts: {hosts}\n  gather_facts: false\n  tasks:\n{body}"

    return _write


@pytest.fixture
def diaries(tmp_path):
    """Return what was done on each host since the last look."""

    def _diaries():
        found = {path.stem: path.read_text().split() for path in sorted(tmp_path.glob("*.diary"))}
        for path in tmp_path.glob("*.diary"):
            path.unlink()
        return found

    return _diaries


def fails_on(host, tmp_path):
    return f"command: test -e {tmp_path}/mended -o {{{{ inventory_hostname }}}} != {host}"


def texts(plan):
    return {change.host: change.text for change in plan.changes}


@pytest.mark.parametrize("failed_only", [False, True], ids=["all", "failed hosts"])
def test_a_resume_repeats_no_upgrade_that_is_proved(site, write, diaries, tmp_path, failed_only):
    """Hosts that were upgraded are left alone; what looks after them from elsewhere goes with the one that is left."""
    write(
        "name: app\nhosts: web\nversions: ['1.0', '2.0']\nactions: {install: app.yml, upgrade: up.yml}\n",
        app=[("web", "installed")],
        up=[("web", "restarted", fails_on("web1", tmp_path)), ("localhost", "balanced"), ("db", "migrated")],
    )
    finish(site, install=["app=1.0"]).raise_for_status()
    run = finish(site, upgrade=["app"])
    diaries()
    (tmp_path / "mended").touch()
    plan = site.plan(resume=run, failed_hosts_only=failed_only)
    resumed = site.start(plan, checks=False).wait(60).raise_for_status()

    assert {"web1": ["restarted"], "localhost": ["balanced"], "db1": ["migrated"]} == diaries()
    (step,) = component_steps(resumed.steps)
    assert (("web1", "localhost", "db1"), ("localhost", "db1"), True) == (step.hosts, step.others, step.limited)
    assert {"web1", "web2", "web3"} == {row.host for row in site.installed()}
    if not failed_only:
        assert {"unchanged"} == {text for host, text in texts(plan).items() if host != "web1"}


@pytest.mark.long
def test_an_install_that_runs_along_says_so(site, write, diaries, tmp_path):
    """An install may be repeated, and runs without a limit, so that it sees all hosts; the plan says where it repeats."""
    write("name: app\nactions: {install: app.yml}\n", app=[("web", "installed", fails_on("web1", tmp_path))])
    run = finish(site, install=["app"])
    diaries()
    (tmp_path / "mended").touch()
    plan = site.plan(resume=run)
    site.start(plan, checks=False).wait(60).raise_for_status()

    assert {"web1", "web2", "web3"} == diaries().keys()
    assert "unchanged; its playbook runs here too, since it runs on all of these hosts together" == texts(plan)["web2"]


def test_each_batch_keeps_the_plays_for_others(site, write, diaries):
    """`hosts: localhost` beside `hosts: web` goes with every batch, and is not a batch of its own."""
    write("name: app\nactions: {install: {playbook: app.yml, batch: 2}}\n", app=[("localhost", "out"), ("web", "in")])
    run = finish(site, install=["app"]).raise_for_status()

    assert {"localhost": ["out", "out"], "web1": ["in"], "web2": ["in"], "web3": ["in"]} == diaries()
    assert [("localhost", "web1", "web2"), ("localhost", "web3")] == [step.hosts for step in component_steps(run.steps)]


@pytest.mark.long
def test_a_manifests_hosts_narrow_a_play_for_more(site, write, diaries):
    """A play for all hosts runs on the component's alone, and with it one that is only for others cannot be kept apart."""
    write("name: app\nhosts: web\nactions: {install: app.yml}\n", app=[("all", "everywhere"), ("localhost", "here")])
    finish(site, install=["app"]).raise_for_status()

    assert {"web1", "web2", "web3", "localhost"} == diaries().keys()


def test_a_limit_of_ones_own_acts_as_by_hand_and_names_what_it_drops(site, write, diaries):
    write("name: app\nhosts: web\nactions: {install: app.yml}\n", app=[("web", "in"), ("localhost", "balance")])
    plan = site.plan(install=["app"], limit="web1")
    site.start(plan, checks=False).wait(60).raise_for_status()

    assert {"web1": ["in"]} == diaries()
    assert ("limit 'web1' leaves out a play of app.yml: balance (hosts: localhost)",) == plan.warnings
    assert not site.plan(install=["app"], limit="web2,localhost").warnings


@pytest.mark.long
def test_a_failure_beside_the_hosts_is_gone_on_with_where_it_left_off(site, write, diaries, tmp_path):
    """Where a play on localhost failed, no host of the component is proved, and all of them are gone on with."""
    write(
        "name: app\nhosts: web\nactions: {install: app.yml}\n",
        app=[("localhost", "prepare", fails_on("localhost", tmp_path)), ("web", "in")],
    )
    run = finish(site, install=["app"])
    diaries()

    assert installkit.RunStatus.FAILED is run.status
    assert {"failed"} == {row.status for row in site.installed()}
    (tmp_path / "mended").touch()
    site.resume(run, failed_hosts_only=True, checks=False).wait(60).raise_for_status()
    assert {"localhost", "web1", "web2", "web3"} == diaries().keys()


WEB = component("app", on="web", actions=[spec("install", "app", batch=(1,))])
DB = component("base", 1)


def wanted(world, gathers=None, facts="cached", *, by_default=True, **request):
    """Return the hosts whose facts are gathered before each step of a plan."""
    run = world.spec(world.plan(**request))
    specs = [attrs.evolve(each, gathers=gathers, facts=facts) for each in run.steps]
    pairs = zip(run.plan.steps, specs, strict=True)
    return [
        facts_wanted(run, step, each, by_default=by_default) for step, each in pairs if step.component != OWN_CHECKS
    ]


def test_a_limited_step_wants_the_facts_of_its_plan_alone():
    """Whoever limits a plan to one host connects to that one; a batch may read facts of the plan's other hosts."""
    others = ("db1", "db2", "web2", "web3")

    assert [()] == wanted(World((WEB,)), install=("app",), limit="web1")
    assert [(), others] == wanted(World((WEB, DB)), install=("app", "base"))[:2]
    assert [()] == wanted(World((DB,)), install=("base",))


@pytest.mark.parametrize(
    ("gathers", "by_default", "expected"),
    [
        pytest.param(False, True, (), id="the plays say no"),
        pytest.param(True, False, ("web2", "web3"), id="a play says yes"),
        pytest.param(None, False, (), id="gathering = explicit"),
        pytest.param(None, True, ("web2", "web3"), id="left to Ansible"),
    ],
)
def test_facts_are_gathered_only_where_plays_gather_them(gathers, by_default, expected):
    assert expected == wanted(World((WEB,)), gathers, by_default=by_default, install=("app",))[0]


def test_facts_of_all_hosts_are_gathered_where_an_action_says_so():
    assert [("all",)] == wanted(World((WEB,)), False, "all", install=("app",), limit="web1")


@pytest.mark.parametrize(
    ("plays", "expected"),
    [
        pytest.param("- hosts: all\n  gather_facts: false\n", False, id="false"),
        pytest.param("- hosts: all\n  gather_facts: no\n", False, id="no"),
        pytest.param("- hosts: all\n", None, id="not said"),
        pytest.param("- hosts: all\n  gather_facts: false\n- hosts: web\n", None, id="one of two"),
        pytest.param("- hosts: all\n  gather_facts: true\n- hosts: web\n", True, id="true"),
        pytest.param("- hosts: all\n  gather_facts: '{{ much }}'\n", True, id="a template"),
        pytest.param("- import_playbook: other.yml\n", True, id="imported"),
    ],
)
def test_a_catalog_knows_whether_plays_gather_facts(folder, plays, expected):
    (folder / "other.yml").write_text("- hosts: all\n  gather_facts: yes\n")
    (folder / "01.app.yml").write_text(plays)
    (action,) = load_catalog(folder)["app"].actions

    assert expected is action.gathers


def test_facts_of_other_batches_are_gathered_first_and_that_is_told(site, write, folder):
    """It is told as an event, once in a run; the log stays Ansible's."""
    write("name: app\nactions: {install: {playbook: app.yml, batch: 2}}\n")
    text = "{{ groups.web | map('extract', hostvars, 'ansible_facts') | map('length') | min > 0 }}"
    (folder / "app.yml").write_text(f'- hosts: web\n  tasks:\n    - assert: {{that: "{text}"}}\n')
    run = finish(site, install=["app"]).raise_for_status()
    told = [event.message for event in run.events() if event.kind is EventKind.OUTPUT and event.message]

    assert ["first gathering facts on web3, which the plan also concerns: the playbook may read them"] == told
