from collections.abc import Iterable

import attrs

from installkit.model.causes import cause_of
from installkit.model.statuses import CheckStatus

OWN_CHECKS = "host"
"""The names of installkit's own checks begin with this word, so no component may have this name."""

CONNECTION_CHECK = f"{OWN_CHECKS}.connection"
"""The check that a host fails if it cannot be reached, in any step."""


@attrs.frozen(kw_only=True)
class Ignored:
    """Who ignored the result of a check, and why."""

    by: str
    reason: str


@attrs.frozen(kw_only=True)
class Check:
    """
    The result of one check, if it is the same on all of `hosts`.

    Attributes:
        name: `COMPONENT.TASK`, as `mysql.disk-space`; `host.…` for installkit's own checks.
        component: None for installkit's own checks.
        remedy: What to do about it; None if the check passed, or no remedy is known.
        ignorable: Whether a start may name it in `ignore_checks`.
        ignored: Who ignored the result, and why; None if nobody did.
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
        """Whether it prevents all changes: it failed, and is not ignored."""
        return self.status is CheckStatus.FAIL and self.ignored is None


def group_checks(checks: Iterable[Check]) -> tuple[Check, ...]:
    """
    Return *checks* with one row for equal results on several hosts, in the order in which they appear first.

    Hosts that cannot be reached for the same cause share a row although addresses differ. The messages of other checks
    must be equal, also in their numbers.
    """
    rows: dict[Check, Check] = {}
    for check in checks:
        message = cause_of(check.message, check.hosts) if check.name == CONNECTION_CHECK else check.message
        key = attrs.evolve(check, hosts=(), message=message)
        before = rows.get(key, check)
        rows[key] = attrs.evolve(before, hosts=tuple(dict.fromkeys((*before.hosts, *check.hosts))))
    return tuple(rows.values())
