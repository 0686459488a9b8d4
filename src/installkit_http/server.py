"""Serving the app with uvicorn: on loopback unless told otherwise, and quick to stop with streams open."""

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
"""How long the address that is printed at start can be used, once."""

STALLED = 0.3
"""Seconds after which a client that reads nothing is cut off when the service stops."""

GRACE = 5
"""Seconds that requests under way, other than streams, have to end when the service stops."""

KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than clients and proxies keep theirs, so that none is closed under a request."""


class StreamServer(uvicorn.Server):
    """A uvicorn server that ends its streams first: uvicorn itself would wait for them, and they for runs."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and say where."""
        await super().startup(sockets)
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"installkit serves http://{shown}:{port}/{self._entrance()}\n")
        if not sys.stdout.isatty():
            sys.stdout.write("log in with a token: installkit token create NAME --scope operate\n")
        sys.stdout.flush()

    def _entrance(self) -> str:
        """Return what lets whoever sits at the terminal in, once; nothing where the output is kept, as in a journal."""
        if not sys.stdout.isatty():
            return ""
        limit = datetime.now(UTC) + CONSOLE_LIFE
        access = self._service.installer.access
        _, text = access.create_token("console", [installkit.Scope.ADMIN], expires_at=limit, once=True)
        return f"#token={text}"  # after the #, it is in no log and in no request but the one that uses it up

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then the rest."""
        self._service.feeds.close()
        dropping = asyncio.create_task(self._drop_stalled())
        await super().shutdown(sockets)
        dropping.cancel()

    async def _drop_stalled(self) -> None:
        """Cut the connections of clients that do not read what was sent: waiting for them would never end."""
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
) -> None:
    """
    Serve *installer* over HTTP until SIGINT or SIGTERM; runs go on. For the main thread.

    The first line of standard output is the address of the console; on a terminal, with a token that buys one session.

    Args:
        installer: Stays the caller's to close.
        catalogs: Folders of playbooks by the names that sites are created with.
        host: An address to listen on; others than loopback only where there are access tokens.
        port: 0 takes a free one.
        allow_origin: Origins of pages that may use the service from elsewhere.
        max_streams: How many streams may be open at once.

    Raises:
        PlanningError: If *host* is reached by others, and nobody has made an access token yet.
        StoreError: If the data directory cannot be written.
    """
    if installer.obstacle is not None:  # what is written later would be refused even when there is space again
        raise installer.obstacle
    check_reach(installer, host)
    app = create_app(installer, catalogs=catalogs, allow_origin=allow_origin, max_streams=max_streams)
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
    """Raise a `PlanningError` if others can reach *host* while nobody has made an access token."""
    if not is_loopback(host) and not any(not token.once for token in installer.access.tokens()):
        raise installkit.PlanningError(
            f"others can reach {host}, and there is no access token yet",
            remedy="make one first: installkit token create NAME --scope admin",
        )


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches *host*."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _StoppedError(Exception):
    """SIGTERM came."""


def _leave(_: int, __: FrameType | None) -> NoReturn:
    # uvicorn raises the signal again when it has stopped; the default would end us before our caller can close
    raise _StoppedError
