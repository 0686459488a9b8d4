"""A plan, made into all that carrying it out takes."""

import itertools
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from installkit.model import (
    OWN_CHECKS,
    Action,
    ActionDefinition,
    Catalog,
    Component,
    Installation,
    Inventory,
    Plan,
    Play,
    RunOptions,
    RunSpec,
    SiteParameters,
    Step,
    StepSpec,
    Targets,
)
from installkit.planning.checks import new_ports, own_check_spec
from installkit.planning.coverage import spec_of
from installkit.planning.inputs import files_digest
from installkit.planning.parameters import ResolvedParameters, handed_secrets, handed_variables, step_inputs
from installkit.planning.requests import GETTING_VALUES

_NO_PARAMETERS = SiteParameters()


def make_spec(
    plan: Plan,
    catalog: Catalog,
    inventory: Inventory,
    targets: Targets,
    options: RunOptions,
    *,
    run: str,
    created_at: datetime,
    check_playbook: Path,
    parameters: SiteParameters = _NO_PARAMETERS,
    installed: Iterable[Installation] = (),
) -> RunSpec:
    """
    Return all that carrying out *plan* takes, beside its secrets.

    Everything must still be what *plan* was made from: see `stale_changes`.

    Args:
        plan: What is carried out.
        catalog: The site's components.
        inventory: The site's hosts.
        targets: What Ansible answered when the plan was made.
        options: How it is carried out; in check mode what verifies a step is skipped, for nothing was done yet.
        run: The run's id.
        created_at: Aware, UTC.
        check_playbook: installkit's own, which checks hosts; absolute.
        parameters: The values entered for the site; `secrets` also names those handed over for this run alone.
        installed: What is installed on the site; rows of components that the plan does not concern are skipped.

    Raises:
        UnknownNameError: If a component of *plan* is not in *catalog*.
        PlanningError: If an action of *plan* is not declared in *catalog*.
    """
    plan = _rehearsal(plan) if options.check_mode else plan
    concerned = {change.component for change in plan.changes}
    rows = tuple(installed)
    specs = _Specs(plan, catalog, inventory, targets, parameters)
    own = OwnChecks(check_playbook, rows, options)
    return RunSpec(
        run=run,
        site=plan.site,
        catalog=catalog.folder,
        plan=plan,
        options=options,
        steps=specs.of_steps(own),
        created_at=created_at,
        continues=plan.continues,
        installed=tuple(row for row in rows if row.component in concerned),
    )


@attrs.frozen
class OwnChecks:
    """
    What installkit's own checks take, beside what the other steps do.

    Attributes:
        playbook: Absolute.
        installed: The site's record.
    """

    playbook: Path
    installed: tuple[Installation, ...]
    options: RunOptions


