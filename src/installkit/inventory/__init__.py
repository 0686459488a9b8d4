"""Inventories: the hosts of a site, and the hosts of playbooks and patterns, which Ansible itself determines."""

from installkit.inventory.held import HeldInventory, held_path, write_held
from installkit.inventory.hosts import make_inventory, read_inventory
from installkit.inventory.targets import read_targets

__all__ = [
    "HeldInventory",
    "held_path",
    "make_inventory",
    "read_inventory",
    "read_targets",
    "write_held",
]
