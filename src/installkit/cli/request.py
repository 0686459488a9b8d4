"""The options of a request, the plan that they ask for, and the site that they name."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

import installkit
from installkit.cli.completion import complete_components, complete_parameters, complete_sites
from installkit.cli.param_types import DURATION
from installkit.cli.passwords import ask_secret
from installkit.cli.session import Session, say
from installkit.text import counted

Function = TypeVar("Function", bound=Callable[..., Any])

ACTIONS = ("install", "upgrade", "configure", "start", "stop", "restart", "verify", "backup", "uninstall")

_FIELDS = {*ACTIONS, "all", "exclude", "limit", "force", "purge"}

EXAMPLE = "installkit plan -c playbooks -i hosts.yml --install mysql"


@attrs.frozen
class PlanToApply:
    """
    A plan, its site, and the secrets for applying it.

    Attributes:
        secrets: Values given with `-e`, and passwords; they are not in the plan.
    """

    site: installkit.AnySite
    plan: installkit.Plan
    secrets: Mapping[str, str] = attrs.field(factory=dict, repr=False)


variables_option = click.option(
    "-e",
    "--extra-vars",
    metavar="NAME=VALUE|@FILE|{…}",
    multiple=True,
    shell_complete=complete_parameters,
    help="Values for this plan only, as Ansible's -e.",
)


def _take_inventory_timeout(ctx: click.Context, param: click.Parameter, value: float | None) -> None:  # noqa: ARG001
    session = ctx.find_object(Session)
    if session is not None and value is not None:
        session.inventory_timeout = value


inventory_timeout_option = click.option(
    "--inventory-timeout",
    metavar="TIME",
    type=DURATION,
    callback=_take_inventory_timeout,
    expose_value=False,
    help="For Ansible to read the inventory, as 5m; 60s without it.  [env: INSTALLKIT_INVENTORY_TIMEOUT]",
)

secret_option = click.option(
    "--secret",
    "secret_names",
    metavar="NAME",
    multiple=True,
    help="A secret that no component declares: asked for at the start, or read from stdin, and kept nowhere.",
)


def request_options(command: Function) -> Function:
    """Give *command* the options of a request: keyword arguments, all of which it must pass to `make_plan`."""
    options = [
        *(
            click.option(
                f"--{action}",
                metavar="NAME[=VER]" if action in {"install", "upgrade"} else "NAME",
                multiple=True,
                shell_complete=complete_components,
            )
            for action in ACTIONS
        ),
        click.option("--all", is_flag=True, help="Install every component that is not installed yet."),
        click.option(
            "--exclude",
            metavar="NAME",
            multiple=True,
            shell_complete=complete_components,
            help="Leave it out of --all, or of a range.",
        ),
        click.option("-l", "--limit", metavar="PATTERN", help="Only these hosts, as Ansible's -l."),
        variables_option,
        secret_option,
        click.option("--batch", metavar="N|N%[,…]", help="So many hosts at a time, as Ansible's serial."),
        click.option("--purge", is_flag=True, help="With --uninstall: the data goes too."),
        click.option(
            "--force",
            metavar="NAME",
            multiple=True,
            shell_complete=complete_components,
            help="Carry it out although nothing changed.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return site_options(command)


def site_options(command: Function) -> Function:
    """Give *command* the options that name a site: the arguments `site`, `catalog` and `inventory`."""
    folder = click.Path(exists=True, file_okay=False)
    for option in (
        inventory_timeout_option,
        click.option("-i", "--inventory", metavar="PATH", type=click.Path(exists=True), help="As Ansible's -i."),
        click.option("-c", "--catalog", metavar="DIR", type=folder, help="The folder of playbooks."),
        click.option(
            "--site", metavar="SITE", shell_complete=complete_sites, help="The site; needed if there are several."
        ),
    ):
        command = option(command)
    return command


CONNECTION_OPTIONS = (
    click.option("-u", "--user", metavar="USER", help="As Ansible's -u: connect as this user."),
    click.option(
        "--private-key",
        "--key-file",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False),
        help="As Ansible's.",
    ),
    click.option("-b", "--become", is_flag=True, help="As Ansible's -b: become another user on the hosts."),
)
"""The options for how Ansible connects; `take_connection` reads them."""


def connection_options(command: Function) -> Function:
    """Give *command* the `CONNECTION_OPTIONS`."""
    for option in reversed(CONNECTION_OPTIONS):
        command = option(command)
    return command


def take_connection(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of *options* that say how Ansible connects, as `Site.start` and `Site.check` take them."""
    return {name: options[name] for name in ("user", "private_key", "become")}