class _Specs:
    """Makes the specs of one plan's steps."""

    def __init__(
        self, plan: Plan, catalog: Catalog, inventory: Inventory, targets: Targets, parameters: SiteParameters
    ) -> None:
        self._request = plan.request
        self._catalog = catalog
        self._inventory = inventory
        self._targets = targets
        self._parameters = parameters
        self._values = ResolvedParameters(catalog, inventory, parameters, plan.request.parameters)
        self._components = {
            step.component: catalog[step.component] for step in plan.steps if step.component != OWN_CHECKS
        }
        self._known = frozenset(inventory.names)
        self._host_values = {host: values for host in inventory.names if (values := self._values.of_host(host))}
        self._changes = {(change.component, change.host): change for change in plan.changes}
        self._verify = _verify_steps(plan.steps)
        self._plan = plan

    def of_steps(self, own: OwnChecks) -> tuple[StepSpec, ...]:
        """Return what each step of the plan takes; *own* is what installkit's own checks take beside that."""
        specs = {step.id: self._of_step(step) for step in self._plan.steps if step.component != OWN_CHECKS}
        folders: dict[Path, list[tuple[Component, StepSpec, Step]]] = {}
        for step in self._plan.steps:
            if step.playbook and step.id in specs:
                component = self._components[step.component]
                folders.setdefault(component.folder, []).append((component, specs[step.id], step))
        alike = iter(folders.values())
        ports = new_ports(self._plan.changes, self._catalog, own.installed)
        for step in self._plan.steps:
            if step.component == OWN_CHECKS:
                spec = own_check_spec(
                    step,
                    next(alike),
                    playbook=own.playbook,
                    parameters=self._request.parameters,
                    become=own.options.become,
                    ports=ports,
                )
                specs[step.id] = attrs.evolve(spec, skipped=_why_skipped(own.options.checks))
        return tuple(specs[step.id] for step in self._plan.steps)

    def _of_step(self, step: Step) -> StepSpec:
        component = self._components[step.component]
        spec = spec_of(component, step.action)
        before = {host: self._origin(step, host) for host in step.own_hosts}
        mixed = len(set(before.values())) > 1
        return StepSpec(
            step=step.id,
            folder=component.folder,
            playbook=component.playbook_path(spec) if spec.playbook else None,
            sources=self._inventory.sources,
            plays=self._plays(component, spec, step),
            files={str(self._catalog.folder / path): digest for path, digest in component.files.items()},
            tags=spec.tags,
            skip_tags=spec.skip_tags,
            defaults=self._defaults(component, mixed=mixed),
            host_variables=self._host_variables(before if mixed else {}),
            variables=self._variables(component, spec, step, mixed=mixed),
            secrets=handed_secrets(component, self._parameters, self._request),
            timeout=spec.timeout,
            soft_timeout=spec.soft_timeout,
            exclusive=component.exclusive and step.action is not Action.CHECK,
            verify_follows=self._is_verified(step),
            inputs=self._inputs(component, step),
            facts=spec.facts,
            gathers=spec.gathers,
        )

    def _origin(self, step: Step, host: str) -> str | None:
        """Return the version from which *step* starts on *host*; None where the component is not, as on localhost."""
        change = self._changes.get((step.component, host))
        return None if change is None else change.origin(step.to_version)

    def _plays(self, component: Component, spec: ActionDefinition, step: Step) -> tuple[Play, ...]:
        plays = self._targets.plays_of(component.use_of(spec))
        if not step.limited:
            return plays
        hosts = set(step.hosts)
        return tuple(attrs.evolve(play, hosts=tuple(host for host in play.hosts if host in hosts)) for play in plays)

    def _defaults(self, component: Component, *, mixed: bool) -> dict[str, Any]:
        """Return the lowest values; the site's are here too, for a localhost that is in no inventory."""
        own = {each.name: each.value for each in component.parameters if each.value is not None and not each.secret}
        return {**own, **self._parameters.site, **({"component_from_version": None} if mixed else {})}

    def _host_variables(self, from_versions: Mapping[str, str | None]) -> dict[str, Mapping[str, Any]]:
        """Return the values of every host of the inventory: playbooks read those of other hosts too."""
        own = {
            host: {**self._host_values.get(host, {}), "component_from_version": version}
            for host, version in from_versions.items()
            if host in self._known
        }
        return {**self._host_values, **own}

    def _variables(self, component: Component, spec: ActionDefinition, step: Step, *, mixed: bool) -> dict[str, Any]:
        versions = {"to_version": step.to_version, "from_version": step.from_version}
        variables = handed_variables(component, spec, self._request, **versions)
        if mixed:  # then each host has its own
            del variables["component_from_version"]
        return variables

    def _is_verified(self, step: Step) -> bool:
        verify = self._verify.get(step.id)
        return verify is not None and {*step.own_hosts} <= {*verify.own_hosts, *verify.vouches_for}

    def _inputs(self, component: Component, step: Step) -> dict[str, str]:
        if step.action not in GETTING_VALUES | {Action.RECORD}:
            return {}
        return step_inputs(
            files_digest(component), {host: self._values.given(component, host) for host in step.own_hosts}
        )


def _rehearsal(plan: Plan) -> Plan:
    """Return *plan* without installkit's own checks and the steps that verify others, and nothing waits for these."""
    left_out = {step.id for step in _verify_steps(plan.steps).values()}
    left_out |= {step.id for step in plan.steps if step.component == OWN_CHECKS}
    needs: dict[str, tuple[str, ...]] = {}
    for step in plan.steps:
        really = (needs[need] if need in left_out else (need,) for need in step.needs)
        needs[step.id] = tuple(dict.fromkeys(itertools.chain.from_iterable(really)))
    kept = (attrs.evolve(step, needs=needs[step.id]) for step in plan.steps if step.id not in left_out)
    return attrs.evolve(plan, steps=tuple(kept))


def _why_skipped(checks: bool | str) -> str | None:  # noqa: FBT001 - the option's own type
    """Return why installkit's own checks are skipped where the option *checks* says so."""
    if checks is True:
        return None
    return f"run {checks} checked the hosts" if isinstance(checks, str) else "installkit's own checks were not wanted"


def _verify_steps(steps: Iterable[Step]) -> dict[str, Step]:
    """Return the step that verifies it by the id of each step that has one."""
    known: dict[str, Step] = {}
    verify: dict[str, Step] = {}
    for step in steps:
        known[step.id] = step
        for need in step.needs if step.action is Action.VERIFY else ():
            if (known[need].component, known[need].batch) == (step.component, step.batch):
                verify[need] = step
    return verify
