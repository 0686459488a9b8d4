"""What a site asks of Ansible: with which values, how often, and how long it waits."""

import sys
import time

import pytest
from click.testing import CliRunner

import installkit
from installkit.cli.app import app
from installkit.cli.waiting import InventoryWait
from plan_steps import component_steps

ALL = "h1 h2 h3"

TOUCH = """\
- hosts: "{HOSTS}"
  gather_facts: false
  tasks:
    - ansible.builtin.file: {path: "{{ inventory_dir }}/{{ inventory_hostname }}.done", state: touch}
"""

SCRIPT = """\
#!{python}
import json, os, pathlib, time
here = pathlib.Path(__file__).parent
asker = pathlib.Path(f"/proc/{{os.getppid()}}/cmdline").read_text()
with open(here / "calls", "a") as calls:
    print("question" if "ansible-inventory" in asker or "--list-hosts" in asker else "step", file=calls)
time.sleep(float((here / "sleep").read_text()) if (here / "sleep").exists() else 0)
local = {{"ansible_connection": "local", "ansible_python_interpreter": {python!r}}}
print(json.dumps({{"web": {{"hosts": ["h1", "h2"], "vars": local}}, "_meta": {{"hostvars": {{}}}}}}))
"""


@pytest.fixture
def three(tmp_path):
    """An inventory of three hosts that are this machine."""
    path = tmp_path / "three.ini"
    variables = f"[all:vars]\nansible_connection=local\nansible_python_interpreter={sys.executable}\n"
    path.write_text(f"[web]\n{ALL.replace(' ', chr(10))}\n{variables}")
    return path


@pytest.fixture
def script(tmp_path):
    """An inventory that notes by whom it is read, and sleeps as long as the file `sleep` says."""
    path = tmp_path / "dynamic" / "inventory.py"
    path.parent.mkdir()
    path.write_text(SCRIPT.format(python=sys.executable))
    path.chmod(0o755)
    return path


def questions_to(script):
    """Return how often *script* was read for an answer to installkit; each step of a run reads it for itself."""
    return (script.parent / "calls").read_text().splitlines().count("question")


def test_a_plan_is_for_the_hosts_that_its_values_mean(installer, folder, three, tmp_path):
    """Who is not meant is neither planned nor touched nor recorded; the record of one is not a reason to doubt the others'."""
    (folder / "01.app.yml").write_text(TOUCH.replace("{HOSTS}", "{{ target | default('web') }}"))
    site = installer.site("acme", inventory=three, catalog=folder)

    plan = site.plan(install=["app"], parameters={"target": "h2"})
    site.start(plan, checks=False).wait(120).raise_for_status()

    assert [("h2",)] == [step.hosts for step in component_steps(plan.steps)]
    assert ["h2"] == [row.host for row in site.installed()]
    assert ["h2.done"] == [path.name for path in tmp_path.glob("*.done")]
    assert {"h1": "install", "h2": None, "h3": "install"} == {
        change.host: change.action for change in site.plan(install=["app"]).changes
    }
    elsewhere = site.plan(install=["app"], parameters={"target": "h1"})
    assert ["h1"] == [change.host for change in elsewhere.changes]
    assert [line for line in elsewhere.warnings if "app is recorded on h2, which its plays do not name" in line]
    assert not [line for line in elsewhere.warnings if "forget" in line]


def test_a_play_for_hosts_of_a_value_needs_it(installer, folder, three):
    """With it there is a plan; without it the error names it and says how it is given. A value of the site is none."""
    (folder / "01.app.yml").write_text(TOUCH.replace("{HOSTS}", "{{ target }}"))
    site = installer.site("acme", inventory=three, catalog=folder)
    site.parameters.set({"target": "h3"})

    with pytest.raises(installkit.PlanningError, match=r"01\.app\.yml needs a value for 'target'") as caught:
        site.plan(install=["app"])

    assert "-e NAME=VALUE" in caught.value.remedy
    assert [("h1", "h3")] == [
        step.hosts for step in component_steps(site.plan(install=["app"], parameters={"target": "h1,h3"}).steps)
    ]
    assert [("h1", "h2")] == [
        step.hosts for step in component_steps(site.plan(install=["app"], parameters={"target": ["h1", "h2"]}).steps)
    ]


