"""As much of the NATS client protocol as the shop needs (https://docs.nats.io/reference/reference-protocols/nats-protocol)."""

import json
import os
import socket
import uuid
from types import TracebackType
from typing import NamedTuple, Self


class Message(NamedTuple):
    """What came in; `reply` is the subject to answer on, or empty."""

    subject: str
    reply: str
    payload: bytes


class Connection:
    """
    A connection to the NATS server on this machine.

    Args:
        port: The server's.
        name: Shown by the server's monitoring, with the program's version.
        timeout: Seconds that any answer may take; None waits for ever.

    Raises:
        OSError: If the server is not there or gone, here and in every method.
    """

    def __init__(self, port: int, name: str, *, timeout: float | None = 5.0) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5.0)
        self._file = self._socket.makefile("rb")
        self.server_version: str = json.loads(self._line().removeprefix("INFO "))["version"]
        options = {"name": f"{name}-{os.environ['DEMO_VERSION']}", "verbose": False, "pedantic": False}
        self._send(f"CONNECT {json.dumps(options)}\r\nPING")
        while self._line() != "PONG":
            pass
        self._socket.settimeout(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        self._socket.close()

    def subscribe(self, subject: str) -> None:
        """Receive messages on *subject* from now on."""
        self._send(f"SUB {subject} {uuid.uuid4().hex}")

    def publish(self, subject: str, payload: bytes, *, reply: str = "") -> None:
        """Send *payload* to all who subscribed to *subject*."""
        self._send(f"PUB {subject} {reply} {len(payload)}", payload + b"\r\n")

    def request(self, subject: str, payload: bytes = b"") -> bytes:
        """Send *payload* and return the answer; TimeoutError, an OSError, without one."""
        inbox = f"_INBOX.{uuid.uuid4().hex}"
        self.subscribe(inbox)
        self.publish(subject, payload, reply=inbox)
        return self.receive().payload

    def receive(self) -> Message:
        """Return the next message."""
        while not (line := self._line()).startswith("MSG "):
            if line == "PING":
                self._send("PONG")
        _, subject, _, *reply, size = line.split(" ")
        payload = self._file.read(int(size) + 2)[:-2]
        return Message(subject, "".join(reply), payload)

    def _line(self) -> str:
        line = self._file.readline().decode()
        if not line or line.startswith("-ERR"):
            raise ConnectionError(f"NATS ended the connection: {line.strip()}")
        return line.rstrip("\r\n")

    def _send(self, line: str, payload: bytes = b"") -> None:
        self._socket.sendall(line.encode() + b"\r\n" + payload)
