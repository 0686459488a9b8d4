"""
The steps that carry changes out.

A change says what happens to one component on one host; a step is one playbook carried out once. Between them:

    changes of mysql   db1: upgrade 1 → 3 by 2     db2: upgrade 2 → 3
    drafts             upgrade to 2 on db1         upgrade to 3 on db1, db2       one action, one version aimed at
    batches            with `batch: 1`: db1, then db2                             hosts of other groups go with each
    steps              01-mysql-upgrade → 02-mysql-verify → 03-mysql-upgrade-1 → …

The hosts of a step are those that change, those of its plays that are not the component's own (as `localhost`), and, where
no limit is needed then, those that stay as they are: they run along, and their change says so. A step needs the last
step of each component that its own requires or that comes before it in the order, and all checks.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NoReturn

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
_ALONG = "unchanged, but its playbook runs here again, together with the other hosts"


@attrs.frozen(kw_only=True)
class _StepDraft:
    """
    One action of one component on hosts that reach the same version.

    Attributes:
        hosts: All that the playbook touches.
        company: Those of its plays that stay with each batch.
        others: Those of the company that are not concerned themselves.
        batch: From 1; None if all hosts are done at once.
        approve: Whether it waits for an approval first.
        vouches_for: The hosts that a verify proves from elsewhere.
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
        """The hosts that it is for."""
        return tuple(host for host in self.hosts if host not in self.others)


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

    def add_checks(self, changes: Iterable[Changes]) -> tuple[str, ...]:
        """
        Add a step for the check of each component that is about to change, or whose check is asked for.

        Returns:
            Their ids: before all of them have succeeded, nothing may change.
        """
        return tuple(step for each in changes for step in self._add_checks_of(each))

    def _add_checks_of(self, changes: Changes) -> Iterator[str]:
        component = changes.demand.component
        check = component.action(Action.CHECK)
        if check is None:
            return
        concerned: dict[str | None, list[str]] = {}
        for decision, hosts in changes.decisions:
            if decision.action in CHECKED:
                concerned.setdefault(decision.to_version, []).extend(hosts)
        for version, names in concerned.items():
            origins = {changes.by_host[host].from_version for host in names}
            work = _StepDraft(
                changes=changes,
                spec=check,
                action=Action.CHECK,
                hosts=tuple(names),
                to_version=version,
                from_version=origins.pop() if len(origins) == 1 else None,
            )
            if seen := self._looking(work):
                yield self._add(seen, ())

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
        works = [batch for work in self._works(changes) for batch in self._batches(work)]
        end = None
        for work in _with_waits(works):
            end = self._add_batch(work, needs if end is None else (end,))
        waiting = {
            step.action for step in self.steps if step.approve and step.component == changes.demand.component.name
        }
        lonely = {work.action: None for work in works if work.spec.approve and work.action not in waiting}
        self.warnings += (_nothing_to_approve(changes.demand.component, action) for action in lonely)
        return end

    def _batches(self, work: _StepDraft) -> list[_StepDraft]:
        company = set(work.company)
        alone = [host for host in work.hosts if host not in company]
        cut = cut_batches(alone or work.hosts, self.request.batch or work.spec.batch)
        if len(cut) == 1:
            return [work]
        kept = [company.union(hosts) for hosts in cut]
        return [
            attrs.evolve(work, hosts=tuple(host for host in work.hosts if host in hosts), batch=number)
            for number, hosts in enumerate(kept, start=1)
        ]

    def _works(self, changes: Changes) -> list[_StepDraft]:
        """Return what is done, in order: of one action, first what has the most versions still before it."""
        alike: dict[tuple[Action, int, str | None], list[str]] = {}
        for decision, hosts in changes.decisions:
            if decision.action is None or decision.action is Action.CHECK:
                continue
            for left, version in enumerate((decision.to_version, *reversed(decision.via))):
                alike.setdefault((decision.action, left, version), []).extend(hosts)
        ordered = sorted(alike, key=lambda key: (_PLACES[key[0]], -key[1], key[2] or ""))
        return [self._work(changes, key[0], key[2], alike[key]) for key in ordered]

    def _work(self, changes: Changes, action: Action, to_version: str | None, concerned: list[str]) -> _StepDraft:
        component = changes.demand.component
        spec = spec_of(component, action)
        work = _StepDraft(changes=changes, spec=spec, action=action, hosts=tuple(concerned), to_version=to_version)
        if action is Action.VERIFY:
            return self._looking(work) or self._nothing_to_look_at(work)
        hosts = set(concerned)
        covered = self.coverage.of_playbook(component, spec)
        if uncovered := hosts.difference(covered):
            raise PlanningError(
                f"{self.coverage.playbook_name(component, spec)} has no play for {join_names(sorted(uncovered))},"
                f" where {changes.by_host[concerned[0]].text} of {component.name} needs one",
                remedy="add them to the hosts of its plays",
            )
        company = self.coverage.company(component, spec)
        others = [host for host in company if host not in hosts]
        rest = [host for host in covered if host not in hosts and host not in others]
        hosts |= self._along(changes, attrs.evolve(changes.by_host[concerned[0]], to_version=to_version), spec, rest)
        kept = hosts.union(others)
        return attrs.evolve(
            work,
            hosts=tuple(host for host in covered if host in kept),
            company=company,
            others=tuple(others),
        )

    def _along(self, changes: Changes, first: Change, spec: ActionDefinition, rest: list[str]) -> set[str]:
        """
        Return *rest*, their changes marked, if all are in the version aimed at: then no limit is needed.

        What disturbs or destroys is not repeated where it is done: there a limit is better than a playbook that sees all.
        """
        if first.disruptive or first.destructive or first.action not in _HARMLESS_AGAIN:
            return set()
        if spec.batch or self.request.batch or not self.inventory.static:
            return set()
        known = [changes.by_host[host] for host in rest if host in changes.by_host]
        still = [change for change in known if change.action is None and change.to_version == first.to_version]
        if len(still) < len(rest):
            return set()
        for change in still:
            changes.by_host[change.host] = attrs.evolve(change, reason=_ALONG)
        return set(rest)

    def _add_batch(self, work: _StepDraft, needs: tuple[str, ...]) -> str:
        """Add the step for one batch and, where declared, the one that verifies it; return the id of the last."""
        versions = {work.changes.by_host[host].origin(work.to_version) for host in work.concerned}
        work = attrs.evolve(work, from_version=versions.pop() if len(versions) == 1 else None)
        step = self._add(work, needs)
        verify = work.component.action(Action.VERIFY)
        if verify is None or not _needs_proof(work):
            return step
        asked = attrs.evolve(work, action=Action.VERIFY, spec=verify, hosts=work.concerned, others=(), approve=False)
        seen = self._looking(asked)
        return step if seen is None else self._add(seen, (step,))

    def _looking(self, work: _StepDraft) -> _StepDraft | None:
        """
        Return *work*, which only reads, on the hosts where its playbook runs; None if it runs nowhere.

        A verify whose plays name none of the component's hosts vouches for all of *work*'s; else who is not seen is told.
        """
        component, spec = work.component, work.spec
        covered = set(self.coverage.of_playbook(component, spec))
        company = self.coverage.company(component, spec)
        seen = tuple(host for host in work.hosts if host in covered)
        from_elsewhere = covered.isdisjoint(self.coverage.of_component(component))
        vouches = from_elsewhere and work.action is Action.VERIFY and bool(company)
        unseen = [host for host in work.hosts if host not in covered]
        if unseen and not vouches:
            done = "checked" if work.action is Action.CHECK else "proved"
            name = self.coverage.playbook_name(component, spec)
            self.warnings.append(f"{name} has no play for {join_names(unseen)}: {component.name} is not {done} there")
        if not seen and not (from_elsewhere and company):
            self._tell_of_dropped_plays(work)
            return None
        others = tuple(host for host in company if host not in seen)
        kept = {*seen, *others}
        return attrs.evolve(
            work,
            hosts=tuple(host for host in self.coverage.of_playbook(component, spec) if host in kept)
            if others
            else seen,
            others=others,
            vouches_for=work.hosts if vouches else (),
        )

    def _nothing_to_look_at(self, work: _StepDraft) -> NoReturn:
        covered = self.coverage.of_playbook(work.component, work.spec)
        name = self.coverage.playbook_name(work.component, work.spec)
        raise PlanningError(
            f"limit {self.coverage.limit!r} leaves no host of {name}, which runs on {join_names(covered)}",
            remedy="add it to the limit, or leave the limit out",
        )

    def _add(self, work: _StepDraft, needs: tuple[str, ...]) -> str:
        seq = len(self.steps) + 1
        batch = "" if work.batch is None else f"-{work.batch}"
        covered = self.coverage.of_playbook(work.component, work.spec)
        step = Step(
            id=f"{seq:02d}-{work.component.name}-{work.action.value}{batch}",
            seq=seq,
            component=work.component.name,
            action=work.action,
            hosts=work.hosts,
            playbook=self.coverage.playbook_name(work.component, work.spec),
            batch=work.batch,
            needs=needs,
            from_version=work.from_version,
            to_version=work.to_version,
            limited=not self.inventory.static or len(work.hosts) < len(covered),
            approve=work.approve,
            others=work.others,
            vouches_for=work.vouches_for,
        )
        self._tell_of_dropped_plays(work)
        self.steps.append(step)
        return step.id

    def _tell_of_dropped_plays(self, work: _StepDraft) -> None:
        name = self.coverage.playbook_name(work.component, work.spec)
        for play in self.coverage.dropped_plays(work.component, work.spec):
            told = f"limit {self.coverage.limit!r} leaves out a play of {name}: {_named(play)}"
            self.warnings.append(told)
        for play in self.coverage.lost_plays(work.component, work.spec):
            self.warnings.append(
                f"a play of {name} is left out: {_named(play)}, since another names these hosts"
                f" together with those of {work.component.name}; give it a component of its own"
            )


def _named(play: Play) -> str:
    return f"{play.name} (hosts: {play.pattern})" if play.name else f"hosts: {play.pattern}"


def _needs_proof(work: _StepDraft) -> bool:
    """Return whether a verify must follow *work*: also after a restart of what a verify found broken."""
    if work.action in {Action.START, Action.RESTART}:
        return any(work.changes.by_host[host].reason == Reason.REPAIR for host in work.concerned)
    return work.action in _PROVED_BY_VERIFY


def _with_waits(batches: Iterable[_StepDraft]) -> Iterable[_StepDraft]:
    """Yield *batches*, and which of them wait for an approval: of one action, the second of a version, or all but the first."""
    begun: set[Action] = set()
    for batch in batches:
        second = batch.batch == 2  # noqa: PLR2004 - from 1
        asked = {None: False, "first_batch": second, "every_batch": batch.action in begun}
        yield attrs.evolve(batch, approve=asked[batch.spec.approve])
        begun.add(batch.action)


def _nothing_to_approve(component: Component, action: Action) -> str:
    return f"{component.name} asks for an approval between batches, but {action.value} has only one"


def _each_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
