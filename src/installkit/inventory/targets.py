"""
The hosts of playbooks and patterns.

All questions about one folder's playbooks go to one process of Ansible, `list_hosts.py`: it reads the inventory once,
gives each playbook the extra variables that its run will have, and answers each question separately, so that a playbook
that Ansible cannot read does no harm to the others.
"""

import functools
import hashlib
import json
import re
import secrets
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from installkit.ansible.answers import Memory, question_key
from installkit.ansible.ask import NO_PASSWORDS, Asking, ask, refuse_locked
from installkit.ansible.sources import find_sources
from installkit.ansible.unsafe import unsafe_json
from installkit.errors import EngineError, PlanningError
from installkit.model import Inventory, Play, PlaybookUse, Targets, to_wire

PROGRAM = Path(__file__).parents[1] / "ansible" / "plugins" / "list_hosts.py"
"""A program for Ansible; its docstring says how it is asked, and how it answers."""

_NO_PATTERN = re.compile(r"^\s*$|^-|(?:^|[,:&!])\s*@|\{[{%#]|[\x00-\x1f\x7f]")
"""Empty, an option, a file of patterns, a template, or control characters."""

_BEYOND_THE_FILE = re.compile(rb"import_playbook|\bhosts\b[^\n]*(?:\n[ \t]*-[^\n]*)*?\{[{%]")
"""Matches a playbook whose hosts depend on more than its own text: on a playbook that it imports, or on a template."""

_NO_FILES: Mapping[str, str] = {}


def read_targets(
    inventory: Inventory,
    uses: Iterable[PlaybookUse],
    patterns: Iterable[str] = (),
    *,
    files: Mapping[str, str] = _NO_FILES,
    asking: Asking | None = None,
    vault: Mapping[str, str] = NO_PASSWORDS,
) -> Targets:
    """
    Return the hosts of the playbooks of *uses* and of *patterns* on *inventory*, which Ansible itself determines.

    For playbooks beside an ansible.cfg, Ansible is asked in their folder.

    Args:
        inventory: As `read_inventory` returned it.
        uses: Playbooks with their variables. One that Ansible cannot read is in `problems`.
        patterns: Ansible host patterns. One that matches nothing means no hosts.
        files: Digests of the files that the playbooks may read; if one has changed, no remembered answer is used.
        asking: How Ansible is asked; None remembers nothing.
        vault: Vault passwords by label.

    Raises:
        PlanningError: If a pattern is not a valid one, if Ansible refuses it, or if a vault password is not in *vault*.
        EngineError: If Ansible cannot be asked, or does not answer in time.
    """
    patterns = tuple(dict.fromkeys(patterns))
    if bad := [pattern for pattern in patterns if _NO_PATTERN.search(pattern)]:
        raise PlanningError(
            f"no host pattern: {', '.join(map(repr, bad))}",
            remedy="name hosts and groups as Ansible does, as in 'db:&site1'; no option, no @file, no template",
        )
    by_key = {use.key: use for use in uses}
    missing = {
        str(use.playbook): f"{use.playbook}: the playbook does not exist"
        for use in by_key.values()
        if not use.playbook.is_file()
    }
    present = tuple(use for use in by_key.values() if str(use.playbook) not in missing)
    asking = asking or Asking()
    question = _Question(inventory, present, patterns, files, asking, vault)
    playbooks = {use.playbook for use in present}
    static = inventory.static and not any(_BEYOND_THE_FILE.search(path.read_bytes()) for path in playbooks)
    memory = Memory(asking, static, question.key)
    remembered = memory.recall()
    targets = _targets(remembered) if remembered else question.ask()
    if not remembered:
        memory.remember(to_wire(targets), whole=not targets.problems)
    return attrs.evolve(targets, problems={**missing, **targets.problems})


@attrs.frozen
class _Reply:
    """What Ansible replied to one question: a JSON value, or why there is none."""

    value: Any = None
    problem: str = ""


