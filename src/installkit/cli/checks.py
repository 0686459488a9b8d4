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
from installkit.cli.session import Session, pass_session, say
from installkit.text import counted

HOSTS_SHOWN = 6

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

    Are they reached, is there space, are the ports free, and whatever the components' own check playbooks look at. PLAN
    is a file that `plan -o` wrote, or a plan's id; without it the options say what is wanted. The exit code is 1 if
    something fails.

    installkit check -c playbooks -i hosts.yml --install mysql
    installkit check upgrade.json
    installkit check --upgrade mysql --ignore-check host.memory='a test machine'
    """
    connection, passwords = take_connection(options), take_passwords(options)
    request = {name: value for name, value in options.items() if name not in connection}
    asked = make_plan(session, request, passwords) if plan is None else read_plan(session, plan, request, passwords)
    checks: tuple[installkit.Check, ...] = ()
    if any(step.action is installkit.Action.CHECK for step in asked.plan.steps):
        ignored = {"ignore_checks": read_ignored(ignore_check)}
        checks = _start(asked, all_secrets(asked), {**connection, **ignored}).wait_for_checks()
    if as_json:
        print_json(checks)
    elif checks:
        _print(checks)
    else:
        say(f"nothing to check: {asked.plan.summary}")
    if any(each.blocks for each in checks):
        raise click.exceptions.Exit(FAILED)


def read_ignored(texts: Iterable[str]) -> dict[str, str]:
    """
    Return why each check is ignored, by its name, from *texts* as `NAME=WHY`.

    Raises:
        click.UsageError: If one has no name or no reason; all are named.
    """
    pairs = [text.partition("=") for text in texts]
    if wrong := [repr(name + sign + why) for name, sign, why in pairs if not name.strip() or not why.strip()]:
        raise click.UsageError(f"--ignore-check takes NAME=WHY, not {', '.join(wrong)}")
    return {name.strip(): why.strip() for name, _, why in pairs}


def check_first(asked: PlanToApply, secrets: Mapping[str, str], start: Mapping[str, Any]) -> bool | str:
    """
    Check the hosts of a plan that is about to change some, show what was found, and return what its start takes as `checks`.

    Args:
        asked: The plan.
        secrets: For the checks and the start.
        start: The options that it will be started with.

    Raises:
        RefusedError: If a check fails that is not ignored.
    """
    if not any(step.action.changes_hosts for step in asked.plan.steps):
        return True
    options = {name: start[name] for name in (*_CONNECTION, "ignore_checks")}
    run = _start(asked, secrets, options)
    checks = run.wait_for_checks()
    show_findings(checks, err=True)
    others = {each.name for each in checks if each.status is not installkit.CheckStatus.PASS}
    say(f"{counted(len({each.name for each in checks} - others), 'check')} passed")
    if failed := [each for each in checks if each.blocks]:
        raise refused(failed)
    return run.id


def show_findings(checks: Iterable[installkit.Check], *, err: bool = False) -> None:
    """Print those of *checks* that did not pass, if there are any."""
    if found := [each for each in checks if each.status is not installkit.CheckStatus.PASS]:
        _print(found, err=err)


def _start(asked: PlanToApply, secrets: Mapping[str, str], options: Mapping[str, Any]) -> installkit.Run:
    hosts = {host for step in asked.plan.steps for host in step.hosts}
    say(f"checking the plan, then {counted(len(hosts), 'host')} …")
    return asked.site.start_check(asked.plan, secrets=secrets, **options)


def _print(checks: Iterable[installkit.Check], *, err: bool = False) -> None:
    columns = ("STATUS", "CHECK", "HOSTS", "MESSAGE", "REMEDY", "IGNORED")
    print_table(columns, (_row(each) for each in checks), err=err)


def _row(check: installkit.Check) -> tuple[str, ...]:
    ignored = f"{check.ignored.reason} ({check.ignored.by})" if check.ignored else ""
    more = len(check.hosts) - HOSTS_SHOWN
    hosts = ", ".join(check.hosts[:HOSTS_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return (check.status, check.name, hosts, check.message, check.remedy or "", ignored)


def refused(failed: Sequence[installkit.Check]) -> RefusedError:
    """Return the refusal of a start whose checks *failed*."""
    names = dict.fromkeys(each.name for each in failed)
    required = dict.fromkeys(each.name for each in failed if not each.ignorable)
    remedy = f"to go on all the same, say why: {shlex.join(installkit.ignore_options(failed))}"
    if required:
        remedy = f"fix {', '.join(required)}: without it nothing can be done"
    return RefusedError(f"{counted(len(names), 'check')} failed: {', '.join(names)}; nothing was changed", remedy)
