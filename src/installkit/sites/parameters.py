"""Values of parameters, as people enter them for a site, a group or a host."""

from collections.abc import Collection, Mapping
from typing import Any

from installkit.errors import DefinitionError, PlanningError
from installkit.model import Host, SiteParameters, parameter_problem
from installkit.planning import undeclared_problem
from installkit.sites.survey import SiteSources
from installkit.text import join_names

_NOUNS = {"groups": "group", "hosts": "host"}


class Parameters:
    """The values that were entered for a site."""

    def __init__(self, sources: SiteSources) -> None:
        self._sources = sources

    def values(self) -> SiteParameters:
        """Return the values, by level, with the names of the secrets that are kept."""
        return self._sources.parameters()

    def set(self, values: Mapping[str, Any], *, group: str | None = None, host: str | None = None) -> None:
        """
        Enter parameter values for the site, or for one group or host of it; None takes a value away.

        Raises:
            PlanningError: If no playbook could get one, with a line for each: its component declares another type, no
                component declares it though all declare parameters, its name is Ansible's own, it is a secret (see
                `Secrets.set`), or the site has no such group or host.
            StoreError: If the data directory cannot be written.
        """
        if group is not None and host is not None:
            raise ValueError("a parameter is set for a group or for a host, not for both")
        self.enter(
            SiteParameters(
                site=values if group is None and host is None else {},
                groups={} if group is None else {group: values},
                hosts={} if host is None else {host: values},
            )
        )

    def enter(self, entered: SiteParameters) -> None:
        """
        Enter parameter values at several levels, beside those that are there; all of them or, if one is wrong, none.

        Args:
            entered: None takes a value away. Its secrets are not looked at.

        Raises:
            PlanningError: As `set`.
            StoreError: If the data directory cannot be written.
        """
        store = self._sources.directory.store
        store.check_writable()
        if problems := self.problems(entered):
            lines = (f"{place[-1]}: {problem}" for place, problem in problems.items())
            raise PlanningError("\n".join(lines), remedy="correct them; nothing was entered")
        store.sites.set_parameters(self._sources.name, entered)

    def problems(self, entered: SiteParameters) -> dict[tuple[str, ...], str]:
        """
        Return why values could not be entered, by the place of each; empty if all could.

        Where the inventory cannot be read, any group and host will do: values can be corrected all the same.

        Args:
            entered: As `set` takes them; None takes a value away, also of a group or host that is gone.

        Returns:
            By `("site", NAME)`, `("groups", GROUP, NAME)` and `("hosts", HOST, NAME)`; and by `("groups", GROUP)` or
            `("hosts", HOST)` where there is none.
        """
        levels = entered.levels
        named = [place for place, values in levels.items() if place != ("site",) and (not values or _given(values))]
        given = {(*place, name): value for place, values in levels.items() for name, value in _given(values).items()}
        return {**self._unknown_levels(named), **self._wrong_values(given)}

    def _unknown_levels(self, named: Collection[tuple[str, ...]]) -> dict[tuple[str, ...], str]:
        try:
            hosts = self._hosts() if named else ()
        except (DefinitionError, PlanningError):  # every plan says so
            return {}
        known = {
            "groups": ["all", *sorted({group for host in hosts for group in host.groups} - {"all"})],
            "hosts": [host.name for host in hosts],
        }
        return {
            (kind, name): f"the site has no such {_NOUNS[kind]}; choose one of: {join_names(known[kind])}"
            for kind, name in named
            if name not in known[kind]
        }

    def _wrong_values(self, given: Mapping[tuple[str, ...], Any]) -> dict[tuple[str, ...], str]:
        if not given:
            return {}
        catalog = self._sources.catalog()
        declared = {each.name: each for component in catalog for each in component.parameters}
        return {
            (*place, name): problem
            for (*place, name), value in given.items()
            if (problem := parameter_problem(name, value, declared.get(name)) or undeclared_problem(catalog, name))
        }

    def _hosts(self) -> tuple[Host, ...]:
        return self._sources.inventory(self._sources.snapshot().catalog, self._sources.vault({})).hosts


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return *values* without those that are only taken away."""
    return {name: value for name, value in values.items() if value is not None}
