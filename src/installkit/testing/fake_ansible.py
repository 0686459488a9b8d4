"""Ansible's place taken, for tests of programs that use installkit."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from installkit.ansible.ask import Asking
from installkit.ansible.sources import find_sources
from installkit.errors import InstallkitError
from installkit.inventory import make_inventory
from installkit.journal import Lock
from installkit.model import Catalog, Inventory, Play, PlaybookUse, Targets
from installkit.testing.inventories import read_groups
from installkit.testing.outcomes import Outcomes, Told
from installkit.testing.patterns import match_hosts
from installkit.testing.playbooks import read_plays
from installkit.testing.threads import RunThread

_NOTHING: Mapping[str, Told] = {}


class FakeAnsible:
    """
    Carries runs out without Ansible and without processes, in milliseconds: for tests of your own program.

    Plans, checks, events, logs, statuses, results and the record are made by the code of real runs. Only what a playbook
    does is replaced: its tasks are gone through as they are written, on the hosts that its plays name, and each comes out
    as it was told. Without a word all goes well. No condition, loop, variable or template is evaluated.

    It reads inventories in YAML and INI, and those that installkit holds, but runs no inventory script or plugin.

    An installer that is closed first ends the runs that it has started: delays are cut short, and a run that waits for an
    approval is canceled. Python's end leaves them as a killed supervisor does.

    Args:
        outcomes: What comes of steps: a status (`ok`, `changed`, `failed`, `unreachable`) or an `Outcome` by
            `COMPONENT`, `COMPONENT/ACTION`, `COMPONENT@HOST` or `COMPONENT/ACTION@HOST`, with `SITE:` before it for one
            site only. Of a list, each step takes the next, and the last stays. Without an action a key is for the
            actions that change hosts, so not for `verify` and `check`. installkit's own checks are `host/check`. If
            several keys hold, the one that names the host counts, else the one that names the action.

    Raises:
        ValueError: If a key or a status is not one.

    ```python
    fake = FakeAnsible({"mysql": "failed", "zk@db2": Outcome("unreachable", delay=0.1)})
    with installkit.Installer(tmp_path / "data", ansible=fake) as installer:
        ...
    ```
    """

    def __init__(self, outcomes: Mapping[str, Told] = _NOTHING) -> None:
        self._outcomes = Outcomes(outcomes)
        self._runs: list[RunThread] = []
        self._changing = threading.Lock()

    def update(self, outcomes: Mapping[str, Told]) -> None:
        """
        Replace and add *outcomes*, for the steps that start from now on.

        Raises:
            ValueError: If a key or a status is not one.
        """
        self._outcomes.update(outcomes)

    def read_inventory(
        self, sources: Sequence[Path], *, folder: Path | None, asking: Asking, vault: Mapping[str, str]
    ) -> Inventory:
        """Read a static inventory; for `Installer`."""
        del folder, asking, vault
        found = find_sources(sources)
        return make_inventory(found, read_groups(found))

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
        """Read the hosts of plays and patterns; for `Installer`."""
        del files, asking, vault
        plays: dict[str, tuple[Play, ...]] = {}
        problems: dict[str, str] = {}
        for playbook in dict.fromkeys(use.playbook for use in uses):
            try:
                plays[str(playbook)] = tuple(
                    Play(play.name, play.pattern, match_hosts(play.pattern, inventory)) for play in read_plays(playbook)
                )
            except InstallkitError as exc:
                problems[str(playbook)] = f"{exc}{f' ({exc.remedy})' if exc.remedy else ''}"
        matched = {pattern: match_hosts(pattern, inventory) for pattern in patterns}
        return Targets(plays=plays, patterns=matched, problems=problems)

    def refuse_unknown(self, site: str, catalog: Catalog, inventory: Inventory) -> None:
        """Refuse outcomes that can hold nowhere on *site*; for `Installer`."""
        self._outcomes.refuse_unknown(site, catalog, inventory)

    def launch(self, run: Path, secrets: Mapping[str, str], locks: Sequence[Lock]) -> None:
        """Start to carry out *run* in a thread; for `Installer`."""
        with self._changing:
            self._runs = [live for live in self._runs if not live.ended]
            self._runs.append(RunThread(run, secrets, locks, self._outcomes))

    def close(self, runs: Path) -> None:
        """End the runs below *runs*; for `Installer`."""
        with self._changing:
            ending = [live for live in self._runs if live.run.parent == runs]
        for live in ending:
            live.end()
