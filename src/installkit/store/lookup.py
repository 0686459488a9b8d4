"""Rows that others refer to by name, and the error where there is none."""

import difflib
from collections.abc import Iterable

from installkit.errors import UnknownNameError
from installkit.store.database import StoreDatabase
from installkit.store.tables import SecretRow, SiteRow


def known_site(db: StoreDatabase, name: str) -> SiteRow:
    """
    Return the row of the site *name*.

    Raises:
        UnknownNameError: If there is none.
    """
    rows: dict[str, SiteRow] = {row.name: row for row in SiteRow.select().execute(db)}
    if name not in rows:
        raise unknown("site", name, rows)
    return rows[name]


def secret_tokens(db: StoreDatabase, site: str) -> dict[str, str]:
    """
    Return the secrets of *site*, encrypted, by name in alphabetical order.

    Raises:
        UnknownNameError: If there is no such site.
    """
    known_site(db, site)
    found = SecretRow.select().where(SecretRow.site == site).order_by(SecretRow.name)
    return {row.name: row.token for row in found.execute(db)}


def unknown(what: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Return the error for *name*, which is not among the *known* names, with those that are near to it."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=5)
    if near:
        remedy = f"did you mean {' or '.join(near)}?"
    else:
        remedy = f"choose one of: {', '.join(names[:10])}" if names else f"no {what} is stored yet"
    return UnknownNameError(f"no {what} is named {name!r}", remedy=remedy)
