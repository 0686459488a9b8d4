"""How values reach a playbook: as data, never as templates, options or paths."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import yaml

from installkit.model import StepSpec, to_wire


@attrs.frozen
class VariableFiles:
    """
    The files that carry a step's variables, lowest precedence first.

    Attributes:
        defaults: An inventory source to be given before the site's own; None if there are none.
        host_variables: An inventory source to be given after them; None if there are none.
        extra: For `-e @`; it holds the secrets, and is to be removed once Ansible has read it.
    """

    defaults: Path | None
    host_variables: Path | None
    extra: Path


class _Dumper(yaml.CSafeDumper):
    """
    Writes every string, keys too, as `!unsafe`: Ansible never takes it for a template.

    JSON has words for that as well (`__ansible_unsafe`), but no way to keep a value that is called so from being taken
    for one; and a file that Ansible cannot read as its JSON it reads as YAML, whose plain strings are templates.
    """


_Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar("!unsafe", text, style='"'))


def write_variables(folder: Path, spec: StepSpec, secrets: Mapping[str, str]) -> VariableFiles:
    """Write the variables of *spec* and those of *secrets* that it names into *folder*, which is its owner's alone."""
    hosts = {host: dict(values) for host, values in spec.host_variables.items() if values}
    extra = {**spec.variables, **{name: secrets[name] for name in spec.secrets}}
    return VariableFiles(
        defaults=_write(folder / "defaults.yml", {"all": {"vars": spec.defaults}}) if spec.defaults else None,
        host_variables=_write(folder / "parameters.yml", {"all": {"hosts": hosts}}) if hosts else None,
        extra=_write(folder / "extra.yml", extra),
    )


def unsafe_yaml(value: Any) -> str:
    """Return *value*, made of mappings, lists and scalars, as YAML in which every string is text to Ansible."""
    return yaml.dump(to_wire(value), Dumper=_Dumper, sort_keys=False)


def _write(path: Path, value: Any) -> Path:
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(unsafe_yaml(value))
    return path
