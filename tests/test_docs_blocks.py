"""What the pages tell people to type: commands with their options, and manifests."""

import re
import shlex
from pathlib import Path

import click
import jsonschema
import pytest
import yaml

import installkit
from installkit.cli.app import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "examples").glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MADE = "command-line.md"  # written from the commands themselves


def blocks_of(page, language):
    """Return the code blocks of *page* in *language*."""
    return re.findall(rf"^ *```{language}\n(.*?)^ *```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def commands_of(page):
    """Return what follows `installkit` in the blocks and in the text of *page*, up to the end of the command."""
    prose = re.sub(r"^ *```.*?^ *```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks_of(page, "") for line in block.splitlines()]
    lines += re.findall(r"`(installkit [^`]+)`", prose)
    found = [re.search(r"(?:^|[ /])installkit ([a-z-][^|>;]*)", line) for line in lines]
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


def test_every_manifest_in_the_pages_is_right():
    """What is to be copied into a catalog is a manifest, or the beginning of one."""
    validator = jsonschema.Draft7Validator(installkit.manifest_schema())
    blocks = [(page.name, yaml.safe_load(block)) for page in PAGES for block in blocks_of(page, "yaml")]
    manifests = [
        (name, value) for name, value in blocks if isinstance(value, dict) and {"actions", "parameters"} & {*value}
    ]

    assert 5 <= len(manifests)
    assert [] == [(name, error.message) for name, value in manifests for error in validator.iter_errors(value)]
