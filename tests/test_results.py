"""What tasks gave on hosts, what `set_stats` set, and facts: out of real runs, as values."""

import asyncio
import json
import sys
from zipfile import ZipFile

import pytest

import installkit
from installkit import ResultStatus
from site_runs import finish

FIRST = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Ask
      command: echo {{ inventory_hostname }}
      register: answer
    - name: Loop
      debug: {msg: "{{ item }}"}
      loop: [one, two]
      register: said
    - name: Fail
      command: "false"
      ignore_errors: true
    - name: Hide
      command: echo hidden-value
      no_log: true
      register: hidden
    - name: Long
      debug: {msg: "{{ 'x' * 20000 }}"}
    - name: Secret
      debug: {msg: "pw {{ app_password }}"}
    - name: For the run
      set_stats: {data: {version: "1.0", ports: [1, 2], pw: "{{ app_password }}"}}
      run_once: true
    - name: For each host
      set_stats: {data: {role: "{{ inventory_hostname }}!"}, per_host: true}
    - name: Quietly
      set_stats: {data: {token: hidden-stat}}
      no_log: true
    - name: Quietly in a loop
      set_stats: {data: "{{ {item: 'hidden-stat'} }}"}
      loop: [looped]
      no_log: true
"""
SECOND = """
- hosts: h1
  gather_facts: false
  tasks:
    - set_stats: {data: {version: "2.0"}}
"""
MANIFEST = """
name: app
parameters: {app_password: {type: string, secret: true}}
actions: {install: 01.app.yml}
"""
FACTS = """
- hosts: all
  gather_facts: false
  tasks:
    - setup: {gather_subset: ["!all", min]}
    - set_fact: {ours: 1}
    - setup: {gather_subset: ["!all", "!min", env]}
    - name: Some of its own
      include_vars: {file: vars.yml}
"""
GATHERS = """
- hosts: h1
  tasks: [debug: {msg: "{{ ansible_facts.distribution }} {{ app_password }}"}]
