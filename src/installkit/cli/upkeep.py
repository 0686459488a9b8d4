"""`doctor`, `report`, `adopt`, `reindex` and `prune`."""

from pathlib import Path

import click

import installkit
from installkit.cli.commands import Command
from installkit.cli.completion import complete_live_runs, complete_runs
from installkit.cli.output import print_json, print_table
from installkit.cli.param_types import DURATION
from installkit.cli.session import Session, pass_session, say, short
from installkit.text import counted, size_text


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_live_runs)
@pass_session
def adopt(session: Session, run: str) -> None:
    """
    Take over a run whose journal was copied or restored here; you confirm that nobody carries it out any more.

    RUN is an id, the beginning of one, or `last`. A run that has not ended becomes `interrupted`; one that has ended
    stays as it is. Hosts are not changed.

    installkit adopt 7f3c
    installkit adopt 7f3c && installkit resume 7f3c
    """
    target = session.here.adopt(run)
    now = target.snapshot()
    say(f"run {short(now.id)} is carried here from now on: {now.status.value}")
    if now.status is installkit.RunStatus.INTERRUPTED:
        say(f"to go on: {session.command('resume', short(now.id))}")


@click.command(cls=Command)
@pass_session
def reindex(session: Session) -> None:
    """
    Rebuild the database's index of runs, events and installations from the runs' journals.

    What people entered (sites, parameters, secrets, plans) stays. A database that is damaged is set aside first; runs
    go on meanwhile.

    installkit reindex
    installkit --data-dir /srv/installkit reindex
    """
    try:
        state = session.here.check_database()
    except installkit.StoreError as exc:
        state = str(exc)
    if state != "ok":
        session.forget()
        aside = installkit.recover_database(_data_directory(session))
        say(f"the database is damaged: {state.partition(chr(10))[0]}")
        say(f"it is set aside as {aside}; its last backup and the runs' journals take its place")
    installer = session.here
    say("reading the runs' journals …")
    say(f"{counted(installer.reindex(), 'run')} indexed")


def _data_directory(session: Session) -> Path:
    return Path(session.data or installkit.default_data_directory()).expanduser().absolute()


@click.command(cls=Command)
@click.option("--older-than", metavar="TIME", type=DURATION, help="Only runs that ended so long ago, as 30d.")
@click.option("--keep", metavar="N", type=click.IntRange(min=0), help="Keep the newest N ended runs whole.")
@click.option("--dry-run", is_flag=True, help="Only say what would be freed.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@pass_session
def prune(session: Session, older_than: float | None, keep: int | None, *, dry_run: bool, as_json: bool) -> None:
    """
    Free the space that events and logs of old runs take.

    What each run was and how it ended stays, and so does the record of what is installed. A run that has not ended is
    never touched.

    installkit prune --older-than 90d --keep 20 --dry-run
    installkit prune --keep 50
    """
    if older_than is None and keep is None:
        raise click.UsageError("say which runs: --older-than TIME, --keep N, or both")
    freed = session.here.prune(older_than=older_than, keep=keep or 0, dry_run=dry_run)
    if as_json:
        print_json([{"run": run, "bytes": size} for run, size in freed])
    elif freed:
        print_table(("RUN", "FREED"), ((short(run), size_text(size)) for run, size in freed))
    verb = "would be freed" if dry_run else "freed"
    say(f"{size_text(sum(size for _, size in freed))} {verb} of {counted(len(freed), 'run')}")


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@pass_session
def doctor(session: Session, *, as_json: bool) -> None:
    """
    Check this machine and the data directory; the exit code is 1 if something is broken.

    With --service it shows what the service found when it started.

    installkit doctor
    installkit doctor --json
    """
    findings = _examined(session) if session.service is None else session.installer.doctor()
    if as_json:
        print_json(findings)
    else:
        rows = []
        for item in findings:
            remedy = item.remedy
            if isinstance(remedy, installkit.Remedy):
                remedy = remedy.as_command(session.command)
            rows.append((item.status, item.name, item.message, remedy))
        print_table(("", "CHECK", "FOUND", "WHAT TO DO"), rows)
    if any(item.status is installkit.FindingStatus.FAIL for item in findings):
        raise click.exceptions.Exit(1)


def _examined(session: Session) -> tuple[installkit.Finding, ...]:
    return installkit.examine(
        _data_directory(session),
        lambda: _installer(session).check_database(),
        lambda: _installer(session).check_secrets(),
        lambda: [site.snapshot().catalog for site in _installer(session).sites()],
    )


def _installer(session: Session) -> installkit.Installer:
    if session.here.obstacle is not None:
        raise session.here.obstacle
    return session.here


@click.command(cls=Command)
@click.argument("run", shell_complete=complete_runs)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="The zip file; by default installkit-report-RUN.zip here.",
)
@pass_session
def report(session: Session, run: str, output: str | None) -> None:
    """
    Write a zip file with what others need to help: plan, events, logs, result, versions, and what the doctor finds.

    RUN is an id, the beginning of one, or `last`. Secrets are not in it; host names, addresses and paths are.

    installkit report last -o report.zip
    installkit report 7f3c
    """
    target = session.installer.run(run)
    path = output or f"installkit-report-{target.id}.zip"
    target.report(path)
    say(f"{path} is written: look at it before you send it")
