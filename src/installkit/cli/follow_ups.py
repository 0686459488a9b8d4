"""`resume`, `rollback`, `record` and `forget`: what follows a run, and what changes only the record."""

from collections.abc import Mapping
from typing import Any

import click

import installkit
from installkit.cli.commands import Command
from installkit.cli.completion import complete_components, complete_runs
from installkit.cli.passwords import take_passwords
from installkit.cli.plans import carry_out, start_options
from installkit.cli.request import PlanToApply, inventory_timeout_option, site_options, site_to_plan, variables_option
from installkit.cli.session import Session, pass_session


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_runs)
@click.option("--failed-hosts", is_flag=True, help="Only the hosts that failed or could not be reached.")
@variables_option
@inventory_timeout_option
@start_options
@pass_session
def resume(session: Session, /, run: str, *, failed_hosts: bool, extra_vars: tuple[str, ...], **start: Any) -> None:
    """
    Go on with a run: what is proved stays, the rest is planned again with today's playbooks.

    installkit resume last
    installkit resume 7f3c --failed-hosts
    installkit resume last --yes --detach
    """
    old = session.installer.run(run)
    site = session.survey(session.installer.site(old.site))
    passwords, values = take_passwords(start), installkit.read_variables(extra_vars, site.catalog())
    plan = site.plan(resume=old, failed_hosts_only=failed_hosts, parameters=values.open, secrets=passwords)
    carry_out(session, PlanToApply(site, plan, {**passwords, **values.secrets}), start)


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_runs)
@click.option("-l", "--limit", metavar="PATTERN", help="Only these hosts, as Ansible's -l.")
@variables_option
@inventory_timeout_option
@start_options
@pass_session
def rollback(session: Session, /, run: str, *, limit: str | None, extra_vars: tuple[str, ...], **start: Any) -> None:
    """
    Undo a run, host by host, to the versions before it.

    installkit rollback last
    installkit rollback 7f3c -l db2 --yes
    """
    old = session.installer.run(run)
    site = session.survey(session.installer.site(old.site))
    passwords, values = take_passwords(start), installkit.read_variables(extra_vars, site.catalog())
    plan = site.plan(rollback=old, limit=limit, parameters=values.open, secrets=passwords)
    carry_out(session, PlanToApply(site, plan, {**passwords, **values.secrets}), start)


@click.command(cls=Command)
@click.argument("components", metavar="NAME[=VER]...", nargs=-1, required=True, shell_complete=complete_components)
@site_options
@click.option("-l", "--limit", metavar="PATTERN", help="Only these hosts, as Ansible's -l.")
@variables_option
@start_options
@pass_session
def record(session: Session, /, components: tuple[str, ...], *, limit: str | None, **options: Any) -> None:
    """
    Record what is already there, without installing it; if the component has a verify playbook, it must pass.

    installkit record mysql=10.11.18 -l db
    installkit record zk portal=2.4 --site acme
    """
    _change_record(session, {"record": components, "limit": limit}, options)


@click.command(cls=Command)
@click.argument("components", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_components)
@site_options
@click.option("-l", "--limit", metavar="PATTERN", help="Only these hosts, as Ansible's -l.")
@start_options
@pass_session
def forget(session: Session, /, components: tuple[str, ...], *, limit: str | None, **options: Any) -> None:
    """
    Take components out of the record, and leave the hosts as they are.

    installkit forget mysql -l db2
    installkit forget zk portal --site acme --yes
    """
    _change_record(session, {"forget": components, "limit": limit}, options)


def _change_record(session: Session, request: Mapping[str, Any], options: dict[str, Any]) -> None:
    passwords = take_passwords(options)
    with site_to_plan(session, options) as site:
        values = installkit.read_variables(options.get("extra_vars", ()), site.catalog())
        plan = site.plan(**request, parameters=values.open, secrets=passwords)
    carry_out(session, PlanToApply(site, plan, {**passwords, **values.secrets}), options)
