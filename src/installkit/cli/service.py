"""`serve`: the HTTP service."""

from pathlib import Path

import click

from installkit.cli.commands import Command
from installkit.cli.session import Session, pass_session


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
@click.option("--notify", metavar="FILE", help="Who is told what becomes of runs, as a YAML file says.")
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
    notify: str | None,
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
        session.here,
        catalogs=folders or None,
        host=host,
        port=port,
        allow_origin=allow_origin,
        max_streams=max_streams,
        notify=notify,
    )
