"""The values of parameters that people enter for a site, a group or a host."""

from collections.abc import Mapping
from typing import Any

from installkit.errors import DefinitionError, PlanningError
from installkit.model import SiteParameters, parameter_problem
from installkit.planning import undeclared_problem
from installkit.sites.survey import SiteSources
from installkit.text import join_names

_NOUNS = {"groups": "group", "hosts": "host"}


class Parameters:
    """The values that were entered for a site."""

    def __init__(self, sources: SiteSources) -> None:
        self._sources = sources

    def values(self) -> SiteParameters:
        """Return the values by level, and the names of the secrets that the site keeps."""
        return self._sources.parameters()

    def set(self, values: Mapping[str, Any], *, group: str | None = None, host: str | None = None) -> None:
        """
        Enter parameter values for the site, or for one of its groups or hosts; None removes a value.

        Raises:
            PlanningError: With a line for each value that no playbook could get: its component declares another type,
                no component declares it although all declare parameters, its name is reserved for Ansible, it is a
                secret (see `Secrets.set`), or the site has no such group or host.
            StoreError: If the data directory cannot be written.
        """
        self.enter(SiteParameters.at_one_level(values, group=group, host=host))

    def enter(self, entered: SiteParameters) -> None:
        """
        Add parameter values at several levels to those that are there; if one of them is wrong, none is entered.

        Args:
            entered: None removes a value. Its secrets are ignored.

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
        Return why values cannot be entered, by the place of each; empty if all can.

        If the inventory cannot be read, every group and host is accepted, so that values can be corrected all the same.

        Args:
            entered: As `set` takes them; None removes a value, also from a group or host that no longer exists.

        Returns:
            By `("site", NAME)`, `("groups", GROUP, NAME)` and `("hosts", HOST, NAME)`; and by `("groups", GROUP)` or
            `("hosts", HOST)` if the site has no such group or host.
        """
        problems: dict[tuple[str, ...], str] = {}
        levels = entered.levels
        given = {  # without the values that are only removed
            place: {name: value for name, value in values.items() if value is not None}
            for place, values in levels.items()
        }
        named = [place for place in levels if place != ("site",) and (given[place] or not levels[place])]
        try:
            hosts = (
                self._sources.inventory(self._sources.snapshot().catalog, self._sources.vault({})).hosts
                if named
                else ()
            )
        except (DefinitionError, PlanningError):  # every plan says so
            named, hosts = [], ()
        groups = {group for host in hosts for group in host.groups}
        choices = {"groups": ["all", *sorted(groups - {"all"})], "hosts": [host.name for host in hosts]}
        problems |= {
            (kind, name): f"the site has no such {_NOUNS[kind]}; choose one of: {join_names(choices[kind])}"
            for kind, name in named
            if name not in choices[kind]
        }
        if any(given.values()):
            catalog = self._sources.catalog()
            declared = {parameter.name: parameter for component in catalog for parameter in component.parameters}
            problems |= {
                (*place, name): problem
                for place, values in given.items()
                for name, value in values.items()
                if (problem := parameter_problem(name, value, declared.get(name)) or undeclared_problem(catalog, name))
            }
        return problems
