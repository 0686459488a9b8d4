"""How values show themselves in a notebook, and as frames; a recorded run stands for all of them."""

import copy
import json
import re
import shutil
import sys
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import attrs
import pytest
from IPython.core.formatters import DisplayFormatter

import installkit
import installkit.notebook
from installkit import Action, Check, CheckStatus, EventKind, HostDifference, HostStatus, Ignored, RunStatus, StepStatus
from installkit.notebook import SHOWN, load_ipython_extension, mimebundle
from installkit.notebook.graph import graph_svg
from installkit.notebook.runs import run_page
from installkit.notebook.timeline import timeline_chart, timeline_svg
from installkit.runs.estimates import expect_durations, seconds_left
from site_runs import until
from waiting_runs import start_waiting

RECORDED = Path(__file__).parent / "data" / "journals" / "1" / "024ea32e2dec"

EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>{0}\"'&amp;"

TAGS = {
    *("div", "h4", "b", "span", "pre", "code", "details", "summary", "style"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}
"""All that a page is made of."""


class Tags(HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = set(), set(), ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):  # noqa: D102 - HTMLParser's
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):  # noqa: D102 - HTMLParser's
        self.text += data


def record(data, changed=lambda text: text, run=RECORDED.name, hops=()):
    """
    Put the recorded run into the data directory *data* under the id *run*, every text in it *changed*.

    With *hops*, its two steps are an upgrade of one component to these versions.
    """
    fields = {
        step: {"component": "mysql", "action": "upgrade", "to_version": version}
        for step, version in zip(("01-mysql-install", "02-zk-install"), hops, strict=False)
    }
    folder = shutil.copytree(RECORDED, data / "runs" / run)
    for path in (folder / "spec.json", folder / "result.json", folder / "events.jsonl"):
        lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
        values = (_walked(json.loads(line.replace(RECORDED.name, run)), changed, fields) for line in lines)
        path.write_text("".join(json.dumps(value, separators=(",", ":")) + "\n" for value in values))


def _walked(value, changed, fields):
    if isinstance(value, dict):
        more = fields.get(value.get("id"), {})
        return {changed(key): _walked(item, changed, fields) for key, item in (value | more).items()}
    if isinstance(value, list):
        return [_walked(item, changed, fields) for item in value]
    return changed(value) if isinstance(value, str) else value


@pytest.fixture
def past(tmp_path):
    """A data directory with the recorded run."""
    record(tmp_path)
    with installkit.Installer(tmp_path) as installer:
        installer.reindex()
        yield installer


@pytest.fixture
def run(past):
    return past.run("last")


@pytest.fixture
def formatter():
    """What IPython shows values with, once it has loaded our extension."""
    shell = SimpleNamespace(display_formatter=DisplayFormatter())
    load_ipython_extension(shell)
    return shell.display_formatter


def test_whatever_is_drawn_is_named_to_ipython():
    """By the name of its class alone, so that nothing is imported before it is shown."""
    drawn = {(kind.__module__, kind.__name__) for kind in mimebundle.registry if kind is not object}

    assert drawn == set(SHOWN)


def test_ipython_shows_values_as_they_are_drawn(formatter, run, past):
    """No value knows how it is shown; without the extension it has its text alone."""
    for value in (run.plan, run, past.site("acme"), run.plan.graph(), run.timeline()):
        assert ({"text/plain"}, {}) == (set(DisplayFormatter().format(value)[0]), DisplayFormatter().format(value)[1])
        assert mimebundle(value) == formatter.format(value)[0]


def test_what_is_not_drawn_is_refused():
    with pytest.raises(TypeError, match="nothing is drawn of a int"):
        mimebundle(3)


def test_without_the_extra_what_is_missing_is_named(formatter, run, monkeypatch, capsys):
    """IPython says so, and falls back to plain text."""
    monkeypatch.setitem(sys.modules, "markupsafe", None)
    shown, _ = formatter.format(run)

    assert {"text/plain": "<Run 024ea3>"} == shown
    assert "markupsafe is not installed" in capsys.readouterr().err


