"""Whether everything has what it requires once the plan is carried out."""

from collections.abc import Iterable, Mapping

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
    How the site stands once the plan is carried out.

    Attributes:
        catalog: Component by name.
        installed: What is recorded now, by component, then by host.
        changes: By component.
    """

    catalog: Mapping[str, Component]
    installed: Mapping[str, Rows]
    changes: Mapping[str, Changes]
    _versions: dict[str, dict[str | None, str]] = attrs.field(factory=dict, init=False)

    def check(self) -> None:
        """
        Refuse an outcome in which something lacks what it requires, unless it lacks it already and stays as it is.

        Raises:
            PlanningError: With a line for each requirement that is not met, naming both sides.
        """
        problems = [
            problem
            for name in sorted({*self.installed, *self.changes} & self.catalog.keys())
            for requirement in self.catalog[name].requires
            if self._is_touched(name, requirement) and self._versions_of(name)
            for problem in self._problems(name, requirement)
        ]
        if problems:
            raise PlanningError(
                "\n".join(problems), remedy="plan what is required along with it, in a version that fits"
            )

    def _is_touched(self, name: str, requirement: Requirement) -> bool:
        own, required = self.changes.get(name), self.changes.get(requirement.name)
        brought = own is not None and own.demand.action in BRINGING
        return brought or (required is not None and required.demand.action in _MOVING)

    def _problems(self, name: str, requirement: Requirement) -> Iterable[str]:
        required = requirement.name
        versions = self._versions_of(required)
        if not versions:
            gone = required in self.changes and self.changes[required].demand.action is Action.UNINSTALL
            yield f"{name} requires {requirement}, but {required} is {'to be uninstalled' if gone else 'not installed'}"
        for version, host in versions.items():
            if not fits(requirement.version, version):
                found = f"{required} {version}" if version else f"an unknown version of {required}"
                yield f"{name} requires {requirement}, but {found} is {self._state(required, host)} {host}"

    def _versions_of(self, name: str) -> dict[str | None, str]:
        """Return the versions of *name* that there will be, each with one of its hosts; empty if it will be nowhere."""
        if name not in self._versions:
            self._versions[name] = {**self._kept_versions(name), **self._brought_versions(name)}
        return self._versions[name]

    def _kept_versions(self, name: str) -> dict[str | None, str]:
        changes = self.changes.get(name)
        moved = changes.by_host if changes and changes.demand.action in _MOVING else {}
        return {row.version: host for host, row in self.installed.get(name, {}).items() if host not in moved}

    def _brought_versions(self, name: str) -> dict[str | None, str]:
        changes = self.changes.get(name)
        if changes is None or changes.demand.action not in BRINGING:
            return {}
        return {decision.to_version: hosts[0] for decision, hosts in changes.decisions}

    def _state(self, name: str, host: str) -> str:
        change = self.changes[name].by_host.get(host) if name in self.changes else None
        return "installed on" if change is None or change.action is None else "planned for"
