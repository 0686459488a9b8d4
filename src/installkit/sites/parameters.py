"""What people enter for a site: values of parameters, secrets, and the passwords that Ansible itself takes."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from installkit.catalog import load_catalog
from installkit.errors import DefinitionError, PlanningError, UnknownNameError
from installkit.model import (
    BECOME_PASSWORD,
    CONNECTION_PASSWORD,
    VAULT_PASSWORD,
    Catalog,
    Inventory,
    Plan,
    SiteParameters,
    is_password,
    is_vault_password,
    password_problem,
    vault_passwords,
)
from installkit.planning import parameter_problem, undeclared_problem
from installkit.store import Store
from installkit.text import join_names

_PASSWORDS = f"{CONNECTION_PASSWORD}, {BECOME_PASSWORD}, {VAULT_PASSWORD}, {VAULT_PASSWORD}:LABEL"

_NOUNS = {"groups": "group", "hosts": "host"}


class SiteValues:
    """
    The part of a site that is entered, beside its inventory.

    Attributes:
        name: The site's.
    """

    name: str
    inventory: Callable[[], Inventory]
    _store: Store

    def catalog(self) -> Catalog:
        """
        Read the site's catalog.

        Raises:
            DefinitionError: If a manifest is wrong; it lists every mistake.
        """
        return load_catalog(self._store.site(self.name).catalog)

    def parameters(self) -> SiteParameters:
        """Return the values entered for the site, by level."""
        return self._store.parameters(self.name)

    def set_parameters(self, values: Mapping[str, Any], *, group: str | None = None, host: str | None = None) -> None:
        """
        Enter parameter values for the site, or for one group or host of it; None takes a value away.

        Raises:
            PlanningError: If no playbook could get one, with a line for each: its component declares another type, no
                component declares it though all declare parameters, its name is Ansible's own, it is a secret (see
                `set_secret`), or the site has no such group or host.
            StoreError: If the data directory cannot be written.
        """
        if group is not None and host is not None:
            raise ValueError("a parameter is set for a group or for a host, not for both")
        self.enter_parameters(
            SiteParameters(
                site=values if group is None and host is None else {},
                groups={} if group is None else {group: values},
                hosts={} if host is None else {host: values},
            )
        )

    def enter_parameters(self, entered: SiteParameters) -> None:
        """
        Enter parameter values at several levels, beside those that are there; all of them or, if one is wrong, none.

        Args:
            entered: None takes a value away. Its secrets are not looked at.

        Raises:
            PlanningError: As `set_parameters`.
            StoreError: If the data directory cannot be written.
        """
        self._store.check_writable()
        if problems := self.parameter_problems(entered):
            lines = (f"{place[-1]}: {problem}" for place, problem in problems.items())
            raise PlanningError("\n".join(lines), remedy="correct them; nothing was entered")
        self._store.set_parameters(self.name, entered)

    def parameter_problems(self, entered: SiteParameters) -> dict[tuple[str, ...], str]:
        """
        Return why values could not be entered, by the place of each; empty if all could.

        Where the inventory cannot be read, any group and host will do: values can be corrected all the same.

        Args:
            entered: As `set_parameters` takes them; None takes a value away, also of a group or host that is gone.

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
            hosts = self.inventory().hosts if named else ()
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
        catalog = self.catalog()
        declared = {each.name: each for component in catalog for each in component.parameters}
        return {
            (*place, name): problem
            for (*place, name), value in given.items()
            if (problem := parameter_problem(name, value, declared.get(name)) or undeclared_problem(catalog, name))
        }

    def set_secret(self, name: str, value: str | None) -> None:
        """
        Keep the value of a secret, encrypted; None takes it away.

        Args:
            name: Of a secret parameter; or a password that Ansible itself takes: `ansible_password` to connect,
                `ansible_become_password`, `ansible_vault_password`, or `ansible_vault_password:LABEL` for a vault
                with a label.
            value: What every run of the site gets, unless it is given another.

        Raises:
            UnknownNameError: If no component declares such a secret, or there is none to be taken away.
            PlanningError: If the value is empty or no text, or Ansible could not take it as a password.
            StoreError: If the data directory cannot be written.
        """
        self._store.check_writable()
        if value is None:
            self._store.unset_secret(self.name, name)
            return
        self._check_declared([name])
        if value == "":
            raise PlanningError(f"the secret {name} is empty", remedy="give it a value, or take it away")
        check_secrets({name: value})
        self._store.set_secret(self.name, name, value)

    def secret_revisions(self) -> dict[str, str]:
        """Return for each secret that is kept a word that changes whenever it is set, and tells nothing of its value."""
        return self._store.secret_revisions(self.name)

    def _check_declared(self, names: Iterable[str]) -> None:
        own = [name for name in names if not is_password(name)]
        catalog = self.catalog() if own else ()
        declared = {each.name for component in catalog for each in component.parameters if each.secret}
        if unknown := [repr(name) for name in own if name not in declared]:
            choices = ", ".join([*sorted(declared), _PASSWORDS])
            raise UnknownNameError(
                f"no component has a secret {', '.join(unknown)}", remedy=f"choose one of: {choices}"
            )

    def _undeclared(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return those of *names* that no component declares as a secret, and that are no passwords of Ansible's."""
        own = [name for name in names if isinstance(name, str) and not is_password(name)]
        declared = {
            each.name for component in (self.catalog() if own else ()) for each in component.parameters if each.secret
        }
        return tuple(dict.fromkeys(name for name in own if name not in declared))

    def _check_handed(self, secrets: Mapping[str, str], named: Collection[str] = ()) -> None:
        """Refuse *secrets* that no run of the site could take, and those that none would; a plan may have *named* some."""
        check_secrets(secrets)
        self._check_declared(name for name in secrets if name not in named)

    def missing_secrets(self, plan: Plan) -> tuple[str, ...]:
        """Return the names of the secrets that *plan* or its components require and the site does not keep, sorted."""
        components = {step.component for step in plan.steps}
        declared = [
            each for component in self.catalog() if component.name in components for each in component.parameters
        ]
        kept = self.parameters().secrets
        needed = {each.name for each in declared if each.secret and each.required}
        return tuple(sorted({*needed, *(plan.request.secrets if components else ())} - {*kept}))

    def _vault(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """Return the vault passwords by label: those among *secrets*, before those that the site keeps."""
        kept = any(is_vault_password(name) for name in self.parameters().secrets)
        return vault_passwords({**(self._store.secrets(self.name) if kept else {}), **secrets})


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return *values* without those that are only taken away."""
    return {name: value for name, value in values.items() if value is not None}


def check_secrets(secrets: Mapping[str, str]) -> None:
    """
    Refuse those of *secrets* that are no text, or are named as Ansible's own variables but could not be passwords.

    Raises:
        PlanningError: With a line for each, without its value.
    """
    if not isinstance(secrets, Mapping):
        raise PlanningError(f"secrets are values by name, as {{'db_password': '…'}}, not of type {_type(secrets)}")
    problems = [f"{name} {problem}" for name, value in secrets.items() if (problem := _secret_problem(name, value))]
    if problems:
        raise PlanningError("\n".join(problems), remedy=f"give each as text; of Ansible's own, as typed: {_PASSWORDS}")


def _secret_problem(name: Any, value: Any) -> str | None:
    if not isinstance(name, str):
        return "is no name of a secret"
    if not isinstance(value, str):
        return f"is text, not of type {_type(value)}"
    if not name.startswith("ansible_"):
        return None
    return password_problem(value) if is_password(name) else "is no password that Ansible takes"


def _type(value: Any) -> str:
    return type(value).__name__
