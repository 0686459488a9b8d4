"""What ansible-playbook reports, recorded from real playbooks, as events of ours."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installkit.ansible.events import (
    DATA_LIMIT,
    TEXT_LIMIT,
    bounded,
    cut,
    draft_from_runner,
)

EVENTS = Path(__file__).parent / "data" / "events"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def drafts(case, *, diff=False):
    lines = (EVENTS / f"{case}.jsonl").read_text().splitlines()
    reports = [report for report in map(json.loads, lines) if "event" in report]
    found = [draft_from_runner(report, "/catalog", diff=diff) for report in reports]
    return [draft for draft in found if draft is not None]


def of_task(task, *, diff=False):
    return [draft for draft in drafts("results", diff=diff) if draft.get("task") == task and draft.get("host") == "h1"]


def failed(**res):
    data = {"host": "h1", "task": "T", "res": res}
    return draft_from_runner({"event": "runner_on_failed", "event_data": data})


@pytest.mark.parametrize(
    ("task", "status"),
    [
        ("Ping", "ok"),
        ("Change", "changed"),
        ("Skip", "skipped"),
        ("Break", "failed"),
        ("Save", "ok"),
        ("Included", "ok"),
        ("Restart", "ok"),
        ("Fail", "skipped"),
    ],
)
def test_a_tasks_result_has_its_status(task, status):
    (draft,) = of_task(task)

    assert ("task_result", status) == (draft["kind"], draft["status"])


def test_a_host_that_could_not_be_reached_has_a_result():
    (draft,) = [draft for draft in drafts("results") if draft.get("host") == "gone"]

    assert ("task_result", "unreachable", "Ping") == (draft["kind"], draft["status"], draft["task"])
    assert "Connection refused" in draft["message"]


def test_an_ignored_failure_is_marked():
    (draft,) = of_task("Ignore")

    assert ("failed", True) == (draft["status"], draft["data"]["ignored"])


def test_a_loop_has_a_result_for_each_item_and_one_without_their_copies():
    found = [(draft["kind"], draft["status"], draft["data"].get("item")) for draft in of_task("Loop")]

    assert [
        ("item_result", "ok", "one"),
        ("item_result", "skipped", "two"),
        ("task_result", "ok", None),
    ] == found
    assert "results" not in of_task("Loop")[-1]["data"]["result"]


def test_what_no_log_hides_stays_hidden():
    (draft,) = of_task("Hide")

    assert ["censored"] == list(draft["data"]["result"])
    assert "hidden" not in json.dumps(draft).replace(draft["message"], "")


def test_polling_an_async_task_is_output_and_its_end_a_result():
    assert ["output", "task_result"] == [draft["kind"] for draft in of_task("Wait")]


def test_a_diff_is_kept_where_it_was_asked_for():
    without, with_diff = (of_task("Write", diff=diff)[-1]["data"]["result"] for diff in (False, True))

    assert "diff" not in without
    assert "text\n" == with_diff["diff"][0]["after"]


def test_a_result_names_module_place_and_duration():
    (draft,) = of_task("Change")

    assert ("ansible.builtin.command", "results.yml:7") == (draft["module"], draft["data"]["location"])
    assert draft["duration"] > 0
    assert ["cmd", "delta"] == sorted(draft["data"]["result"])[1:3]
    assert not [key for key in draft["data"]["result"] if key.startswith("_ansible") or key == "invocation"]


def test_plays_and_tasks_begin_once_and_a_play_without_hosts_too():
    begun = [(draft["kind"], draft.get("task") or draft.get("play")) for draft in drafts("results")]

    assert [("play_started", "Results"), ("play_started", "Nobody")] == [each for each in begun if "play" in each[0]]
    assert 1 == begun.count(("task_started", "Restart"))


def test_the_recap_has_ansibles_words():
    recap = drafts("results")[-1]["data"]["recap"]

    assert {"h1", "h2", "gone"} == set(recap)
    assert {"ok": 0, "changed": 0, "unreachable": 1, "failed": 0, "skipped": 0, "rescued": 0, "ignored": 0} == (
        recap["gone"]
    )


def test_a_warning_is_told_as_one():
    assert 1 == sum(draft["kind"] == "warning" for draft in drafts("results"))


@pytest.mark.parametrize("case", sorted(path.stem for path in EVENTS.glob("*.jsonl")))
def test_nothing_that_was_printed_is_without_an_event(case):
    reports = [json.loads(line) for line in (EVENTS / f"{case}.jsonl").read_text().splitlines()]

    assert [] == [raw for raw in reports if raw["text"] and draft_from_runner(raw) is None]


def test_a_result_without_data_is_still_a_result():
    """A skipped task has no `res`, and one beyond the limit little of it."""
    raw = {"event": "runner_on_skipped", "event_data": {"host": "h1", "task": "T"}}

    assert {"kind": "task_result", "host": "h1", "task": "T", "status": "skipped"} == draft_from_runner(raw)


@pytest.mark.parametrize(
    ("res", "message"),
    [
        ({"msg": "a", "stderr": "b"}, "a"),
        ({"msg": "", "stderr": "b"}, "b"),
        ({"msg": {"a": 1}}, "{'a': 1}"),
        ({"censored": "hidden", "msg": "secret"}, "hidden"),
        ({"msg": "bad \udcff byte"}, "bad ? byte"),
    ],
)
def test_the_message_is_what_a_person_reads_first(res, message):
    assert message == failed(**res)["message"]


def test_long_text_is_cut_visibly():
    assert "aa… [3 more characters]" == cut("aaaaa", 2)
    assert failed(msg="x" * (TEXT_LIMIT + 1))["message"].endswith("1 more characters]")


@pytest.mark.parametrize(
    "huge",
    [
        pytest.param(["x" * 100] * 10_000, id="list"),
        pytest.param({f"{number}": "x" * 100 for number in range(10_000)}, id="map"),
        pytest.param({"k" * 10_000_000: 1}, id="key"),
        pytest.param([[]] * 1_000_000, id="empty lists"),
        pytest.param("x" * 10_000_000, id="string"),
        pytest.param(10**4000, id="number"),
    ],
)
def test_huge_data_is_cut_with_a_mark(huge):
    kept, was_cut = bounded(huge)
    small = json.dumps(kept, ensure_ascii=False)

    assert len(small) < 2 * DATA_LIMIT
    assert was_cut == ("…" in small)
    assert was_cut or huge == 10**4000


@pytest.mark.long
@given(JSON)
def test_data_is_always_valid_json_in_utf8(value):
    """No lone surrogate, no NaN: a browser and SQLite refuse both."""
    kept, _ = bounded(value)
    written = json.dumps(kept, ensure_ascii=False, allow_nan=False).encode()

    assert kept == json.loads(written)