def test_the_values_of_an_action_decide_its_hosts(installer, folder, three):
    """`vars` of the manifest reach the question, below those of the request; so do the words that a playbook gets."""
    (folder / "app.yml").write_text(TOUCH.replace("{HOSTS}", "{{ target }}"))
    (folder / "look.yml").write_text('- hosts: "{{ where[component_action] }}"\n  gather_facts: false\n')
    (folder / "app.component.yml").write_text(
        "name: app\nactions:\n  install: {playbook: app.yml, vars: {target: 'h1,h2'}}\n"
        "  verify: {playbook: look.yml, vars: {where: {verify: h1, check: h2}}}\n"
        "  check: {playbook: look.yml, vars: {where: {verify: h1, check: h2}}}\n"
    )
    site = installer.site("acme", inventory=three, catalog=folder)

    own, given = site.plan(install=["app"]), site.plan(install=["app"], parameters={"target": "h2"})

    assert {"check": ("h2",), "install": ("h1", "h2"), "verify": ("h1",)} == {
        step.action.value: step.hosts for step in component_steps(own.steps)
    }
    assert ("h2",) == next(step.hosts for step in component_steps(given.steps) if step.action == "install")


def test_values_that_no_playbook_may_get_reach_no_question(installer, folder, three):
    """They are refused before Ansible is asked."""
    (folder / "01.app.yml").write_text(TOUCH.replace("{HOSTS}", "web"))
    site = installer.site("acme", inventory=three, catalog=folder)

    for value in ({"__ansible_unsafe": "x"}, float("nan")):
        with pytest.raises(installkit.PlanningError, match="target"):
            site.plan(install=["app"], parameters={"target": value})


def test_a_part_of_a_limit_that_matches_nothing_is_said(installer, folder, three):
    """Ansible itself says which parts match; the plan names those that do not, or is refused where none does."""
    (folder / "01.app.yml").write_text(TOUCH.replace("{HOSTS}", "web"))
    site = installer.site("acme", inventory=three, catalog=folder)

    plan = site.plan(install=["app"], limit="h1,hh2,!wbe,~h[3],web[0:1],&web")
    fine = site.plan(install=["app"], limit="h1:localhost:web[1:2]:!h3")

    assert {("h1", "h2", "h3")} == {step.hosts for step in component_steps(plan.steps)}
    assert [
        "the part 'hh2' of the limit matches no host; did you mean 'h2'?",
        "the part '!wbe' of the limit matches no host; did you mean 'web'?",
    ] == [line for line in plan.warnings if "limit" in line]
    assert () == fine.warnings
    with pytest.raises(
        installkit.PlanningError, match="no host matches limit 'web:&dbs'\nthe part '&dbs' of the limit"
    ):
        site.plan(install=["app"], limit="web:&dbs")


def test_one_survey_asks_a_slow_inventory_each_question_once(installer, folder, script):
    """Two questions, who is there and who is meant, in whatever is done while it is open; each call else asks anew."""
    (folder / "01.app.yml").write_text(TOUCH.replace("{HOSTS}", "web"))
    (folder / "02.bad.yml").write_text("- hosts: web\n  hots: 1\n")
    site = installer.site("acme", inventory=script, catalog=folder)

    with site.one_survey():
        plan = site.plan(install=["app"])
        site.plan(install=["app"])
        with site.one_survey(), pytest.raises(installkit.PlanningError):
            site.plan(all=True)
        site.start(plan, checks=False).wait(120).raise_for_status()

    assert 3 == questions_to(script)
    site.plan(install=["app"])
    assert 5 == questions_to(script)


