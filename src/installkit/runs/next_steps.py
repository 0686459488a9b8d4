"""What may follow a run that has ended: the same answer for every interface."""

from collections.abc import Iterable

from installkit.model import Action, Check, RunSnapshot, RunStatus

SHORT = 6
"""As many digits of a run's id as a person needs."""

Commands = dict[str, tuple[str, ...]]
"""The words of a command line after `installkit`, by their purpose."""


def next_commands(now: RunSnapshot, *, check_mode: bool, pruned: bool) -> Commands:
    """
    Return the commands that may follow the run *now*, which has ended.

    Args:
        now: The run.
        check_mode: Whether it was a dry run.
        pruned: Whether its logs are gone.

    >>> from datetime import UTC, datetime
    >>> run = RunSnapshot(
    ...     id="7f3c1d2e9a04", site="acme", plan="7f3c1d2e9a04", status=RunStatus.SUCCEEDED, created_at=datetime.now(UTC)
    ... )
    >>> next_commands(run, check_mode=False, pruned=False)
    {'installed now': ('status', '--site', 'acme')}
    """
    run = now.id[:SHORT]
    failed = [failure.step for failure in now.failures if failure.step]
    log: Commands = {"the log": ("logs", run, failed[0])} if failed and not pruned else {}
    ignored = ignore_options(check for step in now.steps for check in step.checks)
    if check_mode:
        if now.status is RunStatus.SUCCEEDED:
            return {"to carry it out": ("apply", now.plan)}
        return {**log, "to try it again": ("apply", now.plan, "--check", *ignored)}
    if now.status is RunStatus.SUCCEEDED:
        return {"installed now": ("status", "--site", now.site)}
    again: Commands = {"to go on": ("resume", run)}
    if ignored:
        again["all the same"] = ("resume", run, *ignored)
    upgrades = any(step.action is Action.UPGRADE for step in now.steps)
    can_undo = upgrades and now.status is not RunStatus.CANCELED
    undo: Commands = {"to undo it": ("rollback", run)} if can_undo else {}
    return {**log, **again, **undo}


def ignore_options(checks: Iterable[Check]) -> tuple[str, ...]:
    """Return the options for ignoring the failed ones of *checks*, if this is allowed; `WHY` stands for the reason."""
    names = dict.fromkeys(check.name for check in checks if check.blocks and check.ignorable)
    return tuple(word for name in names for word in ("--ignore-check", f"{name}=WHY"))
