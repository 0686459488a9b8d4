"""`catalog`: a folder of playbooks as installkit sees it."""

import json
from pathlib import Path

import click

import installkit
from installkit.cli.commands import Group
from installkit.cli.completion import complete_components
from installkit.cli.output import console, make_table, print_json, print_table
from installkit.text import counted

FOLDER = click.Path(exists=True, file_okay=False)


@click.group(cls=Group)
def catalog() -> None:
    """
    Check and list a folder of playbooks.

    installkit catalog list playbooks
    installkit catalog show playbooks mysql
    """


@catalog.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
def validate(folder: str) -> None:
    """
    Check every manifest and playbook; all mistakes are listed, with file, line and column.

    installkit catalog validate playbooks
    installkit catalog validate .
    """
    found = installkit.load_catalog(folder)
    if found.unreadable:
        raise installkit.DefinitionError(
            found.unreadable, remedy="correct them; the other components can be planned meanwhile"
        )
    _warn(found)
    click.echo(f"{folder} is a catalog of {counted(len(found), 'component')}")


@catalog.command("list")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_components(folder: str, *, as_json: bool) -> None:
    """
    List the components of a folder, in order.

    installkit catalog list playbooks
    installkit catalog list playbooks --json
    """
    found = installkit.load_catalog(folder)
    if as_json:
        print_json(found.components)
        return
    _warn(found)
    if len(found):
        columns = ("ORDER", "NAME", "VERSIONS", "HOSTS", "REQUIRES", "ACTIONS", "TITLE")
        print_table(columns, (_row(component) for component in found))
    if found.others:
        click.echo(f"\nno components: {', '.join(found.others)}", err=True)


def _warn(found: installkit.Catalog) -> None:
    for warning in found.warnings:
        console(err=True).print(f"warning: {warning}", style="yellow")


def _row(component: installkit.Component) -> tuple[str, ...]:
    order = "" if component.order is None else f"{component.order:02d}"
    requires = ", ".join(map(str, component.requires))
    actions = ", ".join(spec.action for spec in component.actions)
    title = "" if component.title == component.name else component.title
    return (order, component.name, ", ".join(component.versions), component.hosts or "", requires, actions, title)


@catalog.command()
def schema() -> None:
    """
    Print the JSON Schema of a manifest: editors complete and check with it.

    installkit catalog schema
    installkit catalog schema > manifest.schema.json
    """
    click.echo(json.dumps(installkit.manifest_schema(), indent=2))


@catalog.command()
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.argument("name", shell_complete=complete_components)
@click.option("--json", "as_json", is_flag=True, help="Print the component as JSON.")
def show(folder: str, name: str, *, as_json: bool) -> None:
    """
    Show one component: its playbooks and its parameters.

    installkit catalog show playbooks mysql
    installkit catalog show playbooks 03 --json
    """
    found = installkit.load_catalog(folder)[name]
    if as_json:
        print_json(found)
        return
    out = console()
    out.print(f"{found.name}: {found.title}", style="bold")
    facts = {
        "versions": ", ".join(found.versions),
        "hosts": found.hosts or "those that its plays name",
        "requires": ", ".join(map(str, found.requires)),
        "manifest": str(found.manifest or ""),
    }
    for fact, value in facts.items():
        if value:
            out.print(f"{fact:<9} {value}", soft_wrap=True)
    out.print()
    playbooks = (
        (spec.action, Path(spec.playbook), "destructive" if spec.destructive else "") for spec in found.actions
    )
    out.print(make_table(("ACTION", "PLAYBOOK", "RISK"), playbooks))
    if found.parameters:
        out.print()
        out.print(make_table(("PARAMETER", "TYPE", "DEFAULT", "ON CHANGE", "NOTES"), map(_parameter, found.parameters)))


def _parameter(parameter: installkit.Parameter) -> tuple[str, ...]:
    mind = ", ".join(word for word in ("required", "secret") if getattr(parameter, word))
    value = "" if parameter.value is None else str(parameter.value)
    return (parameter.name, parameter.type, value, parameter.on_change, mind)
