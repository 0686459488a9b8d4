"""
installkit's own checks, as the first steps of a plan.

For each folder of playbooks there is one step, `00-checks` and `00-checks-2`, …, on all hosts that the plan touches from
there: it connects as those playbooks do. Every step that changes something needs them.
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
"""The lowest values, under those of the inventory: megabytes and seconds."""


def with_own_checks(steps: Sequence[Step], catalog: Catalog) -> tuple[Step, ...]:
    """
    Return *steps* behind installkit's own checks, which each step that changes something needs, itself or by others.

    Where no step changes a host there are none.
    """
    if not any(step.action.changes_hosts for step in steps):
        return tuple(steps)
    hosts: dict[Path, list[Step]] = {}
    for step in steps:
        if step.playbook:
            hosts.setdefault(catalog[step.component].folder, []).append(step)
    own = [_own_check(number, of_folder) for number, of_folder in enumerate(hosts.values(), start=1)]
    checks = {step.id for step in steps if step.action is Action.CHECK}
    first = tuple(step.id for step in own)
    others = [
        attrs.evolve(step, needs=(*first, *step.needs))
        if step.id not in checks and checks.issuperset(step.needs)
        else step
        for step in steps
    ]
    return (*own, *others)


def _own_check(number: int, steps: Sequence[Step]) -> Step:
    own = dict.fromkeys(host for step in steps for host in step.own_hosts)
    return Step(
        id="00-checks" if number == 1 else f"00-checks-{number}",
        seq=0,
        component=OWN_CHECKS,
        action=Action.CHECK,
        hosts=tuple(own or dict.fromkeys(host for step in steps for host in step.hosts)),
        playbook=CHECK_PLAYBOOK,
    )


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
    Return all that *step*, one of installkit's own checks, takes.

    Args:
        step: The check.
        alike: The steps of the plan with a playbook in the same folder, with component and spec of each.
        playbook: installkit's own, absolute.
        parameters: The request's.
        become: Whether everything is done with another user's rights.
        ports: Names of the port parameters of what is installed for the first time, by host.
    """
    specs = [spec for _, spec, _ in alike]
    hosts = step.hosts
    rights = (
        host for component, _, each in alike if become or component.becomes for host in each.own_hosts if host in hosts
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
    """Return by host the names of the port parameters of what is about to be installed there for the first time."""
    there = {(row.component, row.host) for row in installed}
    ports: dict[str, list[str]] = {}
    for change in changes:
        if change.action is Action.INSTALL and (change.component, change.host) not in there:
            parameters = catalog[change.component].parameters
            names = [each.name for each in parameters if each.type == "port" and not each.secret]
            ports.setdefault(change.host, []).extend(names)
    return ports
