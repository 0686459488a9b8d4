"""The console: a page for people; its files are served unchanged from the package."""

import functools
import hashlib
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent.parent / "console"

MEDIA = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Media types by suffix; files with other suffixes are not served."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Only these files have scripts and styles: nothing in a log can run as a script or send anything."""


async def show_page(request: Request) -> Response:
    """Answer with the page; it gets its data from the interface."""
    return _file(request, "index.html")


async def show_file(request: Request) -> Response:
    """Answer with one of the page's files."""
    return _file(request, request.path_params["name"])


def _file(request: Request, name: str) -> Response:
    file = _files().get(name)  # only names of existing files, so never a path
    if file is None:
        raise HTTPException(404)
    media, content, tag = file
    headers = {"content-security-policy": POLICY, "cache-control": "no-cache", "etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(None, 304, headers)
    return Response(content, headers=headers, media_type=media)


@functools.cache
def _files() -> dict[str, tuple[str, bytes, str]]:
    """Return the media type, content and entity tag of each file, by name."""
    paths = [path for path in FOLDER.iterdir() if path.suffix in MEDIA]
    return {
        path.name: (MEDIA[path.suffix], content := path.read_bytes(), f'"{hashlib.sha256(content).hexdigest()[:20]}"')
        for path in paths
    }


ROUTES = (Route("/", show_page), Route("/console/{name}", show_file))