def is_empty(options: Mapping[str, Any]) -> bool:
    """Return whether no option of a request was given, apart from `-e`."""
    return not any(value for name, value in options.items() if name != "extra_vars")


def make_plan(session: Session, options: Mapping[str, Any], passwords: Mapping[str, str]) -> PlanToApply:
    """
    Return the plan that the *options* of `request_options` ask for; *passwords* open vaults.

    Raises:
        click.UsageError: If they ask for nothing, or it is not clear for which site.
        InstallkitError: If no plan can be made.
    """
    request = {name: value for name, value in options.items() if value and name in _FIELDS}
    if not request.keys() & {*ACTIONS, "all", "force"}:
        raise click.UsageError(f"nothing is asked for; for example: {EXAMPLE}")
    parts = [part.strip() for part in options["batch"].split(",")] if options["batch"] else []
    batch = tuple(int(part) if part.isdecimal() else part for part in parts)
    # The secrets of `--secret` have no value yet: a plan keeps only their names.
    secrets = {**dict.fromkeys(options["secret_names"], ""), **passwords}
    with site_to_plan(session, options) as site:
        values = installkit.read_variables(options["extra_vars"], site.catalog())
        plan = site.plan(**request, batch=batch, parameters=values.open, secrets=secrets)
    return PlanToApply(site, plan, {**passwords, **values.secrets})


@contextmanager
def site_to_plan(session: Session, options: Mapping[str, Any]) -> Iterator[installkit.AnySite]:
    """
    Yield the site that the *options* of `site_options` name; what they do not say is chosen, and the choice is printed.

    A new site, for an inventory that no site has, is stored with its first plan; so is a new catalog of a known site.
    """
    names = {site.name for site in session.installer.sites()}
    site = session.survey(_find_site(session, options["site"], options["catalog"], options["inventory"]))
    now = site.snapshot()
    inventory, catalog = str(now.inventory.path), str(now.catalog)
    try:
        yield site
    except BaseException:
        if site.name not in names:
            command = session.command("site", "create", site.name, "-i", inventory, "-c", catalog)
            say(f"site {site.name} is not made, since there is no plan; to make it first: {command}")
        raise
    if site.name not in names:
        say(f"site {site.name} is new: inventory {inventory}, catalog {catalog}")


def _find_site(session: Session, name: str | None, catalog: str | None, inventory: str | None) -> installkit.AnySite:
    if session.service is not None:
        return _find_remote(session, name, catalog, inventory)
    installer = session.here
    sites = installer.sites()
    if name is None and inventory is None:
        if not sites:
            raise click.UsageError(f"{session.no_site()}: name a catalog and an inventory, for example: {EXAMPLE}")
        if len(sites) > 1:
            names = ", ".join(site.name for site in sites)
            raise click.UsageError(f"there are several sites ({names}): say which with --site")
        say(f"site {sites[0].name}: the only one")
        return installer.site(sites[0].name, catalog=catalog, keep=False)
    if name is None and inventory is not None and (site := installer.site_of_inventory(inventory)) is not None:
        path = site.snapshot().inventory.path
        if str(path) != os.path.abspath(inventory):  # noqa: PTH100 - as Ansible does: links stay
            say(f"site {site.name}: it has this inventory as {path}")
        return installer.site(site.name, catalog=catalog, keep=False)
    if inventory is None or name in {site.name for site in sites}:
        return installer.site(name or "", inventory=inventory, catalog=catalog, keep=False)
    return _new_site(session, name, catalog or ".", inventory)


