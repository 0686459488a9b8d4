"""`serve` and `token`: the HTTP service, and who may use it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

import installkit
from installkit.cli.commands import Command, Group
from installkit.cli.output import print_json, print_table
from installkit.cli.param_types import DURATION
from installkit.cli.session import Session, pass_session, say
from installkit.text import time_text


@click.command(cls=Command)
@click.option(
    "-c", "--catalog", "catalogs", metavar="[NAME=]DIR", multiple=True, help="A folder of playbooks to make sites of."
)
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Elsewhere needs a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8484, show_default=True, help="0 takes a free one.")
@click.option("--allow-origin", metavar="URL", multiple=True, help="A frontend elsewhere that may use the service.")
@click.option(
    "--max-streams", metavar="N", type=click.IntRange(min=1), default=500, show_default=True, help="Open at once."
)
@pass_session
def serve(
    session: Session,
    /,
    catalogs: tuple[str, ...],
    *,
    host: str,
    port: int,
    allow_origin: tuple[str, ...],
    max_streams: int,
) -> None:
    """
    Serve this data directory over HTTP, with a console to look at.

    The first line that is printed is the console's address; on a terminal, with a token that can be used once. Runs go
    on when the service is stopped.

    installkit serve -c playbooks
    installkit serve -c acme=/srv/playbooks --port 9000
    """
    try:
        import installkit_http  # noqa: PLC0415 - an extra that may not be installed
    except ModuleNotFoundError as exc:
        raise click.UsageError(f"{exc.name} is not installed: pip install 'installkit[http]'") from exc
    pairs = [value.rpartition("=") for value in catalogs]
    folders = {name or Path(folder).absolute().name: Path(folder) for name, _, folder in pairs}
    installkit_http.serve(
        session.installer,
        catalogs=folders or None,
        host=host,
        port=port,
        allow_origin=allow_origin,
        max_streams=max_streams,
    )


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
    made, text = session.installer.access.create_token(name, scopes, expires_at=limit)
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
    tokens = session.installer.access.tokens()
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
    session.installer.access.revoke_token(token_id)
    say(f"token {token_id} is revoked")
