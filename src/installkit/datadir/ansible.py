"""What a data directory needs of Ansible."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from installkit.ansible.ask import Asking
from installkit.engine import launch
from installkit.inventory import read_inventory, read_targets
from installkit.journal import Lock
from installkit.model import Catalog, Inventory, PlaybookUse, Targets


class Ansible(Protocol):
    """
    Answers questions about inventories and playbooks, and carries runs out.

    `AnsiblePrograms` is Ansible itself; `installkit.testing.FakeAnsible` stands in for it in tests of other programs.
    """

    def read_inventory(
        self, sources: Sequence[Path], *, folder: Path | None, asking: Asking, vault: Mapping[str, str]
    ) -> Inventory:
        """Return what `installkit.inventory.read_inventory` returns."""

    def read_targets(
        self,
        inventory: Inventory,
        uses: Iterable[PlaybookUse],
        patterns: Iterable[str],
        *,
        files: Mapping[str, str],
        asking: Asking,
        vault: Mapping[str, str],
    ) -> Targets:
        """Return what `installkit.inventory.read_targets` returns."""

    def refuse_unknown(self, site: str, catalog: Catalog, inventory: Inventory) -> None:
        """Refuse to plan or start anything on *site* if what this was told does not fit its catalog and inventory."""

    def launch(self, run: Path, secrets: Mapping[str, str], locks: Sequence[Lock]) -> None:
        """Start to carry out *run* as `installkit.engine.launch` does."""

    def close(self, runs: Path) -> None:
        """End with the data directory, whose runs are in *runs*."""


class AnsiblePrograms:
    """Ansible itself, in processes of its own; runs outlive the data directory that is open here."""

    def read_inventory(
        self, sources: Sequence[Path], *, folder: Path | None, asking: Asking, vault: Mapping[str, str]
    ) -> Inventory:
        """Ask `ansible-inventory`."""
        return read_inventory(sources, folder=folder, asking=asking, vault=vault)

    def read_targets(
        self,
        inventory: Inventory,
        uses: Iterable[PlaybookUse],
        patterns: Iterable[str],
        *,
        files: Mapping[str, str],
        asking: Asking,
        vault: Mapping[str, str],
    ) -> Targets:
        """Ask `ansible-playbook --list-hosts`."""
        return read_targets(inventory, uses, patterns, files=files, asking=asking, vault=vault)

    def refuse_unknown(self, site: str, catalog: Catalog, inventory: Inventory) -> None:
        """Refuse nothing: nobody told Ansible what will come of it."""

    def launch(self, run: Path, secrets: Mapping[str, str], locks: Sequence[Lock]) -> None:
        """Start a supervisor."""
        launch(run, secrets, locks)

    def close(self, runs: Path) -> None:
        """Do nothing: runs go on."""
