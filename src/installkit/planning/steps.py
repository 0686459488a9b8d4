"""
The steps that carry changes out.

A change says what happens to one component on one host; a step is one playbook carried out once. Between them:

    changes of mysql   db1: upgrade 1 → 3 by 2     db2: upgrade 2 → 3
    drafts             upgrade to 2 on db1         upgrade to 3 on db1, db2       one action, one version aimed at
    batches            with `batch: 1`: db1, then db2                             hosts of other groups are in each
    steps              01-mysql-upgrade → 02-mysql-verify → 03-mysql-upgrade-1 → …

A step has hosts of three kinds: those that change; those of its plays that are not the component's own, as `localhost`;
and those that stay as they are, if the playbook can then run without a limit. The last ones run along, and their change
says so. A step needs the last step of each component that its own requires or that comes before it in the order, and
all checks.
"""

from collections.abc import Iterable, Mapping, Sequence

import attrs

from installkit.errors import PlanningError
from installkit.model import Action, ActionDefinition, Change, Component, Inventory, Play, Reason, Request, Step
from installkit.planning.batches import cut_batches
from installkit.planning.changes import Changes
from installkit.planning.coverage import Coverage, spec_of
from installkit.planning.order import Order
from installkit.planning.requests import CHECKED, GETTING_VALUES
from installkit.text import join_names

_PROVED_BY_VERIFY = frozenset({Action.INSTALL, Action.UPGRADE, Action.CONFIGURE, Action.ROLLBACK, Action.RECORD})
_HARMLESS_AGAIN = GETTING_VALUES - {Action.ROLLBACK}
_PLACES = {action: place for place, action in enumerate(Action)}
_ALONG = "unchanged; its playbook runs here too, since it runs on all of these hosts together"


@attrs.frozen(kw_only=True)
class _StepDraft:
    """
    One action of one component on hosts that reach the same version.

    Attributes:
        hosts: All hosts that the playbook touches.
        company: The hosts that are in every batch: those of its plays that are not the component's own.
        others: Those of them that the action does not change.
        batch: From 1; None if all hosts are done at once.
        approve: Whether the step waits for an approval first.
        vouches_for: The hosts that a verify proves although it does not run on them.
    """

    changes: Changes
    spec: ActionDefinition
    action: Action
    hosts: tuple[str, ...]
    to_version: str | None
    company: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    from_version: str | None = None
    batch: int | None = None
    approve: bool = False
    vouches_for: tuple[str, ...] = ()

    @property
    def component(self) -> Component:
        """The component concerned."""
        return self.changes.demand.component

    @property
    def concerned(self) -> tuple[str, ...]:
        """The hosts that the action is for."""
        others = set(self.others)
        return tuple(host for host in self.hosts if host not in others)


