"""The operations of the interface, a module for each group; `OPERATIONS` is all of them."""

from installkit_http.operations import Operation
from installkit_http.routes import (
    access,
    catalogs,
    control,
    hosts,
    installed,
    notifications,
    parameters,
    plans,
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
    *streams.OPERATIONS,
    *control.OPERATIONS,
    *notifications.OPERATIONS,
)
"""Every operation there is: routing, documentation and the tests read this table."""
