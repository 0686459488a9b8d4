"""What the pages tell people to type: commands with their options, Python with its names, and manifests."""

import ast
import inspect
import re
import shlex

import click
import jsonschema
import pytest
import yaml

import installkit
from guide import ROOT, blocks_of
from installkit.cli.app import app

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "examples").glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MADE = "command-line.md"  # written from the commands themselves


def commands_of(page):
    """Return what follows `installkit` in the blocks and in the text of *page*, up to the end of the command."""
    prose = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks_of(page) for line in block.splitlines()]
    lines += re.findall(r"`(installkit [^`]+)`", prose)
    found = [re.search(r"(?:^|[ /])installkit (?!installkit )([a-z-][^|>;]*)", line) for line in lines]
    return [match[1].replace("…", "") for match in found if match]


def refusal(typed):
    """Return why there is no command as *typed*; None if there is."""
    command, context, words = app, click.Context(app, info_name="installkit"), shlex.split(typed, comments=True)
    try:
        while isinstance(command, click.Group):
            _, rest, _ = command.make_parser(context).parse_args(list(words))
            if not rest:
                return None
            name, *words = rest
            below = command.get_command(context, name)
            if below is None:
                return f"no command {name!r}"
            command, context = below, click.Context(below, context, info_name=name)
        command.make_parser(context).parse_args(list(words))
    except click.UsageError as exc:
        return exc.format_message()
    return None


def test_every_command_in_the_pages_is_there_with_its_options():
    """Nobody is told to type what the command line refuses."""
    typed = [(page.name, command) for page in PAGES if page.name != MADE for command in commands_of(page)]

    assert 100 <= len(typed)
    assert [] == [(name, command, why) for name, command in typed if (why := refusal(command))]


@pytest.mark.parametrize("typed", ["aply --all", "plan --instal mysql", "site host remov x", "logs last --tails 5"])
def test_a_command_that_is_not_there_is_seen(typed):
    """The test above can fail."""
    assert refusal(typed)


OBJECTS = {
    "installkit": installkit,
    "installer": installkit.Installer,
    "remote": installkit.RemoteInstaller,
    "site": installkit.Site,
    "plan": installkit.Plan,
    "run": installkit.Run,
}
"""What a name stands for in the pages."""


def python_of(page):
    """Return the Python of *page*: its blocks, and what begins with one of `OBJECTS` in the text."""
    spans = re.findall(rf"`((?:{'|'.join(OBJECTS)})\.\w+\([^`…]*\))`", page.read_text())
    return [*blocks_of(page, "python"), *spans]


def attributes_of(owner):
    """Return the attributes that the docstring of *owner* names: an instance alone has them."""
    _, _, section = inspect.getdoc(owner).partition("Attributes:\n")
    return re.findall(r"^ {4}(\w+): ", section, flags=re.MULTILINE)


def missing_names(code):
    """Yield what *code* asks of `OBJECTS` that they do not have: an attribute, or an argument of a call."""
    for node in ast.walk(ast.parse(code)):
        called = node.func if isinstance(node, ast.Call) else node
        if not isinstance(called, ast.Attribute) or not isinstance(called.value, ast.Name):
            continue
        owner = OBJECTS.get(called.value.id)
        found = getattr(owner, called.attr, None)
        if called.value.id in OBJECTS and found is None and called.attr not in attributes_of(owner):
            yield f"{called.value.id}.{called.attr}"
        elif called is not node and called.value.id in OBJECTS and not inspect.isclass(found):
            known = inspect.signature(found).parameters
            open_ended = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in known.values())
            yield from (each.arg for each in node.keywords if not open_ended and each.arg not in known)


def test_what_the_python_in_the_pages_calls_is_there():
    """Calls, and the arguments that they are given by name."""
    written = [(page.name, code) for page in PAGES for code in python_of(page)]

    assert 15 <= len(written)
    assert [] == [(name, missing) for name, code in written for missing in missing_names(code)]


@pytest.mark.parametrize("code", ["site.instaled()", "run.wait(timout=5)", "installkit.load_catalogue('x')"])
def test_a_call_that_is_not_there_is_seen(code):
    """The test above can fail."""
    assert [*missing_names(code)]


def test_every_manifest_in_the_pages_is_right():
    """What is to be copied into a catalog is a manifest, or the beginning of one."""
    validator = jsonschema.Draft7Validator(installkit.manifest_schema())
    blocks = [(page.name, yaml.safe_load(block)) for page in PAGES for block in blocks_of(page, "yaml")]
    manifests = [
        (name, value) for name, value in blocks if isinstance(value, dict) and {"actions", "parameters"} & {*value}
    ]

    assert 5 <= len(manifests)
    assert [] == [(name, error.message) for name, value in manifests for error in validator.iter_errors(value)]
