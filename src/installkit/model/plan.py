from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, TypedDict

import attrs

from installkit.model.check import OWN_CHECKS
from installkit.model.graph import GraphEdge, GraphNode, PlanGraph
from installkit.model.options import HasId, StartOptions
from installkit.model.statuses import Action, Reason
from installkit.text import join_names


@attrs.frozen(kw_only=True)
class Request:
    """
    What somebody asks for: one shape in Python, JSON and command-line options.

    Attributes:
        install: Components as `NAME` or `NAME=VERSION`, like every other action; NAME may be a number, a range of numbers
            (`3-7`) or a file name.
        all: Install every component of the catalog that is not installed yet.
        limit: An Ansible host pattern.
        batch: As Ansible's `serial`, for every step; empty for the batches in the manifest.
        parameters: Values for this plan only, the highest level; never those of secrets.
        exclude: Names of components, or ranges, that `all` and ranges leave out; also of dropped playbooks, for which
            there is then no warning.
        secrets: Names of secrets that no component declares: playbooks get the values that are handed over at start.
        force: Names of components to carry out even if nothing changed.
        purge: With `uninstall`: the data is removed too; playbooks see it as `component_purge`.
        resume: The run to resume.
        failed_hosts_only: With `resume`: only the hosts that failed or could not be reached. In the request of a plan:
            `limit` names these hosts, and the plays on hosts of other groups and on localhost are kept.
        rollback: The run to undo.
    """

    install: tuple[str, ...] = ()
    upgrade: tuple[str, ...] = ()
    configure: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    backup: tuple[str, ...] = ()
    uninstall: tuple[str, ...] = ()
    record: tuple[str, ...] = ()
    forget: tuple[str, ...] = ()
    all: bool = False
    limit: str | None = None
    batch: tuple[int | str, ...] = ()
    parameters: Mapping[str, Any] = attrs.field(factory=dict)
    exclude: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    force: tuple[str, ...] = ()
    purge: bool = False
    resume: str | None = None
    failed_hosts_only: bool = False
    rollback: str | None = None

    def wanted(self, action: Action) -> tuple[str, ...]:
        """Return the `NAME` or `NAME=VERSION` entries for *action*; none for `rollback`, which names a run instead."""
        return () if action is Action.ROLLBACK else getattr(self, action.value)


Names = list[str] | tuple[str, ...] | AbstractSet[str]
"""Several names; one alone is a list of one, and not the text itself."""


class RequestFields(TypedDict, total=False):
    """The fields of `Request`, each of them optional, as keyword arguments; None is as good as none."""

    install: Names | None
    upgrade: Names | None
    configure: Names | None
    start: Names | None
    stop: Names | None
    restart: Names | None
    verify: Names | None
    check: Names | None
    backup: Names | None
    uninstall: Names | None
    record: Names | None
    forget: Names | None
    all: bool | None
    limit: str | None
    batch: int | str | Sequence[int | str] | None
    parameters: Mapping[str, Any] | None
    exclude: Names | None
    force: Names | None
    purge: bool | None
    resume: str | HasId | None
    failed_hosts_only: bool | None
    rollback: str | HasId | None


class ApplyOptions(StartOptions, total=False):
    """
    What `Site.apply` takes beside the fields of a request.

    Attributes:
        secrets: As for `Site.start`.
        wait_for_lock: Seconds to wait while another run changes the site.
    """

    secrets: Mapping[str, str] | None
    wait_for_lock: float


class ApplyFields(RequestFields, ApplyOptions, total=False):
    """All that `Site.apply` takes."""


@attrs.frozen(kw_only=True)
class Change:
    """
    What happens to one component on one host.

    Attributes:
        action: None if nothing changes.
        from_version: None if it is not installed, or versions are unknown.
        to_version: None if versions are unknown, and after an uninstall.
        via: Versions in between, in order, each with its own steps.
        reason: A `Reason`, with ` by NAME` after `required`; if nothing changes, why (`unchanged, 2.0 available`).
    """

    component: str
    host: str
    action: Action | None
    from_version: str | None
    to_version: str | None
    reason: str
    disruptive: bool = False
    destructive: bool = False
    via: tuple[str, ...] = ()

    def origin(self, version: str | None) -> str | None:
        """Return the version from which the step to *version* starts."""
        way = zip((*self.via, self.to_version), (self.from_version, *self.via), strict=True)
        return dict(way).get(version, self.from_version)

    @property
    def text(self) -> str:
        """The change in words, as `upgrade 10.11.18 → 10.11.19`, `configure: mysql_port` or `unchanged`."""
        if self.action is None:
            return self.reason
        if self.action is Action.UPGRADE and self.from_version and self.to_version:
            return f"upgrade {' → '.join((self.from_version, *self.via, self.to_version))}"
        if self.reason.startswith(Reason.PARAMETERS_CHANGED.value + ": "):
            return f"{self.action.value}: {self.reason.partition(': ')[2]}"
        version = self.to_version or self.from_version
        return f"{self.action.value} {version}" if version else self.action.value


