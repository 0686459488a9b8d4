from collections.abc import Mapping
from typing import Any, Self

import attrs


@attrs.frozen(kw_only=True)
class SiteParameters:
    """
    The parameter values that were entered for a site, by level.

    Attributes:
        site: By parameter name.
        groups: By group, then by parameter name.
        hosts: By host, then by parameter name.
        secrets: The names of the secrets that are set, without their values.
    """

    site: Mapping[str, Any] = attrs.field(factory=dict)
    groups: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    hosts: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict)
    secrets: tuple[str, ...] = ()

    @classmethod
    def at_one_level(cls, values: Mapping[str, Any], *, group: str | None, host: str | None) -> Self:
        """
        Return *values* at one level: that of *group* or *host*, or else of the site.

        Raises:
            ValueError: If both are given.
        """
        if group is not None and host is not None:
            raise ValueError("a parameter is set for a group or for a host, not for both")
        return cls(
            site=values if group is None and host is None else {},
            groups={} if group is None else {group: values},
            hosts={} if host is None else {host: values},
        )

    @property
    def levels(self) -> dict[tuple[str, ...], Mapping[str, Any]]:
        """The values by their level: `("site",)`, `("groups", GROUP)` or `("hosts", HOST)`, the lowest first."""
        levels: dict[tuple[str, ...], Mapping[str, Any]] = {("site",): self.site}
        levels |= {("groups", name): values for name, values in self.groups.items()}
        return levels | {("hosts", name): values for name, values in self.hosts.items()}