"""


def site_of(folder, installer, playbooks):
    local = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    (folder / "hosts.ini").write_text(f"h1 {local}\nh2 {local}\n")
    (folder / "playbooks").mkdir()
    for name, text in playbooks.items():
        (folder / "playbooks" / name).write_text(text)
    return installer.site("acme", inventory=folder / "hosts.ini", catalog=folder / "playbooks")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    with installkit.Installer(folder / "data") as installer:
        playbooks = {"01.app.yml": FIRST, "02.more.yml": SECOND, "app.component.yml": MANIFEST}
        yield installer, site_of(folder, installer, playbooks)


@pytest.fixture(scope="module")
def run(opened):
    return finish(opened[1], all=True, secrets={"app_password": "sesame-77"})


def test_a_result_says_what_the_module_returned_and_who_registered_it(run):
    (result,) = run.results(host="h2", task="Ask")

    assert ("changed", 0, "h2", "answer") == (
        result.status,
        result.result["rc"],
        result.result["stdout"],
        result.registered,
    )
    assert (run.id, "01-app-install", "ansible.builtin.command") == (result.run, result.step, result.module)
    assert result.duration > 0
    assert result.location.startswith("01.app.yml:")
    assert not result.cut


def test_a_loop_has_a_result_for_each_item_and_one_at_its_end(run):
    results = run.results(host="h1", task="Loop")

    assert [("item_result", "one"), ("item_result", "two"), ("task_result", None)] == [
        (result.kind, result.item) for result in results
    ]
    assert ["one", "two"] == [result.result["msg"] for result in results[:2]]
    assert {"said"} == {result.registered for result in results}


def test_results_are_narrowed_by_each_filter(run):
    every = run.results()
    failed = run.results(status="failed")

    assert [("Fail", True)] * 2 == [(result.task, result.ignored) for result in failed]
    assert failed == run.results(status=[ResultStatus.FAILED, "unreachable"])
    assert {"h1"} == {result.host for result in run.results(host="h1")}
    assert [result for result in every if result.module == "ansible.builtin.command"] == list(
        run.results(module="command")
    )
    assert run.results(module="command") == run.results(module=["ansible.builtin.command", "nothing"])
    assert ("02-more-install",) == tuple({result.step for result in run.results(step="more")})
    assert every[3:5] == run.results(after=every[2].seq, limit=2)
    assert () == run.results(task="No such task")


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"status": "done"}, installkit.UnknownNameError),
        ({"host": "h3"}, installkit.UnknownNameError),
        ({"step": "redis"}, installkit.UnknownNameError),
        ({"tasks": "Ask"}, TypeError),
    ],
)
def test_a_filter_that_cannot_be_is_refused(run, wanted, error):
    with pytest.raises(error):
        run.results(**wanted)


def test_a_long_result_is_cut_and_says_so(run):
    result = run.results(host="h1", task="Long")[0]

    assert result.cut
    assert result.result["msg"].endswith("more characters]")


def test_secrets_and_what_no_log_hides_are_nowhere(run):
    hidden = run.results(task="Hide")[0]
    wire = json.dumps(installkit.to_wire([*run.results(), run.stats(), run.result()]))

    assert (["censored"], "hidden") == ([*hidden.result], hidden.registered)
    assert "pw ********" == run.results(host="h1", task="Secret")[0].result["msg"]
    assert not [text for text in ("sesame-77", "hidden-value", "hidden-stat") if text in wire]


def test_what_set_stats_set_is_there_by_step_and_for_the_whole_run(run):
    assert {"version": "1.0", "ports": [1, 2], "pw": "********"} == run.stats("app").values
    assert {"h1": {"role": "h1!"}, "h2": {"role": "h2!"}} == run.stats().hosts
    assert "2.0" == run.stats().values["version"]
    assert [1, 2] == run.stats().values["ports"]
    assert run.stats("app") == run.steps[1].stats
    assert not run.stats().cut


def test_a_frame_of_results_has_a_column_for_each_value_and_joins_runs(opened, run):
    again = finish(opened[1], install=["more"], force=["more"])
    both = installkit.to_frame(result for each in (run, again) for result in each.results())
    ask = both[both.task == "Ask"]

    assert {run.id, again.id} == set(both.run)
    assert {"h1": "h1", "h2": "h2"} == dict(zip(ask.host, ask["result.stdout"], strict=True))
    assert [0.0, 0.0] == list(ask["result.rc"])
    assert both.time.dt.tz is not None
    assert "result.rc" not in installkit.to_frame([], kind=installkit.TaskResult)
    assert "registered" in installkit.to_frame([], kind=installkit.TaskResult)


def test_awaited_results_are_the_same(run):
    async def read():
        async with installkit.AsyncInstaller(run.folder.parent.parent) as installer:
            awaited = await installer.run(run.id)
            return await awaited.results(host="h1"), await awaited.stats("more")

    assert (run.results(host="h1"), run.stats("more")) == asyncio.run(read())


def test_stats_outlive_pruning_and_results_do_not(tmp_path, installer):
    site = site_of(tmp_path, installer, {"02.more.yml": SECOND})
    run = finish(site, all=True)
    installer.prune_run(run.id)

    assert {"version": "2.0"} == run.stats().values
    with pytest.raises(installkit.StoreError, match="were pruned"):
        run.results()


def test_stats_that_are_too_long_are_cut_and_cost_the_step_nothing(tmp_path, installer):
    huge = "- hosts: h1\n  gather_facts: false\n  tasks:\n    - set_stats: {data: {small: 1, text: \"{{ 'x' * SIZE }}\"}}\n"
    playbooks = {"01.long.yml": huge.replace("SIZE", "20000"), "02.huge.yml": huge.replace("SIZE", "2000000")}
    run = finish(site_of(tmp_path, installer, playbooks), all=True).raise_for_status()

    assert (1, True) == (run.stats("long").values["small"], run.stats("long").cut)
    assert (installkit.Stats(cut=True), True) == (run.stats("huge"), run.stats().cut)


def test_what_is_delegated_says_where_it_was_done(tmp_path, installer):
    """Facts are those of the host that the playbook says they are of."""
    tasks = [
        '{setup: {gather_subset: min}, delegate_to: "{{ other }}", vars: {other: h2}, delegate_facts: true}',
        "{debug: {msg: 1}, delegate_to: h1}",
        '{debug: {msg: 1}, delegate_to: "{{ item }}", loop: [h2]}',
    ]
    playbook = "- hosts: h1\n  gather_facts: false\n  tasks:\n" + "".join(f"    - {task}\n" for task in tasks)
    site = site_of(tmp_path, installer, {"01.app.yml": playbook})
    run = finish(site, {"keep_facts": True}, all=True)

    assert ["h2", None, "h2"] == [result.delegated_to for result in run.results()][:3]
    assert {} == run.facts("h1")
    assert "distribution" in run.facts("h2")


def test_facts_are_kept_where_a_run_is_told_to(tmp_path, installer, monkeypatch):
    """Those that were gathered, under their own names, without secrets; variables of the playbook are none."""
    monkeypatch.setenv("THE_PASSWORD", "sesame-77")
    playbooks = {"01.app.yml": FACTS, "app.component.yml": MANIFEST, "vars.yml": "theirs: 1\n"}
    site = site_of(tmp_path, installer, playbooks)
    run = finish(site, {"keep_facts": True}, all=True, secrets={"app_password": "sesame-77"})
    facts = run.facts("h1")

    assert {"distribution", "hostname", "env"} <= facts.keys()
    assert "********" == facts["env"]["THE_PASSWORD"]
    assert not {"ours", "theirs"} & facts.keys()
    assert facts.keys() == run.facts("h2").keys()
    assert not any(b"sesame-77" in path.read_bytes() for path in run.folder.rglob("*") if path.is_file())
    run.report(tmp_path / "report.zip")
    assert not [name for name in ZipFile(tmp_path / "report.zip").namelist() if "facts" in name]
    with pytest.raises(installkit.UnknownNameError, match="no host 'h3'"):
        run.facts("h3")
    installer.prune_run(run.id)
    with pytest.raises(installkit.StoreError, match="were pruned"):
        run.facts("h1")


def test_facts_that_installkit_gathers_first_are_kept_too(tmp_path, installer):
    """A limited step gathers those of the plan's other hosts; then no play gathers them again."""
    playbook = GATHERS.replace("hosts: h1", "hosts: all").replace("{{ app_password }}", "")
    manifest = "name: app\nactions: {install: {playbook: 01.app.yml, batch: 1}}\n"
    site = site_of(tmp_path, installer, {"01.app.yml": playbook, "app.component.yml": manifest})
    run = finish(site, {"keep_facts": True}, all=True)

    assert {"h1", "h2"} == {host for host in ("h1", "h2") if "distribution" in run.facts(host)}


def test_facts_that_nobody_asked_for_are_not_kept(run):
    with pytest.raises(installkit.PlanningError, match="does not keep facts") as error:
        run.facts("h1")

    assert "keep_facts=True" in error.value.remedy
    assert not (run.folder / "facts").exists()
