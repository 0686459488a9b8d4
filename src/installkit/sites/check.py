"""A run that only checks: installkit's own checks of the hosts of a plan, and those that its components declare."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from installkit.errors import PlanningError
from installkit.model import OWN_CHECKS, Action, Catalog, Component, Plan, Play, Request, RunSpec, Step, StepSpec

PLAYBOOK = Path(__file__).with_name("host.check.yml")

_BECOMES = re.compile(rb"^[ \t-]*become[ \t]*:(?![ \t]*[\"']?(?:false|no|off|n|f|0)\b)", re.MULTILINE | re.IGNORECASE)
_YAML = frozenset({".yml", ".yaml"})

# The lowest values, under those of the inventory: megabytes and seconds.
_DEFAULTS: Mapping[str, Any] = {
    "installkit_disk_free": 1024,
    "installkit_disk_paths": ["/", "/var"],
    "installkit_memory_free": 128,
    "installkit_time_skew": 30,
}


def make_check_spec(spec: RunSpec, catalog: Catalog, *, run: str) -> RunSpec:
    """
    Return the run that checks what *spec* would change, and changes nothing itself.

    Its first step for each folder of playbooks is installkit's own, which connects to the hosts as those playbooks do;
    the components' check steps follow, and none waits for another.

    Args:
        spec: What carrying out the plan would take.
        catalog: The site's components.
        run: The id of the run that checks.
    """
    pairs = [*_own_checks(spec, catalog), *_declared_checks(spec)]
    numbered = [_numbered(step, details, seq) for seq, (step, details) in enumerate(pairs, start=1)]
    steps = tuple(step for step, _ in numbered)
    return attrs.evolve(
        spec,
        run=run,
        plan=_check_plan(spec.plan, run, steps),
        options=attrs.evolve(spec.options, check_mode=False),
        steps=tuple(details for _, details in numbered),
        continues=None,
    )


def _check_plan(plan: Plan, run: str, steps: Sequence[Step]) -> Plan:
    declared = dict.fromkeys(step.component for step in plan.steps if step.action is Action.CHECK)
    hosts = {host for step in steps for host in step.hosts}
    return attrs.evolve(
        plan,
        id=run,
        request=Request(check=tuple(declared), limit=plan.request.limit, parameters=plan.request.parameters),
        changes=(),
        steps=tuple(steps),
        warnings=(),
        summary=f"checks before: {plan.summary}" if hosts else plan.summary,
        continues=None,
    )


def _numbered(step: Step, details: StepSpec, seq: int) -> tuple[Step, StepSpec]:
    name = f"{seq:02d}-{step.component}-{step.action.value}"
    return attrs.evolve(step, id=name, seq=seq, needs=()), attrs.evolve(details, step=name)


def _declared_checks(spec: RunSpec) -> Iterator[tuple[Step, StepSpec]]:
    return ((step, details) for step, details in _pairs(spec) if step.action is Action.CHECK)


def _pairs(spec: RunSpec) -> Iterable[tuple[Step, StepSpec]]:
    return zip(spec.plan.steps, spec.steps, strict=True)


def _own_checks(spec: RunSpec, catalog: Catalog) -> Iterator[tuple[Step, StepSpec]]:
    by_folder: dict[Path, list[tuple[Step, StepSpec]]] = {}
    for step, details in _pairs(spec):
        if details.playbook is not None:
            by_folder.setdefault(details.folder, []).append((step, details))
    for folder, pairs in by_folder.items():
        yield _own_check(spec, catalog, folder, pairs)


def _own_check(
    spec: RunSpec, catalog: Catalog, folder: Path, pairs: Sequence[tuple[Step, StepSpec]]
) -> tuple[Step, StepSpec]:
    own = dict.fromkeys(host for step, _ in pairs for host in step.own_hosts)
    hosts = tuple(own or dict.fromkeys(host for step, _ in pairs for host in step.hosts))
    components = {step.component: catalog[step.component] for step, _ in pairs}
    becoming = {name for name, each in components.items() if spec.options.become or _becomes(each, catalog.folder)}
    step = Step(id="", seq=0, component=OWN_CHECKS, action=Action.CHECK, hosts=hosts, playbook=PLAYBOOK.name)
    first = pairs[0][1]
    return step, StepSpec(
        step="",
        folder=folder,
        playbook=PLAYBOOK,
        sources=first.sources,
        plays=(Play("Check the hosts", ",".join(hosts), hosts),),
        defaults={**_DEFAULTS, **{name: value for _, details in pairs for name, value in details.defaults.items()}},
        host_variables=first.host_variables,
        variables={
            **spec.plan.request.parameters,
            "installkit_hosts": list(hosts),
            "installkit_become": list(
                dict.fromkeys(h for s, _ in pairs if s.component in becoming for h in s.own_hosts)
            ),
            "installkit_ports": _ports(spec, components),
        },
        secrets=tuple(dict.fromkeys(name for _, details in pairs for name in details.secrets)),
        exclusive=False,
        facts="fresh",
        own=True,
    )


def _ports(spec: RunSpec, components: Mapping[str, Component]) -> dict[str, list[str]]:
    """Return by host the names of the port parameters of what is about to be installed there for the first time."""
    there = {(row.component, row.host) for row in spec.installed}
    ports: dict[str, list[str]] = {}
    for change in spec.plan.changes:
        component = components.get(change.component)
        if component and change.action is Action.INSTALL and (change.component, change.host) not in there:
            names = [each.name for each in component.parameters if each.type == "port" and not each.secret]
            ports.setdefault(change.host, []).extend(names)
    return ports


def _becomes(component: Component, folder: Path) -> bool:
    """Return whether a file of *component* asks for another user's rights."""
    paths = (folder / name for name in component.files)
    return any(_BECOMES.search(path.read_bytes()) for path in paths if path.suffix in _YAML and path.is_file())


_IGNORABLE = ("disk", "memory", "ports", "system", "time")
_REQUIRED = ("connection", "privilege", "python")


def refuse_unknown(plan: Plan, ignored: Mapping[str, str]) -> None:
    """
    Refuse to ignore what is no check of *plan*, what cannot be ignored, and what is ignored without a reason.

    Of a component's checks only the component is known before they are carried out.

    Raises:
        PlanningError: With a line for each.
    """
    components = [step.component for step in plan.steps if step.action is Action.CHECK]
    problems = [problem for name, why in ignored.items() if (problem := _problem(name, why, components))]
    if problems:
        known = [
            *(f"{OWN_CHECKS}.{name}" for name in _IGNORABLE),
            *(f"{name}.TASK" for name in dict.fromkeys(components)),
        ]
        raise PlanningError("\n".join(problems), remedy=f"what can be ignored, with a reason: {', '.join(known)}")


def _problem(name: str, why: str, components: list[str]) -> str | None:
    if name in {f"{OWN_CHECKS}.{required}" for required in _REQUIRED}:
        return f"check {name} cannot be ignored: without it nothing can be done"
    own = name in {f"{OWN_CHECKS}.{ignorable}" for ignorable in _IGNORABLE}
    if not own and not any(name.removeprefix(f"{component}.") not in {name, ""} for component in components):
        return f"{name!r} is no check of the plan"
    return None if why.strip() else f"check {name} is ignored without a reason"
