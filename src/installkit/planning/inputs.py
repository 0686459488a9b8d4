"""The digests that tell whether the inputs of a plan have changed since it was made."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from installkit.model import Catalog, Component, Installation, Inventory, Plan, SiteParameters, digest, to_wire
from installkit.planning.secret_names import sounds_secret
from installkit.text import join_names

_SENTENCES = {
    "playbook": "playbook {name} was {how}",
    "file": "file {name} was {how}",
    "inventory": "{name} was {how}",
    "hosts": "the hosts of the inventory changed",
    "parameter": "parameter {name} was {how}",
    "installed": "what is installed of {name} changed",
    "component": "component {name} was {how}",
}


def files_digest(component: Component) -> str:
    """Return one digest of all files that *component*'s playbooks may read."""
    return digest(dict(component.files))


def digest_inputs(
    catalog: Catalog,
    inventory: Inventory,
    installed: Iterable[Installation],
    parameters: SiteParameters,
    components: Iterable[str],
) -> dict[str, str]:
    """
    Return the digest (sha256, hex) of each input of a plan for *components*, by the input's kind and name.

    Args:
        catalog: The site's components.
        inventory: The site's hosts.
        installed: What is installed on the site; rows of other components are skipped.
        parameters: The values entered for the site; secrets, and names that sound like one, do not count.
        components: Names of the components concerned: for a plan, those of its changes. Unknown ones have no digest.
    """
    names = set(components)
    concerned = [component for component in catalog if component.name in names]
    inputs = {}
    for component in concerned:
        inputs[f"component:{component.name}"] = digest(
            [component.hosts, list(component.versions), to_wire(component.requires), to_wire(component.actions)]
        )
    for component in concerned:
        playbooks = {str(component.playbook_path(spec).relative_to(catalog.folder)) for spec in component.actions}
        for path, file_digest in component.files.items():
            inputs[f"{'playbook' if path in playbooks else 'file'}:{path}"] = file_digest
    inputs |= {f"inventory:{path}": file_digest for path, file_digest in inventory.files.items()}
    if not inventory.static:
        inputs["hosts:"] = digest(to_wire(inventory.hosts))
    levels = {
        "": parameters.site,
        **{f" of group {group}": values for group, values in parameters.groups.items()},
        **{f" of host {host}": values for host, values in parameters.hosts.items()},
    }
    for place, values in levels.items():
        inputs |= {f"parameter:{name}{place}": digest(values[name]) for name in values if not sounds_secret(name)}
    rows: dict[str, list[tuple[str | None, ...]]] = {}
    for row in installed:
        if row.component in names:
            rows.setdefault(row.component, []).append(
                (row.host, row.status.value, row.version, row.to_version, row.changing_run)
            )
    inputs |= {f"installed:{name}": digest(sorted(states)) for name, states in rows.items()}
    return inputs


def stale_changes(plan: Plan, inputs_now: Mapping[str, str], revision_now: str | None) -> tuple[str, ...]:
    """
    Return a sentence for each thing that changed since *plan* was made; empty if nothing did.

    Args:
        plan: The plan to be applied.
        inputs_now: `digest_inputs` for the components of the plan's changes, as things are now.
        revision_now: The site's last mutating run.
    """
    moved = revision_now != plan.revision
    changes = [
        f"run {revision_now[:4]}… changed the site since" if revision_now else "the site's record is gone"
    ] * moved
    for key in sorted(plan.inputs.keys() | inputs_now.keys()):
        before, now = plan.inputs.get(key), inputs_now.get(key)
        if before != now and not (moved and key.startswith("installed:")):
            kind, _, name = key.partition(":")
            how = "removed" if now is None else "added" if before is None else "edited"
            name = Path(name).name if kind == "inventory" else name
            changes.append(_SENTENCES[kind].format(name=name, how=how))
    return tuple(dict.fromkeys(changes))


def moved_hosts(plan: Plan, now: Plan) -> tuple[str, ...]:
    """
    Return a sentence for each step that would run on other hosts than when *plan* was made.

    No input's digest shows such a change where a play's `hosts:` line reads the environment or a file.

    Args:
        plan: As it was made.
        now: What the same request makes of the same site today.
    """
    today = {step.id: step.hosts for step in now.steps}
    return tuple(
        f"{step.id} would be on {join_names(today[step.id])}, not on {join_names(step.hosts)}"
        for step in plan.steps
        if today.get(step.id, step.hosts) != step.hosts
    )