@attrs.define
class Steps:
    """
    Builds the steps of a plan.

    Attributes:
        steps: The steps so far; a step comes after those that it needs.
        warnings: One sentence per warning.
    """

    request: Request
    inventory: Inventory
    coverage: Coverage
    steps: list[Step] = attrs.field(factory=list)
    warnings: list[str] = attrs.field(factory=list)

    def add_checks(self, changes: Iterable[Changes]) -> tuple[str, ...]:
        """
        Add a step for the check of each component that is about to change, or whose check is asked for.

        Returns:
            Their ids: before all of them have succeeded, nothing may change.
        """
        ids = []
        for component_changes in changes:
            check = component_changes.demand.component.action(Action.CHECK)
            if check is None:
                continue
            by_version: dict[str | None, list[str]] = {}
            for decision, hosts in component_changes.decisions:
                if decision.action in CHECKED:
                    by_version.setdefault(decision.to_version, []).extend(hosts)
            for version, names in by_version.items():
                origins = {component_changes.by_host[host].from_version for host in names}
                draft = _StepDraft(
                    changes=component_changes,
                    spec=check,
                    action=Action.CHECK,
                    hosts=tuple(names),
                    to_version=version,
                    from_version=origins.pop() if len(origins) == 1 else None,
                )
                if reading := self._on_covered_hosts(draft):
                    ids.append(self._add(reading, ()))
        return tuple(ids)

    def add_all(self, changes: Mapping[str, Changes], order: Order, *, after: Sequence[str] = ()) -> tuple[str, ...]:
        """
        Add the steps of *changes* in *order*, after the steps with the ids *after*.

        If a playbook also runs on hosts that stay as they are, the changes of these hosts are marked.

        Returns:
            The ids of the steps that none of these needs.
        """
        last: dict[str, tuple[str, ...]] = {}
        open_ends: dict[str, None] = {}
        for name in order.names:
            before = tuple(dict.fromkeys(step for earlier in order.before[name] for step in last[earlier]))
            end = self._add_component(changes[name], before or tuple(after)) if name in changes else None
            last[name] = before if end is None else (end,)
            if end is not None:
                open_ends[end] = None
                for step in before:
                    open_ends.pop(step, None)
        return tuple(open_ends)

    def _add_component(self, changes: Changes, needs: tuple[str, ...]) -> str | None:
        """Add the steps of one component; return the id of the last one, or None if there are none."""
        batches = self._batches(changes)
        end = None
        begun: set[Action] = set()
        waiting: set[Action] = set()
        for batch in batches:
            second = batch.batch == 2  # noqa: PLR2004 - from 1
            approve = {None: False, "first_batch": second, "every_batch": batch.action in begun}[batch.spec.approve]
            begun.add(batch.action)
            waiting |= {batch.action} if approve else set()
            concerned = set(batch.concerned)
            versions = {
                changes.by_host[hosts[0]].origin(batch.to_version)
                for _, hosts in changes.decisions
                if not concerned.isdisjoint(hosts)
            }
            from_version = versions.pop() if len(versions) == 1 else None
            draft = attrs.evolve(batch, approve=approve, from_version=from_version)
            end = self._add(draft, needs if end is None else (end,))

            verify = draft.component.action(Action.VERIFY)
            if draft.action in {Action.START, Action.RESTART}:  # verified again where a verify found them broken
                needs_proof = any(changes.by_host[host].reason == Reason.REPAIR for host in draft.concerned)
            else:
                needs_proof = draft.action in _PROVED_BY_VERIFY
            if verify is not None and needs_proof:
                proof = attrs.evolve(
                    draft, action=Action.VERIFY, spec=verify, hosts=draft.concerned, others=(), approve=False
                )
                covered = self._on_covered_hosts(proof)
                end = end if covered is None else self._add(covered, (end,))
        lonely = dict.fromkeys(batch.action for batch in batches if batch.spec.approve and batch.action not in waiting)
        self.warnings += (
            f"{changes.demand.component.name} asks for an approval between batches, but {action.value} has only one"
            for action in lonely
        )
        return end

    def _batches(self, changes: Changes) -> list[_StepDraft]:
        """Return what is done, in order: of one action, first the hosts with the most versions still before them."""
        alike: dict[tuple[Action, int, str | None], list[str]] = {}
        for decision, hosts in changes.decisions:
            if decision.action is None or decision.action is Action.CHECK:
                continue
            for left, version in enumerate((decision.to_version, *reversed(decision.via))):
                alike.setdefault((decision.action, left, version), []).extend(hosts)
        ordered = sorted(alike, key=lambda key: (_PLACES[key[0]], -key[1], key[2] or ""))
        batches = []
        for draft in [self._draft(changes, key[0], key[2], alike[key]) for key in ordered]:
            company = set(draft.company)
            alone = [host for host in draft.hosts if host not in company]
            cut = cut_batches(alone or draft.hosts, self.request.batch or draft.spec.batch)
            if len(cut) == 1:
                batches.append(draft)
                continue
            kept = [company.union(hosts) for hosts in cut]
            batches += [
                attrs.evolve(draft, hosts=tuple(host for host in draft.hosts if host in hosts), batch=number)
                for number, hosts in enumerate(kept, start=1)
            ]
        return batches

    def _draft(self, changes: Changes, action: Action, to_version: str | None, concerned: list[str]) -> _StepDraft:
        """Return *action* on the hosts *concerned* and on those that its playbook touches along with them."""
        component = changes.demand.component
        spec = spec_of(component, action)
        covered = self.coverage.of_playbook(component, spec)
        name = self.coverage.playbook_name(component, spec)
        draft = _StepDraft(changes=changes, spec=spec, action=action, hosts=tuple(concerned), to_version=to_version)
        if action is Action.VERIFY:
            verify = self._on_covered_hosts(draft)
            if verify is None:
                raise PlanningError(
                    f"limit {self.coverage.limit!r} leaves no host of {name}, which runs on {join_names(covered)}",
                    remedy="add it to the limit, or leave the limit out",
                )
            return verify
        hosts = set(concerned)
        if uncovered := hosts.difference(covered):
            raise PlanningError(
                f"{name} has no play for {join_names(sorted(uncovered))},"
                f" where {changes.by_host[concerned[0]].text} of {component.name} needs one",
                remedy="add them to the hosts of its plays",
            )
        company = self.coverage.company(component, spec)
        others = tuple(host for host in company if host not in hosts)
        hosts.update(others)
        rest = [host for host in covered if host not in hosts]
        hosts |= self._along(changes, attrs.evolve(changes.by_host[concerned[0]], to_version=to_version), spec, rest)
        return attrs.evolve(
            draft, hosts=tuple(host for host in covered if host in hosts), company=company, others=others
        )

    def _along(self, changes: Changes, first: Change, spec: ActionDefinition, rest: list[str]) -> set[str]:
        """
        Return *rest* and mark their changes, if all of them already have the version aimed at: then no limit is needed.

        Otherwise return no hosts. An action that disturbs or destroys is not repeated where it is done already: a limit
        is better there, although the playbook then sees fewer hosts.
        """
        if first.disruptive or first.destructive or first.action not in _HARMLESS_AGAIN:
            return set()
        if spec.batch or self.request.batch or not self.inventory.static:
            return set()
        planned = [changes.by_host[host] for host in rest if host in changes.by_host]
        unchanged = [change for change in planned if change.action is None and change.to_version == first.to_version]
        if len(unchanged) < len(rest):
            return set()
        for change in unchanged:
            changes.by_host[change.host] = attrs.evolve(change, reason=_ALONG)
        return set(rest)

    def _on_covered_hosts(self, draft: _StepDraft) -> _StepDraft | None:
        """
        Return *draft*, which only reads, on the hosts where its playbook runs; None if it runs nowhere.

        A verify with plays on none of the component's hosts proves all hosts of *draft*. In all other cases there is a
        warning for the hosts that are not covered.
        """
        component, spec = draft.component, draft.spec
        playbook_hosts = self.coverage.of_playbook(component, spec)
        covered = set(playbook_hosts)
        company = self.coverage.company(component, spec)
        own = tuple(host for host in draft.hosts if host in covered)
        from_elsewhere = covered.isdisjoint(self.coverage.of_component(component))
        vouches = from_elsewhere and draft.action is Action.VERIFY and bool(company)
        uncovered = [host for host in draft.hosts if host not in covered]
        if uncovered and not vouches:
            done = "checked" if draft.action is Action.CHECK else "proved"
            name = self.coverage.playbook_name(component, spec)
            self.warnings.append(
                f"{name} has no play for {join_names(uncovered)}: {component.name} is not {done} there"
            )
        if not own and not (from_elsewhere and company):
            self._warn_of_dropped_plays(draft)
            return None
        others = tuple(host for host in company if host not in own)
        kept = {*own, *others}
        return attrs.evolve(
            draft,
            hosts=tuple(host for host in playbook_hosts if host in kept) if others else own,
            others=others,
            vouches_for=draft.hosts if vouches else (),
        )

    def _add(self, draft: _StepDraft, needs: tuple[str, ...]) -> str:
        seq = len(self.steps) + 1
        batch = "" if draft.batch is None else f"-{draft.batch}"
        covered = self.coverage.of_playbook(draft.component, draft.spec)
        step = Step(
            id=f"{seq:02d}-{draft.component.name}-{draft.action.value}{batch}",
            seq=seq,
            component=draft.component.name,
            action=draft.action,
            hosts=draft.hosts,
            playbook=self.coverage.playbook_name(draft.component, draft.spec),
            batch=draft.batch,
            needs=needs,
            from_version=draft.from_version,
            to_version=draft.to_version,
            limited=not self.inventory.static or len(draft.hosts) < len(covered),
            approve=draft.approve,
            others=draft.others,
            vouches_for=draft.vouches_for,
        )
        self._warn_of_dropped_plays(draft)
        self.steps.append(step)
        return step.id

    def _warn_of_dropped_plays(self, draft: _StepDraft) -> None:
        name = self.coverage.playbook_name(draft.component, draft.spec)
        for play in self.coverage.dropped_plays(draft.component, draft.spec):
            self.warnings.append(f"limit {self.coverage.limit!r} leaves out a play of {name}: {_described(play)}")
        for play in self.coverage.lost_plays(draft.component, draft.spec):
            self.warnings.append(
                f"a play of {name} is left out: {_described(play)}, since another names these hosts"
                f" together with those of {draft.component.name}; give it a component of its own"
            )


def _described(play: Play) -> str:
    return f"{play.name} (hosts: {play.pattern})" if play.name else f"hosts: {play.pattern}"
