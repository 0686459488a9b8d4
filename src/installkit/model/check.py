from collections.abc import Iterable

import attrs

from installkit.model.causes import cause_of
from installkit.model.statuses import CheckStatus

OWN_CHECKS = "host"
"""What the names of installkit's own checks begin with, and so what no component is called."""

CONNECTION_CHECK = f"{OWN_CHECKS}.connection"
"""The check that a host fails which cannot be reached, in whatever step."""


@attrs.frozen(kw_only=True)
class Ignored:
    """Who let a check's finding pass, and why."""

    by: str
    reason: str


@attrs.frozen(kw_only=True)
class Check:
    """
    What one check found, the same on all of `hosts`.

    Attributes:
        name: `COMPONENT.TASK`, as `mysql.disk-space`; `host.…` for a check of installkit's own.
        component: None for a check of installkit's own.
        remedy: What to do about it; None if it passed, or nothing is known.
        ignorable: Whether a start may name it in `ignore_checks`.
        ignored: Who let it pass, and why; None for what counts.
    """

    name: str
    component: str | None
    hosts: tuple[str, ...]
    status: CheckStatus
    message: str
    remedy: str | None = None
    ignorable: bool = True
    ignored: Ignored | None = None

    @property
    def blocks(self) -> bool:
        """Whether nothing may be changed because of it: it failed, and nobody ignores it."""
        return self.status is CheckStatus.FAIL and self.ignored is None


def group_checks(checks: Iterable[Check]) -> tuple[Check, ...]:
    """
    Return *checks* with one row for what is the same on several hosts, in the order of their first.

    Hosts that cannot be reached for one cause are one row, though addresses differ; of other checks the numbers tell.
    """
    rows: dict[Check, Check] = {}
    for check in checks:
        said = cause_of(check.message, check.hosts) if check.name == CONNECTION_CHECK else check.message
        key = attrs.evolve(check, hosts=(), message=said)
        before = rows.get(key, check)
        rows[key] = attrs.evolve(before, hosts=tuple(dict.fromkeys((*before.hosts, *check.hosts))))
    return tuple(rows.values())
