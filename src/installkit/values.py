"""What people enter for a site: values of parameters, secrets, and the passwords that Ansible itself takes."""

from collections.abc import Collection, Mapping
from typing import Any

from installkit.catalog import load_catalog
from installkit.errors import PlanningError, UnknownNameError
from installkit.model import (
    BECOME_PASSWORD,
    CONNECTION_PASSWORD,
    VAULT_PASSWORD,
    Catalog,
    Plan,
    SiteParameters,
    is_password,
    is_vault_password,
    password_problem,
    vault_passwords,
)
from installkit.store import Store

_PASSWORDS = f"{CONNECTION_PASSWORD}, {BECOME_PASSWORD}, {VAULT_PASSWORD}, {VAULT_PASSWORD}:LABEL"


class SiteValues:
    """
    The part of a site that is entered, beside its inventory.

    Attributes:
        name: The site's.
    """

    name: str
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
            PlanningError: If one is a secret's: those are kept encrypted, by `set_secret`.
            StoreError: If the data directory cannot be written.
        """
        if group is not None and host is not None:
            raise ValueError("a parameter is set for a group or for a host, not for both")
        self._store.check_writable()
        self._refuse_secrets({name for name, value in values.items() if value is not None})
        level = "group" if group is not None else "host" if host is not None else "site"
        self._store.set_parameters(self.name, values, level=level, name=group or host)

    def _declared_secrets(self) -> set[str]:
        return {each.name for component in self.catalog() for each in component.parameters if each.secret}

    def _refuse_secrets(self, names: Collection[str]) -> None:
        declared = self._declared_secrets() if names else set()
        if secret := sorted(name for name in names if name in declared or is_password(name)):
            raise PlanningError(
                f"{', '.join(secret)}: a secret is not kept among the parameters, which are readable",
                remedy="keep it encrypted: set_secret, or installkit site secret",
            )

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
            PlanningError: If the value is empty, or Ansible could not take it as a password.
            StoreError: If the data directory cannot be written.
        """
        self._store.check_writable()
        if value is None:
            self._store.unset_secret(self.name, name)
            return
        if not is_password(name):
            self._check_declared(name)
        if not value:
            raise PlanningError(f"the secret {name} is empty", remedy="give it a value, or take it away")
        check_passwords({name: value})
        self._store.set_secret(self.name, name, value)

    def secret_revisions(self) -> dict[str, str]:
        """Return for each secret that is kept a word that changes whenever it is set, and tells nothing of its value."""
        return self._store.secret_revisions(self.name)

    def _check_declared(self, name: str) -> None:
        declared = self._declared_secrets()
        if name not in declared:
            choices = ", ".join([*sorted(declared), _PASSWORDS])
            raise UnknownNameError(f"no component has a secret {name!r}", remedy=f"choose one of: {choices}")

    def missing_secrets(self, plan: Plan) -> tuple[str, ...]:
        """Return the names of the secrets that *plan*'s components require and the site does not keep, sorted."""
        components = {step.component for step in plan.steps}
        declared = [
            each for component in self.catalog() if component.name in components for each in component.parameters
        ]
        kept = self.parameters().secrets
        return tuple(
            sorted({each.name for each in declared if each.secret and each.required and each.name not in kept})
        )

    def _vault(self, secrets: Mapping[str, str]) -> dict[str, str]:
        """Return the vault passwords by label: those among *secrets*, before those that the site keeps."""
        check_passwords(secrets)
        kept = any(is_vault_password(name) for name in self.parameters().secrets)
        return vault_passwords({**(self._store.secrets(self.name) if kept else {}), **secrets})


def check_passwords(secrets: Mapping[str, str]) -> None:
    """
    Refuse those of *secrets* that are named as Ansible's own variables, but could not be taken as passwords.

    Raises:
        PlanningError: With a line for each, without its value.
    """
    own = {name: value for name, value in secrets.items() if name.startswith("ansible_")}
    problems = [
        f"{name} {problem}"
        for name, value in own.items()
        if (problem := password_problem(value) if is_password(name) else "is no password that Ansible takes")
    ]
    if problems:
        raise PlanningError("\n".join(problems), remedy=f"give one of {_PASSWORDS} as it is typed")
