"""`check`, and the checks before a plan is carried out."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

import installkit
from installkit.cli.commands import Command
from installkit.cli.completion import complete_files
from installkit.cli.errors import FAILED, RefusedError
from installkit.cli.output import print_json, print_table
from installkit.cli.passwords import password_options, take_passwords
from installkit.cli.request import (
    PlanToApply,
    all_secrets,
    connection_options,
    make_plan,
    read_plan,
    request_options,
    take_connection,
)
from installkit.cli.session import Session, pass_session, say, short
from installkit.text import counted, join_names

_CONNECTION = ("user", "private_key", "become")

ignore_option = click.option(
    "--ignore-check",
    metavar="NAME=WHY",
    multiple=True,
    help="Go on although the check NAME fails; the reason is recorded.",
)


@click.command(cls=Command)
@click.argument("plan", metavar="[PLAN]", required=False, shell_complete=complete_files)
@request_options
@ignore_option
@connection_options
@password_options
@click.option("--json", "as_json", is_flag=True, help="Print the checks as a JSON array.")
@pass_session
def check(
    session: Session, /, plan: str | None, *, ignore_check: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """
    Check the hosts of a plan, and change nothing.

    Can they be reached, is there space, are the ports free? The components' own check playbooks are carried out, too.
    PLAN is a file that `plan -o` wrote, or a plan's id; without it the options say what to plan. The exit code is 1 if
    something fails.

    installkit check -c playbooks -i hosts.yml --install mysql
    installkit check upgrade.json
    installkit check --upgrade mysql --ignore-check host.memory='a test machine'
    """
    connection, passwords = take_connection(options), take_passwords(options)
    request = {name: value for name, value in options.items() if name not in connection}
    proposal = make_plan(session, request, passwords) if plan is None else read_plan(session, plan, request, passwords)
    checks: tuple[installkit.Check, ...] = ()
    if any(step.action is installkit.Action.CHECK for step in proposal.plan.steps):
        ignored = read_ignored(ignore_check)
        run = _start(proposal, all_secrets(proposal), {**connection, "ignore_checks": ignored})
        checks = run.wait_for_checks()
    if as_json:
        print_json(checks)
    elif checks:
        _print(checks)
    else:
        say(f"nothing to check: {proposal.plan.summary}")
    if any(check.blocks for check in checks):
        raise click.exceptions.Exit(FAILED)
    changes = any(step.action.changes_hosts for step in proposal.plan.steps)
    if checks and changes and not as_json and not any(connection.values()):
        again = [part for text in ignore_check for part in ("--ignore-check", text)]
        apply = session.command("apply", plan or proposal.plan.id, "--checked", short(run.id), *again)
        say(f"to apply the plan with these checks, within 10 minutes: {apply}")


def read_ignored(texts: Iterable[str]) -> dict[str, str]:
    """
    Return the reasons for ignoring checks by the names of the checks, from *texts* as `NAME=WHY`.

    Raises:
        click.UsageError: If a text has no name or no reason; the message lists all of these.
    """
    pairs = [text.partition("=") for text in texts]
    if wrong := [repr(name + sign + why) for name, sign, why in pairs if not name.strip() or not why.strip()]:
        raise click.UsageError(f"--ignore-check takes NAME=WHY, not {', '.join(wrong)}")
    return {name.strip(): why.strip() for name, _, why in pairs}


def check_first(proposal: PlanToApply, secrets: Mapping[str, str], start: Mapping[str, Any]) -> bool | str:
    """
    Check the hosts of a plan before it changes some, show the findings, and return the argument `checks` for its start.

    Args:
        proposal: The plan, its site and its secrets.
        secrets: The secrets for the checks and the start.
        start: The options for the start.

    Raises:
        RefusedError: If a check fails and is not ignored.
    """
    if not any(step.action.changes_hosts for step in proposal.plan.steps):
        return True
    options = {name: start[name] for name in (*_CONNECTION, "ignore_checks")}
    run = _start(proposal, secrets, options)
    checks = run.wait_for_checks()
    show_findings(checks, err=True)
    others = {check.name for check in checks if check.status is not installkit.CheckStatus.PASS}
    say(f"{counted(len({check.name for check in checks} - others), 'check')} passed")
    if failed := [check for check in checks if check.blocks]:
        raise refused(failed)
    return run.id


def show_findings(checks: Iterable[installkit.Check], *, err: bool = False) -> None:
    """Print those of *checks* that did not pass, if there are any."""
    if findings := [check for check in checks if check.status is not installkit.CheckStatus.PASS]:
        _print(findings, err=err)


def _start(proposal: PlanToApply, secrets: Mapping[str, str], options: Mapping[str, Any]) -> installkit.AnyRun:
    hosts = {host for step in proposal.plan.steps for host in step.hosts}
    say(f"checking the plan, then {counted(len(hosts), 'host')} …")
    return proposal.site.start_check(proposal.plan, secrets=secrets, **options)


def _print(checks: Iterable[installkit.Check], *, err: bool = False) -> None:
    rows = []
    for check in checks:
        ignored = f"{check.ignored.reason} ({check.ignored.by})" if check.ignored else ""
        rows.append((check.status, check.name, join_names(check.hosts), check.message, check.remedy, ignored))
    print_table(("STATUS", "CHECK", "HOSTS", "MESSAGE", "REMEDY", "IGNORED"), rows, err=err)


def refused(failed: Sequence[installkit.Check]) -> RefusedError:
    """Return the error for a start that is refused because the checks *failed* did not pass."""
    names = dict.fromkeys(check.name for check in failed)
    required = dict.fromkeys(check.name for check in failed if not check.ignorable)
    remedy = f"to go on all the same, say why: {shlex.join(installkit.ignore_options(failed))}"
    if required:
        remedy = f"fix {', '.join(required)}: without it nothing can be done"
    return RefusedError(f"{counted(len(names), 'check')} failed: {', '.join(names)}; nothing was changed", remedy)