@attrs.frozen(slots=False)
class _Question:
    """A question about an inventory."""

    _inventory: Inventory
    _uses: tuple[PlaybookUse, ...]
    _patterns: tuple[str, ...]
    _files: Mapping[str, str] = attrs.field(repr=False)
    _asking: Asking
    _vault: Mapping[str, str] = attrs.field(repr=False)

    def key(self) -> str:
        paths = {use.playbook for use in self._uses}
        return question_key(
            "ansible-playbook",
            [folder for folder, _ in self._groups()],
            find_sources(self._inventory.sources),
            playbooks={str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths},
            files=dict(self._files),
            uses=[(use.key, to_wire(use.variables)) for use in self._uses],
            patterns=self._patterns,
            vaults=sorted(self._vault),
        )

    def ask(self) -> Targets:
        matched: list[_Reply] = []
        listed: dict[str, _Reply] = {}
        patterns = self._patterns
        for folder, uses in self._groups():
            replies = self._ask_group(folder, uses, patterns)
            matched += replies[: len(patterns)]
            listed |= zip((use.key for use in uses), replies[len(patterns) :], strict=True)
            patterns = ()  # the first process has answered them
        refuse_locked(reply.problem for reply in (*matched, *listed.values()))
        if refused := [reply.problem for reply in matched if reply.problem]:
            raise PlanningError(f"Ansible cannot say which hosts are meant: {refused[0]}")
        answers: dict[str, _Reply] = {}  # by playbook if all its uses have the same reply, else by use
        keys_of: dict[str, list[str]] = defaultdict(list)
        for use in self._uses:
            keys_of[str(use.playbook)].append(use.key)
        for path, keys in keys_of.items():
            same = all(listed[key] == listed[keys[0]] for key in keys)
            answers |= {path: listed[keys[0]]} if same else {key: listed[key] for key in keys}
        return Targets(
            plays={
                key: tuple(
                    Play(play["name"], play["pattern"], self._in_order(play["hosts"]), play["templated"])
                    for play in reply.value
                )
                for key, reply in answers.items()
                if not reply.problem
            },
            patterns={
                pattern: self._in_order(reply.value) for pattern, reply in zip(self._patterns, matched, strict=True)
            },
            problems={key: reply.problem for key, reply in answers.items() if reply.problem},
        )

    def _groups(self) -> list[tuple[Path, list[PlaybookUse]]]:
        """Return the folders to ask in, each with its uses: an ansible.cfg is for the playbooks beside it."""
        groups: dict[Path | None, list[PlaybookUse]] = defaultdict(list)
        for use in self._uses:
            beside = use.playbook.parent
            groups[beside if (beside / "ansible.cfg").exists() else None].append(use)
        folders = [(folder or group[0].playbook.parent, group) for folder, group in groups.items()]
        return folders or [(self._inventory.sources[0].parent, [])]

    def _ask_group(self, folder: Path, uses: Sequence[PlaybookUse], patterns: Sequence[str]) -> list[_Reply]:
        """Return the replies to *patterns* and then to *uses*; if a question ends the process, another one continues."""
        sources = [option for source in self._inventory.sources for option in ("-i", str(source))]
        replies: list[_Reply] = []
        with tempfile.TemporaryDirectory(prefix="installkit-") as folder_name:
            scratch = Path(folder_name)
            questions, answers = scratch / "questions.json", scratch / "answers"
            playbooks = list(zip((str(use.playbook) for use in uses), _write_values(scratch, uses), strict=True))
            # Ansible takes no call without a playbook, and checks that each is a file
            files = list(dict.fromkeys(path for path, _ in playbooks)) or [str(questions)]
            arguments = [str(questions), *sources, "--list-hosts", *files]
            while len(replies) < len(patterns) + len(uses):
                mark = secrets.token_hex(16)
                question = {"patterns": patterns, "playbooks": playbooks, "after": len(replies)}
                questions.write_text(json.dumps({**question, "answers": str(answers), "mark": mark}))
                answers.write_text("")
                answer = ask(
                    "ansible-playbook",
                    arguments,
                    folder=folder,
                    asking=self._asking,
                    script=PROGRAM,
                    vault=self._vault,
                )
                before, *parts = answer.errors.split(f"{mark}\n")
                if not parts:
                    reason = attrs.evolve(answer, errors=before).error
                    raise EngineError(f"Ansible cannot say which hosts are meant: {reason}")
                values = [json.loads(line) for line in answers.read_text().splitlines()]
                for number, part in enumerate(parts):
                    value = values[number] if number < len(values) else None
                    problem = "" if value is not None else attrs.evolve(answer, errors=part).error
                    replies.append(_Reply(value, problem))
        return replies

    def _in_order(self, hosts: Iterable[str]) -> tuple[str, ...]:
        order = self._order
        return tuple(sorted(hosts, key=lambda host: (order.get(host, len(order)), host)))

    @functools.cached_property
    def _order(self) -> dict[str, int]:
        return {name: position for position, name in enumerate(self._inventory.names)}


def _write_values(folder: Path, uses: Iterable[PlaybookUse]) -> list[str | None]:
    """Write the variables of *uses* into files in *folder*; return the path for each use, None if it has none."""
    paths: dict[str, str | None] = {unsafe_json({}): None}
    path_of_use = []
    for use in uses:
        text = unsafe_json(use.variables)
        if text not in paths:
            path = folder / f"values-{len(paths)}.json"
            path.write_text(text)
            paths[text] = str(path)
        path_of_use.append(paths[text])
    return path_of_use


def _targets(remembered: Mapping[str, Any]) -> Targets:
    plays = {
        path: tuple(Play(play["name"], play["pattern"], tuple(play["hosts"]), play["templated"]) for play in listed)
        for path, listed in remembered["plays"].items()
    }
    patterns = {pattern: tuple(hosts) for pattern, hosts in remembered["patterns"].items()}
    return Targets(plays=plays, patterns=patterns, problems=remembered["problems"])
