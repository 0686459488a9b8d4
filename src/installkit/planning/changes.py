"""What changes, component by component and host by host."""

import functools
from collections.abc import Iterable, Mapping

import attrs

from installkit.errors import PlanningError
from installkit.model import Action, Change, Component, Installation
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
        coverage: Who is meant by what.
        values: The parameters' values.
        continued: The runs whose work the plan goes on with; empty for a plan of its own.
    """

    coverage: Coverage
    values: ResolvedParameters
    continued: frozenset[str] = frozenset()


@attrs.define
class Changes:
    """
    What is going to change of one component.

    Attributes:
        decisions: What was decided, with the hosts that it is for.
        by_host: The same host by host, in the order of the component's hosts; empty if the limit leaves none of them.
        warnings: A sentence each.
    """

    demand: Demand
    decisions: list[tuple[Decision, tuple[str, ...]]] = attrs.field(factory=list)
    by_host: dict[str, Change] = attrs.field(factory=dict)
    warnings: list[str] = attrs.field(factory=list)

    @property
    def actions(self) -> set[Action]:
        """What is done, on whichever host; empty if nothing changes."""
        return {decision.action for decision, _ in self.decisions if decision.action is not None}


def find_changes(demand: Demand, rows: Rows, setting: Setting) -> Changes:
    """
    Return what *demand* changes.

    Args:
        demand: What is asked of one component.
        rows: What is recorded of it.
        setting: What is the same for all components.

    Raises:
        PlanningError: If the component has no hosts, or what is asked cannot be done where it stands.
    """
    changes, coverage = Changes(demand), setting.coverage
    hosts = _hosts(demand, rows, coverage, changes.warnings)
    elsewhere = frozenset(row.version for row in rows.values() if row.in_place)
    cases = [attrs.evolve(case, elsewhere=elsewhere) for case in _cases(demand, hosts, rows, setting)]
    for case, decision in zip(cases, _decisions(cases), strict=True):
        changes.decisions.append((decision, case.hosts))
        change = functools.partial(Change, component=demand.component.name, **attrs.asdict(decision, recurse=False))
        changes.by_host.update(zip(case.hosts, [change(host=host) for host in case.hosts], strict=True))
    if len(changes.decisions) > 1:
        changes.by_host = {host: changes.by_host[host] for host in hosts}
    changes.warnings += _warnings(changes, rows, coverage)
    return changes


def _hosts(demand: Demand, rows: Rows, coverage: Coverage, warnings: list[str]) -> tuple[str, ...]:
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


def _decisions(cases: Iterable[HostGroup]) -> list[Decision]:
    """Return what is decided of each of *cases*; what is refused of several is told at once."""
    decisions, refused = [], []
    for case in cases:
        try:
            decisions.append(decide(case))
        except PlanningError as exc:
            refused.append(exc)
    reasons = dict.fromkeys(map(str, refused))
    if len(reasons) > 1:
        remedies = dict.fromkeys(exc.remedy for exc in refused if exc.remedy)
        raise PlanningError("\n".join(reasons), remedy="; ".join(remedies) or None)
    if refused:
        raise refused[0]
    return decisions


def _cases(demand: Demand, hosts: tuple[str, ...], rows: Rows, setting: Setting) -> list[HostGroup]:
    if not rows:
        return [HostGroup(demand=demand, hosts=hosts, row=None)] if hosts else []
    alike: dict[object, list[str]] = {}
    found: dict[object, HostGroup] = {}
    for host in hosts:
        row = rows.get(host)
        changed = setting.values.changed(demand.component, row) if row else ()
        done = row is not None and row.changing_run in setting.continued
        key = (row.status, row.action, row.version, row.to_version, changed, done) if row else None
        alike.setdefault(key, []).append(host)
        found.setdefault(key, HostGroup(demand=demand, hosts=(), row=row, changed=changed, done=done))
    return [attrs.evolve(case, hosts=tuple(alike[key])) for key, case in found.items()]


def _warnings(changes: Changes, rows: Rows, coverage: Coverage) -> Iterable[str]:
    component = changes.demand.component
    kept = [host for host, change in changes.by_host.items() if change.action is None and host in rows]
    edited = _edited(component, [rows[host] for host in kept])
    if edited:
        yield (
            f"the playbooks of {component.name} were edited since it was installed on {join_names(edited)};"
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


def _edited(component: Component, rows: Iterable[Installation]) -> list[str]:
    now = files_digest(component)
    return [row.host for row in rows if row.inputs.get("files", now) != now]
