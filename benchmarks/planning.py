"""
P10: planning many components on many hosts, nothing installed, and how that grows.

Everything that Ansible would be asked is handed in, so this is planning alone. Every component runs on every host, and
requires two earlier ones. Prints a table, and writes the raw numbers where asked:

    python benchmarks/planning.py [--rounds 5] [--output raw.json]
"""

import argparse
import json
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

from installkit.model import (
    Action,
    ActionDefinition,
    Catalog,
    Component,
    Host,
    Inventory,
    Parameter,
    Play,
    Request,
    Requirement,
    Targets,
)
from installkit.planning import Stamp, make_plan

FOLDER = Path("/srv/playbooks")
SIZES = ((75, 1000), (150, 1000), (300, 1000), (300, 500), (300, 250))
STAMP = Stamp("0123456789ab", "acme", None, datetime(2026, 11, 22, tzinfo=UTC))


def component(number: int) -> Component:
    """Return one component, with a parameter of its own and two requirements."""
    name = f"component{number:03d}"
    requires = {max(0, number - 1), number // 2} - {number}
    return Component(
        name=name,
        title=name,
        folder=FOLDER,
        versions=("1.0", "2.0"),
        order=number,
        requires=tuple(Requirement(f"component{each:03d}", ">=1.0") for each in sorted(requires)),
        parameters=(Parameter(name=f"{name}_port", component=name, type="port", value=1024 + number),),
        actions=(ActionDefinition(action=Action.INSTALL, playbook=f"{number:03d}.{name}.yml"),),
    )


def seconds(components: int, hosts: int) -> float:
    """Return the processor seconds that one plan takes: nothing in it waits."""
    names = tuple(f"host{number:04d}" for number in range(hosts))
    catalog = Catalog(folder=FOLDER, components=tuple(component(number) for number in range(components)))
    inventory = Inventory(sources=(FOLDER / "hosts",), hosts=tuple(Host(name=name) for name in names))
    plays = {str(each.playbook_path(each.actions[0])): (Play("", "all", names),) for each in catalog}
    began = time.process_time()
    plan = make_plan(Request(all=True), catalog, inventory, Targets(plays=plays), (), stamp=STAMP)
    took = time.process_time() - began
    planned = sum(step.action is Action.INSTALL for step in plan.steps)
    if planned != components:
        raise ValueError(f"{planned} installations were planned for {components} components")
    return took


def main() -> None:
    """Measure every size in turn, so many rounds."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    raw: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        for components, hosts in SIZES:
            raw.setdefault(f"{components} x {hosts}", []).append(seconds(components, hosts))
    print("components x hosts   median     best   (target at 300 x 1000: 0.5 s)")
    for size, times in raw.items():
        print(f"{size:>18}   {statistics.median(times):5.3f} s  {min(times):5.3f} s")
    if options.output:
        options.output.write_text(json.dumps(raw, indent=2))


if __name__ == "__main__":
    main()
