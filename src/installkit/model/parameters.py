from collections.abc import Mapping
from typing import Any

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

    @property
    def levels(self) -> dict[tuple[str, ...], Mapping[str, Any]]:
        """The values by their level: `("site",)`, `("groups", GROUP)` or `("hosts", HOST)`, the lowest first."""
        levels: dict[tuple[str, ...], Mapping[str, Any]] = {("site",): self.site}
        levels |= {("groups", name): values for name, values in self.groups.items()}
        return levels | {("hosts", name): values for name, values in self.hosts.items()}
