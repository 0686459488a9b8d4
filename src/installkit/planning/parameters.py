"""Parameter values: which of them are valid, and which value each host gets."""

import difflib
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from installkit.errors import PlanningError
from installkit.model import (
    Action,
    ActionDefinition,
    Catalog,
    Component,
    Installation,
    Inventory,
    Parameter,
    Request,
    SiteParameters,
    digest,
)
from installkit.model.parameter_types import name_problem, parameter_problem
from installkit.planning.secret_names import sounds_secret

_PREFIX = "parameter:"
_OF_CHECKS = "installkit_"  # names of values for installkit's own checks; no component gets these
_NO_PROFILE = ("",)


def check_parameters(catalog: Catalog, request: Request, parameters: SiteParameters) -> None:
    """
    Refuse values that a playbook must not get, from the request, the site, its groups and its hosts.

    Raises:
        PlanningError: With a line for every value that is wrong.
    """
    declared = _declared(catalog)
    problems = [
        f"{name}{place}: {problem}"
        for place, values in _levels(request, parameters)
        for name, value in values.items()
        if (problem := parameter_problem(name, value, declared.get(name)))
    ]
    for name in request.secrets:
        twice = "is given as a value and handed over as a secret: one of them is enough"
        if problem := twice if name in request.parameters else name_problem(name):
            problems.append(f"{name}: {problem}")
    if problems:
        raise PlanningError("\n".join(problems), remedy="correct the values; nothing was changed")


def _declared(catalog: Catalog) -> dict[str, Parameter]:
    return {parameter.name: parameter for component in catalog for parameter in component.parameters}


def undeclared_warnings(catalog: Catalog, request: Request, concerned: Iterable[str]) -> tuple[str, ...]:
    """
    Return a sentence for each value of *request* that no component declares; none if no component declares any at all.

    A name that is not spelled like another may be meant for a playbook without declared parameters: if such a component
    is *concerned*, there is no sentence for it.
    """
    if not _declared(catalog):
        return ()
    names = _known_names(catalog)
    bare = any(not catalog[name].parameters for name in concerned)
    lines = []
    for name in request.parameters:
        if name in names or name.startswith(_OF_CHECKS):
            continue
        if near := _nearest(name, names):
            lines.append(f"no component declares {name!r}; did you mean {near!r}?")
        elif not bare:
            lines.append(f"no component declares {name!r}; playbooks get it as it is")
    return tuple(lines)


def secret_warnings(catalog: Catalog, request: Request, parameters: SiteParameters) -> tuple[str, ...]:
    """Return a sentence for each value that sounds like a secret but is not declared as one by any component."""
    declared = {name for name, parameter in _declared(catalog).items() if parameter.secret}
    return tuple(
        f"{name}{place} sounds like a secret, and its value is kept in clear: hand it over with --secret {name} (over HTTP"
        " and in Python: secrets), or let the manifest declare it (secret: true)"
        for place, values in _levels(request, parameters)
        for name, value in values.items()
        if name not in declared and sounds_secret(name, value)
    )


def undeclared_problem(catalog: Catalog, name: str) -> str | None:
    """Return why no component uses a value for *name*; None if one declares it, or if one declares no parameters."""
    names = _known_names(catalog)
    if name in names or name.startswith(_OF_CHECKS) or any(not component.parameters for component in catalog):
        return None
    near = _nearest(name, names)
    return "no component declares it" + (f"; did you mean {near}?" if near else "")


def _known_names(catalog: Catalog) -> set[str]:
    """Return the names of all declared parameters, and of the variables that actions of *catalog* set."""
    of_actions = (name for component in catalog for spec in component.actions for name in spec.vars)
    return {*_declared(catalog), *of_actions}


def _nearest(name: str, names: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(name, sorted(names), n=1)), None)


def _levels(request: Request, parameters: SiteParameters) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "", request.parameters
    yield " of the site", parameters.site
    for group, values in parameters.groups.items():
        yield f" of group {group}", values
    for host, values in parameters.hosts.items():
        yield f" of host {host}", values


