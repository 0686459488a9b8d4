"""Finds rows by name; an error says which names there are."""

import difflib
from collections.abc import Iterable

from installkit.errors import UnknownNameError
from installkit.store.database import StoreDatabase
from installkit.store.tables import SecretRow, SiteRow


def known_site(db: StoreDatabase, name: str) -> SiteRow:
    """
    Return the row of the site *name*.

    Raises:
        UnknownNameError: If there is no such site.
    """
    rows: list[SiteRow] = list(SiteRow.select().where(SiteRow.name == name).execute(db))
    if not rows:
        raise unknown("site", name, [row.name for row in SiteRow.select(SiteRow.name).execute(db)])
    return rows[0]


def secret_tokens(db: StoreDatabase, site: str) -> dict[str, str]:
    """
    Return the secrets of *site*, encrypted, by name in alphabetical order.

    Raises:
        UnknownNameError: If there is no such site.
    """
    known_site(db, site)
    query = SecretRow.select().where(SecretRow.site == site).order_by(SecretRow.name)
    return {row.name: row.token for row in query.execute(db)}


def unknown(what: str, name: str, existing: Iterable[str]) -> UnknownNameError:
    """Return the error for *name*, which is none of the *existing* names; it suggests similar ones."""
    names = sorted(existing)
    near = difflib.get_close_matches(name, names, n=5)
    if near:
        remedy = f"did you mean {' or '.join(near)}?"
    else:
        remedy = f"choose one of: {', '.join(names[:10])}" if names else f"no {what} is stored yet"
    return UnknownNameError(f"no {what} is named {name!r}", remedy=remedy)
