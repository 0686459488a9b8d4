"""Inventories: the hosts of a site, and those that playbooks and patterns mean, as Ansible itself says."""

from installkit.inventory.hosts import read_inventory
from installkit.inventory.targets import read_targets

__all__ = ["read_inventory", "read_targets"]
