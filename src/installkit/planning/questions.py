"""What Ansible must be asked before a plan can be made."""

from collections.abc import Iterable
from pathlib import Path

import attrs

from installkit.model import Action, ActionSpec, Catalog, Component, Installation, PlaybookUse, Request
from installkit.planning.limits import limit_parts
from installkit.planning.parameters import handed_variables
from installkit.planning.requests import Demand, read_demands

_ON_NOTHING = (Action.INSTALL, Action.VERIFY, Action.CHECK)
_ON_INSTALLED = (Action.INSTALL, Action.UPGRADE, Action.CONFIGURE, Action.VERIFY, Action.CHECK)


@attrs.frozen
class Questions:
    """
    What is asked of Ansible, to be answered as `Targets`.

    Attributes:
        uses: Playbooks with the variables that they get, whose plays and hosts are wanted.
        patterns: Ansible host patterns, whose hosts are wanted: those of components, the request's limit and its parts.
    """

    uses: tuple[PlaybookUse, ...]
    patterns: tuple[str, ...]

    @property
    def playbooks(self) -> tuple[Path, ...]:
        """The absolute paths of the playbooks, each once."""
        return tuple(dict.fromkeys(use.playbook for use in self.uses))


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
    uses = [use for demand in demands.values() for use in _uses(demand, request, known=demand.component.name in known)]
    return Questions(tuple(uses), asked_patterns((demand.component for demand in demands.values()), request.limit))


def _uses(demand: Demand, request: Request, *, known: bool) -> list[PlaybookUse]:
    component = demand.component
    actions = dict.fromkeys((*(_ON_INSTALLED if known else _ON_NOTHING), demand.action))
    specs = [spec for action in actions if (spec := component.action(action)) is not None]
    if component.action(Action.INSTALL) is None:
        specs += [spec for spec in component.actions if spec not in specs]
    return [asked_use(component, spec, request, demand.version) for spec in specs if spec.playbook]


def asked_use(component: Component, spec: ActionSpec, request: Request, version: str | None = None) -> PlaybookUse:
    """
    Return the use of *spec*'s playbook with the variables that it will get, as far as they are known before the plan.

    Args:
        component: Whose playbook it is.
        spec: How the action is carried out.
        request: What somebody asks for.
        version: What is asked for of the component; None for its default. The version before is taken for unknown.
    """
    versions = {"to_version": version or component.default_version, "from_version": None}
    return component.use_of(spec, handed_variables(component, spec, request, **versions))


def asked_patterns(components: Iterable[Component], limit: str | None) -> tuple[str, ...]:
    """Return the host patterns of *components*, *limit* and its parts, each once."""
    of_components = (component.hosts for component in components)
    every = (*of_components, limit, *(part.pattern for part in limit_parts(limit or "")))
    return tuple(dict.fromkeys(pattern for pattern in every if pattern is not None))
