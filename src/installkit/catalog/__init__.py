"""Catalogs: the components found in a folder of playbooks."""

from installkit.catalog.folder import load_catalog
from installkit.catalog.generate import write_catalog
from installkit.catalog.schema import manifest_schema

__all__ = ["load_catalog", "manifest_schema", "write_catalog"]
