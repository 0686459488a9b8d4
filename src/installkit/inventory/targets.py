"""The hosts that playbooks and patterns mean."""

import functools
import hashlib
import json
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from installkit.errors import EngineError, PlanningError
from installkit.inventory.listing import ListedPlay, listed_plays
from installkit.inventory.memory import Memory, question_key
from installkit.inventory.question import NO_PASSWORDS, TIMEOUT, Answer, ask
from installkit.inventory.sources import find_sources
from installkit.model import Inventory, Play, Targets, to_wire

_NO_PATTERN = re.compile(r"^\s*$|^-|(?:^|[,:&!])\s*@|\{[{%#]|[\x00-\x1f\x7f]")
"""Empty, an option, a file of patterns, a template, or control characters."""

_BEYOND_THE_FILE = re.compile(rb"import_playbook|\bhosts\b[^\n]*(?:\n[ \t]*-[^\n]*)*?\{[{%]")
"""Whether a playbook's hosts depend on more than its own text: on a playbook that it imports, on a template."""


def read_targets(
    inventory: Inventory,
    playbooks: Iterable[Path],
    patterns: Iterable[str] = (),
    *,
    cache: Path | None = None,
    timeout: float = TIMEOUT,
    vault: Mapping[str, str] = NO_PASSWORDS,
) -> Targets:
    """
    Return the hosts that *playbooks* and *patterns* mean on *inventory*, as `ansible-playbook --list-hosts` says.

    One question is asked for all playbooks; those beside an ansible.cfg of their own are asked for in their folder.

    Args:
        inventory: As `read_inventory` returned it.
        playbooks: Relative to the current directory, or absolute. One that Ansible cannot read is in `problems`.
        patterns: Ansible host patterns. One that matches nothing means no hosts.
        cache: Folder where answers about static inventories are remembered; None remembers nothing.
        timeout: Seconds that Ansible may take for each question.
        vault: Vault passwords by label.

    Raises:
        PlanningError: If a pattern is none, or Ansible refuses it, or it takes a vault password that is not in *vault*.
        EngineError: If Ansible cannot be asked, or does not answer in time.
    """
    asked = tuple(dict.fromkeys(patterns))
    _check_patterns(asked)
    paths = list(dict.fromkeys(Path(os.path.abspath(playbook)) for playbook in playbooks))  # noqa: PTH100 - as named
    present = [path for path in paths if path.is_file()]
    question = _Question(inventory, asked, timeout, vault)
    memory = Memory(cache if inventory.static and not _beyond(present) else None, lambda: question.key(present))
    said = memory.recall()
    targets = _targets(said) if said else question.ask(present)
    if not said and not targets.problems:
        memory.remember(to_wire(targets))
    missing = {str(path): f"{path}: the playbook does not exist" for path in paths if path not in present}
    return attrs.evolve(targets, problems={**missing, **targets.problems})


Listed = tuple[ListedPlay, ...]