def test_one_command_asks_a_slow_inventory_each_question_once(folder, script, tmp_path):
    """Plan, checks, start: the command line hands on what it learned."""
    (folder / "01.app.yml").write_text(TOUCH.replace("{HOSTS}", "web"))
    (folder / "02.bee.yml").write_text(TOUCH.replace("{HOSTS}", "web"))
    arguments = ["--data-dir", str(tmp_path / "data"), "apply", "-c", str(folder), "-i", str(script), "--all", "--yes"]

    done = CliRunner().invoke(app, arguments)

    assert 0 == done.exit_code, done.stderr
    assert 2 == questions_to(script)


@pytest.mark.parametrize(
    ("options", "environment", "seconds"),
    [
        pytest.param(["--inventory-timeout", "1s"], {}, "1", id="option"),
        pytest.param([], {"INSTALLKIT_INVENTORY_TIMEOUT": "1.5"}, "1.5", id="environment"),
        pytest.param(["--inventory-timeout", "1"], {"INSTALLKIT_INVENTORY_TIMEOUT": "5m"}, "1", id="the option first"),
    ],
)
def test_how_long_an_inventory_may_take_is_said(folder, script, options, environment, seconds):
    """By an option, by the environment; an inventory that takes longer is ended, and the error names both."""
    (folder / "01.app.yml").write_text(TOUCH.replace("{HOSTS}", "web"))
    (script.parent / "sleep").write_text("60")
    command = [
        "--data-dir",
        str(folder.parent / "data"),
        "plan",
        "-c",
        str(folder),
        "-i",
        str(script),
        "--all",
        *options,
    ]

    begun = time.monotonic()
    done = CliRunner().invoke(app, command, env=environment)

    assert 1 == done.exit_code
    assert time.monotonic() - begun < 40
    assert f"ansible-inventory gave no answer in {seconds} seconds" in done.stderr
    assert "--inventory-timeout" in done.stderr
    assert "INSTALLKIT_INVENTORY_TIMEOUT" in done.stderr


def test_a_timeout_that_is_none_is_refused(tmp_path, monkeypatch):
    for wrong in (0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="inventory_timeout"):
            installkit.Installer(tmp_path / "data", inventory_timeout=wrong)
    monkeypatch.setenv("INSTALLKIT_INVENTORY_TIMEOUT", "soon")

    with pytest.raises(installkit.PlanningError, match="INSTALLKIT_INVENTORY_TIMEOUT is 'soon', not a time"):
        installkit.Installer(tmp_path / "data")


def test_whoever_uses_the_library_is_told_of_a_wait(folder, script, tmp_path):
    (folder / "01.app.yml").write_text(TOUCH.replace("{HOSTS}", "web"))
    (script.parent / "sleep").write_text("2.5")
    told = []

    with installkit.Installer(tmp_path / "data", inventory_timeout=60.0, on_inventory_wait=told.append) as installer:
        installer.site("acme", inventory=script, catalog=folder).plan(install=["app"])

    assert told[0] == pytest.approx(1.0, abs=0.9)
    assert 2 == told.count(None)
    assert told[-1] is None


def test_a_wait_is_said_once_where_there_is_no_terminal(capsys):
    wait = InventoryWait()

    for waited in (1.0, 9.9, 10.0, 11.0, None, 1.0, 12.2, None):
        wait(waited)

    assert "asking the inventory … 10 s\nasking the inventory … 12 s\n" == capsys.readouterr().err


def test_a_wait_is_shown_each_second_on_a_terminal(capsys, monkeypatch):
    """In one line, which is gone at the end."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    wait = InventoryWait()

    for waited in (1.0, 2.0, None):
        wait(waited)

    clear = "\r\x1b[K"
    assert f"{clear}asking the inventory … 1 s{clear}asking the inventory … 2 s{clear}" == capsys.readouterr().err