def test_a_copy_of_a_run_reads_for_itself(past):
    """As a watching in another thread does; the repr of neither reads anything."""
    run = past.run("last")
    twin = copy.copy(run)
    shutil.rmtree(past.folders.data / "runs" / RECORDED.name)

    assert twin is not run
    assert ("<Run 024ea3>", "<Run 024ea3>") == (repr(run), repr(twin))


def test_a_name_that_the_notebook_does_not_have_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        installkit.notebook.nope  # noqa: B018 - looked up


def test_plan_run_and_site_show_themselves(run, past):
    """Each has HTML for a notebook and text for elsewhere, and tells the same as its attributes."""
    pages = [mimebundle(value) for value in (run.plan, run, past.site("acme"))]

    assert [{"text/html", "text/plain"}] * 3 == [set(page) for page in pages]
    assert all(set() == Tags(page["text/html"]).tags - TAGS for page in pages)
    plan, run_page, site = (Tags(page["text/html"]).text for page in pages)
    assert run.plan.summary in plan
    assert installkit.plan_table(run.plan) == pages[0]["text/plain"]
    assert "no licence" in run_page
    assert "1 of 2 steps succeeded" in run_page
    assert all(host in run_page for host in ("db1", "web1"))
    assert "mysql" in site
    assert "failed" in site


def test_a_catalog_shows_itself(folder):
    (folder / "03.mysql.yml").write_text("- hosts: all\n  tasks: []\n")
    (folder / "mysql.component.yml").write_text(
        f"name: mysql\ntitle: {json.dumps(EVIL)}\nversions: ['1.0']\nactions: {{install: 03.mysql.yml}}\n"
        f"parameters: {{my_port: {{type: string, default: {json.dumps(EVIL)}}}, my_pass: {{secret: true}}}}\n"
    )
    catalog = installkit.load_catalog(folder)
    shown = mimebundle(catalog)
    page = Tags(shown["text/html"])

    assert set() == page.tags - TAGS
    assert 2 == page.text.count(EVIL)
    assert f"catalog {folder}\nmysql 1.0" == shown["text/plain"]


def test_text_of_hosts_and_people_is_never_markup(tmp_path):
    """Messages, notes, names of tasks, hosts and versions are shown as they are, whatever they hold."""
    words = {"no licence", "recorded", "db1", "web1", "mysql", "zk", "Say", "Refuse", "failed: 02-zk-install"}
    for run in (RECORDED.name, "ffffffffffff"):
        record(tmp_path, lambda text: EVIL + text if text in words else text, run=run)
    with installkit.Installer(tmp_path) as installer:
        installer.reindex()
        run, other = installer.runs()
        pages = [
            mimebundle(run.plan)["text/html"],
            mimebundle(run)["text/html"],
            mimebundle(installer.site("acme"))["text/html"],
            mimebundle(run.compare(other))["text/html"],
        ]
        pictures = [mimebundle(shown)["image/svg+xml"] for shown in (run.plan.graph(), run.timeline())]

    for page in pages:
        assert set() == Tags(page).tags - TAGS
        assert set() == Tags(page).attributes - {"class", "style", "title"}
        assert EVIL in Tags(page).text
    for picture in pictures:
        assert "script" not in {element.tag.rpartition("}")[2] for element in ET.fromstring(picture).iter()}  # noqa: S314 - our own


def test_a_plan_is_drawn(run):
    """Each step is a box, each need an arrow; as text it is Mermaid."""
    graph = run.plan.graph()
    picture = ET.fromstring(str(graph_svg(graph)))  # noqa: S314 - our own
    names = [element.tag.rpartition("}")[2] for element in picture.iter()]

    assert len(run.plan.steps) == names.count("rect")
    assert [step.text for step in run.plan.steps] == [
        element.text for element in picture.iter() if "title" in element.tag
    ]
    arrows = sum(len(step.needs) for step in run.plan.steps)
    assert arrows == sum("marker-end" in element.attrib for element in picture.iter())
    assert installkit.plan_graph(run.plan) == str(graph)


