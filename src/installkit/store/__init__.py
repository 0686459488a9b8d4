"""The database: an index of the journals, and what people enter. Importing it imports peewee."""

from installkit.store.arrivals import IndexedArrival
from installkit.store.copies import copy_unwritable, set_aside
from installkit.store.runs import IndexedEvent
from installkit.store.store import KEY_NAME, Store

__all__ = ["KEY_NAME", "IndexedArrival", "IndexedEvent", "Store", "copy_unwritable", "set_aside"]
