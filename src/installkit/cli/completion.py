"""Completion in the shell: the script for it, and the values that are completed besides commands and options."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import click
from click.shell_completion import CompletionItem

import installkit
from installkit.cli.commands import Command
from installkit.text import time_text

OFFERED = 30

Values = Iterator[tuple[str, str]]
"""Values, and the description that the shell shows beside each."""

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem[str]]"]

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """
    Print the script that makes a shell complete commands, options, runs, sites, components and steps.

    The script says where to keep it; for the current shell only, evaluate it.

    installkit completion bash > ~/.local/share/bash-completion/completions/installkit
    eval "$(installkit completion zsh)"
    installkit completion fish | source
    """
    click.echo(files(__package__).joinpath("shells", f"completion.{shell}").read_text("utf-8"), nl=False)


def _completer(find: Callable[[click.Context, str], Values]) -> Completer:
    """Return a completer for the values that *find* yields for the context and the text so far; none after an error."""

    def _complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
        try:
            values = dict(find(ctx, incomplete))
        except Exception:  # noqa: BLE001 - whoever presses the tab key wants no traceback, whatever is wrong
            return []
        return [
            CompletionItem(value, help=text or None) for value, text in values.items() if value.startswith(incomplete)
        ]

    return _complete


@contextmanager
def _opened(ctx: click.Context) -> Iterator[installkit.Installer]:
    """Open the data directory of the command line in *ctx*; completion never makes a new one."""
    if ctx.find_root().params.get("service"):
        raise installkit.UnknownNameError("a service is not asked for completions")
    data = Path(ctx.find_root().params.get("data_dir") or installkit.default_data_directory()).expanduser()
    if not (data / "runs").is_dir():
        raise installkit.UnknownNameError(f"{data} is not a data directory")
    with installkit.Installer(data) as installer:
        yield installer


@_completer
def complete_runs(ctx: click.Context, incomplete: str) -> Values:
    """Complete the ids of runs, and `last`."""
    runs = list(_run_ids(ctx, incomplete))
    yield from (("last", text) for _, text in runs[:1])
    yield from runs


@_completer
def complete_live_runs(ctx: click.Context, incomplete: str) -> Values:
    """Complete the ids of runs that have not ended."""
    yield from _run_ids(ctx, incomplete, [status for status in installkit.RunStatus if not status.final])


def _run_ids(ctx: click.Context, incomplete: str, statuses: Sequence[installkit.RunStatus] = ()) -> Values:
    with _opened(ctx) as installer:
        runs = installer.list_runs(limit=OFFERED, status=statuses)
    for run in runs:
        parts = (run.status.value, run.site, time_text(run.created_at), run.note)
        yield run.id[: max(6, len(incomplete))], " · ".join(filter(None, parts))


@_completer
def complete_plans(ctx: click.Context, _: str) -> Values:
    """Complete the ids of the newest plans."""
    with _opened(ctx) as installer:
        plans = installer.plans(limit=OFFERED)
    yield from ((plan.id, f"{plan.site} · {time_text(plan.created_at)} · {plan.summary}") for plan in plans)


@_completer
def complete_steps(ctx: click.Context, _: str) -> Values:
    """Complete the steps of the run on the command line, and their components."""
    steps = _planned_steps(ctx)
    yield from ((step.id, step.text) for step in steps)
    yield from ((step.component, "its changing steps") for step in steps)


@_completer
def complete_run_hosts(ctx: click.Context, _: str) -> Values:
    """Complete the hosts of the run on the command line."""
    yield from ((host, "") for host in sorted({host for step in _planned_steps(ctx) for host in step.hosts}))


def _planned_steps(ctx: click.Context) -> tuple[installkit.Step, ...]:
    with _opened(ctx) as installer:
        return installer.run(ctx.params["run"]).plan.steps


@_completer
def complete_sites(ctx: click.Context, _: str) -> Values:
    """Complete the names of sites."""
    with _opened(ctx) as installer:
        sites = [site.snapshot() for site in installer.sites()]
    yield from ((site.name, "" if site.title == site.name else site.title) for site in sites)


@_completer
def complete_components(ctx: click.Context, incomplete: str) -> Values:
    """Complete the names of components, and after `=` the versions of one."""
    name, equals, _ = incomplete.partition("=")
    for component in _catalog(ctx):
        if equals and component.name == name:
            yield from ((f"{name}={version}", "") for version in component.versions)
        elif not equals:
            yield component.name, component.title if component.title != component.name else ""


@_completer
def complete_parameters(ctx: click.Context, _: str) -> Values:
    """Complete the names of parameters, as `NAME=`."""
    for parameter in _parameters(ctx):
        default = "" if parameter.secret or parameter.value is None else f", {parameter.value}"
        yield f"{parameter.name}=", f"{parameter.type} of {parameter.component}{default}"


@_completer
def complete_secrets(ctx: click.Context, _: str) -> Values:
    """Complete the names of secret parameters."""
    yield from ((parameter.name, parameter.component) for parameter in _parameters(ctx) if parameter.secret)


def _parameters(ctx: click.Context) -> Iterator[installkit.Parameter]:
    return (parameter for component in _catalog(ctx) for parameter in component.parameters)


@_completer
def complete_entered(ctx: click.Context, _: str) -> Values:
    """Complete the names of parameters that have a value for the site, a group or a host."""
    with _opened(ctx) as installer:
        entered = installer.site(ctx.params["name"]).parameters.values()
    levels = (entered.site, *entered.groups.values(), *entered.hosts.values())
    yield from ((name, str(value)) for values in levels for name, value in values.items())


def _catalog(ctx: click.Context) -> installkit.Catalog:
    """Return the catalog for the command line so far: by its folder, site or inventory, or that of the only site."""
    params = ctx.params
    if folder := params.get("folder") or params.get("catalog"):
        return installkit.load_catalog(folder)
    with _opened(ctx) as installer:
        if name := params.get("name") or params.get("site"):
            return installer.site(name).catalog()
        if inventory := params.get("inventory"):
            sites = tuple(filter(None, [installer.site_of_inventory(inventory)]))
        else:
            sites = installer.sites()
        (site,) = sites
        return site.catalog()


def complete_files(_: click.Context, __: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    """Let the shell complete the names of files."""
    return [CompletionItem(incomplete, type="file")]
