"""Inventories: the hosts of a site, and those that playbooks and patterns mean, as Ansible itself says."""

from installkit.inventory.held import HeldInventory, held_path, write_held
from installkit.inventory.hosts import read_inventory
from installkit.inventory.question import TIMEOUT, Asking
from installkit.inventory.sources import absolute_source, check_present, same_file, same_inventory
from installkit.inventory.targets import read_targets

__all__ = [
    "TIMEOUT",
    "Asking",
    "HeldInventory",
    "absolute_source",
    "check_present",
    "held_path",
    "read_inventory",
    "read_targets",
    "same_file",
    "same_inventory",
    "write_held",
]
