"""The command line; it uses only the public names of installkit."""

import io
import sys


def main() -> None:
    """Run the command line; characters that the encoding of the terminal does not have are replaced."""
    try:
        from installkit.cli.app import app  # noqa: PLC0415 - click and rich are an extra that may not be installed
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] not in {"click", "rich"}:
            raise
        sys.exit(f"error: the command line needs {exc.name}\n  → {sys.executable} -m pip install 'installkit[cli]'")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app(prog_name="installkit")
