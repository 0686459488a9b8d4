"""Whether everything has what it requires once the plan is carried out."""

from collections.abc import Collection, Iterable, Mapping

import attrs

from installkit.errors import PlanningError
from installkit.model import Action, Component, Requirement
from installkit.planning.changes import Changes, Rows
from installkit.planning.requests import BRINGING
from installkit.planning.versions import fits

_MOVING = BRINGING | {Action.UNINSTALL}


@attrs.frozen
class Requirements:
    """
    The state of the site once the plan is carried out.

    Attributes:
        catalog: The components by name.
        installed: The record before the plan, by component, then by host.
        changes: The plan's changes, by component.
    """

    catalog: Mapping[str, Component]
    installed: Mapping[str, Rows]
    changes: Mapping[str, Changes]
    _versions: dict[str, dict[str | None, str]] = attrs.field(factory=dict, init=False)

    def check(self) -> None:
        """
        Refuse a plan after which a component lacks what it requires, unless the plan touches neither of the two.

        Raises:
            PlanningError: With a line for each requirement that is not met, naming both sides.
        """
        problems = [
            problem
            for name in sorted({*self.installed, *self.changes} & self.catalog.keys())
            for requirement in self.catalog[name].requires
            if self._changes_of(name, BRINGING) or self._changes_of(requirement.name, _MOVING)
            if self._versions_of(name)
            for problem in self._problems(name, requirement)
        ]
        if problems:
            raise PlanningError(
                "\n".join(problems), remedy="plan what is required along with it, in a version that fits"
            )

    def _changes_of(self, name: str, actions: Collection[Action]) -> Changes | None:
        """Return the changes of component *name* if one of *actions* was asked of it, else None."""
        changes = self.changes.get(name)
        return changes if changes is not None and changes.demand.action in actions else None

    def _problems(self, name: str, requirement: Requirement) -> Iterable[str]:
        required = requirement.name
        versions = self._versions_of(required)
        if not versions:
            state = "to be uninstalled" if self._changes_of(required, {Action.UNINSTALL}) else "not installed"
            yield f"{name} requires {requirement}, but {required} is {state}"
        planned = self.changes[required].by_host if required in self.changes else {}
        for version, host in versions.items():
            if not fits(requirement.version, version):
                actual = f"{required} {version}" if version else f"an unknown version of {required}"
                state = "planned for" if host in planned and planned[host].action is not None else "installed on"
                yield f"{name} requires {requirement}, but {actual} is {state} {host}"

    def _versions_of(self, name: str) -> dict[str | None, str]:
        """Return the versions of *name* after the plan, each with one of its hosts; empty if it is on no host then."""
        if name not in self._versions:
            moving, bringing = self._changes_of(name, _MOVING), self._changes_of(name, BRINGING)
            rows = self.installed.get(name, {})
            kept = {row.version: host for host, row in rows.items() if moving is None or host not in moving.by_host}
            brought = {decision.to_version: hosts[0] for decision, hosts in bringing.decisions} if bringing else {}
            self._versions[name] = {**kept, **brought}
        return self._versions[name]
