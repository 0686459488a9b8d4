"""`plans`: the plans that were made, applied or not."""

import click

from installkit.cli.commands import Group
from installkit.cli.completion import complete_plans, complete_sites
from installkit.cli.output import print_json, print_table
from installkit.cli.session import Session, pass_session, say
from installkit.text import counted, time_text


@click.group(cls=Group, invoke_without_command=True)
@click.option("--site", metavar="SITE", shell_complete=complete_sites, help="Only this site's.")
@click.option("--component", metavar="NAME", help="Only those for this component.")
@click.option("-n", "--limit", metavar="N", type=click.IntRange(1, 1_000_000), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of whole plans.")
@click.pass_context
def plans(ctx: click.Context, /, site: str | None, component: str | None, limit: int, *, as_json: bool) -> None:
    """
    List the plans that were made, newest first; delete some.

    installkit plans --site acme
    installkit plans --component mysql --json
    installkit plans delete 7f3c91d0a2b4
    """
    if ctx.invoked_subcommand is not None:
        return
    session = ctx.ensure_object(Session)
    if site is not None:
        session.installer.site(site)
    found = session.installer.plans(site, limit=limit, component=component)
    if as_json:
        print_json(found)
    elif not found:
        say("no plans" if site or component else f"no plans yet in {session.place}")
    else:
        applied = session.installer.list_runs(site=site, since=min(made.created_at for made in found))
        statuses = {run.id: run.status.value for run in applied}  # a run has its plan's id
        rows = [
            (made.id, made.site, time_text(made.created_at), made.summary, statuses.get(made.id, "not applied"))
            for made in found
        ]
        print_table(("PLAN", "SITE", "MADE", "WHAT", "RUN"), rows)


@plans.command()
@click.argument("plan", metavar="PLAN...", nargs=-1, required=True, shell_complete=complete_plans)
@pass_session
def delete(session: Session, /, plan: tuple[str, ...]) -> None:
    """
    Delete plans; a run that applied one stays, and keeps its own copy of it.

    installkit plans delete 7f3c91d0a2b4
    installkit plans delete 7f3c91d0a2b4 91d07f3ca2b4
    """
    for name in plan:
        session.installer.plan(name)  # all are known before one is gone
    for name in plan:
        session.installer.delete_plan(name)
    say(f"{counted(len(plan), 'plan')} deleted")