def _new_site(session: Session, name: str | None, catalog: str, inventory: str) -> installkit.AnySite:
    if not name:
        name = installkit.site_name_for(inventory)
        if any(site.name == name for site in session.installer.sites()):
            stem = Path(inventory).stem
            raise installkit.PlanningError(
                f"a new site for {inventory} would be called {name!r}, and there is one with another inventory",
                remedy=f"give the new one a name, as --site {name}-{stem if stem.isalnum() else 2}",
            )
    components = installkit.load_catalog(catalog)  # if it is wrong, this raises before anything is stored
    if not len(components):
        raise click.UsageError(f"{'; '.join(components.warnings)}; or name another folder of playbooks with -c")
    return session.here.site(name, inventory=inventory, catalog=catalog, keep=False)


def _find_remote(session: Session, name: str | None, catalog: str | None, inventory: str | None) -> installkit.AnySite:
    """Return the site of a service that is called *name*, or its only one; a service reads its own files."""
    for option, path in (("-i", inventory), ("-c", catalog)):
        if path is not None:
            create = session.command("site", "create", "NAME", "--import", "FILE", "-c", "CATALOG")
            raise installkit.PlanningError(
                f"{option} {path} is of this machine, and the service reads its own files",
                remedy=f"name a site of the service with --site; to make one: {create}",
            )
    if name is not None:
        return session.installer.site(name)
    sites = session.installer.sites()
    if not sites:
        raise click.UsageError(session.no_site())
    if len(sites) > 1:
        names = ", ".join(site.name for site in sites)
        raise click.UsageError(f"there are several sites ({names}): say which with --site")
    say(f"site {sites[0].name}: the only one")
    return sites[0]


def read_plan(session: Session, text: str, options: Mapping[str, Any], passwords: Mapping[str, str]) -> PlanToApply:
    """
    Return the plan in the file *text*, as `plan -o` wrote it, or else with the id *text*.

    `-e` may only give the secrets that no plan holds.
    """
    if not is_empty(options):
        raise click.UsageError(f"{text} is a plan already: leave the options of a request out, or leave the plan out")
    path = Path(text)
    if path.is_file():
        try:
            plan = installkit.from_wire(installkit.Plan, json.loads(path.read_bytes()))
        except OSError as exc:
            raise click.UsageError(f"{path} cannot be read: {exc.strerror}") from exc
        except (ValueError, TypeError, RecursionError) as exc:
            issue = installkit.Issue(str(path), f"is not a plan: {exc}")
            raise installkit.DefinitionError([issue], remedy="write it with: installkit plan … -o FILE") from exc
    else:
        try:
            plan = session.installer.plan(text)
        except installkit.UnknownNameError as exc:
            raise click.UsageError(
                f"{text!r} is neither a plan's file nor its id; for a component: --install {text}"
            ) from exc
    site = session.survey(session.installer.site(plan.site))
    values = installkit.read_variables(options["extra_vars"], site.catalog())
    if values.open:
        names = ", ".join(values.open)
        raise click.UsageError(f"-e: {names} would change the plan; with a plan it can only give secrets")
    return PlanToApply(site, plan, {**passwords, **values.secrets})


def all_secrets(proposal: PlanToApply) -> dict[str, str]:
    """
    Return the secrets for the plan of *proposal*; those without a value are asked for on the terminal.

    Secrets of `--secret`, which no component declares, can also be read from stdin, one on each line.

    Raises:
        click.UsageError: If a value is missing and there is no terminal.
    """
    missing = [name for name in proposal.site.secrets.missing(proposal.plan) if name not in proposal.secrets]
    named = {name: ask_secret(name) for name in missing if name in proposal.plan.request.secrets}
    missing = [name for name in missing if name not in named]
    if missing and not sys.stdin.isatty():
        raise click.UsageError(
            f"{counted(len(missing), 'secret')} without a value: {', '.join(missing)}; give it with -e {missing[0]}=…,"
            f" or keep it: installkit site secret {proposal.site.name} {missing[0]}"
        )
    return {
        **proposal.secrets,
        **named,
        **{name: click.prompt(name, hide_input=True, err=True) for name in missing},
    }
