"""Catalogs: the components found in a folder of playbooks."""

from installkit.catalog.folder import load_catalog

__all__ = ["load_catalog"]
