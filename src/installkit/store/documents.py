"""Values as JSON, which the database stores."""

import json
from typing import Any, TypeVar

from installkit.errors import Remedy, StoreError
from installkit.model import from_wire, to_wire

T = TypeVar("T")


def to_document(value: Any) -> str:
    """Return *value*, an attrs value, as JSON."""
    return json.dumps(to_wire(value), separators=(",", ":"))


def from_document(cls: type[T], *documents: str) -> T:
    """
    Return the *cls* whose attributes are in *documents*, taken together.

    Raises:
        StoreError: If these attributes do not make a *cls*.
    """
    try:
        return from_wire(cls, {key: value for document in documents for key, value in json.loads(document).items()})
    except (ValueError, AttributeError) as exc:
        raise StoreError(
            f"the store holds a {cls.__name__} that this installkit cannot read: {exc}",
            remedy=Remedy("upgrade installkit, or index what is there", ("reindex",)),
        ) from exc
