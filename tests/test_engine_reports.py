"""Reports of the plugin and the terminal's text, put together whatever the terminal shows and however it comes in."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installkit.ansible import reports
from installkit.ansible.reports import BYTES, Reports, Terminal

ONE, TWO = "1" * 32, "2" * 32
OTHER = "f" * 32


def shown(mark, *, end=False):
    return b"\x1b[K" + mark.encode() + (b">" if end else b"<")


def within(mark, text):
    return shown(mark) + text + shown(mark, end=True)


def announced(*records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def event(mark, name="runner_on_ok"):
    return {"mark": mark, "event": name, "event_data": {}}


def handed_on(folder, written, printed, chunk=None):
    """Return what comes out as (event or proof, text) when *written* is in the file and *printed* on the terminal."""
    found = []
    source = Reports.begin(folder, None)
    (folder / "events").write_bytes(written)
    terminal = Terminal(source, None, found.append, suppress_ansible_output=True)
    size = chunk or max(1, len(printed))
    for start in range(0, len(printed), size):
        terminal.write(printed[start : start + size].decode(BYTES))
    terminal.close()
    source.close()
    return [(each.get("event") or each.get("proof"), each["text"]) for each in found]


TEXTS = [
    b"one\n",
    b"no end",
    b"",
    b"\n\n",
    b"100%\r\n",
    b"\x00\xff\xe4\xb8 half a character: \xe4\xb8",
    b"a\x0bb\x85c\x1cd\n",
    b"\x1b[K\x1b[2J\x1b[Kabc<\x1b[K",
]


@pytest.mark.parametrize("chunk", [1, 2, 7, 35, 36, 37, 2000])
@pytest.mark.parametrize("text", TEXTS)
def test_an_events_text_is_what_was_printed_in_it(tmp_path, text, chunk):
    found = handed_on(tmp_path, announced(event(ONE), event(TWO)), within(ONE, text) + within(TWO, b"two"), chunk)

    assert [("runner_on_ok", text), ("runner_on_ok", b"two")] == found


@pytest.mark.parametrize("chunk", [1, 36, 2000])
@pytest.mark.parametrize("text", TEXTS)
def test_text_outside_any_event_is_given_back_too(tmp_path, text, chunk):
    found = handed_on(tmp_path, announced(event(ONE)), text + within(ONE, b"in") + text, chunk)

    assert text + b"in" + text == b"".join(each for _, each in found)
    assert {"verbose", "runner_on_ok"} >= {name for name, _ in found}


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(within(OTHER, b"x"), id="nobody announced it"),
        pytest.param(shown(ONE), id="begun again"),
        pytest.param(shown(OTHER, end=True), id="the end of another"),
        pytest.param(b"\x1b[KeyJ1dWlkIjogIjEifQ==\x1b[17D\x1b[K", id="as runner's own plugin writes them"),
    ],
)
def test_a_mark_that_was_not_announced_is_text(tmp_path, forged):
    found = handed_on(tmp_path, announced(event(ONE), event(TWO)), within(ONE, b"a" + forged + b"b") + within(TWO, b""))

    assert [("runner_on_ok", b"a" + forged + b"b"), ("runner_on_ok", b"")] == found


def test_what_is_read_once_announces_nothing_again(tmp_path):
    """A host that somehow saw a mark cannot use it."""
    found = handed_on(tmp_path, announced(event(ONE)), within(ONE, b"real") + within(ONE, b"forged"))

    assert ("runner_on_ok", b"real") == found[0]
    assert within(ONE, b"forged") == b"".join(text for name, text in found[1:] if name == "verbose")


def test_reports_come_in_the_order_in_which_they_were_written(tmp_path):
    written = announced({"proof": "began"}, event(ONE), {"proof": "ended"}, event(TWO), {"proof": "last"})
    found = handed_on(tmp_path, written, b"before\n" + within(ONE, b"1") + within(TWO, b"2"))

    assert ["verbose", "began", "runner_on_ok", "ended", "runner_on_ok", "last"] == [name for name, _ in found]


def test_an_event_whose_mark_never_reached_the_terminal_is_not_lost(tmp_path):
    found = handed_on(tmp_path, announced(event(ONE), event(TWO)), within(TWO, b"2"))

    assert [("runner_on_ok", b""), ("runner_on_ok", b"2")] == found


@pytest.mark.parametrize("broken", [b"no json\n", b'{"mark": 1\n', b"[" * 100_000 + b"\n", b"\xff\n"])
def test_a_broken_line_costs_that_line(tmp_path, broken):
    found = handed_on(
        tmp_path, announced(event(ONE)) + broken + announced(event(TWO)), within(ONE, b"") + within(TWO, b"")
    )

    assert ["runner_on_ok", "runner_on_ok"] == [name for name, _ in found]


def test_half_a_line_at_the_end_is_none(tmp_path):
    """A signal came between."""
    assert [] == handed_on(tmp_path, b'{"proof": "ended"', b"")


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=60)), max_size=8), st.integers(1, 80))
def test_whatever_is_printed_comes_out_whole(tmp_path_factory, pieces, chunk):
    marks = [f"{number:032x}" for number in range(len(pieces))]
    inside = [(mark, text) for mark, (within_event, text) in zip(marks, pieces, strict=True) if within_event]
    printed = b"".join(within(mark, text) if own else text for mark, (own, text) in zip(marks, pieces, strict=True))
    found = handed_on(
        tmp_path_factory.mktemp("reports"), announced(*(event(mark) for mark, _ in inside)), printed, chunk
    )

    assert b"".join(text for _, text in pieces) == b"".join(text for _, text in found)
    assert [text for _, text in inside] == [text for name, text in found if name == "runner_on_ok"]


@pytest.mark.parametrize("holes", [True, False])
def test_what_was_read_is_no_longer_in_the_file(tmp_path, monkeypatch, holes):
    """It may hold secrets, and grows; a file system that knows no holes gets zeros."""
    if not holes:
        monkeypatch.setattr(reports, "_fallocate", lambda *_: -1)
    source = Reports.begin(tmp_path, None)
    path = tmp_path / "events"
    with path.open("ab") as file:
        for number in range(200):
            file.write(announced({**event(f"{number:032x}"), "event_data": {"res": "secret" * 2000}}))
    before = path.stat()
    found = source.until(f"{199:032x}")
    after = path.stat()
    source.close()

    assert 200 == len(found)
    assert before.st_size == after.st_size
    assert b"\0" * after.st_size == path.read_bytes()
    assert not holes or after.st_blocks < before.st_blocks / 4


def test_many_forged_marks_cost_little(tmp_path):
    """A host may print what it likes: 100,000 marks in one event are looked at once each."""
    forged = shown(OTHER) * 100_000
    found = handed_on(tmp_path, announced(event(ONE)), within(ONE, forged), 4096)

    assert [("runner_on_ok", forged)] == found
