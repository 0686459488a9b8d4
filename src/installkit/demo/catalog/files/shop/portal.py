"""The shop's web page: takes orders, hands them to the recorder over NATS, and shows them as Datasette knows them."""

import argparse
import html
import json
import os
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from urllib.request import urlopen

from .messages import Connection

PAGE = """<!doctype html><meta charset="utf-8"><title>Shop</title>
<body style="font: 16px sans-serif; max-width: 40em; margin: 3em auto">
<h1>Shop</h1>
<form method="post" action="/orders"><input name="item" required autofocus> <button>Order</button></form>
<ol>{orders}</ol>
<p>NATS {nats} · Datasette {datasette} · <a href="/health">health</a></p>"""
MOST_BYTES = 10_000


class Shop:
    """What the page needs of the services behind it, named by their ports."""

    def __init__(self, nats: int, datasette: int) -> None:
        self._nats = nats
        self._datasette = f"http://127.0.0.1:{datasette}"

    def order(self, item: str) -> int:
        """Hand an order to the recorder, and return its number."""
        with Connection(self._nats, "portal") as connection:
            return int(connection.request("orders", item.encode()))

    def orders(self) -> list[Mapping[str, Any]]:
        """Return the last orders, newest first, each with `id`, `item` and `ordered_at`."""
        rows: list[Mapping[str, Any]] = self._ask("/orders/orders.json?_shape=array&_sort_desc=id&_size=20")
        return rows

    def health(self) -> dict[str, Any]:
        """Return what each service says of itself, or OSError if one does not answer."""
        with Connection(self._nats, "portal") as connection:
            count = int(connection.request("orders.count"))
            nats = connection.server_version
        versions = self._ask("/-/versions.json")
        published = self._ask("/orders/orders.json?_size=0")["filtered_table_rows_count"]
        return {
            "nats": {"version": nats},
            "recorder": {"orders": count},
            "datasette": {"version": versions["datasette"]["version"], "orders": published},
        }

    def _ask(self, path: str) -> Any:
        with urlopen(self._datasette + path, timeout=5.0) as answer:  # noqa: S310 - always http, on this machine
            return json.load(answer)


class Handler(BaseHTTPRequestHandler):
    """Answers a request; the class attribute `shop` is set once, before the server starts."""

    shop: Shop

    def do_GET(self) -> None:
        """Show the page or the health."""
        if self.path == "/health":
            self._health()
        elif self.path == "/":
            self._page()
        else:
            self._answer(404, "text/plain", "there is / and /health")

    def do_POST(self) -> None:
        """Take an order."""
        size = int(self.headers.get("content-length") or 0)
        items = parse_qs(self.rfile.read(min(size, MOST_BYTES)).decode(errors="replace")).get("item")
        if self.path != "/orders" or not items:
            self._answer(400, "text/plain", "POST /orders takes a form with the field item")
            return
        try:
            self.shop.order(items[0])
        except OSError as exc:
            self._answer(503, "text/plain", f"the order was not taken: {exc}")
            return
        self.send_response(303)
        self.send_header("location", "/")
        self.end_headers()

    def _health(self) -> None:
        version = os.environ["DEMO_VERSION"]
        try:
            health = {"status": "ok", "version": version, **self.shop.health()}
        except OSError as exc:
            health = {"status": "failed", "version": version, "reason": str(exc)}
        self._answer(200 if health["status"] == "ok" else 503, "application/json", json.dumps(health) + "\n")

    def _page(self) -> None:
        try:
            health = self.shop.health()
            orders = "".join(f"<li value={row['id']}>{html.escape(row['item'])}" for row in self.shop.orders())
        except OSError as exc:
            self._answer(503, "text/plain", f"a service behind the shop does not answer: {exc}")
            return
        versions = {name: html.escape(health[name]["version"]) for name in ("nats", "datasette")}
        self._answer(200, "text/html; charset=utf-8", PAGE.format(orders=orders, **versions))

    def _answer(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve until the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("port", "nats", "datasette"):
        parser.add_argument(f"--{name}", type=int, required=True)
    arguments = parser.parse_args()
    Handler.shop = Shop(arguments.nats, arguments.datasette)
    ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
