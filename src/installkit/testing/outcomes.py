"""What comes of the steps of a fake: read from keys such as `mysql/upgrade@db2`, and checked against a site."""

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs

from installkit.errors import PlanningError, UnknownNameError
from installkit.model import OWN_CHECKS, Action, Catalog, Inventory, RunSpec, Step
from installkit.testing.playbooks import read_plays

STATUSES = ("ok", "changed", "failed", "unreachable")

CHECKS = ("connection", "python", "privilege", "disk", "memory", "time")
"""installkit's own checks that can be told to fail, by the name after `host.`."""

_KEY = re.compile(r"(?:(?P<site>[^:/@]+):)?(?P<component>[^:/@]+)(?:/(?P<action>[^:/@]+))?(?:@(?P<host>.+))?")


def _status(_: object, __: object, value: str | None) -> None:
    if value is not None and value not in STATUSES:
        raise ValueError(f"an outcome's status is one of {', '.join(STATUSES)}, not {value!r}")


def _delay(_: object, __: object, value: float) -> None:
    if not 0 <= value < float("inf"):
        raise ValueError(f"an outcome's delay is a number of seconds from 0 on, not {value!r}")


def _json(_: object, __: object, value: Mapping[str, Any]) -> None:
    try:
        json.dumps(dict(value))
    except (TypeError, ValueError) as exc:
        raise ValueError(f"an outcome's result has values as in JSON: {exc}") from exc


@attrs.frozen
class Outcome:
    """
    What `FakeAnsible` lets come of a step on a host.

    Attributes:
        status: `ok`, `changed`, `failed` or `unreachable`; None for what is usual: `changed` for an action that changes
            hosts, else `ok`.
        message: What a failed task, an unreachable host or a check says.
        task: The name of the task that has this status, delay, output and result. None: the first task, and `ok` and
            `changed` are the status of every task. For installkit's own checks: the check, as `memory`.
        delay: Seconds that the task takes.
        output: What is printed in the log before the task's result, with its line ends.
        result: What the task returns in addition to `changed` and `msg`.
    """

    status: str | None = attrs.field(default=None, validator=_status)
    message: str = attrs.field(default="", kw_only=True)
    task: str | None = attrs.field(default=None, kw_only=True)
    delay: float = attrs.field(default=0.0, kw_only=True, validator=_delay)
    output: str = attrs.field(default="", kw_only=True)
    result: Mapping[str, Any] = attrs.field(factory=dict, kw_only=True, validator=_json)

    @property
    def good(self) -> bool:
        """Whether the host goes on after the task."""
        return self.status not in {"failed", "unreachable"}


USUAL = Outcome()

Told = str | Outcome | Sequence[str | Outcome]
"""What a fake is told for a key: a status, an outcome, or several, of which each step takes the next; the last stays."""


@attrs.frozen
class Key:
    """Where an outcome holds; None for everywhere, and for every action that changes hosts."""

    text: str
    site: str | None
    component: str
    action: Action | None
    host: str | None

    @classmethod
    def read(cls, text: str) -> "Key":
        """Return the key *text*: `[SITE:]COMPONENT[/ACTION][@HOST]`."""
        match = _KEY.fullmatch(text)
        if match is None:
            raise ValueError(
                f"an outcome is for [SITE:]COMPONENT[/ACTION][@HOST], as 'mysql/upgrade@db2', not {text!r}"
            )
        word = match["action"]
        if word is not None and word not in {action.value for action in Action if not action.bookkeeping}:
            actions = ", ".join(action.value for action in Action if not action.bookkeeping)
            raise ValueError(f"{text!r} names an action that there is not: {word!r}; choose one of {actions}")
        if match["component"] == OWN_CHECKS and word != Action.CHECK.value:
            raise ValueError(f"{text!r}: installkit's own checks are '{OWN_CHECKS}/check'")
        return cls(text, match["site"], match["component"], None if word is None else Action(word), match["host"])

    def holds(self, site: str, component: str, action: Action, host: str) -> bool:
        """Return whether the outcome is for this."""
        return (
            self.site in {None, site}
            and self.component == component
            and self.means(action)
            and self.host in {None, host}
        )

    def means(self, action: Action) -> bool:
        """Return whether the outcome is for *action*."""
        return action.changes_hosts if self.action is None else self.action is action

    @property
    def weight(self) -> tuple[bool, bool, bool]:
        """How much it says: of several outcomes that hold, the one that says most counts."""
        return self.host is not None, self.action is not None, self.site is not None