def test_a_timeline_has_a_bar_for_every_task_on_every_host(run):
    """The chart needs nothing from a network: its data are in it, for the Vega-Lite that JupyterLab brings along."""
    timeline = run.timeline()
    results = [event for event in run.events() if event.kind is EventKind.TASK_RESULT]
    chart = mimebundle(timeline)["application/vnd.vegalite.v5+json"]

    assert [(event.task, event.host, event.status) for event in results] == [
        (task.task, task.host, task.status) for task in timeline.tasks
    ]
    assert len(results) == len(chart["datasets"]["tasks"])
    assert [event.duration for event in results] == [
        pytest.approx((task.finished_at - task.started_at).total_seconds(), abs=1e-5) for task in timeline.tasks
    ]
    assert max(event.duration for event in results) == timeline.slowest[0].duration
    assert "url" not in json.dumps(chart).replace("https://vega.github.io/schema/vega-lite/v5.json", "")
    assert timeline.slowest[0].task in str(timeline)


def test_without_vega_lite_a_timeline_is_a_picture(run):
    """As VS Code shows it without an extension: a bar for every task, then one for each of the slowest."""
    timeline = run.timeline()
    picture = ET.fromstring(mimebundle(timeline)["image/svg+xml"])  # noqa: S314 - our own
    told = [element.text for element in picture.iter() if element.tag.endswith("title")]
    texts = [element.text for element in picture.iter() if element.tag.endswith("text")]

    assert len(timeline.tasks) + len(timeline.slowest) == len(told)
    assert {f"{task.task} ({task.component} on {task.host}): {task.status}" for task in timeline.tasks} == {
        text.rpartition(",")[0] for text in told
    }
    assert {"db1", "web1"} <= set(texts)


@pytest.mark.parametrize(
    ("status", "told", "title"),
    [
        pytest.param(RunStatus.FAILED, "of run 024ea3", "run 024ea3: tasks by host", id="ended"),
        pytest.param(
            RunStatus.RUNNING,
            "of run 024ea3 so far; those that go on are not in it",
            "run 024ea3 so far: ended tasks by host",
            id="running",
        ),
        pytest.param(
            RunStatus.CANCELED,
            "of run 024ea3 canceled; those that were cut off are not in it",
            "run 024ea3 canceled: ended tasks by host",
            id="canceled",
        ),
    ],
)
def test_a_timeline_says_which_tasks_are_not_in_it(run, status, told, title):
    """Only tasks that have ended have a bar: as text, in the chart and in the picture it says which others there are."""
    timeline = attrs.evolve(run.timeline(), status=status)

    assert f"the slowest of 3 tasks {told}" == str(timeline).splitlines()[0]
    assert title == timeline_chart(timeline)["vconcat"][0]["title"]
    assert f">{title}<" in str(timeline_svg(timeline))


def test_a_timeline_without_tasks_is_a_sentence(installer):
    """Nothing is drawn where nothing has ended, of a run that waits as of one that was canceled."""
    run = start_waiting(installer)
    until(lambda: run.status is RunStatus.WAITING)
    waiting = mimebundle(run.timeline())
    run.cancel()
    canceled = mimebundle(run.wait(20).timeline())

    for shown, status in ((waiting, "waiting"), (canceled, "canceled")):
        sentence = f"run {run.id[:6]} {status}: no task has ended"
        assert {"text/html", "text/plain"} == set(shown)
        assert sentence == shown["text/plain"]
        assert sentence in Tags(shown["text/html"]).text


def test_values_become_frames(run, past):
    """A row for each value; of a plan, a run, a site those that it holds."""
    events = installkit.to_frame(run.events())
    steps = installkit.to_frame(run)

    assert run.snapshot().last_seq == len(events)
    assert "datetime64[us, UTC]" == str(events.time.dtype)
    assert ["succeeded", "failed"] == list(steps.status)
    assert [step.duration for step in run.steps] == list(steps.duration)
    assert len(run.plan.changes) == len(installkit.to_frame(run.plan))
    assert ["acme"] * len(past.site("acme").installed()) == list(installkit.to_frame(past.site("acme")).site)
    assert [run.id] == list(installkit.to_frame(past.runs()).id)
    assert ["acme"] == list(installkit.to_frame([past.site("acme")]).name)
    assert [("no licence", run.id)] == list(
        installkit.to_frame(run.failures)[["message", "run"]].itertuples(index=False)
    )
    assert 0 == len(installkit.to_frame([]))


