"""`site` and `status`."""

from typing import Any, TextIO

import click

import installkit
from installkit.cli.commands import Command, Group
from installkit.cli.completion import complete_entered, complete_parameters, complete_secrets, complete_sites
from installkit.cli.inventories import export_inventory, host, import_inventory, read_text
from installkit.cli.output import console, make_table, print_json, print_table
from installkit.cli.param_types import CATALOG
from installkit.cli.passwords import ask_secret
from installkit.cli.plans import confirm
from installkit.cli.session import Session, pass_session, say, short
from installkit.text import counted, time_text


@click.command(cls=Command)
@click.option("--site", metavar="SITE", shell_complete=complete_sites, help="Only this site.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@pass_session
def status(session: Session, site: str | None, *, as_json: bool) -> None:
    """
    Show what is installed where.

    installkit status --site acme
    installkit status
    installkit status --json
    """
    sites = session.installer.sites() if site is None else (session.installer.site(site),)
    rows = [row for one in sites for row in one.installed()]
    if as_json:
        print_json(rows)
        return
    for one in sites:
        lock = one.snapshot().lock
        if lock:
            say(f"site {one.name} is being changed by run {short(lock.run)}: {lock.doing}")
    if rows:
        _print_installed(session, rows, many=len(sites) > 1)
    else:
        say("nothing is installed" if sites else session.no_site())


def _print_installed(session: Session, rows: list[installkit.Installation], *, many: bool) -> None:
    runs = [session.installer.run(run) for run in {_decisive_run(row) for row in rows}]
    started = {run.id: run.snapshot().created_at for run in runs}
    columns = ("SITE", "COMPONENT", "HOST", "VERSION", "STATUS", "LAST", "RUN", "SINCE", "VERIFIED")
    print_table(
        columns,
        (
            (
                row.site if many else "",
                row.component,
                row.host,
                row.version or "",
                row.status,
                f"{row.action} {row.to_version}" if row.to_version not in {None, "", row.version} else row.action.value,
                short(_decisive_run(row)),
                time_text(started[_decisive_run(row)]),
                time_text(row.verified_at),
            )
            for row in rows
        ),
    )


def _decisive_run(row: installkit.Installation) -> str:
    """Return the run that gave *row* its status: the last that changed it, or one that verified it and failed."""
    return row.run if row.disproved else row.changing_run


@click.group(cls=Group)
def site() -> None:
    """
    Sites: inventory, catalog, parameters, secrets.

    installkit site create acme -i hosts.yml -c playbooks
    installkit site set acme mysql_port=3307
    installkit site secret acme mysql_root_password
    installkit site show acme
    """


for _command in (host, export_inventory, import_inventory):
    site.add_command(_command)


@site.command()
@click.argument("name", metavar="SITE")
@click.option("-i", "--inventory", metavar="PATH", type=click.Path(exists=True), help="As Ansible's -i; read in place.")
@click.option(
    "--import", "imported", metavar="FILE", type=click.File(encoding="utf-8"), help="Keep a copy instead; - is stdin."
)
@click.option("-c", "--catalog", metavar="DIR", type=CATALOG, help="With a service: the name of one of its catalogs.")
@click.option("--title", metavar="TEXT", help="For people.")
@pass_session
def create(
    session: Session,
    name: str,
    *,
    inventory: str | None,
    imported: TextIO | None,
    catalog: str | None,
    title: str | None,
) -> None:
    """
    Make a site of an inventory and a folder of playbooks.

    With -i the inventory is read in place. With --import installkit keeps a copy, to be edited with
    `site host`. A service (--service) always keeps a copy, and knows catalogs by their names.

    installkit site create acme -i hosts.yml -c playbooks --title "Acme, Berlin"
    installkit site create acme --import hosts.yml -c playbooks
    """
    if (inventory is None) == (imported is None):
        raise click.UsageError("a site has one inventory: give it with -i or with --import")
    if any(other.name == name for other in session.installer.sites()):
        raise installkit.PlanningError(f"there is a site {name!r} already", remedy=f"installkit site update {name} …")
    if session.service is not None:
        text = None if imported is None else read_text(imported)
        _create_there(session, name, text, inventory=inventory, catalog=catalog, title=title)
    elif catalog is None:
        raise click.UsageError("a site has a catalog: name the folder of its playbooks with -c")
    elif imported is None:
        installkit.load_catalog(catalog)
        session.here.site(name, inventory=inventory, catalog=catalog, title=title)
    else:
        session.here.create_site(name, inventory=read_text(imported), catalog=catalog, title=title)
    say(f"site {name} is made; now: {session.command('plan', '--site', name, '--all')}")


def _create_there(
    session: Session, name: str, text: str | None, *, inventory: str | None, catalog: str | None, title: str | None
) -> None:
    """Have a service make a site with the inventory *text*; refuse a path of this machine."""
    if text is None:
        create = session.command("site", "create", name, "--import", str(inventory))
        raise installkit.PlanningError(
            f"-i {inventory} is of this machine, and the service reads its own files",
            remedy=f"have it keep a copy: {create}",
        )
    session.there.create_site(name, inventory=text, catalog=catalog, title=title)


@site.command()
@click.argument("name", metavar="SITE", shell_complete=complete_sites)
@click.option("-c", "--catalog", metavar="DIR", type=CATALOG, help="With a service: the name of one of its catalogs.")
@click.option("--title", metavar="TEXT", help="For people; empty for the name.")
@pass_session
def update(session: Session, name: str, catalog: str | None, title: str | None) -> None:
    """
    Give a site another catalog or title.

    Its inventory stays: another one would mean other hosts.

    installkit site update acme -c playbooks-2.0
    installkit site update acme --title 'Acme, Hamburg'
    """
    session.installer.site(name)
    if catalog and session.service is None:
        installkit.load_catalog(catalog)
    session.installer.site(name, catalog=catalog, title=title)


@site.command()
@click.argument("name", metavar="SITE", shell_complete=complete_sites)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_session
def delete(session: Session, name: str, *, yes: bool) -> None:
    """
    Forget a site.

    Its parameters, secrets and plans are deleted; its runs and what they did stay.

    installkit site delete acme
    installkit site delete acme --yes
    """
    session.installer.site(name)
    confirm(f"Forget site {name}, with its parameters, secrets and plans?", yes=yes)
    session.installer.delete_site(name)
    say(f"site {name} is forgotten; its runs and the hosts stay as they are")


@site.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@pass_session
def list_sites(session: Session, *, as_json: bool) -> None:
    """
    List the sites.

    installkit site list
    installkit site list --json
    """
    if session.service is None:  # a service does it for its list
        session.here.refresh()
    sites = [one.snapshot() for one in session.installer.sites()]
    if as_json:
        print_json(sites)
    elif not sites:
        say(f"{session.no_site()}; make one: {session.command('site', 'create')} NAME -i hosts.yml -c playbooks")
    else:
        rows = (
            (
                now.name,
                "" if now.title == now.name else now.title,
                now.inventory.path,
                now.catalog,
                short(now.last_run or ""),
                f"run {short(now.lock.run)}" if now.lock else "",
            )
            for now in sites
        )
        print_table(("SITE", "TITLE", "INVENTORY", "CATALOG", "LAST RUN", "NOW"), rows)


@site.command()
@click.argument("name", metavar="SITE", shell_complete=complete_sites)
@click.option("--json", "as_json", is_flag=True, help="Print the site as JSON.")
@pass_session
def show(session: Session, name: str, *, as_json: bool) -> None:
    """
    Show a site's hosts, parameters and secrets.

    installkit site show acme
    installkit site show acme --json
    """
    target = session.installer.site(name)
    now = target.snapshot()
    if as_json:
        print_json(now)
        return
    out = console()
    out.print(f"{now.name}: {now.title}", style="bold")
    out.print(f"inventory {now.inventory.path}\ncatalog   {now.catalog}\n", soft_wrap=True)
    out.print(
        make_table(("HOST", "GROUPS"), ((host.name, ", ".join(host.groups)) for host in target.inventory.read().hosts))
    )
    entered = target.parameters.values()
    levels: list[tuple[str, Any]] = [("the site", entered.site)]
    levels += [(f"group {group}", values) for group, values in entered.groups.items()]
    levels += [(f"host {host}", values) for host, values in entered.hosts.items()]
    rows = [(name, str(value), level) for level, values in levels for name, value in values.items()]
    rows += [(name, "(secret)", "the site") for name in entered.secrets]
    if rows:
        out.print()
        out.print(make_table(("PARAMETER", "VALUE", "FOR"), rows))


@site.command("set")
@click.argument("name", metavar="SITE", shell_complete=complete_sites)
@click.argument("values", metavar="NAME=VALUE|@FILE|{…}", nargs=-1, required=True, shell_complete=complete_parameters)
@click.option("--group", metavar="GROUP", help="For the hosts of this group alone.")
@click.option("--host", metavar="HOST", help="For this host alone.")
@pass_session
def set_values(session: Session, name: str, values: tuple[str, ...], group: str | None, host: str | None) -> None:
    """
    Enter parameter values.

    They are for the site, or for one group or host of it.

    installkit site set acme mysql_port=3307 --group db
    installkit site set acme @values.yml
    installkit site set acme mysql_port=3308 --host db2
    """
    target = session.installer.site(name)
    _check_one_level(group, host)
    read = installkit.read_variables(values, target.catalog())
    if read.secrets:
        secret = next(iter(read.secrets))
        command = session.command("site", "secret", name, secret)
        raise click.UsageError(f"{secret} is a secret, and does not belong on a command line: {command}")
    if nulls := [parameter for parameter, value in read.open.items() if value is None]:
        level = ["--group", group] if group else ["--host", host] if host else []
        command = session.command("site", "unset", name, *nulls, *level)
        raise click.UsageError(f"null is not a value, for {', '.join(nulls)}; to take a value away: {command}")
    target.parameters.set(read.open, group=group, host=host)
    say(f"{counted(len(read.open), 'value')} set for {_level(name, group, host)}")


@site.command("unset")
@click.argument("name", metavar="SITE", shell_complete=complete_sites)
@click.argument("parameters", metavar="PARAMETER…", nargs=-1, required=True, shell_complete=complete_entered)
@click.option("--group", metavar="GROUP", help="For the hosts of this group alone.")
@click.option("--host", metavar="HOST", help="For this host alone.")
@pass_session
def unset_values(session: Session, name: str, parameters: tuple[str, ...], group: str | None, host: str | None) -> None:
    """
    Take parameter values away.

    Those of the site, or of one group or host of it.

    installkit site unset acme mysql_port --group db
    installkit site unset acme mysql_port mysql_data_dir
    """
    target = session.installer.site(name)
    _check_one_level(group, host)
    entered = target.parameters.values()
    values = entered.groups.get(group, {}) if group else entered.hosts.get(host, {}) if host else entered.site
    if unknown := [parameter for parameter in parameters if parameter not in values]:
        names = ", ".join(unknown)
        raise installkit.UnknownNameError(f"nothing is set for {names} of {_level(name, group, host)}")
    target.parameters.set(dict.fromkeys(parameters), group=group, host=host)
    say(f"{counted(len(parameters), 'value')} taken away for {_level(name, group, host)}")


def _check_one_level(group: str | None, host: str | None) -> None:
    if group and host:
        raise click.UsageError("a parameter is set for a group or for a host: leave out --group or --host")


def _level(name: str, group: str | None, host: str | None) -> str:
    return f"group {group} of {name}" if group else f"host {host} of {name}" if host else name


@site.command()
@click.argument("name", metavar="SITE", shell_complete=complete_sites)
@click.argument("secret", metavar="SECRET", shell_complete=complete_secrets)
@click.option("--unset", is_flag=True, help="Take it away.")
@pass_session
def secret(session: Session, name: str, secret: str, *, unset: bool) -> None:
    """
    Keep a secret, encrypted.

    Its value is typed, or is the first line of stdin. SECRET is a secret parameter of the catalog, or a password that
    Ansible takes: ansible_password (as -k asks for), ansible_become_password (-K), ansible_vault_password, or
    ansible_vault_password:LABEL (--vault-id LABEL@...).

    installkit site secret acme mysql_root_password
    pass show acme/sudo | installkit site secret acme ansible_become_password
    installkit site secret acme mysql_root_password --unset
    """
    target = session.installer.site(name)
    if unset:
        if secret not in target.parameters.values().secrets:
            raise installkit.UnknownNameError(f"site {name!r} keeps no secret {secret!r}")
        target.secrets.set(secret, None)
        say(f"{secret} of {name} is taken away")
        return
    target.secrets.set(secret, ask_secret(secret, confirm=True))
    say(f"{secret} of {name} is kept, encrypted")
