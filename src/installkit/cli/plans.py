"""`plan` and `apply`."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import click

import installkit
from installkit.cli.checks import check_first, ignore_option, read_ignored
from installkit.cli.commands import Command
from installkit.cli.completion import complete_files, complete_runs
from installkit.cli.endings import follow
from installkit.cli.errors import RefusedError
from installkit.cli.output import STYLES, console, make_table, print_json
from installkit.cli.param_types import DURATION, SIZE
from installkit.cli.passwords import password_options, take_passwords, vault_options
from installkit.cli.request import (
    CONNECTION_OPTIONS,
    Function,
    PlanToApply,
    all_secrets,
    make_plan,
    read_plan,
    request_options,
)
from installkit.cli.session import Session, pass_session, say, short
from installkit.text import join_names

_QUESTION = "Apply?"


@click.command(cls=Command)
@request_options
@vault_options
@click.option("-o", "--output", metavar="FILE", type=click.Path(dir_okay=False), help="Save the plan, to apply later.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.option("--graph", is_flag=True, help="Print its steps as a Mermaid flowchart.")
@pass_session
def plan(session: Session, /, output: str | None, *, as_json: bool, graph: bool, **options: Any) -> None:
    """
    Show what would be done, and change nothing.

    installkit plan -c playbooks -i hosts.yml --install mysql --install zk
    installkit plan --site acme --upgrade mysql=10.11.19 -o upgrade.json
    installkit plan --all -l db1 -e mysql_port=3307
    """
    asked = make_plan(session, options, take_passwords(options))
    for name in asked.secrets:
        say(f"{name} is a secret and not kept in the plan: give it again to apply")
    if output:
        _save(asked.plan, Path(output))
    if as_json:
        print_json(asked.plan)
    elif graph:
        click.echo(installkit.plan_graph(asked.plan))
    else:
        show_plan(asked.plan)
    _say_under_way(session, asked)
    if not (as_json or graph or asked.plan.empty):
        say(f"\nto carry it out: {session.command('apply', output or asked.plan.id)}")


def _say_under_way(session: Session, asked: PlanToApply) -> None:
    """Say that another run changes the site, if one does: its record changes, and this plan may be out of date soon."""
    lock = asked.site.snapshot().lock
    if lock is not None and lock.run != asked.plan.id:
        run = short(lock.run)
        watch = session.command("watch", run)
        say(f"run {run} is under way: its unfinished work may appear here as repair; plan again at its end: {watch}")


def _save(made: installkit.Plan, path: Path) -> None:
    try:
        path.write_text(json.dumps(installkit.to_wire(made), indent=1) + "\n", encoding="utf-8")
    except OSError as exc:
        raise click.UsageError(f"the plan cannot be written to {path}: {exc.strerror}") from exc


def show_plan(made: installkit.Plan, *, err: bool = False) -> None:
    """Print *made* as a table as wide as the terminal, with its summary, where it waits, and warnings."""
    rows: dict[tuple[str, str, str, str], list[str]] = {}
    for change in made.changes:
        risk = "destructive" if change.destructive else "disruptive" if change.disruptive else ""
        why = "" if change.action is None else change.reason
        rows.setdefault((change.component, change.text, why, risk), []).append(change.host)
    cells = [(key[0], join_names(hosts), *key[1:]) for key, hosts in rows.items()]
    out = console(err=err)
    if cells:
        out.print(make_table(("COMPONENT", "HOSTS", "CHANGE", "WHY", "RISK"), cells))
        out.print()
    out.print(made.summary, style="bold")
    for wait in made.waits:
        out.print(wait, style=STYLES["waiting"])
    for warning in made.warnings:
        out.print(f"warning: {warning}", style="yellow")


def start_options(command: Function) -> Function:
    """
    Give *command* the options of starting a plan; they reach it as keyword arguments.

    Those for passwords are for `take_passwords`, all others for `carry_out`.
    """
    for option in reversed(_START_OPTIONS):
        command = option(command)
    return password_options(command)


def _checked(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    for problem in installkit.option_problems({str(param.name): value}).values():
        raise click.BadParameter(f"it {problem}", ctx, param)
    return value


_START_OPTIONS = (
    click.option("-y", "--yes", is_flag=True, help="Do not ask."),
    click.option("--allow-destructive", is_flag=True, help="Allow what destroys data."),
    click.option("-d", "--detach", is_flag=True, help="Start it, print its id, and return."),
    click.option("-j", "--jobs", metavar="N", type=int, callback=_checked, help="At most so many steps at once."),
    click.option("--note", metavar="TEXT", default="", callback=_checked, help="What you want to remember of it."),
    ignore_option,
    click.option("--skip-checks", is_flag=True, help="Skip installkit's own checks; those of components are made."),
    click.option(
        "--checked",
        metavar="RUN",
        shell_complete=complete_runs,
        help="Take the checks of this run, if it is less than 10 minutes old.",
    ),
    click.option(
        "--timeout", metavar="TIME", type=DURATION, callback=_checked, help="For the whole run, as 90s, 30m or 2h."
    ),
    click.option(
        "--log-limit", metavar="SIZE", type=SIZE, default="1G", show_default=True, help="For each step's log."
    ),
    click.option("--keep-facts", is_flag=True, help="Keep the facts that are gathered; they may hold what is private."),
    click.option("--check", is_flag=True, help="As Ansible's --check: nothing is changed, and not verified."),
    click.option("--diff", is_flag=True, help="As Ansible's --diff."),
    *CONNECTION_OPTIONS,
    click.option("-v", "--verbose", "verbosity", count=True, callback=_checked, help="As Ansible's -v."),
    click.option(
        "--json", "as_json", is_flag=True, help="Print the run as JSON at its end; null where there is nothing to do."
    ),
)


def _names_of(options: Iterable[Callable[[Function], Function]]) -> tuple[str, ...]:
    """Return the names of the keyword arguments that *options* give a command."""

    def _probe() -> None: ...

    for option in options:
        option(_probe)  # type: ignore[arg-type]  # any function will do
    return tuple(param.name for param in _probe.__click_params__)  # type: ignore[attr-defined]  # click's mark


_START_NAMES = _names_of(_START_OPTIONS)


@click.command(cls=Command)
@click.argument("plan", metavar="[PLAN]", required=False, shell_complete=complete_files)
@request_options
@start_options
@pass_session
def apply(session: Session, /, plan: str | None, **options: Any) -> None:
    """
    Show a plan, check its hosts, ask, and carry it out.

    PLAN is a file that `plan -o` wrote, or a plan's id; without it the options say what to plan. Ctrl-C leaves the
    run alone: it goes on, and `installkit watch` shows it again.

    installkit apply -c playbooks -i hosts.yml --install mysql
    installkit apply upgrade.json --yes --detach
    installkit apply --upgrade mysql=10.11.19 --batch 1 --note 'ticket 4711'
    """
    start = {name: options.pop(name) for name in _START_NAMES}
    passwords = take_passwords(options)
    asked = make_plan(session, options, passwords) if plan is None else read_plan(session, plan, options, passwords)
    carry_out(session, asked, start)


def carry_out(session: Session, asked: PlanToApply, options: Mapping[str, Any]) -> None:
    """
    Show the plan of *asked*, check its hosts, ask, start it with *options*, and follow it to its end.

    Args:
        session: Of this command.
        asked: The plan, and what goes with it.
        options: Those of `start_options`.

    Raises:
        RefusedError: If a check fails, or the answer is no.
        DestructivePlanError: If it destroys data and that is not allowed.
        click.exceptions.Exit: If it did not succeed.
    """
    show_plan(asked.plan, err=True)
    _say_under_way(session, asked)
    if asked.plan.empty:
        if options["as_json"]:
            print_json(None)
        return
    start: dict[str, Any] = {
        **{name: options[name] for name in attrs.fields_dict(installkit.RunOptions) if name in options},
        "check_mode": options["check"],
        "checks": _wanted_checks(session, options["checked"], skip=options["skip_checks"]),
        "ignore_checks": read_ignored(options["ignore_check"]),
    }
    known = None if options["check"] else asked.site.started(asked.plan, **start)
    if known is not None:
        say("this plan was applied before; this is its run")
        follow(session, known, as_json=options["as_json"])
        return
    refuse_unasked(_QUESTION, yes=options["yes"])
    secrets = all_secrets(asked)
    if not options["yes"] and start["checks"] is True and not options["check"]:
        start["checks"] = check_first(asked, secrets, start)
    confirm(_QUESTION, yes=options["yes"])
    run = asked.site.start(asked.plan, secrets=secrets, **start)
    if options["detach"]:
        click.echo(run.id)
        say(f"started; to watch it: {session.command('watch', short(run.id))}")
    else:
        follow(session, run, as_json=options["as_json"])


def _wanted_checks(session: Session, checked: str | None, *, skip: bool) -> bool | str:
    """Return what `Site.start` takes as `checks`; *checked* names a run as everywhere."""
    if checked is None:
        return not skip
    if skip:
        raise click.UsageError("--checked takes checks and --skip-checks leaves them out: give one of them")
    return session.installer.run(checked).id


def refuse_unasked(question: str, *, yes: bool) -> None:
    """Raise `RefusedError` where *question* is due, since *yes* does not answer it, and there is nobody to ask."""
    if not yes and not sys.stdin.isatty():
        raise RefusedError(f"{question} Nobody can be asked: stdin is not a terminal", "to go ahead, add --yes")


def confirm(question: str, *, yes: bool) -> None:
    """
    Ask *question* on the terminal, unless *yes* answers it.

    Raises:
        RefusedError: If the answer is no, or there is nobody to ask.
    """
    refuse_unasked(question, yes=yes)
    if not yes and not click.confirm(question, err=True):
        raise RefusedError("canceled; nothing was changed", "answer y to go ahead")
