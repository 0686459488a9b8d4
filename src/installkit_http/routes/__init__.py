"""The operations of the interface, in a module for each group; `OPERATIONS` has all of them."""

from installkit_http.operations import Operation
from installkit_http.routes import (
    access,
    catalogs,
    control,
    feed,
    hosts,
    installed,
    notifications,
    parameters,
    plans,
    results,
    runs,
    sites,
    streams,
    system,
)

OPERATIONS: tuple[Operation, ...] = (
    *system.OPERATIONS,
    *access.OPERATIONS,
    *catalogs.OPERATIONS,
    *sites.OPERATIONS,
    *hosts.OPERATIONS,
    *parameters.OPERATIONS,
    *installed.OPERATIONS,
    *plans.OPERATIONS,
    *runs.OPERATIONS,
    *results.OPERATIONS,
    *streams.OPERATIONS,
    *feed.OPERATIONS,
    *control.OPERATIONS,
    *notifications.OPERATIONS,
)
"""All operations: routing, documentation and tests read this table."""
