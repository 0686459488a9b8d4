"""What a plan changes, component by component and host by host."""

import functools
from collections.abc import Iterable, Mapping

import attrs

from installkit.errors import PlanningError
from installkit.model import Action, Change, Installation
from installkit.planning.coverage import Coverage, spec_of
from installkit.planning.decisions import Decision, HostGroup, decide
from installkit.planning.inputs import files_digest
from installkit.planning.parameters import ResolvedParameters
from installkit.planning.requests import Demand
from installkit.text import join_names

Rows = Mapping[str, Installation]
"""What is recorded of one component, by host."""


@attrs.frozen
class Setting:
    """
    What is the same for all components of a plan.

    Attributes:
        coverage: Tells which hosts a component or playbook is for.
        values: The parameters' values.
        continued: The runs that the plan resumes; empty if it resumes none.
    """

    coverage: Coverage
    values: ResolvedParameters
    continued: frozenset[str] = frozenset()


@attrs.define
class Changes:
    """
    What is going to change of one component.

    Attributes:
        decisions: Each decision with the hosts that it is for.
        by_host: The change of each host, in the order of the component's hosts; empty if the limit leaves none of them.
        warnings: One sentence per warning.
    """

    demand: Demand
    decisions: list[tuple[Decision, tuple[str, ...]]] = attrs.field(factory=list)
    by_host: dict[str, Change] = attrs.field(factory=dict)
    warnings: list[str] = attrs.field(factory=list)

    @property
    def actions(self) -> set[Action]:
        """The actions carried out on any host; empty if nothing changes."""
        return {decision.action for decision, _ in self.decisions if decision.action is not None}


def find_changes(demand: Demand, rows: Rows, setting: Setting) -> Changes:
    """
    Return what *demand* changes.

    Args:
        demand: The demand on one component.
        rows: The component's rows in the record.
        setting: What is the same for all components.

    Raises:
        PlanningError: If the component has no hosts, or the demand cannot be met in the state that they are in. The
            message has a line for each reason.
    """
    changes, coverage = Changes(demand), setting.coverage
    hosts = _hosts(demand, rows, coverage, changes.warnings)
    elsewhere = frozenset(row.version for row in rows.values() if row.in_place)
    refused = []
    for names in _alike(hosts, demand, rows, setting):
        row = rows.get(names[0])
        case = HostGroup(
            demand=demand,
            hosts=names,
            row=row,
            changed=setting.values.changed(demand.component, row) if row else (),
            elsewhere=elsewhere,
            done=row is not None and row.changing_run in setting.continued,
        )
        try:
            decision = decide(case)
        except PlanningError as exc:
            refused.append(exc)
            continue
        changes.decisions.append((decision, names))
        change = functools.partial(Change, component=demand.component.name, **attrs.asdict(decision, recurse=False))
        changes.by_host.update((host, change(host=host)) for host in names)
    if refused:
        reasons = dict.fromkeys(map(str, refused))
        remedies = dict.fromkeys(exc.remedy for exc in refused if exc.remedy)
        raise refused[0] if len(reasons) == 1 else PlanningError("\n".join(reasons), remedy="; ".join(remedies) or None)
    if len(changes.decisions) > 1:
        changes.by_host = {host: changes.by_host[host] for host in hosts}
    changes.warnings += _warnings(changes, rows, coverage)
    return changes


def _alike(hosts: tuple[str, ...], demand: Demand, rows: Rows, setting: Setting) -> Iterable[tuple[str, ...]]:
    """Return *hosts* in groups whose state is the same: they get one decision."""
    if not rows:
        return [hosts] if hosts else []
    groups: dict[object, list[str]] = {}
    for host in hosts:
        row = rows.get(host)
        changed = setting.values.changed(demand.component, row) if row else ()
        done = row is not None and row.changing_run in setting.continued
        state = (row.status, row.action, row.version, row.to_version, changed, done) if row else None
        groups.setdefault(state, []).append(host)
    return map(tuple, groups.values())


def _hosts(demand: Demand, rows: Rows, coverage: Coverage, warnings: list[str]) -> tuple[str, ...]:
    """Return the hosts that *demand* is for within the limit; add a warning for those that the playbook leaves out."""
    component = demand.component
    spec = spec_of(component, demand.action)
    covered = coverage.of_action(component, spec)
    if demand.action is Action.VERIFY and set(covered).isdisjoint(coverage.of_component(component)):
        covered = coverage.of_component(component)  # it looks from elsewhere, and vouches for them
    installs = demand.action is Action.INSTALL
    if installs and (left_out := set(coverage.of_component(component)).difference(covered)):
        name = coverage.playbook_name(component, spec)
        warnings.append(f"{name} has no play for {join_names(sorted(left_out))}, though {component.name} is for it")
    hosts = coverage.in_limit(covered)
    if not hosts and demand.by_name:
        raise PlanningError(
            f"limit {coverage.limit!r} leaves no host of {component.name}, which is for {join_names(covered)}",
            remedy=f"widen the limit, or leave {component.name} out",
        )
    if not hosts and demand.required_by and not rows:
        raise PlanningError(
            f"{demand.required_by} requires {component.name}, which is not installed;"
            f" limit {coverage.limit!r} leaves no host of it",
            remedy=f"widen the limit, or install {component.name} first",
        )
    return hosts


def _warnings(changes: Changes, rows: Rows, coverage: Coverage) -> Iterable[str]:
    """Yield a warning for playbooks that were edited, and for hosts in the record that the component is not for."""
    component = changes.demand.component
    files = files_digest(component)
    edited = [
        host
        for host, change in changes.by_host.items()
        if change.action is None and host in rows and rows[host].inputs.get("files", files) != files
    ]
    if edited:
        yield (
            f"the playbooks of {component.name}, or files beside them, changed since it was installed on {join_names(edited)};"
            " force carries them out again"
        )
    if changes.demand.action is Action.FORGET:
        return
    stranded = sorted(rows.keys() - set(coverage.of_component(component)))
    if stranded and coverage.templated(component):
        yield (
            f"{component.name} is recorded on {join_names(stranded)}, which its plays do not name with these values;"
            " with others, as given by -e, they may"
        )
    elif stranded:
        yield (
            f"{component.name} is recorded on {join_names(stranded)}, but no longer for it;"
            f" forget, with the limit {','.join(stranded)}, lets it go"
        )
