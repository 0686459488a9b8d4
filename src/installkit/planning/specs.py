"""Makes a run's specification from a plan: all that the engine needs to carry the plan out."""

import itertools
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import attrs

from installkit.model import (
    OWN_CHECKS,
    Action,
    Catalog,
    Component,
    Installation,
    Inventory,
    Plan,
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
    Return all that is needed to carry out *plan*, except secrets.

    The site must not have changed since *plan* was made: see `stale_changes`.

    Args:
        plan: What is carried out.
        catalog: The site's components.
        inventory: The site's hosts.
        targets: What Ansible answered when the plan was made.
        options: How it is carried out; in check mode the steps that verify are left out, since nothing was done yet.
        run: The run's id.
        created_at: Aware, UTC.
        check_playbook: installkit's own, which checks hosts; absolute.
        parameters: The values entered for the site; `secrets` also names those given only for this run.
        installed: What is installed on the site; rows of components that the plan does not concern are skipped.

    Raises:
        UnknownNameError: If a component of *plan* is not in *catalog*.
        PlanningError: If an action of *plan* is not declared in *catalog*.
    """
    plan = _rehearsal(plan) if options.check_mode else plan
    concerned = {change.component for change in plan.changes}
    rows = tuple(installed)
    specs = _Specs(plan, catalog, inventory, targets, parameters)
    return RunSpec(
        run=run,
        site=plan.site,
        catalog=catalog.folder,
        plan=plan,
        options=options,
        steps=specs.of_steps(OwnChecks(check_playbook, rows, options)),
        created_at=created_at,
        continues=plan.continues,
        installed=tuple(row for row in rows if row.component in concerned),
    )


@attrs.frozen
class OwnChecks:
    """
    What installkit's own checks need in addition to what other steps need.

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
        self._host_values = {host: values for host in inventory.names if (values := self._values.of_host(host))}
        self._changes = {(change.component, change.host): change for change in plan.changes}
        self._known = frozenset(inventory.names)
        self._verify = _verify_steps(plan.steps)
        self._plan = plan

    def of_steps(self, own: OwnChecks) -> tuple[StepSpec, ...]:
        """Return the spec of each step of the plan, in order."""
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
                specs[step.id] = own_check_spec(
                    step,
                    next(alike),
                    playbook=own.playbook,
                    parameters=self._request.parameters,
                    become=own.options.become,
                    ports=ports,
                )
            if step.action is Action.CHECK:
                specs[step.id] = attrs.evolve(specs[step.id], skipped=_why_skipped(step, own.options.checks))
        return tuple(specs[step.id] for step in self._plan.steps)

    def _of_step(self, step: Step) -> StepSpec:
        component = self._components[step.component]
        spec = spec_of(component, step.action)
        plays = self._targets.plays_of(component.use_of(spec))
        if step.limited:
            hosts = set(step.hosts)
            plays = tuple(attrs.evolve(play, hosts=tuple(h for h in play.hosts if h in hosts)) for play in plays)
        variables = handed_variables(
            component, spec, self._request, to_version=step.to_version, from_version=step.from_version
        )
        # The lowest values; those of the site too, for a localhost that is not in the inventory.
        own = {
            parameter.name: parameter.value
            for parameter in component.parameters
            if parameter.value is not None and not parameter.secret
        }
        defaults = {**own, **self._parameters.site}
        host_variables = dict(self._host_values)  # all hosts of the inventory: playbooks read those of other hosts too
        changes = {host: self._changes.get((step.component, host)) for host in step.own_hosts}
        before = {host: change.origin(step.to_version) if change else None for host, change in changes.items()}
        if len(set(before.values())) > 1:  # then the version before is a variable of each host
            del variables["component_from_version"]
            defaults["component_from_version"] = None
            host_variables |= {
                host: {**self._host_values.get(host, {}), "component_from_version": version}
                for host, version in before.items()
                if host in self._known
            }
        inputs = {}
        if step.action in GETTING_VALUES | {Action.RECORD}:
            given = {host: self._values.given(component, host) for host in step.own_hosts}
            inputs = step_inputs(files_digest(component), given)
        verify = self._verify.get(step.id)
        return StepSpec(
            step=step.id,
            folder=component.folder,
            playbook=component.playbook_path(spec) if spec.playbook else None,
            sources=self._inventory.sources,
            plays=plays,
            files={str(self._catalog.folder / path): digest for path, digest in component.files.items()},
            tags=spec.tags,
            skip_tags=spec.skip_tags,
            defaults=defaults,
            host_variables=host_variables,
            variables=variables,
            secrets=handed_secrets(component, self._parameters, self._request),
            timeout=spec.timeout,
            soft_timeout=spec.soft_timeout,
            exclusive=component.exclusive and step.action is not Action.CHECK,
            verify_follows=verify is not None and {*step.own_hosts} <= {*verify.own_hosts, *verify.vouches_for},
            inputs=inputs,
            facts=spec.facts,
            gathers=spec.gathers,
        )


def _why_skipped(check: Step, checks: bool | str) -> str | None:  # noqa: FBT001 - the option's own type
    """Return why *check* is skipped: the checks of an earlier run count, or installkit's own are not wanted."""
    if isinstance(checks, str):
        return f"run {checks} checked the hosts"
    return "installkit's own checks were not wanted" if check.component == OWN_CHECKS and not checks else None


def _rehearsal(plan: Plan) -> Plan:
    """Return *plan* for check mode: without installkit's own checks and without the steps that verify other steps."""
    left_out = {step.id for step in _verify_steps(plan.steps).values()}
    left_out |= {step.id for step in plan.steps if step.component == OWN_CHECKS}
    needs: dict[str, tuple[str, ...]] = {}
    for step in plan.steps:
        remaining = (needs[need] if need in left_out else (need,) for need in step.needs)
        needs[step.id] = tuple(dict.fromkeys(itertools.chain.from_iterable(remaining)))
    kept = (attrs.evolve(step, needs=needs[step.id]) for step in plan.steps if step.id not in left_out)
    return attrs.evolve(plan, steps=tuple(kept))


def _verify_steps(steps: Iterable[Step]) -> dict[str, Step]:
    """Return the verifying steps, by the id of the step that each of them verifies."""
    earlier: dict[str, Step] = {}
    verify: dict[str, Step] = {}
    for step in steps:
        earlier[step.id] = step
        for need in step.needs if step.action is Action.VERIFY else ():
            if (earlier[need].component, earlier[need].batch) == (step.component, step.batch):
                verify[need] = step
    return verify
