"""The steps that carry changes out."""

from collections.abc import Iterable, Mapping, Sequence

import attrs

from installkit.errors import PlanningError
from installkit.model import Action, ActionSpec, Change, Component, Inventory, Request, Step
from installkit.model.plan import join_names
from installkit.planning.batches import cut_batches
from installkit.planning.changes import Changes
from installkit.planning.coverage import Coverage, spec_of
from installkit.planning.order import Order
from installkit.planning.requests import GETTING_VALUES

_PROVED_BY_VERIFY = frozenset({Action.INSTALL, Action.UPGRADE, Action.CONFIGURE, Action.ROLLBACK, Action.RECORD})
_PLACES = {action: place for place, action in enumerate(Action)}
_ALONG = "unchanged, runs along so that no limit is needed"


@attrs.frozen(kw_only=True)
class _Work:
    """One action of one component on hosts that reach the same version."""

    changes: Changes
    spec: ActionSpec
    action: Action
    hosts: tuple[str, ...]
    to_version: str | None
    from_version: str | None = None

    @property
    def component(self) -> Component:
        """The component concerned."""
        return self.changes.demand.component


@attrs.define
class Steps:
    """
    The steps of a plan, as they grow.

    Attributes:
        steps: So far; needs come first.
        warnings: A sentence each.
    """

    request: Request
    inventory: Inventory
    coverage: Coverage
    steps: list[Step] = attrs.field(factory=list)
    warnings: list[str] = attrs.field(factory=list)

    def add_all(self, changes: Mapping[str, Changes], order: Order, *, after: Sequence[str] = ()) -> tuple[str, ...]:
        """
        Add the steps of *changes* in *order*, after the steps with the ids *after*.

        Where hosts that stay as they are run along, their change says so from now on.

        Returns:
            The ids of the steps that none of these needs.
        """
        last: dict[str, tuple[str, ...]] = {}
        open_ends: dict[str, None] = {}
        for name in order.names:
            before = _each_once(step for earlier in order.before[name] for step in last[earlier])
            end = self._add_component(changes[name], before or tuple(after)) if name in changes else None
            last[name] = before if end is None else (end,)
            if end is not None:
                open_ends[end] = None
                for step in before:
                    open_ends.pop(step, None)
        return tuple(open_ends)

    def _add_component(self, changes: Changes, needs: tuple[str, ...]) -> str | None:
        """Add the steps of one component; return the id of the last one, None if it needs none."""
        end = None
        for work in self._works(changes):
            batches = cut_batches(work.hosts, self.request.batch or work.spec.batch)
            for number, hosts in enumerate(batches, start=1):
                label = number if len(batches) > 1 else None
                end = self._add_batch(work, hosts, label, needs if end is None else (end,))
        return end

    def _works(self, changes: Changes) -> list[_Work]:
        alike: dict[tuple[Action, str | None], list[str]] = {}
        for decision, hosts in changes.decisions:
            if decision.action is not None:
                alike.setdefault((decision.action, decision.to_version), []).extend(hosts)
        ordered = sorted(alike, key=lambda key: (_PLACES[key[0]], key[1] or ""))
        return [self._work(changes, *key, alike[key]) for key in ordered]

    def _work(self, changes: Changes, action: Action, to_version: str | None, concerned: list[str]) -> _Work:
        component = changes.demand.component
        spec = spec_of(component, action)
        hosts = set(concerned)
        covered = self.coverage.of_playbook(component, spec)
        if uncovered := hosts.difference(covered):
            raise PlanningError(
                f"{self.coverage.playbook_name(component, spec)} has no play for {join_names(sorted(uncovered))},"
                f" where {changes.by_host[concerned[0]].text} of {component.name} needs one",
                remedy="add them to the hosts of its plays",
            )
        others = [host for host in covered if host not in hosts]
        hosts |= self._along(changes, changes.by_host[concerned[0]], spec, others)
        return _Work(
            changes=changes,
            spec=spec,
            action=action,
            hosts=tuple(host for host in covered if host in hosts) if others else covered,
            to_version=to_version,
        )

    def _along(self, changes: Changes, first: Change, spec: ActionSpec, others: list[str]) -> set[str]:
        """Return *others*, their changes marked, if all are in the version aimed at: then no limit is needed."""
        if first.action not in GETTING_VALUES or spec.batch or self.request.batch or not self.inventory.static:
            return set()
        known = [changes.by_host[host] for host in others if host in changes.by_host]
        still = [change for change in known if change.action is None and change.to_version == first.to_version]
        if len(still) < len(others):
            return set()
        for change in still:
            changes.by_host[change.host] = attrs.evolve(change, reason=_ALONG, disruptive=first.disruptive)
        return set(others)

    def _add_batch(self, work: _Work, hosts: tuple[str, ...], batch: int | None, needs: tuple[str, ...]) -> str:
        """Add the step for one batch and, where declared, the one that verifies it; return the id of the last."""
        versions = {work.changes.by_host[host].from_version for host in hosts}
        work = attrs.evolve(work, hosts=hosts, from_version=versions.pop() if len(versions) == 1 else None)
        step = self._add(work, batch, needs)
        verify = work.component.action(Action.VERIFY)
        if verify is None or work.action not in _PROVED_BY_VERIFY:
            return step
        checked = self._verified(work.component, verify, hosts)
        if not checked:
            return step
        return self._add(attrs.evolve(work, action=Action.VERIFY, spec=verify, hosts=checked), batch, (step,))

    def _verified(self, component: Component, verify: ActionSpec, hosts: tuple[str, ...]) -> tuple[str, ...]:
        """Return the hosts on which *verify* is carried out for *hosts*, and warn of those that it cannot vouch for."""
        covered = self.coverage.of_action(component, verify)
        if hosts == covered:
            return hosts
        seen = set(covered)
        unseen = [host for host in hosts if host not in seen]
        if unseen:
            name = self.coverage.playbook_name(component, verify)
            self.warnings.append(f"{name} has no play for {join_names(unseen)}: {component.name} is not proved there")
        if seen.isdisjoint(self.coverage.of_component(component)):
            return self.coverage.in_limit(covered)
        return tuple(host for host in hosts if host in seen)

    def _add(self, work: _Work, batch: int | None, needs: tuple[str, ...]) -> str:
        seq = len(self.steps) + 1
        parts = [f"{seq:02d}", work.component.name, work.action.value, *([] if batch is None else [str(batch)])]
        covered = self.coverage.of_playbook(work.component, work.spec)
        step = Step(
            id="-".join(parts),
            seq=seq,
            component=work.component.name,
            action=work.action,
            hosts=work.hosts,
            playbook=self.coverage.playbook_name(work.component, work.spec),
            batch=batch,
            needs=needs,
            from_version=work.from_version,
            to_version=work.to_version,
            limited=not self.inventory.static or len(work.hosts) < len(covered),
        )
        self.steps.append(step)
        return step.id


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
