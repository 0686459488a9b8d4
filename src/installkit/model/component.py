import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from installkit.errors import Issue, UnknownNameError
from installkit.model.inventory import PlaybookUse
from installkit.model.statuses import Action

_NUMBER = re.compile(r"0*[0-9]{1,9}")
_FIRST_NUMBER = re.compile(r"[0-9]{1,255}")


@attrs.frozen
class Requirement:
    """
    What a component needs before it.

    Attributes:
        name: The required component.
        version: A specifier set such as `>=17,<18`; None takes any version.
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
        level: `default`, `inventory`, `site`, `group`, `host` or `request`, lowest first.
        name: The component, group or host at that level; None where the level says all.
    """

    level: str
    name: str | None = None


ON_CHANGE = ("configure", "restart", "fixed")
"""What a changed value asks for; `fixed` refuses the change after the first install."""


@attrs.frozen(kw_only=True)
class Parameter:
    """
    A value that a component's playbooks receive as an Ansible variable of the same name.

    Attributes:
        component: The component that declares it.
        type: One of `TYPES`.
        value: None where there is none yet, and always None for a secret.
        origin: Where the value comes from; None without a value.
        on_change: One of `ON_CHANGE`.
    """

    name: str
    component: str
    type: str = "string"
    value: Any = None
    origin: Origin | None = None
    secret: bool = False
    required: bool = False
    on_change: str = "configure"


@attrs.frozen(kw_only=True)
class ActionDefinition:
    """
    How one action of a component is carried out.

    Attributes:
        playbook: File name relative to the component's folder; empty for `record` and `forget`, which run none.
        vars: Variables given to the playbook beside the parameters.
        batch: As Ansible's `serial`: counts or percentages, the last repeated; empty for all hosts at once.
        timeout: Seconds; None for no limit.
        soft_timeout: Seconds after which a warning is given; None for none.
        from_version: Versions that it can start from, as a specifier set, or one for each version that it leads to; None
            takes any. In a manifest: `from`.
        approve: `first_batch` or `every_batch` waits for an approval after it; None never waits.
        facts: `fresh` gathers facts anew, `cached` shares them with the other steps of the run, `all` also gathers those of
            every host of the inventory first.
        gathers: Whether a play of its playbook, or of one that it imports, gathers facts; None where that is left to
            Ansible's setting.
        prompts: The variables that its playbook, and those that it imports, ask for (`vars_prompt`): in a run nobody
            answers, but one that is given with the request is not asked for.
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
        """Return the versions that it can start from to *version*, as a specifier set; None for any."""
        if isinstance(self.from_version, Mapping):
            return None if version is None else self.from_version.get(version)
        return self.from_version


@attrs.frozen(kw_only=True)
class Component:
    """
    Something installable.

    Attributes:
        versions: What it can install, in the manifest's order; the last is the default. Empty: versions unknown.
        order: The number of its install playbook; None if it has none.
        hosts: Group or pattern; None for the hosts that its plays name.
        exclusive: Whether it needs its hosts to itself while it runs.
        folder: Absolute; where its playbooks lie and run.
        manifest: Absolute path of its manifest; None for a numbered playbook without one.
        becomes: Whether a file of it asks for another user's rights.
        caution: Why to install it may not be meant, as for `92.stop.yml`, and what to do; None for most.
        files: Digest (sha256, hex) by path relative to the catalog, of its playbooks and all they may read beside them.
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
        """The version installed when none is asked for; None where versions are unknown."""
        return self.versions[-1] if self.versions else None

    def action(self, action: Action) -> ActionDefinition | None:
        """
        Return how *action* is carried out; None if it is not.

        `upgrade` and `configure` fall back to `install`, and then name themselves; `record` and `forget` need nothing
        declared.
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
        unreadable: Playbooks that cannot be read, as YAML that is none; all but their components can be planned.
        dropped: Why a numbered playbook is in no plan, and what to do, by its path relative to the folder: its name cannot
            be a component's, it cannot be read, or it holds no plays.
        debuggers: The words with which a file asks for Ansible's debugger, by `FILE:LINE`, relative to the folder.
        warnings: What is allowed but worth a look, a sentence each; those of `unreadable` too.
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
        """Return the components that *name* may mean: the one of that name, else all with that number or file."""
        own = tuple(component for component in self.components if component.name == name)
        return own or tuple(component for component in self.components if _is_called(component, name))

    def dropped_as(self, name: str) -> tuple[str, ...]:
        """Return the paths of the dropped playbooks that *name*, a path or a number, means."""
        if name in self.dropped:
            return (name,)
        number = _number_in(name)
        return () if number is None else self.dropped_between(number, number)

    def dropped_between(self, first: int, last: int) -> tuple[str, ...]:
        """Return the paths of the dropped playbooks with a number from *first* to *last*."""
        return tuple(path for path in self.dropped if first <= _file_number(path) <= last)

    def __getitem__(self, name: str) -> Component:
        """
        Return the component called *name*; its number, as `1`, `01` or `001`, or its playbook's file name do as well.

        Raises:
            UnknownNameError: If there is none, or a number is shared by several.
        """
        found = self.called(name)
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(component.name for component in found)
            raise UnknownNameError(
                f"{name!r} means several components: {names}",
                remedy=f"say which by its name, or name all of them as a range: {name}-{name}",
            )
        if dropped := self.dropped_as(name):
            raise UnknownNameError("\n".join(f"{path}: {self.dropped[path]}" for path in dropped))
        raise UnknownNameError(
            f"no component is named {name!r} in {self.folder}",
            remedy="choose one of: " + (", ".join(component.name for component in self.components) or "none found"),
        )


def _is_called(component: Component, name: str) -> bool:
    files = {spec.playbook for spec in component.actions if spec.action is Action.INSTALL}
    return name in files or (component.order is not None and component.order == _number_in(name))


def _number_in(text: str) -> int | None:
    """Return the number that *text* is, with any zeros before it; None if it is none."""
    return int(text) if _NUMBER.fullmatch(text) else None


def _file_number(path: str) -> int:
    """Return the number that the file name of *path* begins with; -1 if it has none."""
    found = _FIRST_NUMBER.match(Path(path).name)
    return int(found[0]) if found else -1
