"""What one interface can, all can, or the table in the docs says why not."""

import re
from typing import NamedTuple

import click
import pytest

import installkit
from guide import ROOT
from installkit.cli.app import app
from installkit_http.routes import OPERATIONS

PAGE = ROOT / "docs" / "reference" / "capabilities.md"
CLASSES = ("Access", "Installer", "Parameters", "Run", "Secrets", "Site", "SiteInventory")


class Capability(NamedTuple):
    """A row of the table."""

    what: str
    python: str
    command: str
    http: str


def capabilities():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.read_text().splitlines() if "|" in line
    ]
    return [Capability(*row) for row in rows if row[0] and row[0] != "To …" and set(row[0]) != {"-"}]


def named(column):
    """Return what *column* names: a cell that says no names only what its reason is about."""
    cells = [getattr(row, column) for row in capabilities()]
    return {name for cell in cells if not cell.startswith("No:") for name in re.findall(r"`([^`]+)`", cell)}


def commands(command, context, words=()):
    if isinstance(command, click.Group):
        if command.invoke_without_command and words:
            yield " ".join(words)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), context, (*words, name))
    else:
        yield " ".join(words)


def calls():
    """Return the public calls of the objects that people work with."""
    owners = [(name, getattr(installkit, name)) for name in CLASSES]
    return {f"{name}.{call}" for name, owner in owners for call in vars(owner) if not call.startswith("_")}


def there_is(name):
    owner, _, attribute = name.partition(".")
    found = getattr(installkit, owner, None)
    return found is not None and (not attribute or hasattr(found, attribute))


def test_every_call_has_its_row():
    assert set() == calls() - named("python")
    assert [] == [name for name in named("python") if not there_is(name)]


def test_every_command_has_its_row():
    assert set(commands(app, click.Context(app))) == named("command")


def test_every_route_has_its_row():
    assert {f"{operation.method} {operation.path}" for operation in OPERATIONS} - {"GET /"} == named("http")


@pytest.mark.parametrize("row", capabilities(), ids=lambda row: row.what)
def test_what_an_interface_cannot_has_a_reason(row):
    cells = (row.python, row.command, row.http)

    assert all(re.fullmatch(r"No: \S.{10,}\.", cell) if cell.startswith("No:") else "`" in cell for cell in cells), (
        cells
    )
    assert any(not cell.startswith("No:") for cell in cells)
