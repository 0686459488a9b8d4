"""The product's web application: counts visits by host in the database, requests in the cache, hosts in ZooKeeper."""

import contextlib
import html
import json
import socket
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pymysql
import redis
from kazoo.client import KazooClient
from kazoo.exceptions import KazooException, NodeExistsError
from kazoo.handlers.threading import KazooTimeoutError

VERSION = "2.0"
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS visits (id INT AUTO_INCREMENT PRIMARY KEY, visited_at DATETIME NOT NULL DEFAULT NOW())",
    "ALTER TABLE visits ADD COLUMN IF NOT EXISTS host VARCHAR(255)",  # empty in the rows of 1.0, which does not know it
)
MEMBERS = "/portal/members"
FAULTS = (pymysql.MySQLError, redis.RedisError, KazooException, KazooTimeoutError, OSError)
PAGE = """<!doctype html><meta charset="utf-8"><title>Portal</title>
<h1>Portal {version} on {host}</h1>
<p>{visits} visits, {own_visits} of them here, {requests} requests, served by {members}</p>"""


class Portal:
    """
    What the pages need of the services behind them.

    Args:
        config: `host`, and for each of `database`, `cache` and `zookeeper` what its client takes.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        self.host = config["host"]
        self._database = config["database"]
        self._cache = redis.Redis(**config["cache"], socket_timeout=3, decode_responses=True)
        self._zookeeper = KazooClient(**config["zookeeper"], timeout=6)
        self._zookeeper.start(timeout=60)
        self._members: list[str] = []
        self._zookeeper.ensure_path(MEMBERS)
        self._zookeeper.ChildrenWatch(MEMBERS, self._remember)
        self._join()
        for statement in SCHEMA:
            self._ask(statement)

    def visit(self) -> dict[str, Any]:
        """Count a visit, and return what the page shows."""
        self._ask("INSERT INTO visits (host) VALUES (%s)", self.host)
        return self._numbers()

    def health(self) -> dict[str, Any]:
        """Return what each service says of itself; one of `FAULTS` is raised if one does not answer."""
        (version,) = self._ask("SELECT VERSION()")
        numbers = self._numbers()
        self._join()
        return {
            "database": {"version": version, "visits": numbers["visits"], "own_visits": numbers["own_visits"]},
            "cache": {"version": self._cache.info("server")["redis_version"], "requests": numbers["requests"]},
            "zookeeper": {"members": sorted(self._zookeeper.get_children(MEMBERS))},
        }

    def _numbers(self) -> dict[str, Any]:
        (visits,) = self._ask("SELECT COUNT(*) FROM visits")
        (own,) = self._ask("SELECT COUNT(*) FROM visits WHERE host = %s", self.host)
        requests = self._cache.incr("portal:requests")
        return {"visits": visits, "own_visits": own, "requests": requests, "members": self._members}

    def _remember(self, members: list[str]) -> None:
        """Keep who is there: pages are served, too, while the ensemble elects a new leader."""
        self._members = sorted(members)

    def _join(self) -> None:
        """Show this host among the members, for as long as its session lives."""
        with contextlib.suppress(NodeExistsError):
            self._zookeeper.create(f"{MEMBERS}/{self.host}", ephemeral=True)

    def _ask(self, statement: str, *values: str) -> tuple[Any, ...]:
        """Carry *statement* out with *values*, and return the first row of its answer."""
        connection = pymysql.connect(**self._database, connect_timeout=3, read_timeout=3, autocommit=True)
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchone() or ()


class Handler(BaseHTTPRequestHandler):
    """Answers a request; the class attribute `portal` is set once, before the server starts."""

    portal: Portal

    def do_GET(self) -> None:
        """Show the page or the health."""
        try:
            if self.path == "/health":
                self._answer(200, "application/json", json.dumps(self._about() | self.portal.health()) + "\n")
            elif self.path == "/":
                numbers = self.portal.visit()
                members = html.escape(", ".join(numbers.pop("members")))
                page = PAGE.format(version=VERSION, host=html.escape(self.portal.host), members=members, **numbers)
                self._answer(200, "text/html; charset=utf-8", page)
            else:
                self._answer(404, "text/plain", "there is / and /health\n")
        except FAULTS as fault:
            failure = self._about() | {"status": "failed", "reason": str(fault) or type(fault).__name__}
            self._answer(503, "application/json", json.dumps(failure) + "\n")

    def _about(self) -> dict[str, Any]:
        return {"status": "ok", "version": VERSION, "host": self.portal.host}

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until the end, as the JSON file that is the only argument says."""
    config = json.loads(Path(sys.argv[1]).read_text())
    config.setdefault("host", socket.gethostname())
    Handler.portal = Portal(config)
    ThreadingHTTPServer(tuple(config["listen"]), Handler).serve_forever()


if __name__ == "__main__":
    main()
