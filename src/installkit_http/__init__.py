"""installkit over HTTP: `create_app` for ASGI servers, `python -m installkit_http` or `installkit serve` to serve it."""

from installkit_http.app import create_app
from installkit_http.server import serve

__all__ = ["create_app", "serve"]
