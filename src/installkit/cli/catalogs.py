"""`catalog`: what installkit reads from a folder of playbooks."""

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
    contents = installkit.load_catalog(folder)
    if contents.unreadable:
        raise installkit.DefinitionError(
            contents.unreadable, remedy="correct them; the other components can be planned meanwhile"
        )
    _warn(contents)
    click.echo(f"{folder} is a catalog of {counted(len(contents), 'component')}")


@catalog.command("list")
@click.argument("folder", metavar="DIR", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_components(folder: str, *, as_json: bool) -> None:
    """
    List the components of a folder, in order.

    installkit catalog list playbooks
    installkit catalog list playbooks --json
    """
    contents = installkit.load_catalog(folder)
    if as_json:
        print_json(contents.components)
        return
    _warn(contents)
    if len(contents):
        columns = ("ORDER", "NAME", "VERSIONS", "HOSTS", "REQUIRES", "ACTIONS", "TITLE")
        rows = (
            (
                "" if component.order is None else f"{component.order:02d}",
                component.name,
                ", ".join(component.versions),
                component.hosts or "",
                ", ".join(map(str, component.requires)),
                ", ".join(spec.action for spec in component.actions),
                "" if component.title == component.name else component.title,
            )
            for component in contents
        )
        print_table(columns, rows)
    if contents.others:
        click.echo(f"\nnot components: {', '.join(contents.others)}", err=True)


def _warn(catalog: installkit.Catalog) -> None:
    for warning in catalog.warnings:
        console(err=True).print(f"warning: {warning}", style="yellow")


@catalog.command()
def schema() -> None:
    """
    Print the JSON Schema of a manifest, for completion and checks in an editor.

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
    component = installkit.load_catalog(folder)[name]
    if as_json:
        print_json(component)
        return
    out = console()
    out.print(f"{component.name}: {component.title}", style="bold")
    facts = {
        "versions": ", ".join(component.versions),
        "hosts": component.hosts or "those that its plays name",
        "requires": ", ".join(map(str, component.requires)),
        "manifest": str(component.manifest or ""),
    }
    for fact, value in facts.items():
        if value:
            out.print(f"{fact:<9} {value}", soft_wrap=True)
    out.print()
    playbooks = (
        (spec.action, Path(spec.playbook), "destructive" if spec.destructive else "") for spec in component.actions
    )
    out.print(make_table(("ACTION", "PLAYBOOK", "RISK"), playbooks))
    if component.parameters:
        out.print()
        rows = (
            (
                parameter.name,
                parameter.type,
                parameter.value,
                parameter.on_change,
                ", ".join(word for word in ("required", "secret") if getattr(parameter, word)),
            )
            for parameter in component.parameters
        )
        out.print(make_table(("PARAMETER", "TYPE", "DEFAULT", "ON CHANGE", "NOTES"), rows))
