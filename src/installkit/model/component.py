import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from installkit.errors import Issue, UnknownNameError
from installkit.model.inventory import PlaybookUse
from installkit.model.statuses import Action, OnChange, OriginLevel

_NUMBER = re.compile(r"0*[0-9]{1,9}")
_FIRST_NUMBER = re.compile(r"[0-9]{1,255}")


@attrs.frozen
class Requirement:
    """
    What a component requires before it can be installed.

    Attributes:
        name: The required component.
        version: A specifier set such as `>=17,<18`; None accepts any version.
    """

    name: str
    version: str | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


@attrs.frozen
class Origin:
    """
    Where a value comes from.

    Attributes:
        name: The component, group or host at that level; None for levels without a name.
    """

    level: OriginLevel
    name: str | None = None


@attrs.frozen(kw_only=True)
class Parameter:
    """
    A value that a component's playbooks receive as an Ansible variable of the same name.

    Attributes:
        component: The component that declares it.
        type: One of `TYPES`.
        value: None if there is none yet, and always None for a secret.
        origin: Where the value comes from; None without a value.
        on_change: What is done after a change of the value.
    """

    name: str
    component: str
    type: str = "string"
    value: Any = None
    origin: Origin | None = None
    secret: bool = False
    required: bool = False
    on_change: OnChange = OnChange.CONFIGURE


@attrs.frozen(kw_only=True)
class ActionDefinition:
    """
    How one action of a component is carried out.

    Attributes:
        playbook: File name relative to the component's folder; empty for `record` and `forget`, which run none.
        vars: Variables that the playbook gets in addition to the parameters.
        batch: As Ansible's `serial`: counts or percentages, the last repeated; empty for all hosts at once.
        timeout: Seconds; None for no limit.
        soft_timeout: Seconds after which a warning is given; None for none.
        from_version: The versions that it can start from, as a specifier set, or as a specifier set for each version
            that it leads to; None accepts any. In a manifest: `from`.
        approve: `first_batch` or `every_batch` waits for an approval after it; None never waits.
        facts: `fresh` gathers facts anew, `cached` shares them with the other steps of the run, `all` also gathers those of
            every host of the inventory first.
        gathers: Whether a play of its playbook, or of one that it imports, gathers facts; None if that depends on
            Ansible's setting.
        prompts: The variables that its playbook, and those that it imports, ask for (`vars_prompt`). In a run nobody
            answers, but Ansible does not ask for a variable that the request gives.
    """

    action: Action
    playbook: str
    tags: tuple[str, ...] = ()
    skip_tags: tuple[str, ...] = ()
    vars: Mapping[str, Any] = attrs.field(factory=dict)
    batch: tuple[int | str, ...] = ()
    timeout: float | None = None
    soft_timeout: float | None = None
    from_version: str | Mapping[str, str] | None = None
    approve: str | None = None
    destructive: bool = False
    facts: str = "cached"
    gathers: bool | None = None
    prompts: tuple[str, ...] = ()

    def origins(self, version: str | None) -> str | None:
        """Return the versions from which it can lead to *version*, as a specifier set; None for any."""
        if isinstance(self.from_version, Mapping):
            return None if version is None else self.from_version.get(version)
        return self.from_version


@attrs.frozen(kw_only=True)
class Component:
    """
    Something installable.

    Attributes:
        versions: The versions that it can install, in the manifest's order; the last is the default. Empty if unknown.
        order: The number of its install playbook; None if it has none.
        hosts: Group or pattern; None for the hosts that its plays name.
        exclusive: Whether it needs its hosts to itself while it runs.
        folder: Absolute; its playbooks are in this folder and run there.
        manifest: Absolute path of its manifest; None for a numbered playbook without one.
        becomes: Whether one of its files asks for another user's rights.
        caution: Why it may not be meant to be installed, as `92.stop.yml`, and what to do; None for most components.
        files: Digests (sha256, hex) of its playbooks and all files that they may read, by path relative to the catalog.
    """

    name: str
    title: str
    folder: Path
    versions: tuple[str, ...] = ()
    order: int | None = None
    hosts: str | None = None
    requires: tuple[Requirement, ...] = ()
    exclusive: bool = True
    parameters: tuple[Parameter, ...] = ()
    actions: tuple[ActionDefinition, ...] = ()
    manifest: Path | None = None
    becomes: bool = False
    caution: str | None = None
    files: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    @property
    def default_version(self) -> str | None:
        """The version that is installed if the request names none; None if versions are unknown."""
        return self.versions[-1] if self.versions else None

    def action(self, action: Action) -> ActionDefinition | None:
        """
        Return how *action* is carried out; None if the component has no such action.

        `upgrade` and `configure` fall back to the playbook of `install`; `record` and `forget` need no declaration.
        """
        if action.bookkeeping:
            return ActionDefinition(action=action, playbook="")
        declared = {spec.action: spec for spec in self.actions}
        if action in {Action.UPGRADE, Action.CONFIGURE}:
            install = declared.get(Action.INSTALL)
            return declared.get(action) or (install and attrs.evolve(install, action=action))
        return declared.get(action)

    def playbook_path(self, spec: ActionDefinition) -> Path:
        """Return the absolute path of *spec*'s playbook."""
        return self.folder / spec.playbook

    def use_of(self, spec: ActionDefinition, variables: Mapping[str, Any] | None = None) -> PlaybookUse:
        """Return the use of *spec*'s playbook, with *variables* as its extra variables."""
        return PlaybookUse(self.playbook_path(spec), self.name, spec.action, variables or {})


