"""
installkit's own checks, as the first steps of a plan.

For each folder of playbooks there is one step (`00-checks`, `00-checks-2`, …) on all hosts that the plan touches with
playbooks of this folder: it connects as those playbooks do. Every step that changes something needs these steps.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from installkit.model import OWN_CHECKS, Action, Catalog, Change, Component, Installation, Play, Step, StepSpec

CHECK_PLAYBOOK = "host.check.yml"

_DEFAULTS: Mapping[str, Any] = {
    "installkit_disk_free": 1024,
    "installkit_disk_paths": ["/", "/var"],
    "installkit_memory_free": 128,
    "installkit_time_skew": 30,
}
"""In megabytes and seconds; values of the inventory go before these."""


def with_own_checks(steps: Sequence[Step], catalog: Catalog) -> tuple[Step, ...]:
    """
    Return installkit's own checks, then *steps*: each step that changes something needs the checks, directly or not.

    If no step changes a host, return *steps* alone.
    """
    if not any(step.action.changes_hosts for step in steps):
        return tuple(steps)
    by_folder: dict[Path, list[Step]] = {}
    for step in steps:
        if step.playbook:
            by_folder.setdefault(catalog[step.component].folder, []).append(step)
    own = []
    for number, folder_steps in enumerate(by_folder.values(), start=1):
        hosts = dict.fromkeys(host for step in folder_steps for host in step.own_hosts)
        own.append(
            Step(
                id="00-checks" if number == 1 else f"00-checks-{number}",
                seq=0,
                component=OWN_CHECKS,
                action=Action.CHECK,
                hosts=tuple(hosts or dict.fromkeys(host for step in folder_steps for host in step.hosts)),
                playbook=CHECK_PLAYBOOK,
            )
        )
    checks = {step.id for step in steps if step.action is Action.CHECK}
    first = tuple(step.id for step in own)
    others = [
        attrs.evolve(step, needs=(*first, *step.needs))
        if step.id not in checks and checks.issuperset(step.needs)
        else step
        for step in steps
    ]
    return (*own, *others)


def own_check_spec(
    step: Step,
    alike: Sequence[tuple[Component, StepSpec, Step]],
    *,
    playbook: Path,
    parameters: Mapping[str, Any],
    become: bool,
    ports: Mapping[str, list[str]],
) -> StepSpec:
    """
    Return the spec of *step*, one of installkit's own checks.

    Args:
        step: The check.
        alike: The steps of the plan with a playbook in the same folder, with component and spec of each.
        playbook: The playbook of installkit's own checks, absolute.
        parameters: The request's parameters.
        become: Whether everything is done with another user's rights.
        ports: Names of the port parameters of what is installed for the first time, by host.
    """
    specs = [spec for _, spec, _ in alike]
    hosts = step.hosts
    rights = (
        host
        for component, _, other in alike
        if become or component.becomes
        for host in other.own_hosts
        if host in hosts
    )
    return StepSpec(
        step=step.id,
        folder=specs[0].folder,
        playbook=playbook,
        sources=specs[0].sources,
        plays=(Play("Check the hosts", ",".join(hosts), hosts),),
        defaults={**_DEFAULTS, **{name: value for spec in specs for name, value in spec.defaults.items()}},
        host_variables=specs[0].host_variables,
        variables={
            **parameters,
            "installkit_hosts": list(hosts),
            "installkit_become": list(dict.fromkeys(rights)),
            "installkit_ports": ports,
        },
        secrets=tuple(dict.fromkeys(name for spec in specs for name in spec.secrets)),
        exclusive=False,
        facts="fresh",
        own=True,
    )


def new_ports(changes: Iterable[Change], catalog: Catalog, installed: Iterable[Installation]) -> dict[str, list[str]]:
    """Return by host the names of the port parameters of the components that it gets for the first time."""
    recorded = {(row.component, row.host) for row in installed}
    ports: dict[str, list[str]] = {}
    for change in changes:
        if change.action is Action.INSTALL and (change.component, change.host) not in recorded:
            parameters = catalog[change.component].parameters
            names = [parameter.name for parameter in parameters if parameter.type == "port" and not parameter.secret]
            ports.setdefault(change.host, []).extend(names)
    return ports