@attrs.frozen(slots=False)
class _Question:
    """What is asked, of which inventory."""

    _inventory: Inventory
    _patterns: tuple[str, ...]
    _timeout: float
    _vault: Mapping[str, str] = attrs.field(repr=False)

    def key(self, playbooks: Sequence[Path]) -> str:
        digests = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in playbooks}
        folders = [folder for folder, _ in self._groups(playbooks)]
        sources = find_sources(self._inventory.sources)
        return question_key(
            "ansible-playbook", folders, sources, playbooks=digests, patterns=self._patterns, vaults=sorted(self._vault)
        )

    def ask(self, playbooks: Sequence[Path]) -> Targets:
        plays: dict[str, Listed] = {}
        problems: dict[str, str] = {}
        with tempfile.TemporaryDirectory(prefix="installkit-") as folder:
            probe = Path(folder, "patterns.yml")
            probe.write_text(json.dumps([{"hosts": pattern} for pattern in ("all", *self._patterns)]))
            for where, group in self._groups(playbooks):
                listed, refused = self._ask_group(where, group, probe)
                plays |= listed
                problems |= refused
        _, *matched = plays.pop(str(probe))
        return Targets(
            plays={path: tuple(self._play(play) for play in listed) for path, listed in plays.items()},
            patterns=dict(zip(self._patterns, (self._play(play).hosts for play in matched), strict=True)),
            problems=problems,
        )

    def _groups(self, playbooks: Sequence[Path]) -> list[tuple[Path, list[Path]]]:
        """Return the folders to ask in, with their playbooks: an ansible.cfg counts for the playbooks beside it."""
        groups: dict[Path | None, list[Path]] = defaultdict(list)
        for path in playbooks:
            groups[path.parent if (path.parent / "ansible.cfg").exists() else None].append(path)
        found = [(folder or group[0].parent, group) for folder, group in groups.items()]
        return found or [(self._inventory.sources[0].parent, [])]

    def _ask_group(
        self, folder: Path, playbooks: Sequence[Path], probe: Path
    ) -> tuple[dict[str, Listed], dict[str, str]]:
        together = self._answer(folder, [*playbooks, probe])
        if together.status == 0:
            return _listed(together, [*playbooks, probe]), {}
        alone = self._answer(folder, [probe])
        if alone.status != 0:
            kind = PlanningError if self._patterns else EngineError
            raise kind(f"Ansible cannot say which hosts are meant: {alone.error}")
        listed, refused = self._without_blamed(folder, playbooks, together)
        return {**listed, **_listed(alone, [probe])}, refused

    def _without_blamed(
        self, folder: Path, playbooks: Sequence[Path], failed: Answer
    ) -> tuple[dict[str, Listed], dict[str, str]]:
        """
        Return the plays of those *playbooks* that Ansible can read, and its reasons for the others.

        Ansible stops at the first that it cannot read. Where it does not name it, each half is asked alone.
        """
        if len(playbooks) <= 1:
            return {}, {str(path): failed.error for path in playbooks}
        blamed = [path for path in playbooks if failed.error.startswith(f"{path}:")]
        rest = [path for path in playbooks if path not in blamed]
        middle = len(rest) // 2
        listed: dict[str, Listed] = {}
        refused = {str(path): failed.error for path in blamed}
        for part in [rest] if blamed else [rest[:middle], rest[middle:]]:
            answer = self._answer(folder, part)
            found = (_listed(answer, part), {}) if answer.status == 0 else self._without_blamed(folder, part, answer)
            listed |= found[0]
            refused |= found[1]
        return listed, refused

    def _answer(self, folder: Path, playbooks: Sequence[Path]) -> Answer:
        options = [option for source in self._inventory.sources for option in ("-i", str(source))]
        arguments = [*options, "--list-hosts", *map(str, playbooks)]
        return ask("ansible-playbook", arguments, folder=folder, timeout=self._timeout, vault=self._vault)

    def _play(self, play: ListedPlay) -> Play:
        order = self._order
        return Play(
            play.name, play.pattern, tuple(sorted(play.hosts, key=lambda host: (order.get(host, len(order)), host)))
        )

    @functools.cached_property
    def _order(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self._inventory.names)}


def _listed(answer: Answer, playbooks: Iterable[Path]) -> dict[str, Listed]:
    return dict(listed_plays(answer.output, [str(path) for path in playbooks]))


def _targets(said: Mapping[str, Any]) -> Targets:
    plays = {
        path: tuple(Play(play["name"], play["pattern"], tuple(play["hosts"])) for play in listed)
        for path, listed in said["plays"].items()
    }
    return Targets(plays=plays, patterns={pattern: tuple(hosts) for pattern, hosts in said["patterns"].items()})


def _check_patterns(patterns: Iterable[str]) -> None:
    bad = [pattern for pattern in patterns if _NO_PATTERN.search(pattern)]
    if bad:
        raise PlanningError(
            f"no host pattern: {', '.join(map(repr, bad))}",
            remedy="name hosts and groups as Ansible does, as in 'db:&site1'; no option, no @file, no template",
        )


def _beyond(playbooks: Iterable[Path]) -> bool:
    return any(_BEYOND_THE_FILE.search(path.read_bytes()) for path in playbooks)
