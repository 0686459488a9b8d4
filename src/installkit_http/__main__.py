"""`python -m installkit_http`: the service without the command line's libraries."""

import argparse
import os
import sys
from pathlib import Path

import installkit
from installkit_http.app import MOST_STREAMS
from installkit_http.logs import set_up_logs
from installkit_http.server import PORT, serve


def parse_catalogs(values: list[str]) -> dict[str, Path]:
    """Return folders by name from *values*, each `NAME=DIR`, or a `DIR` with its last part as the name."""
    named = [value.partition("=") for value in values]
    return {
        (name if separator else Path(name).absolute().name): Path(folder if separator else name)
        for name, separator, folder in named
    }


def main() -> int:
    """Serve until a signal ends the service; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m installkit_http", description="Serve installkit over HTTP.")
    parser.add_argument(
        "-c", "--catalog", metavar="[NAME=]DIR", action="append", default=[], help="folder of playbooks"
    )
    parser.add_argument("--data-dir", help="default: INSTALLKIT_DATA_DIR, else the platform's")
    parser.add_argument("--host", default=os.environ.get("INSTALLKIT_HOST", "127.0.0.1"))
    parser.add_argument("--port", type=int, default=int(os.environ.get("INSTALLKIT_PORT", PORT)))
    parser.add_argument("--allow-origin", metavar="URL", action="append", default=[])
    parser.add_argument("--max-streams", type=int, default=MOST_STREAMS, help="default: %(default)s open at once")
    parser.add_argument("--log-json", action="store_true", help="write logs as JSON, an object a line")
    options = parser.parse_args()
    set_up_logs(as_json=options.log_json)
    try:
        with installkit.Installer(options.data_dir) as installer:
            serve(
                installer,
                catalogs=parse_catalogs(options.catalog),
                host=options.host,
                port=options.port,
                allow_origin=options.allow_origin,
                max_streams=options.max_streams,
            )
    except installkit.InstallkitError as exc:
        sys.stderr.write(f"error: {exc}\n" + (f"  → {exc.remedy}\n" if exc.remedy else ""))
        return 3 if isinstance(exc, installkit.PlanningError) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
