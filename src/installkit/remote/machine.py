"""What only the machine of a service can do, and what to do instead."""

from installkit.errors import NotOverHTTPError

_THERE = "call it on the machine where the service has its data"

OF_THE_MACHINE = {
    "access": "make tokens there: installkit token create",
    "adopt": _THERE,
    "check_database": "the doctor of the service has it: doctor()",
    "check_secrets": "the doctor of the service has it: doctor()",
    "event_reader": "follow its events: events(follow=True)",
    "facts": _THERE,
    "folder": _THERE,
    "folders": _THERE,
    "log_reader": "log_readers() has its like",
    "notify": "start the service with a file of notifiers: installkit serve --notify FILE",
    "on": "follow the events in a thread of your own: events(follow=True)",
    "problems": "enter the values: what is wrong with them is said then",
    "prune": "prune one run at a time: prune_run(run)",
    "recover": "a service does it by itself",
    "refresh": "a service does it by itself",
    "reindex": _THERE,
    "result": "snapshot() and the site's installed() have it",
    "site_of_inventory": "give the site by its name",
}
"""Names of the objects of a data directory, and what to do with a service instead."""


def missing(owner: object, name: str) -> AttributeError:
    """Return the error for *owner*, an object of a service, which has no *name*."""
    if name in OF_THE_MACHINE:
        return NotOverHTTPError(f"{name} cannot be called over HTTP", remedy=OF_THE_MACHINE[name])
    return AttributeError(f"{type(owner).__name__!r} object has no attribute {name!r}")
