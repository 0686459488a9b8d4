"""Secrets of a site, and passwords for Ansible itself: how they are stored and checked."""

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
from installkit.planning import missing_secrets
from installkit.sites.survey import SiteSources

_PASSWORDS = f"{CONNECTION_PASSWORD}, {BECOME_PASSWORD}, {VAULT_PASSWORD}, {VAULT_PASSWORD}:LABEL"


class Secrets:
    """The secrets that a site keeps, encrypted."""

    def __init__(self, sources: SiteSources) -> None:
        self._sources = sources

    def names(self) -> tuple[str, ...]:
        """Return the names of the secrets that the site keeps, sorted."""
        return self._sources.parameters().secrets

    def set(self, name: str, value: str | None) -> None:
        """
        Keep the value of a secret, encrypted; None removes it.

        Args:
            name: A secret parameter, or a password for Ansible itself: `ansible_password` to connect,
                `ansible_become_password`, `ansible_vault_password`, or `ansible_vault_password:LABEL` for a vault
                with a label.
            value: The value that every run of the site gets, unless the run is started with another one.

        Raises:
            UnknownNameError: If no component declares such a secret, or there is none to remove.
            PlanningError: If the value is empty or not text, or Ansible could not use it as a password.
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
        """Return a word for each secret that changes whenever the secret is set; it reveals nothing about the value."""
        return self._sources.directory.store.secrets.revisions(self._sources.name)

    def missing(self, plan: Plan) -> tuple[str, ...]:
        """Return the names of the secrets that *plan* or its components require and the site does not keep, sorted."""
        return missing_secrets(plan, self._sources.catalog(), self.names())


def undeclared(catalog: Catalog, names: Iterable[str]) -> tuple[str, ...]:
    """Return the *names* that no component declares as a secret, and that are not passwords for Ansible."""
    declared = {parameter.name for component in catalog for parameter in component.parameters if parameter.secret}
    own = (name for name in names if isinstance(name, str) and not is_password(name))
    return tuple(dict.fromkeys(name for name in own if name not in declared))


def check_handed(sources: SiteSources, secrets: Mapping[str, str], named: Collection[str] = ()) -> None:
    """Refuse *secrets* that are not valid, and those that no component declares and no plan has *named*."""
    check_secrets(secrets)
    _check_declared(sources, [name for name in secrets if name not in named])


def _check_declared(sources: SiteSources, names: Iterable[str]) -> None:
    own = [name for name in names if not is_password(name)]
    if not own:
        return  # passwords are accepted even if the catalog cannot be read
    declared = {
        parameter.name for component in sources.catalog() for parameter in component.parameters if parameter.secret
    }
    if unknown := [repr(name) for name in own if name not in declared]:
        choices = ", ".join([*sorted(declared), _PASSWORDS])
        raise UnknownNameError(f"no component has a secret {', '.join(unknown)}", remedy=f"choose one of: {choices}")


def check_secrets(secrets: Mapping[str, str]) -> None:
    """
    Refuse *secrets* that are not text, or that have the name of a variable of Ansible's but cannot be a password.

    Raises:
        PlanningError: With a line for each, without its value.
    """
    if not isinstance(secrets, Mapping):
        raise PlanningError(f"secrets are values by name, as {{'db_password': '…'}}, not of type {_type(secrets)}")
    problems = []
    for name, value in secrets.items():
        problem = None
        if not isinstance(name, str):
            problem = "is not a name of a secret"
        elif not isinstance(value, str):
            problem = f"is text, not of type {_type(value)}"
        elif name.startswith("ansible_"):
            problem = password_problem(value) if is_password(name) else "is not a password that Ansible takes"
        if problem:
            problems.append(f"{name} {problem}")
    if problems:
        raise PlanningError("\n".join(problems), remedy=f"give each as text; of Ansible's own, as typed: {_PASSWORDS}")


def _type(value: Any) -> str:
    return type(value).__name__
