"""The console: a page for people, whose files are served as they lie in the package."""

import functools
import hashlib
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FOLDER = Path(__file__).parent.parent / "console"

MEDIA = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""What a browser is told of a file, by its suffix; others are not served."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Scripts and styles come from these files alone, and whatever a log holds can neither run nor send anything."""


async def show_page(request: Request) -> Response:
    """Answer with the page; what it shows, it asks the interface for."""
    return _file(request, "index.html")


async def show_file(request: Request) -> Response:
    """Answer with one of the page's files."""
    return _file(request, request.path_params["name"])


def _file(request: Request, name: str) -> Response:
    found = _files().get(name)  # a name among those there are, so never a path
    if found is None:
        raise HTTPException(404)
    media, content, tag = found
    headers = {"content-security-policy": POLICY, "cache-control": "no-cache", "etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(None, 304, headers)
    return Response(content, headers=headers, media_type=media)


@functools.cache
def _files() -> dict[str, tuple[str, bytes, str]]:
    """Return media type, content and entity tag of each file by its name."""
    paths = [path for path in FOLDER.iterdir() if path.suffix in MEDIA]
    return {path.name: (MEDIA[path.suffix], content := path.read_bytes(), _tag(content)) for path in paths}


def _tag(content: bytes) -> str:
    return f'"{hashlib.sha256(content).hexdigest()[:20]}"'


ROUTES = (Route("/", show_page), Route("/console/{name}", show_file))