def test_failures_of_several_runs_are_joined_with_what_is_known_of_the_runs(run, past, tmp_path):
    record(tmp_path, run="ffffffffffff")
    past.reindex()
    runs = past.runs()
    failures = installkit.to_frame(failure for each in runs for failure in each.failures)
    joined = failures.merge(installkit.to_frame(runs), left_on="run", right_on="id", suffixes=("", "_of_run"))

    assert {run.id, "ffffffffffff"} == set(joined.id)
    assert {"acme"} == set(joined.site)


def test_a_failure_says_what_to_do_as_a_call(run):
    page = "".join(run_page(run.snapshot()))

    assert f"<code>site.resume(&#39;{run.id}&#39;)</code>" in page
    assert "installkit resume" not in page


def test_without_values_a_frame_has_their_columns(run, past, folder, inventory):
    """What works with the frame works without rows, too; of a list it has to be said what is not in it."""
    (folder / "03.mysql.yml").write_text("- hosts: all\n  tasks: []\n")
    twin = attrs.evolve(run.snapshot(), steps=(), started_at=None)
    frames = {
        "Installation": installkit.to_frame(past.site("empty", inventory=inventory, catalog=folder)),
        "Change": installkit.to_frame(attrs.evolve(run.plan, changes=())),
        "StepSnapshot": installkit.to_frame(twin),
        "Failure": installkit.to_frame([], kind=installkit.Failure),
        "RunSnapshot": installkit.to_frame((), kind=installkit.Run),
    }
    columns = {name: [field.name for field in attrs.fields(getattr(installkit, name))] for name in frames}
    tasks = installkit.to_frame(attrs.evolve(run.timeline(), tasks=()))

    assert columns == {name: list(frame.columns) for name, frame in frames.items()}
    assert [0] * len(frames) == [len(frame) for frame in frames.values()]
    assert 0.0 == tasks[tasks.status == "failed"].duration.round(1).sum()
    assert [] == list(frames["RunSnapshot"].started_at.dt.floor("s"))
    assert installkit.to_frame([twin]).started_at.dt.floor("s").isna().all(), "no run has begun yet"
    assert [] == list(installkit.to_frame([]).columns)


def test_a_comparison_without_steps_has_its_columns(past, tmp_path):
    record(tmp_path, run="ffffffffffff")
    past.reindex()
    comparison = attrs.evolve(past.runs()[0].compare(past.runs()[1]), steps=())

    assert {"component", "status", "earlier_status"} < set(installkit.to_frame(comparison).columns)


def test_a_frame_is_of_the_kind_that_was_asked_for(run):
    """A list with values of another kind is refused, as is a kind that is none."""
    assert list(installkit.to_frame(run.failures)) == list(installkit.to_frame(run.failures, kind=installkit.Failure))
    with pytest.raises(TypeError, match="a frame of Event was asked for, and Failure given"):
        installkit.to_frame(run.failures, kind=installkit.Event)
    with pytest.raises(TypeError, match="a kind is a class of installkit's values"):
        installkit.to_frame([], kind="Failure")


@pytest.mark.parametrize(
    "wrong", [pytest.param("text", id="text"), pytest.param([1, 2], id="numbers"), pytest.param({}, id="mapping")]
)
def test_what_is_no_value_becomes_no_frame(wrong):
    with pytest.raises(TypeError, match="installkit's values"):
        installkit.to_frame(wrong)


def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(installkit.InstallkitError, match="pandas is not installed") as caught:
        installkit.to_frame([])
    assert "installkit[notebook]" in caught.value.remedy


def test_of_many_hosts_those_that_fare_worst_are_shown(run):
    """A page stays small, and hides no host that failed."""
    statuses = {f"h{number}": HostStatus.OK for number in range(999)} | {"lost": HostStatus.UNREACHABLE}
    step = attrs.evolve(run.steps[0], hosts=tuple(statuses), host_statuses=statuses)
    grid = Tags("".join(run_page(attrs.evolve(run.snapshot(), steps=(step,), failures=())))).text

    assert "lost" in grid
    assert "and 960 more hosts" in grid


