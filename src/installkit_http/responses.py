"""Answers that many operations give, and what the addresses of lists take."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
from starlette.responses import JSONResponse, Response

import installkit
from installkit_http.parsing import MOST_ITEMS, etag_of
from installkit_http.problems import Mistake, ProblemError, invalid
from installkit_http.service import Call

T = TypeVar("T")


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

    @property
    def filters(self) -> dict[str, Any]:
        """What the list is narrowed to: all that a list adds to these two."""
        return attrs.asdict(self, recurse=False, filter=lambda field, _: field.name not in {"limit", "cursor"})


def fits(value: Any, wanted: Any) -> bool:
    """Return whether *value* is what a filter wants: None wants any, of several one is enough."""
    if isinstance(wanted, tuple):
        return not wanted or value in wanted
    return wanted is None or value == wanted


def holds(text: str, part: str | None) -> bool:
    """Return whether *part* stands in *text*, in any case; None wants any text."""
    return part is None or part.casefold() in text.casefold()


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return *value*, one of installkit's or a JSON value, as an answer."""
    return JSONResponse(installkit.to_wire(value), status, headers)


def tagged(call: Call, value: Any, *, without: Sequence[str] = ()) -> Response:
    """
    Return *value* with the entity tag of what people enter of it: all but *without*, which changes by itself.

    The answer is 304 if the client has all of it already.
    """
    data = installkit.to_wire(value)
    tag = etag_of(entered(data, without))
    if not without and tag in [each.strip() for each in call.request.headers.get("if-none-match", "").split(",")]:
        return Response(None, 304, {"etag": tag})
    return JSONResponse(data, headers={"etag": tag})


def entered(data: Mapping[str, Any], without: Sequence[str]) -> dict[str, Any]:
    """Return the JSON object *data* without the members named in *without*."""
    return {name: value for name, value in data.items() if name not in without}


def page(call: Call, items: Iterable[T], key: Callable[[T], str]) -> Response:
    """
    Return the page of *items* that *call* asks for: those after the one whose *key* is the cursor.

    Raises:
        ProblemError: If no item has that key.
    """
    every, limit, cursor = list(items), call.query.limit, call.query.cursor
    keys = [key(item) for item in every]
    if cursor is not None and cursor not in keys:
        raise unknown_cursor(cursor)
    start = 0 if cursor is None else keys.index(cursor) + 1
    end = start + limit
    return answer({"items": every[start:end], "next": keys[end - 1] if end < len(every) else None})


def unknown_cursor(cursor: str) -> ProblemError:
    """Return the problem of a *cursor* that no item has."""
    return invalid([Mistake("/query/cursor", f"no item is {cursor!r}; begin again without a cursor")])


def older_page(found: Sequence[Any], limit: int, *, left_out: Sequence[str] = ()) -> Response:
    """Return a page of *limit* of *found*, newest first, which has one more where there is a next page."""
    shown = found[:limit]
    items = [entered(each, left_out) for each in installkit.to_wire(shown)]
    return answer({"items": items, "next": str(shown[-1].id) if len(found) > len(shown) else None})


def started(call: Call, run: installkit.Run, status: int = 202) -> Response:
    """Return *run* as it stands, with where it can be followed."""
    return answer(run.snapshot(), status, {"location": call.address(f"/runs/{run.id}")})


def nothing() -> Response:
    """Return the answer of what was done and leaves nothing to say."""
    return Response(None, 204)
