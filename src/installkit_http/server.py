"""Serves the app with uvicorn, by default on loopback; stops quickly even while streams are open."""

import asyncio
import ipaddress
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import NoReturn

import uvicorn

import installkit
from installkit_http.app import MOST_STREAMS, create_app
from installkit_http.service import Service

PORT = 8484

CONSOLE_LIFE = timedelta(hours=1)
"""How long the address that is printed at start is valid; it can be used once."""

STALLED = 0.3
"""Seconds that a client which reads nothing has when the service stops, until its connection is closed."""

GRACE = 5
"""Seconds that open requests, except streams, have when the service stops."""

KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than in clients and proxies, so that none closes during a request."""


class StreamServer(uvicorn.Server):
    """A uvicorn server that ends its streams first: uvicorn itself would wait for streams, which wait for runs."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and print the address; on a terminal, with a token that opens one session."""
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        address = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
        if sys.stdout.isatty():  # output elsewhere may be stored, as in a journal, so it gets no token
            limit = datetime.now(UTC) + CONSOLE_LIFE
            access = self._service.installer.access
            _, text = access.create_token("console", [installkit.Scope.ADMIN], expires_at=limit, once=True)
            # browsers do not send what follows the #, so the token is in no log
            sys.stdout.write(f"installkit serves {address}#token={text}\n")
        else:
            sys.stdout.write(f"installkit serves {address}\n")
            sys.stdout.write("log in with a token: installkit token create NAME --scope operate\n")
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then the rest."""
        self._service.feeds.close()
        dropping = asyncio.create_task(self._drop_stalled())
        await super().shutdown(sockets)
        dropping.cancel()

    async def _drop_stalled(self) -> None:
        """Close the connections of clients that do not read what was sent: waiting for them would never end."""
        await asyncio.sleep(STALLED)
        for connection in list(self.server_state.connections):
            transport = connection.transport
            if isinstance(transport, asyncio.WriteTransport) and transport.get_write_buffer_size():
                transport.abort()


def serve(
    installer: installkit.Installer,
    *,
    catalogs: Mapping[str, str | Path] | None = None,
    host: str = "127.0.0.1",
    port: int = PORT,
    allow_origin: Sequence[str] = (),
    max_streams: int = MOST_STREAMS,
    notify: str | Path | None = None,
) -> None:
    """
    Serve *installer* over HTTP until SIGINT or SIGTERM; runs go on. Only the main thread may call this.

    The first line of standard output is the address of the console; on a terminal, with a token that opens one session.

    Args:
        installer: The caller must close it.
        catalogs: Folders of playbooks by the names that sites are created with.
        host: An address to listen on; other addresses than loopback only if there are access tokens.
        port: 0 takes a free port.
        allow_origin: Other origins whose pages may use the service.
        max_streams: How many streams may be open at once.
        notify: A file of notifiers, as `installkit.read_notifiers` reads it.

    Raises:
        DefinitionError: If that file is wrong.
        PlanningError: If other machines can reach *host*, and nobody has made an access token yet.
        StoreError: If the data directory cannot be written.
    """
    if installer.obstacle is not None:  # it would refuse to write even when there is space again
        raise installer.obstacle
    check_reach(installer, host)
    app = create_app(installer, catalogs=catalogs, allow_origin=allow_origin, max_streams=max_streams, notify=notify)
    config = uvicorn.Config(
        app, host=host, port=port, log_config=None, timeout_graceful_shutdown=GRACE, timeout_keep_alive=KEEP_ALIVE
    )
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        StreamServer(config, app.state.service).run()
    except (KeyboardInterrupt, _StoppedError):
        return
    finally:
        signal.signal(signal.SIGTERM, before)


def check_reach(installer: installkit.Installer, host: str) -> None:
    """Raise a `PlanningError` if other machines can reach *host*, and there is no access token yet."""
    if not is_loopback(host) and not any(not token.once for token in installer.access.tokens()):
        raise installkit.PlanningError(
            f"others can reach {host}, and there is no access token yet",
            remedy="make one first: installkit token create NAME --scope admin",
        )


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _StoppedError(Exception):
    """SIGTERM came."""


def _leave(_: int, __: FrameType | None) -> NoReturn:
    # uvicorn raises the signal again when it has stopped; that would end the process before the caller can close
    raise _StoppedError