def test_of_many_hosts_a_site_names_the_first(tmp_path):
    """What is installed on all of them stays a row that can be read."""
    record(tmp_path)
    path = tmp_path / "runs" / RECORDED.name / "result.json"
    ended = json.loads(path.read_text())
    first = ended["result"]["installed"][0]
    ended["result"]["installed"] = [first | {"host": f"h{number:03}"} for number in range(150)]
    path.write_text(json.dumps(ended))
    with installkit.Installer(tmp_path) as installer:
        installer.reindex()
        page = Tags(mimebundle(installer.site("acme"))["text/html"]).text

    assert "h000, h001, h002, h003, h004 and 145 more" in page
    assert "h005" not in page


def test_of_many_hosts_and_steps_a_comparison_shows_those_that_differ_most(past, tmp_path):
    """Hosts that fared alike share a row; a step that fared differently is never left out."""
    record(tmp_path, run="ffffffffffff")
    past.reindex()
    comparison = past.runs()[0].compare(past.runs()[1])
    step = comparison.steps[0]
    steps = [attrs.evolve(step, batch=batch) for batch in range(1, 151)]
    steps[99] = attrs.evolve(step, batch=100, earlier_status=StepStatus.FAILED)
    host = HostDifference(
        component="mysql", action=Action.INSTALL, version=None, host="", status=HostStatus.OK, earlier_status=None
    )
    hosts = tuple(attrs.evolve(host, host=f"h{number:03}") for number in range(150))
    shown = mimebundle(attrs.evolve(comparison, steps=tuple(steps), hosts=hosts))
    page = Tags(shown["text/html"]).text

    assert "h000, h001, h002, h003, h004 and 145 more" in page
    assert "and 120 more steps, none of which differs more" in page
    assert [*range(1, 30), 100] == [int(batch) for batch in re.findall("<td>([0-9]+)</td>", shown["text/html"])]
    assert 1 + 30 + 1 == len(shown["text/plain"].splitlines())
    assert shown["text/plain"].endswith("\nand 120 more steps, none of which differs more")


def hop(step, seq, version, **fields):
    """Return *step* as the hop to *version* of an upgrade."""
    return attrs.evolve(step, id=f"{seq:02}-mysql", seq=seq, action=Action.UPGRADE, to_version=version, **fields)


def test_each_version_on_the_way_has_its_column(run):
    """The grid shows where on its way each host is, and where it failed."""
    step = run.steps[0]
    (host,) = step.hosts
    hops = (
        hop(step, 1, "2.0", host_statuses={host: HostStatus.CHANGED}),
        hop(step, 2, "3.0", host_statuses={host: HostStatus.FAILED}),
    )
    page = "".join(run_page(attrs.evolve(run.snapshot(), steps=hops, failures=())))
    grid = page.rpartition('<table class="ik-grid">')[2]

    assert ["host", "upgrade mysql 2.0", "upgrade mysql 3.0"] == re.findall("<th>(.*?)</th>", grid)
    assert [("changed", "✓"), ("failed", "✗")] == re.findall('title="(.*?)">(.)<', grid)


def test_what_a_host_has_done_of_a_step_that_runs_is_not_done(run):
    """It was changed already, and goes on: no tick before its step has ended."""
    hosts = {"db1": HostStatus.CHANGED, "web1": HostStatus.FAILED}
    step = attrs.evolve(run.steps[0], status=StepStatus.RUNNING, hosts=tuple(hosts), host_statuses=hosts)
    page = "".join(run_page(attrs.evolve(run.snapshot(), steps=(step,), failures=())))

    assert [("changed", "▶"), ("failed", "✗")] == re.findall('title="(.*?)">(.)<', page)


