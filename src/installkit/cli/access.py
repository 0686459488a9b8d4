"""`token`, `webhooks` and `audit`: who may use the HTTP service, whom it tells, and who changed what."""

from datetime import UTC, datetime, timedelta

import click

import installkit
from installkit.cli.commands import Command, Group
from installkit.cli.output import print_json, print_table
from installkit.cli.param_types import DURATION
from installkit.cli.session import Session, pass_session, say
from installkit.text import time_text


@click.group(cls=Group)
def token() -> None:
    """
    Tokens: who may use the HTTP service.

    installkit token create frontend --scope operate
    installkit token list
    """


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in installkit.Scope]),
    multiple=True,
    default=("read",),
    show_default=True,
    help="What it allows; each includes those before it.",
)
@click.option("--expires-in", metavar="TIME", type=DURATION, help="As 12h or 90m; without it, never.")
@pass_session
def create(session: Session, /, name: str, *, scopes: tuple[str, ...], expires_in: float | None) -> None:
    """
    Create a token and print only its text, which cannot be shown again.

    installkit token create frontend --scope operate
    installkit token create ann --scope admin --expires-in 12h
    """
    limit = None if expires_in is None else datetime.now(UTC) + timedelta(seconds=expires_in)
    made, text = session.here.access.create_token(name, scopes, expires_at=limit)
    click.echo(text)
    say(f"token {made.id} for {name}: keep it now, it is not shown again")


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@pass_session
def list_tokens(session: Session, /, *, as_json: bool) -> None:
    """
    List the tokens, without their texts.

    installkit token list
    installkit token list --json
    """
    tokens = session.here.access.tokens()
    if as_json:
        print_json(tokens)
        return
    rows = [
        (item.id, item.name, " ".join(item.scopes), time_text(item.created_at), time_text(item.expires_at))
        for item in tokens
    ]
    print_table(("ID", "NAME", "SCOPES", "CREATED", "EXPIRES"), rows)


@token.command()
@click.argument("token_id", metavar="ID")
@pass_session
def revoke(session: Session, /, token_id: str) -> None:
    """
    Take a token away, and the sessions that were opened with it.

    installkit token revoke 3f9a1c20
    installkit token revoke 3f9a1c20 && installkit token list
    """
    session.here.access.revoke_token(token_id)
    say(f"token {token_id} is revoked")


@click.group(cls=Group, invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.pass_context
def webhooks(ctx: click.Context, /, *, as_json: bool) -> None:
    """
    List the addresses that the HTTP service tells of runs; add and remove some.

    A service that runs on this data directory sends each event as JSON; it takes a new address up within a second.

    installkit webhooks
    installkit webhooks add https://chat.example.org/hook
    installkit webhooks remove 3f9a1c20d41b
    """
    if ctx.invoked_subcommand is not None:
        return
    found = ctx.ensure_object(Session).here.access.webhooks()
    if as_json:
        print_json(found)
    elif not found:
        say("nobody is told of runs")
    else:
        rows = [
            (hook.id, hook.url, " ".join(hook.events), time_text(hook.created_at), hook.created_by) for hook in found
        ]
        print_table(("ID", "ADDRESS", "EVENTS", "CREATED", "BY"), rows)


@webhooks.command()
@click.argument("url")
@click.option(
    "--event",
    "events",
    type=click.Choice([kind.value for kind in installkit.EventKind]),
    multiple=True,
    default=[kind.value for kind in installkit.WEBHOOK_EVENTS],
    show_default=True,
    help="Tell of these; may be repeated.",
)
@pass_session
def add(session: Session, /, url: str, *, events: tuple[str, ...]) -> None:
    """
    Tell an address of runs, and print its id.

    The id is what `remove` takes.

    installkit webhooks add https://chat.example.org/hook
    installkit webhooks add http://127.0.0.1:9000/ --event run_finished
    """
    made = session.here.access.add_webhook(url, events)
    click.echo(made.id)
    say(f"{made.url} is told of {', '.join(made.events)} while `installkit serve` runs")


@webhooks.command()
@click.argument("webhook", metavar="ID")
@pass_session
def remove(session: Session, /, webhook: str) -> None:
    """
    Tell an address no more.

    installkit webhooks remove 3f9a1c20d41b
    installkit webhooks remove 3f9a1c20d41b && installkit webhooks
    """
    session.here.access.remove_webhook(webhook)
    say(f"webhook {webhook} is removed")


@click.command(cls=Command)
@click.option("--who", metavar="TEXT", help="Only what such a one did: a part of the name.")
@click.option("--what", metavar="TEXT", help="Only such requests: a part, as DELETE.")
@click.option("--target", metavar="TEXT", help="Only what was done to such a thing: a part, as /sites/acme.")
@click.option("--since", metavar="TIME", type=DURATION, help="Only the last 90m, 24h or 30d.")
@click.option("-n", "--limit", metavar="N", type=click.IntRange(1, 1_000_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@pass_session
def audit(session: Session, /, *, since: float | None, limit: int, as_json: bool, **wanted: str | None) -> None:
    """
    List who changed what over HTTP, newest first.

    What is done on the command line and in Python has no entry: the runs and the files there say who did it.

    installkit audit
    installkit audit --who ann --since 7d
    """
    begin = None if since is None else datetime.now(UTC) - timedelta(seconds=since)
    parts = {name: wanted[name] for name in ("who", "what", "target")}
    entries = session.here.access.audit(limit=limit, since=begin, **parts)  # type: ignore[arg-type]  # its names
    if as_json:
        print_json(entries)
    elif not entries:
        say("no entries" if since is not None or any(parts.values()) else "nobody changed anything over HTTP yet")
    else:
        print_table(
            ("TIME", "WHO", "WHAT", "TARGET"),
            [(time_text(entry.time), entry.who, entry.what, entry.target) for entry in entries],
        )
