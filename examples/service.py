"""
The HTTP service inside an app of one's own: `INSTALLKIT_PLAYBOOKS=playbooks uvicorn service:app`.

The app's pages and the service share a process and an address; the service's own are below `/installkit`.
"""

import contextlib
import os
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

import installkit
from installkit_http import create_app

installer = installkit.Installer()
service = create_app(installer, catalogs={"products": os.environ["INSTALLKIT_PLAYBOOKS"]})


def overview(_: Request) -> JSONResponse:
    """Answer with what the app itself wants to tell: here, how the newest runs of every site stand."""
    return JSONResponse({run.site: run.status for run in reversed(installer.list_runs(limit=100))})


@contextlib.asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    """Run the service's own start and end with those of the app: mounting alone does not."""
    async with service.router.lifespan_context(service):
        yield
    installer.close()


app = Starlette(routes=[Route("/overview", overview), Mount("/installkit", service)], lifespan=lifespan)