@attrs.define
class _Rule:
    """The outcomes for one key, and the steps that have taken them so far."""

    key: Key
    outcomes: tuple[Outcome, ...]
    steps: list[str] = attrs.field(factory=list)

    @classmethod
    def read(cls, text: str, told: Told) -> "_Rule":
        key, several = Key.read(text), [told] if isinstance(told, (str, Outcome)) else told
        outcomes = tuple(each if isinstance(each, Outcome) else Outcome(each) for each in several)
        if not outcomes:
            raise ValueError(f"{text!r} has no outcome")
        for outcome in outcomes:
            if key.component == OWN_CHECKS and outcome.task not in {None, *CHECKS}:
                raise ValueError(f"{text!r}: the checks that can fail are {', '.join(CHECKS)}, not {outcome.task!r}")
        return cls(key, outcomes)

    def outcome_for(self, step: str) -> Outcome:
        """Return the outcome for *step*, which is the same whenever it is asked."""
        if step not in self.steps:
            self.steps.append(step)
        return self.outcomes[min(self.steps.index(step), len(self.outcomes) - 1)]


class Outcomes:
    """All outcomes that a fake was told; for any number of threads."""

    def __init__(self, told: Mapping[str, Told]) -> None:
        """
        Read what was told.

        Raises:
            ValueError: If a key, a status or a check of installkit's own is not one, or a list is empty.
        """
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self.update(told)

    def update(self, told: Mapping[str, Told]) -> None:
        """Read more, which replaces what has the same key; errors are those of the first time, and leave all as it was."""
        new = [_Rule.read(text, outcomes) for text, outcomes in told.items()]
        with self._lock:
            rules = [*(rule for rule in self._rules if rule.key.text not in told), *new]
            self._rules = sorted(rules, key=lambda rule: rule.key.weight, reverse=True)

    def of(self, run: RunSpec, step: Step, host: str, tasks: frozenset[str]) -> Outcome:
        """Return the outcome of *step* on *host*; one for a task holds only if the task is among its *tasks*."""
        with self._lock:
            for rule in self._rules:
                if rule.key.holds(run.site, step.component, step.action, host):
                    outcome = rule.outcome_for(f"{run.run} {step.id}")
                    if outcome.task is None or outcome.task in tasks or step.component == OWN_CHECKS:
                        return outcome
        return USUAL

    def refuse_unknown(self, site: str, catalog: Catalog, inventory: Inventory) -> None:
        """
        Refuse outcomes that can hold nowhere on *site*.

        Raises:
            UnknownNameError: If one names a component, an action or a host that there is not.
            PlanningError: If one names a task that no playbook has.
        """
        with self._lock:
            told = [(rule.key, outcome) for rule in self._rules for outcome in rule.outcomes]
        for key, outcome in told:
            if key.site not in {None, site}:
                continue
            if key.host is not None and key.host not in inventory.names:
                raise UnknownNameError(
                    f"FakeAnsible: {key.text!r} is for a host that site {site!r} does not have",
                    remedy=f"its hosts are {', '.join(inventory.names)}; for another site's host write SITE:{key.text}",
                )
            if key.component != OWN_CHECKS:
                _refuse_of_component(key, outcome, catalog)


def _refuse_of_component(key: Key, outcome: Outcome, catalog: Catalog) -> None:
    if key.component not in catalog:
        raise UnknownNameError(
            f"FakeAnsible: {key.text!r} is for a component that the catalog does not have",
            remedy=f"its components are {', '.join(component.name for component in catalog)}",
        )
    component = catalog[key.component]
    definitions = [
        definition for definition in component.actions if definition.playbook and key.means(definition.action)
    ]
    if not definitions:
        what = "action that changes hosts" if key.action is None else f"action {key.action.value}"
        raise UnknownNameError(
            f"FakeAnsible: {key.text!r}: component {key.component} has no {what}",
            remedy=f"its actions are {', '.join(definition.action.value for definition in component.actions)}",
        )
    if outcome.task is not None:
        tasks = dict.fromkeys(
            name for definition in definitions for name in _task_names(component.folder / definition.playbook)
        )
        if outcome.task not in tasks:
            raise PlanningError(
                f"FakeAnsible: {key.text!r}: no playbook of it has a task {outcome.task!r}",
                remedy=f"its tasks are {', '.join(map(repr, tasks))}" if tasks else "its playbooks have no tasks",
            )


def _task_names(playbook: Any) -> Iterator[str]:
    for play in read_plays(playbook):
        for task in play.tasks:
            yield task.name
