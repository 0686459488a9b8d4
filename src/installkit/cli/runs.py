"""`runs`, `show`, `watch`, `approve` and `cancel`."""

import click

import installkit
from installkit.cli.checks import show_findings
from installkit.cli.commands import Command
from installkit.cli.completion import complete_live_runs, complete_runs, complete_sites
from installkit.cli.endings import follow, next_commands, remarks, show_failures
from installkit.cli.output import console, print_json, print_table
from installkit.cli.session import Session, pass_session, say, short
from installkit.text import counted, duration_text, time_text

OMITTED = ("steps", "failures")
"""What a list of runs leaves out."""


@click.command(cls=Command)
@click.option("--site", metavar="SITE", shell_complete=complete_sites, help="Only this site's.")
@click.option("--status", type=click.Choice([status.value for status in installkit.RunStatus]), help="Only those.")
@click.option("-n", "--limit", metavar="N", type=click.IntRange(1, 1_000_000), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@pass_session
def runs(session: Session, site: str | None, status: str | None, limit: int, *, as_json: bool) -> None:
    """
    List the runs, newest first.

    installkit runs --site acme --status failed
    installkit runs
    installkit runs -n 100 --json
    """
    if site is not None:
        session.installer.site(site)
    found = [run.snapshot(settle=False) for run in session.installer.runs(site=site, status=status, limit=limit)]
    if as_json:
        wire = [installkit.to_wire(each) for each in found]
        print_json([{key: value for key, value in each.items() if key not in OMITTED} for each in wire])
    elif not found:
        say("no runs" if site or status else f"no runs yet in {session.installer.folders.data}")
    else:
        columns = ("RUN", "SITE", "STATUS", "STARTED", "TOOK", "STEPS", "BY", "NOTE")
        print_table(columns, (_row(each) for each in found))
        for each in found:
            _say_waiting(session, each)
            _say_elsewhere(session, each)


def _row(run: installkit.RunSnapshot) -> tuple[str, ...]:
    steps = f"{run.progress.done}/{run.progress.total}"
    took = duration_text(run.duration)
    status = f"{run.status.value} elsewhere" if run.carried_elsewhere else run.status
    return (short(run.id), run.site, status, time_text(run.created_at), took, steps, run.requested_by, run.note)


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_runs)
@click.option("--json", "as_json", is_flag=True, help="Print the run as JSON.")
@pass_session
def show(session: Session, run: str, *, as_json: bool) -> None:
    """
    Show one run: its steps, how their hosts fared, and its failures.

    RUN is an id, the beginning of one, or `last`.

    installkit show last
    installkit show 7f3c --json
    """
    found = session.installer.run(run)
    now = found.snapshot()
    if as_json:
        print_json(now)
        return
    _show_facts(found, now)
    print_table(("STEP", "STATUS", "TOOK", "HOSTS"), (_step_row(step) for step in now.steps))
    show_findings(found.checks)
    show_failures(console(), now)
    only_checked = all(step.action is installkit.Action.CHECK for step in now.steps)
    if now.status.final and now.status is not installkit.RunStatus.SUCCEEDED and not only_checked:
        say("\n" + "\n".join(f"{purpose}: {command}" for purpose, command in next_commands(session, found).items()))
    elif now.carried_elsewhere:
        _say_elsewhere(session, now)
    elif not now.status.final:
        say(f"\nto watch it: {session.command('watch', short(now.id))}")
        _say_waiting(session, now)


def _say_elsewhere(session: Session, now: installkit.RunSnapshot) -> None:
    if now.carried_elsewhere:
        run = short(now.id)
        say(
            f"run {run} is carried elsewhere ({now.carried_elsewhere}): its end is not known here;"
            f" to take it over, as interrupted: {session.command('adopt', run)}"
        )


def _say_waiting(session: Session, now: installkit.RunSnapshot) -> None:
    if now.carried_elsewhere is None and any(step.status is installkit.StepStatus.WAITING for step in now.steps):
        say(f"waiting for approval: {session.command('approve', short(now.id))}")


def _show_facts(run: installkit.Run, now: installkit.RunSnapshot) -> None:
    out = console()
    where = f", carried elsewhere ({now.carried_elsewhere})" if now.carried_elsewhere else ""
    out.print(f"run {now.id} on {now.site}: {now.status.value}{where}" + (f" ({now.reason})" if now.reason else ""))
    took = f", took {duration_text(now.duration)}" if now.duration is not None else ""
    out.print(f"started {time_text(now.created_at)} by {now.requested_by}{took}")
    if now.note:
        out.print(f"note: {now.note}")
    for line in remarks(run):
        out.print(line)
    out.print()


def _step_row(step: installkit.StepSnapshot) -> tuple[str, ...]:
    by_status: dict[str, list[str]] = {}
    for host, status in step.host_statuses.items():
        by_status.setdefault(status.value, []).append(host)
    hosts = "; ".join(f"{status}: {_names(names)}" for status, names in by_status.items())
    return (step.id, step.status, duration_text(step.duration), hosts)


def _names(hosts: list[str]) -> str:
    return ", ".join(hosts) if len(hosts) <= 8 else counted(len(hosts), "host")  # noqa: PLR2004 - a line holds them


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_runs)
@pass_session
def watch(session: Session, run: str) -> None:
    """
    Watch a run until it ends, from its beginning; Ctrl-C leaves it alone.

    RUN is an id, the beginning of one, or `last`. The exit code is 0 if it succeeded, 3 if it failed at
    its checks, else 1.

    installkit watch last
    installkit watch 7f3c && installkit status
    """
    found = session.installer.run(run)
    _say_elsewhere(session, found.snapshot())
    follow(session, found)


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_live_runs)
@pass_session
def approve(session: Session, run: str) -> None:
    """
    Let a run go on that waits for an approval of what it has done so far.

    RUN is an id, the beginning of one, or `last`.

    installkit approve last
    installkit approve 7f3c
    """
    found = session.installer.run(run)
    waiting = [step.text for step in found.steps if step.status is installkit.StepStatus.WAITING]
    found.approve()
    say(f"run {short(found.id)} goes on: {'; '.join(waiting)}")
    say(f"to watch it: {session.command('watch', short(found.id))}")


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_live_runs)
@click.option("--now", is_flag=True, help="Stop the running steps too, in the middle of what they do.")
@pass_session
def cancel(session: Session, run: str, *, now: bool) -> None:
    """
    Ask a run to stop: running steps may end, no other starts.

    RUN is an id, the beginning of one, or `last`.

    installkit cancel last --now
    installkit cancel 7f3c
    """
    found = session.installer.run(run)
    status = found.status
    if status.final:
        say(f"run {short(found.id)} has ended already: {status.value}")
        return
    found.cancel(now=now)
    how = "its running steps are stopped" if now else "its running steps may end, no other starts"
    say(f"run {short(found.id)} is asked to stop: {how}; to watch it: {session.command('watch', short(found.id))}")
