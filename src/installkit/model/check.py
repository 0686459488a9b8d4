import attrs

from installkit.model.words import CheckStatus


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
        component: None for a check of installkit's own.
        remedy: What to do about it; None if it passed.
    """

    name: str
    component: str | None
    hosts: tuple[str, ...]
    status: CheckStatus
    message: str
    remedy: str | None = None
    ignorable: bool = True
    ignored: Ignored | None = None
