"""
Write the tables of docs/reference that the program itself knows: its commands, and the requests that the service takes.

Each stands between two marks in its page. `--check` writes nothing, and fails where a page is not up to date.
"""

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from installkit.cli.app import SECTIONS, app
from installkit_http.openapi import document
from installkit_http.routes import OPERATIONS

PAGES = Path(__file__).parents[1] / "docs" / "reference"


def main() -> int:
    """Bring the pages up to date, or say which are not; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, and fail where a page is not up to date")
    check = parser.parse_args().check
    stale = [name for name, lines in TABLES.items() if renewed(name, lines) != (PAGES / name).read_text()]
    for name in stale:
        sys.stderr.write(f"docs/reference/{name} " + ("is not up to date: python scripts/reference.py\n" * check))
        if not check:
            (PAGES / name).write_text(renewed(name, TABLES[name]))
            sys.stderr.write("is up to date now\n")
    return int(check and bool(stale))


def renewed(name: str, lines: Callable[[], Iterator[str]]) -> str:
    """Return the page *name* with *lines* between its marks."""
    before, mark, rest = (PAGES / name).read_text().partition("<!-- made by scripts/reference.py -->\n")
    _, end, after = rest.partition("<!-- end -->\n")
    if not mark or not end:
        raise SystemExit(f"docs/reference/{name} has no marks to write between")
    return before + mark + "\n" + "\n".join(lines()).rstrip() + "\n\n" + end + after


def command_lines() -> Iterator[str]:
    """Yield the Markdown of all commands, in the order of `installkit --help`."""
    for section, entries in SECTIONS.items():
        yield from (f"## {section}", "")
        for name in entries:
            context = click.Context(app, info_name="installkit")
            command = app.get_command(context, name)
            if command is not None:
                yield from _command(command, click.Context(command, context, info_name=name))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield from (f"### {context.command_path.removeprefix('installkit ')}", "", f"`{usage}`", "")
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        yield from ("```", paragraph, "```", "") if paragraph.startswith("installkit ") else (paragraph, "")
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    if options:
        yield from ("| option | meaning |", "|---|---|")
        yield from (f"| {_option(option, context)} | {_meaning(option)} |" for option in options)
        yield ""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            if below is not None:
                yield from _command(below, click.Context(below, context, info_name=name))


def _option(option: click.Option, context: click.Context) -> str:
    *others, last = [*option.opts, *option.secondary_opts]
    value = "" if option.is_flag or option.count else f" {option.make_metavar(context)}"
    return ", ".join(f"`{name}`" for name in (*others, _cell(last + value)))


def _meaning(option: click.Option) -> str:
    default = option.default if option.show_default and not option.is_flag else None
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
    said = [option.help or "", f"Default: `{shown}`." if shown else "", "May be repeated." if option.multiple else ""]
    return _cell(" ".join(filter(None, said)))


def route_lines() -> Iterator[str]:
    """Yield the Markdown of all requests: a table of them, then each with what it takes and answers."""
    paths = document(OPERATIONS)["paths"]
    requests = [
        (f"{method.upper()} {path}", told) for path, methods in paths.items() for method, told in methods.items()
    ]
    yield from ("| request | scope | does |", "|---|---|---|")
    for name, told in requests:
        yield f"| [`{name}`](#{_anchor(name)}) | {told.get('x-scope', 'none')} | {_cell(told['summary'])} |"
    for group in dict.fromkeys(told["tags"][0] for _, told in requests):
        yield from ("", f"## {group.capitalize()}", "")
        for name, told in requests:
            if told["tags"] == [group]:
                yield from _request(name, told)


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _request(name: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"### {name}", "", inspect.cleandoc(told["description"] or told["summary"]), "")
    yield from (f"Scope: {told.get('x-scope', 'none')}. Answer: {_answer(told['responses'])}.", "")
    rows = [*_query_rows(told["parameters"]), *_body_rows(told.get("requestBody"))]
    if rows:
        yield from ("| name | in | type | meaning |", "|---|---|---|---|", *rows, "")


def _answer(responses: Mapping[str, Any]) -> str:
    status, told = next((status, told) for status, told in responses.items() if status != "default")
    kinds = [f"`{media}`" for media in told.get("content", {})]
    schema = next((content.get("schema", {}) for content in told.get("content", {}).values()), {})
    value = f" `{schema['$ref'].rpartition('/')[2]}`" if "$ref" in schema else ""
    return f"{status}{value}" + (f" as {' or '.join(kinds)}" if kinds else "")


def _query_rows(parameters: list[Mapping[str, Any]]) -> Iterator[str]:
    for told in parameters:
        if told["in"] == "query":
            yield f"| `{told['name']}` | query | {_type(told['schema'])} | {_cell(told.get('description', ''))} |"


def _body_rows(body: Mapping[str, Any] | None) -> Iterator[str]:
    schema = next(iter(body["content"].values()))["schema"] if body else {}
    for name, told in schema.get("properties", {}).items():
        needed = ", needed" if name in schema.get("required", ()) else ""
        yield f"| `{name}` | body{needed} | {_type(told)} | {_cell(told.get('description', ''))} |"


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " ".join(f"`{word}`" for word in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    kinds = schema.get("type", "any")
    words = [kinds] if isinstance(kinds, str) else kinds
    return " or ".join(f"array of {_type(schema['items'])}" if word == "array" else word for word in words)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


TABLES: Mapping[str, Callable[[], Iterator[str]]] = {"command-line.md": command_lines, "http.md": route_lines}
"""By page: what yields the lines between its marks."""

if __name__ == "__main__":
    sys.exit(main())
