"""Completion in the shell: the script for it, and what is there to complete besides commands and options."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

import click
from click.shell_completion import CompletionItem

import installkit
from installkit.cli.commands import Command
from installkit.text import time_text

RUNS_OFFERED = 30

Found = Iterator[tuple[str, str]]
"""Values, and what is said beside each."""

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem[str]]"]

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """
    Print the script that makes a shell complete commands, options, runs, sites, components and steps.

    Where to keep it is said in the script; for the shell at hand, evaluate it.

    installkit completion bash > ~/.local/share/bash-completion/completions/installkit
    eval "$(installkit completion zsh)"
    installkit completion fish | source
    """
    click.echo(files(__package__).joinpath("shells", f"completion.{shell}").read_text("utf-8"), nl=False)


def _completer(find: Callable[[click.Context, str], Found]) -> Completer:
    """Return what completes to the values of *find* for a context and what is typed; what goes wrong completes nothing."""

    def _complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
        try:
            found = dict(find(ctx, incomplete))
        except Exception:  # noqa: BLE001 - whoever presses the tab key wants no traceback, whatever is wrong
            return []
        return [
            CompletionItem(value, help=said or None) for value, said in found.items() if value.startswith(incomplete)
        ]

    return _complete


@contextmanager
def _opened(ctx: click.Context) -> Iterator[installkit.Installer]:
    """Open the data directory of the command line in *ctx*; none is made for a question."""
    data = Path(ctx.find_root().params.get("data_dir") or installkit.default_data_directory()).expanduser()
    if not (data / "runs").is_dir():
        raise installkit.UnknownNameError(f"{data} is not a data directory")
    with installkit.Installer(data) as installer:
        yield installer


def _runs(ctx: click.Context, incomplete: str) -> Found:
    found = list(_run_ids(ctx, incomplete))
    yield from (("last", said) for _, said in found[:1])
    yield from found


def _live_runs(ctx: click.Context, incomplete: str) -> Found:
    yield from _run_ids(ctx, incomplete, [status for status in installkit.RunStatus if not status.final])


def _run_ids(ctx: click.Context, incomplete: str, statuses: Sequence[installkit.RunStatus] = ()) -> Found:
    with _opened(ctx) as installer:
        found = installer.list_runs(limit=RUNS_OFFERED, status=statuses)
    yield from ((run.id[: max(6, len(incomplete))], _run_said(run)) for run in found)


def _run_said(run: installkit.RunSnapshot) -> str:
    return " · ".join(filter(None, (run.status.value, run.site, time_text(run.created_at), run.note)))


def _steps(ctx: click.Context, _: str) -> Found:
    steps = _planned_steps(ctx)
    yield from ((step.id, step.text) for step in steps)
    yield from ((step.component, "its changing steps") for step in steps)


def _run_hosts(ctx: click.Context, _: str) -> Found:
    yield from ((host, "") for host in sorted({host for step in _planned_steps(ctx) for host in step.hosts}))


def _planned_steps(ctx: click.Context) -> tuple[installkit.Step, ...]:
    with _opened(ctx) as installer:
        return installer.run(ctx.params["run"]).plan.steps


def _sites(ctx: click.Context, _: str) -> Found:
    with _opened(ctx) as installer:
        found = [site.snapshot() for site in installer.sites()]
    yield from ((site.name, "" if site.title == site.name else site.title) for site in found)


def _components(ctx: click.Context, incomplete: str) -> Found:
    name, equals, _ = incomplete.partition("=")
    for component in _catalog(ctx):
        if equals and component.name == name:
            yield from ((f"{name}={version}", "") for version in component.versions)
        elif not equals:
            yield component.name, component.title if component.title != component.name else ""


def _parameters(ctx: click.Context, _: str) -> Found:
    yield from (
        (f"{each.name}=", _parameter_said(each)) for component in _catalog(ctx) for each in component.parameters
    )


def _secrets(ctx: click.Context, _: str) -> Found:
    declared = (each for component in _catalog(ctx) for each in component.parameters)
    yield from ((each.name, each.component) for each in declared if each.secret)


def _parameter_said(parameter: installkit.Parameter) -> str:
    default = "" if parameter.secret or parameter.value is None else f", {parameter.value}"
    return f"{parameter.type} of {parameter.component}{default}"


def _entered(ctx: click.Context, _: str) -> Found:
    with _opened(ctx) as installer:
        entered = installer.site(ctx.params["name"]).parameters.values()
    levels = (entered.site, *entered.groups.values(), *entered.hosts.values())
    yield from ((name, str(value)) for values in levels for name, value in values.items())


def _catalog(ctx: click.Context) -> installkit.Catalog:
    """Return the catalog that the command line means so far: by its folder, its site, its inventory, or the only site."""
    given = ctx.params
    if folder := given.get("folder") or given.get("catalog"):
        return installkit.load_catalog(folder)
    with _opened(ctx) as installer:
        if name := given.get("name") or given.get("site"):
            return installer.site(name).catalog()
        if inventory := given.get("inventory"):
            sites = tuple(filter(None, [installer.site_of_inventory(inventory)]))
        else:
            sites = installer.sites()
        (site,) = sites
        return site.catalog()


def _files(_: click.Context, __: click.Parameter, incomplete: str) -> "list[CompletionItem[str]]":
    return [CompletionItem(incomplete, type="file")]


complete_runs = _completer(_runs)
complete_live_runs = _completer(_live_runs)
complete_steps = _completer(_steps)
complete_run_hosts = _completer(_run_hosts)
complete_sites = _completer(_sites)
complete_components = _completer(_components)
complete_parameters = _completer(_parameters)
complete_secrets = _completer(_secrets)
complete_entered = _completer(_entered)
complete_files: Completer = _files