@attrs.frozen(kw_only=True)
class Step:
    """
    One component, one action, one batch of hosts: one playbook carried out once.

    Attributes:
        id: Unique in its plan, as `03-mysql-upgrade-2`: position, component, action and, with batches, the batch.
        seq: Position in the plan, from 1; needs come first. 0 for installkit's own checks.
        batch: From 1; None if all hosts are done at once.
        playbook: Relative to the catalog; empty if only the record changes.
        needs: Ids of the steps that must have succeeded before.
        from_version: None if not installed, unknown, or not the same on all hosts.
        limited: Whether Ansible gets `hosts` as its limit; if not, it covers all hosts of the playbook's plays.
        approve: Whether it starts only after somebody has approved what was done before it.
        others: The `hosts` that are not the component's, as localhost: the plays name them too, but nothing is recorded
            for them.
        vouches_for: The component's hosts that a verify proves without running on them, as from localhost.
    """

    id: str
    seq: int
    component: str
    action: Action
    hosts: tuple[str, ...]
    playbook: str
    batch: int | None = None
    needs: tuple[str, ...] = ()
    from_version: str | None = None
    to_version: str | None = None
    limited: bool = False
    approve: bool = False
    others: tuple[str, ...] = ()
    vouches_for: tuple[str, ...] = ()

    @property
    def own_hosts(self) -> tuple[str, ...]:
        """The `hosts` whose record the step changes or proves."""
        return tuple(host for host in self.hosts if host not in self.others) if self.others else self.hosts

    @property
    def text(self) -> str:
        """The step in words, as `upgrade mysql 10.11.18 → 10.11.19 on db1, db2`."""
        between = " " if self.component == OWN_CHECKS else " on "
        return f"{_title(self)}{between}{_hosts(self)}"


def _title(step: Step) -> str:
    if step.component == OWN_CHECKS:
        return "check"
    moves = step.action is Action.UPGRADE and step.from_version and step.to_version
    versions = f" {step.from_version} → {step.to_version}" if moves else ""
    return f"{step.action.value} {step.component}{versions}"


def _hosts(step: Step) -> str:
    own = step.own_hosts
    company = f", with {join_names(step.others)}" if own and step.others else ""
    return f"{join_names(own or step.hosts)}{company}"


@attrs.frozen(kw_only=True)
class Plan:
    """
    What will be done, in what order, on which hosts, and why; immutable, and applied once.

    Attributes:
        id: The run that applies the plan has the same id.
        revision: The site's last mutating run when the plan was made; None before the first.
        digest: Of the inputs below, as one word (sha256, hex).
        inputs: Digest of every input by name: catalog and inventory files, parameters, the installed record.
        continues: The run that it resumes or undoes.
        warnings: One sentence per warning.
        summary: One line for people, as `2 to install, 1 unchanged, 3 steps`.
    """

    id: str
    site: str
    revision: str | None
    digest: str
    created_at: datetime
    request: Request
    changes: tuple[Change, ...] = ()
    steps: tuple[Step, ...] = ()
    warnings: tuple[str, ...] = ()
    summary: str = ""
    inputs: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    continues: str | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.steps

    @property
    def read_only(self) -> bool:
        """Whether no step changes a host."""
        return all(step.action.read_only for step in self.steps)

    @property
    def waits(self) -> tuple[str, ...]:
        """A line for each approval that it will wait for, as `waits for an approval before 3. upgrade mysql on db2`."""
        return tuple(f"waits for an approval before {step.seq}. {step.text}" for step in self.steps if step.approve)

    def graph(self) -> PlanGraph:
        """Return the steps as a graph, with an edge from each step to those that need it: a picture in a notebook."""
        nodes = (
            GraphNode(
                id=step.id,
                seq=step.seq,
                title=_title(step) if step.batch is None else f"{_title(step)} (batch {step.batch})",
                hosts=_hosts(step),
            )
            for step in self.steps
        )
        edges = (
            GraphEdge(start=need, end=step.id, approval=step.approve) for step in self.steps for need in step.needs
        )
        return PlanGraph(summary=self.summary, nodes=tuple(nodes), edges=tuple(edges))

    def __str__(self) -> str:
        """A line for each step, as `1. install mysql on db1`, and one for each warning."""
        lines = [
            f"{step.seq}. {step.text}{', once it is approved' if step.approve else ''}" for step in self.steps
        ] or [self.summary]
        return "\n".join([*lines, *(f"warning: {warning}" for warning in self.warnings)])