@attrs.frozen(kw_only=True)
class Catalog:
    """
    The components found in a folder of playbooks.

    Attributes:
        folder: Absolute.
        components: By order, then by name.
        others: Playbooks that are not a component, relative to the folder.
        unreadable: Playbooks that cannot be read, as invalid YAML; only their own components cannot be planned.
        dropped: Numbered playbooks that are in no plan, by path relative to the folder, with the reason and what to do:
            the name cannot be a component's, the file cannot be read, or it holds no plays.
        debuggers: The words with which a file asks for Ansible's debugger, by `FILE:LINE`, relative to the folder.
        warnings: A sentence for each thing that is allowed but may be a mistake, also for the `unreadable` playbooks.
    """

    folder: Path
    components: tuple[Component, ...]
    others: tuple[str, ...] = ()
    unreadable: tuple[Issue, ...] = ()
    dropped: Mapping[str, str] = attrs.field(factory=dict)
    debuggers: Mapping[str, str] = attrs.field(factory=dict)
    warnings: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Component]:
        return iter(self.components)

    def __len__(self) -> int:
        return len(self.components)

    def __contains__(self, name: object) -> bool:
        return any(name == component.name for component in self.components)

    def called(self, name: str) -> tuple[Component, ...]:
        """Return the components that *name* may mean: the one with that name, else all with that number or file."""
        own = tuple(component for component in self.components if component.name == name)
        number = _number_in(name)
        return own or tuple(
            component
            for component in self.components
            if (number is not None and component.order == number)
            or any(spec.action is Action.INSTALL and spec.playbook == name for spec in component.actions)
        )

    def dropped_as(self, name: str) -> tuple[str, ...]:
        """Return the paths of the dropped playbooks that *name* means: a path or a number."""
        if name in self.dropped:
            return (name,)
        number = _number_in(name)
        return () if number is None else self.dropped_between(number, number)

    def dropped_between(self, first: int, last: int) -> tuple[str, ...]:
        """Return the paths of the dropped playbooks with a number from *first* to *last*."""
        numbers = {path: _FIRST_NUMBER.match(Path(path).name) for path in self.dropped}
        return tuple(path for path, number in numbers.items() if number and first <= int(number[0]) <= last)

    def __getitem__(self, name: str) -> Component:
        """
        Return the component *name*; *name* may also be its number, as `1`, `01` or `001`, or its playbook's file name.

        Raises:
            UnknownNameError: If there is none, or several components share the number.
        """
        components = self.called(name)
        if len(components) == 1:
            return components[0]
        if components:
            names = ", ".join(component.name for component in components)
            raise UnknownNameError(
                f"{name!r} means several components: {names}",
                remedy=f"use the name of one, or name all of them as a range: {name}-{name}",
            )
        if dropped := self.dropped_as(name):
            raise UnknownNameError("\n".join(f"{path}: {self.dropped[path]}" for path in dropped))
        raise UnknownNameError(
            f"no component is named {name!r} in {self.folder}",
            remedy="choose one of: " + (", ".join(component.name for component in self.components) or "none found"),
        )


def _number_in(text: str) -> int | None:
    """Return *text* as a number, with any zeros before it; None if it is not a number."""
    return int(text) if _NUMBER.fullmatch(text) else None