@attrs.define
class ResolvedParameters:
    """
    The values that each host gets, by level; secrets are never among them.

    Of a host's groups the last in the inventory's order wins, as in Ansible: a child over its parents.
    """

    catalog: Catalog
    inventory: Inventory
    parameters: SiteParameters
    request: Mapping[str, Any]
    _given: dict[tuple[str, tuple[str, ...]], dict[str, str]] = attrs.field(factory=dict, init=False)
    _of_profile: dict[tuple[str, ...], dict[str, Any]] = attrs.field(factory=dict, init=False)

    def of_host(self, host: str) -> Mapping[str, Any]:
        """Return the values that *host* has from the site, its groups and itself."""
        profile = self._profiles.get(host, _NO_PROFILE)
        if profile not in self._of_profile:
            *groups, own = profile
            merged = dict(self.parameters.site)
            for group in groups:
                merged |= self.parameters.groups[group]
            self._of_profile[profile] = merged | dict(self.parameters.hosts.get(own, {}))
        return self._of_profile[profile]

    def given(self, component: Component, host: str) -> Mapping[str, str]:
        """Return by name the digest of each value that *component* gets on *host*, without defaults."""
        if self._none:
            return {}
        profile = self._profiles.get(host, _NO_PROFILE)
        key = (component.name, profile)
        if key not in self._given:
            values = {**self.of_host(host), **self.request}
            own = {parameter.name for parameter in component.parameters if not parameter.secret}
            loose = set(self.request) if component.manifest else {*self.request, *self._entered}
            free = {name for name in loose - self._declared_names if not name.startswith(_OF_CHECKS)}
            # No digest of what sounds secret: it would tell whether a guess is right.
            names = [name for name in own | free if name in values and not sounds_secret(name)]
            self._given[key] = {name: digest(values[name]) for name in names}
        return self._given[key]

    def changed(self, component: Component, row: Installation) -> tuple[str, ...]:
        """
        Return the names of *component*'s parameters whose value differs from the one recorded in *row*, sorted.

        A value equal to the default counts as no value. A variable that no component declares counts only while it is
        given.
        """
        given = self.given(component, row.host)
        if not given and row.inputs.keys() <= {"files"}:
            return ()
        defaults = self._defaults[component.name]
        recorded = {name.removeprefix(_PREFIX): value for name, value in row.inputs.items() if name.startswith(_PREFIX)}
        names = {*given, *(recorded.keys() & defaults.keys())}
        before = {name: recorded.get(name, defaults.get(name)) for name in names}
        return tuple(sorted(name for name in names if before[name] != given.get(name, defaults.get(name))))

    def missing(self, component: Component, hosts: Iterable[str]) -> dict[str, list[str]]:
        """Return the required parameters of *component* without a value, by name, with the hosts that lack it."""
        lacking: dict[str, list[str]] = {}
        needed = [
            parameter
            for parameter in component.parameters
            if parameter.required and not parameter.secret and parameter.value is None
        ]
        for parameter in needed:
            if parameter.name not in self.request:
                hosts_without = [host for host in hosts if parameter.name not in self.of_host(host)]
                lacking |= {parameter.name: hosts_without} if hosts_without else {}
        return lacking

    @functools.cached_property
    def _profiles(self) -> dict[str, tuple[str, ...]]:
        """By host: its groups that have values, lowest first, then its own name if it has values, else ""."""
        given = [group for group in self.inventory.groups if group in self.parameters.groups]
        return {
            host.name: (
                *(group for group in given if group == "all" or group in host.groups),
                host.name if host.name in self.parameters.hosts else "",
            )
            for host in self.inventory.hosts
        }

    @functools.cached_property
    def _none(self) -> bool:
        return not self.request and not self._entered

    @functools.cached_property
    def _entered(self) -> set[str]:
        levels = (self.parameters.site, *self.parameters.groups.values(), *self.parameters.hosts.values())
        return {name for values in levels for name in values}

    @functools.cached_property
    def _declared_names(self) -> frozenset[str]:
        return frozenset(_declared(self.catalog))

    @functools.cached_property
    def _defaults(self) -> dict[str, dict[str, str | None]]:
        return {
            component.name: {
                parameter.name: None if parameter.value is None else digest(parameter.value)
                for parameter in component.parameters
                if not parameter.secret and not sounds_secret(parameter.name)
            }
            for component in self.catalog
        }


def handed_variables(
    component: Component,
    spec: ActionDefinition,
    request: Request,
    *,
    to_version: str | None,
    from_version: str | None,
) -> dict[str, Any]:
    """
    Return the extra variables that a playbook of *component* gets for the action *spec*, except secrets.

    Args:
        component: The component of the playbook.
        spec: The action, as `Component.action` returns it.
        request: Its values go before those of *spec*.
        to_version: The version aimed at; None if versions are unknown.
        from_version: The version before; None if it is not installed, or unknown.
    """
    return {
        **spec.vars,
        **request.parameters,
        "component_name": component.name,
        "component_action": spec.action.value,
        "component_version": from_version if spec.action is Action.UNINSTALL else to_version,
        "component_from_version": from_version,
        "component_purge": request.purge and spec.action is Action.UNINSTALL,
    }


def handed_secrets(component: Component, parameters: SiteParameters, request: Request) -> tuple[str, ...]:
    """
    Return the names of the secrets that playbooks of *component* get.

    They are the required secrets of the component, its others that the site keeps, and those that *request* names.
    """
    own = (
        parameter.name
        for parameter in component.parameters
        if parameter.secret and (parameter.required or parameter.name in parameters.secrets)
    )
    return tuple(dict.fromkeys((*own, *request.secrets)))


def step_inputs(files: str, given: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """
    Return the inputs of a step, as in `StepSpec.inputs`.

    Args:
        files: Digest of the component's files.
        given: Digests of the parameters that it gets, by host, then by name.
    """
    inputs = {"files": files}
    for name in sorted({name for digests in given.values() for name in digests}):
        values = {host: digests.get(name) for host, digests in given.items()}
        if len(set(values.values())) == 1:
            inputs[f"{_PREFIX}{name}"] = next(iter(values.values())) or ""
        else:
            inputs |= {f"{_PREFIX}{name}@{host}": value for host, value in values.items() if value is not None}
    return inputs
