"""Answers that many operations give, and what the addresses of lists take."""

from collections.abc import Mapping
from typing import Any

import attrs
from starlette.responses import JSONResponse, Response

import installkit
from installkit_http.problems import Mistake, invalid
from installkit_http.service import Call
from installkit_http.wire import MOST_ITEMS, etag_of


@attrs.frozen(kw_only=True)
class Paging:
    """
    Which part of a list is wanted.

    Attributes:
        limit: Items on a page, from 1 to 1000.
        cursor: `next` of the page before.
    """

    limit: int = attrs.field(default=100)
    cursor: str | None = None

    def __attrs_post_init__(self) -> None:
        if not 1 <= self.limit <= MOST_ITEMS:
            raise invalid([Mistake("/query/limit", f"is from 1 to {MOST_ITEMS}, not {self.limit}")])


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return *value*, one of installkit's or a JSON value, as an answer."""
    return JSONResponse(installkit.to_wire(value), status, headers)


def tagged(call: Call, value: Any) -> Response:
    """Return *value* with its entity tag; 304 if the client has it already."""
    data = installkit.to_wire(value)
    tag = etag_of(data)
    if tag in [each.strip() for each in call.request.headers.get("if-none-match", "").split(",")]:
        return Response(None, 304, {"etag": tag})
    return JSONResponse(data, headers={"etag": tag})


def nothing() -> Response:
    """Return the answer of what was done and leaves nothing to say."""
    return Response(None, 204)
