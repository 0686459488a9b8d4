"""
What a run costs beside ansible-playbook typed by hand: the same playbooks, interleaved, ratios of medians.

    python benchmarks/runs.py [--rounds 5] [--only P1a,P2] [--output raw.json]

P1a and P2 need real SSH hosts (root, overlayfs, sshd); without, they are left out and it is said.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import installkit
from installkit.ansible.environment import run_settings
from installkit.ansible.programs import find_program
from installkit.testing import SSHHosts

Way = Callable[[], float]
PLAYBOOK = (
    "- hosts: all\n  tasks:\n    - command: hostname\n    - debug: {msg: hello}\n    - stat: {path: /etc/hosts}\n"
)
MANY = "- hosts: all\n  gather_facts: false\n  tasks:\n" + "    - debug: {msg: hello}\n" * 25
WAIT = "- hosts: HOST\n  gather_facts: false\n  tasks:\n    - command: sleep 3\n"


class Bench:
    """One folder of playbooks on one inventory, run by hand and by installkit."""

    def __init__(self, folder: Path, inventory: Path, playbooks: dict[str, str]) -> None:
        self.folder = folder / "playbooks"
        self.folder.mkdir()
        for name, text in playbooks.items():
            (self.folder / name).write_text(text)
        self.inventory = inventory
        self.installer = installkit.Installer(folder / "data")
        self.site = self.installer.site("bench", inventory=inventory, catalog=self.folder)

    def by_hand(self, **environment: str) -> float:
        """Return the seconds that `ansible-playbook a && ansible-playbook b && …` takes."""
        program = str(find_program("ansible-playbook"))
        began = time.perf_counter()
        for playbook in sorted(self.folder.glob("[0-9]*.yml")):
            command = [program, "-i", str(self.inventory), playbook.name]
            env = {**os.environ, **environment}
            subprocess.run(command, cwd=self.folder, env=env, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - began

    def with_our_settings(self, hosts: int) -> float:
        """Return the same with the settings that installkit adds."""
        with tempfile.TemporaryDirectory(dir="/dev/shm") as facts:
            return self.by_hand(**run_settings(self.folder, os.environ, hosts=hosts, facts=Path(facts)))

    def by_installkit(self, jobs: int | None = None) -> float:
        """Return the seconds from `start()` to the result, everything forced, without checks: bare Ansible has none."""
        names = [component.name for component in self.site.catalog()]
        plan = self.site.plan(install=names, force=names)
        began = time.perf_counter()
        self.site.start(plan, jobs=jobs, checks=False).wait(600).raise_for_status()
        return time.perf_counter() - began

    def planning(self) -> float:
        """Return the seconds that planning takes when there is nothing to do."""
        began = time.perf_counter()
        assert self.site.plan(all=True).empty  # noqa: S101 - else the figure means nothing
        return time.perf_counter() - began


def local_inventory(folder: Path, count: int) -> Path:
    """Write an inventory of *count* hosts that are all this machine."""
    path = folder / "hosts.ini"
    line = f"ansible_connection=local ansible_python_interpreter={sys.executable}"
    path.write_text("".join(f"h{number} {line}\n" for number in range(1, count + 1)))
    return path


def cases(folder: Path, stack: ExitStack) -> Iterator[tuple[str, str, str, Way, Way]]:
    """Yield measure, target, what it is held against, our way and the other."""
    hosts = None
    if reason := SSHHosts.missing():
        print(f"P1a and P2 are left out: {reason}")
    else:
        hosts = stack.enter_context(SSHHosts(count=3))
    if hosts is not None:
        one = Bench(_new(folder, "p1a"), hosts.inventory(folder / "p1a.yml"), {"01.a.yml": PLAYBOOK})
        yield "P1a", "≤ 1.03", "bare, same settings", one.by_installkit, lambda: one.with_our_settings(3)
    own = _new(folder, "p1b")
    many = Bench(own, local_inventory(own, 10), {"01.a.yml": MANY})
    yield "P1b", "≤ 1.05", "bare, same settings", many.by_installkit, lambda: many.with_our_settings(10)
    if hosts is not None:
        names = ("01.a.yml", "02.b.yml", "03.c.yml")
        chain = Bench(_new(folder, "p2"), hosts.inventory(folder / "p2.yml"), dict.fromkeys(names, PLAYBOOK))
        yield "P2", "≤ 0.35", "a && b && c, defaults", chain.by_installkit, chain.by_hand
    own = _new(folder, "p3")
    graph = Bench(own, local_inventory(own, 6), _graph())
    yield "P3", "≤ 0.45", "one after the other", lambda: graph.by_installkit(6), graph.by_hand
    yield "P4", "≤ 0.02", "running all six again", graph.planning, graph.by_hand


def _graph() -> dict[str, str]:
    files = {}
    for number, name in enumerate("abcdef", start=1):
        files[f"{number:02d}.{name}.yml"] = WAIT.replace("HOST", f"h{number}")
        requires = "[]" if number <= 3 else f"[{'abc'[number - 4]}]"  # noqa: PLR2004 - two layers of three
        files[f"{name}.component.yml"] = f"requires: {requires}\n"
    return files


def _new(folder: Path, name: str) -> Path:
    path = folder / name
    path.mkdir()
    return path


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    wanted = set(filter(None, options.only.split(",")))
    raw: dict[str, list[tuple[float, float]]] = {}
    print(f"{'':4} {'held against':24} {'ours s':>8} {'other s':>8} {'ratio':>7} {'spread':>13}  target")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        for measure, target, other, ours, theirs in cases(Path(name), stack):
            if wanted and measure not in wanted:
                continue
            ours(), theirs()  # warm caches
            pairs = raw[measure] = [(ours(), theirs()) for _ in range(options.rounds)]
            ratios = sorted(a / b for a, b in pairs)
            medians = [statistics.median(column) for column in zip(*pairs, strict=True)]
            print(
                f"{measure:4} {other:24} {medians[0]:8.2f} {medians[1]:8.2f} {statistics.median(ratios):7.3f}"
                f" {ratios[0]:6.3f}-{ratios[-1]:.3f}  {target}",
                flush=True,
            )
    if options.output:
        options.output.write_text(json.dumps(raw))


if __name__ == "__main__":
    main()
