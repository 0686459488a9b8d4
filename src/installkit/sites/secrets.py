"""Secrets of a site, and the passwords that Ansible itself takes: kept, handed over, and refused."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from installkit.errors import PlanningError, UnknownNameError
from installkit.model import (
    BECOME_PASSWORD,
    CONNECTION_PASSWORD,
    VAULT_PASSWORD,
    Catalog,
    Plan,
    is_password,
    password_problem,
)
from installkit.sites.survey import SiteSources

_PASSWORDS = f"{CONNECTION_PASSWORD}, {BECOME_PASSWORD}, {VAULT_PASSWORD}, {VAULT_PASSWORD}:LABEL"


class Secrets:
    """The secrets that a site keeps, encrypted."""

    def __init__(self, sources: SiteSources) -> None:
        self._sources = sources

    def names(self) -> tuple[str, ...]:
        """Return the names of the secrets that are kept, sorted."""
        return self._sources.parameters().secrets

    def set(self, name: str, value: str | None) -> None:
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
        store = self._sources.directory.store
        store.check_writable()
        if value is None:
            store.secrets.unset(self._sources.name, name)
            return
        _check_declared(self._sources, [name])
        if value == "":
            raise PlanningError(f"the secret {name} is empty", remedy="give it a value, or take it away")
        check_secrets({name: value})
        store.secrets.set(self._sources.name, name, value)

    def revisions(self) -> dict[str, str]:
        """Return for each secret that is kept a word that changes whenever it is set, and tells nothing of its value."""
        return self._sources.directory.store.secrets.revisions(self._sources.name)

    def missing(self, plan: Plan) -> tuple[str, ...]:
        """Return the names of the secrets that *plan* or its components require and the site does not keep, sorted."""
        components = {step.component for step in plan.steps}
        declared = [
            each
            for component in self._sources.catalog()
            if component.name in components
            for each in component.parameters
        ]
        needed = {each.name for each in declared if each.secret and each.required}
        return tuple(sorted({*needed, *(plan.request.secrets if components else ())} - {*self.names()}))


def undeclared(catalog: Catalog, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of *names* that no component declares as a secret, and that are not passwords of Ansible's."""
    declared = {each.name for component in catalog for each in component.parameters if each.secret}
    own = (name for name in names if isinstance(name, str) and not is_password(name))
    return tuple(dict.fromkeys(name for name in own if name not in declared))


def check_handed(sources: SiteSources, secrets: Mapping[str, str], named: Collection[str] = ()) -> None:
    """Refuse *secrets* that no run of the site could take, and those that none would; a plan may have *named* some."""
    check_secrets(secrets)
    _check_declared(sources, [name for name in secrets if name not in named])


def _check_declared(sources: SiteSources, names: Iterable[str]) -> None:
    own = [name for name in names if not is_password(name)]
    if not own:
        return  # a catalog that cannot be read forbids no password
    declared = {each.name for component in sources.catalog() for each in component.parameters if each.secret}
    if unknown := [repr(name) for name in own if name not in declared]:
        choices = ", ".join([*sorted(declared), _PASSWORDS])
        raise UnknownNameError(f"no component has a secret {', '.join(unknown)}", remedy=f"choose one of: {choices}")


def check_secrets(secrets: Mapping[str, str]) -> None:
    """
    Refuse those of *secrets* that are not text, or are named as Ansible's own variables but could not be passwords.

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
        return "is not a name of a secret"
    if not isinstance(value, str):
        return f"is text, not of type {_type(value)}"
    if not name.startswith("ansible_"):
        return None
    return password_problem(value) if is_password(name) else "is not a password that Ansible takes"


def _type(value: Any) -> str:
    return type(value).__name__
