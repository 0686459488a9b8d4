"""What Ansible must be asked before a plan can be made."""

from collections.abc import Iterable
from pathlib import Path

import attrs

from installkit.model import Action, Catalog, Installation, Request
from installkit.planning.requests import Demand, read_demands

_ON_NOTHING = (Action.INSTALL, Action.VERIFY, Action.CHECK)
_ON_INSTALLED = (Action.INSTALL, Action.UPGRADE, Action.CONFIGURE, Action.VERIFY, Action.CHECK)


@attrs.frozen
class Questions:
    """
    What is asked of Ansible, to be answered as `Targets`.

    Attributes:
        playbooks: Absolute paths, whose plays and hosts are wanted.
        patterns: Ansible host patterns, whose hosts are wanted.
    """

    playbooks: tuple[Path, ...]
    patterns: tuple[str, ...]


def questions(request: Request, catalog: Catalog, installed: Iterable[Installation]) -> Questions:
    """
    Return what must be asked of Ansible before `make_plan` can answer *request*.

    Args:
        request: What somebody asks for.
        catalog: The site's components.
        installed: What is installed on the site.

    Raises:
        UnknownNameError: If a name, wanted or required, is not in *catalog*.
        PlanningError: If nothing is asked for, or two things that exclude each other.
    """
    demands = read_demands(request, catalog)
    known = {row.component for row in installed}
    playbooks = dict.fromkeys(
        path for demand in demands.values() for path in _playbooks(demand, known=demand.component.name in known)
    )
    patterns = dict.fromkeys(demand.component.hosts for demand in demands.values())
    return Questions(tuple(playbooks), tuple(dict.fromkeys(p for p in (*patterns, request.limit) if p is not None)))


def _playbooks(demand: Demand, *, known: bool) -> list[Path]:
    component = demand.component
    actions = (*(_ON_INSTALLED if known else _ON_NOTHING), demand.action)
    specs = [component.action(action) for action in actions]
    if component.action(Action.INSTALL) is None:
        specs += component.actions
    return [component.playbook_path(spec) for spec in specs if spec is not None and spec.playbook]
