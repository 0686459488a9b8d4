"""Answers that many operations give, and the query parameters of lists."""

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
    Which part of a list the answer contains.

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
        """The filters of the list: all fields that its query adds to these two."""
        return attrs.asdict(self, recurse=False, filter=lambda field, _: field.name not in {"limit", "cursor"})


def fits(value: Any, accepted: Any) -> bool:
    """Return whether *value* is the *accepted* one, or one of several; a filter of None accepts every value."""
    if isinstance(accepted, tuple):
        return not accepted or value in accepted
    return accepted is None or value == accepted


def holds(text: str, part: str | None) -> bool:
    """Return whether *text* contains *part*, in upper or lower case; every text contains None."""
    return part is None or part.casefold() in text.casefold()


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer with *value*, an object of installkit's or a JSON value."""
    return JSONResponse(installkit.to_wire(value), status, headers)


def tagged(call: Call, value: Any, *, without: Sequence[str] = ()) -> Response:
    """
    Return an answer with *value* and an entity tag, for which the members in *without* do not count.

    These members change although nobody edits the value. If there are none, and the client has the value already, the
    answer is 304.
    """
    data = installkit.to_wire(value)
    tag = etag_of(entered(data, without))
    if not without and tag in [entry.strip() for entry in call.request.headers.get("if-none-match", "").split(",")]:
        return Response(None, 304, {"etag": tag})
    return JSONResponse(data, headers={"etag": tag})


def entered(data: Mapping[str, Any], without: Sequence[str]) -> dict[str, Any]:
    """Return the JSON object *data* without the members named in *without*."""
    return {name: value for name, value in data.items() if name not in without}


def page(call: Call, items: Iterable[T], key: Callable[[T], str]) -> Response:
    """
    Return the page of *items* that *call* asks for: the items after the one whose *key* is the cursor.

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
    """Return the problem for a *cursor* that no item has."""
    return invalid([Mistake("/query/cursor", f"no item is {cursor!r}; begin again without a cursor")])


def older_page(entries: Sequence[Any], limit: int, *, left_out: Sequence[str] = ()) -> Response:
    """Return a page with the first *limit* of *entries*, newest first; if there are more, there is a next page."""
    shown = entries[:limit]
    items = [entered(item, left_out) for item in installkit.to_wire(shown)]
    return answer({"items": items, "next": str(shown[-1].id) if len(entries) > len(shown) else None})


def started(call: Call, run: installkit.Run, status: int = 202) -> Response:
    """Return an answer with the state of *run*, and with the address at which it can be followed."""
    return answer(run.snapshot(), status, {"location": call.address(f"/runs/{run.id}")})


def nothing() -> Response:
    """Return an answer without content, for success."""
    return Response(None, 204)
