"""Write the orders that come in over NATS to a SQLite database, which Datasette publishes."""

import argparse
import logging
import sqlite3
import time
from pathlib import Path

from .messages import Connection, Message

log = logging.getLogger("recorder")
SCHEMA = "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL, ordered_at TEXT NOT NULL)"


def main() -> None:
    """Record until the end; a server that is gone is tried again every half second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nats", type=int, required=True, help="port of the NATS server")
    parser.add_argument("--database", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    database = sqlite3.connect(arguments.database, isolation_level=None)
    database.execute(SCHEMA)
    while True:
        try:
            record(database, arguments.nats)
        except OSError as exc:
            log.info("NATS is not there, trying again: %s", exc)
            time.sleep(0.5)


def record(database: sqlite3.Connection, port: int) -> None:
    """Answer messages for as long as the server on *port* is there."""
    with Connection(port, "recorder", timeout=None) as connection:
        for subject in ("orders", "orders.count"):
            connection.subscribe(subject)
        log.info("listening to NATS %s", connection.server_version)
        while True:
            message = connection.receive()
            if message.reply:
                connection.publish(message.reply, answer(database, message))


def answer(database: sqlite3.Connection, message: Message) -> bytes:
    """Return the new order's number, or how many orders there are."""
    if message.subject == "orders":
        item = message.payload.decode(errors="replace")
        written = database.execute("INSERT INTO orders (item, ordered_at) VALUES (?, datetime('now'))", (item,))
        log.info("order %s: %s", written.lastrowid, item)
        return b"%d" % (written.lastrowid or 0)
    (count,) = database.execute("SELECT count(*) FROM orders").fetchone()
    return b"%d" % count


if __name__ == "__main__":
    main()