def test_two_runs_are_compared(past, tmp_path):
    """Steps and tasks of both stand side by side, and the hosts that fared differently."""
    other = {"web1": "web2", "Refuse": "Allow"}
    record(tmp_path, lambda text: other.get(text, text).replace("2026-11-22", "2026-11-23"), run="ffffffffffff")
    past.reindex()
    now, before = past.runs()
    comparison = now.compare(before)
    hosts = {host.host: (host.status, host.earlier_status) for host in comparison.hosts}
    tasks = {task.task: (task.duration is None, task.earlier_duration is None) for task in comparison.tasks}

    assert (before.id,) == tuple(run.id for run in now.earlier())
    assert [(step.status, step.status) for step in before.steps] == [
        (step.status, step.earlier_status) for step in comparison.steps
    ]
    assert {"web2": (HostStatus.FAILED, None), "web1": (None, HostStatus.FAILED)} == hosts
    assert {"Say": (False, False), "Allow": (False, True), "Refuse": (True, False)} == tasks
    assert "Say" == comparison.tasks[-1].task
    assert 2 == len(installkit.to_frame(comparison))
    assert [
        "run ffffff and, before it, 024ea3",
        "install mysql: succeeded 1.2 s, before succeeded 1.2 s",
        "install zk: failed 1.5 s, before failed 1.5 s",
    ] == str(comparison).splitlines()
    assert comparison == before.compare(now), "the earlier one is told by when it was created"


def test_runs_of_two_sites_are_compared_by_name(past, tmp_path):
    """It says where each was; a step that one did not have was not done there."""
    other = {"acme": "beta", "zk": "web"}
    record(tmp_path, lambda text: other.get(text, text).replace("2026-11-22", "2026-11-21"), run="ffffffffffff")
    past.reindex()
    now, before = past.runs()
    comparison = now.compare(before)

    assert [
        "run 024ea3 on acme and, before it, ffffff on beta",
        "install mysql: succeeded 1.2 s, before succeeded 1.2 s",
        "install zk: failed 1.5 s, before not done",
        "install web: not done, before failed 1.5 s",
    ] == str(comparison).splitlines()
    assert "ffffff on beta" in Tags(mimebundle(comparison)["text/html"]).text


@pytest.mark.parametrize("wrong", [pytest.param("024ea32e2dec", id="id"), pytest.param(None, id="none")])
def test_a_run_is_compared_with_a_run(run, wrong):
    with pytest.raises(TypeError, match=f"compared with a Run, .* not with {wrong!r}"):
        run.compare(wrong)


def test_a_run_is_not_compared_with_itself(run, past):
    with pytest.raises(installkit.InstallkitError, match="024ea32e2dec would be compared with itself") as caught:
        run.compare(past.run("last"))
    assert "run.earlier()" in caught.value.remedy


def test_a_task_took_as_long_as_on_its_slowest_host(past, tmp_path):
    """Hosts work at once: the sum of their times would be longer than the step that it stands beside."""
    record(tmp_path, lambda text: text.replace("2026-11-22", "2026-11-23"), run="ffffffffffff")
    past.reindex()
    now, before = past.runs()
    comparison = now.compare(before)
    (refused,) = (task for task in comparison.tasks if task.task == "Refuse")
    times = [event.duration for event in now.events() if event.task == "Refuse" and event.duration is not None]

    assert 2 == len(times)
    assert (max(times), max(times), 0.0) == (refused.duration, refused.earlier_duration, refused.slower_by)
    assert "slowest host took" in Tags(mimebundle(comparison)["text/html"]).text


def test_each_version_on_the_way_is_compared_with_itself(tmp_path):
    """A step is compared with the one to the same version; where none led to it, with the next of its component."""
    record(tmp_path, hops=("1.0", "2.0"))
    record(tmp_path, lambda text: text.replace("2026-11-22", "2026-11-23"), run="ffffffffffff", hops=("2.0", "3.0"))
    with installkit.Installer(tmp_path) as installer:
        installer.reindex()
        now, before = installer.runs()
        comparison = now.compare(before)

    assert [("2.0", "2.0", "succeeded", "failed"), ("3.0", "1.0", "failed", "succeeded")] == [
        (step.version, step.earlier_version, step.status, step.earlier_status) for step in comparison.steps
    ]
    assert {
        ("2.0", "db1"): ("ok", "failed"),
        ("2.0", "web1"): (None, "failed"),
        ("3.0", "db1"): ("failed", "ok"),
        ("3.0", "web1"): ("failed", None),
    } == {(host.version, host.host): (host.status, host.earlier_status) for host in comparison.hosts}
    assert [("2.0", "Refuse"), ("2.0", "Say"), ("3.0", "Refuse"), ("3.0", "Say")] == sorted(
        (task.version, task.task) for task in comparison.tasks
    )
    assert "upgrade mysql 3.0 (before: 1.0): failed" in str(comparison)


