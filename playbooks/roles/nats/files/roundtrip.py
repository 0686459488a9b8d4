"""
Send a message through a NATS server and receive it again.

What it takes comes as JSON on stdin: host, port, user, password. The server greets with its version, which is printed.
Protocol: https://docs.nats.io/reference/reference-protocols/nats-protocol
"""

import json
import socket
import sys

given = json.load(sys.stdin)
with socket.create_connection((given["host"], given["port"]), timeout=5) as connection:
    answers = connection.makefile("r", encoding="utf-8", newline="\r\n")
    version = json.loads(answers.readline().removeprefix("INFO "))["version"]
    login = json.dumps({"user": given["user"], "pass": given["password"], "verbose": False, "pedantic": False})
    connection.sendall(f"CONNECT {login}\r\nSUB verify 1\r\nPUB verify 5\r\nhello\r\n".encode())
    while (line := answers.readline()) and not line.startswith(("MSG verify", "-ERR")):
        pass
    if not line.startswith("MSG"):
        sys.exit(f"no message came back: {line.strip() or 'the server hung up'}")
sys.stdout.write(version)
