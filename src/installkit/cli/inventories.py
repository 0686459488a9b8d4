"""`site host`, `site export` and `site import`: the inventory of a site, where installkit keeps it."""

from pathlib import Path
from typing import Any, TextIO

import click

import installkit
from installkit.cli.commands import Command, Group
from installkit.cli.completion import complete_sites
from installkit.cli.output import print_json, print_table
from installkit.cli.session import Session, pass_session, say
from installkit.text import counted


@click.group(cls=Group)
def host() -> None:
    """
    List, enter and remove hosts.

    The hosts of any site can be listed. They can be entered and removed if installkit keeps the inventory
    (`site create --import`).

    installkit site host list acme
    installkit site host set acme db3 --group db
    """


@host.command("list")
@click.argument("site", shell_complete=complete_sites)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@pass_session
def list_hosts(session: Session, site: str, *, as_json: bool) -> None:
    """
    List the hosts of a site, with their groups.

    installkit site host list acme
    installkit site host list acme --json
    """
    hosts = session.installer.site(site).inventory.hosts()
    if as_json:
        print_json(hosts)
    else:
        rows = (
            (host.name, ", ".join(host.groups), ", ".join(f"{name}={value}" for name, value in host.vars.items()))
            for host in hosts
        )
        print_table(("HOST", "GROUPS", "VARIABLES"), rows)


@host.command("set")
@click.argument("site", shell_complete=complete_sites)
@click.argument("host")
@click.option("--group", "groups", metavar="GROUP", multiple=True, help="All groups of the host; new ones are made.")
@click.option(
    "-e", "--extra-vars", "given", metavar="NAME=VALUE|@FILE|{…}", multiple=True, help="Variables of the host."
)
@click.option("--unset", metavar="NAME", multiple=True, help="Take a variable away.")
@pass_session
def set_host(
    session: Session, site: str, host: str, *, groups: tuple[str, ...], given: tuple[str, ...], unset: tuple[str, ...]
) -> None:
    """
    Enter a host, or change one: what is not named stays as it is.

    installkit site host set acme db3 --group db -e ansible_host=10.0.0.13
    installkit site host set acme db3 --unset ansible_host
    """
    target = session.installer.site(site)
    old = {item.name: item for item in target.inventory.hosts()}.get(host)
    before: dict[str, Any] = {} if old is None else dict(old.vars)
    if unknown := [name for name in unset if name not in before]:
        raise installkit.UnknownNameError(f"host {host} of {site} has no variable {', '.join(unknown)}")
    new = installkit.read_variables(given, target.catalog())
    if secrets := [*new.secrets, *filter(installkit.is_password, new.open)]:
        command = session.command("site", "secret", target.name, secrets[0])
        raise click.UsageError(f"{secrets[0]} is a secret, and does not belong on a command line: {command}")
    values = {name: value for name, value in {**before, **new.open}.items() if name not in unset}
    target.inventory.set_host(host, groups=groups or (old.groups if old else ()), vars=values)
    say(f"host {host} is {'entered' if old is None else 'changed'}")


@host.command("remove")
@click.argument("site", shell_complete=complete_sites)
@click.argument("hosts", metavar="HOST...", nargs=-1, required=True)
@pass_session
def remove_hosts(session: Session, site: str, hosts: tuple[str, ...]) -> None:
    """
    Take hosts out of the inventory; what is recorded of them stays.

    installkit site host remove acme db3
    installkit site host remove acme db3 db4
    """
    target = session.installer.site(site)
    names = {host.name for host in target.inventory.hosts()}
    if unknown := [name for name in hosts if name not in names]:
        raise installkit.UnknownNameError(
            f"site {site!r} has no host {', '.join(unknown)}", remedy=f"choose one of: {', '.join(sorted(names))}"
        )
    for name in dict.fromkeys(hosts):
        target.inventory.remove_host(name)
    say(f"{counted(len(set(hosts)), 'host')} removed from {site}")


@click.command("export", cls=Command)
@click.argument("site", shell_complete=complete_sites)
@click.argument("file", metavar="[FILE]", type=click.Path(dir_okay=False, allow_dash=True), default="-")
@pass_session
def export_inventory(session: Session, site: str, file: str) -> None:
    """
    Write out the inventory that installkit keeps.

    To FILE, else to stdout, in Ansible's YAML.

    installkit site export acme hosts.yml
    installkit site export acme | less
    """
    text = session.installer.site(site).inventory.export()
    if file == "-":
        click.echo(text, nl=False)
    else:
        Path(file).write_text(text, encoding="utf-8")


@click.command("import", cls=Command)
@click.argument("site", shell_complete=complete_sites)
@click.argument("file", type=click.File(encoding="utf-8"))
@pass_session
def import_inventory(session: Session, site: str, file: TextIO) -> None:
    """
    Replace the inventory that installkit keeps.

    FILE is in Ansible's YAML; - is stdin.

    installkit site import acme hosts.yml
    cat hosts.yml | installkit site import acme -
    """
    target = session.installer.site(site)
    target.inventory.replace(read_text(file))
    say(f"site {site} has {counted(len(target.inventory.hosts()), 'host')} now")


def read_text(file: TextIO) -> str:
    """
    Return the content of *file*.

    Raises:
        click.UsageError: If it is not text.
    """
    try:
        return file.read()
    except UnicodeDecodeError as exc:
        raise click.UsageError(f"{file.name} is not text in UTF-8: {exc.reason} at byte {exc.start + 1}") from exc