def test_the_time_left_is_told_from_earlier_runs(run):
    """Steps take as long as their like took before, in the order of the run; where one has no like, nobody can tell."""
    ended = run.snapshot()
    first = attrs.evolve(ended.steps[0], status=StepStatus.RUNNING, duration=0.2)
    begun = attrs.evolve(ended, steps=(first, attrs.evolve(ended.steps[1], status=StepStatus.PENDING, duration=None)))
    better = attrs.evolve(
        ended, steps=tuple(attrs.evolve(step, status=StepStatus.SUCCEEDED, duration=3.0) for step in ended.steps)
    )

    assert {"01-mysql-install": ended.steps[0].duration} == expect_durations(begun, [ended])
    assert {"01-mysql-install": 3.0, "02-zk-install": 3.0} == expect_durations(begun, [better])
    assert pytest.approx(2.8 + 3.0) == seconds_left(run.spec(), begun, expect_durations(begun, [better]))
    assert seconds_left(run.spec(), begun, expect_durations(begun, [ended])) is None
    assert 0.0 == run.seconds_left()


def test_time_goes_by_in_a_run_that_says_nothing(run):
    """What goes on has lasted until now; what takes longer than it ever did says so, and an ended run stays as it is."""
    ended = run.snapshot()
    first = attrs.evolve(ended.steps[0], status=StepStatus.RUNNING)
    begun = attrs.evolve(ended, status=RunStatus.RUNNING, steps=(first, ended.steps[1]), failures=())
    later = begun.at(begun.started_at + timedelta(seconds=60))
    usual, slow = (
        Tags("".join(run_page(later, expected={first.id: seconds}, left=max(0.0, seconds - 60.0)))).text
        for seconds in (90.0, 30.0)
    )

    assert 60.0 == later.duration
    assert pytest.approx(60.0, abs=0.1) == later.steps[0].duration
    assert ended.steps[1].duration == later.steps[1].duration
    assert ended == ended.at(begun.started_at + timedelta(seconds=60))
    assert "about 30.0 s left" in usual
    assert 0 == usual.count("longer than usual")
    assert 2 == slow.count("longer than usual")


def test_a_run_that_waits_says_for_what(installer):
    """Whoever sees it knows what to do; and when it was canceled, that it was."""
    run = start_waiting(installer)
    until(lambda: run.status is RunStatus.WAITING)
    waiting = Tags(mimebundle(run)["text/html"]).text
    run.cancel()
    run.wait(20)

    assert "for an approval before 2. record app on h2: run.approve()" in waiting
    assert "canceled" in Tags(mimebundle(run)["text/html"]).text


def test_findings_that_did_not_stop_a_run_are_told(run):
    """A warning and what somebody let pass are on the page; what passed is not."""
    found = Check(name="mysql.disk", component="mysql", hosts=("db1",), status=CheckStatus.FAIL, message="5 GB free")
    checks = (
        attrs.evolve(found, ignored=Ignored(by="ann", reason="grows tomorrow")),
        attrs.evolve(found, name="host.time", status=CheckStatus.WARN, message="2 s apart"),
        attrs.evolve(found, name="host.python", status=CheckStatus.PASS, message="3.11"),
    )
    step = attrs.evolve(run.steps[0], checks=checks)
    page = Tags("".join(run_page(attrs.evolve(run.snapshot(), steps=(step,))))).text

    assert "mysql.disk on db1: 5 GB free · ignored by ann: grows tomorrow" in page
    assert "host.time on db1: 2 s apart" in page
    assert "host.python" not in page
