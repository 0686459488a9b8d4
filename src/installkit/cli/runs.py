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
"""Keys of a run that a list of runs does not have."""

NAMES_SHOWN = 8
"""If more hosts of a step have the same status, only their number is shown."""


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
    snapshots = [run.snapshot(settle=False) for run in session.installer.runs(site=site, status=status, limit=limit)]
    if as_json:
        wire = [installkit.to_wire(run) for run in snapshots]
        print_json([{key: value for key, value in run.items() if key not in OMITTED} for run in wire])
    elif not snapshots:
        say("no runs" if site or status else f"no runs yet in {session.place}")
    else:
        rows = (
            (
                short(run.id),
                run.site,
                f"{run.status.value} elsewhere" if run.carried_elsewhere else run.status,
                time_text(run.created_at),
                duration_text(run.duration),
                f"{run.progress.done}/{run.progress.total}",
                run.requested_by,
                run.note,
            )
            for run in snapshots
        )
        print_table(("RUN", "SITE", "STATUS", "STARTED", "TOOK", "STEPS", "BY", "NOTE"), rows)
        for run in snapshots:
            _say_waiting(session, run)
            _say_elsewhere(session, run)


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
    target = session.installer.run(run)
    now = target.snapshot()
    if as_json:
        print_json(now)
        return
    out = console()
    where = f", carried elsewhere ({now.carried_elsewhere})" if now.carried_elsewhere else ""
    out.print(f"run {now.id} on {now.site}: {now.status.value}{where}" + (f" ({now.reason})" if now.reason else ""))
    took = f", took {duration_text(now.duration)}" if now.duration is not None else ""
    out.print(f"started {time_text(now.created_at)} by {now.requested_by}{took}")
    for line in ([f"note: {now.note}"] if now.note else []) + remarks(target):
        out.print(line)
    out.print()
    print_table(("STEP", "STATUS", "TOOK", "HOSTS"), (_step_row(step) for step in now.steps))
    show_findings(target.checks)
    show_failures(console(), now)
    only_checked = all(step.action is installkit.Action.CHECK for step in now.steps)
    if now.status.final and now.status is not installkit.RunStatus.SUCCEEDED and not only_checked:
        say("\n" + "\n".join(f"{purpose}: {command}" for purpose, command in next_commands(session, target).items()))
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


def _step_row(step: installkit.StepSnapshot) -> tuple[str, ...]:
    by_status: dict[str, list[str]] = {}
    for host, status in step.host_statuses.items():
        by_status.setdefault(status.value, []).append(host)
    hosts = "; ".join(
        f"{status}: {', '.join(names) if len(names) <= NAMES_SHOWN else counted(len(names), 'host')}"
        for status, names in by_status.items()
    )
    return (step.id, step.status, duration_text(step.duration), hosts)


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
    target = session.installer.run(run)
    _say_elsewhere(session, target.snapshot())
    follow(session, target)


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_live_runs)
@pass_session
def approve(session: Session, run: str) -> None:
    """
    Approve what a run has done so far, so that it goes on.

    RUN is an id, the beginning of one, or `last`.

    installkit approve last
    installkit approve 7f3c
    """
    target = session.installer.run(run)
    waiting = [step.text for step in target.steps if step.status is installkit.StepStatus.WAITING]
    target.approve()
    say(f"run {short(target.id)} goes on: {'; '.join(waiting)}")
    say(f"to watch it: {session.command('watch', short(target.id))}")


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
    target = session.installer.run(run)
    status = target.status
    if status.final:
        say(f"run {short(target.id)} has ended already: {status.value}")
        return
    target.cancel(now=now)
    how = "its running steps are stopped" if now else "its running steps may end, no other starts"
    say(f"run {short(target.id)} is asked to stop: {how}; to watch it: {session.command('watch', short(target.id))}")
