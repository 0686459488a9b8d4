"""Tables on terminals of any width, and where there is none."""

import io

import pytest
from rich.console import Console

from installkit.cli.output import make_table, print_table

COLUMNS = ("COMPONENT", "HOST", "STATUS", "SINCE", "MESSAGE", "NOTE")
HOSTS = ("customer-frankfurt-db-01.example.internal", "web1")
MESSAGE = "the service did not answer within 30 seconds, and its log says: No space left on device"
ROWS = [("mysql", host, "unreachable", "2026-11-22 08:01", MESSAGE, "") for host in HOSTS]


def drawn(width, columns=COLUMNS, rows=ROWS):
    """Return the lines of a table on a terminal of *width* columns, without what fills them up."""
    out = Console(file=io.StringIO(), width=width)
    out.print(make_table(columns, rows))
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [54, 60, 80, 120, 200])
def test_a_table_fits_and_breaks_no_word(width):
    """Neither a host's name nor a status nor a time is torn, and nothing is cut."""
    lines = drawn(width)
    text = " ".join(lines)

    assert max(map(len, lines)) <= width
    for whole in (*HOSTS, "unreachable", "2026-11-22 08:01", "COMPONENT", *MESSAGE.split()):
        assert whole in text
    assert "NOTE" not in text


def test_rows_stand_below_each_other_where_columns_have_no_room():
    """Each with the names of its cells, and a line between two."""
    lines = drawn(60)

    assert ["COMPONENT  mysql", f"HOST       {HOSTS[0]}", "STATUS     unreachable"] == lines[:3]
    assert 1 == lines.count("")
    assert lines[lines.index("") + 2] == "HOST       web1"


def test_a_path_longer_than_half_of_the_room_is_broken():
    """It must not keep the other columns from standing beside each other."""
    path = "/srv/" + "x" * 60

    lines = drawn(50, ("CHECK", "FOUND"), [("python", f"in {path}")])

    assert lines[0].split() == ["CHECK", "FOUND"]
    assert path in "".join(line.removeprefix("python").strip().removeprefix("in").strip() for line in lines[2:])


def test_without_a_terminal_a_row_is_one_line(capsys, monkeypatch):
    """However long it is: whoever reads it is a program."""
    monkeypatch.delenv("COLUMNS", raising=False)

    print_table(COLUMNS, [("mysql", "db1", "failed", "", MESSAGE * 20, "")])

    lines = capsys.readouterr().out.splitlines()
    assert 3 == len(lines)
    assert MESSAGE * 20 in lines[2]
